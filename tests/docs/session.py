"""Runs the shell examples of a page, in their order, as a person at a terminal would: as one script of bash."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.docs.pages import ROOT, Block, Directive, parts
from tests.live import LiveServer, url_of

LIMIT = 90
"""Seconds that all examples of a page may take."""

PRELUDE = """
set -eu -o pipefail
has() {
  for _ in $(seq 600); do if grep -qs -- "$2" "$1"; then return; fi; sleep 0.1; done
  echo "never saw '$2' in $1:"; cat "$1"; exit 1
}
TERMINALS=()
close() {
  if [ ${#TERMINALS[@]} -gt 0 ]; then
    kill -- "-${TERMINALS[-1]}" 2> /dev/null || true; wait "${TERMINALS[-1]}" || true; unset 'TERMINALS[-1]'
  fi
}
trap 'while [ ${#TERMINALS[@]} -gt 0 ]; do close; done' EXIT
"""


async def run_examples(
    page: Path,
    server: LiveServer,
    directory: Path,
    *,
    limit: float = LIMIT,
    replacing: Mapping[str, str] | None = None,
) -> str:
    """Run them against a server, in a directory of their own; return what they printed. Fails when one of them does.

    `replacing` has what to read in the place of something in the page, such as a port that may be taken here.
    """
    (directory / ".venv").symlink_to(Path(sys.prefix))
    (directory / "examples").symlink_to(ROOT / "examples")
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        PRELUDE + _replaced("".join(script(page, server)), replacing or {}),
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": url_of(server.credentials),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(limit):
            printed = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 0, printed
    return printed


def script(page: Path, server: LiveServer) -> Iterator[str]:
    """The page's examples as bash."""
    terminal = ""
    for part in parts(page):
        match part:
            case Directive("terminal", "closed"):
                yield "close\n"
            case Directive("terminal", name):
                terminal = name
            case Directive("wait", what):
                file, _, text = what.partition(" has ")
                yield f"has {file} '{text}'\n"
            case Block("sh", code) if not is_make(code):
                code = _as_here(code, server)
                yield (
                    f"set -m\n(\n{code}\n) > {terminal}.out 2>&1 &\nTERMINALS+=($!)\nset +m\n"
                    if terminal
                    else code
                )
                terminal = ""


def _replaced(code: str, by: Mapping[str, str]) -> str:
    for name, value in by.items():
        code = code.replace(name, value)
    return code


def is_make(code: str) -> bool:
    """Whether a block only says make something: that is tried by CI, on a clean clone."""
    return all(line.startswith("make ") for line in code.splitlines())


def _as_here(code: str, server: LiveServer) -> str:
    """With this server's address and password in the place of those that a reader puts in."""
    code = code.replace("http://127.0.0.1:8000", server.url)
    return re.sub(r"^PASSWORD='.*'$", f"PASSWORD='{server.admin_password}'", code, flags=re.MULTILINE)
