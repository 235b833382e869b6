// Mercurius on Fastify with graphql-jit from the first request on, and loaders that are told to batch and not to cache:
// no two rows of a list are the same.
import { readFileSync } from "node:fs";
import Fastify from "fastify";
import mercurius from "mercurius";
import * as sql from "../statements.mjs";

const schema = readFileSync(new URL("../schema.graphql", import.meta.url), "utf8");
const batch = (loader) => ({ loader, opts: { cache: false } });
const objects = (queries) => queries.map(({ obj }) => obj);

const app = Fastify();
app.register(mercurius, {
  schema,
  jit: 1,
  context: (request) => ({ user: request.headers["x-user"] }),
  resolvers: {
    Query: {
      workRequest: (_, { id }, { user }) => sql.one(user, id),
      workRequests: (_, asked, { user }) => sql.page(user, asked),
    },
    Mutation: { createWorkRequest: (_, { input }, { user }) => sql.create(user, input) },
  },
  loaders: {
    WorkRequest: {
      createdBy: batch((queries) => sql.users(objects(queries).map((row) => row.created_by_id))),
      worker: batch((queries) => sql.workers(objects(queries).map((row) => row.worker_id))),
      workspace: batch((queries) => sql.workspaces(objects(queries).map((row) => row.workspace_id))),
      artifacts: batch((queries, { user }) =>
        sql.artifacts(user, objects(queries).map((row) => row.rowId), queries[0].params.first)),
    },
    Artifact: {
      files: batch((queries) =>
        sql.files(objects(queries).map((row) => row.rowId), queries[0].params.first)),
    },
  },
});
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
