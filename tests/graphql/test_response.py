"""Which errors are told in which words."""

from typing import Any

import asyncpg
import orjson
import pytest
from graphql import GraphQLError
from structlog.testing import capture_logs
from tortoise.exceptions import DBConnectionError, IntegrityError, OperationalError

from app.errors import LimitExceeded, NotFound
from app.graphql.response import Refused, encode, refusal, report


def wrapped(original: Exception) -> GraphQLError:
    return GraphQLError(str(original), path=["a", 0], original_error=original)


def chained(cause: Exception) -> Exception:
    error = RuntimeError("outer")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
        OperationalError(asyncpg.QueryCanceledError("canceling statement")),
        chained(asyncpg.QueryCanceledError("canceling statement")),
    ],
)
def test_a_statement_that_took_too_long_says_how_to_ask_for_less(error: Exception) -> None:
    told = report(wrapped(error))

    assert told["extensions"] == {"code": "LIMIT_EXCEEDED"}
    assert "first" in told["message"]
    assert "cancel" not in told["message"]


@pytest.mark.parametrize(
    "error",
    [
        DBConnectionError("Can't establish connection to database with password x"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        OperationalError(ConnectionResetError("reset")),
        ConnectionRefusedError("refused"),
    ],
)
def test_a_database_that_is_away_is_unavailable(error: Exception) -> None:
    told = report(wrapped(error))

    assert told["extensions"] == {"code": "UNAVAILABLE"}
    assert str(error) not in told["message"]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CheckViolationError('new row violates "check": Failing row contains (secret)'),
        IntegrityError(asyncpg.UniqueViolationError("Key (secret) already exists")),
        OperationalError("column secret does not exist"),
        KeyError("secret"),
        RecursionError("secret"),
    ],
)
def test_what_the_database_says_is_for_the_log_alone(error: Exception) -> None:
    with capture_logs() as logs:
        told = report(wrapped(error))

    assert told["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(told)
    assert [(entry["id"], entry["exc_info"]) for entry in logs] == [(told["extensions"]["id"], error)]


def test_an_error_of_ours_keeps_its_extensions_however_deep_it_is_wrapped() -> None:
    told = report(wrapped(wrapped(NotFound("There is no such thing."))))

    assert told["message"] == "There is no such thing."
    assert told["extensions"] == {"code": "NOT_FOUND"}
    assert told["path"] == ["a", 0]


def test_a_refusal_has_the_status_of_its_code() -> None:
    statuses: dict[Exception, int] = {
        NotFound("no"): 400,
        LimitExceeded("wait", retry_after=3): 429,
        LimitExceeded("too much"): 400,
        ConnectionRefusedError(): 503,
        KeyError(): 500,
    }
    for error, status in statuses.items():
        assert refusal(error).status == status
    assert refusal(LimitExceeded("wait", retry_after=3)).retry_after == 3
    original = Refused.because("no", "CODE", status=418)
    assert refusal(original) is original


@pytest.mark.parametrize("value", [{"a": [1, "ä", None, True, 1.5]}, {"a": 2**70}, {"a": {"b": -(2**90)}}])
def test_json_of_any_size_of_number_is_encoded(value: Any) -> None:
    encoded = encode(value)

    assert b" " not in encoded
    assert eval(encoded.decode(), {"null": None, "true": True}) == value  # numbers of any size
    assert orjson.loads(encoded).keys() == value.keys()
