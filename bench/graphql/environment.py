"""What the peers need, installed beside us: their pins are no concern of our lock files."""

import asyncio
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).with_name("peers")
HERE = ROOT / ".tools" / "bench-graphql"
PYTHON, NODE = HERE / "python", HERE / "node"


@dataclass(frozen=True)
class Environment:
    """The programs that run peers; None where one is not to be had."""

    python: str | None
    node: str | None

    def has(self, need: str) -> bool:
        """Whether that is here."""
        return not need or {"python": self.python, "node": self.node}[need] is not None

    @property
    def interpreter(self) -> str:
        """The Python that has the peers."""
        assert self.python
        return self.python

    def script(self, name: str) -> list[str]:
        """A command that runs a peer on Node. (It looks for packages above where its script is.)"""
        assert self.node
        copied = NODE / "peers"
        shutil.copytree(
            PEERS, copied, ignore=shutil.ignore_patterns("*.py", "__pycache__"), dirs_exist_ok=True
        )
        return [
            "env",
            "NODE_ENV=production",
            "GRAPHILE_ENV=production",
            self.node,
            str(copied / name / "serve.mjs"),
        ]

    async def versions(self) -> str:
        """Of what is measured."""
        found = []
        if self.python:
            script = "from importlib.metadata import version\nfor name in {}: print(name, version(name))"
            names = [line.split("==")[0].split("[")[0] for line in _pins(PEERS / "requirements.txt")]
            found += (await _said(self.python, "-c", script.format(names))).splitlines()
        if self.node:
            found.append(f"Node {await _said(self.node, '--version')}")
            wanted = json.loads((PEERS / "package.json").read_text())["dependencies"]
            for name in wanted:
                package = json.loads((NODE / "node_modules" / name / "package.json").read_text())
                found.append(f"{name} {package['version']}")
        return ", ".join(found)


async def prepare(needed: Collection[str]) -> Environment:
    """Install what is needed, `python` or `node`, and is not there, or not as it is pinned now."""
    return Environment(
        await _python() if "python" in needed else None, await _node() if "node" in needed else None
    )


async def _python() -> str | None:
    program = PYTHON / "bin" / "python"
    requirements = PEERS / "requirements.txt"
    if _stale(PYTHON, requirements):
        uv = ROOT / ".tools" / "bin" / "uv"
        shutil.rmtree(PYTHON, ignore_errors=True)
        if not (
            await _ran(str(uv), "venv", "-q", "--python", sys.executable, str(PYTHON))
            and await _ran(str(uv), "pip", "install", "-q", "--python", str(program), "-r", str(requirements))
        ):
            return None
        _stamp(PYTHON, requirements)
    return str(program)


async def _node() -> str | None:
    """Node comes from its package too: that of a machine may be too old for PostGraphile."""
    program, package = NODE / "node_modules/.bin/node", PEERS / "package.json"
    if _stale(NODE, package):
        if not shutil.which("npm"):
            return None
        shutil.rmtree(NODE, ignore_errors=True)
        NODE.mkdir(parents=True)
        shutil.copy(package, NODE)
        command = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
        if not await _ran(*command, cwd=NODE):
            return None
        _stamp(NODE, package)
    return str(program) if program.exists() else None


def _pins(requirements: Path) -> list[str]:
    return [line for line in requirements.read_text().splitlines() if "==" in line]


def _stale(directory: Path, wanted: Path) -> bool:
    stamp = directory / "installed"
    return not stamp.exists() or stamp.read_text() != _digest(wanted)


def _stamp(directory: Path, wanted: Path) -> None:
    (directory / "installed").write_text(_digest(wanted))


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def _ran(*command: str, cwd: Path | None = None) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=cwd, env={**_certificates(), **os.environ}
        )
        return await process.wait() == 0
    except OSError:
        return False


async def _said(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0].decode().strip()


def _certificates() -> dict[str, str]:
    """uv and npm bring their own, and would not trust those that the machine's administrator added."""
    system = "/etc/ssl/certs/ca-certificates.crt"
    return {"SSL_CERT_FILE": system, "NODE_EXTRA_CA_CERTS": system} if Path(system).exists() else {}
