"""Senders that die, say nothing, come twice, or lose their rights while they send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from app.access import Scope
from app.actions import work
from app.actions.tokens import make_token
from app.models import (
    Artifact,
    FileInStore,
    FileUpload,
    Token,
    TokenKind,
    WorkRequestResult,
    WorkspaceMembership,
)
from tests.web.files.sending import CONTENT, DONE, LIMIT, NOTHING, OTHER, PATH, TUS, Sender, part_of
from tests.web.files.shelf import Shelf


@pytest.fixture
async def sender(shelf: Shelf) -> Sender:
    """Of a file of 100 bytes, the only one of its artifact."""
    return Sender(shelf, await shelf.artifact({}, missing={PATH: CONTENT}))


@dataclass
class Wire:
    """A sender that has begun to send, byte by byte as the test likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def die(self) -> None:
        """Be gone without a word more."""
        self.writer.transport.abort()

    async def answer(self) -> tuple[int, str]:
        """The status and the headers."""
        async with asyncio.timeout(LIMIT):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        return int(head.split()[1]), head


@asynccontextmanager
async def sending(sender: Sender, method: str = "PUT", **headers: str) -> AsyncIterator[Wire]:
    """A request of bob's whose headers have been sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sender.shelf.settings.port)
    given = sender.headers(None, {"Host": "test", "Content_Length": "100", **headers})
    lines = [f"{method} {sender.url.replace(' ', '%20')} HTTP/1.1", *(f"{n}: {v}" for n, v in given.items())]
    try:
        wire = Wire(reader, writer)
        await wire.send("\r\n".join([*lines, "", ""]).encode())
        yield wire
    finally:
        writer.transport.abort()


# Senders -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", {}),
        ("PUT", {"Content_Range": "bytes 0-99/100"}),
        ("PATCH", {"Tus_Resumable": "1.0.0", "Upload_Offset": "0", "Content_Type": TUS}),
    ],
)
async def test_what_came_before_a_cut_is_kept_and_gone_on_from(
    sender: Sender, method: str, headers: dict[str, str]
) -> None:
    async with sending(sender, method, **headers) as wire:
        await wire.send(CONTENT[:30])
        await sender.until_offset(30)
        await wire.send(CONTENT[30:41])
        await sender.until_offset(41)
        await wire.die()
        await until_free(sender)

    assert await sender.state() == part_of(CONTENT[:41])
    assert await sender.events() == [("file_progressed", {"path": PATH, "received_bytes": 41, "size": 100})]
    assert (await sender.patch(CONTENT[41:], 41)).status_code == 204
    assert await sender.state() == DONE


async def test_a_file_takes_one_sender_at_a_time(sender: Sender) -> None:
    async with sending(sender) as wire:
        await wire.send(CONTENT[:30])
        await sender.until_offset(30)
        others = await sender.put(OTHER), await sender.patch(OTHER[30:], 30)
        await wire.send(CONTENT[30:])
        status, _ = await wire.answer()

    assert [(other.status_code, other.headers["retry-after"]) for other in others] == [(423, "2")] * 2
    assert others[0].json()["code"] == "CONFLICT"
    assert status == 201
    assert await sender.state() == DONE


async def test_of_many_who_send_at_once_nobody_spoils_it(sender: Sender) -> None:
    answers = await asyncio.gather(*[sender.put(CONTENT) for _ in range(8)])

    assert {answer.status_code for answer in answers} <= {201, 423}
    assert 201 in {answer.status_code for answer in answers}
    assert await sender.state() == DONE
    assert [name for name, _ in await sender.events()].count("file_completed") == 1


async def test_the_same_content_may_come_for_many_files_at_once(shelf: Shelf) -> None:
    paths = [f"copy {number}" for number in range(8)]
    artifact = await shelf.artifact({}, missing=dict.fromkeys(paths, CONTENT))
    senders = [Sender(shelf, artifact, path) for path in paths]

    answers = await asyncio.gather(*[sender.put(CONTENT) for sender in senders])

    assert [answer.status_code for answer in answers] == [201] * 8
    assert await FileInStore.all().count() == 1
    assert await senders[0].state() == DONE
    assert [name for name, _ in await senders[0].events()].count("completed") == 1


async def test_who_says_nothing_for_long_makes_way_for_others(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.files.receiving.SECONDS_WITHOUT_BYTES", 0.5)
    async with sending(sender) as wire:
        await wire.send(CONTENT[:30])
        status, head = await wire.answer()

    assert status == 408
    assert "connection: close" in head.lower()
    assert await sender.state() == part_of(CONTENT[:30])
    assert (await sender.put(CONTENT[30:], "bytes 30-99/100")).status_code == 201


async def test_a_refused_body_is_not_waited_for_when_it_waits_for_us(sender: Sender) -> None:
    async with sending(sender, Expect="100-continue", Content_Range="bytes 40-99/100") as wire:
        status, head = await wire.answer()

    assert status == 400
    assert "connection: close" in head.lower()


async def test_a_body_that_waits_for_us_is_asked_for(sender: Sender) -> None:
    async with sending(sender, Expect="100-continue") as wire:
        first, _ = await wire.answer()
        await wire.send(CONTENT)
        second, _ = await wire.answer()

    assert (first, second) == (100, 201)


async def until_free(sender: Sender) -> None:
    """Wait until nobody sends the file."""
    async with asyncio.timeout(LIMIT):
        while (await sender.patch(b"", await sender.offset())).status_code == 423:
            await asyncio.sleep(0.01)


# Rights --------------------------------------------------------------------------------------------------------------


async def test_a_token_that_is_revoked_ends_its_upload(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.files.receiving.SECONDS_BETWEEN_LOOKS", 0.0)
    ann = sender.shelf.cast.ann
    async with sending(sender) as wire:
        await wire.send(CONTENT[:30])
        async with asyncio.timeout(LIMIT):
            while int((await sender.head(ann)).headers["upload-offset"]) != 30:
                await asyncio.sleep(0.01)
        await Token.filter(id=sender.shelf.cast.bob.token.id).update(enabled=False)
        await wire.send(CONTENT[30:60])
        status, _ = await wire.answer()

    assert status == 401
    assert await sender.state() == part_of(CONTENT[:60])


async def test_who_loses_their_role_ends_their_upload(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.files.receiving.SECONDS_BETWEEN_LOOKS", 0.0)
    async with sending(sender) as wire:
        await wire.send(CONTENT[:30])
        await sender.until_offset(30)
        await WorkspaceMembership.filter(user_id=sender.shelf.cast.bob.user.id).delete()
        await wire.send(CONTENT[30:60])
        status, _ = await wire.answer()

    assert status == 403
    assert await sender.state() == part_of(CONTENT[:60])


async def test_an_upload_ends_with_its_artifact(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.files.receiving.SECONDS_BETWEEN_LOOKS", 0.0)
    async with sending(sender) as wire:
        await wire.send(CONTENT[:30])
        await sender.until_offset(30)
        await Artifact.filter(id=sender.artifact.id).delete()
        await wire.send(CONTENT[30:60])
        status, _ = await wire.answer()

    assert status == 404
    assert await FileUpload.all().count() == 0


async def test_progress_is_told_while_bytes_come(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.files.receiving.SECONDS_BETWEEN_LOOKS", 0.0)
    async with sending(sender) as wire:
        await wire.send(CONTENT[:30])
        await sender.until_offset(30)
        await wire.send(CONTENT[30:60])
        await sender.until_offset(60)
        await wire.send(CONTENT[60:])
        await wire.answer()

    said = [about["received_bytes"] for name, about in await sender.events() if name == "file_progressed"]
    assert said == [30, 60, 100]


async def test_progress_is_not_told_more_than_once_a_second(sender: Sender) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with sending(sender) as wire:
        for number in range(100):
            await wire.send(CONTENT[number : number + 1])
            if number % 10 == 0:
                await sender.until_offset(number + 1)
        await wire.answer()

    said = [name for name, _ in await sender.events()].count("file_progressed")
    assert said <= loop.time() - began + 1


async def test_who_may_send(shelf: Shelf) -> None:
    cast = shelf.cast
    sender = Sender(shelf, await shelf.artifact({}, missing={PATH: CONTENT}))
    read_only = await reading_token(cast.ann.user.id, cast.tenant.id)
    refused = {
        "nobody": await shelf.http.put(sender.url, content=CONTENT),
        "a wrong token": await sender.put(CONTENT, who="x" * 64),
        "vic, who may look": await sender.put(CONTENT, who=cast.vic),
        "eve, a stranger": await sender.put(CONTENT, who=cast.eve),
        "zoe, of another tenant": await sender.put(CONTENT, who=cast.zoe),
        "a worker": await sender.put(CONTENT, who=cast.machine),
        "a token that reads": await sender.put(CONTENT, who=read_only),
    }

    assert {who: answer.status_code for who, answer in refused.items()} == {
        "nobody": 404,
        "a wrong token": 401,
        "vic, who may look": 403,
        "eve, a stranger": 404,
        "zoe, of another tenant": 404,
        "a worker": 404,
        "a token that reads": 403,
    }
    assert await sender.state() == NOTHING
    for who in (cast.ann, cast.bob, cast.root):
        other = Sender(shelf, await shelf.artifact({}, missing={PATH: who.key.encode()}))
        assert (await other.put(who.key.encode(), who=who)).status_code == 201


async def test_a_worker_sends_only_what_a_request_that_it_runs_has_made(shelf: Shelf) -> None:
    machine = shelf.cast.machine
    await shelf.cast.request()
    request = await work.acquire_work_request(await machine.viewer())
    assert request is not None
    made = Sender(
        shelf, await shelf.artifact({}, missing={PATH: CONTENT}, created_by_work_request_id=request.id)
    )
    taken = Sender(shelf, await shelf.artifact({}, missing={PATH: OTHER}))
    await taken.artifact.used_by.add(request)

    output, input = await made.put(CONTENT, who=machine), await taken.put(OTHER, who=machine)
    await work.complete_work_request(
        await machine.viewer(), request.id, attempt=request.attempt, result=WorkRequestResult.SUCCESS
    )
    afterwards = await made.put(CONTENT, who=machine)

    assert (output.status_code, input.status_code, afterwards.status_code) == (201, 403, 404)
    assert await made.state() == DONE


async def reading_token(user_id: int, tenant_id: int) -> str:
    """A token that may be used for reading only."""
    token = await make_token(tenant_id, TokenKind.API, user_id=user_id, scopes=(Scope.READ,))
    assert token.key is not None
    return token.key


async def test_a_cookie_sends_nothing_from_pages_of_others(sender: Sender) -> None:
    cookie = {"Cookie": f"workyard_session={sender.shelf.cast.bob.key}"}

    elsewhere = await sender.shelf.http.put(
        sender.url, content=CONTENT, headers=cookie | {"Origin": "https://elsewhere.example"}
    )
    nowhere = await sender.shelf.http.put(sender.url, content=CONTENT, headers=cookie)
    ours = await sender.shelf.http.put(
        sender.url, content=CONTENT, headers=cookie | {"Origin": sender.shelf.settings.bind_url}
    )

    assert (elsewhere.status_code, nowhere.status_code, ours.status_code) == (403, 403, 201)
