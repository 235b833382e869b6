import { createClient } from 'graphql-ws';

import { streamKey } from './operations.js';

const MOST_ROWS = 500;
const REDRAW_EVERY_MS = 60;
const ANSWER_EVERY_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/**
 * The subscriptions of this page, and the list of what they received.
 *
 * GraphiQL ends a subscription when one looks at another tab. Here a subscription belongs to the page: it goes on
 * while other tabs are used, GraphiQL's answer pane is merely a reader of it, and when the connection is lost it
 * continues from its newest cursor.
 */
export class Live {
  #client;
  #connected = false;
  #watches = new Map(); // tab id → Watch; one per tab, as in GraphiQL
  #rows = [];
  #count = 0;
  #listeners = new Set();
  #redraw = null;
  #snapshot = { rows: [], watches: [], dropped: 0 };

  /** `onDoubt` is called when the server may have stopped knowing who we are. */
  constructor({ endpoint, cursors, onDoubt }) {
    this.cursors = cursors;
    this.onDoubt = onDoubt;
    this.#client = createClient({
      url: new URL(endpoint, location.href).href.replace(/^http/, 'ws'),
      keepAlive: 12_000, // notices a connection that died without a word
      retryAttempts: Infinity,
      shouldRetry: (error) => isCloseEvent(error) && error.code !== 4403,
      retryWait: (attempt) => this.#pause(attempt),
      on: {
        connected: () => this.#opened(),
        closed: (event) => this.#closed(event),
      },
    });
  }

  /** With snapshot(), what React's useSyncExternalStore asks for. */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = () => this.#snapshot;

  /** Run a subscription for a tab, whose earlier one ends. */
  watch(tab, request, operation) {
    this.#watches.get(tab)?.stop();
    const watch = new Watch(this, tab, request, operation);
    this.#watches.set(tab, watch);
    watch.start();
    return watch;
  }

  /** The subscription that runs for a tab, if one does. */
  running(tab) {
    const watch = this.#watches.get(tab);
    return watch?.ended ? undefined : watch;
  }

  /** Tabs were opened, closed or changed: one is in front, and only its subscription has the answer pane. */
  tabsChanged(tabs, inFront) {
    for (const [tab, watch] of this.#watches) {
      if (tab !== inFront) {
        watch.release();
      }
      if (!tabs.has(tab)) {
        watch.stop();
        this.#watches.delete(tab);
      }
    }
  }

  clear() {
    this.#rows = [];
    this.#count = 0;
    this.changed();
  }

  dispose() {
    this.#watches.forEach((watch) => watch.stop());
    this.#client.dispose();
  }

  // What a Watch needs of the page.

  get connected() {
    return this.#connected;
  }

  send(request, sink) {
    return this.#client.subscribe(request, sink);
  }

  add(row) {
    this.#count += 1;
    this.#rows = [...this.#rows.slice(1 - MOST_ROWS), { ...row, number: this.#count }];
    this.changed();
  }

  /** Draw soon, and once for many: a thousand events in a second are some fifteen drawings. */
  changed() {
    this.#redraw ??= setTimeout(() => {
      this.#redraw = null;
      this.#snapshot = {
        rows: this.#rows,
        watches: [...this.#watches.values()].map((watch) => watch.view()),
        dropped: this.#count - this.#rows.length,
      };
      this.#listeners.forEach((listener) => listener());
    }, REDRAW_EVERY_MS);
  }

  #opened() {
    this.#connected = true;
    this.changed();
  }

  #closed(event) {
    if (this.#connected) {
      this.#connected = false;
      this.#watches.forEach((watch) => watch.connectionLost(event.reason));
      this.changed();
    }
  }

  #pause(attempt) {
    if (attempt > 0) {
      // A browser does not say whether the server is away or turned us away.
      this.onDoubt();
    }
    const wait = Math.min(LONGEST_WAIT_MS, 250 * 2 ** attempt) * (0.5 + Math.random() / 2);
    return new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** One running subscription. */
class Watch {
  ended = false;
  #live;
  #request;
  #operation;
  #stream;
  #cursor = null;
  #received = 0;
  #unsubscribe = null;
  #latest = null;
  #reader = null;
  #delivery = null;

  constructor(live, tab, request, operation) {
    this.tab = tab;
    this.#live = live;
    this.#request = request;
    this.#operation = operation;
    this.#stream = streamKey(operation, request.variables);
  }

  view() {
    const state = this.ended ? 'ended' : this.#live.connected ? 'live' : 'connecting';
    return { tab: this.tab, title: this.#operation.title, received: this.#received, state };
  }

  start() {
    const watch = this;
    const request = {
      ...this.#request,
      // Read anew each time the client (re)connects.
      get variables() {
        return watch.#variables();
      },
    };
    this.#unsubscribe = this.#live.send(request, {
      next: (payload) => this.#receive(payload),
      error: (error) => this.#fail(error),
      complete: () => this.#end('Ended by the server.'),
    });
    this.#live.changed();
  }

  stop() {
    this.#end('Stopped.');
  }

  connectionLost(reason) {
    if (!this.ended) {
      const next = this.#resumes() ? 'Going on from the last cursor.' : 'Connecting again.';
      this.#note(`Connection lost${reason ? `: ${reason}` : ''}. ${next}`);
    }
  }

  /**
   * What GraphiQL reads: the newest payload, some ten times in a second at most, for it lays out its editor and
   * writes down its tabs each time.
   */
  observable() {
    return {
      subscribe: (reader) => {
        this.#reader = reader;
        this.#deliver();
        // GraphiQL lets go when one presses stop, and also when one changes the tab; then release() comes first.
        return { unsubscribe: () => queueMicrotask(() => this.#reader === reader && this.stop()) };
      },
    };
  }

  /** Go on without the answer pane: it shows another tab now. */
  release() {
    const reader = this.#reader;
    this.#reader = null;
    if (reader) {
      // Not at once: GraphiQL is in the middle of changing its state when it tells us.
      queueMicrotask(() => reader.complete());
    }
  }

  #resumes() {
    return this.#cursor !== null && this.#operation.declares.has('after');
  }

  #variables() {
    const { variables } = this.#request;
    return this.#resumes() ? { ...variables, after: this.#cursor } : variables;
  }

  #receive(payload) {
    if (this.ended) {
      return;
    }
    this.#latest = payload;
    this.#received += 1;
    const event = Object.values(payload.data ?? {}).find((value) => value?.cursor);
    if (event) {
      this.#cursor = event.cursor;
      this.#live.cursors.set(this.#stream, event.cursor);
    }
    this.#live.add({ kind: payload.errors ? 'fault' : 'event', title: this.#operation.title, event, payload });
    this.#deliver();
  }

  #deliver() {
    if (this.#latest && this.#reader) {
      this.#delivery ??= setTimeout(() => {
        this.#delivery = null;
        this.#reader?.next(this.#latest);
      }, ANSWER_EVERY_MS);
    }
  }

  /** Refused by the server (a list of GraphQL errors), or closed by it for good. */
  #fail(error) {
    if (this.ended) {
      return;
    }
    const errors = Array.isArray(error) ? error : [{ message: reasonOf(error) }];
    this.#live.add({ kind: 'fault', title: this.#operation.title, payload: { errors } });
    this.#latest = { errors };
    this.#end(null);
    if (isCloseEvent(error)) {
      this.#live.onDoubt();
    }
  }

  #end(why) {
    if (this.ended) {
      return;
    }
    this.ended = true;
    if (why) {
      this.#note(why);
    }
    clearTimeout(this.#delivery);
    this.#unsubscribe();
    const reader = this.#reader;
    this.#reader = null;
    if (this.#latest) {
      reader?.next(this.#latest);
    }
    reader?.complete();
    this.#live.changed();
  }

  #note(text) {
    this.#live.add({ kind: 'note', title: this.#operation.title, text });
  }
}

function isCloseEvent(error) {
  return typeof error?.code === 'number' && typeof error?.reason === 'string';
}

function reasonOf(error) {
  if (isCloseEvent(error)) {
    return `The server closed the connection: ${error.reason || 'it gave no reason'} (code ${error.code}).`;
  }
  return error?.message ?? String(error);
}
