// Lanes as rows from top to bottom: what is folded is left out, what is detailed has a row for each of its spans.

/** @param {Lanes} lanes @param {{folded: Set<string>, detailed: Set<string>, matches: (lane: Lane) => boolean}} shown @returns {Row[]} */
export function rows(lanes, shown) {
  const kept = keeping(lanes.all, shown.matches);
  /** @type {Row[]} */
  const found = [{ id: "session", kind: "session", depth: 0, lane: null, spans: lanes.session, state: "leaf", waiting: false }];
  const stack = lanes.work.toReversed();
  for (let work = stack.pop(); work; work = stack.pop()) {
    const { lane } = work;
    if (lane && !kept.has(lane)) continue;
    const depth = lane?.depth ?? depthOf(work, lanes);
    if (work.delegation[0]) found.push(delegation(work, depth));
    if (!lane) continue;
    const state = stateOf(lane, shown);
    found.push({ id: `lane:${lane.terminal}`, kind: "lane", depth, lane, spans: lane.pieces, state, waiting: lane.waits.some((wait) => wait.end === null) });
    if (state === "detailed") found.push(...details(lane, depth + 1));
    if (state !== "folded") stack.push(...lane.work.toReversed());
  }
  return found;
}

/** @param {Work} work @param {number} depth @returns {Row} */
function delegation(work, depth) {
  const first = /** @type {Span} */ (work.delegation[0]);
  return { id: `span:${first.id}`, kind: "delegation", depth, lane: work.lane, spans: work.delegation, state: "leaf", waiting: false };
}

/** @param {Work} work @param {Lanes} lanes */
const depthOf = (work, lanes) => (lanes.byTerminal.get(work.delegation[0]?.terminal ?? "")?.depth ?? -1) + 1;

/** @param {Lane} lane @param {{folded: Set<string>, detailed: Set<string>}} shown @returns {Row["state"]} */
function stateOf(lane, { folded, detailed }) {
  if (folded.has(lane.terminal)) return "folded";
  return detailed.has(lane.terminal) ? "detailed" : "open";
}

/** What matches, and what it hangs from. @param {Lane[]} all @param {(lane: Lane) => boolean} matches */
function keeping(all, matches) {
  /** @type {Set<Lane>} */
  const kept = new Set();
  for (const lane of all) {
    if (matches(lane)) for (let at = /** @type {Lane | null} */ (lane); at && !kept.has(at); at = at.creator) kept.add(at);
  }
  return kept;
}

/** @param {Lane} lane @param {number} depth @returns {Row[]} */
function details(lane, depth) {
  const inside = [...lane.boots, ...lane.turns, ...lane.waits, ...lane.sends].sort((a, b) => a.start - b.start || rank(a) - rank(b));
  return inside.map((span) => ({
    id: `span:${span.id}`,
    kind: "detail",
    depth: depth + (span.kind === "waiting" || span.kind === "send" ? 1 : 0),
    lane,
    spans: [span],
    state: "leaf",
    waiting: span.kind === "waiting" && span.end === null,
  }));
}

/** @param {Span} span */
const rank = (span) => ["boot", "turn", "waiting", "send"].indexOf(span.kind);

/** The row that shows a terminal: its own, or the nearest one above it that is not folded away. @param {Lane | null | undefined} lane @param {Map<string, number>} places */
export function placeOf(lane, places) {
  for (let at = lane; at; at = at.creator) {
    const place = places.get(`lane:${at.terminal}`);
    if (place !== undefined) return place;
  }
  return -1;
}
