import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { createContext, memo, useContext, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react';

export const LiveContext = createContext(null);

export function useLive() {
  const live = useContext(LiveContext);
  return { live, ...useSyncExternalStore(live.subscribe, live.snapshot) };
}

/** GraphiQL's answer pane shows an event until the next one comes. This list keeps them. */
export const LIVE_EVENTS = { title: 'Live events', icon: PulseIcon, content: LiveEvents };

function LiveEvents() {
  const { live, rows, watches, dropped } = useLive();
  return (
    <section className="live" aria-label="Live events">
      <header className="live-header">
        <h2>Live events</h2>
        {rows.length > 0 && (
          <button type="button" onClick={() => live.clear()}>
            Clear
          </button>
        )}
      </header>
      <Watches live={live} watches={watches} />
      {rows.length === 0 ? <Nothing running={watches.length > 0} /> : <Rows rows={rows} dropped={dropped} />}
    </section>
  );
}

function Nothing({ running }) {
  return (
    <p className="live-nothing">
      {running ? 'Waiting for the first event.' : 'Run a subscription, and its events are listed here as they come.'}
    </p>
  );
}

function Watches({ live, watches }) {
  const { changeTab } = useGraphiQLActions();
  const tabs = useGraphiQL((state) => state.tabs);
  return (
    <ul className="live-watches">
      {watches.map((watch) => (
        <li key={watch.tab} className={`is-${watch.state}`}>
          <button type="button" onClick={() => changeTab(tabs.findIndex((tab) => tab.id === watch.tab))}>
            <span className={`watch-state is-${watch.state}`}>{watch.title}</span>
          </button>
          <span className="live-count">{watch.received === 1 ? '1 event' : `${watch.received} events`}</span>
          {watch.state !== 'ended' && (
            <button type="button" onClick={() => live.running(watch.tab)?.stop()} aria-label={`Stop ${watch.title}`}>
              Stop
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function Rows({ rows, dropped }) {
  const list = useRef(null);
  const following = useRef(true);

  // The newest stays in sight, unless one scrolled up to read.
  useLayoutEffect(() => {
    if (following.current) {
      list.current.scrollTop = list.current.scrollHeight;
    }
  }, [rows]);

  function onScroll({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) {
    following.current = scrollHeight - scrollTop - clientHeight < 24;
  }

  return (
    <ol className="live-rows" ref={list} onScroll={onScroll} data-testid="live-rows">
      {dropped > 0 && <li className="live-note">{dropped} older ones are no longer listed.</li>}
      {rows.map((row) => (
        <Row key={row.number} row={row} />
      ))}
    </ol>
  );
}

const Row = memo(function Row({ row }) {
  const [open, setOpen] = useState(false);
  if (row.kind === 'note') {
    return (
      <li className="live-note">
        {row.title}: {row.text}
      </li>
    );
  }
  const { time, type, status, tone, detail } = summary(row);
  return (
    <li className={`live-row is-${row.kind}`} data-cursor={row.event?.cursor}>
      <button type="button" onClick={() => setOpen(!open)} aria-expanded={open}>
        <time title={row.event?.time}>{time}</time>
        <span className="live-type">{type}</span>
        {status && <span className={`live-status is-${tone.toLowerCase()}`}>{status}</span>}
        <span className={row.event?.lines || row.event?.line ? 'live-detail is-log' : 'live-detail'}>{detail}</span>
      </button>
      {open && <pre>{JSON.stringify(row.payload, null, 2)}</pre>}
    </li>
  );
});

function summary({ event, payload }) {
  if (!event) {
    const error = payload.errors?.[0];
    return { type: error ? (error.extensions?.code ?? 'error') : 'answer', detail: error?.message };
  }
  const result = event.result === 'NONE' ? null : event.result;
  const status = event.status ?? event.state ?? event.line?.logLevel;
  return {
    time: clock(event.at ?? event.line?.timestamp ?? event.time),
    type: event.type,
    status,
    tone: result ?? status ?? '',
    detail: [result, subject(event)].filter(Boolean).join(' · '),
  };
}

function subject({ lines, line, task, workRequest, worker, subject: named }) {
  if (lines) {
    return lines.map((each) => each.text.trimEnd()).join('\n');
  }
  if (line) {
    return line.event;
  }
  if (task) {
    return [task.uid ?? task.actorName, task.id].filter(Boolean).join(' · ');
  }
  if (workRequest) {
    return [workRequest.taskName, workRequest.id].filter(Boolean).join(' · ');
  }
  return worker?.name ?? (typeof named === 'string' ? named : undefined);
}

function clock(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '' : date.toLocaleTimeString('en-GB');
}

function PulseIcon(props) {
  return (
    <svg height="1em" viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" {...props}>
      <path d="M1 10.5h4l2.5-7 4.5 13 2.5-6H19" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
