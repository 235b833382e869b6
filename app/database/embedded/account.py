"""Which user of the operating system PostgreSQL runs as: it refuses root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import EmbeddedPostgresError


@dataclass(frozen=True)
class Account:
    """The user of the operating system that PostgreSQL runs as."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    def popen(self) -> dict[str, Any]:
        """What subprocess needs to become this user."""
        return {} if self.is_ours else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        if not self.is_ours:
            os.chown(path, self.uid, self.gid)

    def enters(self, path: Path) -> bool:
        """Whether this user can reach and run the file, or enter the directory."""
        if self.is_ours:
            return os.access(path, os.X_OK)
        return all(self._passes(part) for part in (path, *path.parents))

    def _passes(self, path: Path) -> bool:
        info = path.stat()
        shift = 6 if info.st_uid == self.uid else 3 if info.st_gid == self.gid else 0
        return bool(info.st_mode >> shift & stat.S_IXOTH)


def choose_account(base: Path) -> Account:
    """Ourselves; for root, whom PostgreSQL refuses: the owner of the data, else `postgres`, else `nobody`."""
    uid = os.geteuid()
    if uid != 0:
        if entry := entry_of(uid):
            return _account(entry)
        raise EmbeddedPostgresError(
            f"this process runs as user id {uid}, which has no entry in /etc/passwd, and PostgreSQL needs one: "
            "run as a user that has, or set DATABASE_URL to a PostgreSQL that runs elsewhere"
        )
    owner = base.stat().st_uid if base.exists() else 0
    for entry in (entry_of(owner), entry_of("postgres"), entry_of("nobody")):
        if entry and entry.pw_uid != 0:
            return _account(entry)
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as: "
        "run as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs elsewhere"
    )


def entry_of(user: int | str) -> pwd.struct_passwd | None:
    """The line of a user in /etc/passwd."""
    try:
        return pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    except KeyError:
        return None


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
