// The bars of the rows, on a canvas: a life, and in it starting up, working, waiting for a person; what is given to another.

import { duration } from "./format.js";

/**
 * @typedef {import("./palette.js").Palette} Palette
 * @typedef {{ctx: CanvasRenderingContext2D, x: (time: number) => number, width: number, from: number, to: number,
 *   now: number, sign: number, palette: Palette, lit: Set<string> | null, selected: string}} Pen
 *   `sign` is the last sign of life, past which nothing grows; `lit` the spans that stay bright, if others fade.
 */

const FONT = "11px system-ui, sans-serif";

/** @param {Pen} pen @param {Row} row @param {number} y the middle of the row */
export function drawRow(pen, row, y) {
  if (row.kind === "session") for (const span of row.spans) bar(pen, span, y, 6, pen.palette.soft, 0.45);
  else if (row.kind === "delegation") drawDelegation(pen, row, y);
  else if (row.kind === "lane" && row.lane) drawLane(pen, row.lane, y);
  else for (const span of row.spans) drawSpan(pen, span, y, colourOf(pen, row));
}

/** @param {Pen} pen @param {Row} row */
const colourOf = (pen, row) => pen.palette.lanes[row.lane?.colour ?? 0] ?? pen.palette.accent;

/** @param {Pen} pen @param {Lane} lane @param {number} y */
function drawLane(pen, lane, y) {
  const colour = pen.palette.lanes[lane.colour] ?? pen.palette.accent;
  for (const span of lane.pieces) bar(pen, span, y, 16, colour, 0.16);
  for (const spans of [lane.boots, lane.turns, lane.waits]) many(pen, spans, (span) => drawSpan(pen, span, y, colour));
  for (const span of lane.pieces) if (span.error) cross(pen, pen.x(span.end ?? pen.now), y);
}

/** Only what is seen, and of what falls on the same pixel only the first. @param {Pen} pen @param {Span[]} spans in order, apart from each other @param {(span: Span) => void} draw */
function many(pen, spans, draw) {
  let drawn = -Infinity;
  for (let index = firstSeen(spans, pen.from); index < spans.length; index += 1) {
    const span = /** @type {Span} */ (spans[index]);
    if (span.start > pen.to) return;
    const right = pen.x(span.end ?? pen.now);
    if (right < drawn && span.id !== pen.selected) continue;
    draw(span);
    drawn = Math.floor(right) + 1;
  }
}

/** @param {Span[]} spans @param {number} from */
export function firstSeen(spans, from) {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {Span} */ (spans[middle]).start < from) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** @param {Pen} pen @param {Span} span @param {number} y @param {string} colour */
function drawSpan(pen, span, y, colour) {
  if (span.kind === "boot") bar(pen, span, y, 10, colour, 0.4);
  else if (span.kind === "waiting") drawWait(pen, span, y);
  else if (span.kind === "send" || span.kind === "receive") drawMessage(pen, span, y, colour);
  else {
    const place = bar(pen, span, y, 16, colour, 1);
    const number = span.attributes["handspan.turn.number"];
    if (typeof number === "number") caption(pen, place, y, [`turn ${number}`, String(number)]);
    if (span.error) cross(pen, place.right, y);
  }
}

/** @param {Pen} pen @param {Span} span @param {number} y @param {string} colour */
function drawMessage(pen, span, y, colour) {
  const { ctx } = pen;
  const x = pen.x(span.start);
  ctx.globalAlpha = faded(pen, span) ? 0.25 : 1;
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.arc(x, y, span.id === pen.selected ? 5 : 3.5, 0, 7);
  ctx.fill();
  ctx.globalAlpha = 1;
}

/** A person is waited for: nothing on the page is louder. @param {Pen} pen @param {Span} span @param {number} y */
function drawWait(pen, span, y) {
  const { ctx, palette } = pen;
  const { left, right } = ends(pen, span);
  ctx.globalAlpha = faded(pen, span) ? 0.4 : 1;
  ctx.fillStyle = palette.hatch;
  ctx.strokeStyle = palette.warn;
  ctx.lineWidth = span.id === pen.selected ? 2.5 : 1.2;
  shape(ctx, left, y - 8, right - left, 16, 3);
  ctx.fill();
  ctx.stroke();
  ctx.globalAlpha = 1;
  if (span.end === null) waits(pen, left, right, y, `waits for you ${duration(pen.sign - span.start)}`);
}

/** @param {Pen} pen @param {number} left @param {number} right @param {number} y @param {string} words */
function waits({ ctx, palette, width }, left, right, y, words) {
  ctx.font = `600 ${FONT}`;
  const length = ctx.measureText(words).width + 10;
  const inside = right - left >= length + 8;
  const x = Math.max(2, Math.min(width - length - 2, inside ? Math.max(left, 0) + 4 : left - length - 3));
  ctx.fillStyle = palette.panel;
  shape(ctx, x, y - 7, length, 14, 3);
  ctx.fill();
  ctx.fillStyle = palette.warn;
  ctx.fillText(words, x + 5, y + 0.5);
}

/** @param {Pen} pen @param {Row} row @param {number} y */
function drawDelegation(pen, row, y) {
  const colour = colourOf(pen, row);
  for (const span of row.spans) {
    const awaited = span.attributes["handspan.delegation.awaited"] !== false;
    const place = bar(pen, span, y, 8, colour, awaited ? 0.42 : 0.26);
    if (awaited && place.right > place.left) edge(pen, place, y, colour);
    beside(pen, place, y, duration((span.end ?? pen.sign) - span.start), span.end === null);
    if (span.error) cross(pen, place.right, y);
  }
}

/** The caller waits: a line where it began. @param {Pen} pen @param {{left: number, right: number}} place @param {number} y @param {string} colour */
function edge({ ctx }, { left, right }, y, colour) {
  ctx.fillStyle = colour;
  ctx.fillRect(left, y - 6, 2, 12);
  ctx.fillRect(left, y + 4, right - left, 1.5);
}

// --- one bar ---------------------------------------------------------------------------------------------------------

/** @param {Pen} pen @param {Span} span */
const faded = (pen, span) => pen.lit !== null && !pen.lit.has(span.id);

/** @param {Pen} pen @param {Span} span */
function ends(pen, span) {
  const left = pen.x(span.start);
  const right = Math.max(left + 1.5, pen.x(span.end ?? Math.max(span.start, pen.sign)));
  // Canvas draws what is far outside slowly, and beyond 2^24 pixels wrongly.
  return { left: Math.max(-50, left), right: Math.min(pen.width + 50, right) };
}

/** @param {Pen} pen @param {Span} span @param {number} y @param {number} height @param {string} colour @param {number} strength */
function bar(pen, span, y, height, colour, strength) {
  const { ctx } = pen;
  const place = ends(pen, span);
  if (place.right < 0 || place.left > pen.width) return place;
  ctx.globalAlpha = strength * (faded(pen, span) ? 0.3 : 1);
  ctx.fillStyle = span.end === null ? unfinished(pen, place, colour) : colour;
  shape(ctx, place.left, y - height / 2, place.right - place.left, height, Math.min(4, height / 2, (place.right - place.left) / 2));
  ctx.fill();
  ctx.globalAlpha = 1;
  if (span.end === null && pen.sign < pen.now) silence(pen, place.right, y);
  if (span.inferred) inferred(pen, span, place, y, height);
  if (span.id === pen.selected) outline(pen, place, y, height);
  return place;
}

/** What is still open fades out towards now. @param {Pen} pen @param {{left: number, right: number}} place @param {string} colour */
function unfinished({ ctx }, { left, right }, colour) {
  const gradient = ctx.createLinearGradient(Math.max(left, right - 70), 0, right, 0);
  gradient.addColorStop(0, colour);
  gradient.addColorStop(1, `color-mix(in srgb, ${colour} 30%, transparent)`);
  return gradient;
}

/** Nobody has heard of it since. @param {Pen} pen @param {number} from @param {number} y */
function silence({ ctx, palette, x, now, width }, from, y) {
  dashed(ctx, palette.soft, [1, 4], [from, y, Math.min(width, x(now)), y]);
}

/** An end that nobody saw is dashed. @param {Pen} pen @param {Span} span @param {{left: number, right: number}} place @param {number} y @param {number} height */
function inferred({ ctx, palette }, span, { left, right }, y, height) {
  const half = height / 2 + 3;
  if (span.inferred !== "end") dashed(ctx, palette.ink, [2, 2], [left, y - half, left, y + half]);
  if (span.inferred !== "start") dashed(ctx, palette.ink, [2, 2], [right, y - half, right, y + half]);
}

/** @param {CanvasRenderingContext2D} ctx @param {string} colour @param {number[]} dash @param {[number, number, number, number]} line */
function dashed(ctx, colour, dash, [x1, y1, x2, y2]) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.2;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** @param {Pen} pen @param {{left: number, right: number}} place @param {number} y @param {number} height */
function outline({ ctx, palette }, { left, right }, y, height) {
  ctx.strokeStyle = palette.select;
  ctx.lineWidth = 2;
  shape(ctx, left - 2, y - height / 2 - 2, right - left + 4, height + 4, 5);
  ctx.stroke();
}

/** @param {Pen} pen @param {number} x @param {number} y */
function cross({ ctx, palette }, x, y) {
  ctx.strokeStyle = palette.panel;
  for (const width of [4.5, 2]) {
    ctx.lineWidth = width;
    ctx.beginPath();
    for (const [from, to] of /** @type {const} */ ([[-1, 1], [1, -1]])) {
      ctx.moveTo(x + 4 * from, y - 4);
      ctx.lineTo(x + 4 * to, y + 4);
    }
    ctx.stroke();
    ctx.strokeStyle = palette.bad;
  }
}

/** The longest of the words that fits. @param {Pen} pen @param {{left: number, right: number}} place @param {number} y @param {string[]} words */
function caption({ ctx, palette, width }, { left, right }, y, words) {
  const [from, to] = [Math.max(2, left + 6), Math.min(width, right - 4)];
  if (to - from < 8) return;
  ctx.font = `600 ${FONT}`;
  const fits = words.find((word) => ctx.measureText(word).width <= to - from);
  if (fits === undefined) return;
  ctx.fillStyle = palette.onbar;
  ctx.fillText(fits, from, y + 0.5);
}

/** Words after the bar, or before it where the picture ends. @param {Pen} pen @param {{left: number, right: number}} place @param {number} y @param {string} words @param {boolean} open */
function beside({ ctx, palette, width }, { left, right }, y, words, open) {
  if (right < 0 || left > width) return;
  ctx.font = FONT;
  const length = ctx.measureText(words).width;
  const x = right + 8 + length < width ? right + 8 : left - length - 8;
  if (x < 0) return;
  ctx.fillStyle = open ? palette.ink : palette.soft;
  ctx.fillText(words, x, y + 0.5);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} width @param {number} height @param {number} radius */
function shape(ctx, x, y, width, height, radius) {
  ctx.beginPath();
  // Rounded corners cost five times a rectangle, and nobody sees those of a bar of three pixels.
  if (width < 4) ctx.rect(x, y, width, height);
  else ctx.roundRect(x, y, width, height, radius);
}
