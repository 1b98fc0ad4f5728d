// Who talks to whom: how often, and how long it takes until a message arrives.

import { el } from "./dom.js";
import { count, duration, short } from "./format.js";

const MOST = 40; // rows and columns; with more nobody finds a cell

/** @typedef {{count: number, undelivered: number, delays: number[]}} Cell */

/** By agent, since ten workers of one name are one party. @param {Arrow[]} arrows @param {Map<string, Lane>} lanes */
export function matrix(arrows, lanes) {
  const name = (/** @type {string} */ terminal) => lanes.get(terminal)?.agent ?? "someone";
  /** @type {Map<string, Map<string, Cell>>} */
  const rows = new Map();
  const names = new Set();
  for (const arrow of arrows) {
    const [from, to] = [name(arrow.from.terminal), name(arrow.to.terminal)];
    names.add(from).add(to);
    const row = rows.get(from) ?? new Map();
    rows.set(from, row);
    const cell = row.get(to) ?? { count: 0, undelivered: 0, delays: [] };
    row.set(to, cell);
    cell.count += 1;
    if (!arrow.delivered) cell.undelivered += 1;
    else cell.delays.push((arrow.deliveredAt ?? arrow.to.at) - arrow.sent);
  }
  return { names: [...names], rows };
}

/** @param {number[]} values */
export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

export class Matrix {
  /** @param {import("./session.js").SessionPage} page */
  constructor(page) {
    this.page = page;
    this.place = el("div", { class: "sheet" });
  }

  /** @param {HTMLElement} host */
  show(host) {
    host.replaceChildren(this.place);
  }

  update() {
    const { picture } = this.page;
    const { names, rows } = matrix(picture.arrows, picture.lanes.byTerminal);
    const shown = names.slice(0, MOST);
    if (!shown.length) {
      this.place.replaceChildren(el("p", { class: "soft" }, "No message yet."));
      return;
    }
    const most = Math.max(...[...rows.values()].flatMap((row) => [...row.values()].map((cell) => cell.count)));
    const head = el("tr", {}, el("td", { class: "soft" }, "from ╲ to"), ...shown.map((name) => el("th", { scope: "col" }, el("bdi", {}, short(name, 24)))));
    const body = shown.map((from) => el("tr", {}, el("th", { scope: "row" }, el("bdi", {}, short(from, 40))), ...shown.map((to) => square(rows.get(from)?.get(to), most, from, to))));
    const note = el("p", { class: "soft" }, `Messages and the answers of handoffs; below, the median from sending to delivery.${names.length > MOST ? ` The first ${MOST} of ${names.length} agents.` : ""}`);
    this.place.replaceChildren(el("table", { class: "matrix" }, el("caption", { class: "unseen" }, "Who talks to whom"), el("thead", {}, head), el("tbody", {}, ...body)), note);
  }
}

/** @param {Cell | undefined} cell @param {number} most @param {string} from @param {string} to */
function square(cell, most, from, to) {
  if (!cell) return el("td");
  const lay = cell.delays.length ? duration(median(cell.delays)) : "";
  const words = `${short(from, 40)} to ${short(to, 40)}: ${count(cell.count, "message")}${cell.undelivered ? `, ${cell.undelivered} not delivered` : ""}`;
  const made = el("td", { class: "cell", title: words }, el("b", {}, String(cell.count)), cell.undelivered ? el("span", { class: "undelivered" }, ` ✗${cell.undelivered}`) : null, el("small", {}, lay));
  made.style.setProperty("--weight", String(0.12 + 0.5 * (cell.count / most)));
  return made;
}
