// The picture: ruler, grid, folds, bars of the rows that are seen, arrows between them, and now.

import { bend } from "./arrows.js";
import { drawRow } from "./bars.js";
import { duration, tick } from "./format.js";
import { stepFor, ticks } from "./view.js";

export const ROW = 26;
export const RULER = 24;

/**
 * @typedef {{ctx: CanvasRenderingContext2D, width: number, height: number, scrolled: number, rows: Row[], view: import("./view.js").View,
 *   axis: import("./idle.js").Axis, now: number, sign: number, live: boolean, palette: import("./palette.js").Palette,
 *   courses: import("./arrows.js").Course[], lit: Set<string> | null, selected: string, hovered: string, row: number, path: Step[],
 *   places: Map<string, number>, lanes: Map<string, Lane>, pointer: number | null}} Scene
 */

/** @param {Scene} scene */
export function draw(scene) {
  const { ctx, width, height, palette } = scene;
  ctx.clearRect(0, 0, width, height);
  ctx.textBaseline = "middle";
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, RULER, width, height - RULER);
  ctx.clip();
  drawGround(scene);
  drawGrid(scene);
  drawBars(scene);
  drawPath(scene);
  for (const course of scene.courses) drawArrow(scene, course);
  ctx.restore();
  drawRuler(scene);
  if (scene.live) drawNow(scene);
  if (scene.pointer !== null) upright(ctx, scene.pointer, RULER, height, palette.soft, [2, 3]);
}

/** @param {Scene} scene */
const seen = ({ scrolled, height, rows }) => ({
  first: Math.max(0, Math.floor(scrolled / ROW)),
  last: Math.min(rows.length, Math.ceil((scrolled + height - RULER) / ROW)),
});

/** @param {Scene} scene @param {number} row */
const middle = ({ scrolled }, row) => RULER + row * ROW - scrolled + ROW / 2;

/** @param {Scene} scene */
function drawGround(scene) {
  const { ctx, palette, rows, width } = scene;
  const { first, last } = seen(scene);
  for (let index = first; index < last; index += 1) {
    const row = /** @type {Row} */ (rows[index]);
    if (row.kind !== "lane" && index !== scene.row) continue;
    ctx.fillStyle = index === scene.row ? palette.line : palette.lane;
    ctx.fillRect(0, middle(scene, index) - ROW / 2 + 1, width, ROW - 2);
  }
}

/** @param {Scene} scene */
function drawGrid(scene) {
  const { ctx, view, axis, height, palette, width } = scene;
  for (const time of ticks(view, axis, stepFor(view.perPixel, 90))) {
    upright(ctx, view.x(axis.at(time)), RULER, height, palette.grid, []);
  }
  let free = -Infinity;
  for (const [index, fold] of axis.folds.entries()) {
    const x = view.x(fold.from - (axis.before[index] ?? 0));
    // Folds nearer than their label would turn the picture grey.
    if (x < 0 || x > width || x - free < 24) continue;
    upright(ctx, x, RULER, height, palette.soft, [1, 4]);
    free = x;
  }
}

/** @param {Scene} scene */
function drawBars(scene) {
  const { ctx, view, axis, rows, width, now, sign, palette, lit, selected } = scene;
  const x = (/** @type {number} */ time) => view.x(axis.at(time));
  const pen = { ctx, x, width, from: axis.time(view.from), to: axis.time(view.to), now, sign, palette, lit, selected };
  const { first, last } = seen(scene);
  for (let index = first; index < last; index += 1) drawRow(pen, /** @type {Row} */ (rows[index]), middle(scene, index));
}

/** @type {Record<ArrowType, {dash: number[], width: number}>} */
const STROKES = {
  handoff: { dash: [], width: 2.4 },
  assign: { dash: [], width: 1.6 },
  message: { dash: [1.5, 3], width: 1.6 },
  callback: { dash: [6, 3], width: 1.6 },
  answer: { dash: [6, 3], width: 2.4 },
};

/** @param {Scene} scene @param {import("./arrows.js").Course} course */
function drawArrow({ ctx, palette, lanes, selected, hovered, lit }, course) {
  const { arrow, x1, y1, x2, y2 } = course;
  const chosen = arrow.span === selected || arrow.id === hovered;
  const stroke = STROKES[arrow.type];
  const lane = lanes.get(arrow.from.terminal) ?? lanes.get(arrow.to.terminal);
  const colour = arrow.delivered ? (palette.lanes[lane?.colour ?? 0] ?? palette.accent) : palette.bad;
  ctx.globalAlpha = chosen ? 1 : lit ? 0.2 : 0.85;
  const [ax, ay, bx, by] = bend(course);
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.bezierCurveTo(ax, ay, bx, by, x2 - 3, y2);
  stroked(ctx, palette.panel, stroke.width + 2, []); // or it is lost on a bar of its own colour
  stroked(ctx, chosen ? palette.select : colour, stroke.width + (chosen ? 1 : 0), stroke.dash);
  ctx.beginPath();
  if (arrow.delivered) head(ctx, x2, y2, Math.atan2(y2 - by, x2 - bx));
  else ctx.arc(x2, y2, 3.5, 0, 7); // it never arrived, or has not yet
  stroked(ctx, palette.panel, 2, []);
  ctx.fillStyle = chosen ? palette.select : colour;
  ctx.fill();
  ctx.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} ctx @param {string} colour @param {number} width @param {number[]} dash */
function stroked(ctx, colour, width, dash) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} angle */
function head(ctx, x, y, angle) {
  for (const turn of [0, 2.6, -2.6]) {
    const reach = turn ? 7 : 1;
    ctx.lineTo(x + Math.cos(angle + turn) * reach, y + Math.sin(angle + turn) * reach);
  }
  ctx.closePath();
}

/** @param {Scene} scene */
function drawPath(scene) {
  const { ctx, path, places, view, axis, palette } = scene;
  ctx.strokeStyle = palette.bad;
  ctx.lineWidth = 3;
  for (const step of path) {
    const row = places.get(`lane:${step.terminal}`);
    if (row === undefined || step.kind === "queued") continue;
    const y = middle(scene, row) + 10;
    ctx.beginPath();
    ctx.moveTo(view.x(axis.at(step.from)), y);
    ctx.lineTo(view.x(axis.at(step.to)), y);
    ctx.stroke();
  }
}

/** @param {Scene} scene */
function drawRuler(scene) {
  const { ctx, view, axis, palette, width } = scene;
  ctx.fillStyle = palette.bg;
  ctx.fillRect(0, 0, width, RULER);
  ctx.font = "11px system-ui, sans-serif";
  const taken = foldLabels(scene);
  const step = stepFor(view.perPixel, 90);
  let free = -Infinity;
  ctx.fillStyle = palette.soft;
  for (const time of ticks(view, axis, step)) {
    const words = tick(time, step);
    const x = view.x(axis.at(time)) + 4;
    const end = x + ctx.measureText(words).width;
    if (x < free || end > width || taken.some(({ from, to }) => x < to && end > from)) continue;
    ctx.fillText(words, x, RULER / 2);
    free = end + 8;
  }
}

/** @param {Scene} scene @returns {Stretch[]} */
function foldLabels({ ctx, view, axis, palette, width }) {
  /** @type {Stretch[]} */
  const taken = [];
  ctx.fillStyle = palette.soft;
  for (const [index, fold] of axis.folds.entries()) {
    const words = `${duration(fold.to - fold.from)} idle`;
    const length = ctx.measureText(words).width;
    const x = view.x(fold.from - (axis.before[index] ?? 0)) - length / 2;
    const last = taken.at(-1);
    if (x < 0 || x + length > width || (last && x < last.to + 8)) continue;
    ctx.globalAlpha = 0.8;
    ctx.fillText(words, x, RULER / 2);
    ctx.globalAlpha = 1;
    taken.push({ from: x - 6, to: x + length + 6 });
  }
  return taken;
}

/** @param {Scene} scene */
function drawNow({ ctx, view, axis, now, height, palette, width }) {
  const x = view.x(axis.at(now));
  if (x < 0 || x > width) return;
  upright(ctx, x, RULER - 6, height, palette.accent, []);
  ctx.fillStyle = palette.accent;
  ctx.beginPath();
  ctx.arc(x, RULER - 6, 3, 0, 7);
  ctx.fill();
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} top @param {number} bottom @param {string} colour @param {number[]} dash */
function upright(ctx, x, top, bottom, colour, dash) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(Math.round(x) + 0.5, top);
  ctx.lineTo(Math.round(x) + 0.5, bottom);
  ctx.stroke();
  ctx.setLineDash([]);
}
