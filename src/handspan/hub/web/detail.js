// One thing explained: what it is, when, why, and where its links lead.

import { copy, el } from "./dom.js";
import { bytes, clock, duration, short } from "./format.js";
import { openIn } from "./elsewhere.js";
import { millis } from "./times.js";

/** @typedef {{words: string, span: Span}} Way */

export class Detail {
  /** @type {HTMLElement | null} */
  host = null;
  #told = "";

  /** @param {import("./session.js").SessionPage} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {HTMLElement} host */
  show(host) {
    this.host = host;
    this.#told = "";
    this.update();
  }

  /** Drawn anew only when it says something else: a selection of text, and the focus, must survive a second. */
  update() {
    const { page, host } = this;
    if (!host) return;
    const span = page.picture.spans.get(page.shown.selected);
    host.hidden = !page.shown.selected;
    const told = span ? `${span.id} ${JSON.stringify(span.wire)} ${span.end} ${this.#ways(span).length}` : page.shown.selected;
    if (told !== this.#told) host.replaceChildren(...(span ? this.#parts(span) : [this.#close(), el("p", { class: "soft" }, "This is not part of the session (any more).")]));
    this.#told = told;
    const lasted = host.querySelector(".lasted");
    if (lasted && span) lasted.textContent = this.#lasted(span);
  }

  /** @param {Span} span */
  #parts(span) {
    const { picture } = this.page;
    const ways = this.#ways(span);
    const lane = picture.lanes.byTerminal.get(span.terminal);
    return [
      this.#close(),
      el("h2", {}, el("bdi", {}, short(span.name || span.kind))),
      el("p", { class: "soft" }, el("bdi", {}, this.#about(span, lane))),
      el("dl", {}, ...this.#facts(span).flatMap(([name, value]) => [el("dt", {}, name), el("dd", { class: name === "took" ? "lasted" : "" }, value)])),
      ...(ways.length ? [el("h2", {}, "Links"), el("ul", { class: "ways" }, ...ways.map((way) => this.#way(way)))] : []),
      ...this.#time(span, lane),
      ...this.#events(span),
      el("details", { open: true }, el("summary", {}, "Attributes"), table(span.attributes)),
      el("details", {}, el("summary", {}, "Raw"), el("pre", {}, JSON.stringify(span.wire, null, 1).slice(0, 40_000))),
      this.#actions(span),
    ];
  }

  #close() {
    return el("button", { class: "close", "aria-label": "Close the details", onclick: () => this.page.select("") }, "×");
  }

  /** @param {Span} span @param {Lane | undefined} lane */
  #about(span, lane) {
    const agent = short(lane?.agent ?? span.agent, 60);
    const said = span.attributes;
    if (span.kind !== "delegation") return [agent, span.terminal && short(span.terminal, 40)].filter(Boolean).join(" · ");
    if (said["handspan.delegation.awaited"] === false) return `${agent} gave it away, and goes on`;
    return span.end === null ? `${agent} asked, and waits for the answer` : `${agent} asked, and waited for the answer`;
  }

  /** @param {Span} span */
  #lasted(span) {
    return `${span.end === null ? "open, " : ""}${duration((span.end ?? this.page.picture.sign) - span.start)}`;
  }

  /** @param {Span} span @returns {[string, string][]} */
  #facts(span) {
    const { store, picture } = this.page;
    const time = (/** @type {number} */ offset) => clock(millis(offset, store.base));
    const arrow = picture.arrows.find((arrow) => arrow.span === span.id && arrow.type !== "answer");
    const size = span.attributes["messaging.message.body.size"];
    /** @type {[string, string | false | undefined][]} */
    const facts = [
      ["began", time(span.start)],
      ["ended", span.end !== null && time(span.end)],
      ["took", this.#lasted(span)],
      ["outcome", short(span.outcome, 60)],
      ["error", short(span.error, 60)],
      ["delivered", arrow && (arrow.delivered ? `after ${duration((arrow.deliveredAt ?? arrow.to.at) - arrow.sent)}` : "not yet")],
      ["size", typeof size === "number" && bytes(size)],
      ["inferred", span.inferred && `${span.inferred === "both" ? "start and end" : span.inferred}: nobody saw it`],
      ["cut off", span.dropped > 0 && `${span.dropped} events or links, by the limits`],
      ["part", store.summary.parts > 1 && String(span.part)],
    ];
    return facts.filter((fact) => Boolean(fact[1])).map(([name, value]) => [name, String(value)]);
  }

  /** Where one can go from here, what caused it first. @param {Span} span @returns {Way[]} */
  #ways(span) {
    return [...this.#causes(span), ...this.#effects(span)];
  }

  /** @param {Span} span @returns {Way[]} */
  #causes(span) {
    const { spans } = this.page.picture;
    const linked = span.links.map((link) => ({ words: link.type === "continuation" ? "continues" : "caused by", span: spans.get(link.span) }));
    return known([...linked, { words: "inside", span: spans.get(span.parent) }]);
  }

  /** @param {Span} span @returns {Way[]} */
  #effects(span) {
    const { picture } = this.page;
    const leading = (picture.leading.get(span.id) ?? []).map(({ type, span }) => ({ words: type === "continuation" ? "goes on as" : "started", span }));
    const worker = span.attributes["handspan.delegation.target.terminal"];
    const lane = typeof worker === "string" && span.kind === "delegation" ? picture.lanes.byTerminal.get(worker) : undefined;
    const inside = [...picture.spans.values()].filter((other) => other.parent === span.id && other.kind !== "other" && other.kind !== "terminal").slice(0, 40);
    return known([...leading, { words: "worker", span: lane?.pieces[0] }, ...inside.map((span) => ({ words: "holds", span }))]);
  }

  /** @param {Way} way */
  #way({ words, span }) {
    const agent = this.page.picture.lanes.byTerminal.get(span.terminal)?.agent ?? span.agent;
    const number = span.attributes["handspan.turn.number"];
    const name = span.kind === "turn" ? `${short(agent, 40)} turn ${number ?? ""}` : short(span.name, 60);
    return el("li", {}, el("span", { class: "soft" }, words), el("button", { class: "link", onclick: () => this.page.select(span.id) }, el("bdi", {}, name)));
  }

  back() {
    this.#go((span) => this.#causes(span));
  }

  forth() {
    this.#go((span) => this.#effects(span));
  }

  /** @param {(span: Span) => Way[]} ways */
  #go(ways) {
    const span = this.page.picture.spans.get(this.page.shown.selected);
    const next = span && ways(span)[0];
    if (next) this.page.select(next.span.id);
  }

  /** Where a terminal's time went. @param {Span} span @param {Lane | undefined} lane */
  #time(span, lane) {
    if (!lane || span.kind !== "terminal") return [];
    const { sign } = this.page.picture;
    const sum = (/** @type {Span[]} */ spans) => spans.reduce((total, span) => total + (span.end ?? sign) - span.start, 0);
    const waits = sum(lane.waits);
    const rows = [["boot", sum(lane.boots)], ["working", sum(lane.turns) - waits], ["waited for you", waits]];
    return [el("h2", {}, "Where the time went"), el("dl", {}, ...rows.flatMap(([name, time]) => [el("dt", {}, String(name)), el("dd", {}, duration(Number(time)))]))];
  }

  /** @param {Span} span */
  #events(span) {
    if (!span.events.length) return [];
    const events = span.events.slice(0, 128).map((event) =>
      el("details", { class: "event" }, el("summary", {}, `${clock(Number(event.at) / 1e6)} `, el("bdi", {}, short(event.name, 60))), table(event.attributes)));
    return [el("h2", {}, "Events"), ...events];
  }

  /** @param {Span} span */
  #actions(span) {
    const raw = el("button", { onclick: () => copy(JSON.stringify(span.wire, null, 1), raw) }, "copy raw JSON");
    const link = el("button", { onclick: () => copy(location.href, link) }, "copy link");
    return el("div", { class: "actions" }, raw, link, ...openIn(span, this.page.store.base));
  }
}

/** @param {{words: string, span: Span | undefined}[]} ways */
const known = (ways) => /** @type {Way[]} */ (ways.filter(({ span }) => span !== undefined));

/** @param {Attributes} attributes */
function table(attributes) {
  const rows = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return el("dl", { class: "attributes" }, ...rows.flatMap(([name, value]) => [el("dt", {}, el("bdi", {}, short(name, 100))), el("dd", {}, el("bdi", {}, short(String(value), 1100)))]));
}
