// The names beside the bars: a tree for eyes, keyboards and screen readers, of which only the rows that are seen exist.

import { el } from "./dom.js";
import { count, duration, short } from "./format.js";
import { ROW, RULER } from "./drawing.js";

/** @param {Attributes | undefined} attributes @param {string} name */
const text = (attributes, name) => (typeof attributes?.[name] === "string" ? short(String(attributes[name]), 40) : "");

/** What a row is called, and what is said beside it. @param {Row} row @param {number} now @returns {{name: string, beside: string}} */
export function words(row, now) {
  const span = row.spans[0];
  if (row.kind === "session") return { name: "session", beside: span ? lasted(span.start, row.spans.at(-1)?.end ?? null, now) : "" };
  if (row.kind === "lane" && row.lane) return laneWords(row.lane, now);
  if (!span) return { name: "unknown", beside: "" };
  return spanWords(span, row.spans.at(-1) ?? span, now);
}

/** @param {Lane} lane @param {number} now */
function laneWords(lane, now) {
  const wait = lane.waits.find(({ end }) => end === null);
  const cli = text(lane.pieces.at(-1)?.attributes, "handspan.agent.cli").replace(/_(cli|code)$/, "");
  const turns = lane.turns.length ? count(lane.turns.length, "turn") : "";
  const state = wait ? `waits ${duration(now - wait.start)}` : lane.end === null ? turns : (lane.pieces.at(-1)?.outcome ?? "ended");
  return { name: short(lane.agent), beside: wait ? state : [cli, state].filter(Boolean).join(" · ") };
}

/** @param {Span} span @param {Span} last @param {number} now */
function spanWords(span, last, now) {
  const said = span.attributes;
  const took = lasted(span.start, last.end, now);
  switch (span.kind) {
    case "delegation": {
      const agent = text(said, "handspan.delegation.target.agent") || text(said, "handspan.workflow.step") || "…";
      return { name: `${text(said, "gen_ai.tool.name") || "step"} → ${agent}`, beside: last.end === null ? "open" : last.outcome === "completed" ? "" : short(last.outcome, 30) };
    }
    case "turn":
      return { name: `turn ${said["handspan.turn.number"] ?? ""}`, beside: took };
    case "waiting":
      return { name: "waits for a person", beside: took };
    case "send":
      return { name: `message → ${text(said, "handspan.message.receiver.agent") || "unknown"}`, beside: text(said, "handspan.message.mode") };
    default:
      return { name: short(span.name), beside: took };
  }
}

/** @param {number} start @param {number | null} end @param {number} now */
const lasted = (start, end, now) => duration(Math.max(0, (end ?? now) - start));

export class Labels {
  /** @type {HTMLElement[]} */
  #made = [];

  /** @param {HTMLElement} host @param {(row: number) => void} fold */
  constructor(host, fold) {
    this.host = host;
    host.addEventListener("click", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const row = target.closest(".row");
      if (row instanceof HTMLElement && target.closest(".twist")) fold(Number(row.dataset["row"]));
    });
  }

  /** @param {{rows: Row[], first: number, last: number, scrolled: number, row: number, now: number}} seen */
  show({ rows, first, last, scrolled, row: current, now }) {
    while (this.#made.length < last - first) this.host.append(this.#make());
    this.#made.forEach((made, index) => {
      const row = rows[first + index];
      made.hidden = !row;
      if (row) fill(made, row, { index: first + index, top: RULER + (first + index) * ROW - scrolled, current: first + index === current, now });
    });
  }

  #make() {
    const row = el("div", { class: "row", role: "treeitem" }, el("span", { class: "twist" }), el("span", { class: "dot" }), el("bdi", { class: "name" }), el("span", { class: "beside" }));
    this.#made.push(row);
    return row;
  }
}

const TWISTS = { leaf: "", folded: "▸", open: "▾", detailed: "▾" };

/** @param {HTMLElement} made @param {Row} row @param {{index: number, top: number, current: boolean, now: number}} how */
function fill(made, row, { index, top, current, now }) {
  const [twist, dot, name, beside] = /** @type {HTMLElement[]} */ ([...made.children]);
  const said = words(row, now);
  made.id = `row-${index}`;
  made.dataset["row"] = String(index);
  made.className = `row ${row.kind}${current ? " current" : ""}${row.waiting ? " waiting" : ""}`;
  made.style.transform = `translateY(${top}px)`;
  made.style.setProperty("--depth", String(Math.min(row.depth, 12)));
  set(made, "aria-level", String(row.depth + (row.kind === "session" ? 1 : 2)));
  set(made, "aria-selected", String(current));
  set(made, "aria-posinset", String(index + 1));
  if (row.state === "leaf") made.removeAttribute("aria-expanded");
  else set(made, "aria-expanded", String(row.state !== "folded"));
  set(made, "aria-label", `${said.name}, ${row.waiting ? "waits for a person, " : ""}${said.beside}`);
  if (dot) dot.className = `dot c${row.lane?.colour ?? "none"}`;
  for (const [part, words] of /** @type {[HTMLElement | undefined, string][]} */ ([[twist, TWISTS[row.state]], [name, said.name], [beside, said.beside]])) {
    if (part && part.textContent !== words) part.textContent = words;
  }
}

/** @param {HTMLElement} made @param {string} name @param {string} value */
function set(made, name, value) {
  if (made.getAttribute(name) !== value) made.setAttribute(name, value);
}
