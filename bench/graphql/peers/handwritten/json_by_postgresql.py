"""PostgreSQL writes the JSON: one statement each."""

from typing import Any

import orjson

from bench.graphql.peers.handwritten.endpoint import end_cursor, serve
from bench.graphql.peers.running import CREATE, SEEN, Connections, row_id

connections = Connections()


def global_id(name: str, column: str) -> str:
    return f"rtrim(translate(encode(('{name}:' || {column})::bytea, 'base64'), '+/', '-_'), '=') AS id"


SCALARS = f"""{global_id("WorkRequest", "request.id")}, task_name AS "taskName", upper(status) AS status,
    CASE result WHEN '' THEN 'NONE' ELSE upper(result) END AS result, priority_base AS "priorityBase",
    request.created_at AS "createdAt", completed_at AS "completedAt", attempt"""

ONE = f"""SELECT row_to_json(found)::text FROM (
    SELECT {SCALARS} FROM work_request AS request WHERE id = $2 AND workspace_id = ANY({SEEN})) AS found"""

PAGE = f"""SELECT row_to_json(found)::text FROM (
    SELECT {SCALARS} FROM work_request AS request WHERE status = $2 AND workspace_id = ANY({SEEN})
    ORDER BY created_at DESC, id DESC LIMIT 51) AS found"""

NESTED = f"""WITH seen AS MATERIALIZED (SELECT {SEEN} AS ids)
SELECT row_to_json(found)::text FROM (
    SELECT {SCALARS},
        (SELECT row_to_json(one) FROM (SELECT username FROM "user" WHERE id = request.created_by_id) AS one) AS "createdBy",
        (SELECT row_to_json(one) FROM (SELECT name FROM worker WHERE id = request.worker_id) AS one) AS worker,
        (SELECT row_to_json(one) FROM (SELECT name FROM workspace WHERE id = request.workspace_id) AS one) AS workspace,
        json_build_object('nodes', ARRAY(
            SELECT row_to_json(one) FROM (
                SELECT {global_id("Artifact", "artifact.id")}, category, json_build_object('nodes', ARRAY(
                    SELECT row_to_json(two) FROM (
                        SELECT path, json_build_object('size', file.size) AS file
                        FROM file_in_artifact JOIN file ON file.id = file_id WHERE artifact_id = artifact.id
                        ORDER BY path, file_in_artifact.id LIMIT 5) AS two)) AS files
                FROM artifact WHERE created_by_work_request_id = request.id
                    AND workspace_id = ANY((SELECT ids FROM seen)::bigint[])
                ORDER BY created_at DESC, artifact.id DESC LIMIT 5) AS one)) AS artifacts
    FROM work_request AS request WHERE status = $2 AND workspace_id = ANY((SELECT ids FROM seen)::bigint[])
    ORDER BY request.created_at DESC, request.id DESC LIMIT 51) AS found"""

MADE = f"""{CREATE.rpartition("SELECT")[0]}
SELECT row_to_json(found)::text FROM (SELECT {SCALARS} FROM made AS request) AS found"""


async def one(user: int, variables: dict[str, Any]) -> bytes:
    rows = await connections.fetch(ONE, user, row_id(variables["id"]))
    return f'{{"workRequest":{rows[0][0] if rows else "null"}}}'.encode()


async def page(user: int, variables: dict[str, Any], sql: str = PAGE) -> bytes:
    rows = await connections.fetch(sql, user, variables["status"].lower())
    nodes = [row[0] for row in rows[:50]]
    more, end = "true" if len(rows) > 50 else "false", "null"
    if nodes:
        last = orjson.loads(nodes[-1])
        end = f'"{end_cursor(last["createdAt"], last["id"])}"'
    return (
        f'{{"workRequests":{{"nodes":[{",".join(nodes)}],"pageInfo":{{"hasNextPage":{more},"endCursor":{end}}}}}}}'
    ).encode()


async def nested(user: int, variables: dict[str, Any]) -> bytes:
    return await page(user, variables, NESTED)


async def create(user: int, variables: dict[str, Any]) -> bytes:
    new = variables["input"]
    data = orjson.dumps(new["taskData"]).decode()
    rows = await connections.fetch(MADE, user, row_id(new["workspace"]), new["taskName"], data)
    return f'{{"createWorkRequest":{{"workRequest":{rows[0][0]}}}}}'.encode()


if __name__ == "__main__":
    serve(connections, one, page, nested, create)
