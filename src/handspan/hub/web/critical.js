// The critical path: what the end, or now, was waiting for, followed backwards. The rules:
// the turn that ran; while it held an awaited delegation, the worker; at its start, what caused it; a wait ends in a person.

const MOST = 10_000; // steps: as many as a session may have spans in two parts and a half

/** @param {Lanes} lanes @param {Map<string, Span>} spans @param {number} end @returns {Step[]} from the last to the first */
export function critical(lanes, spans, end) {
  /** @type {Step[]} */
  const path = [];
  let place = last(lanes, end);
  for (let steps = 0; place && steps < MOST; steps += 1) {
    const before = back(place.lane, place.at, lanes, spans);
    if (!before) break;
    path.push(...before.steps);
    place = before.next;
  }
  return path;
}

/** The lane that was last at work. @param {Lanes} lanes @param {number} end @returns {{lane: Lane, at: number} | null} */
function last(lanes, end) {
  let found = null;
  let latest = -Infinity;
  for (const lane of lanes.all) {
    const turn = lane.turns.at(-1) ?? lane.boots.at(-1);
    // Of several that are at work the one that was given its work last holds up the others.
    const until = turn ? (turn.end ?? end) + (turn.end === null ? lane.depth : 0) : -Infinity;
    if (until > latest) [found, latest] = [lane, until];
  }
  return found && { lane: found, at: Math.min(end, latest) };
}

/** @param {Lane} lane @param {number} at @param {Lanes} lanes @param {Map<string, Span>} spans @returns {{steps: Step[], next: {lane: Lane, at: number} | null} | null} */
function back(lane, at, lanes, spans) {
  const span = latest(lane.turns, at) ?? latest(lane.boots, at);
  if (!span) return given(lane, at, lanes);
  const until = Math.min(at, span.end ?? at);
  const held = span.kind === "turn" ? holding(lane, span, until) : null;
  if (held) {
    const steps = held.end < until ? working(lane, span, held.end, until) : [];
    return { steps, next: { lane: held.worker, at: held.end } };
  }
  const steps = working(lane, span, span.start, until);
  if (span.kind === "boot") return { steps, next: given(lane, span.start, lanes)?.next ?? null };
  return { steps, next: caused(lane, span, lanes, spans) };
}

/** The span that ran at a time, or was the last before it. @param {Span[]} spans @param {number} at */
const latest = (spans, at) => spans.findLast((span) => span.start < at);

/** @param {Lane} lane @param {Span} span @param {number} from @param {number} to @returns {Step[]} */
function working(lane, span, from, to) {
  const kind = span.kind === "boot" ? "boot" : "turn";
  const waits = lane.waits.filter((wait) => wait.start < to && (wait.end ?? to) > from);
  return [
    ...waits.map((wait) => ({ terminal: lane.terminal, kind: /** @type {const} */ ("waiting"), span: wait.id, from: Math.max(from, wait.start), to: Math.min(to, wait.end ?? to) })),
    { terminal: lane.terminal, kind, span: span.id, from, to },
  ];
}

/** The awaited delegation that the turn held last before `until`. @param {Lane} lane @param {Span} turn @param {number} until */
function holding(lane, turn, until) {
  let found = null;
  for (const { delegation, lane: worker } of lane.work) {
    const [first, end] = [delegation[0], delegation.at(-1)?.end ?? until];
    if (!worker || !first || first.attributes["handspan.delegation.awaited"] === false) continue;
    if (first.start < turn.start || first.start >= until || !worker.boots.concat(worker.turns).some((span) => span.start < until)) continue;
    if (!found || end > found.end) found = { worker, end: Math.min(end, until) };
  }
  return found;
}

/** What started a turn: the sender, when it sent. @param {Lane} lane @param {Span} turn @param {Lanes} lanes @param {Map<string, Span>} spans */
function caused(lane, turn, lanes, spans) {
  for (const link of turn.links) {
    const send = spans.get(link.span);
    const sender = send && lanes.byTerminal.get(String(send.attributes["handspan.message.sender.terminal"] ?? send.terminal));
    if (send?.kind === "send" && sender && sender !== lane) return { lane: sender, at: send.start };
  }
  const first = lane.turns[0] === turn;
  return first && lane.boots[0] ? { lane, at: turn.start } : null;
}

/** Who gave a lane its work, when it did. @param {Lane} lane @param {number} at @param {Lanes} lanes */
function given(lane, at, lanes) {
  const { creator } = lane;
  const start = creator?.work.find((work) => work.lane === lane)?.start;
  if (!creator || start === undefined || start > at || !lanes.byTerminal.has(creator.terminal)) return null;
  return { steps: /** @type {Step[]} */ ([]), next: { lane: creator, at: start } };
}
