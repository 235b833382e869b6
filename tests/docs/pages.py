"""Reads our pages: their blocks of code, and what comments before a block tell the test that runs it.

<!-- terminal: watching -->             the next block runs in a terminal of its own, until closed
<!-- terminal: closed -->               somebody presses Ctrl-C in the one that was opened last
<!-- wait: watched.txt has COMPLETED -->
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)
GENERATED = ROOT / "docs" / "reference"

PART = re.compile(
    r"^<!-- (?P<directive>terminal|wait): (?P<argument>.*?) -->$"
    r"|^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """Code in a page."""

    language: str
    code: str


@dataclass(frozen=True)
class Directive:
    """What a comment tells the test."""

    name: str
    argument: str


def parts(page: Path) -> Iterator[Block | Directive]:
    """Blocks and directives in their order."""
    for found in PART.finditer(page.read_text()):
        if found["directive"]:
            yield Directive(found["directive"], found["argument"])
        else:
            yield Block(found["language"], found["code"])


def blocks(page: Path, language: str) -> list[str]:
    """The code of every block in that language."""
    return [part.code for part in parts(page) if isinstance(part, Block) and part.language == language]


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
