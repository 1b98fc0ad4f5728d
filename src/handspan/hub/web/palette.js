// The colours of the style sheet, for the canvas; read again when light turns to dark.

const NAMES = /** @type {const} */ (["bg", "panel", "ink", "soft", "line", "lane", "grid", "accent", "warn", "bad", "select", "onbar"]);

/** @typedef {Record<typeof NAMES[number], string> & {lanes: string[], hatch: CanvasPattern | string, faint: CanvasPattern | string}} Palette */

/** @returns {Palette} */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const read = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const named = /** @type {Record<typeof NAMES[number], string>} */ (Object.fromEntries(NAMES.map((name) => [name, read(name)])));
  const lanes = Array.from({ length: 8 }, (_, index) => read(`lane${index}`));
  return { ...named, lanes, hatch: hatch(named.warn, named.panel, 0.75), faint: hatch(named.soft, named.panel, 0.4) };
}

/** Diagonal stripes. @param {string} colour @param {string} ground @param {number} strength */
function hatch(colour, ground, strength) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const ctx = tile.getContext("2d");
  if (!ctx) return colour;
  ctx.fillStyle = ground;
  ctx.fillRect(0, 0, 8, 8);
  ctx.globalAlpha = strength;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2.6;
  ctx.beginPath();
  for (const shift of [-8, 0, 8]) {
    ctx.moveTo(shift - 2, 10);
    ctx.lineTo(shift + 10, -2);
  }
  ctx.stroke();
  return ctx.createPattern(tile, "repeat") ?? colour;
}

/** Calls when the colours are others: the system's, or the page's own choice. @param {() => void} changed */
export function onTheme(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
