import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { plain, read, write } from "../../../src/handspan/hub/web/address.js";
import { totals } from "../../../src/handspan/hub/web/agents.js";
import { arrowAt, courses } from "../../../src/handspan/hub/web/arrows.js";
import { filled, places } from "../../../src/handspan/hub/web/elsewhere.js";
import { assemble, fileName, sources } from "../../../src/handspan/hub/web/exporting.js";
import { waiting } from "../../../src/handspan/hub/web/inbox.js";
import { words } from "../../../src/handspan/hub/web/labels.js";
import { lanes } from "../../../src/handspan/hub/web/lanes.js";
import { matrix, median } from "../../../src/handspan/hub/web/matrix.js";
import { answered } from "../../../src/handspan/hub/web/messages.js";
import { rows } from "../../../src/handspan/hub/web/rows.js";
import { attachLine, sentence } from "../../../src/handspan/hub/web/sentence.js";
import { wants, worse } from "../../../src/handspan/hub/web/sessions.js";
import { SECOND } from "../../../src/handspan/hub/web/times.js";
import { arrow, BASE, HANDOFF, spans, store, summary } from "./story.js";

const WEB = new URL("../../../src/handspan/hub/web/", import.meta.url);
const now = Number(BASE / 1_000_000n) + 360_000;
const since = BASE.toString();

test("one sentence says who waits for whom", () => {
  const chain = /** @type {Waits[]} */ ([
    { terminal: "sup", agent: "supervisor", for: "rev", why: "handoff", since },
    { terminal: "rev", agent: "reviewer", why: "person", since: (BASE + 108_000_000_000n).toString() },
  ]);
  assert.equal(sentence(summary({ sentence: chain }), now), "Supervisor waits for reviewer (handoff), 6m 00s, who waits for you, 4m 12s.");
  assert.equal(sentence(summary({ sentence: chain.toReversed() }), now), "Reviewer waits for you, 4m 12s; supervisor waits for reviewer (handoff), 6m 00s.");
  const [first] = chain;
  assert(first);
  const alone = ["Supervisor waits for another agent (handoff), 6m 00s.", "Supervisor waits for reviewer (handoff), 6m 00s."];
  assert.deepEqual([first, { ...first, for_agent: "reviewer" }].map((one) => sentence(summary({ sentence: [one] }), now)), alone);
  assert.equal(sentence(summary({ stuck: [{ terminal: "dev", agent: "developer", since }] }), now), "developer has given no sign of progress for 6m 00s.");
  assert.equal(sentence(summary({ state: "failed", error: "vanished" }), now), "It ended: vanished.");
  assert.equal(sentence(summary(), now), "");
});

test("a name in a line for a shell is a name and nothing else", () => {
  const said = ["cao-checkout", "a b", "a'; rm -rf ~; '", "$(reboot)", "-t", "a\nreboot", "a\u202eb", "a\u2028b", "", undefined, "x".repeat(300)].map((name) => attachLine(name));
  assert.deepEqual(said, [
    "tmux attach -t cao-checkout",
    "tmux attach -t 'a b'",
    "tmux attach -t 'a'\\''; rm -rf ~; '\\'''",
    "tmux attach -t '$(reboot)'",
    "tmux attach -t '-t'",
    ...["", "", "", "", "", ""],
  ]);
  assert.equal(attachLine("cao-checkout", "3"), "tmux attach -t cao-checkout:3");
});

test("an address says what is shown, and nothing that is as usual", () => {
  assert.equal(write(plain()), "");
  const shown = { ...plain(), tab: "agents", selected: "ab", query: "dev & <b>", from: 1.5, to: 20, at: 7, arrows: "near", idle: false, critical: true, folded: ["a", "b&c"], detailed: ["d"] };
  assert.deepEqual(read(write(shown)), shown);
  assert.deepEqual(read("?from=x&to=&at=Infinity"), plain());
  assert.equal(write({ ...plain(), tab: "talk", detailed: Array.from({ length: 2000 }, (_, n) => `t${n}`) }), "?tab=talk");
});

test("rows are called by what they are", () => {
  const shown = rows(lanes(spans(HANDOFF)), { folded: new Set(), detailed: new Set(["dev"]), matches: () => true });
  assert.deepEqual(shown.map((row) => Object.values(words(row, 60 * SECOND)).join(" | ")), [
    ...["session | 1m 00s", "supervisor | 1 turn", "handoff → … | open", "developer | waits 40 s"],
    ...["boot | 3.0 s", "turn  | 46 s", "waits for a person | 40 s"],
  ]);
});

test("where an agent's time went", () => {
  const found = lanes(spans(HANDOFF)).byTerminal.get("dev");
  assert(found);
  const { lane: _, ...of } = totals(found, [...store([], [arrow({ from: "sup", to: "dev", sent: 10, delivered_at: 14 }), arrow({ from: "sup", to: "dev", sent: 11 })]).arrows.values()], 60 * SECOND);
  assert.deepEqual(of, { boot: 3 * SECOND, working: 6 * SECOND, waiting: 40 * SECOND, idle: 0, turns: 1, sent: 0, received: 1, tokens: 0, cost: 0 });
});

test("a message is answered by the next one back", () => {
  const told = [arrow({ from: "a", to: "b", sent: 1, delivered_at: 2 }), arrow({ from: "a", to: "b", sent: 3 }), arrow({ from: "a", to: "b", sent: 4, delivered_at: 12 }), arrow({ from: "b", to: "a", sent: 10, delivered_at: 11 }), arrow({ from: "b", to: "a", sent: 20, delivered_at: 21 })];
  assert.deepEqual([...answered([...store([], told).arrows.values()])], [["m:m1", 8 * SECOND]]);
});

test("who talks to whom, by agent", () => {
  const told = [arrow({ from: "sup", to: "dev", sent: 1, delivered_at: 3 }), arrow({ from: "sup", to: "dev", sent: 4 }), arrow({ from: "", to: "sup", sent: 5, delivered_at: 5 })];
  const { names, rows } = matrix([...store([], told).arrows.values()], lanes(spans(HANDOFF)).byTerminal);
  assert.deepEqual(names, ["supervisor", "developer", "someone"]);
  assert.deepEqual(rows.get("supervisor")?.get("developer"), { count: 2, undelivered: 1, delays: [2 * SECOND] });
  assert.equal(median([10, 9, 100]), 10);
});

test("an arrow runs between rows, and is found where it runs", () => {
  const told = [arrow({ from: "sup", to: "dev", sent: 10, delivered_at: 20 }), arrow({ from: "", to: "dev", sent: 30, delivered_at: 30 }), arrow({ from: "dev", to: "dev", sent: 1 })];
  const found = { lanes: lanes(spans(HANDOFF)).byTerminal, places: new Map([["lane:sup", 1], ["lane:dev", 3]]) };
  const seen = { ...found, x: (/** @type {number} */ time) => time / SECOND, y: (/** @type {number} */ row) => row * 100, width: 100, height: 1000 };
  const drawn = courses(store([], told).arrows.values(), seen, 10);
  assert.deepEqual(drawn.map(({ arrow: _, ...course }) => course), [{ x1: 10, y1: 108, x2: 20, y2: 300 }, { x1: 30, y1: 276, x2: 30, y2: 300 }]);
  assert.equal(arrowAt(drawn, 19, 299)?.id, "m:m10");
  assert.equal(arrowAt(drawn, 80, 299), null);
  assert.equal(courses(store([], told).arrows.values(), seen, 0).length, 1);
});

test("the worst session first, then the one that moved last", () => {
  const told = [summary({ id: "ended", state: "ended" }), summary({ id: "running" }), summary({ id: "old", state: "waiting", last_sign: "1" }), summary({ id: "waiting", state: "waiting" }), summary({ id: "failed", state: "failed" })];
  assert.deepEqual(told.sort(worse).map(({ id }) => id), ["waiting", "old", "failed", "running", "ended"]);
  assert.deepEqual(["check SUPER", "nobody", ""].map((query) => wants(summary(), { query, state: "" })), [true, false, true]);
  assert.equal(wants(summary(), { query: "", state: "ended" }), false);
});

test("everything that waits, the longest first", () => {
  const who = (/** @type {string} */ since) => ({ terminal: since, agent: "a", since });
  assert.deepEqual(waiting([summary({ waiting: [who("30"), who("100")] }), summary({ waiting: [who("9")] })]).map(({ who }) => who.since), ["9", "30", "100"]);
});

test("templates: only addresses, and values that can't leave their place", () => {
  assert.deepEqual(places("Jaeger http://j/trace/{trace}\nbad javascript:alert(1)\nbad ftp://x/{trace}\n\nMy Tempo  https://t/{span}"), [
    { name: "Jaeger", template: "http://j/trace/{trace}" },
    { name: "My Tempo", template: "https://t/{span}" },
  ]);
  assert.equal(filled("http://j/{trace}?s={session}&x={other}{constructor}", { trace: "ab", session: "a&b=/" }), "http://j/ab?s=a%26b%3D%2F&x={other}{constructor}");
});

test("an export has every module, and no name ends its data", async () => {
  const read = async (/** @type {string} */ name) => readFileSync(new URL(name, WEB), "utf8");
  const found = await sources("main.js", read);
  const all = readdirSync(WEB).filter((name) => name.endsWith(".js"));
  assert.deepEqual([...found.keys()].sort(), all.sort());
  assert([...found.values()].every((text) => !/from "\.\//u.test(text)));
  const told = { position: 1, session: summary({ name: "</script><img onerror=1>" }), spans: [], arrows: [], taken: since };
  const html = assemble(found, "", told);
  assert(!html.includes("<img"));
  assert.equal(fileName(summary({ name: "../../etc/<b>" })), "handspan--etc-b-");
});

test("the page asks for all its modules at once", () => {
  const html = readFileSync(new URL("index.html", WEB), "utf8");
  const asked = [...html.matchAll(/modulepreload" href="\/web\/([\w.]+)"/gu)].map((match) => match[1]);
  const all = readdirSync(WEB).filter((name) => name.endsWith(".js") && !["main.js", "live_worker.js"].includes(name));
  assert.deepEqual(asked, all.sort());
});

test("no text can become anything else", () => {
  const doors = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\("style|DOMParser|createContextualFragment/u;
  assert.deepEqual(readdirSync(WEB).filter((name) => name.endsWith(".js") && doors.test(readFileSync(new URL(name, WEB), "utf8"))), []);
});
