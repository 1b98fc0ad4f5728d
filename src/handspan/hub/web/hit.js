// Which span of a row is at a time.

import { firstSeen } from "./bars.js";

/** @param {Row} row @param {number} time @param {number} near how far beside a short span still counts @param {number} sign where open spans end @returns {Span | null} */
export function hit(row, time, near, sign) {
  const layers = row.lane && row.kind === "lane" ? [row.lane.waits, row.lane.turns, row.lane.boots, row.lane.pieces] : [row.spans];
  for (const spans of layers) {
    for (let index = firstSeen(spans, time - near); index < spans.length; index += 1) {
      const span = /** @type {Span} */ (spans[index]);
      if (span.start - near > time) break;
      if ((span.end ?? sign) + near >= time) return span;
    }
  }
  return null;
}
