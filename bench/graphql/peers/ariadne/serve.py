"""Ariadne with a DataLoader for each relation of each request, flat rows below them, and documents parsed once."""

import base64
import json
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from aiodataloader import DataLoader
from ariadne import MutationType, ObjectType, QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from graphql import DocumentNode, GraphQLSchema, parse, validate
from starlette.applications import Starlette

from bench.graphql.peers.running import CREATE, SEEN, Connections, global_id, row_id, run

Json = dict[str, Any]
# Arrays as parameters are planned anew each time, unless PostgreSQL is told not to.
connections = Connections(plan_cache_mode="force_generic_plan")

COLUMNS = """id, task_name AS "taskName", status, result, priority_base AS "priorityBase", created_at AS "createdAt",
    completed_at AS "completedAt", attempt, created_by_id, worker_id, workspace_id"""
ONE = f"SELECT {COLUMNS} FROM work_request WHERE id = $2 AND workspace_id = ANY({SEEN})"
PAGE = f"""SELECT {COLUMNS} FROM work_request WHERE status = $2 AND workspace_id = ANY({SEEN})
    ORDER BY created_at DESC, id DESC LIMIT $3"""
MADE = f"{CREATE.rpartition('SELECT')[0]} SELECT {COLUMNS} FROM made"
ARTIFACTS = f"""SELECT parent.id AS parent, artifact.* FROM unnest($2::bigint[]) AS parent(id) CROSS JOIN LATERAL (
    SELECT id, category FROM artifact WHERE created_by_work_request_id = parent.id AND workspace_id = ANY({SEEN})
    ORDER BY created_at DESC, id DESC LIMIT $3) AS artifact"""
FILES = """SELECT parent.id AS parent, file.* FROM unnest($1::bigint[]) AS parent(id) CROSS JOIN LATERAL (
    SELECT path, size FROM file_in_artifact JOIN file ON file.id = file_id WHERE artifact_id = parent.id
    ORDER BY path, file_in_artifact.id LIMIT $2) AS file"""

query, mutation, work_request, artifact = (
    QueryType(),
    MutationType(),
    ObjectType("WorkRequest"),
    ObjectType("Artifact"),
)


class Loaders:
    """Those of one request. `first` is the same for all of a list: it is of the document."""

    def __init__(self, request: Any, _data: Any = None) -> None:
        self.user = int(request.headers["x-user"])
        self.users: DataLoader[int, Any] = DataLoader(
            by_id('SELECT id, username FROM "user" WHERE id = ANY($1)')
        )
        self.workers: DataLoader[int, Any] = DataLoader(
            by_id("SELECT id, name FROM worker WHERE id = ANY($1)")
        )
        self.workspaces: DataLoader[int, Any] = DataLoader(
            by_id("SELECT id, name FROM workspace WHERE id = ANY($1)")
        )
        self.artifacts: DataLoader[tuple[int, int], Any] = DataLoader(self._artifacts)
        self.files: DataLoader[tuple[int, int], Any] = DataLoader(self._files)

    async def _artifacts(self, keys: Sequence[tuple[int, int]]) -> list[Json]:
        found: dict[int, list[Json]] = defaultdict(list)
        for row in await connections.fetch(ARTIFACTS, self.user, [id for id, _ in keys], keys[0][1]):
            found[row["parent"]].append(
                {"id": global_id("Artifact", row["id"]), "category": row["category"], "row_id": row["id"]}
            )
        return [{"nodes": found[id]} for id, _ in keys]

    async def _files(self, keys: Sequence[tuple[int, int]]) -> list[Json]:
        found: dict[int, list[Json]] = defaultdict(list)
        for row in await connections.fetch(FILES, [id for id, _ in keys], keys[0][1]):
            found[row["parent"]].append({"path": row["path"], "file": {"size": row["size"]}})
        return [{"nodes": found[id]} for id, _ in keys]


def by_id(sql: str) -> Any:
    async def load(ids: Sequence[int]) -> list[Any]:
        found = {row["id"]: dict(row) for row in await connections.fetch(sql, ids)}
        return [found.get(id) for id in ids]

    return load


def as_node(row: Any) -> Json:
    return {
        **row,
        "row_id": row["id"],
        "id": global_id("WorkRequest", row["id"]),
        "status": row["status"].upper(),
        "result": row["result"].upper() or "NONE",
        "createdAt": row["createdAt"].isoformat(),
        "completedAt": row["completedAt"] and row["completedAt"].isoformat(),
    }


@query.field("workRequest")
async def resolve_one(_: Any, info: Any, id: str) -> Json | None:
    rows = await connections.fetch(ONE, info.context.user, row_id(id))
    return as_node(rows[0]) if rows else None


@query.field("workRequests")
async def resolve_page(_: Any, info: Any, first: int, filter: Json, orderBy: Any) -> Json:  # noqa: N803  the schema's name
    rows = await connections.fetch(PAGE, info.context.user, filter["status"]["eq"].lower(), first + 1)
    nodes = [as_node(row) for row in rows[:first]]
    end = None
    if nodes:
        key = json.dumps([nodes[-1]["createdAt"], nodes[-1]["row_id"]])
        end = base64.urlsafe_b64encode(key.encode()).decode()
    return {"nodes": nodes, "pageInfo": {"hasNextPage": len(rows) > first, "endCursor": end}}


@mutation.field("createWorkRequest")
async def resolve_create(_: Any, info: Any, input: Json) -> Json:
    data = json.dumps(input["taskData"])
    rows = await connections.fetch(
        MADE, info.context.user, row_id(input["workspace"]), input["taskName"], data
    )
    return {"workRequest": as_node(rows[0])}


@work_request.field("createdBy")
def resolve_created_by(row: Json, info: Any) -> Any:
    return info.context.users.load(row["created_by_id"])


@work_request.field("worker")
def resolve_worker(row: Json, info: Any) -> Any:
    return info.context.workers.load(row["worker_id"]) if row["worker_id"] else None


@work_request.field("workspace")
def resolve_workspace(row: Json, info: Any) -> Any:
    return info.context.workspaces.load(row["workspace_id"])


@work_request.field("artifacts")
def resolve_artifacts(row: Json, info: Any, first: int) -> Any:
    return info.context.artifacts.load((row["row_id"], first))


@artifact.field("files")
def resolve_files(row: Json, info: Any, first: int) -> Any:
    return info.context.files.load((row["row_id"], first))


@cache
def parsed(text: str) -> DocumentNode:
    return parse(text)


valid: dict[int, list[Any]] = {}


def validated(schema: GraphQLSchema, document: DocumentNode, *rest: Any, **more: Any) -> list[Any]:
    """What is wrong with a document, of which each is there once."""
    if id(document) not in valid:
        valid[id(document)] = validate(schema, document)
    return valid[id(document)]


if __name__ == "__main__":
    schema = make_executable_schema(
        (Path(__file__).parents[1] / "schema.graphql").read_text(), query, mutation, work_request, artifact
    )
    app = GraphQL(
        schema,
        context_value=Loaders,
        query_parser=lambda _context, data: parsed(data["query"]),
        query_validator=validated,
    )
    served = Starlette(lifespan=connections.lifespan)
    served.add_route("/graphql", app.handle_request, methods=["POST"])
    run(served)
