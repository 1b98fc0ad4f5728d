// All sessions, the worst first, and above them everything that waits for a person.

import * as api from "./api.js";
import { arrange, byId, el } from "./dom.js";
import { count, duration, short } from "./format.js";
import { Inbox } from "./inbox.js";
import { listen, showKeys } from "./keys.js";
import { follow } from "./live.js";
import { sentence } from "./sentence.js";

/** @type {State[]} */
const WORST_FIRST = ["waiting", "stuck", "silent", "failed", "running", "ended"];

/** @param {Summary} a @param {Summary} b */
export const worse = (a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state) || newer(a.last_sign, b.last_sign);

/** @param {string} a @param {string} b */
const newer = (a, b) => (BigInt(a) < BigInt(b) ? 1 : BigInt(a) > BigInt(b) ? -1 : 0);

/** @param {Summary} summary @param {{query: string, state: string}} wanted */
export function wants({ name, id, source, agents, state }, { query, state: only }) {
  if (only && only !== state) return false;
  const words = query.toLowerCase().split(/\s+/u).filter(Boolean);
  const said = [name, id, source, ...agents].join("\n").toLowerCase();
  return words.every((word) => said.includes(word));
}

/** @param {HTMLElement} host */
export async function openSessions(host) {
  const said = new URLSearchParams(location.search);
  const page = new SessionsPage(host, { query: said.get("q") ?? "", state: said.get("state") ?? "" });
  await page.load();
}

class SessionsPage {
  /** @type {Map<string, Summary>} */
  sessions = new Map();
  /** @type {string | null} */
  next = null;
  row = 0;
  /** @type {(() => void) | undefined} */
  leave;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  asking;
  /** @type {Map<string, HTMLElement>} */
  #made = new Map();

  /** @param {HTMLElement} host @param {{query: string, state: string}} wanted */
  constructor(host, wanted) {
    this.wanted = wanted;
    this.search = el("input", { type: "search", placeholder: "search sessions and agents", "aria-label": "Search sessions", value: wanted.query, oninput: () => this.#want({ query: this.search.value }) });
    this.states = el("select", { "aria-label": "State", onchange: () => this.#want({ state: this.states.value }) }, el("option", { value: "" }, "every state"), ...WORST_FIRST.map((state) => el("option", { value: state }, state)));
    this.states.value = wanted.state;
    this.lost = el("div", { class: "lost", role: "alert", hidden: true }, "The connection to the hub is lost. What you see is how it was; it is tried again.");
    this.inbox = new Inbox();
    this.list = el("ol", { class: "sessions", "aria-label": "Sessions" });
    this.none = el("p", { class: "soft none" });
    this.more = el("button", { hidden: true, onclick: () => void this.#more() }, "Show more");
    const header = el("header", {}, el("h1", {}, "Handspan"), this.search, this.states, el("span", { class: "space" }), this.inbox.button);
    const foot = el("footer", {}, el("span", { class: "hints" }, el("kbd", {}, "j"), el("kbd", {}, "k"), " move   ", el("kbd", {}, "Enter"), " open   ", el("kbd", {}, "/"), " search   ", el("kbd", {}, "?"), " all keys"));
    host.replaceChildren(header, this.lost, el("main", { id: "main" }, el("div", { class: "view list" }, this.inbox.element, this.list, this.none, this.more)), foot);
    this.keys = this.#keys();
    listen(this.keys);
    setInterval(() => this.update(), 1000);
  }

  async load() {
    this.sessions.clear();
    const told = await this.#ask({});
    this.leave?.();
    this.leave = follow(null, told.position, {
      change: (change) => this.#change(change),
      reload: () => void this.load().catch(() => setTimeout(() => this.load(), 3000)),
      state: (connected) => (this.lost.hidden = connected),
    });
  }

  async #more() {
    if (this.next !== null) await this.#ask({ after: this.next });
  }

  /** The hub knows more sessions than a page holds. @param {{after?: string}} place */
  async #ask(place) {
    const { query, state } = this.wanted;
    const told = await api.sessions(new URLSearchParams({ ...(query && { q: query }), ...(state && { state }), ...place }).toString());
    // What the live feed has said of a session meanwhile is newer.
    for (const session of told.sessions) if (!this.sessions.has(session.id)) this.sessions.set(session.id, session);
    this.next = told.next;
    this.update();
    return told;
  }

  /** @param {Change} change */
  #change(change) {
    for (const session of change.sessions) {
      const waited = this.sessions.get(session.id)?.waiting.length ?? 0;
      this.sessions.set(session.id, session);
      if (session.waiting.length > waited) this.#tell(session);
    }
    this.update();
  }

  /** @param {Summary} session */
  #tell(session) {
    const words = `${short(session.waiting.at(-1)?.agent ?? "An agent", 60)} in ${short(session.name || session.id, 60)} waits for you.`;
    byId("said").textContent = words;
    this.inbox.notify(words, session.id);
  }

  /** @param {{query?: string, state?: string}} wanted */
  #want(wanted) {
    Object.assign(this.wanted, wanted);
    this.row = 0;
    const said = new URLSearchParams();
    if (this.wanted.query) said.set("q", this.wanted.query);
    if (this.wanted.state) said.set("state", this.wanted.state);
    history.replaceState(null, "", said.size ? `/?${said}` : "/");
    this.update();
    clearTimeout(this.asking);
    // Once the typing rests. If the hub is away, its banner says so.
    this.asking = setTimeout(() => void this.#ask({}).catch(() => {}), 250);
  }

  /** @returns {import("./keys.js").Key[]} */
  #keys() {
    const go = (/** @type {number} */ by) => () => {
      this.row += by;
      this.update();
      this.list.children[this.row]?.scrollIntoView({ block: "nearest" });
    };
    return [
      { key: "j", also: "ArrowDown", says: "next session", does: go(1) },
      { key: "k", also: "ArrowUp", says: "session above", does: go(-1) },
      { key: "Enter", says: "open it", does: () => this.list.children[this.row]?.querySelector("a")?.click() },
      { key: "i", says: "to what waits for you", does: () => this.inbox.element.querySelector("a")?.focus() },
      { key: "/", says: "search", does: () => this.search.focus() },
      { key: "Escape", says: "leave the search", does: () => this.search.blur() },
      { key: "?", says: "these keys", does: () => showKeys(this.keys) },
    ];
  }

  update() {
    const now = Date.now();
    const all = [...this.sessions.values()].sort(worse);
    const shown = all.filter((session) => wants(session, this.wanted));
    this.row = Math.max(0, Math.min(shown.length - 1, this.row));
    const made = shown.map((session, index) => this.#item(session, now, index === this.row));
    arrange(this.list, made);
    this.none.textContent = shown.length ? "" : all.length ? "No session is like that." : "No session yet. Point an OpenTelemetry exporter at this hub, and it shows here.";
    this.more.hidden = this.next === null;
    const waiting = this.inbox.update(all, now);
    document.title = `${waiting ? `(${waiting}) ` : ""}Handspan`;
  }

  /** @param {Summary} session @param {number} now @param {boolean} current */
  #item(session, now, current) {
    const item = this.#made.get(session.id) ?? newItem(session.id);
    this.#made.set(session.id, item);
    item.classList.toggle("current", current);
    fill(item, session, now);
    return item;
  }
}

/** @param {string} id */
function newItem(id) {
  const link = el("a", { href: `/s/${encodeURIComponent(id)}` }, el("bdi"));
  return el("li", {}, el("span", { class: "pill" }), el("div", { class: "what" }, link, el("span", { class: "says" })), el("bdi", { class: "who soft" }), el("span", { class: "counts soft" }), el("span", { class: "when soft" }));
}

/** @param {HTMLElement} item @param {Summary} session @param {number} now */
function fill(item, session, now) {
  const [state, what, who, counts, when] = /** @type {HTMLElement[]} */ ([...item.children]);
  if (!state || !what || !who || !counts || !when) return;
  const ago = duration(Math.max(0, (now - Number(session.last_sign) / 1e6) * 1e6));
  const lasted = duration(((session.end ? Number(session.end) : now * 1e6) - Number(session.start)));
  const more = session.agents.length > 5 ? ` and ${session.agents.length - 5} more` : "";
  state.className = `pill ${session.state}`;
  put(state, session.state === "waiting" ? "waits for you" : session.state);
  put(/** @type {HTMLElement} */ (what.querySelector("bdi")), short(session.name || session.id, 80) + (session.demo ? " (demo)" : ""));
  put(/** @type {HTMLElement} */ (what.querySelector(".says")), sentence(session, now));
  put(who, session.agents.slice(0, 5).map((agent) => short(agent, 30)).join(", ") + more);
  put(counts, `${count(session.terminals, "terminal")}, ${count(session.messages, "message")}`);
  put(when, session.end ? `${lasted}, ended ${ago} ago` : session.state === "silent" ? `no sign for ${ago}` : `for ${lasted}`);
}

/** @param {HTMLElement} element @param {string} words */
function put(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
