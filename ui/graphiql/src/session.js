// Who is signed in, by the session cookie. The cookie itself is HttpOnly: this page never sees it.

const WHO = JSON.stringify({ query: 'query PageViewer { viewer { user { username } } }' });

export class Session {
  constructor({ endpoint, session }) {
    this.endpoint = endpoint;
    this.session = session;
  }

  /** The user's name, or null when nobody is signed in. Throws when the server does not answer. */
  async whoAmI() {
    const response = await post(this.endpoint, WHO);
    if (response.status >= 500) {
      throw new Error(`the server answered ${response.status}`);
    }
    const answer = await response.json().catch(() => null);
    return answer?.data?.viewer?.user?.username ?? null;
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

function post(url, body) {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  return fetch(url, { method: 'POST', credentials: 'same-origin', headers, body });
}
