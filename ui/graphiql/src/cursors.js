// The last cursor of each stream, kept across closing the browser. One localStorage entry per stream, so that two
// windows do not overwrite each other. GraphiQL's own prefix, so that its "Clear data" clears these too.

const PREFIX = 'graphiql:workyard:cursor:';
const KEPT = 100;

export class Cursors {
  constructor(username) {
    this.prefix = `${PREFIX}${username}:`;
  }

  /** {cursor, at}, or null. */
  get(stream) {
    return read(this.prefix + stream);
  }

  set(stream, cursor) {
    try {
      localStorage.setItem(this.prefix + stream, JSON.stringify({ cursor, at: Date.now() }));
    } catch {
      // Storage is full or switched off: the cursor is still on the page, to be copied.
    }
  }

  forget(stream) {
    localStorage.removeItem(this.prefix + stream);
  }
}

/** Drop the oldest cursors, once per visit: a stream per work request would otherwise fill the storage. */
export function pruneCursors() {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  const oldestFirst = names.sort((a, b) => (read(a)?.at ?? 0) - (read(b)?.at ?? 0));
  oldestFirst.slice(0, -KEPT).forEach((name) => localStorage.removeItem(name));
}

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}
