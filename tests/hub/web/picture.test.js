import assert from "node:assert/strict";
import { test } from "node:test";
import { critical } from "../../../src/handspan/hub/web/critical.js";
import { hit } from "../../../src/handspan/hub/web/hit.js";
import { lanes } from "../../../src/handspan/hub/web/lanes.js";
import { asOf } from "../../../src/handspan/hub/web/past.js";
import { Picture } from "../../../src/handspan/hub/web/picture.js";
import { placeOf, rows } from "../../../src/handspan/hub/web/rows.js";
import { answers, Store } from "../../../src/handspan/hub/web/store.js";
import { SECOND } from "../../../src/handspan/hub/web/times.js";
import { arrow, BASE, HANDOFF, spans, store, summary, wire } from "./story.js";

const ALL = { folded: new Set(""), detailed: new Set(""), matches: () => true };
/** @param {Row[]} rows */
const drawn = (rows) => rows.map((row) => `${"  ".repeat(row.depth)}${row.id}${row.state === "leaf" ? "" : ` ${row.state}`}${row.waiting ? " waiting" : ""}`);

test("a worker's lane stands below the delegation that created it, below its caller", () => {
  assert.deepEqual(drawn(rows(lanes(spans(HANDOFF)), ALL)), ["session", "lane:sup open", "  span:hand", "  lane:dev open waiting"]);
});

test("what is folded is left out, what is detailed has a row for each span", () => {
  const found = lanes(spans(HANDOFF));
  assert.deepEqual(drawn(rows(found, { ...ALL, folded: new Set(["sup"]) })), ["session", "lane:sup folded"]);
  assert.deepEqual(drawn(rows(found, { ...ALL, detailed: new Set(["dev"]) })).slice(3), [
    "  lane:dev detailed waiting",
    "    span:dev-boot",
    "    span:dev-1",
    "      span:dev-wait waiting",
  ]);
});

test("a filter keeps what matches and what it hangs from", () => {
  const found = lanes(spans([...HANDOFF, wire({ kind: "terminal", id: "x", terminal: "x", agent: "other", parent: "root", start: 1 })]));
  assert.deepEqual(drawn(rows(found, { ...ALL, matches: (lane) => lane.agent === "developer" })), ["session", "lane:sup open", "  span:hand", "  lane:dev open waiting"]);
});

test("a delegation whose worker is not there yet has its row", () => {
  const before = HANDOFF.filter(({ terminal }) => terminal !== "dev");
  assert.deepEqual(drawn(rows(lanes(spans(before)), ALL)), ["session", "lane:sup open", "  span:hand"]);
});

test("terminals that create each other in a circle are all drawn once", () => {
  const circle = ["a", "b"].map((id, n) => wire({ kind: "terminal", id, terminal: id, agent: id, parent: n ? "a" : "b", start: n }));
  const work = ["a", "b"].map((id, n) => wire({ kind: "delegation", id: `d${id}`, terminal: n ? "a" : "b", start: n, attributes: { "handspan.delegation.target.terminal": id } }));
  for (const told of [circle, [...circle, ...work]]) {
    const ids = rows(lanes(spans(told)), ALL).flatMap((row) => (row.kind === "lane" ? [row.id] : []));
    assert.deepEqual(ids.sort(), ["lane:a", "lane:b"]);
  }
});

test("lanes are in the order in which their work began", () => {
  const workers = ["b", "a"].map((id, n) => wire({ kind: "terminal", id, terminal: id, agent: id, parent: "sup", start: 12 + n }));
  assert.deepEqual(lanes(spans([...HANDOFF, ...workers])).all.map(({ terminal, colour }) => [terminal, colour]), [["sup", 0], ["dev", 1], ["b", 2], ["a", 3]]);
});

test("work from a caller of which nothing else is known makes no lane", () => {
  assert.deepEqual(drawn(rows(lanes(spans(HANDOFF.filter(({ id }) => id === "hand"))), ALL)), ["session", "span:hand"]);
});

test("a terminal of which only a turn is known has a lane", () => {
  assert.deepEqual(drawn(rows(lanes(spans([wire({ kind: "turn", terminal: "late", agent: "late", start: 3 })])), ALL)), ["session", "lane:late open"]);
});

test("a chain of five thousand delegations is no deeper than memory", () => {
  const chain = Array.from({ length: 5000 }, (_, n) => wire({ kind: "terminal", id: `t${n}`, terminal: `t${n}`, agent: "a", parent: n ? `t${n - 1}` : "root", start: n }));
  const found = lanes(spans(chain));
  assert.equal(found.all.at(-1)?.depth, 4999);
  assert.equal(rows(found, ALL).length, 5001);
});

test("what is folded away is stood for by the lane above", () => {
  const found = lanes(spans(HANDOFF));
  const shown = rows(found, { ...ALL, folded: new Set(["sup"]) });
  const places = new Map(shown.map((row, index) => [row.id, index]));
  assert.equal(placeOf(found.byTerminal.get("dev"), places), 1);
  assert.equal(placeOf(undefined, places), -1);
});

test("a change replaces, adds and takes back", () => {
  const kept = store(HANDOFF.slice(0, 4));
  const change = { position: 7, sessions: [summary({ id: "another" }), summary({ state: "ended" })], gone: ["sup-boot"], arrows: [arrow({ from: "sup", to: "dev", sent: 10 })] };
  assert.equal(kept.change({ ...change, spans: [wire({ kind: "turn", id: "sup-1", terminal: "sup", start: 5, end: 9 })] }), true);
  assert.deepEqual([...kept.spans.keys()], ["root", "sup", "sup-1"]);
  assert.equal(kept.spans.get("sup-1")?.end, 9 * SECOND);
  assert.deepEqual([kept.summary.state, kept.position, kept.arrows.size], ["ended", 7, 1]);
  assert.equal(kept.change({ position: 8, sessions: [], spans: [], gone: [], arrows: [] }), false);
});

test("an arrow that is delivered later stays one arrow", () => {
  const kept = store([], [arrow({ from: "sup", to: "dev", sent: 10 })]);
  kept.change({ position: 2, sessions: [], spans: [], gone: [], arrows: [arrow({ from: "sup", to: "dev", sent: 10, delivered_at: 12 })] });
  assert.deepEqual([...kept.arrows.values()].map(({ delivered, to, deliveredAt }) => [delivered, to.at, deliveredAt]), [[true, 12 * SECOND, 12 * SECOND]]);
});

test("what a store was told it tells again", () => {
  const told = { position: 3, session: summary(), spans: HANDOFF, arrows: [arrow({ from: "sup", to: "dev", sent: 1 })] };
  assert.deepEqual(new Store(told).whole(), told);
});

test("a handoff that is answered has an arrow back", () => {
  const told = spans(HANDOFF);
  assert.deepEqual(answers(told.values()), []);
  const hand = told.get("hand");
  assert(hand);
  const [answer] = answers([{ ...hand, end: 40 * SECOND, outcome: "completed" }]);
  assert.deepEqual([answer?.type, answer?.from, answer?.to], ["answer", { terminal: "dev", at: 40 * SECOND }, { terminal: "sup", at: 40 * SECOND }]);
  assert.deepEqual(answers([{ ...hand, end: 40 * SECOND, outcome: "cancelled" }]), []);
});

test("as it was: what had not begun is not there, what had not ended is open", () => {
  const kept = store([...HANDOFF.slice(0, 3), wire({ kind: "turn", id: "x", start: 30, end: 31 })], [arrow({ from: "sup", to: "dev", sent: 1, delivered_at: 9 })]);
  const then = asOf({ spans: kept.spans, arrows: [...kept.arrows.values()] }, 2 * SECOND);
  assert.deepEqual([...then.spans.values()].map(({ id, end }) => [id, end]), [["root", null], ["sup", null], ["sup-boot", null]]);
  assert.deepEqual(then.arrows.map(({ delivered, causes, to }) => [delivered, causes, to.at]), [[false, "", SECOND]]);
});

/** @param {Step[]} path */
const told = (path) => path.map(({ kind, terminal, from, to }) => `${kind} ${terminal} ${from / SECOND}-${to / SECOND}`);

test("the critical path: the worker while the caller waits, the sender at a turn's start, a person in a wait", () => {
  const known = spans(HANDOFF);
  assert.deepEqual(told(critical(lanes(known), known, 60 * SECOND)), ["waiting dev 20-60", "turn dev 14-60", "turn sup 5-10", "boot sup 0-3"]);
});

test("the critical path of an ended handoff goes through the answer", () => {
  const ended = HANDOFF.map((span) => ({ ...span, open: false, end: (BASE + BigInt(({ hand: 40, dev: 41, "dev-1": 39, "dev-wait": 30, "sup-1": 50 }[span.id] ?? 55) * 1e9)).toString() }));
  const known = spans(ended.map((span, n) => (span.end && HANDOFF[n]?.end ? { ...span, end: HANDOFF[n].end } : span)));
  assert.deepEqual(told(critical(lanes(known), known, 55 * SECOND)), ["turn sup 40-50", "waiting dev 20-30", "turn dev 14-39", "turn sup 5-10", "boot sup 0-3"]);
});

test("no path through nothing, and an end to a path in a circle", () => {
  assert.deepEqual(critical(lanes(new Map()), new Map(), 0), []);
  const turns = ["a", "b"].flatMap((terminal, n) => [
    wire({ kind: "turn", id: `turn-${terminal}`, terminal, start: 5, end: 9, links: [{ type: "message", trace: "t1", span: `send-${n ? "a" : "b"}` }] }),
    wire({ kind: "send", id: `send-${terminal}`, terminal, start: 6, end: 6, attributes: { "handspan.message.sender.terminal": terminal } }),
  ]);
  const known = spans(turns);
  assert(critical(lanes(known), known, 9 * SECOND).length <= 10_000);
});

test("under the pointer: a wait before its turn, a turn before its life", () => {
  const row = rows(lanes(spans(HANDOFF)), ALL)[3];
  assert(row);
  const at = (/** @type {number} */ seconds) => hit(row, seconds * SECOND, 0, 60 * SECOND)?.id;
  assert.deepEqual([10, 11.5, 15, 25, 61].map(at), [undefined, "dev-boot", "dev-1", "dev-wait", undefined]);
});

/** @param {Partial<Summary>} said @param {{at?: number, taken?: number}} [how] */
function pictured(said, { at, taken } = {}) {
  const kept = { query: "", folded: new Set(""), detailed: new Set(""), at: at ?? null };
  const picture = new Picture(store(HANDOFF, [], said), kept, taken ?? null);
  picture.settle();
  return picture;
}
const last_sign = (BASE + 30_000_000_000n).toString();

test("past the last sign of a silent session nothing grows", () => {
  const { now, sign, live } = pictured({ state: "silent", last_sign }, { taken: 60 * SECOND });
  assert.deepEqual([now, sign, live], [60 * SECOND, 30 * SECOND, false]);
  assert.equal(pictured({ state: "running", last_sign }, { taken: 60 * SECOND }).sign, 60 * SECOND);
});

test("a session that has ended stands still, a moment that is looked at as well", () => {
  const ended = pictured({ state: "ended", end: last_sign });
  assert.deepEqual([ended.now, ended.end, ended.live], [30 * SECOND, 30 * SECOND, false]);
  assert.equal(pictured({}).live, true);
  assert.deepEqual([pictured({}, { at: 12 * SECOND }).live, pictured({}, { at: 12 * SECOND }).end], [false, 12 * SECOND]);
});

test("a row opens step by step, then folds", () => {
  const picture = pictured({}, { taken: 60 * SECOND });
  const states = [0, 1, 2, 3].map(() => {
    picture.fold(1);
    return picture.rows[1]?.state;
  });
  assert.deepEqual(states, ["detailed", "folded", "open", "detailed"]);
  picture.detail();
  assert.equal(picture.rows.length, 10);
  picture.detail();
  assert.equal(picture.rows.length, 4);
});

test("what is pointed at is said in words", () => {
  const picture = pictured({}, { taken: 60 * SECOND });
  const [wait, boot] = ["dev-wait", "dev-boot"].map((id) => picture.spans.get(id));
  assert(wait && boot);
  assert.deepEqual([picture.saySpan(wait), picture.saySpan(boot)], ["waiting · developer · open, 40 s", "boot · developer · 3.0 s"]);
  assert.deepEqual([picture.rowOf(wait), picture.totals, picture.about(0)], [3, "2 agents · 0 messages", "1m 00s in all"]);
  assert.deepEqual(picture.leading.get("ask")?.map(({ type, span }) => [type, span.id]), [["handoff", "dev-1"]]);
});
