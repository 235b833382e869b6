"""PUT of a file of an artifact, whole and in parts: each answer of debusine's table, with ours where they differ."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.models import Artifact, FileInStore
from tests.web.files.sending import CONTENT, DONE, NOTHING, OTHER, PATH, Sender, part_of
from tests.web.files.shelf import Shelf


@pytest.fixture
async def sender(shelf: Shelf) -> Sender:
    """Of a file of 100 bytes, the only one of its artifact."""
    return Sender(shelf, await shelf.artifact({}, missing={PATH: CONTENT}))


async def chunks(*given: bytes) -> AsyncIterator[bytes]:
    """A body whose length is not announced."""
    for each in given:
        yield each


async def test_a_whole_file_is_stored_and_completes_the_artifact(sender: Sender) -> None:
    response = await sender.put(CONTENT)

    assert (response.status_code, response.headers["upload-offset"]) == (201, "100")
    assert await sender.state() == DONE
    assert sender.shelf.place(CONTENT).read_bytes() == CONTENT
    assert (await Artifact.get(id=sender.artifact.id)).completed_at is not None


async def test_a_whole_file_may_come_in_chunks_of_unknown_length(sender: Sender) -> None:
    response = await sender.put(chunks(CONTENT[:7], CONTENT[7:]))

    assert response.status_code == 201
    assert await sender.state() == DONE


async def test_a_whole_file_takes_the_place_of_a_part(sender: Sender) -> None:
    await sender.put(OTHER[:30], "bytes 0-29/100")

    response = await sender.put(CONTENT)

    assert response.status_code == 201
    assert await sender.state() == DONE


async def test_a_part_is_kept_and_its_count_told(sender: Sender) -> None:
    response = await sender.put(CONTENT[:45], "bytes 0-44/100")

    assert response.status_code == 200
    assert (response.headers["range"], response.headers["upload-offset"]) == ("bytes=0-45", "45")
    assert await sender.state() == part_of(CONTENT[:45])


async def test_the_last_part_completes_the_file(sender: Sender) -> None:
    await sender.put(CONTENT[:45], "bytes 0-44/100")

    response = await sender.put(CONTENT[45:], "bytes 45-99/*")

    assert (response.status_code, response.headers["upload-offset"]) == (201, "100")
    assert await sender.state() == DONE


async def test_the_last_part_of_wrong_bytes_discards_all_and_says_both_hashes(sender: Sender) -> None:
    await sender.put(CONTENT[:45], "bytes 0-44/100")

    response = await sender.put(OTHER[45:], "bytes 45-99/100")

    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["title"]) == (409, "CONFLICT", "Conflict")
    assert problem["detail"].count("SHA-256") == 1 and (await sender.file_hash()) in problem["detail"]
    assert await sender.state() == NOTHING
    assert await sender.offset() == 0


@pytest.mark.parametrize("range", ["bytes */100", "bytes */*"])
async def test_a_probe_says_how_many_have_come(sender: Sender, range: str) -> None:
    before = await sender.put(range=range)
    await sender.put(CONTENT[:45], "bytes 0-44/100")
    after = await sender.put(range=range)

    assert (before.status_code, before.headers["range"]) == (206, "bytes=0-0")
    assert (after.status_code, after.headers["range"], after.headers["upload-offset"]) == (
        206,
        "bytes=0-45",
        "45",
    )


async def test_a_probe_of_a_complete_file_says_so(sender: Sender) -> None:
    await sender.put(CONTENT)

    response = await sender.put(range="bytes */100")

    assert (response.status_code, response.headers["upload-offset"]) == (201, "100")


@pytest.mark.parametrize(
    ("range", "content", "says"),
    [
        ("bytes */99", b"", ["100", "99"]),
        ("bytes 40-49/100", CONTENT[40:50], ["30 bytes", "40", "go on from 30"]),
        ("bytes 101-101/100", b"x", ["101", "100"]),
        ("bytes 30-100/100", bytes(71), ["100", "99"]),
        ("bytes 30-39/100", bytes(9), ["10", "9"]),
        ("bytes 30-39/100", bytes(11), ["10", "11"]),
        ("bytes 30-39/200", bytes(10), ["100", "200"]),
        ("bytes 39-30/100", b"", ["'bytes 39-30/100'"]),
        ("bytes 30-39", bytes(10), ["'bytes 30-39'"]),
        ("bytes 30-39/100 and more", bytes(10), ["and more"]),
        ("bytes=30-39/100", bytes(10), ["bytes=30-39/100"]),
        ("bytes -1-39/100", bytes(10), ["cannot be read"]),
        ("bytes 0-0/18446744073709551616", b"x", ["cannot be read"]),
        ("", bytes(10), ["cannot be read"]),
        (None, bytes(99), ["100", "99"]),
        (None, bytes(101), ["100", "101"]),
    ],
)
async def test_what_contradicts_itself_or_the_file_is_refused_and_changes_nothing(
    sender: Sender, range: str | None, content: bytes, says: list[str]
) -> None:
    await sender.put(CONTENT[:30], "bytes 0-29/100")

    response = await sender.put(content, range)

    assert (response.status_code, response.json()["code"]) == (400, "BAD_INPUT")
    assert all(each in response.json()["detail"] for each in says), response.json()["detail"]
    assert await sender.state() == part_of(CONTENT[:30])


async def test_a_gap_is_refused_before_an_upload_is_begun(sender: Sender) -> None:
    response = await sender.put(CONTENT[40:], "bytes 40-99/100")

    assert (response.status_code, response.headers["upload-offset"]) == (400, "0")
    assert await sender.state() == NOTHING


@pytest.mark.parametrize(
    ("range", "body"),
    [
        ("bytes 30-39/100", [bytes(9)]),
        ("bytes 30-39/100", [bytes(9), bytes(2)]),
        (None, [CONTENT, b"more"]),
        (None, [CONTENT[:99]]),
    ],
)
async def test_a_body_that_turns_out_to_have_another_length_leaves_what_was_there(
    sender: Sender, range: str | None, body: list[bytes]
) -> None:
    await sender.put(CONTENT[:30], "bytes 0-29/100")

    response = await sender.put(chunks(*body), range)

    assert response.status_code == 400
    assert await sender.state() == part_of(CONTENT[:30])


async def test_bytes_may_be_sent_again(sender: Sender) -> None:
    await sender.put(OTHER[:45], "bytes 0-44/100")
    first = await sender.put(CONTENT[:20], "bytes 0-19/100")
    second = await sender.put(CONTENT[20:60], "bytes 20-59/100")

    third = await sender.put(CONTENT[50:], "bytes 50-99/100")

    assert (first.headers["upload-offset"], second.headers["upload-offset"]) == ("45", "60")
    assert third.status_code == 201
    assert await sender.state() == DONE


async def test_a_complete_file_takes_no_bytes_and_says_that_it_is_complete(sender: Sender) -> None:
    await sender.put(CONTENT)

    again, other = await sender.put(CONTENT), await sender.put(OTHER, "bytes 0-99/100")

    assert (again.status_code, other.status_code) == (201, 201)
    assert await sender.state() == DONE


@pytest.mark.parametrize(
    "path", ["other", "data", "data/a file.bin/", "%2E%2E/x", "a%00b", "%ff", "x" * 501, "%F0%9F%98%80"]
)
async def test_a_path_that_is_not_in_the_artifact_is_not_found(sender: Sender, path: str) -> None:
    response = await Sender(sender.shelf, sender.artifact, path).put(CONTENT)

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("id", ["0", "-1", "x", "9" * 18, "9223372036854775808", "1" * 5000, "٣"])
async def test_an_artifact_that_is_not_there_is_not_found(sender: Sender, id: str) -> None:
    url = f"/artifacts/{id}/files/{PATH}"

    response = await sender.shelf.http.put(url, content=CONTENT, headers=sender.headers(None, {}))

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_encoded_bytes_are_refused(sender: Sender) -> None:
    response = await sender.put(CONTENT, Content_Encoding="gzip")

    assert response.status_code == 415
    assert await sender.state() == NOTHING


async def test_a_method_that_means_nothing_here_names_those_that_do(sender: Sender) -> None:
    response = await sender.shelf.http.delete(sender.url, headers=sender.headers(None, {}))

    assert response.status_code == 405
    assert response.headers["allow"] == "OPTIONS, HEAD, GET, PUT, PATCH"


async def test_an_artifact_is_complete_once_the_last_of_its_files_is(shelf: Shelf) -> None:
    artifact = await shelf.artifact({}, missing={"a": CONTENT, "b": OTHER})
    first, second = Sender(shelf, artifact, "a"), Sender(shelf, artifact, "b")

    await first.put(CONTENT)
    between = await first.state()
    await second.put(OTHER)

    assert between == (True, False, [], 1, False)
    assert await first.state() == await second.state() == DONE
    assert await first.events() == [
        ("file_completed", {"path": "a"}),
        ("file_completed", {"path": "b"}),
        ("completed", {}),
    ]


async def test_what_a_store_has_is_sent_all_the_same_and_kept_once(shelf: Shelf) -> None:
    there = await shelf.artifact({"theirs": CONTENT}, shelf.cast.theirs)
    sender = Sender(shelf, await shelf.artifact({}, missing={PATH: CONTENT}))

    wrong, right = await sender.put(OTHER), await sender.put(CONTENT)

    assert there.complete
    assert (wrong.status_code, right.status_code) == (409, 201)
    assert await FileInStore.all().count() == 1
    assert await sender.state() == DONE


async def test_progress_is_told_at_the_end_of_a_part_and_mistakes_too(sender: Sender) -> None:
    await sender.put(CONTENT[:45], "bytes 0-44/100")
    await sender.put(bytes(55), "bytes 45-99/100")
    await sender.put(CONTENT)

    assert await sender.events() == [
        ("file_progressed", {"path": PATH, "received_bytes": 45, "size": 100}),
        ("file_discarded", {"path": PATH}),
        ("file_completed", {"path": PATH}),
        ("completed", {}),
    ]


async def test_the_temporary_file_is_nobody_elses(sender: Sender, tmp_path: Path) -> None:
    await sender.put(CONTENT[:45], "bytes 0-44/100")

    (file,) = sender.temporary_files()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
