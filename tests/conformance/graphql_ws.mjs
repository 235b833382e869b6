// graphql-ws, the reference client of graphql-transport-ws.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { CHANGED, CREATE, NEW, authorization, followAndResume, key, run, websocketUrl } from './server.mjs';

const client = createClient({
  url: websocketUrl,
  webSocketImpl: WebSocket,
  connectionParams: { token: key },
  keepAlive: 500,
  retryAttempts: 0,
});

const once = async (payload) => {
  for await (const result of client.iterate(payload)) return result;
};

await run({
  'a query': async () => {
    const { data } = await once({ query: '{ viewer { user { username } } }' });
    assert.equal(data.viewer.user.username, 'admin');
  },
  'a mutation': async () => {
    const { data } = await once({ query: CREATE, variables: NEW });
    assert.equal(data.createWorkRequest.workRequest.taskName, 'noop');
  },
  'errors of a document reach the operation alone': async () => {
    for (const query of ['{', '{ nothing }', 'query A { __typename } query B { __typename }']) {
      const errors = await once({ query }).then(assert.fail, (errors) => errors);
      assert.ok(errors[0].extensions.code);
    }
    const { data } = await once({ query: '{ __typename }' });
    assert.equal(data.__typename, 'Query');
  },
  'a subscription, and its resumption': () =>
    followAndResume((after, onEvent, onError) =>
      client.subscribe(
        { query: CHANGED, variables: { after } },
        {
          next: ({ data, errors }) => (errors ? onError(errors) : onEvent(data.workRequestChanged)),
          error: onError,
          complete: () => {},
        },
      ),
    ),
  'keep-alive pings': async () => {
    let pongs = 0;
    const off = client.on('pong', () => pongs++);
    const stop = client.subscribe({ query: CHANGED }, { next() {}, error() {}, complete() {} });
    while (pongs < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    stop();
    off();
  },
  'an unknown token closes with 4403': async () => {
    const other = createClient({
      url: websocketUrl, webSocketImpl: WebSocket, connectionParams: { Authorization: 'Bearer wrong' }, retryAttempts: 0,
    });
    const closed = await other.iterate({ query: '{ __typename }' }).next().then(assert.fail, (event) => event);
    assert.equal(closed.code, 4403);
  },
  'the token may come as a header of the handshake': async () => {
    const socket = class extends WebSocket {
      constructor(address, protocols) { super(address, protocols, { headers: authorization }); }
    };
    const other = createClient({ url: websocketUrl, webSocketImpl: socket, retryAttempts: 0 });
    for await (const { data } of other.iterate({ query: '{ viewer { user { username } } }' })) {
      assert.equal(data.viewer.user.username, 'admin');
    }
    await other.dispose();
  },
});
