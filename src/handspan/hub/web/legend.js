// What the signs of the picture mean. The arrows' are switches as well.

import { el } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {Record<string, string | number>} attributes @param {...Node} children */
function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** @param {string} dash @param {number} width */
const line = (dash, width) =>
  svg("svg", { width: 34, height: 10, "aria-hidden": "true" },
    svg("path", { d: "M0 5h27", stroke: "currentColor", "stroke-width": width, "stroke-dasharray": dash, fill: "none" }),
    svg("path", { d: "M26 1l8 4l-8 4z", fill: "currentColor" }));

/** @param {string} kind */
const swatch = (kind) => el("i", { class: `swatch ${kind}`, "aria-hidden": "true" });

/** @type {[string, string, string, number][]} */
const ARROWS = [
  ["handoff", "handoff, answer", "", 2.4],
  ["assign", "assign", "", 1.6],
  ["message", "message", "1.5 3", 1.6],
  ["callback", "callback", "6 3", 1.6],
];

/** @param {import("./session.js").SessionPage} page */
export function legend(page) {
  const arrows = ARROWS.map(([type, words, dash, width]) => {
    const only = () => page.choose({ arrows: page.shown.arrows === type ? "all" : type });
    return el("button", { class: "plain", onclick: only, title: `Only these arrows: ${words}` }, line(dash, width), words);
  });
  const signs = [["turn", "works"], ["wait", "waits for a person"], ["boot", "starts up"], ["open", "still open"]];
  return el("div", { class: "legend" }, ...arrows, ...signs.map(([kind, words]) => el("span", {}, swatch(kind ?? ""), words ?? "")));
}
