// The top of a session's page: its state, who waits for whom, the views, and the tools of the waterfall.

import { copy, el } from "./dom.js";
import { clock, duration, short } from "./format.js";
import { attachLine, sentence } from "./sentence.js";
import { exportMenu } from "./exporting.js";
import { millis } from "./times.js";

const TABS = [["waterfall", "Waterfall"], ["agents", "Agents"], ["messages", "Messages"], ["talk", "Who talks to whom"], ["logs", "Events"]];
const ARROWS = [["all", "all arrows"], ["near", "arrows of the selection"], ["handoff", "handoffs only"], ["assign", "assignments only"], ["message", "messages only"], ["callback", "callbacks only"], ["none", "no arrows"]];

export class Head {
  /** @param {import("./session.js").SessionPage} page */
  constructor(page) {
    this.page = page;
    this.state = el("span", { class: "pill" });
    this.waits = el("a", { class: "pill waiting", href: "/#inbox" });
    this.about = el("span", { class: "soft" });
    this.lost = el("div", { class: "lost", role: "alert", hidden: true }, "The connection to the hub is lost. What you see is how it was; it is tried again.");
    this.words = el("span");
    this.attach = el("code");
    this.copyAttach = el("button", { onclick: () => copy(this.attach.textContent ?? "", this.copyAttach) }, "copy");
    this.sentence = el("div", { class: "sentence", role: "status" }, this.words, this.attach, this.copyAttach);
    this.tabs = TABS.map(([id, words]) => el("button", { role: "tab", id: `tab-${id}`, "aria-controls": "view", onclick: () => page.show(id ?? "") }, words ?? ""));
    this.buttons = this.#tools();
    this.search = el("input", { type: "search", placeholder: "filter agents", "aria-label": "Filter agents", value: page.shown.query, oninput: () => page.choose({ query: this.search.value }) });
    this.arrows = el("select", { "aria-label": "Which arrows", onchange: () => page.choose({ arrows: this.arrows.value }) }, ...ARROWS.map(([value, words]) => el("option", { value: value ?? "" }, words ?? "")));
    this.parts = this.#parts();
  }

  #tools() {
    const { page } = this;
    const tool = (/** @type {string} */ words, /** @type {string} */ key, /** @type {() => void} */ does) => el("button", { "aria-pressed": "false", "aria-keyshortcuts": key, title: `${words} (${key})`, onclick: does }, words);
    return {
      fit: tool("Fit", "f", () => page.views.waterfall.fit()),
      follow: tool("Follow now", "n", () => page.views.waterfall.followNow()),
      idle: tool("Fold idle", "i", () => page.choose({ idle: !page.shown.idle })),
      critical: tool("Critical path", "c", () => page.choose({ critical: !page.shown.critical })),
    };
  }

  #parts() {
    const { page } = this;
    const { name, id, demo } = page.store.summary;
    const title = el("h1", { title: short(name || id) }, el("bdi", {}, short(name || id)));
    const home = page.taken === null ? el("a", { href: "/", "aria-label": "All sessions" }, "‹ Sessions") : el("span", { class: "soft" }, `as of ${clock(millis(page.taken, page.store.base))}`);
    const marks = [demo ? el("span", { class: "pill" }, "demo") : null, this.state, this.waits];
    const header = el("header", {}, el("div", { class: "title" }, home, title, ...marks), this.about, el("span", { class: "space" }), exportMenu(page));
    this.tools = [this.arrows, ...Object.values(this.buttons)];
    const tabs = el("nav", { class: "tabs", "aria-label": "Views" }, el("div", { role: "tablist", class: "tablist" }, ...this.tabs), el("span", { class: "space" }), el("div", { class: "tools" }, this.search, ...this.tools));
    return [header, this.lost, this.sentence, tabs];
  }

  /** @param {boolean} is */
  connected(is) {
    this.lost.hidden = is;
  }

  /** The hub has answered, but no longer has the session. */
  gone() {
    this.lost.textContent = "The hub no longer has this session. What you see is how it was.";
    this.lost.hidden = false;
  }

  update() {
    const { page, buttons } = this;
    const { summary } = page.store;
    const now = page.taken === null ? Date.now() : millis(page.taken, page.store.base);
    this.state.textContent = summary.state === "waiting" ? "running" : summary.state;
    this.state.className = `pill ${summary.state === "waiting" ? "running" : summary.state}`;
    const [longest] = summary.waiting.map(({ since }) => Number(since)).sort((a, b) => a - b);
    this.waits.hidden = longest === undefined;
    if (longest !== undefined) this.waits.textContent = `${summary.waiting.length === 1 ? "1 agent waits" : `${summary.waiting.length} agents wait`} for you · ${duration(now * 1e6 - longest)}`;
    this.about.textContent = this.#about(summary, now);
    this.#say(summary, now);
    const { tab, idle, critical, arrows } = page.shown;
    this.tabs.forEach((button, index) => this.#tab(button, TABS[index]?.[0] === tab));
    for (const element of this.tools ?? []) element.hidden = tab !== "waterfall";
    const view = page.views?.waterfall.view;
    const pressed = { fit: view?.fit ?? true, follow: view?.follow ?? false, idle, critical };
    for (const [name, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", String(pressed[/** @type {keyof typeof pressed} */ (name)]));
    this.arrows.value = arrows;
    document.title = `${summary.waiting.length ? `(${summary.waiting.length}) ` : ""}${short(summary.name || summary.id, 60)} – Handspan`;
  }

  /** @param {HTMLButtonElement} button @param {boolean} chosen */
  #tab(button, chosen) {
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }

  /** @param {Summary} summary @param {number} now */
  #about({ source, start, end, parts }, now) {
    const began = Number(start) / 1e6;
    const lasted = duration(((end === undefined ? now : Number(end) / 1e6) - began) * 1e6);
    return [short(source, 30), this.page.picture.totals, clock(began), lasted, parts > 1 ? `${parts} parts` : ""].filter(Boolean).join(" · ");
  }

  /** @param {Summary} summary @param {number} now */
  #say(summary, now) {
    const words = sentence(summary, now);
    const line = summary.waiting.length ? attachLine(summary.attach) : "";
    this.words.textContent = words;
    this.attach.textContent = line;
    this.copyAttach.hidden = this.attach.hidden = !line;
    this.sentence.hidden = !words;
    this.sentence.classList.toggle("calm", !summary.waiting.length);
  }
}
