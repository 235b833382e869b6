"""The data that every server reads: Workyard's own tables, filled by statements of sets, and a copy for each that writes."""

import hashlib
from dataclasses import dataclass

import asyncpg

from app.database.address import Credentials
from app.database.migrate import upgrade
from app.database.opening import SERVER_SETTINGS
from bench.place import Place

REQUESTS = 200_000
BASE = "base"
KEY = hashlib.sha256(b"ann, who asks in measurements").hexdigest()
"""ann's token. She is a member of some workspaces, some are public, and most are neither."""

SEEN_BY_ALL = 10_000
"""So many of the newest requests are where ann may look: who checks nothing answers her the same."""

FILL = """
INSERT INTO "user" (tenant_id, username, password)
SELECT tenant.id, CASE number WHEN 0 THEN 'ann' ELSE 'user-' || number END, '' FROM tenant, generate_series(0, 200) AS number;

INSERT INTO token (tenant_id, hash, prefix, kind, user_id, enabled)
SELECT tenant_id, encode(sha256('{key}'), 'hex'), left('{key}', 8), 'api', id, true FROM "user" WHERE username = 'ann';

INSERT INTO token (tenant_id, hash, prefix, kind, enabled)
SELECT id, encode(sha256(('worker-' || number)::bytea), 'hex'), 'w' || number, 'worker', true
FROM tenant, generate_series(1, 20) AS number;
INSERT INTO worker (tenant_id, name, token_id)
SELECT tenant_id, 'worker-' || row_number() OVER (ORDER BY id), id FROM token WHERE kind = 'worker';

INSERT INTO workspace (tenant_id, name, public)
SELECT id, 'workspace-' || number, number < 2 FROM tenant, generate_series(0, 19) AS number ORDER BY number;
INSERT INTO workspace_membership (workspace_id, user_id, role)
SELECT workspace.id, "user".id, 2 FROM workspace, "user"
WHERE username = 'ann' AND workspace.name ~ '^workspace-[2-5]$' OR ("user".id + workspace.id) % 20 < 5 AND username <> 'ann';

INSERT INTO tag_set (tags) VALUES ('{{}}');
INSERT INTO work_request (id, workspace_id, created_by_id, worker_id, task_name, task_data, status, result, tag_set_id, attempt,
    priority_base, created_at, started_at, completed_at, available_at)
SELECT number, workspaces.ids[1 + number % CASE WHEN number > {requests} - {seen} THEN 6 ELSE 20 END],
    users.ids[1 + number % 200],
    CASE WHEN number % 4 = 0 THEN workers.ids[1 + number % 20] END, 'noop', '{{"seconds": 1}}',
    (ARRAY['completed', 'aborted', 'pending', 'pending'])[1 + number % 4],
    CASE WHEN number % 4 = 0 THEN 'success' ELSE '' END, tag_set.id, CASE WHEN number % 4 = 0 THEN 1 ELSE 0 END, number % 10,
    made, CASE WHEN number % 4 = 0 THEN made + interval '1.5 s' END, CASE WHEN number % 4 < 2 THEN made + interval '62.25 s' END,
    made
FROM generate_series(1, {requests}) AS number
CROSS JOIN LATERAL (SELECT '2026-01-01 00:00:00Z'::timestamptz + number * interval '7.123457 s' AS made) AS moment
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM workspace WHERE name LIKE 'workspace-%') AS workspaces
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM "user" WHERE username LIKE 'user-%') AS users
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM worker) AS workers CROSS JOIN tag_set WHERE tags = '{{}}';

-- none to four for each that was completed, which is two on average; one to five files in each, which is three
INSERT INTO artifact (id, category, workspace_id, created_at, created_by_id, created_by_work_request_id, complete, completed_at)
SELECT row_number() OVER (ORDER BY request.id, number), 'bench:any', workspace_id, request.completed_at, created_by_id,
    request.id, true, request.completed_at
FROM work_request AS request CROSS JOIN LATERAL generate_series(1, (request.id / 4 % 5)::int) AS number WHERE result = 'success';
INSERT INTO file_in_artifact (id, artifact_id, path, file_id, complete)
SELECT id, artifact_id, 'output/part-' || number || '.bin', id, true
FROM (SELECT row_number() OVER (ORDER BY artifact.id, number) AS id, artifact.id AS artifact_id, number
      FROM artifact CROSS JOIN LATERAL generate_series(1, 1 + (artifact.id % 5)::int) AS number) AS numbered;
INSERT INTO file (id, sha256, size) SELECT id, sha256(('content-' || id)::bytea), id * 37 % 1000000 FROM file_in_artifact;

SELECT setval(pg_get_serial_sequence(name, 'id'), 1000000)
FROM unnest('{{work_request,artifact,file_in_artifact,file}}'::text[]) AS name;
"""


@dataclass(frozen=True)
class Known:
    """What those who ask need to know of the data."""

    user: int
    workspace: int
    tag_set: int
    hidden: int
    """A request that ann may not see."""
    counts: str


async def fill(where: Place) -> Known:
    """A database with all of it, which is a template for others."""
    credentials = await where.create(BASE)
    await upgrade(credentials)
    connection = await asyncpg.connect(**credentials, server_settings=SERVER_SETTINGS)
    try:
        await connection.execute(
            "SET session_replication_role = replica"
        )  # all keys are there: not to be looked up
        await connection.execute(FILL.format(key=KEY, requests=REQUESTS, seen=SEEN_BY_ALL))
        await connection.execute("VACUUM (ANALYZE)")
        return Known(
            user=await connection.fetchval("SELECT id FROM \"user\" WHERE username = 'ann'"),
            workspace=await connection.fetchval("SELECT id FROM workspace WHERE name = 'workspace-2'"),
            tag_set=await connection.fetchval("SELECT id FROM tag_set WHERE tags = '{}'"),
            hidden=await connection.fetchval(
                "SELECT min(work_request.id) FROM work_request JOIN workspace ON workspace.id = workspace_id"
                " WHERE workspace.name = 'workspace-19'"
            ),
            counts=await connection.fetchval(
                """SELECT format('%s work requests, %s artifacts, %s files', (SELECT count(*) FROM work_request),
                    (SELECT count(*) FROM artifact), (SELECT count(*) FROM file_in_artifact))"""
            ),
        )
    finally:
        await connection.close()


async def copy(where: Place, name: str, prepare: str = "") -> Credentials:
    """A database with the same data, which statements of a peer prepare for it."""
    connection = await asyncpg.connect(**where.credentials)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{BASE}" STRATEGY file_copy')
    finally:
        await connection.close()
    credentials: Credentials = {**where.credentials, "database": name}
    connection = await asyncpg.connect(**credentials)
    try:
        await connection.execute(prepare or "SELECT 1")
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
    return credentials
