// The messages as a sequence: who told whom, how long it lay, when it was answered.

import { arrange, el } from "./dom.js";
import { bytes, clock, duration, short } from "./format.js";
import { millis } from "./times.js";

const MOST = 500; // at once; the rest is a click away

/**
 * The next message the other way, and how long it took from the delivery.
 * @param {Arrow[]} sorted by when they were sent @returns {Map<string, number>}
 */
export function answered(sorted) {
  /** @type {Map<string, Arrow[]>} */
  const open = new Map();
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const arrow of sorted) {
    const asked = open.get(`${arrow.to.terminal}>${arrow.from.terminal}`) ?? [];
    for (const before of asked.splice(0)) if (before.deliveredAt !== null && before.deliveredAt <= arrow.sent) found.set(before.id, arrow.sent - before.deliveredAt);
    if (arrow.type === "answer" || !arrow.from.terminal) continue;
    const pair = `${arrow.from.terminal}>${arrow.to.terminal}`;
    const list = open.get(pair);
    if (list) list.push(arrow);
    else open.set(pair, [arrow]);
  }
  return found;
}

export class Messages {
  #most = MOST;
  /** @type {Map<string, {said: string, item: HTMLElement}>} */
  #made = new Map();

  /** @param {import("./session.js").SessionPage} page */
  constructor(page) {
    this.page = page;
    this.list = el("ol", { class: "messages", "aria-label": "Messages" });
    this.more = el("button", { onclick: () => this.#more() }, "Show earlier");
  }

  #more() {
    this.#most += MOST;
    this.update();
  }

  /** @param {HTMLElement} host */
  show(host) {
    host.replaceChildren(el("div", { class: "sheet" }, this.more, this.list));
  }

  update() {
    const { picture } = this.page;
    const sorted = [...picture.arrows].sort((a, b) => a.sent - b.sent);
    const answers = answered(sorted);
    this.more.hidden = sorted.length <= this.#most;
    const items = sorted.slice(-this.#most).map((arrow) => this.#kept(arrow, answers.get(arrow.id)));
    arrange(this.list, items.length ? items : [el("li", { class: "soft" }, "No message yet.")]);
  }

  /** The item made before, if it would say the same. @param {Arrow} arrow @param {number | undefined} after */
  #kept(arrow, after) {
    const span = this.page.picture.spans.get(arrow.span);
    const agents = [arrow.from, arrow.to].map(({ terminal }) => this.page.picture.lanes.byTerminal.get(terminal)?.agent);
    const said = JSON.stringify([arrow, after, agents, span?.attributes]);
    const before = this.#made.get(arrow.id);
    if (before?.said === said) return before.item;
    const item = this.#item(arrow, after);
    this.#made.set(arrow.id, { said, item });
    return item;
  }

  /** @param {Arrow} arrow @param {number | undefined} answeredAfter */
  #item(arrow, answeredAfter) {
    const { picture, store } = this.page;
    const send = picture.spans.get(arrow.span);
    const said = send?.attributes ?? {};
    const text = said[arrow.type === "answer" ? "handspan.delegation.text" : "handspan.message.text"];
    const size = said["messaging.message.body.size"];
    const lay = (arrow.deliveredAt ?? arrow.to.at) - arrow.sent;
    const facts = [
      arrow.type === "answer" ? "" : !arrow.delivered ? "not delivered" : lay >= 1e6 ? `lay ${duration(lay)}` : "delivered at once",
      answeredAfter === undefined ? "" : `answered after ${duration(answeredAfter)}`,
      typeof size === "number" ? bytes(size) : "",
    ];
    const way = [this.#who(arrow.from.terminal), el("span", { class: "way" }, arrow.type === "answer" ? "answers" : arrow.type === "message" ? "tells" : arrow.type === "callback" ? "calls back" : `${arrow.type} →`), this.#who(arrow.to.terminal)];
    const open = el("button", { class: "link", onclick: () => this.page.open(arrow.span) }, clock(millis(arrow.sent, store.base)));
    return el("li", { class: `${arrow.type} ${arrow.delivered ? "" : "undelivered"}` }, open, el("div", {}, el("div", { class: "line" }, ...way, el("span", { class: "soft" }, facts.filter(Boolean).join(" · "))), typeof text === "string" ? el("p", {}, el("bdi", {}, short(text, 1200))) : null));
  }

  /** @param {string} terminal */
  #who(terminal) {
    const lane = this.page.picture.lanes.byTerminal.get(terminal);
    return el("span", { class: "agent" }, el("i", { class: `dot c${lane?.colour ?? "none"}` }), el("bdi", {}, lane ? short(lane.agent, 50) : terminal ? short(terminal, 30) : "someone"));
  }
}
