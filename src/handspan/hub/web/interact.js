// Hands on the picture: drag and wheel move in time, pinch and Ctrl+wheel go nearer, a drag on the ruler goes there.

import { RULER } from "./drawing.js";

const CLICK = 4; // pixels: a hand that clicks trembles

/**
 * @typedef {{zoom: (factor: number, x: number) => void, pan: (pixels: number) => void, scroll: (pixels: number) => void, see: (x1: number, x2: number) => void,
 *   point: (x: number | null, y: number) => void, click: (x: number, y: number) => void, enter: (x: number, y: number) => void}} Hands
 */

/** @param {HTMLCanvasElement} canvas @param {Hands} hands */
export function handle(canvas, hands) {
  canvas.addEventListener("wheel", (event) => wheel(event, hands), { passive: false });
  canvas.addEventListener("dblclick", (event) => hands.enter(event.offsetX, event.offsetY));
  canvas.addEventListener("pointerleave", () => hands.point(null, 0));
  /** Fingers, and buttons held down, by where they are. @type {Map<number, {x: number, y: number}>} */
  const held = new Map();
  let moved = false;
  let ruled = false;
  let began = 0;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (held.size === 1) [moved, ruled, began] = [false, event.offsetY < RULER, event.offsetX];
  });
  canvas.addEventListener("pointermove", (event) => {
    const from = held.get(event.pointerId);
    if (!from) return hands.point(event.offsetX, event.offsetY);
    const to = { x: event.offsetX, y: event.offsetY };
    if (!moved && Math.hypot(to.x - from.x, to.y - from.y) < CLICK) return undefined;
    moved = true;
    if (held.size === 2) pinch(held, event.pointerId, to, hands);
    else if (!ruled) {
      hands.pan(from.x - to.x);
      if (event.pointerType === "mouse") hands.scroll(from.y - to.y);
    }
    held.set(event.pointerId, to);
    return undefined;
  });
  const released = (/** @type {PointerEvent} */ event) => {
    if (!held.delete(event.pointerId) || held.size) return;
    if (!moved && event.type === "pointerup") hands.click(event.offsetX, event.offsetY);
    else if (ruled && Math.abs(event.offsetX - began) > CLICK) hands.see(Math.min(began, event.offsetX), Math.max(began, event.offsetX));
  };
  canvas.addEventListener("pointerup", released);
  canvas.addEventListener("pointercancel", released);
}

/** @param {WheelEvent} event @param {Hands} hands */
function wheel(event, hands) {
  // Lines and pages instead of pixels, on some machines.
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  const sideways = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    hands.zoom(Math.exp((-event.deltaY * unit) / 300), event.offsetX);
  } else if (event.shiftKey || Math.abs(sideways) > Math.abs(event.deltaY)) {
    event.preventDefault();
    hands.pan(sideways * unit);
  }
}

/** @param {Map<number, {x: number, y: number}>} held @param {number} moving @param {{x: number, y: number}} to @param {Hands} hands */
function pinch(held, moving, to, hands) {
  const [other] = [...held].filter(([id]) => id !== moving).map(([, place]) => place);
  const from = held.get(moving);
  if (!other || !from) return;
  const [before, after] = [Math.abs(from.x - other.x), Math.abs(to.x - other.x)];
  if (before > 10 && after > 10) hands.zoom(after / before, (to.x + other.x) / 2);
}
