"""A real server, as an operator starts it: `python -m app serve` in a process and with a database of its own."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.database.address import Credentials
from tests.database.cluster import Databases

PASSWORD = "correct horse battery staple"
SECONDS_TO_START = 60
SECONDS_TO_STOP = 20


@dataclass
class LiveServer:
    """Where the server is, and how its administrator signs in."""

    url: str
    credentials: Credentials
    process: Process
    admin_username: str = "admin"
    admin_password: str = PASSWORD

    @property
    def graphql(self) -> str:
        return f"{self.url}/graphql"

    @property
    def websocket(self) -> str:
        return self.graphql.replace("http", "ws", 1)

    async def sign_in(self) -> str:
        """A key of the administrator."""
        answer = await self.execute(
            "mutation($input: SignInInput!) { signIn(input: $input) { key userErrors { message } } }",
            {"input": {"username": self.admin_username, "password": self.admin_password}},
        )
        assert answer["signIn"]["userErrors"] == []
        return str(answer["signIn"]["key"])

    async def execute(
        self, query: str, variables: dict[str, Any] | None = None, *, key: str = ""
    ) -> dict[str, Any]:
        """The data of an operation that has no errors."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Everywhere in these tests: certificates are of no use over HTTP, and to read them takes 30 ms for each client.
        async with httpx.AsyncClient(verify=False, timeout=30, headers=headers) as http:
            response = await http.post(self.graphql, json={"query": query, "variables": variables})
        body: dict[str, Any] = response.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data


@pytest.fixture(scope="session")
async def live_server(databases: Databases) -> AsyncIterator[LiveServer]:
    """One server for all tests that ask; they share its database, so look only for what you made."""
    async with start_server(databases) as server:
        yield server


@asynccontextmanager
async def start_server(databases: Databases, **environment: str) -> AsyncIterator[LiveServer]:
    """A server for one test, with these settings."""
    credentials = await databases.make()
    try:
        async with run_server(credentials, **environment) as server:
            yield server
    finally:
        await databases.drop(credentials)


@asynccontextmanager
async def run_server(
    credentials: Credentials, program: Sequence[str] = ("-m", "app", "serve"), **environment: str
) -> AsyncIterator[LiveServer]:
    """A server on a database that is there already. SIGTERM ends it."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env={
            **os.environ,
            "DATABASE_URL": url_of(credentials),
            "WORKYARD_PORT": str(port),
            "WORKYARD_ADMIN_PASSWORD": PASSWORD,
            "LOG_FORMAT": "json",
            **environment,
        },
    )
    try:
        reading = await _wait_until_it_serves(process)
        yield LiveServer(f"http://127.0.0.1:{port}", credentials, process)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(SECONDS_TO_STOP):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
                raise
    await reading


async def _wait_until_it_serves(process: Process) -> "asyncio.Task[None]":
    lines: list[str] = []
    assert process.stdout is not None
    async with asyncio.timeout(SECONDS_TO_START):
        while line := (await process.stdout.readline()).decode():
            lines.append(line)
            if "serving http" in line:
                return asyncio.create_task(_drop(process.stdout))
    raise AssertionError("The server ended before it served:\n" + "".join(lines))


async def _drop(output: asyncio.StreamReader) -> None:
    """Read on, so that the server never waits for a reader of its log."""
    while await output.read(65536):
        pass


def url_of(credentials: Credentials) -> str:
    """The DATABASE_URL of a database of the tests."""
    user, host = quote(credentials["user"]), quote(str(credentials["host"]), safe="")
    return f"postgresql://{user}@/{credentials['database']}?host={host}"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
