// What changes, as it changes. The tabs of a browser share one worker, since a server is given only six connections at once.

/**
 * @typedef {{change?: (change: Change) => void, reload?: () => void, state?: (connected: boolean) => void}} Told
 */

/**
 * Follows one session, or the list of them; returns how to stop.
 * @param {string | null} session @param {number} position what is known already @param {Told} told
 * @returns {() => void}
 */
export function follow(session, position, told) {
  const port = typeof SharedWorker === "undefined" ? alone() : new SharedWorker("/web/live_worker.js", { type: "module", name: "handspan" }).port;
  port.onmessage = ({ data }) => {
    if (data.change) told.change?.(data.change);
    if (data.reload) told.reload?.();
    if ("connected" in data) told.state?.(data.connected);
  };
  port.postMessage({ follow: session, position });
  const leave = () => port.postMessage({ leave: true });
  addEventListener("pagehide", leave);
  // Back by the back button: the page is as it was, the worker has forgotten it.
  const back = (/** @type {PageTransitionEvent} */ event) => event.persisted && told.reload?.();
  addEventListener("pageshow", back);
  return () => {
    leave();
    removeEventListener("pagehide", leave);
    removeEventListener("pageshow", back);
  };
}

/** Where browsers have no shared workers, each tab is on its own. */
function alone() {
  const { port1, port2 } = new MessageChannel();
  import("./live_worker.js").then(({ serve }) => serve(port2));
  return port1;
}
