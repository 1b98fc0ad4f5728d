// Which part of the axis is seen, and how places of the axis become pixels.

import { MS } from "./times.js";

const CLOSEST = MS / 100; // 10 µs over the whole width: what is shorter is a marker of 1 µs
const AHEAD = 0.03; // how much is left free after now, so that what grows is seen growing

/** All there is, and a little more. @param {Stretch} all @returns {Stretch} */
export function roomy({ from, to }) {
  const length = Math.max(CLOSEST, to - from);
  return { from: from - length * 0.005, to: to + length * AHEAD };
}

export class View {
  from = 0;
  to = 1;
  width = 1;
  /** Whether all is seen, and goes on to be. */
  fit = true;
  /** Whether the right edge stays at now. */
  follow = false;

  /** @param {number} place */
  x(place) {
    return ((place - this.from) / (this.to - this.from)) * this.width;
  }

  /** @param {number} x */
  place(x) {
    return this.from + (x / this.width) * (this.to - this.from);
  }

  get perPixel() {
    return (this.to - this.from) / this.width;
  }

  /** Nearer by a factor above 1, further by one below; what is at `around` stays. @param {number} factor @param {number} around @param {Stretch} all */
  zoom(factor, around, all) {
    const most = (all.to - all.from) * (1 + 2 * AHEAD);
    const length = Math.min(most, Math.max(CLOSEST, (this.to - this.from) / factor));
    const left = (around - this.from) / (this.to - this.from);
    this.see({ from: around - left * length, to: around + (1 - left) * length }, all);
  }

  /** @param {number} by @param {Stretch} all */
  pan(by, all) {
    this.see({ from: this.from + by, to: this.to + by }, all);
    this.follow = false;
  }

  /** Shows a stretch, no further than half of it outside of all there is. @param {Stretch} stretch @param {Stretch} all */
  see({ from, to }, all) {
    const length = Math.max(CLOSEST, to - from);
    const first = Math.min(Math.max(from, all.from - length / 2), Math.max(all.from - length / 2, all.to - length / 2));
    Object.assign(this, { from: first, to: first + length, fit: false });
  }

  /** Keeps up with all there is. @param {Stretch} all */
  settle(all) {
    if (this.fit) {
      Object.assign(this, roomy(all));
    } else if (this.follow) {
      const length = this.to - this.from;
      Object.assign(this, { from: all.to - length * (1 - AHEAD), to: all.to + length * AHEAD });
    }
  }
}

// Steps that people count in.
const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const LONGER = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 14400].map((minutes) => minutes * 60);
const STEPS = [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, ...SECONDS, ...LONGER].map((seconds) => Math.round(seconds * 1e9));

/** The step between two labels that are at least so many pixels apart. @param {number} perPixel @param {number} pixels */
export const stepFor = (perPixel, pixels) => STEPS.find((step) => step >= perPixel * pixels) ?? /** @type {number} */ (STEPS.at(-1));

/**
 * The times to label, without those inside a fold.
 * @param {View} view @param {import("./idle.js").Axis} axis @param {number} step
 */
export function ticks(view, axis, step) {
  /** @type {number[]} */
  const found = [];
  let from = axis.time(view.from);
  const until = axis.time(view.to);
  const stretches = [...axis.folds.filter((fold) => fold.from > from && fold.from < until), { from: until, to: until }];
  for (const fold of stretches) {
    for (let time = Math.ceil(from / step) * step; time <= fold.from; time += step) found.push(time);
    from = fold.to;
  }
  return found;
}
