"""What those do who use the server: join it or start its supervisor, and another when that one dies."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from .account import choose_account
from .errors import EmbeddedPostgresError
from .place import PORT, Credentials, Place
from .programs import find_programs, major_version, reachable

log = logging.getLogger(__name__)

PROGRAM = Path(__file__).with_name("__main__.py")
SECONDS_TO_START = 120.0  # recovery after a crash may take a while
LARGEST_LOG = 8 * 1024 * 1024


class Cluster(Place):
    """The server of one directory, as its users see it."""

    @classmethod
    def at(
        cls, base: Path, programs: Path | None = None, options: Mapping[str, str] | None = None
    ) -> "Cluster":
        """The cluster in a directory, which need not exist; the directory's last part becomes PostgreSQL's version."""
        programs = find_programs(programs)
        major = major_version(programs)
        base = base.absolute()
        _refuse_to_hide_older_data(base, major)
        base = base / str(major)
        account = choose_account(base)
        return cls(base, programs, account, dict(options or {}))

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[Credentials]:
        """Start the server or join it; it runs at least until this ends, with pauses when parts of it are killed."""
        self._prepare_base()
        users = await asyncio.to_thread(self.lock, "users.lock", fcntl.LOCK_SH)
        try:
            await self._start()
            watch = asyncio.create_task(self._replace_supervisor())
            try:
                yield self.credentials
            finally:
                watch.cancel()
        finally:
            os.close(users)

    async def _replace_supervisor(self) -> None:
        """Whenever the supervisor ends under us, start another, which adopts the server."""
        try:
            while True:
                await self._end_of_supervisor()
                await self._start()
        except EmbeddedPostgresError:
            log.exception("the embedded PostgreSQL has no supervisor any more")

    async def _end_of_supervisor(self) -> None:
        loop = asyncio.get_running_loop()
        gone = asyncio.Event()

        def wait() -> None:
            os.close(self.lock("boss.lock", fcntl.LOCK_SH))
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(gone.set)

        # None of asyncio's own threads, since asyncio waits for those before it ends.
        threading.Thread(target=wait, daemon=True, name="end of supervisor").start()
        await gone.wait()

    async def _start(self) -> None:
        start = await asyncio.to_thread(self.lock, "start.lock", fcntl.LOCK_EX)
        try:
            await self._see_to_it_that_it_runs()
        finally:
            os.close(start)

    def _prepare_base(self) -> None:
        complaint = ""
        try:
            for directory in reversed((self.base, *self.base.parents)):
                if not directory.exists():
                    self._make(directory)
            self.account.own(self.base)
            if not self.account.enters(self.base) or not os.access(self.base, os.R_OK | os.W_OK | os.X_OK):
                complaint = "it is closed to that user"
        except OSError as error:
            complaint = error.strerror or str(error)
        if complaint:
            raise EmbeddedPostgresError(
                f"{self.account.name}, who is to run PostgreSQL, cannot use {self.base} ({complaint}): "
                "set WORKYARD_DATA_DIR to a directory that this user can enter and write to"
            )

    def _make(self, directory: Path) -> None:
        mode = (
            0o700 if directory == self.base or self.account.is_ours else 0o711
        )  # the account passes through
        directory.mkdir(mode=mode, exist_ok=True)
        if directory.stat().st_uid == os.geteuid():
            directory.chmod(mode)  # whatever the umask

    async def _see_to_it_that_it_runs(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        log_start = self.log.stat().st_size if self.log.exists() else 0
        spawned = False
        while True:
            if self.is_free(
                "boss.lock"
            ):  # nobody watches over the server, or an older supervisor is told to stop
                if spawned:
                    raise EmbeddedPostgresError(f"PostgreSQL did not start:\n{self._log_tail(log_start)}")
                log_start = await asyncio.to_thread(self._spawn_supervisor)
                spawned = True
            elif self.is_ready():
                return
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"PostgreSQL did not start within {SECONDS_TO_START:g} seconds:\n{self._log_tail(log_start)}"
                )
            await asyncio.sleep(0.01)

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, IndexError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(self.sockets / f".s.PGSQL.{PORT}"))
            return (self.data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False

    def _spawn_supervisor(self) -> int:
        """Start the supervisor, which detaches itself; return where its part of the log begins."""
        programs = reachable(self.programs, self.account, self.base)
        told = {"base": str(self.base), "programs": str(programs), "options": dict(self.options)}
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.base / "log.1")
        with self.log.open("ab") as output:
            begins = output.tell()
            subprocess.run(
                [sys.executable, "-I", "-S", str(PROGRAM), json.dumps(told)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                check=False,
            )
        return begins

    def _log_tail(self, start: int, lines: int = 20) -> str:
        with self.log.open(errors="replace") as written:
            written.seek(start)
            said = written.read().splitlines()[-lines:]
        return "\n".join([*said, f"(from {self.log})"])


def _refuse_to_hide_older_data(base: Path, major: int) -> None:
    """An upgrade of PostgreSQL must not start with an empty database beside a full one."""
    with contextlib.suppress(OSError):
        kept = sorted(int(path.parents[1].name) for path in base.glob("[0-9]*/data/PG_VERSION"))
        if kept and major not in kept:
            raise EmbeddedPostgresError(
                f"{base} holds data of PostgreSQL {kept[-1]}, but the programs are of PostgreSQL {major}: "
                f"carry it over with pg_upgrade to {base / str(major) / 'data'}, "
                "or set WORKYARD_POSTGRES_BIN to the older programs"
            )
