import './page.css';

import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { pruneCursors } from './cursors.js';
import mark from './mark.svg';
import { Session } from './session.js';
import { SignIn } from './SignIn.jsx';

// The editor is large. It loads while one signs in.
const loadEditor = () => import('./Editor.jsx');
const Editor = lazy(loadEditor);

const ASKING = { phase: 'asking' };
const SIGNED_OUT = { phase: 'signed out' };

function Page({ endpoint, session }) {
  const [who, setWho] = useState(ASKING);

  const ask = useCallback(async () => {
    try {
      const username = await session.whoAmI();
      setWho(username === null ? SIGNED_OUT : { phase: 'signed in', username });
    } catch (error) {
      // One who is signed in keeps the page: their subscriptions continue when the server is back.
      setWho((was) => (was.phase === 'signed in' ? was : { phase: 'away', error }));
    }
  }, [session]);

  useEffect(() => {
    ask();
    loadEditor();
  }, [ask]);

  async function signOut() {
    await session.signOut().catch(() => {});
    await ask();
  }

  return (
    <>
      <header className="page-header">
        <img src={mark} alt="" width="22" height="22" />
        <h1>Workyard</h1>
        {who.phase === 'signed in' && (
          <div className="page-who">
            <span>
              Signed in as <strong data-testid="username">{who.username}</strong>
            </span>
            <button type="button" onClick={signOut}>
              Sign out
            </button>
          </div>
        )}
      </header>
      <main className="page-main">
        {who.phase === 'signed in' && (
          <Suspense fallback={LOADING}>
            <Editor key={who.username} endpoint={endpoint} username={who.username} onDoubt={ask} waiting={LOADING} />
          </Suspense>
        )}
        {who.phase === 'signed out' && <SignIn session={session} onSignedIn={ask} />}
        {who.phase === 'away' && <Away error={who.error} again={ask} />}
      </main>
    </>
  );
}

const LOADING = <p className="page-notice">Loading the editor …</p>;

function Away({ error, again }) {
  return (
    <div className="page-notice" role="alert">
      <p>Workyard does not answer: {error.message}</p>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}

/** The theme that was chosen in GraphiQL's settings holds for the page from its first drawing. */
function applyChosenTheme() {
  const theme = localStorage.getItem('graphiql:theme');
  if (theme === 'light' || theme === 'dark') {
    document.body.classList.add(`graphiql-${theme}`);
  }
}

applyChosenTheme();
pruneCursors();
const page = document.getElementById('page');
const { endpoint, session } = page.dataset;
createRoot(page).render(<Page endpoint={endpoint} session={new Session({ endpoint, session })} />);
