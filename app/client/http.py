"""One request, one answer: GraphQL over HTTP."""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx

from app.client.errors import GraphQLError, ProtocolError, Unauthenticated, Unavailable

ACCEPT = "application/graphql-response+json, application/json;q=0.9"

# Servers close idle connections after some seconds (uvicorn: 5). A request that is written into one at that moment
# is lost without telling whether it was carried out, so we let go of ours first.
KEEP_IDLE_SECONDS = 3.0

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class HTTP:
    """A pool of connections to one GraphQL endpoint."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        headers = {"accept": ACCEPT} | ({"authorization": f"Bearer {token}"} if token else {})
        limits = httpx.Limits(
            max_connections=None, max_keepalive_connections=20, keepalive_expiry=KEEP_IDLE_SECONDS
        )
        self.pool = httpx.AsyncClient(
            headers=headers,
            limits=limits,
            verify=_trust(),
            timeout=None,  # noqa: S113 (asyncio.timeout)
        )

    async def aclose(self) -> None:
        await self.pool.aclose()

    async def execute(
        self, document: str, variables: Mapping[str, Any] | None, timeout: float
    ) -> dict[str, Any]:
        return unwrap(await self._post({"query": document, "variables": variables or {}}, timeout))

    async def _post(self, body: dict[str, Any], timeout: float) -> httpx.Response:
        try:
            async with asyncio.timeout(timeout):
                return await self.pool.post(self.url, json=body)
        except TimeoutError as error:
            raise Unavailable(f"{self.url} did not answer within {timeout:g} seconds", sent=True) from error
        except NEVER_SENT as error:
            raise Unavailable(
                f"cannot reach {self.url}: {error or type(error).__name__}", sent=False
            ) from error
        except httpx.TransportError as error:
            raise Unavailable(f"lost {self.url}: {error or type(error).__name__}", sent=True) from error


@cache
def _trust() -> ssl.SSLContext:
    """The certificates of this machine. Reading them takes as long as a few requests: each process does so once."""
    return httpx.create_ssl_context()


def unwrap(response: httpx.Response) -> dict[str, Any]:
    """The `data` of an answer, or the exception that the answer amounts to."""
    answer = graphql_answer(response)
    if answer is None:
        raise not_graphql(response)
    errors, data = answer.get("errors"), answer.get("data")
    if not errors and isinstance(data, dict):
        return data
    error = GraphQLError.of(errors or [{"message": "the answer has neither data nor errors"}], data)
    if "UNAVAILABLE" in error.codes:
        raise Unavailable(str(error), sent=True, retry_after=error.retry_after) from error
    raise error


def graphql_answer(response: httpx.Response) -> dict[str, Any] | None:
    if "json" not in response.headers.get("content-type", ""):
        return None
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and ("data" in answer or "errors" in answer) else None


def not_graphql(response: httpx.Response) -> Exception:
    """What a status without a GraphQL answer means: usually that something stands between us and the server."""
    said = f"{response.request.url} answered {response.status_code} {response.reason_phrase}"
    if response.status_code == 401:
        return Unauthenticated.saying("UNAUTHENTICATED", said)
    if response.status_code in (429, 503):
        return Unavailable(said, sent=False, retry_after=seconds(response.headers.get("retry-after")))
    if response.status_code in (408, 502, 504):
        return Unavailable(said, sent=True)
    return ProtocolError(f"{said}, which is not GraphQL: is this the address of a Workyard server?")


def seconds(retry_after: str | None) -> float | None:
    """Retry-After as seconds, at most a minute; its other form, a date, is left to our own back-off."""
    return min(float(retry_after), 60.0) if retry_after and retry_after.isdigit() else None
