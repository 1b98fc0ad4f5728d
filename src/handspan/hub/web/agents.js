// The agents: for each terminal when it worked, waited and was idle, and what that adds up to.

import { el } from "./dom.js";
import { count, duration, short } from "./format.js";

/** @typedef {{lane: Lane, boot: number, working: number, waiting: number, idle: number, turns: number, sent: number, received: number, tokens: number, cost: number}} Totals */

/** @param {Lane} lane @param {Arrow[]} arrows @param {number} now @returns {Totals} */
export function totals(lane, arrows, now) {
  const sum = (/** @type {Span[]} */ spans) => spans.reduce((total, span) => total + (span.end ?? now) - span.start, 0);
  const add = (/** @type {string[]} */ names) => lane.pieces.reduce((total, span) => total + names.reduce((of, name) => of + number(span.attributes[name]), 0), 0);
  const [boot, turns, waiting] = [sum(lane.boots), sum(lane.turns), sum(lane.waits)];
  const messages = arrows.filter(({ type }) => type !== "answer");
  return {
    ...{ lane, boot, waiting, working: turns - waiting, idle: (lane.end ?? now) - lane.start - boot - turns, turns: lane.turns.length },
    sent: messages.filter(({ from }) => from.terminal === lane.terminal).length,
    received: messages.filter(({ to, delivered }) => to.terminal === lane.terminal && delivered).length,
    tokens: add(["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"]),
    cost: add(["handspan.cost_usd"]),
  };
}

/** @param {Value | undefined} value */
const number = (value) => (typeof value === "number" ? value : 0);

export class Agents {
  /** @param {import("./session.js").SessionPage} page */
  constructor(page) {
    this.page = page;
    this.body = el("tbody");
    const heads = ["agent", "time", "working", "waited for you", "idle", "turns", "sent", "received", "tokens", "cost"];
    this.table = el("table", { class: "agents" }, el("caption", { class: "unseen" }, "Agents"), el("thead", {}, el("tr", {}, ...heads.map((words) => el("th", { scope: "col" }, words)))), this.body);
  }

  /** @param {HTMLElement} host */
  show(host) {
    host.replaceChildren(el("div", { class: "sheet" }, this.table));
  }

  update() {
    const { picture } = this.page;
    const range = { from: picture.start, to: Math.max(picture.end, picture.start + 1) };
    const rows = picture.lanes.all.slice(0, 1000).map((lane) => this.#row(totals(lane, picture.arrows, picture.sign), range, picture.sign));
    this.body.replaceChildren(...rows);
  }

  /** @param {Totals} of @param {Stretch} range @param {number} now */
  #row(of, range, now) {
    const { lane } = of;
    const name = el("button", { class: "link", onclick: () => this.page.open(lane.pieces.at(-1)?.id ?? "") }, el("i", { class: `dot c${lane.colour}` }), el("bdi", {}, short(lane.agent, 60)));
    const waiting = lane.waits.some(({ end }) => end === null);
    const cells = [duration(of.working), of.waiting ? duration(of.waiting) : "", duration(of.idle), of.turns, of.sent, of.received, of.tokens ? of.tokens.toLocaleString("en") : "", of.cost ? `$${of.cost.toFixed(2)}` : ""];
    return el("tr", { class: waiting ? "waiting" : "" }, el("th", { scope: "row" }, name), el("td", { class: "states" }, states(lane, range, now, of)), ...cells.map((cell) => el("td", { class: "number" }, String(cell))));
  }
}

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 1000;

/** A strip of states; of what would be less than a pixel only the first is drawn. @param {Lane} lane @param {Stretch} range @param {number} now @param {Totals} of */
function states(lane, range, now, of) {
  const strip = document.createElementNS(SVG, "svg");
  const words = `worked ${duration(of.working)}, waited ${duration(of.waiting)}, ${count(of.turns, "turn")}`;
  for (const [name, value] of [["viewBox", `0 0 ${WIDE} 14`], ["preserveAspectRatio", "none"], ["role", "img"], ["aria-label", words]]) strip.setAttribute(name ?? "", value ?? "");
  const x = (/** @type {number} */ time) => ((time - range.from) / (range.to - range.from)) * WIDE;
  const bars = [["life", [{ start: lane.start, end: lane.end }]], ["boot", lane.boots], ["turn", lane.turns], ["wait", lane.waits]];
  for (const [kind, spans] of /** @type {[string, {start: number, end: number | null}[]][]} */ (bars)) {
    let drawn = -1;
    for (const { start, end } of spans) {
      const [left, right] = [x(start), x(end ?? now)];
      if (right < drawn) continue;
      strip.append(rect(kind, lane, left, Math.max(1.5, right - left)));
      drawn = Math.floor(right) + 1;
    }
  }
  return strip;
}

/** @param {string} kind @param {Lane} lane @param {number} x @param {number} width */
function rect(kind, lane, x, width) {
  const made = document.createElementNS(SVG, "rect");
  made.setAttribute("class", `${kind} f${lane.colour}`);
  for (const [name, value] of Object.entries({ x, width, y: kind === "life" ? 6 : 1, height: kind === "life" ? 2 : 12 })) made.setAttribute(name, String(value));
  return made;
}
