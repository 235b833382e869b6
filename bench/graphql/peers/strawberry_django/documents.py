"""The same questions as strawberry-django's connections, filters and pages of lists have them."""

import base64

from bench.graphql.data import Known
from bench.graphql.documents import COLUMNS, CREATE, NESTED, ONE, PAGE, SEEN, Question, Variables

LISTS = """createdBy { username } worker { name } workspace { name }
    artifacts(pagination: {limit: 5}) { id category files(pagination: {limit: 5}) { path file { size } } }"""


def page(columns: str) -> str:
    return f"""query ($status: String!) {{
  workRequests(first: 50, filters: {{status: $status}}, ordering: [{{createdAt: DESC}}, {{id: DESC}}]) {{
    edges {{ node {{ {columns} }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""


def work_request(number: int) -> Variables:
    return {"id": base64.b64encode(f"WorkRequest:{number}".encode()).decode()}


def creation(known: Known) -> list[Variables]:
    return [{"input": {"taskName": "noop", "taskData": {"seconds": 1}, "workspace": str(known.workspace)}}]


DOCUMENTS = {
    ONE: Question(
        f"query ($id: ID!) {{ workRequest(id: $id) {{ {COLUMNS} }} }}",
        lambda known: [work_request(number) for number in SEEN],
    ),
    PAGE: Question(page(COLUMNS), lambda known: [{"status": "completed"}]),
    NESTED: Question(page(f"{COLUMNS}\n    {LISTS}"), lambda known: [{"status": "completed"}]),
    CREATE: Question(
        f"""mutation ($input: CreateWorkRequestInput!) {{
  createWorkRequest(input: $input) {{ workRequest {{ {COLUMNS} }} }}
}}""",
        creation,
    ),
}
