// What was logged in a session, the newest first; asked for when it is looked at.

import * as api from "./api.js";
import { el } from "./dom.js";
import { clock, short } from "./format.js";

export class Logs {
  #asked = -1;

  /** @param {import("./session.js").SessionPage} page */
  constructor(page) {
    this.page = page;
    this.list = el("ol", { class: "logs", "aria-label": "Events" });
  }

  /** @param {HTMLElement} host */
  show(host) {
    host.replaceChildren(el("div", { class: "sheet" }, this.list));
    this.#asked = -1;
  }

  update() {
    const { store, taken } = this.page;
    if (this.#asked === store.position) return;
    this.#asked = store.position;
    if (taken !== null) this.#say("An exported copy has no log.");
    else api.logs(store.summary.id).then(({ logs }) => this.#fill(logs), (error) => this.#say(error.message));
  }

  /** @param {string} words */
  #say(words) {
    this.list.replaceChildren(el("li", { class: "soft" }, words));
  }

  /** @param {LogRecord[]} logs */
  #fill(logs) {
    if (!logs.length) this.#say("Nothing was logged.");
    else this.list.replaceChildren(...logs.map((log) => this.#item(log)));
  }

  /** @param {LogRecord} log */
  #item(log) {
    const { span } = log;
    const name = short(String(log.name ?? log.attributes["event.name"] ?? "").replace(/^handspan\./u, ""), 60);
    const time = span ? el("button", { class: "link", onclick: () => this.page.open(span) }, clock(Number(log.at) / 1e6)) : clock(Number(log.at) / 1e6);
    return el("li", { class: (log.severity ?? 0) >= 17 ? "bad" : (log.severity ?? 0) >= 13 ? "warn" : "" }, time, el("b", {}, el("bdi", {}, name)), log.agent ? el("bdi", {}, short(log.agent, 40)) : null, el("bdi", { class: "soft" }, short(log.body ?? "", 300)));
  }
}
