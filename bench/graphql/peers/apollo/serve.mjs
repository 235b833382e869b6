// Apollo Server with its standalone server and a DataLoader for each relation of each request.
import { readFileSync } from "node:fs";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import DataLoader from "dataloader";
import * as sql from "../statements.mjs";

const typeDefs = readFileSync(new URL("../schema.graphql", import.meta.url), "utf8");

// `first` is the same for all of a list: it is of the document.
function listLoader(load) {
  return new DataLoader(
    (keys) => load(keys.map(({ id }) => id), keys[0].first),
    { cacheKeyFn: ({ id, first }) => `${id}/${first}` },
  );
}

function context({ req }) {
  const user = req.headers["x-user"];
  return {
    user,
    users: new DataLoader(sql.users),
    workers: new DataLoader(sql.workers),
    workspaces: new DataLoader(sql.workspaces),
    artifacts: listLoader((ids, first) => sql.artifacts(user, ids, first)),
    files: listLoader(sql.files),
  };
}

const resolvers = {
  Query: {
    workRequest: (_, { id }, { user }) => sql.one(user, id),
    workRequests: (_, asked, { user }) => sql.page(user, asked),
  },
  Mutation: { createWorkRequest: (_, { input }, { user }) => sql.create(user, input) },
  WorkRequest: {
    createdBy: (row, _, { users }) => users.load(row.created_by_id),
    worker: (row, _, { workers }) => (row.worker_id ? workers.load(row.worker_id) : null),
    workspace: (row, _, { workspaces }) => workspaces.load(row.workspace_id),
    artifacts: (row, { first }, { artifacts }) => artifacts.load({ id: row.rowId, first }),
  },
  Artifact: { files: (row, { first }, { files }) => files.load({ id: row.rowId, first }) },
};

await startStandaloneServer(new ApolloServer({ typeDefs, resolvers }), {
  context: async (given) => context(given),
  listen: { port: Number(process.env.PORT), host: "127.0.0.1" },
});
