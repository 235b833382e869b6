// SQL written by hand for the peers on Node that come without any: prepared statements, one for each level of lists.
import { readFileSync } from "node:fs";
import pg from "pg";

// Dates stay text, since Date would lose microseconds; PostgreSQL's form becomes RFC 3339.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => text.replace(" ", "T") + ":00");
// Arrays as parameters are planned anew each time, unless PostgreSQL is told not to.
const pool = new pg.Pool({ max: 16, idleTimeoutMillis: 0, options: "-c plan_cache_mode=force_generic_plan" });

const SEEN = `ARRAY(SELECT id FROM workspace WHERE public
  UNION ALL SELECT workspace_id FROM workspace_membership WHERE user_id = $1)`;
const COLUMNS = `id, task_name AS "taskName", status, result, priority_base AS "priorityBase", created_at AS "createdAt",
  completed_at AS "completedAt", attempt, created_by_id, worker_id, workspace_id`;

const [inserted] = readFileSync(new URL("create.sql", import.meta.url), "utf8").split("SELECT id, task_name");

const STATEMENTS = {
  one: `SELECT ${COLUMNS} FROM work_request WHERE id = $2 AND workspace_id = ANY(${SEEN})`,
  page: `SELECT ${COLUMNS} FROM work_request WHERE status = $2 AND workspace_id = ANY(${SEEN})
    ORDER BY created_at DESC, id DESC LIMIT $3`,
  users: `SELECT id, username FROM "user" WHERE id = ANY($1)`,
  workers: "SELECT id, name FROM worker WHERE id = ANY($1)",
  workspaces: "SELECT id, name FROM workspace WHERE id = ANY($1)",
  artifacts: `SELECT parent.id AS parent, artifact.* FROM unnest($2::bigint[]) AS parent(id) CROSS JOIN LATERAL (
    SELECT id, category FROM artifact WHERE created_by_work_request_id = parent.id AND workspace_id = ANY(${SEEN})
    ORDER BY created_at DESC, id DESC LIMIT $3) AS artifact`,
  files: `SELECT parent.id AS parent, file.* FROM unnest($1::bigint[]) AS parent(id) CROSS JOIN LATERAL (
    SELECT path, size::int FROM file_in_artifact JOIN file ON file.id = file_id WHERE artifact_id = parent.id
    ORDER BY path, file_in_artifact.id LIMIT $2) AS file`,
  create: `${inserted} SELECT ${COLUMNS} FROM made`,
};

async function rows(name, values) {
  return (await pool.query({ name, text: STATEMENTS[name], values })).rows;
}

export const globalId = (type, id) => Buffer.from(`${type}:${id}`).toString("base64url");
const rowId = (id) => Buffer.from(id, "base64url").toString().split(":")[1];

// A row as the schema has it.
function workRequest(row) {
  row.rowId = row.id;
  row.id = globalId("WorkRequest", row.id);
  row.status = row.status.toUpperCase();
  row.result = row.result.toUpperCase() || "NONE";
  return row;
}

export async function one(user, id) {
  const [row] = await rows("one", [user, rowId(id)]);
  return row ? workRequest(row) : null;
}

export async function page(user, { first, filter }) {
  const found = await rows("page", [user, filter.status.eq.toLowerCase(), first + 1]);
  const nodes = found.slice(0, first).map(workRequest);
  const last = nodes.at(-1);
  const endCursor = last
    ? Buffer.from(JSON.stringify([last.createdAt, last.rowId])).toString("base64url")
    : null;
  return { nodes, pageInfo: { hasNextPage: found.length > first, endCursor } };
}

export async function create(user, { taskName, taskData, workspace }) {
  const [row] = await rows("create", [user, rowId(workspace), taskName, JSON.stringify(taskData)]);
  return { workRequest: workRequest(row) };
}

async function byId(name, ids) {
  const found = new Map((await rows(name, [[...new Set(ids)]])).map((row) => [row.id, row]));
  return ids.map((id) => found.get(id) ?? null);
}
export const users = (ids) => byId("users", ids);
export const workers = (ids) => byId("workers", ids);
export const workspaces = (ids) => byId("workspaces", ids);

function lists(parents, found, node) {
  const nodes = new Map(parents.map((parent) => [parent, []]));
  for (const row of found) nodes.get(row.parent).push(node(row));
  return parents.map((parent) => ({ nodes: nodes.get(parent) }));
}

export async function artifacts(user, requests, first) {
  const found = await rows("artifacts", [user, requests, first]);
  return lists(requests, found, ({ id, category }) => ({ id: globalId("Artifact", id), category, rowId: id }));
}

export async function files(artifactIds, first) {
  const found = await rows("files", [artifactIds, first]);
  return lists(artifactIds, found, ({ path, size }) => ({ path, file: { size } }));
}
