// PostGraphile with its own preset, as its documentation says for production: no watching, no explaining, no GraphiQL.
// VISIBILITY=rls: each request says who asks, and PostgreSQL's policies decide.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const { PGHOST, PGPORT, PGUSER, PGDATABASE, PORT, VISIBILITY } = process.env;
const rls = VISIBILITY === "rls";
const user = rls ? "visitor" : PGUSER;
const host = encodeURIComponent(PGHOST);

const preset = {
  extends: [PostGraphileAmberPreset],
  // It would hide what has no index, and takes a partial one for none.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [
    makePgService({
      connectionString: `postgres://${user}@/${PGDATABASE}?host=${host}&port=${PGPORT}`,
      schemas: ["public"],
      poolConfig: { max: 16, idleTimeoutMillis: 0 },
    }),
  ],
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false, websockets: false },
  grafast: {
    explain: false,
    context: (request) =>
      rls ? { pgSettings: { "viewer.id": request.node.req.headers["x-user"] } } : {},
  },
};

const served = postgraphile(preset).createServ(grafserv);
const server = createServer();
await served.addTo(server);
server.listen(Number(PORT), "127.0.0.1");
