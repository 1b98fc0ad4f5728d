// The waterfall: what the store knows, as rows and bars that keep up with now.

import { arrowAt, courses } from "./arrows.js";
import { critical } from "./critical.js";
import { el, sized } from "./dom.js";
import { draw, ROW, RULER } from "./drawing.js";
import { Axis, busy, idle } from "./idle.js";
import { handle } from "./interact.js";
import { Labels } from "./labels.js";
import { dragMinimap, drawMinimap } from "./minimap.js";
import { onTheme, palette } from "./palette.js";
import { hit } from "./hit.js";
import { MS } from "./times.js";
import { roomy, View } from "./view.js";

/**
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {{selected: string, arrows: string, idle: boolean, critical: boolean}} Choices
 */

// More arrows at once than this are a curtain, and cost ten milliseconds a frame: then only those of the row, or of the
// selection, are drawn.
const LEGIBLE = 250;

export class Waterfall {
  view = new View();
  axis = new Axis();
  row = 0;
  #hovered = "";
  #pointer = /** @type {number | null} */ (null);
  #frame = 0;
  #timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  #palette = palette();
  #courses = /** @type {import("./arrows.js").Course[]} */ ([]);
  #all = /** @type {Stretch} */ ({ from: 0, to: 1 });

  /** @param {HTMLElement} host @param {Picture} picture @param {Choices} choices @param {{select: (span: string) => void, moved: () => void, hover: (words: string) => void}} told */
  constructor(host, picture, choices, told) {
    this.picture = picture;
    this.choices = choices;
    this.told = told;
    this.canvas = el("canvas", { class: "bars", "aria-hidden": "true" });
    this.strip = el("canvas", { class: "strip", "aria-hidden": "true" });
    this.about = el("div", { class: "about" });
    this.names = el("div", { class: "names" });
    this.spacer = el("div", { class: "spacer" });
    this.pane = el("div", { class: "pane" }, this.names, this.canvas);
    this.spacer.append(this.pane);
    this.scroller = el("div", { class: "scroller", role: "tree", tabindex: "0", "aria-label": "Waterfall: terminals, and what they did" }, this.spacer);
    this.note = el("div", { class: "note", hidden: true }, "Too many arrows to draw them all: zoom in, or choose a row.");
    host.replaceChildren(el("div", { class: "mini" }, this.about, this.strip), this.scroller, this.note);
    this.labels = new Labels(this.names, (row) => this.fold(row));
    this.names.addEventListener("click", (event) => this.#named(event));
    this.scroller.addEventListener("scroll", () => this.request(), { passive: true });
    new ResizeObserver(() => this.request()).observe(host);
    onTheme(() => {
      this.#palette = palette();
      this.request();
    });
    dragMinimap(this.strip, { all: () => roomy(this.#all), view: () => this.view, see: (range) => this.see(range) });
    handle(this.canvas, this.#hands());
  }

  /** @returns {import("./interact.js").Hands} */
  #hands() {
    return {
      zoom: (factor, x) => this.zoom(factor, this.view.place(x)),
      pan: (pixels) => this.pan(pixels),
      scroll: (pixels) => (this.scroller.scrollTop += pixels),
      see: (x1, x2) => this.see({ from: this.view.place(x1), to: this.view.place(x2) }),
      point: (x, y) => this.#point(x, y),
      click: (x, y) => this.#click(x, y),
      enter: (x, y) => this.#enter(x, y),
    };
  }

  // --- drawing -------------------------------------------------------------------------------------------------------

  /** Draw once, before the next picture of the screen. */
  request() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw();
    });
  }

  draw() {
    const { picture, scroller } = this;
    const width = Math.max(50, scroller.clientWidth - this.names.offsetWidth);
    const height = Math.max(80, scroller.clientHeight);
    this.#settle(width);
    this.spacer.style.height = `${Math.max(height, RULER + picture.rows.length * ROW + 8)}px`;
    this.pane.style.height = `${height}px`;
    const scrolled = scroller.scrollTop;
    this.#courses = this.#arrows(width, height, scrolled);
    const { selected } = this.choices;
    const path = this.choices.critical ? critical(picture.lanes, picture.spans, picture.now) : [];
    const lit = path.length ? new Set(path.map((step) => step.span)) : null;
    const { now, sign, live, rows, places } = picture;
    const shown = { now, sign, live, rows, places, path, lit, selected, scrolled, width, height, view: this.view, axis: this.axis };
    const pointed = { hovered: this.#hovered, pointer: this.#pointer, row: this.row, palette: this.#palette, courses: this.#courses };
    draw({ ctx: sized(this.canvas, width, height), lanes: picture.lanes.byTerminal, ...shown, ...pointed });
    const first = Math.max(0, Math.floor(scrolled / ROW) - 1);
    const last = Math.min(rows.length, Math.ceil((scrolled + height - RULER) / ROW) + 1);
    this.labels.show({ rows, first, last, scrolled, row: this.row, now: sign });
    this.scroller.setAttribute("aria-activedescendant", `row-${this.row}`);
    this.#drawStrip(width);
    performance.mark("handspan drawn");
    this.#again();
  }

  /** @param {number} width */
  #settle(width) {
    const { picture } = this;
    picture.settle();
    this.row = Math.min(this.row, picture.rows.length - 1);
    const { start, end } = picture;
    this.axis = new Axis(this.choices.idle ? idle(busy(picture.lanes.all, picture.sign), start, end) : []);
    this.#all = { from: this.axis.at(start), to: Math.max(this.axis.at(start) + MS, this.axis.at(end)) };
    this.view.width = width;
    this.view.settle(this.#all);
  }

  /** @param {number} width @param {number} height @param {number} scrolled */
  #arrows(width, height, scrolled) {
    const { picture, choices } = this;
    const x = (/** @type {number} */ time) => this.view.x(this.axis.at(time));
    const y = (/** @type {number} */ row) => RULER + row * ROW - scrolled + ROW / 2;
    const seen = { lanes: picture.lanes.byTerminal, places: picture.places, x, y, width, height };
    /** @type {import("./arrows.js").Course[]} */
    let found = [];
    for (const arrows of [choices.arrows, "near", "selected"]) {
      found = courses(picture.arrows.filter((arrow) => this.#wanted(arrow, { arrows, selected: choices.selected })), seen, LEGIBLE);
      this.note.hidden = arrows === choices.arrows;
      if (found.length <= LEGIBLE) break;
    }
    return found;
  }

  /** @param {Arrow} arrow @param {{arrows: string, selected: string}} choices @returns {boolean} */
  #wanted(arrow, { arrows, selected }) {
    if (arrows === "selected") return arrow.span === selected || (arrow.causes !== "" && arrow.causes === selected);
    if (arrows !== "near") return arrows === "all" || arrows === arrow.type || (arrows === "handoff" && arrow.type === "answer");
    const terminal = this.picture.rows[this.row]?.lane?.terminal;
    const near = [arrow.from.terminal, arrow.to.terminal].includes(terminal ?? " ");
    return near || this.#wanted(arrow, { arrows: "selected", selected });
  }

  /** @param {number} width */
  #drawStrip(width) {
    const { picture, axis } = this;
    const ctx = sized(this.strip, width, 36);
    const at = (/** @type {number} */ time) => axis.at(time);
    drawMinimap({ ctx, width, all: roomy(this.#all), lanes: picture.lanes.all, at, now: picture.sign, palette: this.#palette, view: this.view });
    this.about.textContent = picture.about(axis.folded);
  }

  /** What grows is drawn again when it has grown by a pixel, and what counts once a second. */
  #again() {
    clearTimeout(this.#timer);
    if (!this.picture.live) return;
    const pixel = this.view.perPixel / MS;
    this.#timer = setTimeout(() => this.request(), Math.min(1000, Math.max(33, pixel)));
  }

  // --- moving --------------------------------------------------------------------------------------------------------

  /** @param {Stretch} range of the axis */
  see(range) {
    this.view.see(range, this.#all);
    this.view.follow = false;
    this.#moved();
  }

  /** @param {number} factor @param {number} [around] */
  zoom(factor, around) {
    const { view } = this;
    const place = around ?? (view.follow ? this.#all.to : (view.from + view.to) / 2);
    view.zoom(factor, place, this.#all);
    this.#moved();
  }

  /** @param {number} pixels */
  pan(pixels) {
    this.view.pan(pixels * this.view.perPixel, this.#all);
    this.#moved();
  }

  fit() {
    Object.assign(this.view, { fit: true, follow: false });
    this.#moved();
  }

  /** The last minute or so, and what comes. */
  followNow() {
    if (this.view.fit) this.view.zoom(4, this.#all.to, this.#all);
    this.view.follow = !this.view.follow;
    this.#moved();
  }

  #moved() {
    this.told.moved();
    this.request();
  }

  // --- rows ----------------------------------------------------------------------------------------------------------

  /** @param {number} index */
  goTo(index) {
    this.row = Math.max(0, Math.min(this.picture.rows.length - 1, index));
    const top = this.row * ROW;
    const { scroller } = this;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    const bottom = top + ROW + RULER - scroller.clientHeight + 8;
    if (bottom > scroller.scrollTop) scroller.scrollTop = bottom;
    this.request();
  }

  /** Shows a span wherever it is. @param {string} id */
  reveal(id) {
    const span = this.picture.spans.get(id);
    if (!span) return;
    const row = this.picture.rowOf(span);
    if (row >= 0) this.goTo(row);
    const [from, to] = [this.axis.at(span.start), this.axis.at(span.end ?? this.picture.sign)];
    if (to < this.view.from || from > this.view.to) {
      const length = Math.max(this.view.to - this.view.from, (to - from) * 1.2);
      this.see({ from: (from + to - length) / 2, to: (from + to + length) / 2 });
    }
    this.request();
  }

  /** @param {number} index */
  fold(index) {
    this.picture.fold(index);
    this.#moved();
  }

  /** @param {MouseEvent} event */
  #named(event) {
    const row = /** @type {HTMLElement} */ (event.target).closest(".row");
    if (!(row instanceof HTMLElement)) return;
    this.goTo(Number(row.dataset["row"]));
    const span = this.picture.rows[this.row]?.spans.at(-1);
    if (span && !(/** @type {HTMLElement} */ (event.target).closest(".twist"))) this.told.select(span.id);
  }

  // --- pointing ------------------------------------------------------------------------------------------------------

  /** @param {number | null} x @param {number} y */
  #point(x, y) {
    this.#pointer = x;
    const arrow = x === null ? null : arrowAt(this.#courses, x, y);
    const span = x === null || arrow ? null : this.#spanAt(x, y);
    this.#hovered = arrow?.id ?? "";
    this.canvas.classList.toggle("over", Boolean(arrow ?? span));
    this.told.hover(arrow ? this.picture.sayArrow(arrow) : span ? this.picture.saySpan(span) : "");
    this.request();
  }

  /** @param {number} x @param {number} y */
  #spanAt(x, y) {
    const row = this.picture.rows[this.#rowAt(y)];
    return row && y > RULER ? hit(row, this.axis.time(this.view.place(x)), 4 * this.view.perPixel, this.picture.sign) : null;
  }

  /** @param {number} y */
  #rowAt(y) {
    return Math.floor((y - RULER + this.scroller.scrollTop) / ROW);
  }

  /** @param {number} x @param {number} y */
  #click(x, y) {
    this.scroller.focus({ preventScroll: true });
    const arrow = arrowAt(this.#courses, x, y);
    const span = arrow ? null : this.#spanAt(x, y);
    if (!arrow && y > RULER && this.#rowAt(y) < this.picture.rows.length) this.goTo(this.#rowAt(y));
    this.told.select(arrow?.span ?? span?.id ?? "");
  }

  /** @param {number} x @param {number} y */
  #enter(x, y) {
    const span = this.#spanAt(x, y);
    if (span) this.zoomTo(span);
  }

  /** @param {Span} span */
  zoomTo(span) {
    const [from, to] = [this.axis.at(span.start), this.axis.at(span.end ?? this.picture.sign)];
    this.see({ from: from - (to - from) * 0.08, to: to + (to - from) * 0.08 });
  }
}
