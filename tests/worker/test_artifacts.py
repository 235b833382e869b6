"""Work that takes artifacts and leaves artifacts, with real workers, real bytes, and whatever is killed meanwhile."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from app.client import download_artifact, files_of, upload_artifact
from app.client.content import content_of
from tests.client.conftest import Wire
from tests.worker.yard import Yard, until

pytestmark = pytest.mark.timeout(240)

MEBIBYTE = 1024 * 1024

ARTIFACTS = """query ($id: ID!) { workRequest(id: $id) { artifacts(first: 20) { nodes {
  id category data complete createdBy { username }
  relations(first: 20) { nodes { type target { id } } } } } } }"""

RECEIVED = """query ($id: ID!) { workRequest(id: $id) { artifacts(first: 20) { nodes {
  id complete filesToUpload { path upload { receivedBytes } } } } } }"""


@pytest.fixture
async def corpus(yard: Yard, tmp_path: Path) -> str:
    """An artifact of two texts; its bytes are new to the server."""
    (tmp_path / "corpus" / "deep").mkdir(parents=True)
    (tmp_path / "corpus" / "one.txt").write_text("tyger tyger burning bright\n")
    (tmp_path / "corpus" / "deep" / "two.txt").write_text(f"little lamb {os.urandom(4).hex()}\n")
    return (await upload_artifact(yard.admin, tmp_path / "corpus", category="workyard:files")).id


async def made_by(yard: Yard, id: str) -> list[dict[str, Any]]:
    """The artifacts that a request made."""
    found: list[dict[str, Any]] = (await yard.admin.execute(ARTIFACTS, {"id": id}))["workRequest"][
        "artifacts"
    ]["nodes"]
    return found


async def texts_of(yard: Yard, artifact_id: str, directory: Path) -> dict[str, str]:
    fetched = await download_artifact(yard.admin, artifact_id, directory)
    return {file.relative_to(directory).as_posix(): file.read_text() for file in fetched}


async def test_a_program_counts_the_words_of_its_input_into_its_output(
    yard: Yard, corpus: str, tmp_path: Path
) -> None:
    await yard.start_worker("counting")

    id = await yard.submit(
        "shell",
        command="mkdir outputs && cd inputs/corpus && wc -w one.txt deep/two.txt > ../../outputs/counts.txt",
        inputs={"corpus": corpus},
        outputs={"category": "workyard:test", "data": {"of": "words"}},
    )
    request = await yard.becomes(id, "COMPLETED")

    assert (request["result"], request["errors"]) == ("SUCCESS", [])
    (artifact,) = await made_by(yard, id)
    assert (artifact["category"], artifact["data"], artifact["complete"]) == (
        "workyard:test",
        {"of": "words"},
        True,
    )
    assert artifact["createdBy"] is None
    assert artifact["relations"]["nodes"] == [{"type": "BUILT_USING", "target": {"id": corpus}}]
    counted = await texts_of(yard, artifact["id"], tmp_path / "counted")
    assert [line.split() for line in counted.pop("counts.txt").splitlines()] == [
        ["4", "one.txt"], ["3", "deep/two.txt"], ["7", "total"],
    ]  # fmt: skip
    assert counted == {}


async def test_a_function_reads_inputs_and_leaves_outputs(yard: Yard, corpus: str, tmp_path: Path) -> None:
    (tmp_path / "counting.py").write_text(
        "from app.worker import context\n"
        "def count(name):\n"
        "    texts = sorted(context.input(name).rglob('*.txt'))\n"
        "    counts = {text.name: len(text.read_text().split()) for text in texts}\n"
        "    for text, words in counts.items():\n"
        "        context.output(f'counts/{text}').write_text(str(words))\n"
        "    context.describe_outputs('workyard:test', {'texts': len(texts)})\n"
        "    return counts\n"
    )
    await yard.start_worker("python", environment={"PYTHONPATH": f"{tmp_path}"})

    id = await yard.submit("python", function="counting:count", args=["corpus"], inputs={"corpus": corpus})
    request = await yard.becomes(id, "COMPLETED")

    assert (request["result"], request["errors"]) == ("SUCCESS", [])
    assert request["outputData"] == {"value": {"one.txt": 4, "two.txt": 3}}
    (artifact,) = await made_by(yard, id)
    assert (artifact["category"], artifact["data"]) == ("workyard:test", {"texts": 2})
    assert await texts_of(yard, artifact["id"], tmp_path / "c") == {
        "counts/one.txt": "4",
        "counts/two.txt": "3",
    }


async def test_inputs_cannot_be_changed_for_the_next_request_and_are_fetched_once(
    yard: Yard, corpus: str
) -> None:
    worker = await yard.start_worker("thrifty")
    spoil = "chmod u+w inputs/c/one.txt; echo spoilt > inputs/c/one.txt"
    await yard.becomes(await yard.submit("shell", command=spoil, inputs={"c": corpus}), "COMPLETED")

    id = await yard.submit("shell", command="cat inputs/c/one.txt", inputs={"c": corpus})
    request = await yard.becomes(id, "COMPLETED")

    assert request["outputData"]["stdout"] == "tyger tyger burning bright\n"
    first, second = worker.logged("input is here")
    assert (first["files"], first["from_cache"]) == (2, 0)
    assert second["from_cache"] == (2 if os.geteuid() == 0 else 1)


async def test_a_cached_file_that_was_damaged_is_noticed_and_fetched_anew(yard: Yard, corpus: str) -> None:
    worker = await yard.start_worker("careful")
    await yard.becomes(await yard.submit("noop"), "COMPLETED")
    await yard.becomes(await yard.submit("shell", command="true", inputs={"c": corpus}), "COMPLETED")
    cached = [file for file in yard.directory_of("careful").glob("cache/*/*") if file.stat().st_size == 27]
    cached[0].chmod(0o644)
    cached[0].write_text("tyger tyger burning bruise\n")

    id = await yard.submit("shell", command="cat inputs/c/one.txt", inputs={"c": corpus})
    request = await yard.becomes(id, "COMPLETED")

    assert request["outputData"]["stdout"] == "tyger tyger burning bright\n"
    assert [each["file"] for each in worker.logged("a file in the cache has changed; fetching it anew")] == [
        str(cached[0])
    ]
    assert worker.logged("input is here")[1]["from_cache"] == 1


async def test_what_a_failed_program_leaves_is_kept_too(yard: Yard, tmp_path: Path) -> None:
    await yard.start_worker("failing")

    id = await yard.submit(
        "shell", command="echo why > reason.log; exit 3", outputs={"paths": ["*.log", "never-made"]}
    )
    request = await yard.becomes(id, "COMPLETED")

    assert (request["result"], request["errors"]) == ("FAILURE", [])
    (artifact,) = await made_by(yard, id)
    assert artifact["category"] == "workyard:work-request-output"
    assert await texts_of(yard, artifact["id"], tmp_path / "fetched") == {"reason.log": "why\n"}


@pytest.mark.parametrize(
    ("task_data", "code"),
    [
        ({"command": "echo done", "outputs": {"paths": ["never-made"]}}, "BAD_OUTPUT"),
        ({"command": "mkdir outputs; ln -s /etc/passwd outputs/x; echo done"}, "BAD_OUTPUT"),
        ({"command": "echo done", "outputs": {"category": "no:such"}}, "OUTPUT_FAILED"),
    ],
    ids=["not made", "a link", "unknown category"],
)
async def test_an_output_that_cannot_be_kept_is_an_error_and_what_was_said_stays(
    yard: Yard, task_data: dict[str, Any], code: str
) -> None:
    await yard.start_worker("refused")

    id = await yard.submit("shell", **task_data)
    request = await yard.becomes(id, "COMPLETED")

    assert (request["result"], [error["code"] for error in request["errors"]]) == ("ERROR", [code])
    assert request["outputData"]["stdout"].endswith("done\n")
    assert await made_by(yard, id) == []


async def test_work_that_leaves_no_files_makes_no_artifact(yard: Yard) -> None:
    await yard.start_worker("tidy")

    id = await yard.submit("shell", command="true")
    await yard.becomes(id, "COMPLETED")

    assert await made_by(yard, id) == []


async def test_an_upload_is_gone_on_with_by_another_worker_when_the_first_is_killed(
    yard: Yard, tmp_path: Path
) -> None:
    """The work leaves the same bytes each time, so the second attempt sends only what the first did not."""
    async with Slow(yard.url) as wire:
        first = await yard.start_worker("first", url=wire.url)
        id = await yard.submit("shell", command=make_large("one"))
        received = await until(lambda: received_bytes(yard, id), "some of the output has come")
        first.signal(signal.SIGKILL)
        await first.ended()
    assert 0 < received < LARGE

    second = await yard.start_worker("second")
    request = await yard.becomes(id, "COMPLETED")

    assert (request["result"], request["attempt"]) == ("SUCCESS", 2)
    (artifact,) = await made_by(yard, id)
    assert artifact["complete"]
    (file,) = [file async for file in files_of(yard.admin, artifact["id"])]
    assert (file.path, file.content.size) == ("large", LARGE)
    await download_artifact(yard.admin, artifact["id"], tmp_path / "fetched")
    assert content_of(tmp_path / "fetched" / "large") == file.content
    (told,) = second.logged("output is uploaded")
    assert told["artifact"] == artifact["id"]


async def test_an_upload_goes_on_when_the_connection_is_cut_and_the_request_ends_well(
    yard: Yard, tmp_path: Path
) -> None:
    async with Slow(yard.url) as wire:
        worker = await yard.start_worker("cut", url=wire.url)
        id = await yard.submit("shell", command=make_large("two"))
        await until(lambda: received_bytes(yard, id), "some of the output has come")
        wire.at_most = None
        wire.cut()
        request = await yard.becomes(id, "COMPLETED")

        assert (request["result"], request["attempt"]) == ("SUCCESS", 1)
        (artifact,) = await made_by(yard, id)
        assert artifact["complete"]
        assert worker.running
        await yard.stop_workers()


LARGE = 24 * MEBIBYTE


def make_large(seed: str) -> str:
    """A command that leaves the same bytes each time."""
    program = f"import random, sys; random.seed('{seed}'); sys.stdout.buffer.write(random.randbytes({LARGE}))"
    return f'mkdir outputs; python3 -c "{program}" > outputs/large'


class Slow(Wire):
    """Lets so many bytes through to the server on each connection, then none until it is cut."""

    at_most: int | None = 6 * MEBIBYTE

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool = False
    ) -> None:
        if not to_server:
            return await super()._copy(reader, writer)
        passed = 0
        while (self.at_most is None or passed < self.at_most) and (chunk := await reader.read(65536)):
            writer.write(chunk)
            await writer.drain()
            passed += len(chunk)
        if self.at_most is not None and passed >= self.at_most:
            await asyncio.Event().wait()
        writer.close()
        return None


async def received_bytes(yard: Yard, id: str) -> int | None:
    """How much of a file that a request is leaving the server has, once that is more than a mebibyte."""
    found = (await yard.admin.execute(RECEIVED, {"id": id}))["workRequest"]["artifacts"]["nodes"]
    uploads = [file["upload"] for node in found for file in node["filesToUpload"] if file["upload"]]
    received = sum(int(upload["receivedBytes"]) for upload in uploads)
    return received if received > MEBIBYTE else None
