// Apollo Client: queries, pages, mutations, and subscriptions over WebSocket and over multipart HTTP.
import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Defer20220824Handler, GraphQL17Alpha9Handler } from '@apollo/client/incremental';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { CHANGED, CREATE, LIST, NEW, authorization, create, followAndResume, key, run, url, websocketUrl } from './server.mjs';

const cache = () =>
  new InMemoryCache({ typePolicies: { Query: { fields: { workRequests: relayStylePagination(['filter', 'orderBy']) } } } });
const http = new HttpLink({ uri: url, headers: authorization });
const websocket = new GraphQLWsLink(
  createClient({ url: websocketUrl, webSocketImpl: WebSocket, connectionParams: { token: key } }),
);
const client = new ApolloClient({ link: http, cache: cache() });

const DEFERRED = gql`
  { viewer { user { username } ... @defer { tenant { name } } } }
`;

/** A query with @defer must give a result without the deferred part, then all of it. */
const defer = async (incrementalHandler) => {
  const deferring = new ApolloClient({ link: http, cache: cache(), incrementalHandler });
  const results = [];
  await new Promise((resolve, reject) => {
    deferring.watchQuery({ query: DEFERRED }).subscribe(({ data, error, dataState }) => {
      if (error) reject(error);
      if (data?.viewer) results.push(dataState);
      if (dataState === 'complete') resolve(assert.ok(data.viewer.tenant.name));
    });
  });
  assert.deepEqual(results, ['streaming', 'complete']);
};

const follow = (link) => {
  const following = new ApolloClient({ link, cache: cache() });
  return followAndResume((after, onEvent, onError) => {
    const subscription = following.subscribe({ query: gql(CHANGED), variables: { after } }).subscribe({
      next: ({ data, error }) => (error ? onError(error) : onEvent(data.workRequestChanged)),
      error: onError,
    });
    return () => subscription.unsubscribe();
  });
};

await run({
  'a query': async () => {
    const { data } = await client.query({ query: gql`{ viewer { user { username } } }` });
    assert.equal(data.viewer.user.username, 'admin');
  },
  'a mutation': async () => {
    const { data } = await client.mutate({ mutation: gql(CREATE), variables: NEW });
    assert.equal(data.createWorkRequest.workRequest.status, 'PENDING');
  },
  'an error with its code': async () => {
    const { error } = await client.query({ query: gql`{ node(id: "no-id") { id } }`, errorPolicy: 'all' });
    assert.ok(CombinedGraphQLErrors.is(error));
    assert.equal(error.errors[0].extensions.code, 'BAD_INPUT');
  },
  'pages that grow': async () => {
    for (let made = 0; made < 4; made++) await create();
    const list = client.watchQuery({ query: gql(LIST), variables: { first: 2 }, fetchPolicy: 'network-only' });
    let stop;
    const edges = await new Promise((resolve, reject) => {
      const subscription = list.subscribe(({ data, error, loading }) => {
        if (error) reject(error);
        if (loading || !data?.workRequests) return;
        const { edges, pageInfo } = data.workRequests;
        if (edges.length === 2) list.fetchMore({ variables: { first: 2, after: pageInfo.endCursor } }).catch(reject);
        if (edges.length === 4) resolve(edges);
      });
      stop = () => subscription.unsubscribe();
    });
    stop();
    assert.equal(new Set(edges.map(({ node }) => node.id)).size, 4);
  },
  'what is deferred, in the older format': () => defer(new Defer20220824Handler()),
  'what is deferred, in the newer format': () => defer(new GraphQL17Alpha9Handler()),
  'a subscription over WebSocket, and its resumption': () => follow(websocket),
  'a subscription over multipart HTTP, and its resumption': () => follow(new ApolloLink((operation) => http.request(operation))),
});
