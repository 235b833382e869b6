"""The same questions as strawberry-django's connections, filters and pages of lists have them."""

import base64

from bench.graphql.data import Known
from bench.graphql.documents import Variables, questions

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


DOCUMENTS = questions(page, LISTS, "completed", work_request, creation)
