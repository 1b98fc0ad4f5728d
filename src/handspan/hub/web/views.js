// What a session's page can show.

import { Agents } from "./agents.js";
import { Detail } from "./detail.js";
import { el } from "./dom.js";
import { legend } from "./legend.js";
import { Logs } from "./logs.js";
import { Matrix } from "./matrix.js";
import { Messages } from "./messages.js";
import { Slider } from "./slider.js";
import { Waterfall } from "./waterfall.js";

/** @typedef {import("./session.js").SessionPage} SessionPage */

/** @param {SessionPage} page */
export function views(page) {
  const place = el("section", { class: "waterfall", "aria-label": "Waterfall" });
  const told = { select: (/** @type {string} */ id) => page.select(id), moved: () => page.remember(), hover: (/** @type {string} */ words) => page.hover(words) };
  const slider = new Slider(page);
  const waterfall = Object.assign(new Waterfall(place, page.picture, page.shown, told), {
    show: (/** @type {HTMLElement} */ host) => host.replaceChildren(place, slider.element, legend(page)),
    update() {
      slider.update();
      waterfall.request();
    },
  });
  return { waterfall, agents: new Agents(page), messages: new Messages(page), talk: new Matrix(page), logs: new Logs(page), detail: new Detail(page) };
}
