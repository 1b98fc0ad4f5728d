// Keys, and the list of them. A key that is typed into a field, or held with a modifier, is none of ours.

import { el } from "./dom.js";

/** @typedef {{key: string, also?: string, says: string, does: () => void}} Key */

/** @param {Key[]} keys @returns {() => void} how to stop */
export function listen(keys) {
  const table = new Map(keys.flatMap((key) => [[key.key, key], ...(key.also ? [[key.also, key]] : [])].map(([name, key]) => /** @type {[string, Key]} */ ([name, key]))));
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const key = table.get(event.key);
    if (!key || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    event.preventDefault();
    key.does();
  };
  addEventListener("keydown", pressed);
  return () => removeEventListener("keydown", pressed);
}

/** @param {KeyboardEvent} event */
function isTaken(event) {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("dialog")) return true;
  if (target.closest("input:not([type=range]), textarea, select")) return event.key !== "Escape";
  const own = target.closest("button, a, summary, [role=tab], input");
  return Boolean(own && ["Enter", " ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key));
}

/** @type {Record<string, string>} */
const SIGNS = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };
const sign = (/** @type {string} */ key) => SIGNS[key] ?? key;

/** @param {Key[]} keys */
export function showKeys(keys) {
  const list = el("div", { class: "keys" }, ...keys.flatMap((key) => [el("span", {}, el("kbd", {}, sign(key.key)), key.also ? " " : null, key.also ? el("kbd", {}, sign(key.also)) : null), el("span", {}, key.says)]));
  const close = el("button", { onclick: () => dialog.close(), autofocus: true }, "Close");
  const dialog = el("dialog", { "aria-label": "Keys", onclose: () => dialog.remove() }, el("h2", {}, "Keys"), list, close);
  document.body.append(dialog);
  dialog.showModal();
}
