"""What every server is asked, and when two answers are the same."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.models.global_ids import global_id
from bench.graphql.data import REQUESTS, SEEN_BY_ALL, Known

COLUMNS = "id taskName status result priorityBase createdAt completedAt attempt"
LISTS = """createdBy { username } worker { name } workspace { name }
    artifacts(first: 5) { nodes { id category files(first: 5) { nodes { path file { size } } } } }"""


def page(columns: str) -> str:
    return f"""query ($status: WorkRequestStatus!) {{
  workRequests(first: 50, filter: {{status: {{eq: $status}}}}, orderBy: [{{field: CREATED_AT, direction: DESC}}]) {{
    nodes {{ {columns} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""


ONE, PAGE, NESTED, CREATE = "one object", "page", "nested page", "mutation"
TITLES = {
    ONE: "One object, 8 scalars",
    PAGE: "Page of 50, 8 fields and pageInfo",
    NESTED: "The same page with three relations and two nested lists",
    CREATE: "One mutation that creates a work request and its event",
}

Variables = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """A document, and the variables of the requests that are sent in turn."""

    document: str
    variables: Callable[[Known], list[Variables]]


SEEN = range(REQUESTS - SEEN_BY_ALL + 1, REQUESTS, SEEN_BY_ALL // 1000)
"""The numbers of a thousand requests that everybody may see."""


def work_request(number: int) -> Variables:
    return {"id": global_id("WorkRequest", number)}


def creation(known: Known) -> list[Variables]:
    workspace = global_id("Workspace", known.workspace)
    return [{"input": {"taskName": "noop", "taskData": {"seconds": 1}, "workspace": workspace}}]


def questions(
    page: Callable[[str], str],
    lists: str,
    completed: str,
    work_request: Callable[[int], Variables],
    creation: Callable[[Known], list[Variables]],
) -> dict[str, Question]:
    """The four of a server: how it pages, names relations and lists, and says a status, an id and what is to be made."""
    return {
        ONE: Question(
            f"query ($id: ID!) {{ workRequest(id: $id) {{ {COLUMNS} }} }}",
            lambda known: [work_request(number) for number in SEEN],
        ),
        PAGE: Question(page(COLUMNS), lambda known: [{"status": completed}]),
        NESTED: Question(page(f"{COLUMNS}\n    {lists}"), lambda known: [{"status": completed}]),
        CREATE: Question(
            f"""mutation ($input: CreateWorkRequestInput!) {{
  createWorkRequest(input: $input) {{ workRequest {{ {COLUMNS} }} }}
}}""",
            creation,
        ),
    }


DOCUMENTS = questions(page, LISTS, "COMPLETED", work_request, creation)

# Every server has ids and cursors of its own kind, and says dates, enums and large numbers in its own way.


def _number(value: str) -> int:
    found = re.search(rb"(\d+)\D*$", base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_"))
    assert found, value
    return int(found[1])


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


NORMAL: dict[str, Callable[[Any], Any]] = {
    "id": _number,
    "createdAt": _instant,
    "completedAt": _instant,
    "endCursor": bool,
    "size": int,
    "status": str.upper,
    "result": lambda value: (value or "none").upper(),
}
LISTED = {"artifacts", "files"}
"""Connections, which some have as plain lists."""

MADE_JUST_NOW = {"id": None, "createdAt": None}


def normal(answer: Any) -> Any:
    """An answer as all should give it."""
    if isinstance(answer, list):
        return [normal(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    if "edges" in answer:
        answer = {**answer, "nodes": [edge["node"] for edge in answer["edges"]]}
        del answer["edges"]
    return {name: _as_all_give_it(name, value) for name, value in answer.items()}


def _as_all_give_it(name: str, value: Any) -> Any:
    if name in NORMAL:
        return NORMAL[name](value)
    if name in LISTED and isinstance(value, list):
        value = {"nodes": value}
    return normal(value)


def comparable(name: str, data: dict[str, Any]) -> Any:
    """The data of an answer, without what is of its moment."""
    data = normal(data)
    if name == CREATE:
        made = data["createWorkRequest"]["workRequest"]
        assert made["id"], made
        data["createWorkRequest"]["workRequest"] = {**made, **MADE_JUST_NOW}
    return data


def difference(one: Any, other: Any, path: str = "data") -> str:
    """Where two answers differ first."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(one[name], other[name], f"{path}.{name}") for name in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(one[index], other[index], f"{path}.{index}") for index in range(len(one))]
    else:
        return f"{path} is {one}, that of others is {other}"
    return next(difference(*pair) for pair in pairs if pair[0] != pair[1])
