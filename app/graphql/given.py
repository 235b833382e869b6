"""Functions as resolvers: besides the row, they may take `viewer` and `settings`, which are given, and GraphQL's arguments.

A function that takes no `info` can be called by a compiled read as well as by the ordinary executor.
"""

import inspect
from collections.abc import Callable
from typing import Any

from app.context import Info

GIVEN = ("viewer", "settings")


def given(function: Callable[..., Any]) -> tuple[str, ...]:
    """Which of what is given the function takes."""
    return tuple(name for name in GIVEN if name in inspect.signature(function).parameters)


def bound(names: tuple[str, ...], request: Any) -> dict[str, Any]:
    """Those, of a request: of its context, or of what a plan knows of it."""
    return {name: getattr(request, name) for name in names}


def arguments(function: Callable[..., Any], *, after: int = 0) -> list[inspect.Parameter]:
    """Its other parameters, which GraphQL's arguments are for; the first ones, `after` many, are ours."""
    parameters = list(inspect.signature(function).parameters.values())[after:]
    return [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters if each.name not in GIVEN
    ]


def with_signature(
    resolve: Callable[..., Any], parameters: list[inspect.Parameter], *, returns: Any = None
) -> Callable[..., Any]:
    """Give a resolver that takes **arguments the signature that Strawberry reads."""
    own = [
        each for each in inspect.signature(resolve).parameters.values() if each.kind is not each.VAR_KEYWORD
    ]
    resolve.__signature__ = inspect.Signature([*own, *parameters])  # type: ignore[attr-defined]
    resolve.__annotations__ = {
        each.name: each.annotation for each in [*own, *parameters] if each.annotation is not each.empty
    }
    if returns is not None:
        resolve.__annotations__["return"] = returns
    return resolve


def root_resolver(function: Callable[..., Any]) -> Callable[..., Any]:
    """A resolver of a root field that calls an asynchronous function."""
    names = given(function)

    async def resolve(info: Info, **arguments: Any) -> Any:
        return await function(**bound(names, info.context), **arguments)

    return with_signature(resolve, arguments(function))
