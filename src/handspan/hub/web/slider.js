// The page as it was at any moment.

import { el } from "./dom.js";
import { clock, tick } from "./format.js";
import { millis, MS, SECOND, since } from "./times.js";

const STEPS = 2000; // finer than a screen is wide

export class Slider {
  /** @param {import("./session.js").SessionPage} page */
  constructor(page) {
    this.page = page;
    this.range = el("input", { type: "range", min: 0, max: STEPS, value: STEPS, "aria-label": "The session as it was at", oninput: () => this.#moved() });
    this.words = el("span", { class: "mono" });
    this.now = el("button", { onclick: () => page.choose({ at: null }) }, "Back to now");
    this.element = el("div", { class: "slider" }, el("span", { class: "soft" }, "as it was at"), this.range, this.words, this.now);
  }

  get #end() {
    const { picture } = this.page;
    return picture.ended ? since(picture.store.summary.end ?? picture.store.summary.start, picture.store.base) : this.page.now;
  }

  #moved() {
    const value = Number(this.range.value);
    const at = value >= STEPS ? null : Math.round(((value / STEPS) * this.#end) / MS);
    this.page.choose({ at });
  }

  update() {
    const { at } = this.page.shown;
    if (at !== null) this.range.value = String(Math.round(((at * MS) / this.#end) * STEPS));
    else if (document.activeElement !== this.range || !this.range.matches(":active")) this.range.value = String(STEPS);
    const offset = at === null ? this.#end : at * MS;
    const words = at === null ? "now" : `${clock(millis(offset, this.page.store.base))} (${tick(offset, SECOND)})`;
    this.words.textContent = at === null && this.page.picture.ended ? "the end" : words;
    this.range.setAttribute("aria-valuetext", words);
    this.now.hidden = at === null;
    this.now.textContent = this.page.picture.ended ? "To the end" : "Back to now";
  }
}
