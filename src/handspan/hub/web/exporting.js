// A session to hand on: as OTLP, which the hub writes, or as one HTML file that needs no hub.

import { el } from "./dom.js";

/** @param {import("./session.js").SessionPage} page */
export function exportMenu(page) {
  if (page.taken !== null) return el("span");
  const { id } = page.store.summary;
  const otlp = el("a", { href: `/api/sessions/${encodeURIComponent(id)}/export?as=otlp`, download: "" }, "OTLP JSON");
  const html = el("button", { onclick: () => void save(page, html) }, "One HTML file");
  return el("details", { class: "menu" }, el("summary", {}, "Export"), el("div", {}, html, otlp));
}

/** @param {import("./session.js").SessionPage} page @param {HTMLButtonElement} button */
async function save(page, button) {
  const words = button.textContent;
  try {
    const { store } = page;
    const taken = (BigInt(Date.now()) * 1_000_000n).toString();
    const text = await standalone({ ...store.whole(), taken });
    const address = URL.createObjectURL(new Blob([text], { type: "text/html" }));
    el("a", { href: address, download: `${fileName(store.summary)}.html` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    button.textContent = words;
  } catch (error) {
    button.textContent = `It can't be written: ${error instanceof Error ? error.message : error}`;
  }
}

/** Nothing of a name that a file system could take for more than a name. @param {Summary} summary */
export const fileName = ({ name, id }) => `handspan-${(name || id).replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60)}`;

/** The page, its style and its modules in one text. @param {WireSession & {taken: string}} told */
async function standalone(told) {
  const modules = await sources("main.js", read);
  const style = await read("style.css");
  return assemble(modules, style, told);
}

/** @param {string} name */
async function read(name) {
  const response = await fetch(`/web/${name}`);
  if (!response.ok) throw new Error(`${name} is not there`);
  return response.text();
}

const IMPORTS = /(\bfrom\s*|\bimport\s*\(?\s*)"\.\/([\w.]+)"/gu;

/** A module and all that it imports. @param {string} first @param {(name: string) => Promise<string>} read */
export async function sources(first, read) {
  /** @type {Map<string, string>} */
  const found = new Map();
  const names = [first];
  for (let name = names.pop(); name; name = names.pop()) {
    if (found.has(name)) continue;
    const text = await read(name);
    found.set(name, text.replace(IMPORTS, '$1"handspan/$2"'));
    names.push(...[...text.matchAll(IMPORTS)].map((match) => match[2] ?? ""));
  }
  return found;
}

/** @param {Map<string, string>} modules @param {string} style @param {WireSession & {taken: string}} told */
export function assemble(modules, style, told) {
  const imports = Object.fromEntries([...modules].map(([name, text]) => [`handspan/${name}`, `data:text/javascript;base64,${base64(text)}`]));
  const policy = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Handspan</title>',
    `<style>${style}</style>`,
    `<script type="importmap">${JSON.stringify({ imports })}</script>`,
    '</head><body><div id="page"></div><div id="said" class="unseen" role="status"></div>',
    // In a script only `<` can be the beginning of an end.
    `<script type="application/json" id="snapshot">${JSON.stringify(told).replaceAll("<", "\\u003c")}</script>`,
    '<script type="module">import "handspan/main.js";</script></body></html>',
  ].join("\n");
}

/** @param {string} text */
function base64(text) {
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return btoa(bytes);
}
