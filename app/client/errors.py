"""What can go wrong for a caller of the client.

ClientError
├── Unavailable        no answer: the connection failed, timed out, or a proxy answered for the server
├── ProtocolError      something answered that does not speak GraphQL as we do; trying again will not help
├── GraphQLError       the server answered with top-level errors
│   ├── Unauthenticated    the token is unknown, disabled or expired
│   └── CursorExpired      the events after this cursor are gone: read the state, then follow from now
├── UserErrors         a mutation refused, and said why in its payload
├── BadPath            a path that no file of an artifact may have, or a local file that cannot be one
└── TransferError      a file was not taken or not given, and trying again will not help
    └── Corrupted          its bytes are not those that its hash says, or it changed meanwhile
"""

from collections.abc import Sequence
from typing import Any, Self


class ClientError(Exception):
    """Anything that the client raises by itself."""


class Unavailable(ClientError):
    """No answer. `sent` tells whether the server may have carried the request out all the same."""

    def __init__(self, message: str, *, sent: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.sent = sent
        self.retry_after = retry_after


class ProtocolError(ClientError):
    """What answered does not speak GraphQL, or not the same protocol."""


class GraphQLError(ClientError):
    """Top-level errors, as the server sent them; `data` is what it could answer nevertheless."""

    def __init__(self, errors: Sequence[dict[str, Any]], data: dict[str, Any] | None = None) -> None:
        super().__init__("; ".join(str(error.get("message")) for error in errors))
        self.errors = list(errors)
        self.data = data

    @property
    def codes(self) -> list[str]:
        """`extensions.code` of each error that has one."""
        extensions = [error.get("extensions") or {} for error in self.errors]
        return [str(each["code"]) for each in extensions if "code" in each]

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the server says that the same request may pass."""
        extensions = [error.get("extensions") or {} for error in self.errors]
        return max((float(each["retryAfter"]) for each in extensions if each.get("retryAfter")), default=None)

    @classmethod
    def of(cls, errors: Sequence[dict[str, Any]], data: dict[str, Any] | None = None) -> "GraphQLError":
        """The most telling class for these errors."""
        codes = GraphQLError(errors).codes
        kind = next((BY_CODE[code] for code in codes if code in BY_CODE), GraphQLError)
        return kind(errors, data)

    @classmethod
    def saying(cls, code: str, message: str) -> Self:
        """One error that did not come as GraphQL, such as a status or a close code."""
        return cls([{"message": message, "extensions": {"code": code}}])


class Unauthenticated(GraphQLError):
    """The token is missing, unknown, disabled or expired: the server does not say which."""


class CursorExpired(GraphQLError):
    """The server no longer holds the events after the cursor."""


BY_CODE: dict[str, type[GraphQLError]] = {
    "UNAUTHENTICATED": Unauthenticated,
    "CURSOR_EXPIRED": CursorExpired,
}


class UserErrors(ClientError):
    """A mutation changed nothing; `errors` are its `userErrors`, `payload` the rest of what it answered."""

    def __init__(self, errors: Sequence[dict[str, Any]], payload: dict[str, Any]) -> None:
        super().__init__("; ".join(str(error.get("message")) for error in errors))
        self.errors = list(errors)
        self.payload = payload

    @property
    def codes(self) -> list[str]:
        return [str(error["code"]) for error in self.errors if "code" in error]


class BadPath(ClientError):
    """A path that no file of an artifact may have, that leads out of its directory, or that names no file here."""


class TransferError(ClientError):
    """The server does not take or give a file: its HTTP `status`, and the stable `code` of its answer, if any."""

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Corrupted(TransferError):
    """Bytes that are not those that the hash says: they changed on their way, or at home meanwhile."""
