// The keys of a session's page.

import { attachLine } from "./sentence.js";

/** @param {import("./session.js").SessionPage} page @returns {import("./keys.js").Key[]} */
export function keysOf(page) {
  const { waterfall } = page.views;
  const step = (/** @type {number} */ by) => () => {
    waterfall.goTo(waterfall.row + by);
    const span = page.picture.rows[waterfall.row]?.spans.at(-1);
    if (page.shown.selected && span) page.select(span.id);
  };
  return [
    { key: "j", also: "ArrowDown", says: "next row", does: step(1) },
    { key: "k", also: "ArrowUp", says: "row above", does: step(-1) },
    { key: "ArrowRight", says: "unfold, then show every turn", does: () => unfold(page) },
    { key: "ArrowLeft", says: "fold", does: () => fold(page) },
    { key: "e", says: "every turn of every lane, or none", does: () => everything(page) },
    { key: "w", also: "+", says: "zoom in", does: () => waterfall.zoom(1.5) },
    { key: "s", also: "-", says: "zoom out", does: () => waterfall.zoom(1 / 1.5) },
    { key: "a", says: "earlier", does: () => waterfall.pan(-120) },
    { key: "d", says: "later", does: () => waterfall.pan(120) },
    { key: "f", says: "fit all", does: () => waterfall.fit() },
    { key: "n", says: "follow now", does: () => waterfall.followNow() },
    { key: "z", says: "zoom to the selection", does: () => zoomTo(page) },
    { key: "i", says: "fold idle time", does: () => page.choose({ idle: !page.shown.idle }) },
    { key: "c", says: "critical path", does: () => page.choose({ critical: !page.shown.critical }) },
    { key: "m", says: "arrows: all, of the selection, none", does: () => page.choose({ arrows: nextArrows(page.shown.arrows) }) },
    { key: "Enter", says: "details of the row", does: () => page.select(page.picture.rows[waterfall.row]?.spans.at(-1)?.id ?? "") },
    { key: "]", says: "next span of the lane", does: () => sibling(page, 1) },
    { key: "[", says: "span before in the lane", does: () => sibling(page, -1) },
    { key: "l", says: "follow the link to what caused it", does: () => page.views.detail.back() },
    { key: "L", says: "follow the link to what it caused", does: () => page.views.detail.forth() },
    { key: "x", says: "copy the tmux attach line", does: () => void navigator.clipboard?.writeText(attachLine(page.store.summary.attach)) },
    { key: "1", says: "waterfall", does: () => page.show("waterfall") },
    { key: "2", says: "agents", does: () => page.show("agents") },
    { key: "3", says: "messages", does: () => page.show("messages") },
    { key: "4", says: "who talks to whom", does: () => page.show("talk") },
    { key: "5", says: "events", does: () => page.show("logs") },
    { key: "t", says: "light or dark", does: theme },
    { key: "/", says: "filter", does: () => page.head.search.focus() },
    { key: "Escape", says: "close", does: () => escape(page) },
    { key: "?", says: "these keys", does: () => page.help() },
  ];
}

/** @param {import("./session.js").SessionPage} page */
function unfold(page) {
  const row = page.picture.rows[page.views.waterfall.row];
  if (row?.kind === "lane" && row.state !== "detailed") page.views.waterfall.fold(page.views.waterfall.row);
}

/** @param {import("./session.js").SessionPage} page */
function everything(page) {
  page.picture.detail();
  page.views.waterfall.request();
  page.remember();
}

/** One step less open; what is folded already leads to the lane above. @param {import("./session.js").SessionPage} page */
function fold(page) {
  const { picture, views } = page;
  const row = picture.rows[views.waterfall.row];
  if (!row?.lane) return;
  if (row.kind !== "lane") views.waterfall.goTo(picture.places.get(`lane:${row.kind === "detail" ? row.lane.terminal : (row.lane.creator?.terminal ?? "")}`) ?? 0);
  else if (row.state === "folded") views.waterfall.goTo(picture.places.get(`lane:${row.lane.creator?.terminal ?? ""}`) ?? 0);
  else picture.set(row.lane.terminal, row.state === "detailed" ? "open" : "folded");
  views.waterfall.request();
  page.remember();
}

/** @param {import("./session.js").SessionPage} page */
function zoomTo(page) {
  const { waterfall } = page.views;
  const span = page.picture.spans.get(page.shown.selected) ?? page.picture.rows[waterfall.row]?.spans.at(-1);
  if (span) waterfall.zoomTo(span);
}

/** @param {import("./session.js").SessionPage} page @param {number} by */
function sibling(page, by) {
  const { lane } = page.picture.rows[page.views.waterfall.row] ?? {};
  if (!lane) return;
  const spans = [...lane.boots, ...lane.turns, ...lane.waits].sort((a, b) => a.start - b.start);
  const at = spans.findIndex(({ id }) => id === page.shown.selected);
  const next = spans[at < 0 ? (by > 0 ? 0 : spans.length - 1) : at + by];
  if (next) page.select(next.id);
}

/** @param {string} arrows */
const nextArrows = (arrows) => ({ all: "near", near: "none" })[arrows] ?? "all";

function theme() {
  const root = document.documentElement;
  const dark = (root.dataset["theme"] ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  root.dataset["theme"] = dark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset["theme"]);
  } catch {
    // It holds for this page then.
  }
}

/** @param {import("./session.js").SessionPage} page */
function escape(page) {
  if (document.activeElement === page.head.search) {
    page.head.search.blur();
    return;
  }
  page.select("");
}
