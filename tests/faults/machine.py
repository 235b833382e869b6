"""A worker that a test plays itself, over the public API."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from app.client import Client

ACTIVATE = "mutation { createActivationToken(input: {minutes: 60}) { key userErrors { code message } } }"
REGISTER = """mutation ($in: RegisterWorkerInput!) { registerWorker(input: $in) {
  worker { name } key userErrors { code message } } }"""
DESCRIBE = """mutation { updateWorkerDynamicMetadata(input: {metadata: {tags: ["task:noop"]}}) {
  worker { id } userErrors { code message } } }"""
ACQUIRE = """mutation { acquireWorkRequest(input: {}) {
  workRequest { id attempt } userErrors { code message } } }"""
COMPLETE = """mutation ($in: CompleteWorkRequestInput!) { completeWorkRequest(input: $in) {
  workRequest { id } userErrors { code message } } }"""
INBOX = "subscription ($after: Cursor) { workerInbox(after: $after) { __typename cursor } }"
CREATE = """mutation ($in: CreateWorkRequestInput!) { createWorkRequest(input: $in) {
  workRequest { id } userErrors { code message path } } }"""


class Machine:
    """A worker that can run noop."""

    def __init__(self, name: str, key: str) -> None:
        self.name, self.key = name, key

    @classmethod
    async def register(cls, url: str, admin: Client) -> "Machine":
        """A new one, enabled, but not connected."""
        activation = (await admin.mutate(ACTIVATE))["key"]
        async with Client(url) as stranger:
            given = {"fqdn": "machine.lan", "activationToken": activation, "concurrency": 5}
            made = await stranger.mutate(REGISTER, {"in": given})
        machine = cls(made["worker"]["name"], made["key"])
        async with Client(url, machine.key) as client:
            await client.mutate(DESCRIBE)
        return machine

    @asynccontextmanager
    async def connected(self, url: str) -> AsyncIterator[None]:
        """Hold a connection to a server until this ends."""
        async with Client(url, self.key) as client, aclosing(client.subscribe(INBOX)) as messages:
            await anext(messages)
            yield

    async def acquire(self, url: str) -> dict[str, Any] | None:
        """Claim a work request."""
        async with Client(url, self.key) as client:
            found: dict[str, Any] | None = (await client.mutate(ACQUIRE))["workRequest"]
        return found
