import { useState } from 'react';

/** Asks for name and password. What the server answers is shown as it is: it says what to do. */
export function SignIn({ session, onSignedIn }) {
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      const refusal = await session.signIn(form.get('username'), form.get('password'));
      setProblem(refusal);
      if (refusal === null) {
        await onSignedIn();
      }
    } catch {
      setProblem('Workyard does not answer. Is it running?');
    }
    setBusy(false);
  }

  return (
    <form className="sign-in" onSubmit={submit} aria-labelledby="sign-in-title">
      <h2 id="sign-in-title">Sign in</h2>
      <p>Submit work, and watch it live.</p>
      <label>
        User name
        <input name="username" autoComplete="username" autoCapitalize="none" spellCheck="false" required autoFocus />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      {problem && (
        <p className="sign-in-problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" disabled={busy}>
        {busy ? 'Signing in …' : 'Sign in'}
      </button>
      <p className="sign-in-hint">
        At its first start Workyard makes the user <code>admin</code> and prints the password in its terminal, once.
      </p>
    </form>
  );
}
