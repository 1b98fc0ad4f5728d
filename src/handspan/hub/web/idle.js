// Time in which nothing happens, and an axis of time without it.

import { SECOND } from "./times.js";

// A shorter pause is part of the rhythm; of a longer one a second is left at each side, so that no bar touches its neighbour.
const LEAST = 20 * SECOND;
const LEFT = SECOND;

/**
 * The stretches between `start` and `end` in which nothing is busy.
 * @param {Stretch[]} busy @param {number} start @param {number} end
 * @returns {Stretch[]}
 */
export function idle(busy, start, end) {
  /** @type {Stretch[]} */
  const found = [];
  let until = start;
  for (const { from, to } of [...busy, { from: end, to: end }].sort((a, b) => a.from - b.from)) {
    if (from - until >= LEAST) found.push({ from: until + LEFT, to: Math.min(from, end) - LEFT });
    until = Math.max(until, to);
  }
  return found;
}

/** What keeps time from being folded: boots, turns and waits. @param {Lane[]} lanes @param {number} now @returns {Stretch[]} */
export function busy(lanes, now) {
  return lanes.flatMap((lane) =>
    [lane.boots, lane.turns, lane.waits].flatMap((spans) => spans.map((span) => ({ from: span.start, to: span.end ?? now }))),
  );
}

/** Time with some stretches taken out: each is a single point of the axis. */
export class Axis {
  /** @param {Stretch[]} folds in order, apart from each other */
  constructor(folds = []) {
    this.folds = folds;
    let gone = 0;
    /** What is gone before each fold. @type {number[]} */
    this.before = folds.map(({ from, to }) => (gone += to - from) - (to - from));
    this.folded = gone;
  }

  /** @param {number} time */
  at(time) {
    const next = this.#after((fold) => fold.to <= time);
    const fold = this.folds[next];
    const gone = this.before[next] ?? this.folded;
    return fold && time > fold.from ? fold.from - gone : time - gone;
  }

  /** The time at a place of the axis; where a stretch is folded, its end. @param {number} place */
  time(place) {
    let index = this.#after((fold, gone) => fold.from - gone <= place);
    return place + (this.before[index] ?? this.folded);
  }

  /** How many folds are past, by halving. @param {(fold: Stretch, gone: number) => boolean} past */
  #after(past) {
    let low = 0;
    let high = this.folds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (past(/** @type {Stretch} */ (this.folds[middle]), this.before[middle] ?? 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
