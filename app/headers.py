"""The headers of a request, each found at once however many are asked for."""

from collections.abc import Iterable

from starlette.types import Scope

HEADERS = "workyard.headers"  # where a scope keeps what was made of its headers


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """A request's headers by name, several of one name joined."""
    found: dict[bytes, bytes] | None = scope.get(HEADERS)
    if found is None:
        found = scope[HEADERS] = _by_name(scope["headers"])
    return found


def header(scope: Scope, name: bytes) -> str:
    """A request's header, several of one name joined; empty when there is none."""
    value = headers_of(scope).get(name)
    return value.decode("latin-1") if value else ""


def _by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    given = list(headers)
    found = dict(given)
    if len(found) < len(given):
        for name in found:
            found[name] = b", ".join(value for key, value in given if key == name)
    return found
