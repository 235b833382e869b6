"""Whatever headers say: never a fault of ours, and no change unless they are right."""

import string

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.models import Artifact, FileInArtifact, FileInStore, FileUpload
from tests.web.files.sending import CONTENT, DONE, NOTHING, PATH, TUS, Sender, part_of
from tests.web.files.shelf import Shelf

numbers = st.one_of(
    st.integers(-2, 130).map(str),
    st.sampled_from(["", "*", "030", "+30", "3_0", "30.0", "1e2", "٣", str(2**63), str(2**64), "9" * 50]),
)
words = st.text(string.printable.strip() + " \t", max_size=30).map(str.strip)
units = st.sampled_from(["bytes ", "bytes", "bytes=", "Bytes ", "items ", ""])
ranges = st.one_of(
    st.builds("{}{}-{}/{}".format, units, numbers, numbers, numbers),
    st.builds("bytes */{}".format, numbers),
    st.builds("bytes {}".format, words),
    words,
)
HEADERS = {
    "Tus-Resumable": st.one_of(st.just("1.0.0"), words),
    "Upload-Offset": numbers,
    "Upload-Length": numbers,
    "Content-Type": st.one_of(st.just(TUS), words),
    "Content-Encoding": st.sampled_from(["gzip", "identity", "", "x,y"]),
    "Expect": st.sampled_from(["100-continue", "something"]),
    "X-HTTP-Method-Override": st.sampled_from(["PATCH", "PUT", "GET", "TRACE", "", "patch"]),
}
others = st.fixed_dictionaries({}, optional=HEADERS)
fuzz = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def sender(shelf: Shelf) -> Sender:
    """Of a file of 100 bytes, of which 30 have come."""
    sender = Sender(shelf, await shelf.artifact({}, missing={PATH: CONTENT}))
    await sender.put(CONTENT[:30], "bytes 0-29/100")
    return sender


def encoded(given: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.strip().encode() for name, value in given.items()}


async def ask(sender: Sender, method: str, headers: dict[str, str], content: bytes) -> httpx.Response:
    token = {"Token": sender.shelf.cast.bob.key}
    return await sender.shelf.http.request(
        method, sender.url, content=content, headers=encoded({**headers, **token})
    )


async def begin_anew(sender: Sender) -> None:
    """Have 30 bytes there again, and nothing else."""
    if await sender.state() == part_of(CONTENT[:30]):
        return
    await FileUpload.all().delete()
    await FileInStore.all().delete()
    await FileInArtifact.filter(artifact_id=sender.artifact.id).update(complete=False)
    await Artifact.filter(id=sender.artifact.id).update(complete=False, completed_at=None)
    for path in sender.temporary_files():
        path.unlink()
    await sender.put(CONTENT[:30], "bytes 0-29/100")
    assert await sender.state() == part_of(CONTENT[:30])


async def check(sender: Sender, response: httpx.Response) -> None:
    """What was answered is what is there."""
    state = await sender.state()
    assert response.status_code < 500, response.text
    if response.status_code in (200, 201, 204, 206):
        offset = int(response.headers["upload-offset"])
        came = [path.read_bytes() for path in sender.temporary_files()]
        assert state == (DONE if offset == 100 else (False, False, came, 0, True))
        assert offset == 100 or len(came[0]) == offset >= 30
    elif response.headers.get("upload-offset") == "0" and response.status_code == 409:
        assert state == NOTHING
    else:
        assert state == part_of(CONTENT[:30])
        assert response.headers["content-type"] == "application/problem+json"


@fuzz
@given(range=ranges, headers=others, start=st.integers(0, 100), stop=st.integers(0, 105))
@example(range="bytes 30-99/100", headers={}, start=30, stop=100)
@example(range="bytes 30-99/100", headers={}, start=29, stop=99)
@example(range="bytes 10-39/100", headers={}, start=10, stop=40)
async def test_no_content_range_does_what_it_should_not(
    sender: Sender, range: str, headers: dict[str, str], start: int, stop: int
) -> None:
    await begin_anew(sender)

    response = await ask(sender, "PUT", {**headers, "Content-Range": range}, CONTENT[start:stop])

    await check(sender, response)


@fuzz
@given(method=st.sampled_from(["PATCH", "POST", "PUT"]), headers=others, stop=st.integers(0, 100))
@example(
    method="PATCH",
    headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "30", "Content-Type": TUS},
    stop=100,
)
@example(
    method="POST",
    headers={
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "30",
        "Content-Type": TUS,
        "X-HTTP-Method-Override": "PATCH",
    },
    stop=50,
)
async def test_no_header_of_tus_does_what_it_should_not(
    sender: Sender, method: str, headers: dict[str, str], stop: int
) -> None:
    await begin_anew(sender)

    response = await ask(sender, method, headers, CONTENT[30:stop])

    await check(sender, response)
