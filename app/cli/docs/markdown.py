"""What the generated pages are put together from."""

from collections.abc import Iterable, Sequence

MADE = "<!-- Made by `python -m app docs` (make docs) from {source}. Change that, not this page. -->"


def document(title: str, source: str, *parts: str) -> str:
    """A whole page. `source` is the file that says what is on it."""
    return "\n\n".join((MADE.format(source=source), f"# {title}", *parts)) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def code(*words: str) -> str:
    """Words as code, side by side."""
    return ", ".join(f"`{word}`" for word in words)


def sentence(docstring: str | None) -> str:
    """The first paragraph of a docstring on one line."""
    if not docstring:
        raise TypeError("What is shown in the reference needs a docstring")
    return " ".join(docstring.strip().partition("\n\n")[0].split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
