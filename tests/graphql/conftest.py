"""The engine room with the small schema, served."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.graphql.small import Small, make_small, serve


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    """A server of its own for the test."""
    async with serve(make_small()) as served:
        yield served


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of HTTP."""
    async with httpx.AsyncClient(verify=False, timeout=10) as client:
        yield client
