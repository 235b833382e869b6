// Who is signed in, by the session cookie. The cookie itself is HttpOnly: this page never sees it.

const WHO = JSON.stringify({ query: 'query PageViewer { viewer { user { username } } }' });

export class Session {
  constructor({ endpoint, session }) {
    this.endpoint = endpoint;
    this.session = session;
  }

  /** The user's name, or null when nobody is signed in. Throws when the server does not say. */
  async whoAmI() {
    const response = await post(this.endpoint, WHO);
    const answer = await response.json().catch(() => null);
    if (answer?.data) {
      return answer.data.viewer?.user?.username ?? null;
    }
    if (response.status === 401 || answer?.errors?.some(isUnauthenticated)) {
      return null;
    }
    throw new Error(answer?.errors?.[0]?.message ?? `it answered ${response.status}`);
  }

  /** Null when signed in; otherwise a sentence that says why not. */
  async signIn(username, password) {
    const response = await post(this.session, JSON.stringify({ username, password }));
    if (response.ok) {
      return null;
    }
    const answer = await response.json().catch(() => null);
    return answer?.message ?? `Signing in failed: the server answered ${response.status}.`;
  }

  async signOut() {
    // The type is for the server's guard against forged requests, which lets no other through.
    const headers = { 'Content-Type': 'application/json' };
    await fetch(this.session, { method: 'DELETE', credentials: 'same-origin', headers });
  }
}

export function isUnauthenticated(error) {
  return error.extensions?.code === 'UNAUTHENTICATED';
}

function post(url, body) {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  return fetch(url, { method: 'POST', credentials: 'same-origin', headers, body });
}
