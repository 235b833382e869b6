"""Mutations: one input, one payload; refusals are data in the payload, not errors beside it."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import strawberry

from app import errors
from app.context import Info
from app.errors import ErrorCode
from app.graphql.entity import Node, named

P = TypeVar("P", bound="Payload")

ErrorCodeEnum = strawberry.enum(
    ErrorCode, description="What kind of situation an error names. Programs may branch on it."
)


@strawberry.interface(description="Why a mutation was refused. Nothing was changed.")
class UserError:
    """One refusal."""

    code: ErrorCode = strawberry.field(description="What kind of situation this is.")
    message: str = strawberry.field(description="A sentence that a person can act on.")
    path: list[str] = strawberry.field(description="Which part of the input it is about; empty: the whole.")


@strawberry.type(description="The input breaks a rule.")
class ValidationError(UserError):
    """One broken rule."""

    rule: str = strawberry.field(
        description="The broken rule, for programs: INVALID, UNKNOWN, TAKEN, TOO_LARGE, CYCLE, …"
    )


@strawberry.type(description="There is no such object, or you may not know of it.")
class NotFoundError(UserError):
    """Absent or invisible."""


@strawberry.type(description="You see the object but may not do this with it.")
class ForbiddenError(UserError):
    """Not allowed."""


@strawberry.type(description="Another change came first.")
class ConflictError(UserError):
    """A lost race."""

    current_version: int | None = strawberry.field(description="The version that the object has now.")
    existing: Node | None = strawberry.field(description="The object that stands in the way.")


@strawberry.type(description="The object's state does not permit this.")
class InvalidStateError(UserError):
    """Wrong state."""

    current_state: str = strawberry.field(description="The state that stands in the way.")


@strawberry.type(description="Too much, or too often.")
class LimitError(UserError):
    """A limit."""

    retry_after: float | None = strawberry.field(
        description="In how many seconds it may work; null: waiting does not help."
    )


ERROR_TYPES = (ValidationError, NotFoundError, ForbiddenError, ConflictError, InvalidStateError, LimitError)


@strawberry.interface(description="What every mutation answers.")
class Payload:
    """Base of all payloads."""

    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="Why it was refused; empty when it was done. The other fields are null then.",
    )


def changed(type_name: str, description: str) -> Any:
    """A field of a payload that shows a row."""
    return named(f"{type_name} | None", description, default=None)


def mutation(payload: type[P], description: str) -> Callable[[Callable[..., Awaitable[P]]], Any]:
    """Make a function a mutation field. A `UserError` that it raises becomes the payload's."""

    def decorate(function: Callable[..., Awaitable[P]]) -> Any:
        @functools.wraps(function)
        async def resolve(info: Info, *args: Any, **kwargs: Any) -> P:
            try:
                return await function(info, *args, **kwargs)
            except errors.UserError as error:
                return payload(user_errors=user_errors(error))
            finally:
                info.context.forget()  # for the next mutation of the operation, what this one has looked up is old

        return strawberry.mutation(resolve, description=description)

    return decorate


def user_errors(error: errors.UserError) -> list[UserError]:
    """An error of ours as the types that GraphQL shows."""
    common: dict[str, Any] = {"code": error.code, "message": error.message, "path": list(error.path)}
    match error:
        case errors.Invalid():
            return [
                ValidationError(code=error.code, message=each.message, path=list(each.path), rule=each.code)
                for each in error.errors
            ]
        case errors.NotFound():
            return [NotFoundError(**common)]
        case errors.Forbidden():
            return [ForbiddenError(**common)]
        case errors.Conflict():
            return [ConflictError(**common, current_version=error.current_version, existing=error.existing)]
        case errors.InvalidState():
            return [InvalidStateError(**common, current_state=error.current_state)]
        case errors.LimitExceeded():
            return [LimitError(**common, retry_after=error.retry_after)]
    raise error


def argument(description: str, default: Any = strawberry.UNSET, **options: Any) -> Any:
    """A field of an input. Without a default it must be given."""
    if default is strawberry.UNSET:
        return strawberry.field(description=description, **options)
    if isinstance(default, list | dict):
        return strawberry.field(description=description, default_factory=lambda: default.copy(), **options)
    return strawberry.field(description=description, default=default, **options)
