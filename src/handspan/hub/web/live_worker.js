// Shared by all tabs: one connection for each thing that is followed, closed with the last tab that follows it.

// Six connections to one server is all that a browser opens; two are left for everything else.
const MOST = 4;
const POLL = 3000; // how often one that has no connection of its own asks

/** @typedef {{ports: Map<MessagePort, number>, position: number, stop: () => void, connected: boolean}} Feed */

/** @type {Map<string | null, Feed>} */
const feeds = new Map();

/** @param {MessagePort} port */
export function serve(port) {
  port.onmessage = ({ data }) => {
    leave(port);
    if ("follow" in data) join(port, data.follow, data.position);
  };
}

/** @param {MessagePort} port @param {string | null} session @param {number} position */
function join(port, session, position) {
  const feed = feeds.get(session);
  if (!feed) {
    feeds.set(session, open(session, port, position));
    return;
  }
  feed.ports.set(port, position);
  port.postMessage({ connected: feed.connected });
  // It may know less than those that are here already: what it has missed is asked for again, for all of them.
  if (position < feed.position) {
    feed.stop();
    feed.position = position;
    feed.stop = connect(session, feed);
  }
}

/** @param {MessagePort} port */
function leave(port) {
  for (const [session, feed] of feeds) {
    feed.ports.delete(port);
    if (feed.ports.size) continue;
    feed.stop();
    feeds.delete(session);
  }
}

/** @param {string | null} session @param {MessagePort} port @param {number} position */
function open(session, port, position) {
  /** @type {Feed} */
  const feed = { ports: new Map([[port, position]]), position, stop: () => {}, connected: false };
  feed.stop = feeds.size < MOST ? connect(session, feed) : poll(session, feed);
  return feed;
}

/** @param {string | null} session @param {number} after */
const address = (session, after) => `/api/live?after=${after}${session === null ? "" : `&session=${encodeURIComponent(session)}`}`;

/** @param {string | null} session @param {Feed} feed */
function connect(session, feed) {
  /** @type {EventSource} */
  let source;
  let wait = 500;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;
  const start = () => {
    source = new EventSource(address(session, feed.position));
    source.onopen = () => {
      wait = 500;
      say(feed, { connected: true });
    };
    source.onerror = () => {
      say(feed, { connected: false });
      // EventSource gives up for ever when a proxy answers 502 once; and its own pause is three seconds.
      source.close();
      again = setTimeout(start, wait);
      wait = Math.min(10_000, wait * 2);
    };
    source.addEventListener("change", ({ data }) => {
      const change = JSON.parse(data);
      feed.position = change.position;
      say(feed, { change });
    });
    source.addEventListener("reload", () => {
      source.close();
      feeds.delete(session); // whoever comes back comes back to a feed that knows nothing yet
      say(feed, { reload: true });
    });
  };
  start();
  return () => {
    clearTimeout(again);
    source.close();
  };
}

/** All is asked for again, now and then. @param {string | null} session @param {Feed} feed */
function poll(session, feed) {
  const timer = setInterval(async () => {
    try {
      const response = await fetch(session === null ? "/api/sessions" : `/api/sessions/${encodeURIComponent(session)}`);
      const told = await response.json();
      const sessions = told.sessions ?? [told.session];
      feed.position = told.position;
      say(feed, { connected: response.ok });
      say(feed, { change: { position: told.position, sessions, spans: told.spans ?? [], arrows: told.arrows ?? [], gone: [] } });
    } catch {
      say(feed, { connected: false });
    }
  }, POLL);
  return () => clearInterval(timer);
}

/** @param {Feed} feed @param {object} what */
function say(feed, what) {
  if ("connected" in what) feed.connected = Boolean(what.connected);
  for (const port of feed.ports.keys()) port.postMessage(what);
}

if ("onconnect" in globalThis) {
  globalThis.addEventListener("connect", (event) => {
    const [port] = /** @type {MessageEvent} */ (event).ports;
    if (port) serve(port);
  });
}
