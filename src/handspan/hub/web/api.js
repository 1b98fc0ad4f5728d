// The hub's answers. What it refuses it says why, in a sentence for people.

/** @param {string} path @returns {Promise<any>} */
async function get(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  if (response.ok) return response.json();
  const said = await response.json().catch(() => ({}));
  throw new Refused(said.error ?? `The hub answered ${response.status}.`, response.status);
}

export class Refused extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @param {string} id @returns {Promise<WireSession>} */
export const session = (id) => get(`/api/sessions/${encodeURIComponent(id)}`);

/** @param {string} query @returns {Promise<Listing>} */
export const sessions = (query) => get(`/api/sessions${query ? `?${query}` : ""}`);

/** @param {string} id @returns {Promise<{logs: LogRecord[], next: string | null}>} */
export const logs = (id) => get(`/api/sessions/${encodeURIComponent(id)}/logs?limit=200`);
