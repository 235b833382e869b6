"""python -m app artifacts …, as somebody on another machine uses it: an address, a token, and a terminal or none."""

import asyncio
import json
import os
import pty
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.client.conftest import Wire
from tests.live import LiveServer

pytestmark = pytest.mark.timeout(180)

LIMIT = 60
MEBIBYTE = 1024 * 1024


class Remote:
    """Runs the command with an address and a token in its environment."""

    def __init__(self, url: str, key: str, directory: Path) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "WORKYARD_URL": url,
            "WORKYARD_TOKEN": key,
        }
        self.directory = directory

    async def start(
        self, words: tuple[str, ...], environment: dict[str, str], stderr: int = PIPE
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "artifacts", *words),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=stderr,
            cwd=self.directory,
            env=self.environment | environment,
        )

    async def run(self, *words: str, **environment: str) -> tuple[int, str, str]:
        """The exit code, and what it printed."""
        process = await self.start(words, environment)
        try:
            async with asyncio.timeout(LIMIT):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def put(self, *words: str) -> str:
        code, printed, error = await self.run("put", *words)
        assert (code, error) == (0, "")
        return printed.strip()


@pytest.fixture
async def remote(live_server: LiveServer, tmp_path: Path) -> Remote:
    (tmp_path / "corpus" / "poems").mkdir(parents=True)
    (tmp_path / "corpus" / "poems" / "tyger.txt").write_bytes(b"burning bright " + os.urandom(8))
    (tmp_path / "corpus" / "empty").write_bytes(b"")
    return Remote(live_server.url, await live_server.sign_in(), tmp_path)


@pytest.fixture
async def wire(live_server: LiveServer) -> AsyncIterator[Wire]:
    async with Wire(live_server.url) as wire:
        yield wire


async def test_what_was_put_is_got_and_nothing_but_ids_and_files_is_printed(remote: Remote) -> None:
    id = await remote.put("corpus", "--data", '{"language": "en"}')

    code, printed, error = await remote.run("get", id, "--to", "copy")

    assert (code, error) == (0, "")
    assert sorted(printed.splitlines()) == ["copy/empty", "copy/poems/tyger.txt"]
    for path in ("empty", "poems/tyger.txt"):
        copy, original = (remote.directory / name / path for name in ("copy", "corpus"))
        assert copy.read_bytes() == original.read_bytes()


async def test_one_file_of_an_artifact_is_got(remote: Remote) -> None:
    id = await remote.put("corpus")

    code, printed, _ = await remote.run("get", id, "poems/tyger.txt", "--to", "copy")

    assert (code, printed) == (0, "copy/poems/tyger.txt\n")
    assert not (remote.directory / "copy" / "empty").exists()


async def test_ls_tells_programs_and_people(remote: Remote) -> None:
    id = await remote.put("corpus", "--category", "workyard:test", "--data", '{"a": 1}')

    _, printed, _ = await remote.run("ls", "--category", "workyard:test", "--json")
    _, table, _ = await remote.run("ls", "--category", "workyard:test", "--workspace", "System")

    (found,) = [row for row in json.loads(printed) if row["id"] == id]
    assert (found["category"], found["data"], found["complete"]) == ("workyard:test", {"a": 1}, True)
    assert found["workspace"] == {"name": "System"}
    assert re.search(
        rf"^{re.escape(id)}\s+workyard:test\s+System\s+[-0-9: ]+\s+-\s+yes$", table, re.MULTILINE
    )


async def test_show_tells_of_files_and_relations(remote: Remote) -> None:
    source = await remote.put("corpus")
    id = await remote.put("corpus/empty", "--relation", f"RELATES_TO:{source}")

    _, text, _ = await remote.run("show", id)
    _, printed, _ = await remote.run("show", source, "--json")

    assert re.search(rf"^RELATES_TO\s+{re.escape(source)} workyard:files$", text, re.MULTILINE)
    assert re.search(r"^empty +0 +yes +e3b0c44298fc", text, re.MULTILINE)
    found = json.loads(printed)
    assert found["targetedBy"]["nodes"] == [
        {"type": "RELATES_TO", "artifact": {"id": id, "category": "workyard:files"}}
    ]
    assert [(file["path"], file["size"]) for file in found["files"]] == [
        ("empty", 0),
        ("poems/tyger.txt", 23),
    ]


async def test_an_interrupted_upload_is_gone_on_with_as_it_says(remote: Remote, wire: Wire) -> None:
    (remote.directory / "large").write_bytes(os.urandom(64 * MEBIBYTE))
    half = asyncio.Event()
    copy = wire._copy

    async def hold_half(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool = False
    ) -> None:
        """Let 16 MiB through, then nothing more."""
        passed = 0
        while to_server and (chunk := await reader.read(65536)):
            writer.write(chunk)
            await writer.drain()
            passed += len(chunk)
            if passed > 16 * MEBIBYTE:
                half.set()
                await asyncio.Event().wait()
        if not to_server:
            await copy(reader, writer)

    wire._copy = hold_half  # type: ignore[method-assign]
    process = await remote.start(("put", "large"), {"WORKYARD_URL": wire.url})
    async with asyncio.timeout(LIMIT):
        await half.wait()
        process.send_signal(signal.SIGINT)
        _, error = await process.communicate()

    assert process.returncode == 130
    advice = re.search(r"to go on: python -m app artifacts (put --resume \S+ large)\n", error.decode())
    assert advice, error
    await wire.close()
    id = await remote.put(*advice[1].split()[1:])
    _, printed, _ = await remote.run("show", id, "--json")
    assert json.loads(printed)["complete"]


async def test_a_terminal_sees_a_bar(remote: Remote) -> None:
    ours, theirs = pty.openpty()
    process = await remote.start(("put", "corpus"), {"TERM": "xterm", "COLUMNS": "120"}, theirs)
    os.close(theirs)
    seen = b""
    async with asyncio.timeout(LIMIT):
        try:
            while chunk := await asyncio.to_thread(os.read, ours, 65536):
                seen += chunk
        except OSError:  # the other end is closed
            pass
        await process.communicate()
    os.close(ours)

    assert process.returncode == 0
    assert "sending" in seen.decode()
    assert "━" in seen.decode()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("get", "QXJ0aWZhY3Q6OTk5OTk5OTk5"), 1, "there is no such artifact, or you may not see it"),
        (("put", "none"), 2, "cannot read none: No such file or directory"),
        (("put", "corpus", "--data", "[1"), 2, "--data cannot be read as JSON"),
        (("put", "corpus", "--data", "[1]"), 2, "--data must be a JSON object"),
        (("put", "corpus", "--relation", "LOVES:x"), 2, "--relation must be TYPE:ID"),
        (("put", "corpus", "--workspace", "none"), 2, "there is no workspace 'none'"),
        (("put", "corpus", "--category", "no:such"), 1, "There is no category 'no:such'"),
        (("ls", "--url", "http://127.0.0.1:9"), 3, "cannot reach http://127.0.0.1:9/graphql"),
        (("ls", "--url", "gopher://x"), 2, "expected a URL like http://127.0.0.1:8000"),
        (("ls", "--token-file", "none"), 2, "cannot read the token in none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_what_goes_wrong_is_one_sentence_and_an_exit_code(
    remote: Remote, words: tuple[str, ...], code: int, sentence: str
) -> None:
    found, printed, error = await remote.run(*words)

    assert (found, printed) == (code, "")
    assert error.startswith("workyard: ")
    assert sentence in error
    assert error.count("\n") == 1


async def test_a_wrong_token_is_refused(remote: Remote) -> None:
    code, _, error = await remote.run("put", "corpus", WORKYARD_TOKEN="0" * 64)

    assert code == 1
    assert error.count("\n") == 1
