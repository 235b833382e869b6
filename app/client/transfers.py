"""The bytes of one file, to a server or from it: in one piece if possible, from where they stopped if not."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from app.client.backoff import Backoff
from app.client.content import CHUNK, Content, content_of
from app.client.errors import Corrupted, ProtocolError, TransferError, Unauthenticated, Unavailable
from app.client.http import NEVER_SENT, seconds
from app.client.parts import Part

OnBytes = Callable[[int], None]
"""Told how many bytes of the file are there, each time that there are more (or fewer, after a mishap)."""

MISMATCHES_TO_BEAR = 3

ASK_FIRST = 4 * 1024 * 1024
"""A larger rest is only sent once the server has said that it would take it: HTTP would have us send all of it first."""

# After the last byte the server may have to bring a large file to a store that is far away.
UPLOADING = httpx.Timeout(connect=10, read=300, write=60, pool=None)
DOWNLOADING = httpx.Timeout(connect=10, read=60, write=60, pool=None)

LATER = {423, 429, 503}
LOST = {408, 500, 502, 504}


@dataclass(frozen=True)
class Patience:
    """How long one transfer is tried without a byte coming through.

    `failures` in a row are borne (None: any number), with pauses as `backoff` says; and so many `busy_seconds` during
    which the server asks to come later, because somebody else writes the same file or its store is away.
    """

    failures: int | None = 8
    busy_seconds: float | None = 600
    backoff: Backoff = field(default=Backoff(base=0.3, cap=15))


PATIENCE = Patience()


class Transfers:
    """Speaks to one server. URLs that the server gives are taken as ways below the address that we know it by: it may
    call itself by another one, and nobody else shall see our token."""

    def __init__(self, http: httpx.AsyncClient, base: str) -> None:
        self._http = http
        self._base = base

    async def upload(
        self,
        url: str,
        source: Path,
        content: Content,
        *,
        on_bytes: OnBytes = lambda _: None,
        offset: int | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        """Send a file until the server has all of it. `offset` is how much it has, if that is known and not all.

        Raises Unavailable when the server stays away, Corrupted when the file is not what was declared, TransferError
        when it is refused, or was put off for too long.
        """
        tries = Tries(patience)
        mismatches = 0
        while True:
            try:
                if offset is None:
                    offset = await self._received(url, content)
                tries.at(offset)
                on_bytes(offset)
                if offset == content.size:
                    return
                if content.size - offset > ASK_FIRST:
                    await self._touch(url, offset)
                if await self._send(url, source, content, offset, on_bytes):
                    return
            except Mismatch as error:
                mismatches += 1
                if mismatches >= MISMATCHES_TO_BEAR or await asyncio.to_thread(content_of, source) != content:
                    raise Corrupted(f"{source} is not what was declared: {error}", status=409) from error
            except Unavailable as error:
                await tries.again(error)
            offset = None

    async def _received(self, url: str, content: Content) -> int:
        """How many bytes the server has; all of them only when it is done with the file."""
        answer = await self._ask("HEAD", url)
        offset = int(answer.headers.get("upload-offset", "-1"))
        if not 0 <= offset <= content.size:
            raise ProtocolError(f"{answer.request.url} does not say how many bytes it has")
        if offset == content.size and "etag" not in answer.headers:  # it was stopped before it was done
            await self._touch(url, offset)
        return offset

    async def _touch(self, url: str, offset: int) -> None:
        """Send nothing: hear whether we may, and have what is all there brought to its end."""
        given = {"upload-offset": str(offset), "content-type": "application/offset+octet-stream"}
        await self._ask("PATCH", url, given)

    async def _send(self, url: str, source: Path, content: Content, offset: int, on_bytes: OnBytes) -> bool:
        """Send the rest; whether the server is done with the file."""
        given = {
            "content-range": f"bytes {offset}-{content.size - 1}/{content.size}",
            "content-length": str(content.size - offset),
        }
        with source.open("rb") as file:
            file.seek(offset)
            answer = await self._ask("PUT", url, given, pieces(file, offset, content.size, on_bytes))
        return answer.status_code == 201

    async def _ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: AsyncIterator[bytes] | None = None,
    ) -> httpx.Response:
        given = {"accept": "*/*", "accept-encoding": "identity", "tus-resumable": "1.0.0", **(headers or {})}
        async with self._answer(method, self._here(url), given, body, UPLOADING) as response:
            return response

    async def download(
        self,
        url: str,
        target: Path,
        content: Content,
        *,
        on_bytes: OnBytes = lambda _: None,
        patience: Patience = PATIENCE,
    ) -> None:
        """Fetch a file, and put it where it belongs once all of it is there and its hash is right.

        What came before an interruption, also of an earlier program, is kept beside the target and not fetched again.
        Raises Unavailable, Corrupted, TransferError as `upload` does.
        """
        tries = Tries(patience)
        mismatches = 0
        with Part(target, content) as part:
            await asyncio.to_thread(part.read)
            while True:
                try:
                    tries.at(part.length)
                    on_bytes(part.length)
                    if part.length < content.size:
                        await self._fetch(url, part, content, on_bytes)
                    if await asyncio.to_thread(part.finish):
                        return
                    mismatches += 1
                    if mismatches >= MISMATCHES_TO_BEAR:
                        raise Corrupted(
                            f"the server gives other bytes than those that it declared for {target}"
                        )
                except Unavailable as error:
                    await tries.again(error)

    async def _fetch(self, url: str, part: Part, content: Content, on_bytes: OnBytes) -> None:
        given = {"accept": "*/*", "accept-encoding": "identity"}
        if part.length:
            given["range"] = f"bytes={part.length}-"
        async with self._answer("GET", self._here(url), given, None, DOWNLOADING) as response:
            if response.status_code == 206:
                if not response.headers.get("content-range", "").startswith(f"bytes {part.length}-"):
                    raise ProtocolError(f"{response.request.url} answered another range than was asked for")
            else:
                part.restart()
            try:
                async for chunk in response.aiter_raw(CHUNK):
                    await asyncio.to_thread(part.add, chunk)
                    on_bytes(part.length)
                    if part.length > content.size:
                        return
            except httpx.RequestError as error:
                raise Unavailable(f"lost {response.request.url}: {said_by(error)}", sent=True) from error
            if part.length < content.size:
                raise Unavailable(f"{response.request.url} ended its answer too early", sent=True)

    def _here(self, url: str) -> str:
        parts = urlsplit(url)
        found = parts.path.find("/artifacts/")
        if found < 0:
            raise ProtocolError(f"the server gave {url[:200]!r} as the address of a file")
        return self._base + parts.path[found:] + (f"?{parts.query}" if parts.query else "")

    def _answer(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: AsyncIterator[bytes] | None,
        timeout: httpx.Timeout,
    ) -> "Answer":
        request = self._http.build_request(method, url, headers=headers, content=body, timeout=timeout)
        return Answer(self._http, request)


class Answer:
    """The answer to a request while its body is read; entering raises what an answer of refusal amounts to."""

    def __init__(self, http: httpx.AsyncClient, request: httpx.Request) -> None:
        self._http = http
        self._request = request
        self._response: httpx.Response | None = None

    async def __aenter__(self) -> httpx.Response:
        try:
            # Only a download may lead elsewhere, to the store itself; httpx leaves our token out there.
            self._response = await self._http.send(
                self._request, stream=True, follow_redirects=self._request.method == "GET"
            )
            if not self._response.is_success:
                await self._response.aread()
        except NEVER_SENT as error:
            raise Unavailable(f"cannot reach {self._request.url}: {said_by(error)}", sent=False) from error
        except httpx.RequestError as error:
            raise Unavailable(f"lost {self._request.url}: {said_by(error)}", sent=True) from error
        if not self._response.is_success:
            raise refusal(self._response)
        return self._response

    async def __aexit__(self, *exc: object) -> None:
        if self._response is not None:
            await self._response.aclose()


class Mismatch(Exception):
    """All bytes came, and were not those that the hash says; the server has thrown them away."""


class Tries:
    """Counts what goes wrong in a row, and waits between."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._furthest = -1
        self._failures = 0
        self._busy_since: float | None = None

    def at(self, offset: int) -> None:
        """So many bytes are there: when they are more than ever, all counts begin anew."""
        if offset > self._furthest:
            self._furthest, self._failures, self._busy_since = offset, 0, None

    async def again(self, error: Unavailable) -> None:
        """Wait before the next try; raise the error when it was the last one."""
        patience, now = self._patience, monotonic()
        if isinstance(error, Busy):
            self._busy_since = now if self._busy_since is None else self._busy_since
            if patience.busy_seconds is not None and now - self._busy_since > patience.busy_seconds:
                raise TransferError(f"waited in vain: {error}", code="UNAVAILABLE") from error
            return await asyncio.sleep((error.retry_after or 1.0) * random.uniform(1.0, 1.3))
        if patience.failures is not None and self._failures >= patience.failures:
            raise error
        self._failures += 1
        return await asyncio.sleep(patience.backoff.delay(self._failures))


class Busy(Unavailable):
    """The server asks to come later."""


async def pieces(file: BinaryIO, offset: int, end: int, on_bytes: OnBytes) -> AsyncIterator[bytes]:
    while offset < end:
        chunk = await asyncio.to_thread(file.read, min(CHUNK, end - offset))
        if not chunk:
            raise Corrupted(f"{file.name} became shorter while it was sent")
        yield chunk
        offset += len(chunk)
        on_bytes(offset)


def refusal(response: httpx.Response) -> Exception:
    """What an answer that is no success amounts to."""
    status, problem = response.status_code, problem_of(response)
    reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else str(status)
    said = (
        problem.get("detail") or problem.get("title") or f"{response.request.url} answered {status} {reason}"
    )
    if status == 401:
        return Unauthenticated.saying("UNAUTHENTICATED", said)
    if status == 409 and response.headers.get("upload-offset") == "0":
        return Mismatch(said)
    if status in LATER:
        return Busy(said, sent=True, retry_after=seconds(response.headers.get("retry-after")))
    if problem.get("code") == "CONTENT_LOST":
        return TransferError(said, status=status, code="CONTENT_LOST")
    elsewhere = status in (400, 409) and "upload-offset" in response.headers  # than where we thought it is
    if status in LOST or elsewhere:
        return Unavailable(said, sent=True)
    return TransferError(said, status=status, code=problem.get("code"))


def problem_of(response: httpx.Response) -> dict[str, str]:
    """The problem (RFC 9457) that an answer tells, as far as it tells one."""
    try:
        problem = response.json()
    except ValueError:
        return {}
    return {name: str(value) for name, value in problem.items()} if isinstance(problem, dict) else {}


def said_by(error: Exception) -> str:
    return str(error) or type(error).__name__
