// Spans and arrows for tests, in seconds since the session's start.

import { spanOf, Store } from "../../../src/handspan/hub/web/store.js";

export const BASE = 1_795_168_800_000_000_000n;
const at = (/** @type {number} */ seconds) => (BASE + BigInt(Math.round(seconds * 1e9))).toString();

/** @param {Partial<Omit<WireSpan, "start" | "end">> & {start: number, end?: number | undefined}} said @returns {WireSpan} */
export function wire({ start, end, ...said }) {
  const whole = { trace: "t1", id: `${said.kind}-${said.terminal ?? ""}-${start}`, name: said.kind ?? "", kind: /** @type {const} */ ("turn"), part: 1, attributes: {}, events: [], links: [] };
  return { ...whole, start: at(start), open: end === undefined, ...(end === undefined ? {} : { end: at(end) }), ...said };
}

/** @param {Partial<Summary>} [said] @returns {Summary} */
export const summary = (said = {}) => ({
  ...{ id: "s", name: "checkout", kind: "session", source: "cao", instance: "i", state: "running", start: at(0), last_sign: at(100) },
  ...{ agents: ["supervisor"], terminals: 1, open_terminals: 1, messages: 0, waiting: [], stuck: [], sentence: [], parts: 1 },
  ...said,
});

/** @param {Partial<Omit<WireArrow, "from" | "to" | "sent" | "delivered_at">> & {from: string, to: string, sent: number, delivered_at?: number}} said @returns {WireArrow} */
export const arrow = ({ from, to, sent, delivered_at, ...said }) => ({
  ...{ type: "send", message: `m${sent}`, delivered: delivered_at !== undefined },
  from: { terminal: from, span: `send-${from}-${sent}`, at: at(sent) },
  to: { terminal: to, span: `turn-${to}-${delivered_at ?? sent}`, at: at(delivered_at ?? sent) },
  sent: at(sent),
  ...(delivered_at === undefined ? {} : { delivered_at: at(delivered_at) }),
  ...(/** @type {any} */ (said)),
});

/** @param {WireSpan[]} spans @param {WireArrow[]} [arrows] @param {Partial<Summary>} [said] */
export const store = (spans, arrows = [], said = {}) => new Store({ position: 1, session: summary(said), spans, arrows });

/** @param {WireSpan[]} spans */
export const spans = (spans) => new Map(spans.map((said) => [said.id, spanOf(said, BASE)]));

/** A supervisor that hands work to a developer, which asks a person. The session still runs. */
export const HANDOFF = [
  wire({ kind: "session", id: "root", start: 0 }),
  wire({ kind: "terminal", id: "sup", terminal: "sup", agent: "supervisor", parent: "root", start: 0 }),
  wire({ kind: "boot", id: "sup-boot", terminal: "sup", agent: "supervisor", parent: "sup", start: 0, end: 3 }),
  wire({ kind: "turn", id: "sup-1", terminal: "sup", agent: "supervisor", parent: "sup", start: 5 }),
  wire({
    ...{ kind: "delegation", id: "hand", terminal: "sup", agent: "supervisor", parent: "sup-1", start: 10 },
    attributes: { "gen_ai.tool.name": "handoff", "handspan.delegation.target.terminal": "dev", "handspan.delegation.awaited": true },
  }),
  wire({ kind: "send", id: "ask", terminal: "sup", agent: "supervisor", parent: "hand", start: 10, end: 10.000001, attributes: { "handspan.message.sender.terminal": "sup" } }),
  wire({ kind: "terminal", id: "dev", terminal: "dev", agent: "developer", parent: "hand", start: 11, attributes: { "handspan.agent.cli": "claude_code" } }),
  wire({ kind: "boot", id: "dev-boot", terminal: "dev", agent: "developer", parent: "dev", start: 11, end: 14 }),
  wire({ kind: "turn", id: "dev-1", terminal: "dev", agent: "developer", parent: "dev", start: 14, links: [{ type: "handoff", trace: "t1", span: "ask" }] }),
  wire({ kind: "waiting", id: "dev-wait", terminal: "dev", agent: "developer", parent: "dev-1", start: 20 }),
];
