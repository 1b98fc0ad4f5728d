// What of the store is shown: at which moment, which rows, and what is said of them.

import { count, duration, short } from "./format.js";
import { lanes } from "./lanes.js";
import { rows } from "./rows.js";
import { asOf } from "./past.js";
import { answers } from "./store.js";
import { nowSince, since } from "./times.js";

/** @typedef {{query: string, folded: Set<string>, detailed: Set<string>, at: number | null}} Kept  `at`: the moment shown, if it is not now */

export class Picture {
  /** @type {Lanes} */
  lanes = { session: [], work: [], byTerminal: new Map(), all: [] };
  /** @type {Map<string, Span>} */
  spans = new Map();
  /** @type {Arrow[]} */
  arrows = [];
  /** @type {Row[]} */
  rows = [];
  /** @type {Map<string, number>} */
  places = new Map();
  /** What others lead to a span, by its id. @type {Map<string, {type: string, span: Span}[]>} */
  leading = new Map();
  now = 0;
  #stale = true;

  /** @param {import("./store.js").Store} store @param {Kept} kept @param {number | null} taken when an exported copy was made, in nanoseconds since the start */
  constructor(store, kept, taken = null) {
    this.store = store;
    this.kept = kept;
    this.taken = taken;
  }

  /** Look at the store again before the next drawing. */
  touch() {
    this.#stale = true;
  }

  /** @returns {number} */
  get last() {
    return since(this.store.summary.last_sign, this.store.base);
  }

  get ended() {
    return this.store.summary.end !== undefined;
  }

  get live() {
    return !this.ended && this.kept.at === null && this.taken === null;
  }

  /** Past the last sign of life nothing grows. */
  get sign() {
    return this.store.summary.state === "silent" ? Math.min(this.now, Math.max(this.last, 0)) : this.now;
  }

  get start() {
    return Math.min(0, this.lanes.session[0]?.start ?? 0);
  }

  get end() {
    if (this.kept.at !== null || !this.ended) return this.now;
    return Math.max(since(this.store.summary.end ?? this.store.summary.start, this.store.base), this.lanes.session.at(-1)?.end ?? 0);
  }

  settle() {
    const { store, kept } = this;
    this.now = kept.at ?? (this.ended ? since(store.summary.end ?? store.summary.start, store.base) : (this.taken ?? nowSince(store.base)));
    if (!this.#stale) return;
    this.#stale = false;
    const told = { spans: store.spans, arrows: [...store.arrows.values(), ...answers(store.spans.values())] };
    const { spans, arrows } = kept.at === null ? told : asOf(told, kept.at);
    Object.assign(this, { spans, arrows });
    this.lanes = lanes(spans);
    this.leading = leading(spans);
    this.#arrange();
  }

  #arrange() {
    const { folded, detailed, query } = this.kept;
    this.rows = rows(this.lanes, { folded, detailed, matches: matching(query) });
    this.places = new Map(this.rows.map((row, index) => [row.id, index]));
  }

  /** Further open with each call, then folded again. @param {number} index */
  fold(index) {
    const terminal = this.rows[index]?.lane?.terminal;
    if (terminal === undefined) return;
    const state = this.rows[index]?.state;
    if (state === "folded") this.set(terminal, "open");
    else this.set(terminal, state === "open" ? "detailed" : "folded");
  }

  /** @param {string} terminal @param {"folded" | "open" | "detailed"} state */
  set(terminal, state) {
    const { folded, detailed } = this.kept;
    folded.delete(terminal);
    detailed.delete(terminal);
    if (state === "folded") folded.add(terminal);
    if (state === "detailed") detailed.add(terminal);
    this.#arrange();
  }

  /** Every turn of every lane, or none. */
  detail() {
    const { detailed, folded } = this.kept;
    const all = detailed.size < this.lanes.all.length;
    detailed.clear();
    folded.clear();
    if (all) for (const { terminal } of this.lanes.all) detailed.add(terminal);
    this.#arrange();
  }

  /** The row that shows a span, or the lane it is in. @param {Span} span */
  rowOf(span) {
    if (span.kind === "session") return 0;
    const own = this.places.get(`span:${span.id}`);
    const worker = span.attributes["handspan.delegation.target.terminal"];
    return own ?? this.places.get(`lane:${span.kind === "delegation" ? worker : span.terminal}`) ?? -1;
  }

  /** @param {number} folded */
  about(folded) {
    const whole = `${duration(this.end - this.start)} in all`;
    return folded > 0 ? `${whole}, ${duration(folded)} idle folded` : whole;
  }

  /** @param {Span} span */
  saySpan(span) {
    const lasted = duration((span.end ?? this.sign) - span.start);
    const agent = this.lanes.byTerminal.get(span.terminal)?.agent ?? "";
    return [short(span.name, 60), short(agent, 40), span.end === null ? `open, ${lasted}` : lasted, short(span.outcome, 40)].filter(Boolean).join(" · ");
  }

  /** @param {Arrow} arrow */
  sayArrow(arrow) {
    const agent = (/** @type {string} */ terminal) => short(this.lanes.byTerminal.get(terminal)?.agent ?? "unknown", 40);
    const way = `${arrow.type}: ${agent(arrow.from.terminal)} → ${agent(arrow.to.terminal)}`;
    if (arrow.type === "answer") return way;
    return `${way}, ${arrow.delivered ? `delivered after ${duration((arrow.deliveredAt ?? arrow.to.at) - arrow.sent)}` : "not delivered"}`;
  }

  get totals() {
    const { lanes, arrows } = this;
    return [count(lanes.all.length, "agent"), count(arrows.filter(({ type }) => type !== "answer").length, "message")].join(" · ");
  }
}

/** @param {Map<string, Span>} spans */
function leading(spans) {
  /** @type {Map<string, {type: string, span: Span}[]>} */
  const found = new Map();
  for (const span of spans.values()) {
    for (const link of span.links) {
      const list = found.get(link.span);
      if (list) list.push({ type: link.type, span });
      else found.set(link.span, [{ type: link.type, span }]);
    }
  }
  return found;
}

/** A lane that has a word in its agent, terminal, program, or in what went wrong there. @param {string} query @returns {(lane: Lane) => boolean} */
function matching(query) {
  const word = query.trim().toLowerCase();
  if (!word) return () => true;
  const has = (/** @type {unknown} */ value) => typeof value === "string" && value.toLowerCase().includes(word);
  return (lane) =>
    has(lane.agent) ||
    has(lane.terminal) ||
    lane.pieces.some(({ attributes, outcome }) => has(outcome) || has(attributes["handspan.agent.cli"]) || has(attributes["gen_ai.request.model"])) ||
    [...lane.turns, ...lane.pieces].some(({ error }) => has(error)) ||
    (word === "waiting" && lane.waits.some(({ end }) => end === null));
}
