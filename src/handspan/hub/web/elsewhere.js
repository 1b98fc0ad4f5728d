// "Open in Jaeger, Tempo, Grafana": addresses made from templates of the user's, kept in the browser.

import { el } from "./dom.js";
import { HOUR, millis } from "./times.js";

const KEY = "handspan.templates";
const EXAMPLE = "Jaeger http://localhost:16686/trace/{trace}?uiFind={span}";

/** @typedef {{name: string, template: string}} Place */

/** One place a line: a name, then its address. @param {string} text @returns {Place[]} */
export function places(text) {
  return text
    .split("\n")
    .map((line) => line.trim().match(/^(.{1,40}?)\s+(https?:\/\/\S+)$/u))
    .flatMap((found) => (found?.[1] && found[2] ? [{ name: found[1], template: found[2] }] : []));
}

/** @param {string} template @param {Record<string, string>} values */
export const filled = (template, values) => template.replace(/\{(\w+)\}/gu, (whole, name) => (Object.hasOwn(values, name) ? encodeURIComponent(values[name] ?? "") : whole));

function kept() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

/** @param {Span} span @param {bigint} base @returns {HTMLElement[]} */
export function openIn(span, base) {
  const [from, to] = [millis(span.start - HOUR, base), millis((span.end ?? span.start) + HOUR, base)].map((ms) => String(Math.round(ms)));
  const values = { trace: span.trace, span: span.id, from: from ?? "", to: to ?? "", session: String(span.attributes["session.id"] ?? "") };
  const links = places(kept()).map(({ name, template }) => el("a", { href: filled(template, values), target: "_blank", rel: "noopener noreferrer" }, `open in ${name}`));
  return [...links, el("button", { onclick: () => edit() }, links.length ? "…" : "open in …")];
}

function edit() {
  const text = el("textarea", { rows: 5, cols: 60, "aria-label": "Templates", placeholder: EXAMPLE });
  text.value = kept();
  const save = () => {
    try {
      localStorage.setItem(KEY, text.value);
    } catch {
      // The browser keeps nothing; then there is nothing to save it in.
    }
    dialog.close();
  };
  const says = "One place a line: a name and its address, in which {trace}, {span}, {session}, and {from} and {to} (milliseconds) are filled in.";
  const dialog = el("dialog", { "aria-label": "Where else to open a span", onclose: () => dialog.remove() }, el("h2", {}, "Open a span elsewhere"), el("p", { class: "soft" }, says), text, el("p", {}, el("button", { onclick: save }, "Save"), " ", el("button", { onclick: () => dialog.close() }, "Cancel")));
  document.body.append(dialog);
  dialog.showModal();
}
