// Where arrows run between the rows, and which of them is under the pointer.

import { placeOf } from "./rows.js";

const NEAR = 5; // pixels: a hand is no more exact
const EDGE = 8; // half of what a bar is high

/** @typedef {{arrow: Arrow, x1: number, y1: number, x2: number, y2: number}} Course */

/**
 * The courses of arrows that cross what is seen. A terminal that is folded away is stood for by the one above it.
 * @param {Iterable<Arrow>} arrows
 * @param {{lanes: Map<string, Lane>, places: Map<string, number>, x: (time: number) => number, y: (row: number) => number, width: number, height: number}} seen
 * @param {number} most it stops past that many: nobody could read more
 * @returns {Course[]}
 */
export function courses(arrows, { lanes, places, x, y, width, height }, most) {
  /** @type {Course[]} */
  const found = [];
  const drawn = new Set();
  for (const arrow of arrows) {
    const to = placeOf(lanes.get(arrow.to.terminal), places);
    const from = placeOf(lanes.get(arrow.from.terminal), places);
    if (to < 0 || from === to) continue;
    const [x1, x2] = [x(arrow.from.at), x(arrow.to.at)];
    if (Math.max(x1, x2) < -20 || Math.min(x1, x2) > width + 20) continue;
    // Who nobody vouches for, or a person, stands just above.
    const y2 = y(to);
    const y1 = from < 0 ? y2 - 24 : y(from) + Math.sign(to - from) * EDGE;
    if (Math.max(y1, y2) < -20 || Math.min(y1, y2) > height + 20) continue;
    // Of arrows that would lie on each other one is enough.
    const same = `${x1 >> 1},${y1},${x2 >> 1},${y2},${arrow.type}`;
    if (drawn.has(same)) continue;
    drawn.add(same);
    found.push({ arrow, x1, y1, x2, y2 });
    if (found.length > most) return found;
  }
  return found;
}

/** The two points that bend it: it leaves downwards or upwards, and arrives from the left. @param {Course} course */
export function bend({ x1, y1, x2, y2 }) {
  const reach = Math.min(34, 5 + Math.abs(x2 - x1) * 0.6);
  const drop = (y2 - y1) * 0.3;
  return /** @type {const} */ ([x1 + reach * 0.4, y1 + drop, x2 - reach, y2 - drop * Math.min(1, 8 / reach)]);
}

/** @param {Course[]} courses @param {number} x @param {number} y @returns {Arrow | null} */
export function arrowAt(courses, x, y) {
  let nearest = NEAR;
  /** @type {Arrow | null} */
  let found = null;
  for (const course of courses) {
    const distance = away(course, x, y);
    if (distance < nearest) [nearest, found] = [distance, course.arrow];
  }
  return found;
}

/** @param {Course} course @param {number} x @param {number} y */
function away(course, x, y) {
  const { x1, y1, x2, y2 } = course;
  if (x < Math.min(x1, x2) - 40 || x > Math.max(x1, x2) + 40 || y < Math.min(y1, y2) - NEAR || y > Math.max(y1, y2) + NEAR) return Infinity;
  const [ax, ay, bx, by] = bend(course);
  let least = Infinity;
  let [px, py] = [x1, y1];
  for (let step = 1; step <= 24; step += 1) {
    const t = step / 24;
    const u = 1 - t;
    const qx = u * u * u * x1 + 3 * u * u * t * ax + 3 * u * t * t * bx + t * t * t * x2;
    const qy = u * u * u * y1 + 3 * u * u * t * ay + 3 * u * t * t * by + t * t * t * y2;
    least = Math.min(least, toSegment(x, y, px, py, qx, qy));
    [px, py] = [qx, qy];
  }
  return least;
}

/** @param {number} x @param {number} y @param {number} ax @param {number} ay @param {number} bx @param {number} by */
function toSegment(x, y, ax, ay, bx, by) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}
