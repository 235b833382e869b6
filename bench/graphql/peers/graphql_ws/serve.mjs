// graphql-ws on ws with graphql-js, as its documentation shows it: an event in memory goes through a queue to each subscriber.
import { createServer } from "node:http";
import { buildSchema, graphql } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

const schema = buildSchema(`
  type WorkRequest {
    id: ID! status: String! result: String! attempt: Int! taskName: String! priority: Int! createdAt: String!
  }
  type WorkRequestEvent { cursor: String! time: String! type: String! status: String! workRequest: WorkRequest! }
  type Query { subscribers: Int! }
  type Subscription { workRequestChanged: WorkRequestEvent! }
`);

const subscribers = new Set();

async function* events() {
  const waiting = [];
  let wake = () => {};
  const push = (event) => {
    waiting.push(event);
    wake();
  };
  subscribers.add(push);
  try {
    for (;;) {
      while (waiting.length) yield { workRequestChanged: waiting.shift() };
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    subscribers.delete(push);
  }
}

function publish(count) {
  for (let number = 0; number < count; number++) {
    const time = new Date().toISOString();
    const workRequest = {
      id: "V29ya1JlcXVlc3Q6MTAwMDAwMQ", status: "PENDING", result: "NONE", attempt: 0, taskName: "noop",
      priority: 0, createdAt: time,
    };
    const event = {
      cursor: `ZTEyMzQ1Njc4LjEyMzQ1${number}`, time, type: "work_request.priority_changed", status: "PENDING", workRequest,
    };
    for (const push of subscribers) push(event);
  }
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://here");
  if (url.pathname === "/publish") {
    publish(Number(url.searchParams.get("count")));
    return response.end();
  }
  let body = "";
  for await (const part of request) body += part;
  const { query } = JSON.parse(body);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(await graphql({ schema, source: query, rootValue: { subscribers: subscribers.size } })));
});
useServer(
  { schema, roots: { subscription: { workRequestChanged: events } } },
  new WebSocketServer({ server, path: "/graphql" }),
);
server.listen(Number(process.env.PORT), "127.0.0.1");
