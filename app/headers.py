"""The headers of a request, each found at once however many are asked for."""

from collections.abc import Iterable
from typing import Any

from starlette.types import Scope

HEADERS = "workyard.headers"  # where a scope keeps what was made of its headers


class Headers(dict[bytes, bytes]):
    """Headers by name, several of one name joined.

    Requests with the same head may share one (app/web/protocol.py): `made` is for what is made of the head, and of nothing else.
    """

    __slots__ = ("made",)

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        super().__init__(headers)
        self.made: dict[type, Any] = {}


def headers_of(scope: Scope) -> Headers:
    """A request's headers."""
    found: Headers | None = scope.get(HEADERS)
    if found is None:
        found = scope[HEADERS] = _by_name(list(scope["headers"]))
    return found


def header(scope: Scope, name: bytes) -> str:
    """A request's header, several of one name joined; empty when there is none."""
    value = headers_of(scope).get(name)
    return value.decode("latin-1") if value else ""


def _by_name(given: list[tuple[bytes, bytes]]) -> Headers:
    found = Headers(given)
    if len(found) < len(given):
        for name in found:
            found[name] = b", ".join(value for key, value in given if key == name)
    return found
