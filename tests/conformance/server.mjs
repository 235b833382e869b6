// What every script needs: where the server is, who we are, and operations on it by plain fetch.
import assert from 'node:assert/strict';

export const [url, key] = process.argv.slice(2);
export const websocketUrl = url.replace(/^http/, 'ws');
export const authorization = { authorization: `Bearer ${key}` };

export const CREATE = /* GraphQL */ `
  mutation Create($input: CreateWorkRequestInput!) {
    createWorkRequest(input: $input) {
      workRequest { id status taskName }
      userErrors { code message }
    }
  }
`;

export const CHANGED = /* GraphQL */ `
  subscription Changed($after: Cursor) {
    workRequestChanged(after: $after) { cursor type workRequest { id status } }
  }
`;

export const LIST = /* GraphQL */ `
  query List($first: Int!, $after: Cursor) {
    workRequests(first: $first, after: $after, orderBy: [{ field: CREATED_AT, direction: DESC }]) {
      edges { cursor node { id taskName } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

export const NEW = { input: { taskName: 'noop', requiredTags: ['nobody-has-this'] } };

/** Make a work request that no worker will take; give its id. */
export async function create() {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify({ query: CREATE, variables: NEW }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  assert.deepEqual(data.createWorkRequest.userErrors, []);
  return data.createWorkRequest.workRequest.id;
}

/**
 * Follow the changes of work requests with a real client.
 *
 * `subscribe(after, onEvent, onError)` starts a subscription and returns what ends it. First nothing is known of when the
 * server has begun to listen, so work is created until an event comes. Then the subscription ends, more is created
 * meanwhile, and one that starts from the cursor must bring exactly that, in order.
 */
export async function followAndResume(subscribe) {
  const first = await new Promise((resolve, reject) => {
    const again = setInterval(() => create().catch(reject), 100);
    const stop = subscribe(
      null,
      (event) => { clearInterval(again); stop(); resolve(event); },
      (error) => { clearInterval(again); reject(error); },
    );
  });
  assert.equal(first.type, 'work_request.created');
  assert.equal(first.workRequest.status, 'PENDING');

  const missed = [await create(), await create()];
  const got = [];
  await new Promise((resolve, reject) => {
    const stop = subscribe(
      first.cursor,
      (event) => {
        got.push(event.workRequest.id);
        if (got.includes(missed[1])) { stop(); resolve(); }
      },
      reject,
    );
  });
  assert.ok(!got.includes(first.workRequest.id), 'after is exclusive');
  // What the timer had already asked for may come between them.
  assert.deepEqual(got.filter((id) => missed.includes(id)), missed);
  assert.equal(new Set(got).size, got.length, 'nothing comes twice');
}

/** Run the checks one after the other, each within twenty seconds; the exit code says whether all passed. */
export async function run(checks) {
  for (const [name, check] of Object.entries(checks)) {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error('took over 20 s')), 20_000).unref());
    try {
      await Promise.race([check(), late]);
      console.log(`ok ${name}`);
    } catch (error) {
      console.error(`FAILED ${name}:`, error);
      process.exit(1);
    }
  }
  process.exit(0);
}
