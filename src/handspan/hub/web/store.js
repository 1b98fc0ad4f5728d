// What is known of one session: taken whole once, then kept current by what has changed.

import { since } from "./times.js";

export class Store {
  /** @param {WireSession} told */
  constructor(told) {
    this.base = BigInt(told.session.start);
    this.summary = told.session;
    this.position = told.position;
    /** @type {Map<string, Span>} */
    this.spans = new Map();
    /** @type {Map<string, Arrow>} */
    this.arrows = new Map();
    this.#take(told.spans, told.arrows);
  }

  /** Whether anything is different afterwards. @param {Change} change */
  change(change) {
    const summary = change.sessions.find((session) => session.id === this.summary.id);
    if (summary) this.summary = summary;
    this.position = Math.max(this.position, change.position);
    for (const id of change.gone) this.spans.delete(id);
    this.#take(change.spans, change.arrows);
    return Boolean(summary || change.gone.length || change.spans.length || change.arrows.length);
  }

  /** The same in the words of the API. @returns {WireSession} */
  whole() {
    const { position, summary: session } = this;
    return { position, session, spans: [...this.spans.values()].map(({ wire }) => wire), arrows: [...this.#wire.values()] };
  }

  /** @type {Map<string, WireArrow>} */
  #wire = new Map();

  /** @param {WireSpan[]} spans @param {WireArrow[]} arrows */
  #take(spans, arrows) {
    for (const wire of spans) this.spans.set(wire.id, spanOf(wire, this.base));
    for (const wire of arrows) {
      const arrow = arrowOf(wire, this.base);
      this.arrows.set(arrow.id, arrow);
      this.#wire.set(arrow.id, wire);
    }
  }
}

/** @param {WireSpan} wire @param {bigint} base @returns {Span} */
export function spanOf(wire, base) {
  return {
    id: wire.id,
    trace: wire.trace,
    parent: wire.parent ?? "",
    kind: wire.kind,
    name: wire.name,
    terminal: wire.terminal ?? "",
    agent: wire.agent ?? "",
    start: since(wire.start, base),
    end: wire.open || wire.end === undefined ? null : since(wire.end, base),
    outcome: wire.outcome ?? "",
    error: wire.error ?? "",
    inferred: wire.inferred ?? "",
    continues: wire.continues ?? "",
    part: wire.part,
    attributes: wire.attributes,
    events: wire.events,
    links: wire.links,
    dropped: wire.dropped ?? 0,
    wire,
  };
}

/** @type {Record<string, ArrowType>} */
const TYPES = { handoff: "handoff", assign: "assign", callback: "callback" };

/** @param {WireArrow} wire @param {bigint} base @returns {Arrow} */
function arrowOf(wire, base) {
  const sent = since(wire.sent, base);
  return {
    id: wire.message === undefined ? `${wire.from.span}>${wire.to.span}` : `m:${wire.message}`,
    type: TYPES[wire.type] ?? "message",
    span: wire.from.span,
    causes: wire.to.span === wire.from.span ? "" : wire.to.span,
    message: wire.message ?? "",
    from: { terminal: wire.from.terminal ?? "", at: since(wire.from.at, base) },
    to: { terminal: wire.to.terminal ?? "", at: since(wire.to.at, base) },
    delivered: wire.delivered,
    sent,
    deliveredAt: wire.delivered_at === undefined ? null : since(wire.delivered_at, base),
  };
}

/** What a handoff returns is no message, yet it passes between two lanes. @param {Iterable<Span>} spans @returns {Arrow[]} */
export function answers(spans) {
  /** @type {Arrow[]} */
  const found = [];
  for (const span of spans) {
    const worker = span.attributes["handspan.delegation.target.terminal"];
    if (span.kind !== "delegation" || span.end === null || span.outcome !== "completed" || typeof worker !== "string") continue;
    if (span.attributes["handspan.delegation.awaited"] !== true || !span.terminal) continue;
    const ends = { sent: span.end, deliveredAt: span.end, from: { terminal: worker, at: span.end }, to: { terminal: span.terminal, at: span.end } };
    found.push({ id: `a:${span.id}`, type: "answer", span: span.id, causes: "", message: "", delivered: true, ...ends });
  }
  return found;
}
