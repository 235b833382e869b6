// graphql-sse, the reference client of GraphQL over server-sent events, in its distinct connections mode.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-sse';
import { CHANGED, CREATE, NEW, authorization, followAndResume, run, url } from './server.mjs';

const client = createClient({ url, headers: authorization, retryAttempts: 0 });

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
  'errors of a document are a result': async () => {
    const { errors } = await once({ query: '{ nothing }' });
    assert.equal(errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
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
});
