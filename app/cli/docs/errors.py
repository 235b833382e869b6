"""docs/reference/errors.md"""

from collections.abc import Iterator

from app import errors
from app.cli.docs.markdown import code, document, sentence, table
from app.errors import AppError, RequestError, UserError
from app.graphql import response
from app.graphql.mutations import user_errors

INTRODUCTION = """\
A mutation that refuses says so in its payload: `userErrors` is not empty, the payload's other fields are null, and
nothing was changed. Each entry has `code`, `message` (a sentence for a person) and `path` (the part of the input that
it is about); its type may have more. The same errors, where a query or a subscription meets them, and everything that
concerns the request as a whole, come as top-level `errors` with `extensions.code`, and `extensions.path` where it is
about an argument.

Programs branch on the code. Messages may change."""

USER = """\
## Refusals of mutations

What does not exist and what one may not see are the same `NOT_FOUND`. `FORBIDDEN` is only for what one sees."""

REQUEST = "## Errors of a request"

REFUSED = """\
## Requests that are not begun

Before anything runs. The status is that of `application/graphql-response+json`; clients that accept only
`application/json` get 200 where the body is a GraphQL response."""

REFUSALS = {
    response.PARSE_FAILED: (400, "The document is no GraphQL."),
    response.VALIDATION_FAILED: (400, "The document does not fit the schema."),
    response.MALFORMED_REQUEST: (
        400,
        "What came is no GraphQL request: the body, its type or its length is wrong (400, 405, 406, "
        "408, 413, 415).",
    ),
    response.OPERATION_NAME_REQUIRED: (
        400,
        "The document has several operations, or none, and `operationName` does not say which.",
    ),
    response.OPERATION_NOT_FOUND: (400, "The document has no operation of that name."),
    response.OPERATION_NOT_ALLOWED: (
        405,
        "Not in this way: a mutation by GET (405), a subscription without a streaming "
        "transport (406), a cookie from another origin (403).",
    ),
    response.DOCUMENT_NOT_FOUND: (400, "No trusted document has this `documentId`."),
    response.DOCUMENT_NOT_TRUSTED: (400, "This server runs trusted documents only."),
    response.LIMIT_EXCEEDED: (
        429,
        "The token has spent its cost; `extensions.retryAfter` is in seconds. Without it, the operation itself "
        "is too large (400).",
    ),
}
"""Code → status and meaning. A test holds them against what `app.graphql.response` defines."""

FAULT = """\
## Faults of ours

`INTERNAL`: the message and `extensions.id` carry a reference, and the log line with that id has the traceback. Nothing
else of the cause is shown."""


def page() -> str:
    user = [_row(error) for error in _below(UserError)]
    request = [
        (code(error.code), str(response.STATUS_OF.get(error.code, 400)), sentence(error.__doc__))
        for error in _below(RequestError)
    ]
    refused = [(code(name), str(status), meaning) for name, (status, meaning) in REFUSALS.items()]
    return document(
        "Errors",
        "app/errors.py",
        INTRODUCTION,
        USER,
        table(("code", "type in `userErrors`", "with", "meaning"), user),
        REQUEST,
        table(("code", "status", "meaning"), request),
        REFUSED,
        table(("code", "status", "meaning"), refused),
        FAULT,
    )


def _below(base: type[AppError]) -> Iterator[type[AppError]]:
    for error in base.__subclasses__():
        yield error
        yield from _below(error)


def _row(error: type[AppError]) -> tuple[str, str, str, str]:
    shown = type(user_errors(_example(error))[0])
    fields = [field.name for field in shown.__strawberry_definition__.fields]  # type: ignore[attr-defined]
    own = [_camel(name) for name in fields if name not in ("code", "message", "path")]
    return code(error.code), code(shown.__name__), code(*own), sentence(error.__doc__)


def _example(error: type[AppError]) -> errors.UserError:
    if error is errors.Invalid:
        return error.field("name", "…")
    made = error("…", current_state="…") if issubclass(error, errors.InvalidState) else error("…")
    assert isinstance(made, UserError)
    return made


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
