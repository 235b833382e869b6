"""As little of an HTTP client as will do, so that what is measured is the server."""

import asyncio
import re
from typing import Any, Self, cast

import orjson

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """One connection that carries one request at a time; made anew when the server closed it for want of any."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._head = (
            f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nAccept: application/graphql-response+json\r\nContent-Length: "
        ).encode()
        self._transport: asyncio.Transport
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] | None = None

    async def open(self) -> Self:
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
        return self

    async def execute(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of an operation, which must have no errors."""
        if self._transport.is_closing():
            await self.open()
        body = orjson.dumps({"query": query, "variables": variables})
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)
        answer = orjson.loads(await self._answer)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = LENGTH.search(head)
        assert length
        if len(body) >= int(length[1]):
            self._received.clear()
            assert self._answer
            self._answer.set_result(bytes(body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the server closed the connection"))
