// What the page shows, as the query of its address: only what is not as it is by itself.

/**
 * @typedef {{tab: string, selected: string, query: string, from: number | null, to: number | null, at: number | null,
 *   arrows: string, idle: boolean, critical: boolean, folded: string[], detailed: string[]}} Shown
 *   times in milliseconds since the session's start
 */

const LONGEST = 4000;

/** @returns {Shown} */
export const plain = () => ({
  ...{ tab: "waterfall", selected: "", query: "", from: null, to: null, at: null },
  ...{ arrows: "all", idle: true, critical: false, folded: [], detailed: [] },
});

/** @param {string} search @returns {Shown} */
export function read(search) {
  const said = new URLSearchParams(search);
  const shown = plain();
  for (const name of /** @type {const} */ (["tab", "selected", "query", "arrows"])) shown[name] = said.get(name) ?? shown[name];
  for (const name of /** @type {const} */ (["from", "to", "at"])) shown[name] = number(said.get(name));
  for (const name of /** @type {const} */ (["folded", "detailed"])) shown[name] = said.getAll(name);
  shown.idle = said.get("idle") !== "shown";
  shown.critical = said.has("critical");
  return shown;
}

/** @param {string | null} text */
const number = (text) => (text !== null && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null);

/** @param {Shown} shown @returns {string} */
export function write(shown) {
  const said = new URLSearchParams();
  const usual = plain();
  for (const name of /** @type {const} */ (["tab", "selected", "query", "arrows"])) if (shown[name] !== usual[name]) said.set(name, shown[name]);
  for (const name of /** @type {const} */ (["from", "to", "at"])) if (shown[name] !== null) said.set(name, String(Math.round(/** @type {number} */ (shown[name]) * 1000) / 1000));
  if (!shown.idle) said.set("idle", "shown");
  if (shown.critical) said.set("critical", "");
  for (const name of /** @type {const} */ (["folded", "detailed"])) for (const terminal of shown[name]) said.append(name, terminal);
  const text = said.toString();
  // A longer address many programs refuse. What was unfolded in fifty lanes is the first to go.
  if (text.length > LONGEST && (shown.folded.length || shown.detailed.length)) return write({ ...shown, folded: [], detailed: [] });
  return text ? `?${text}` : "";
}
