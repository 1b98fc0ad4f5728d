// All there is in a strip: each lane a line, what is seen in a frame that can be dragged and stretched.

const HEIGHT = 36;

/**
 * @param {{ctx: CanvasRenderingContext2D, width: number, all: Stretch, lanes: Lane[], at: (time: number) => number, now: number,
 *   palette: import("./palette.js").Palette, view: Stretch}} strip
 */
export function drawMinimap({ ctx, width, all, lanes, at, now, palette, view }) {
  const x = (/** @type {number} */ place) => ((place - all.from) / Math.max(1, all.to - all.from)) * width;
  ctx.clearRect(0, 0, width, HEIGHT);
  ctx.fillStyle = palette.lane;
  ctx.fillRect(0, 0, width, HEIGHT);
  const each = Math.min(6, (HEIGHT - 6) / Math.max(1, lanes.length));
  lanes.forEach((lane, index) => {
    const y = 3 + index * each;
    ctx.fillStyle = palette.lanes[lane.colour] ?? palette.accent;
    strokes(ctx, lane.turns, (span) => [x(at(span.start)), x(at(span.end ?? now))], y, Math.max(0.6, each - 1.6));
    ctx.fillStyle = palette.warn;
    strokes(ctx, lane.waits, (span) => [x(at(span.start)), x(at(span.end ?? now))], y, Math.max(1.2, each - 1.6));
  });
  frame(ctx, Math.max(0.5, x(view.from)), Math.min(width - 0.5, x(view.to)), width, palette);
}

/** @param {CanvasRenderingContext2D} ctx @param {Span[]} spans @param {(span: Span) => [number, number]} place @param {number} y @param {number} height */
function strokes(ctx, spans, place, y, height) {
  let drawn = -1;
  for (const span of spans) {
    const [from, to] = place(span);
    if (to < drawn) continue;
    ctx.fillRect(from, y, Math.max(1, to - from), height);
    drawn = Math.floor(to) + 1;
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {number} from @param {number} to @param {number} width @param {import("./palette.js").Palette} palette */
function frame(ctx, from, to, width, palette) {
  ctx.globalAlpha = 0.6;
  ctx.fillStyle = palette.bg;
  ctx.fillRect(0, 0, from, HEIGHT);
  ctx.fillRect(to, 0, width - to, HEIGHT);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = palette.accent;
  ctx.lineWidth = 1.2;
  ctx.beginPath();
  ctx.roundRect(from, 0.6, Math.max(3, to - from), HEIGHT - 1.2, 4);
  ctx.stroke();
}

/**
 * Dragging moves the frame, its edges stretch it, and a drag outside draws another.
 * @param {HTMLCanvasElement} canvas
 * @param {{all: () => Stretch, view: () => Stretch, see: (range: Stretch) => void}} of
 */
export function dragMinimap(canvas, of) {
  canvas.addEventListener("pointerdown", (down) => {
    canvas.setPointerCapture(down.pointerId);
    const box = canvas.getBoundingClientRect();
    const [all, { from, to }] = [of.all(), of.view()];
    const place = (/** @type {PointerEvent} */ event) => all.from + ((event.clientX - box.left) / box.width) * (all.to - all.from);
    const move = dragging({ from, to }, place(down), ((all.to - all.from) * 7) / box.width);
    const moved = (/** @type {PointerEvent} */ event) => of.see(move(place(event)));
    canvas.addEventListener("pointermove", moved);
    canvas.addEventListener("lostpointercapture", () => canvas.removeEventListener("pointermove", moved), { once: true });
  });
}

/** What is seen while a drag that began at `start` is somewhere else. @param {Stretch} view @param {number} start @param {number} near @returns {(place: number) => Stretch} */
export function dragging(view, start, near) {
  if (Math.abs(start - view.from) < near) return (place) => ({ from: Math.min(place, view.to - near), to: view.to });
  if (Math.abs(start - view.to) < near) return (place) => ({ from: view.from, to: Math.max(place, view.from + near) });
  if (start > view.from && start < view.to) return (place) => ({ from: view.from + place - start, to: view.to + place - start });
  return (place) => ({ from: Math.min(start, place), to: Math.max(start, place, Math.min(start, place) + near) });
}
