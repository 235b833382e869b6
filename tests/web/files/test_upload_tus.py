"""tus 1.0: its core as the protocol states it, and its real client in Python."""

import asyncio
import io
from typing import Any

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from app.models import Artifact
from app.settings import Settings
from app.web.asgi import Server
from tests.web.files.sending import CONTENT, DONE, NOTHING, OTHER, PATH, Sender, part_of
from tests.web.files.shelf import Shelf

LARGE = bytes(range(256)) * 12_288  # 3 MiB


@pytest.fixture
async def sender(shelf: Shelf) -> Sender:
    """Of a file of 100 bytes, the only one of its artifact."""
    return Sender(shelf, await shelf.artifact({}, missing={PATH: CONTENT}))


async def test_what_is_spoken_is_told_to_everybody(sender: Sender) -> None:
    response = await sender.shelf.http.options(sender.url)

    assert response.status_code == 204
    assert response.headers["tus-version"] == response.headers["tus-resumable"] == "1.0.0"
    assert int(response.headers["tus-max-size"]) == sender.shelf.settings.max_file_bytes


async def test_head_gives_the_offset_and_is_never_cached(sender: Sender) -> None:
    await sender.patch(CONTENT[:45], 0)

    response = await sender.head(Tus_Resumable="1.0.0")

    headers = response.headers
    assert response.status_code == 200
    assert (headers["upload-offset"], headers["upload-length"], headers["tus-resumable"]) == (
        "45",
        "100",
        "1.0.0",
    )
    assert headers["cache-control"] == "no-store"


async def test_head_of_a_complete_file_has_its_length_as_offset(sender: Sender) -> None:
    await sender.put(CONTENT)

    headers = (await sender.head(Tus_Resumable="1.0.0")).headers

    assert (headers["upload-offset"], headers["upload-length"], headers["content-length"]) == (
        "100",
        "100",
        "100",
    )


async def test_parts_are_added_at_the_offset_until_the_file_is_complete(sender: Sender) -> None:
    first = await sender.patch(CONTENT[:45], 0)
    between = await sender.state()
    last = await sender.patch(CONTENT[45:], 45)

    assert (first.status_code, first.headers["upload-offset"]) == (204, "45")
    assert between == part_of(CONTENT[:45])
    assert (last.status_code, last.headers["upload-offset"]) == (204, "100")
    assert await sender.state() == DONE


async def test_a_post_may_say_that_it_means_patch(sender: Sender) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    headers |= sender.headers(None, {"Content-Type": "application/offset+octet-stream"})

    response = await sender.shelf.http.post(sender.url, content=CONTENT, headers=headers)

    assert response.status_code == 204
    assert await sender.state() == DONE


async def test_a_post_that_says_nothing_is_refused(sender: Sender) -> None:
    response = await sender.shelf.http.post(sender.url, content=CONTENT, headers=sender.headers(None, {}))

    assert response.status_code == 405
    assert await sender.state() == NOTHING


@pytest.mark.parametrize("offset", [0, 44, 46, 100, 101, 10**18])
async def test_another_offset_is_refused_with_the_right_one(sender: Sender, offset: int) -> None:
    await sender.patch(CONTENT[:45], 0)

    response = await sender.patch(CONTENT[45:46], offset)

    assert (response.status_code, response.json()["code"]) == (409, "CONFLICT")
    assert response.headers["upload-offset"] == "45"
    assert await sender.state() == part_of(CONTENT[:45])


@pytest.mark.parametrize(
    ("status", "changed"),
    [
        (412, {"Tus_Resumable": "0.2.2"}),
        (412, {"Tus_Resumable": ""}),
        (415, {"Content_Type": "application/octet-stream"}),
        (415, {"Content_Type": ""}),
        (400, {"Upload_Offset": "-1"}),
        (400, {"Upload_Offset": "0x0"}),
        (400, {"Upload_Offset": ""}),
        (400, {"Upload_Offset": "9" * 5000}),
    ],
)
async def test_what_is_not_tus_is_refused_and_changes_nothing(
    sender: Sender, status: int, changed: dict[str, str]
) -> None:
    response = await sender.patch(CONTENT, 0, **changed)

    assert response.status_code == status
    assert response.headers["tus-resumable"] == "1.0.0"
    assert ("tus-version" in response.headers) == (status == 412)
    assert await sender.state() == NOTHING


async def test_more_than_the_file_has_is_refused(sender: Sender) -> None:
    async def chunks() -> Any:
        yield CONTENT
        yield b"more"

    announced = await sender.patch(CONTENT + b"more", 0)
    chunked = await sender.patch(chunks(), 0)

    assert (announced.status_code, chunked.status_code) == (400, 400)
    assert await sender.offset() == 0


async def test_wrong_bytes_are_discarded_at_the_end(sender: Sender) -> None:
    await sender.patch(OTHER[:45], 0)

    response = await sender.patch(OTHER[45:], 45)

    assert (response.status_code, response.headers["upload-offset"]) == (409, "0")
    assert await sender.state() == NOTHING


async def test_an_empty_part_at_the_end_of_a_complete_file_changes_nothing(sender: Sender) -> None:
    await sender.put(CONTENT)

    at_end, elsewhere = await sender.patch(b"", 100), await sender.patch(b"x", 99)

    assert (at_end.status_code, at_end.headers["upload-offset"]) == (204, "100")
    assert elsewhere.status_code == 409
    assert await sender.state() == DONE


# The real client -----------------------------------------------------------------------------------------------------


async def send(sender: Sender, content: bytes, chunk_size: int, *, chunks: int | None = None) -> Any:
    """Send a file by tuspy, or so many chunks of it, from where the server says; in a thread, as it asks and waits."""
    base = str(sender.shelf.http.base_url).rstrip("/")
    client = TusClient(base, headers={"Token": sender.shelf.cast.bob.key})

    def work() -> Any:
        uploader: Any = client.uploader(
            file_stream=io.BytesIO(content), url=f"{base}{sender.url}", chunk_size=chunk_size
        )
        if chunks is None:
            uploader.upload()
        for _ in range(chunks or 0):
            uploader.upload_chunk()
        return uploader

    return await asyncio.to_thread(work)


async def large(shelf: Shelf, *paths: str) -> list[Sender]:
    """Senders of files of 3 MiB, of one artifact; each file begins with another byte."""
    files = {path: bytes([number]) + LARGE for number, path in enumerate(paths)}
    artifact = await shelf.artifact({}, missing=files)
    return [Sender(shelf, artifact, path) for path in paths]


async def test_tuspy_sends_a_file_whole(shelf: Shelf) -> None:
    (sender,) = await large(shelf, "large")

    await send(sender, b"\0" + LARGE, 1 << 40)

    assert await sender.state() == DONE
    assert shelf.place(b"\0" + LARGE).read_bytes() == b"\0" + LARGE


async def test_tuspy_goes_on_where_it_was_interrupted(shelf: Shelf) -> None:
    (sender,) = await large(shelf, "large")
    first = await send(sender, b"\0" + LARGE, 1_000_000, chunks=1)

    second = await send(sender, b"\0" + LARGE, 1_000_000)

    assert (first.offset, second.offset) == (1_000_000, len(LARGE) + 1)
    assert await sender.state() == DONE


async def test_tuspy_sends_two_files_at_once(shelf: Shelf) -> None:
    first, second = await large(shelf, "one", "two")

    await asyncio.gather(send(first, b"\0" + LARGE, 700_000), send(second, b"\1" + LARGE, 900_000))

    assert await first.state() == await second.state() == DONE
    assert (await Artifact.get(id=first.artifact.id)).complete


async def test_tuspy_hears_of_wrong_bytes(shelf: Shelf) -> None:
    (sender,) = await large(shelf, "large")

    with pytest.raises(TusCommunicationError) as refused:
        await send(sender, b"\1" + LARGE, 1 << 40)

    assert refused.value.status_code == 409
    assert await sender.state() == NOTHING


# Pages of other origins ----------------------------------------------------------------------------------------------


async def test_a_page_of_an_allowed_origin_may_send_and_read_what_tus_needs(shelf: Shelf) -> None:
    app = Server(Settings(allowed_origins=("https://yard.example",), data_dir=shelf.settings.data_dir)).app
    origin = {"Origin": "https://yard.example"}
    asks = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type,tus-resumable,upload-offset",
    }
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        may = await http.options("/artifacts/1/files/x", headers=origin | asks)
        tells = await http.options("/artifacts/1/files/x", headers=origin)
        other = await http.options(
            "/artifacts/1/files/x", headers=asks | {"Origin": "https://elsewhere.example"}
        )

    assert may.status_code == 200
    assert {"PUT", "PATCH", "HEAD"} <= set(may.headers["access-control-allow-methods"].split(", "))
    assert {"upload-offset", "upload-length", "tus-resumable", "retry-after"} <= set(
        tells.headers["access-control-expose-headers"].split(", ")
    )
    assert other.status_code == 400
