// The page of one session: loads it, keeps it current, and holds what is chosen on it.

import * as address from "./address.js";
import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { short } from "./format.js";
import { Head } from "./head.js";
import { listen, showKeys } from "./keys.js";
import { follow } from "./live.js";
import { Picture } from "./picture.js";
import { keysOf } from "./session_keys.js";
import { Store } from "./store.js";
import { MS, nowSince, since } from "./times.js";
import { views } from "./views.js";

/** @param {HTMLElement} host @param {string | (WireSession & {taken: string})} what an id, or a copy that was exported */
export async function openSession(host, what) {
  const told = typeof what === "string" ? await api.session(what) : what;
  const page = new SessionPage(host, told, typeof what === "string" ? null : since(what.taken, BigInt(what.session.start)));
  if (typeof what === "string") page.follow(what);
}

export class SessionPage {
  /** @param {HTMLElement} host @param {WireSession} told @param {number | null} taken */
  constructor(host, told, taken) {
    this.shown = address.read(location.search);
    const { folded, detailed, query, at } = this.shown;
    this.kept = { folded: new Set(folded), detailed: new Set(detailed), query, at: at === null ? null : at * MS };
    this.store = new Store(told);
    this.picture = new Picture(this.store, this.kept, taken);
    this.picture.settle();
    this.taken = taken;
    this.view = el("div", { class: "view", role: "tabpanel", id: "view" });
    this.aside = el("aside", { "aria-label": "Details", hidden: true });
    this.hovered = el("span", { class: "hovered" });
    const hints = [["j", "k", "move"], ["←", "→", "fold"], ["w", "s", "zoom"], ["f", "", "fit"], ["/", "", "search"], ["l", "", "follow link"], ["?", "", "all keys"]];
    const foot = el("footer", {}, el("span", { class: "hints" }, ...hints.flatMap(([a, b, says]) => [el("kbd", {}, a ?? ""), b ? el("kbd", {}, b) : null, ` ${says}   `])), this.hovered);
    this.head = new Head(this);
    host.replaceChildren(...this.head.parts, el("main", { id: "main" }, this.view, this.aside), foot);
    this.views = views(this);
    this.keys = keysOf(this);
    listen(this.keys);
    this.restore();
    setInterval(() => this.#tick(), 1000);
  }

  /** @param {string} id */
  follow(id) {
    this.leave?.();
    this.leave = follow(id, this.store.position, {
      change: (change) => this.change(change),
      reload: () => this.reload(id),
      state: (connected) => this.head.connected(connected),
    });
  }

  /** @param {Change} change */
  change(change) {
    const waited = this.store.summary.waiting.length;
    if (!this.store.change(change)) return;
    const { waiting } = this.store.summary;
    if (waiting.length > waited) byId("said").textContent = `${short(waiting.at(-1)?.agent ?? "", 60)} waits for you.`;
    this.picture.touch();
    this.update();
  }

  /** The hub has lost its thread, or we have: all from the beginning. @param {string} id */
  async reload(id) {
    try {
      this.store = this.picture.store = new Store(await api.session(id));
    } catch (error) {
      if (error instanceof api.Refused && error.status === 404) this.head.gone();
      else setTimeout(() => this.reload(id), 3000);
      return;
    }
    this.picture.touch();
    this.update();
    this.follow(id);
  }

  /** What counts up without anything having changed. */
  #tick() {
    this.head.update();
    const busy = this.view.contains(document.activeElement); // drawing anew takes the focus away
    if (this.shown.tab === "agents" && this.picture.live && !busy) this.update();
  }

  // --- what is chosen ------------------------------------------------------------------------------------------------

  restore() {
    const { from, to, selected } = this.shown;
    this.show(this.shown.tab);
    const { waterfall } = this.views;
    if (from !== null && to !== null && to > from) {
      waterfall.draw();
      waterfall.see({ from: waterfall.axis.at(from * MS), to: waterfall.axis.at(to * MS) });
    }
    if (selected) this.select(selected);
  }

  /** @param {string} tab */
  show(tab) {
    const { detail: _, ...tabs } = this.views;
    this.shown.tab = Object.hasOwn(tabs, tab) ? tab : "waterfall";
    this.current = tabs[/** @type {keyof typeof tabs} */ (this.shown.tab)];
    this.current.show(this.view);
    this.view.setAttribute("aria-labelledby", `tab-${this.shown.tab}`);
    this.head.update();
    this.update();
    this.remember();
  }

  update() {
    this.picture.settle();
    this.head.update();
    this.current?.update();
    this.views.detail.update();
  }

  /** @param {string} id of a span; none to choose nothing */
  select(id) {
    this.shown.selected = id;
    this.views.detail.show(this.aside);
    this.views.waterfall.reveal(id);
    this.views.waterfall.request();
    this.remember();
  }

  /** Shows a span in the waterfall. @param {string} id */
  open(id) {
    this.show("waterfall");
    this.views.waterfall.draw();
    this.select(id);
  }

  /** @param {Partial<import("./address.js").Shown>} choice */
  choose(choice) {
    Object.assign(this.shown, choice);
    this.kept.query = this.shown.query;
    this.kept.at = this.shown.at === null ? null : this.shown.at * MS;
    this.picture.touch();
    this.update();
    this.remember();
  }

  /** Puts what is shown into the address, once it has come to rest: browsers refuse more than a hundred in half a minute. */
  remember() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      const { view, axis } = this.views.waterfall;
      const free = !view.fit && !view.follow;
      Object.assign(this.shown, { folded: [...this.kept.folded], detailed: [...this.kept.detailed] });
      Object.assign(this.shown, { from: free ? axis.time(view.from) / MS : null, to: free ? axis.time(view.to) / MS : null });
      if (this.taken === null) history.replaceState(null, "", location.pathname + address.write(this.shown));
    }, 300);
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  resting;
  /** @type {(() => void) | undefined} */
  leave;

  /** @param {string} words */
  hover(words) {
    this.hovered.textContent = words;
  }

  help() {
    showKeys(this.keys);
  }

  /** Nanoseconds since the session's start. */
  get now() {
    return this.taken ?? nowSince(this.store.base);
  }
}
