"""Data that people describe by a JSON Schema (2020-12): the schema is checked when it is registered, the data when it comes."""

from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from app.errors import FieldError, Invalid

if TYPE_CHECKING:
    import jsonschema_rs
    from jsonschema import Draft202012Validator

MAX_PROBLEMS = 10
MAX_KEPT = 128


def check_schema(field: str, schema: Any) -> dict[str, Any]:
    """The schema, if it is one; otherwise `Invalid` on that field of the input."""
    if not isinstance(schema, dict):
        raise Invalid.field(field, "A JSON Schema is an object here.")
    from jsonschema import (
        Draft202012Validator,
    )  # here, as each start of the program would take long to import it
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise Invalid.field(field, f"This is no JSON Schema: {error.message}") from None
    return schema


def check_object(field: str, data: Any, limit: int) -> None:
    """Raise `Invalid` unless the data is an object of at most so many bytes, as JSON."""
    if not isinstance(data, dict):
        raise Invalid.field(field, f"{field} is an object.")
    if len(orjson.dumps(data)) > limit:
        raise Invalid.field(
            field, f"{field} has at most {limit // 1024} KiB: put larger input into files.", "TOO_LARGE"
        )


def check_data(field: str, data: Any, schema: dict[str, Any], *, named_by: str, name: str) -> None:
    """Raise `Invalid` unless the data satisfies the schema, with the first rules that it breaks.

    A schema that refers to what it does not hold is the fault of `named_by`, the field that chose it.
    """
    text = orjson.dumps(schema)
    if _fulfils(text, data):
        return
    from referencing.exceptions import Unresolvable

    try:
        problems = list(islice(_validator(text).iter_errors(data), MAX_PROBLEMS))
    except Unresolvable as error:
        raise Invalid.field(
            named_by, f"The schema of '{name}' refers to '{error.ref}', which it does not hold."
        ) from None
    if problems:
        raise Invalid(
            *(
                FieldError(("input", field, *map(str, problem.path)), _shortened(problem.message))
                for problem in sorted(problems, key=lambda each: list(map(str, each.path)))
            )
        )


def _fulfils(schema: bytes, data: Any) -> bool:
    """Asked first: it takes 2 µs to see that the data of a small task is right, where it takes the one that explains 70."""
    validator = _judge(schema)
    return validator is not None and validator.is_valid(data)


@lru_cache(maxsize=MAX_KEPT)
def _judge(schema: bytes) -> "jsonschema_rs.Draft202012Validator | None":
    """None for a schema that refers to what it does not hold, or has patterns that only Python reads."""
    import jsonschema_rs

    def fetch_nothing(uri: str) -> NoReturn:
        raise LookupError(uri)

    try:
        return jsonschema_rs.Draft202012Validator(
            orjson.loads(schema), validate_formats=False, retriever=fetch_nothing
        )
    except (ValueError, jsonschema_rs.ReferencingError):
        return None


@lru_cache(maxsize=MAX_KEPT)
def _validator(schema: bytes) -> "Draft202012Validator":
    """With a registry of its own: the default one fetches what a schema refers to from anywhere.

    Kept by the text of the schema: to make one takes as long as to check what most people send.
    """
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(orjson.loads(schema), registry=Registry())


def _shortened(message: str) -> str:
    return message if len(message) <= 300 else message[:297] + "..."
