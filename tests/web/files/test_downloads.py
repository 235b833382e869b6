"""One file, downloaded: what is sent, to whom, and what is said when it cannot be."""

import base64
import hashlib
import re
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import unquote

import httpx
import pytest
from structlog.testing import capture_logs

from app.models import FileInStore, FileStore
from tests.web.files.shelf import Shelf, url

TEXT = b"The quick brown fox jumps over the lazy dog.\n"
MORE = hashlib.shake_256(b"more").digest(3 * (1 << 20) + 12345)


def tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()}"'


def parts_of(response: httpx.Response) -> list[tuple[str, str, bytes]]:
    """Content-Range, Content-Type and bytes of each part."""
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + response.content)
    assert message.get_content_type() == "multipart/byteranges"
    parts: list[Message] = list(message.get_payload())  # type: ignore[arg-type]
    return [(part["Content-Range"], part.get_content_type(), part.get_payload(decode=True)) for part in parts]  # type: ignore[misc]


def problem(response: httpx.Response) -> tuple[int, str]:
    """The status and the code of a problem."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["status"] == response.status_code
    assert set(body) == {"type", "title", "status", "detail", "code"}
    return response.status_code, body["code"]


async def test_a_file_is_sent_whole_with_what_is_known_of_it(shelf: Shelf) -> None:
    shelf.types["fox.txt"] = "text/plain; charset=utf-8"
    artifact = await shelf.artifact({"fox.txt": TEXT, "more.bin": MORE})

    fox = await shelf.get(url(artifact, "fox.txt"), shelf.cast.vic)
    more = await shelf.get(url(artifact, "more.bin"), shelf.cast.vic)

    assert (fox.status_code, fox.content) == (200, TEXT)
    assert fox.headers["etag"] == tag(TEXT)
    assert fox.headers["content-length"] == str(len(TEXT))
    assert fox.headers["accept-ranges"] == "bytes"
    assert fox.headers["content-type"] == "text/plain; charset=utf-8"
    assert fox.headers["content-disposition"] == 'inline; filename="fox.txt"'
    assert fox.headers["cache-control"] == "private, no-cache"
    digest = base64.b64encode(hashlib.sha256(TEXT).digest()).decode()
    assert fox.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert (more.status_code, more.content) == (200, MORE)
    assert more.headers["content-type"] == "application/octet-stream"


async def test_what_was_uploaded_cannot_act_in_our_origin(shelf: Shelf) -> None:
    shelf.types |= {
        "page.html": "text/html",
        "bad": "text/html\r\nX-Injected: 1",
        "odd": "text",
        "p.svg": "image/svg+xml",
    }
    artifact = await shelf.artifact({path: path.encode() for path in shelf.types})

    for path, sent in (
        ("page.html", "text/html"),
        ("bad", "application/octet-stream"),
        ("odd", "application/octet-stream"),
        ("p.svg", "image/svg+xml"),
    ):
        response = await shelf.get(url(artifact, path), shelf.cast.vic)
        assert response.status_code == 200
        assert response.headers["content-type"] == sent
        assert response.headers["content-disposition"] == f'attachment; filename="{path}"'
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert "x-injected" not in response.headers


@pytest.mark.parametrize(
    ("path", "plain", "extended"),
    [
        ("a/b/c.txt", "c.txt", None),
        ("grüße ☃.bin", "gr__e _.bin", "gr%C3%BC%C3%9Fe%20%E2%98%83.bin"),
        ('quo"te;%41.bin', "quo_te;_41.bin", "quo%22te%3B%2541.bin"),
        ("new\nline", "new_line", "new%0Aline"),
        ("with space", "with space", None),
    ],
)
async def test_the_name_of_a_file_survives_whatever_is_in_it(
    shelf: Shelf, path: str, plain: str, extended: str | None
) -> None:
    artifact = await shelf.artifact({path: TEXT})

    response = await shelf.get(url(artifact, path), shelf.cast.vic)

    expected = f'attachment; filename="{plain}"'
    if extended is not None:
        expected += f"; filename*=UTF-8''{extended}"
        assert unquote(extended) == path
    assert response.content == TEXT
    assert response.headers["content-disposition"] == expected


async def test_head_says_what_get_would_and_that_nothing_is_left_to_upload(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"more.bin": MORE})

    get = await shelf.get(url(artifact, "more.bin"), shelf.cast.vic)
    head = await shelf.ask("HEAD", url(artifact, "more.bin"), shelf.cast.vic, range="bytes=0-4")

    assert (head.status_code, head.content) == (200, b"")
    uploaded = {"tus-resumable": "1.0.0", "upload-offset": str(len(MORE)), "upload-length": str(len(MORE))}
    assert dict(head.headers) == dict(get.headers) | uploaded


async def test_an_empty_file_is_sent_though_no_store_has_it(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"empty": b""})

    for headers in ({}, {"range": "bytes=-5"}):
        response = await shelf.get(url(artifact, "empty"), shelf.cast.vic, **headers)
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["content-length"] == "0"
    response = await shelf.get(url(artifact, "empty"), shelf.cast.vic, range="bytes=0-")
    assert problem(response) == (416, "BAD_INPUT")
    assert response.headers["content-range"] == "bytes */0"


ONE_RANGE = [
    ("bytes=0-0", 0, 1),
    ("bytes=4-8", 4, 9),
    ("BYTES=10-", 10, 45),
    ("bytes=-5", 40, 45),
    ("bytes=-500", 0, 45),
    ("bytes=40-999999999999999999999999", 40, 45),
    ("bytes= , 4-8 ,, 99-", 4, 9),
]


async def test_one_range_is_sent_alone(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})

    for asked, start, stop in ONE_RANGE:
        response = await shelf.get(url(artifact, "fox.txt"), shelf.cast.vic, range=asked)

        assert (response.status_code, response.content) == (206, TEXT[start:stop])
        assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/45"
        assert response.headers["content-length"] == str(stop - start)
        assert response.headers["etag"] == tag(TEXT)


async def test_a_range_may_lie_across_blocks(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"more.bin": MORE})

    response = await shelf.get(url(artifact, "more.bin"), shelf.cast.vic, range="bytes=1048570-2097160")

    assert (response.status_code, response.content) == (206, MORE[1048570:2097161])


async def test_several_ranges_are_sent_as_parts_in_the_order_in_which_they_were_asked_for(
    shelf: Shelf,
) -> None:
    shelf.types["more.bin"] = "image/png"
    artifact = await shelf.artifact({"more.bin": MORE})
    size = len(MORE)

    response = await shelf.get(
        url(artifact, "more.bin"), shelf.cast.vic, range="bytes=2000000-2000009, 0-1499999, -3, 99999999-"
    )

    assert response.status_code == 206
    assert "content-range" not in response.headers
    assert response.headers["content-length"] == str(len(response.content))
    assert parts_of(response) == [
        (f"bytes 2000000-2000009/{size}", "image/png", MORE[2000000:2000010]),
        (f"bytes 0-1499999/{size}", "image/png", MORE[:1500000]),
        (f"bytes {size - 3}-{size - 1}/{size}", "image/png", MORE[-3:]),
    ]


WHOLE = [
    "bytes=5-2",
    "bytes=abc",
    "bytes=1-2, x",
    "bytes=",
    "bytes",
    "lines=0-4",
    "bytes=0-44, 0-44",
    "bytes=" + ", ".join(f"{at}-{at}" for at in range(11)),
    "bytes=0-4" + "," * 1000,
    "bytes=-",
    "bytes=١-٢".encode().decode("latin-1"),
]


async def test_ranges_that_mean_nothing_or_too_much_get_the_whole(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})

    for asked in WHOLE:
        response = await shelf.http.get(
            url(artifact, "fox.txt"),
            headers=[
                (b"Authorization", f"Bearer {shelf.cast.vic.key}".encode()),
                (b"Range", asked.encode("latin-1")),
            ],
        )

        assert (response.status_code, response.content) == (200, TEXT)


NOTHING_THERE = ["bytes=45-", "bytes=99-100", "bytes=-0", "bytes=45-, 50-60"]


async def test_ranges_of_which_nothing_is_there_are_refused_with_the_size(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})

    for asked in NOTHING_THERE:
        response = await shelf.get(url(artifact, "fox.txt"), shelf.cast.vic, range=asked)

        assert problem(response) == (416, "BAD_INPUT")
        assert response.headers["content-range"] == "bytes */45"


CONDITIONS = [
    ({"if_none_match": "{tag}"}, 304),
    ({"if_none_match": 'W/{tag}, "other"'}, 304),
    ({"if_none_match": "*"}, 304),
    ({"if_none_match": '"other"'}, 200),
    ({"if_none_match": "not a tag {tag}"}, 200),
    ({"if_match": "{tag}"}, 200),
    ({"if_match": '"a,b", {tag}'}, 200),
    ({"if_match": "*"}, 200),
    ({"if_match": "W/{tag}"}, 412),
    ({"if_match": '"other"'}, 412),
    ({"if_match": '"other"', "if_none_match": "{tag}"}, 412),
    ({"if_match": "{tag}", "if_none_match": "{tag}"}, 304),
    ({"if_modified_since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200),
    ({"if_unmodified_since": "Fri, 01 Jan 1999 00:00:00 GMT"}, 200),
    ({"range": "bytes=0-3", "if_range": "{tag}"}, 206),
    ({"range": "bytes=0-3", "if_range": "W/{tag}"}, 200),
    ({"range": "bytes=0-3", "if_range": '"other"'}, 200),
    ({"range": "bytes=0-3", "if_range": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200),
    ({"range": "bytes=99-", "if_range": '"other"'}, 200),
    ({"range": "bytes=99-", "if_none_match": "{tag}"}, 304),
    ({"range": "bytes=99-", "if_match": '"other"'}, 412),
]


async def test_conditions_are_kept(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})

    for headers, status in CONDITIONS:
        given = {name: value.replace("{tag}", tag(TEXT)) for name, value in headers.items()}

        get = await shelf.get(url(artifact, "fox.txt"), shelf.cast.vic, **given)
        head = await shelf.ask("HEAD", url(artifact, "fox.txt"), shelf.cast.vic, **given)

        assert get.status_code == status
        assert head.status_code == (200 if status == 206 else status)
        assert get.headers["etag"] == head.headers["etag"] == tag(TEXT)
        if status == 412:
            assert problem(get) == (412, "BAD_INPUT")
        else:
            assert get.content == {200: TEXT, 206: TEXT[:4], 304: b""}[status]


async def test_a_file_that_has_not_come_is_no_download(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT}, missing={"later": b"later"})

    there = await shelf.get(url(artifact, "fox.txt"), shelf.cast.vic)
    later = await shelf.get(url(artifact, "later"), shelf.cast.vic)

    assert there.content == TEXT
    assert problem(later) == (409, "INVALID_STATE")


NOT_THERE = [
    "/artifacts/{id}/files/nothing",
    "/artifacts/{id}/files/",
    "/artifacts/{id}/files/fox.txt/",
    "/artifacts/{id}/files/fox.txt%00",
    "/artifacts/{id}/files/%2e%2e/files/fox.txt",
    "/artifacts/{id}/files/%ff%fe",
    "/artifacts/0/files/fox.txt",
    "/artifacts/-1/files/fox.txt",
    "/artifacts/99999999999999999999/files/fox.txt",
    "/artifacts/%D9%A1/files/fox.txt",
    "/artifacts/{id}/files/" + "x" * 5000,
]


async def test_what_is_not_there_is_not_found(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})

    for path in NOT_THERE:
        target = path.replace("{id}", str(artifact.id))

        request = shelf.http.build_request(
            "GET", "/", headers={"Authorization": f"Bearer {shelf.cast.ann.key}"}
        )
        request.url = request.url.copy_with(raw_path=target.encode())
        response = await shelf.http.send(request)

        assert problem(response) == (404, "NOT_FOUND")


async def test_bytes_that_every_store_has_lost_are_an_error_of_their_own(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})
    shelf.place(TEXT).unlink()

    with capture_logs() as logged:
        response = await shelf.get(url(artifact, "fox.txt"), shelf.cast.vic)
    head = await shelf.ask("HEAD", url(artifact, "fox.txt"), shelf.cast.vic)

    assert problem(response) == (500, "CONTENT_LOST")
    assert head.status_code == 200
    reference = re.search(r"Reference: ([0-9a-f]{32})", response.json()["detail"])
    assert reference is not None
    assert [each["reference"] for each in logged if each["event"] == "files.lost"] == [reference[1]]
    assert str(shelf.settings.data_dir) not in response.text


async def test_bytes_that_are_too_few_are_not_sent(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})
    shelf.place(TEXT).write_bytes(TEXT[:-1])

    response = await shelf.get(url(artifact, "fox.txt"), shelf.cast.vic)

    assert problem(response) == (500, "CONTENT_LOST")


async def test_when_one_store_has_lost_them_another_sends_them(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"more.bin": MORE})
    other = await FileStore.create(name="other", backend="memory", configuration={})
    await shelf.cast.lab.other_file_stores.add(other)
    await shelf.put(other, MORE)
    shelf.place(MORE).unlink()

    whole = await shelf.get(url(artifact, "more.bin"), shelf.cast.vic)
    part = await shelf.get(url(artifact, "more.bin"), shelf.cast.vic, range="bytes=2000000-")

    assert (whole.status_code, whole.content) == (200, MORE)
    assert (part.status_code, part.content) == (206, MORE[2000000:])


async def test_a_store_that_cannot_be_asked_is_no_loss(shelf: Shelf) -> None:
    away = await FileStore.create(
        name="away",
        backend="local",
        configuration={"base_directory": str(shelf.settings.data_dir / "no" / "disk")},
    )
    artifact = await shelf.artifact({"fox.txt": TEXT})
    await shelf.cast.lab.other_file_stores.add(away)
    await FileInStore.filter().update(store_id=away.id)

    response = await shelf.get(url(artifact, "fox.txt"), shelf.cast.vic)

    assert problem(response) == (503, "UNAVAILABLE")
    assert int(response.headers["retry-after"]) > 0
