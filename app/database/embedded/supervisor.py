"""What the supervisor does: run the server for as long as anybody uses it, and start it again when it dies."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

from .account import choose_account
from .errors import EmbeddedPostgresError
from .place import OWNER, Place

SECONDS_TO_STOP = 30.0


def supervise(told: str) -> None:
    """Detach, then run the server until nobody uses it, or until SIGTERM. `told` is what its first user wants, as JSON."""
    plan = json.loads(told)
    base = Path(plan["base"])
    place = Place(base, Path(plan["programs"]), choose_account(base), plan["options"])
    place.lock("boss.lock", fcntl.LOCK_EX)
    if os.fork():  # the child keeps the lock, and is nobody's zombie
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    server = Server(place)
    server.start()
    try:
        place.lock("users.lock", fcntl.LOCK_EX)  # granted when the last user has gone; kept: none comes now
    finally:
        server.stop()


class Server:
    """Keeps PostgreSQL running in a supervisor: starts it, or adopts the one that runs, and starts it again."""

    def __init__(self, place: Place) -> None:
        self.place = place
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
            lock = self.place.lock("server.lock", fcntl.LOCK_EX)
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
        place = self.place
        if not place.data.exists():
            self._make_data()
        self._make_sockets()
        # Left by a server that was killed. The process id in them may be a zombie's, or anybody's, by now.
        for stale in (place.data / "postmaster.pid", *place.sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": '"{}"'.format(str(place.sockets).replace('"', '""')),
            **place.options,
        }
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return self._call("postgres", ["-D", str(place.data), *arguments], keep=(lock,))

    def _signal(self, what: signal.Signals) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            if self.child is not None and self.child.poll() is None:
                self.child.send_signal(what)
            else:
                os.kill(int((self.place.data / "postmaster.pid").read_text().split()[0]), what)

    def _make_data(self) -> None:
        """Create the cluster. A half-made one never looks like a whole one."""
        new = self.place.base / "new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        self.place.account.own(new)
        arguments = ["-D", str(new), "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-instructions"]
        arguments += _locale(int(self.place.base.name))
        if self.place.options.get("fsync") == "off":
            arguments.append("--no-sync")
        if self._call("initdb", arguments).wait():
            raise EmbeddedPostgresError("initdb failed")
        new.rename(self.place.data)

    def _make_sockets(self) -> None:
        """Make the directory of the socket, which nobody else may enter: whoever can, is trusted."""
        with contextlib.suppress(FileExistsError):
            self.place.sockets.mkdir(mode=0o700)
            self.place.account.own(self.place.sockets)
        info = self.place.sockets.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != self.place.account.uid or info.st_mode & 0o077:
            raise EmbeddedPostgresError(
                f"{self.place.sockets} is not a directory of {self.place.account.name} alone: remove it"
            )

    def _call(
        self, program: str, arguments: list[str], keep: tuple[int, ...] = ()
    ) -> "subprocess.Popen[bytes]":
        """Run one of PostgreSQL's programs as the account, with nothing of our environment."""
        return subprocess.Popen(
            [self.place.programs / program, *arguments],
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            pass_fds=keep,
            **self.place.account.popen(),
        )


def _locale(major: int) -> list[str]:
    """One sort order everywhere, whatever locales the machine has, and no drift when its C library changes."""
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]
