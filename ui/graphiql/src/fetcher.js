import { createGraphiQLFetcher } from '@graphiql/toolkit';

import { describeOperation } from './operations.js';

/**
 * What GraphiQL calls to run an operation. Queries and mutations go by HTTP, subscriptions through `live`.
 *
 * `tab()` names the tab in front; `noteAnswer` sees each answer; `prepare` may fill in variables.
 */
export function createFetcher({ endpoint, live, tab, prepare, noteAnswer, onDoubt }) {
  const http = createGraphiQLFetcher({ url: endpoint, fetch: send });

  async function send(url, init) {
    const response = await fetch(url, { ...init, credentials: 'same-origin' });
    if (response.status === 401) {
      onDoubt();
    } else if (response.headers.get('content-type')?.includes('json')) {
      const copy = response.clone();
      copy.json().then(noteAnswer, () => {});
    }
    return response;
  }

  return (asked, options) => {
    const operation = describeOperation(asked.query, asked.operationName);
    if (!operation || asked.operationName === 'IntrospectionQuery') {
      return http(asked, options);
    }
    // Someone came back to a tab whose subscription runs: read on where it is.
    const running = live.running(tab());
    if (running && operation.kind === 'subscription') {
      return running.observable();
    }
    const variables = prepare(operation, asked.variables ?? {});
    const request = { ...asked, variables, operationName: operation.operationName };
    if (operation.kind === 'subscription') {
      return live.watch(tab(), request, operation).observable();
    }
    return http(request, options);
  };
}
