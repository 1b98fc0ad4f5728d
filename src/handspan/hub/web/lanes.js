// Spans as lanes: one for each terminal, each below the one that created it, and what was given from one to another.

const COLOURS = 8; // as many as the style sheet has

/** @param {Span} a @param {Span} b */
const byStart = (a, b) => a.start - b.start || a.part - b.part;

/** @param {Span} span @param {string} name */
const text = (span, name) => {
  const value = span.attributes[name];
  return typeof value === "string" ? value : "";
};

/** @param {Map<string, Span>} spans @returns {Lanes} */
export function lanes(spans) {
  const sorted = [...spans.values()].sort(byStart);
  const byTerminal = gathered(sorted);
  for (const lane of byTerminal.values()) settle(lane, spans, byTerminal);
  const delegations = grouped(sorted.filter((span) => span.kind === "delegation"), worker);
  const top = work(byTerminal, delegations);
  const all = inOrder(top);
  all.forEach((lane, index) => (lane.colour = index % COLOURS));
  return { session: sorted.filter((span) => span.kind === "session"), work: top, byTerminal, all };
}

/** A worker has one delegation, in as many pieces as the session has parts. @param {Span} span */
const worker = (span) => text(span, "handspan.delegation.target.terminal") || span.id;

/** @template T @param {T[]} values @param {(value: T) => string} key */
function grouped(values, key) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return groups;
}

/** @param {Span[]} sorted */
function gathered(sorted) {
  /** @type {Map<string, Lane>} */
  const found = new Map();
  for (const span of sorted) {
    if (!span.terminal || span.kind === "delegation" || span.kind === "receive") continue;
    let lane = found.get(span.terminal);
    if (!lane) found.set(span.terminal, (lane = empty(span.terminal)));
    lane.agent ||= span.kind === "send" ? "" : span.agent;
    const kinds = { terminal: lane.pieces, boot: lane.boots, turn: lane.turns, waiting: lane.waits, send: lane.sends };
    if (span.kind in kinds) kinds[/** @type {keyof typeof kinds} */ (span.kind)].push(span);
  }
  return found;
}

/** @param {string} terminal @returns {Lane} */
const empty = (terminal) => ({
  terminal,
  agent: "",
  colour: 0,
  depth: 0,
  creator: null,
  pieces: [],
  boots: [],
  turns: [],
  waits: [],
  sends: [],
  work: [],
  start: 0,
  end: null,
});

/** How long it lives, and who created it. @param {Lane} lane @param {Map<string, Span>} spans @param {Map<string, Lane>} byTerminal */
function settle(lane, spans, byTerminal) {
  const known = lane.pieces.length ? lane.pieces : [...lane.boots, ...lane.turns, ...lane.waits, ...lane.sends].sort(byStart);
  lane.agent ||= "unknown";
  lane.start = known[0]?.start ?? 0;
  lane.end = known.some((span) => span.end === null) ? null : Math.max(...known.map((span) => span.end ?? 0));
  const above = spans.get(lane.pieces[0]?.parent ?? "");
  const creator = above && above.kind !== "session" ? byTerminal.get(above.terminal) : undefined;
  if (creator && creator !== lane && !creates(lane, creator)) lane.creator = creator;
}

/** @param {Lane} lane @param {Lane} other */
function creates(lane, other) {
  for (let at = other.creator; at; at = at.creator) if (at === lane) return true;
  return false;
}

/** Hangs lanes and delegations where they belong; returns what nobody in the session gave. @param {Map<string, Lane>} byTerminal @param {Map<string, Span[]>} delegations */
function work(byTerminal, delegations) {
  /** @type {Work[]} */
  const top = [];
  for (const [to, pieces] of delegations) {
    const lane = byTerminal.get(to) ?? null;
    const caller = byTerminal.get(pieces[0]?.terminal ?? "");
    // A worker that was there before, or that is its caller's own ancestor, keeps its place.
    const place = lane?.creator ?? (lane && caller && (lane === caller || creates(lane, caller)) ? null : caller);
    const target = place ? place.work : top;
    target.push({ delegation: pieces, lane, start: pieces[0]?.start ?? 0 });
    if (lane) lane.creator = place ?? null;
  }
  for (const lane of byTerminal.values()) {
    if (!delegations.has(lane.terminal)) (lane.creator ? lane.creator.work : top).push({ delegation: [], lane, start: lane.start });
  }
  for (const list of [top, ...[...byTerminal.values()].map((lane) => lane.work)]) list.sort((a, b) => a.start - b.start);
  return top;
}

/** All lanes from the top down, with their depth. @param {Work[]} top */
function inOrder(top) {
  /** @type {Lane[]} */
  const found = [];
  // A stack of our own: a chain of delegations may be deeper than the engine's.
  const stack = top.toReversed().map((work) => ({ work, depth: 0 }));
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { lane } = next.work;
    if (!lane) continue;
    lane.depth = next.depth;
    found.push(lane);
    for (const work of lane.work.toReversed()) stack.push({ work, depth: next.depth + 1 });
  }
  return found;
}
