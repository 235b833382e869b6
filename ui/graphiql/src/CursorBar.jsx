import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useMemo, useRef, useState } from 'react';

import { useLive } from './LiveEvents.jsx';
import { describeOperation, readVariables, streamKey, writeVariable } from './operations.js';

/** Under the answer of a subscription: where it is, and the way to go on from there later. */
export function CursorBar() {
  const { run } = useGraphiQLActions();
  const tab = useGraphiQL((state) => state.tabs[state.activeTabIndex]);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const { live, watches } = useLive();
  const operation = useMemo(() => describeOperation(tab.query, tab.operationName), [tab.query, tab.operationName]);
  if (operation?.kind !== 'subscription') {
    return null;
  }

  const stream = streamKey(operation, readVariables(tab.variables));
  const last = live.cursors.get(stream);
  const running = watches.find((watch) => watch.tab === tab.id && watch.state !== 'ended');

  const setAfter = (cursor) => variableEditor.setValue(writeVariable(variableEditor.getValue(), 'after', cursor));

  function resume() {
    setAfter(last.cursor);
    run();
  }

  function forget() {
    live.cursors.forget(stream);
    setAfter(null);
    live.changed();
  }

  return (
    <div className="cursor-bar" role="status">
      {running && <State watch={running} />}
      {last ? <LastCursor cursor={last.cursor} /> : <span>Each event brings a cursor, to go on from later.</span>}
      {last && !running && (
        <>
          <button
            type="button"
            className="cursor-resume"
            onClick={resume}
            disabled={!operation.declares.has('after')}
            title={operation.declares.has('after') ? undefined : 'Declare $after: Cursor and pass it on, to resume'}
          >
            Resume from last cursor
          </button>
          <button type="button" onClick={forget} title="Begin at the next event again">
            Forget
          </button>
        </>
      )}
    </div>
  );
}

function State({ watch }) {
  const live = watch.received === 0 ? 'Live: waiting for the next event' : 'Live';
  return (
    <span className={`watch-state is-${watch.state}`} data-testid="watch-state">
      {watch.state === 'live' ? live : 'Connecting …'}
    </span>
  );
}

function LastCursor({ cursor }) {
  const field = useRef(null);
  const [copied, setCopied] = useState(null);

  async function copy() {
    field.current.select();
    // The clipboard is for HTTPS and localhost; elsewhere the old command does it.
    await (navigator.clipboard?.writeText(cursor) ?? document.execCommand('copy'));
    setCopied(cursor);
  }

  return (
    <label className="cursor-last">
      Last cursor
      <input ref={field} readOnly value={cursor} onFocus={(event) => event.currentTarget.select()} data-testid="last-cursor" />
      <button type="button" onClick={copy}>
        {copied === cursor ? 'Copied' : 'Copy'}
      </button>
    </label>
  );
}
