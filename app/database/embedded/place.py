"""The directory of a server: what lies where in it, and the locks that its parts hold."""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from .account import Account

OWNER = "workyard"  # the superuser in the cluster
PORT = 5432  # names the socket; nothing listens on the network
LONGEST_SOCKET_PATH = 103  # the least of what the systems allow (Linux takes 107)


class Credentials(TypedDict):
    host: str
    port: int
    user: str
    database: str


@dataclass
class Place:
    """The server of one directory. `options` are PostgreSQL settings for when it is we who start it."""

    base: Path
    programs: Path
    account: Account
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def log(self) -> Path:
        return self.base / "log"

    @property
    def sockets(self) -> Path:
        """The directory of the socket; near the data unless the path would be too long for a socket."""
        near = self.base / "run"
        if len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH:
            return near
        digest = hashlib.sha256(os.fsencode(self.base)).hexdigest()[:12]
        return Path("/tmp") / f"workyard-{self.account.uid}-{digest}"  # noqa: S108  ours alone, see make_sockets

    @property
    def credentials(self) -> Credentials:
        return {"host": str(self.sockets), "port": PORT, "user": OWNER, "database": "postgres"}

    def lock(self, name: str, how: int) -> int:
        """Hold a lock until the descriptor is closed or we die. Children inherit it only when told to."""
        descriptor = os.open(self.base / name, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, how)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def is_free(self, name: str) -> bool:
        """True when nobody holds that lock now."""
        with contextlib.suppress(BlockingIOError):
            os.close(self.lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB))
            return True
        return False
