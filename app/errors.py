"""The tree of errors that callers may see.

    AppError
    ├── UserError                 becomes an entry of a mutation's `userErrors`
    │   ├── Invalid               input that breaks a rule, field by field
    │   │   └── InvalidCrontab    when a schedule runs cannot be read, or never comes
    │   ├── NotFound              absent or invisible: the caller cannot tell which
    │   │   └── UnknownActor      a task for an actor that nothing here declares
    │   ├── Forbidden             visible, but not allowed
    │   ├── Conflict              somebody else was there first
    │   │   ├── UploadBusy        somebody else is sending the same file just now
    │   │   └── UploadDiscarded   the bytes of a file were not what was announced, or are gone
    │   ├── InvalidState          the object is in a state that does not permit the verb
    │   │   └── StaleAttempt      a worker reports on an attempt that is no longer its own
    │   └── LimitExceeded         too much or too often; says when to try again
    │       └── MessageTooLarge   a task's message is more than a row may hold
    └── RequestError              a top-level GraphQL error: the request itself cannot be served
        ├── BadInput              an id, cursor or literal that does not decode
        ├── Unauthenticated       no identity, or one that is unknown, disabled or expired
        ├── CursorExpired         the cursor lies before what the event log still holds
        ├── Unavailable           a part that is needed is not reachable just now
        └── ContentLost           the bytes of a file are gone from every store

Anything else that a resolver raises is a fault of ours: it is logged with an id, and the caller sees only that id.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """What kind of situation an error names. Stable: programs may branch on it."""

    VALIDATION = "VALIDATION"
    INVALID_CRONTAB = "INVALID_CRONTAB"
    NOT_FOUND = "NOT_FOUND"
    UNKNOWN_ACTOR = "UNKNOWN_ACTOR"
    FORBIDDEN = "FORBIDDEN"
    CONFLICT = "CONFLICT"
    INVALID_STATE = "INVALID_STATE"
    STALE_ATTEMPT = "STALE_ATTEMPT"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    BAD_INPUT = "BAD_INPUT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    UNAVAILABLE = "UNAVAILABLE"
    CONTENT_LOST = "CONTENT_LOST"
    INTERNAL = "INTERNAL"


class AppError(Exception):
    """A situation that the caller may know about. `extensions` goes into the GraphQL response."""

    code: ErrorCode

    def __init__(self, message: str, *, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    @property
    def extensions(self) -> dict[str, Any]:
        extensions: dict[str, Any] = {"code": self.code.value}
        if self.path:
            extensions["path"] = list(self.path)
        return extensions


class UserError(AppError):
    """A refusal that a mutation reports in its payload; outside a mutation it is a top-level error."""


@dataclass(frozen=True)
class FieldError:
    """One rule that one input field breaks; `path` leads to the field, as the client spelled it."""

    path: tuple[str, ...]
    message: str
    code: str = "INVALID"


class Invalid(UserError):
    """Input breaks one or more rules. Nothing was changed."""

    code = ErrorCode.VALIDATION

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(" ".join(error.message for error in errors), path=errors[0].path)
        self.errors = errors

    @classmethod
    def field(cls, name: str, message: str, code: str = "INVALID") -> "Invalid":
        """The common case: one field of the mutation's input."""
        return cls(FieldError(("input", *name.split(".")), message, code))


class InvalidCrontab(Invalid):
    """A crontab that cannot be read, that is too long, or whose time never comes, as 30 February."""

    code = ErrorCode.INVALID_CRONTAB

    def __init__(self, message: str) -> None:
        super().__init__(FieldError(("input", "crontab"), message, "INVALID_CRONTAB"))


class NotFound(UserError):
    """There is no such object, or the viewer may not know of it."""

    code = ErrorCode.NOT_FOUND


class UnknownActor(NotFound):
    """No module of this process declares an actor of that name, so nobody could run the task."""

    code = ErrorCode.UNKNOWN_ACTOR


class Forbidden(UserError):
    """The viewer sees the object but may not do this with it."""

    code = ErrorCode.FORBIDDEN


class Conflict(UserError):
    """Another change came first. `current_version` is the version to look at, `existing` the object in the way."""

    code = ErrorCode.CONFLICT

    def __init__(
        self,
        message: str,
        *,
        current_version: int | None = None,
        existing: Any = None,
        path: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, path=path)
        self.current_version = current_version
        self.existing = existing


class UploadBusy(Conflict):
    """Somebody else is sending the same file just now: try again in a moment."""


class UploadDiscarded(Conflict):
    """What had come of a file was not what was announced, or is gone: nothing of it is kept, and the file begins anew."""


class InvalidState(UserError):
    """The object's state does not permit the verb. `current_state` is the state that stands in the way."""

    code = ErrorCode.INVALID_STATE

    def __init__(self, message: str, *, current_state: str) -> None:
        super().__init__(message)
        self.current_state = current_state


class StaleAttempt(InvalidState):
    """The reported attempt has ended: its lease ran out and the work was given out again."""

    code = ErrorCode.STALE_ATTEMPT


class LimitExceeded(UserError):
    """Too large or too often. `retry_after` is in seconds; None when waiting does not help."""

    code = ErrorCode.LIMIT_EXCEEDED

    def __init__(self, message: str, *, retry_after: float | None = None, path: tuple[str, ...] = ()) -> None:
        super().__init__(message, path=path)
        self.retry_after = retry_after

    @property
    def extensions(self) -> dict[str, Any]:
        return super().extensions | ({} if self.retry_after is None else {"retryAfter": self.retry_after})


class MessageTooLarge(LimitExceeded):
    """A task's message, its arguments and options, is larger than 256 KiB. Send a reference to the data instead."""

    code = ErrorCode.MESSAGE_TOO_LARGE


class RequestError(AppError):
    """The request as a whole cannot be served."""


class BadInput(RequestError):
    """Something in the request does not decode; `path` leads to the argument."""

    code = ErrorCode.BAD_INPUT


class Unauthenticated(RequestError):
    """No identity was given, or it is unknown, disabled or expired: the caller cannot tell which."""

    code = ErrorCode.UNAUTHENTICATED

    def __init__(self, message: str = "Sign in, or send a valid token, to do this.") -> None:
        super().__init__(message)


class CursorExpired(RequestError):
    """Events older than the retention are gone: read the current state, then follow from now."""

    code = ErrorCode.CURSOR_EXPIRED


class Unavailable(RequestError):
    """A part that the request needs cannot be reached just now; the same request may work later."""

    code = ErrorCode.UNAVAILABLE


class ContentLost(RequestError):
    """No store has the bytes of a file that was complete. Trying again does not help: an operator has to look."""

    code = ErrorCode.CONTENT_LOST
