// urql: it lists text/event-stream in every Accept header, and reads subscriptions from it.
import assert from 'node:assert/strict';
import { Client, cacheExchange, fetchExchange, gql } from '@urql/core';
import { pipe, subscribe } from 'wonka';
import { CHANGED, CREATE, LIST, NEW, authorization, create, followAndResume, run, url } from './server.mjs';

// urql lets go of a stream by aborting its request, and leaves the promise of the aborted body to nobody.
process.on('unhandledRejection', (error) => {
  if (error.name !== 'AbortError') throw error;
});

const client = new Client({
  url,
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: { headers: authorization },
  fetchSubscriptions: true,
  preferGetMethod: false,
});

await run({
  'a query': async () => {
    const { data, error } = await client.query(gql`{ viewer { user { username } } }`, {}).toPromise();
    assert.equal(error, undefined);
    assert.equal(data.viewer.user.username, 'admin');
  },
  'a query by GET': async () => {
    const { data, error } = await client
      .query(gql`{ viewer { user { username } } }`, {}, { preferGetMethod: 'force', requestPolicy: 'network-only' })
      .toPromise();
    assert.equal(error, undefined);
    assert.equal(data.viewer.user.username, 'admin');
  },
  'a mutation': async () => {
    const { data, error } = await client.mutation(gql(CREATE), NEW).toPromise();
    assert.equal(error, undefined);
    assert.deepEqual(data.createWorkRequest.userErrors, []);
  },
  'an error with its code': async () => {
    const { error } = await client.query(gql`{ nothing }`, {}).toPromise();
    assert.equal(error.graphQLErrors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  },
  'a page': async () => {
    await create();
    const { data, error } = await client.query(gql(LIST), { first: 1 }).toPromise();
    assert.equal(error, undefined);
    assert.equal(data.workRequests.edges.length, 1);
  },
  'what is deferred': async () => {
    const results = [];
    await new Promise((resolve, reject) => {
      pipe(
        client.query(gql`{ viewer { user { username } ... @defer { tenant { name } } } }`, {}, { requestPolicy: 'network-only' }),
        subscribe(({ data, error, hasNext }) => {
          if (error) return reject(error);
          results.push(hasNext);
          if (!hasNext) resolve(assert.ok(data.viewer.tenant.name));
        }),
      );
    });
    assert.deepEqual(results, [true, false]);
  },
  'a subscription over server-sent events, and its resumption': () =>
    followAndResume((after, onEvent, onError) => {
      const { unsubscribe } = pipe(
        client.subscription(gql(CHANGED), { after }),
        subscribe(({ data, error }) => (error ? onError(error) : data && onEvent(data.workRequestChanged))),
      );
      return unsubscribe;
    }),
});
