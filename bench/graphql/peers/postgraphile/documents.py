"""The same questions in the names that PostGraphile gives to tables, columns and relations."""

import base64

from bench.graphql.data import Known
from bench.graphql.documents import Variables, questions

LISTS = """createdBy: userByCreatedById { username } worker: workerByWorkerId { name }
    workspace: workspaceByWorkspaceId { name }
    artifacts: artifactsByCreatedByWorkRequestId(first: 5, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { id category
      files: fileInArtifactsByArtifactId(first: 5, orderBy: [PATH_ASC]) { nodes { path file: fileByFileId { size } } } } }"""


def page(columns: str) -> str:
    return f"""query ($status: String!) {{
  workRequests: allWorkRequests(first: 50, condition: {{status: $status}}, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {{
    nodes {{ {columns} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""


def work_request(number: int) -> Variables:
    return {"id": base64.b64encode(f'["WorkRequest","{number}"]'.encode()).decode()}


def creation(known: Known) -> list[Variables]:
    new = {
        "taskName": "noop",
        "taskData": {"seconds": 1},
        "workspaceId": str(known.workspace),
        "createdById": str(known.user),
        "tagSetId": str(known.tag_set),
    }
    return [{"input": {"workRequest": new}}]


DOCUMENTS = questions(page, LISTS, "completed", work_request, creation)
