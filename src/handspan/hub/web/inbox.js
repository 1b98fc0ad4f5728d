// Everything that waits for a person, in all sessions, the longest first; told outside of the page to whom asks for it.

import { copy, el } from "./dom.js";
import { duration, short } from "./format.js";
import { attachLine } from "./sentence.js";

const KEY = "handspan.notify";

/** @param {Summary[]} sessions @returns {{session: Summary, who: Who}[]} */
export const waiting = (sessions) =>
  sessions.flatMap((session) => session.waiting.map((who) => ({ session, who }))).sort((a, b) => (BigInt(a.who.since) < BigInt(b.who.since) ? -1 : 1));

export class Inbox {
  #told = "";

  constructor() {
    this.list = el("ul");
    this.element = el("section", { class: "inbox", id: "inbox", "aria-label": "Waits for you", hidden: true }, el("h2", {}, "Waits for you"), this.list);
    this.button = el("button", { "aria-pressed": "false", onclick: () => void this.#ask(), hidden: typeof Notification === "undefined" }, "Notify me");
    this.button.setAttribute("aria-pressed", String(this.#on));
  }

  get #on() {
    return typeof Notification !== "undefined" && Notification.permission === "granted" && localStorage.getItem(KEY) === "yes";
  }

  async #ask() {
    const on = !this.#on && (await Notification.requestPermission()) === "granted";
    localStorage.setItem(KEY, on ? "yes" : "no");
    this.button.setAttribute("aria-pressed", String(on));
  }

  /** @param {string} words @param {string} session */
  notify(words, session) {
    // Several tabs tell of the same wait: one tag makes it one notification.
    if (this.#on) new Notification("Handspan", { body: words, tag: `waits ${session}` }).onclick = () => open(`/s/${encodeURIComponent(session)}`);
  }

  /** How many wait. @param {Summary[]} sessions @param {number} now milliseconds since 1970 */
  update(sessions, now) {
    const all = waiting(sessions);
    const told = all.map(({ session, who }) => `${session.id} ${who.terminal} ${who.since}`).join("\n");
    if (told !== this.#told) this.list.replaceChildren(...all.map((one) => item(one)));
    this.#told = told;
    this.element.hidden = !all.length;
    all.forEach(({ who }, index) => {
      const time = this.list.children[index]?.querySelector("time");
      if (time) time.textContent = duration(Math.max(0, now * 1e6 - Number(who.since)));
    });
    return all.length;
  }
}

/** @param {{session: Summary, who: Who}} one */
function item({ session, who }) {
  const line = attachLine(session.attach);
  const button = el("button", { onclick: () => copy(line, button) }, "copy");
  const link = el("a", { href: `/s/${encodeURIComponent(session.id)}` }, el("bdi", {}, short(who.agent, 60)), " in ", el("bdi", {}, short(session.name || session.id, 60)));
  return el("li", {}, el("time"), link, line ? el("code", {}, line) : null, line ? button : null);
}
