"""Flat rows, one statement for each level of lists; a function renders them."""

from collections import defaultdict
from typing import Any

import orjson

from bench.graphql.peers.handwritten.endpoint import end_cursor, serve
from bench.graphql.peers.running import CREATE, SEEN, Connections, global_id, row_id

# Arrays as parameters are planned anew each time, unless PostgreSQL is told not to.
connections = Connections(plan_cache_mode="force_generic_plan")

SCALARS = "request.id, task_name, status, result, priority_base, request.created_at, completed_at, attempt"
ONE = f"SELECT {SCALARS} FROM work_request AS request WHERE id = $2 AND workspace_id = ANY({SEEN})"
PAGE = f"""SELECT {SCALARS} FROM work_request AS request WHERE status = $2 AND workspace_id = ANY({SEEN})
    ORDER BY created_at DESC, id DESC LIMIT 51"""
NESTED = f"""SELECT {SCALARS}, username, worker.name, workspace.name
    FROM work_request AS request JOIN "user" ON "user".id = created_by_id JOIN workspace ON workspace.id = workspace_id
        LEFT JOIN worker ON worker.id = worker_id
    WHERE status = $2 AND workspace_id = ANY({SEEN})
    ORDER BY request.created_at DESC, request.id DESC LIMIT 51"""
ARTIFACTS = f"""SELECT parent.id, artifact.id, category FROM unnest($2::bigint[]) AS parent(id) CROSS JOIN LATERAL (
    SELECT id, category FROM artifact WHERE created_by_work_request_id = parent.id AND workspace_id = ANY({SEEN})
    ORDER BY created_at DESC, id DESC LIMIT 5) AS artifact"""
FILES = """SELECT parent.id, path, size FROM unnest($1::bigint[]) AS parent(id) CROSS JOIN LATERAL (
    SELECT path, size FROM file_in_artifact JOIN file ON file.id = file_id WHERE artifact_id = parent.id
    ORDER BY path, file_in_artifact.id LIMIT 5) AS file"""

Json = dict[str, Any]


def scalars(row: Any) -> Json:
    return {
        "id": global_id("WorkRequest", row[0]),
        "taskName": row[1],
        "status": row[2].upper(),
        "result": row[3].upper() or "NONE",
        "priorityBase": row[4],
        "createdAt": row[5],
        "completedAt": row[6],
        "attempt": row[7],
    }


def as_page(rows: list[Any], nodes: list[Json]) -> bytes:
    end = end_cursor(rows[len(nodes) - 1][5], rows[len(nodes) - 1][0]) if nodes else None
    info = {"hasNextPage": len(rows) > 50, "endCursor": end}
    return orjson.dumps({"workRequests": {"nodes": nodes, "pageInfo": info}})


async def one(user: int, variables: Json) -> bytes:
    rows = await connections.fetch(ONE, user, row_id(variables["id"]))
    return orjson.dumps({"workRequest": scalars(rows[0]) if rows else None})


async def page(user: int, variables: Json) -> bytes:
    rows = await connections.fetch(PAGE, user, variables["status"].lower())
    return as_page(rows, [scalars(row) for row in rows[:50]])


async def nested(user: int, variables: Json) -> bytes:
    rows = await connections.fetch(NESTED, user, variables["status"].lower())
    artifacts = await connections.fetch(ARTIFACTS, user, [row[0] for row in rows[:50]])
    files: dict[int, list[Json]] = defaultdict(list)
    for artifact, path, size in await connections.fetch(FILES, [row[1] for row in artifacts]):
        files[artifact].append({"path": path, "file": {"size": size}})
    made: dict[int, list[Json]] = defaultdict(list)
    for request, id, category in artifacts:
        made[request].append(
            {"id": global_id("Artifact", id), "category": category, "files": {"nodes": files[id]}}
        )
    nodes = [
        {
            **scalars(row),
            "createdBy": {"username": row[8]},
            "worker": None if row[9] is None else {"name": row[9]},
            "workspace": {"name": row[10]},
            "artifacts": {"nodes": made[row[0]]},
        }
        for row in rows[:50]
    ]
    return as_page(rows, nodes)


async def create(user: int, variables: Json) -> bytes:
    new = variables["input"]
    data = orjson.dumps(new["taskData"]).decode()
    rows = await connections.fetch(CREATE, user, row_id(new["workspace"]), new["taskName"], data)
    return orjson.dumps({"createWorkRequest": {"workRequest": scalars(rows[0])}})


if __name__ == "__main__":
    serve(connections, one, page, nested, create)
