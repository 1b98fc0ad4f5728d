import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, duration, short, tick, ticking } from "../../../src/handspan/hub/web/format.js";
import { Axis, idle } from "../../../src/handspan/hub/web/idle.js";
import { dragging } from "../../../src/handspan/hub/web/minimap.js";
import { HOUR, MINUTE, MS, SECOND, since } from "../../../src/handspan/hub/web/times.js";
import { stepFor, ticks, View } from "../../../src/handspan/hub/web/view.js";

test("durations, without 60.0 s or 59m 60s", () => {
  const said = [0, 500, 1500, 840 * MS, 999.6 * MS, 3.24 * SECOND, 9.96 * SECOND, 59.4 * SECOND, 59.6 * SECOND, 64 * SECOND, HOUR - 1, 127 * MINUTE, 76 * HOUR];
  assert.deepEqual(said.map(duration), ["0 s", "0 s", "1 µs", "840 ms", "1.0 s", "3.2 s", "10 s", "59 s", "1m 00s", "1m 04s", "1h 00m", "2h 07m", "3d 04h"]);
  assert.deepEqual([-5, 1.9 * SECOND, 61 * SECOND].map(ticking), ["0 s", "1.0 s", "1m 01s"]);
});

test("labels on the ruler say all that tells them apart", () => {
  const said = /** @type {const} */ ([[0, SECOND], [200 * MS, 100 * MS], [1.5 * SECOND, 500 * MS], [90 * SECOND, 30 * SECOND], [-2 * SECOND, SECOND], [25 * HOUR + MINUTE, MINUTE]]);
  assert.deepEqual(said.map(([offset, step]) => tick(offset, step)), ["0", "+200 ms", "+1.5s", "+1m 30s", "−2s", "+1d 1h 1m"]);
});

test("counts, sizes, and names that never end", () => {
  assert.deepEqual([count(1, "turn"), count(3332, "message"), bytes(388), bytes(2100)], ["1 turn", "3,332 messages", "388 B", "2.1 kB"]);
  assert.deepEqual([short("abc", 3), short("abcd", 3), short("😀😀😀😀", 3), [...short("x".repeat(1e6))].length], ["abc", "ab…", "😀😀…", 120]);
});

test("nanoseconds are exact a hundred days after the start", () => {
  assert.equal(since("1795168800000000000", 1795168799999999999n), 1);
  assert.equal(since(String(1795168800000000000n + 8_640_000_000_000_001n), 1795168800000000000n), 8_640_000_000_000_001);
});

const busy = [{ from: 0, to: 10 * SECOND }, { from: 5 * SECOND, to: 12 * SECOND }, { from: 6 * SECOND, to: 7 * SECOND }, { from: 100 * SECOND, to: 110 * SECOND }];

test("idle is what lies between, with a second at each side, and no short pause", () => {
  assert.deepEqual(idle(busy, 0, 110 * SECOND), [{ from: 13 * SECOND, to: 99 * SECOND }]);
  assert.deepEqual(idle(busy, 0, 200 * SECOND).at(-1), { from: 111 * SECOND, to: 199 * SECOND });
  assert.deepEqual(idle([{ from: 0, to: SECOND }, { from: 20.9 * SECOND, to: 21 * SECOND }], 0, 21 * SECOND), []);
});

test("an axis takes a fold out, and finds the way back", () => {
  const axis = new Axis([{ from: 10, to: 30 }, { from: 50, to: 80 }]);
  assert.deepEqual([0, 10, 20, 30, 50, 65, 80, 100].map((time) => axis.at(time)), [0, 10, 10, 10, 30, 30, 30, 50]);
  assert.deepEqual([0, 9, 10, 11, 29, 30, 50].map((place) => axis.time(place)), [0, 9, 30, 31, 49, 80, 100]);
  assert.equal(axis.folded, 50);
});

test("zooming keeps what is under the pointer there", () => {
  const view = Object.assign(new View(), { from: 0, to: 100 * SECOND, width: 1000 });
  view.zoom(2, 25 * SECOND, { from: 0, to: 100 * SECOND });
  assert.deepEqual([view.from, view.to, view.x(25 * SECOND), view.fit], [12.5 * SECOND, 62.5 * SECOND, 250, false]);
});

test("nothing zooms or pans out of sight", () => {
  const all = { from: 0, to: 1000 * SECOND };
  const view = Object.assign(new View(), { from: 0, to: 1000 * SECOND, width: 1000 });
  view.zoom(1e-9, 0, all);
  assert(view.to - view.from <= 1.1 * 1000 * SECOND);
  view.zoom(1e30, 5 * SECOND, all);
  assert(view.to - view.from >= 9_999);
  assert.equal(Math.round(view.x(5 * SECOND)), 5);
  view.pan(1e18, all);
  assert(view.from < all.to && view.to > all.from);
});

test("fit keeps up, follow keeps its width", () => {
  const view = Object.assign(new View(), { width: 1000 });
  view.settle({ from: 0, to: 100 * SECOND });
  assert.deepEqual([view.from, view.to], [-0.5 * SECOND, 103 * SECOND]);
  Object.assign(view, { fit: false, follow: true, from: 0, to: 10 * SECOND });
  view.settle({ from: 0, to: 200 * SECOND });
  assert.deepEqual([view.from, view.to], [190.3 * SECOND, 200.3 * SECOND]);
});

test("labels stand at round times, and none inside a fold", () => {
  const axis = new Axis([{ from: 25 * SECOND, to: 95 * SECOND }]);
  const view = Object.assign(new View(), { from: 0, to: 60 * SECOND, width: 600 });
  assert.equal(stepFor(view.perPixel, 90), 10 * SECOND);
  assert.deepEqual(ticks(view, axis, 10 * SECOND).map((time) => time / SECOND), [0, 10, 20, 100, 110, 120, 130]);
  assert.equal(stepFor(1e30, 90), 14400 * MINUTE);
});

test("the frame of the minimap moves, stretches, or is drawn anew", () => {
  const view = { from: 20, to: 40 };
  assert.deepEqual(dragging(view, 30, 1)(35), { from: 25, to: 45 });
  assert.deepEqual(dragging(view, 20, 1)(10), { from: 10, to: 40 });
  assert.deepEqual(dragging(view, 20, 1)(50), { from: 39, to: 40 });
  assert.deepEqual(dragging(view, 40, 1)(10), { from: 20, to: 21 });
  assert.deepEqual(dragging(view, 60, 1)(50), { from: 50, to: 60 });
});
