// Durations, clocks and counts as people read them.

import { DAY, HOUR, MINUTE, MS, SECOND } from "./times.js";

/** @param {number} value @param {number} base @param {string} big @param {string} small */
const two = (value, base, big, small) => `${Math.floor(value / base)}${big} ${String(value % base).padStart(2, "0")}${small}`;

/** 840 ms, 3.2 s, 1m 04s, 2h 07m, 3d 04h. @param {number} nanoseconds */
export function duration(nanoseconds) {
  // Rounded before the unit is chosen, so that nothing reads 60.0 s or 59m 60s.
  if (nanoseconds < MS) return nanoseconds >= 1e3 ? `${Math.floor(nanoseconds / 1e3)} µs` : "0 s";
  const ms = Math.round(nanoseconds / MS);
  if (ms < 1000) return `${ms} ms`;
  const tenths = Math.round(nanoseconds / (100 * MS));
  if (tenths < 100) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(nanoseconds / SECOND);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return two(seconds, 60, "m", "s");
  const minutes = Math.round(nanoseconds / MINUTE);
  if (minutes < 24 * 60) return two(minutes, 60, "h", "m");
  return two(Math.round(nanoseconds / HOUR), 24, "d", "h");
}

/** In whole seconds, for what counts up on the page. @param {number} nanoseconds */
export const ticking = (nanoseconds) => duration(nanoseconds < MINUTE ? Math.floor(Math.max(0, nanoseconds) / SECOND) * SECOND : nanoseconds);

/** A time on the ruler: +200 ms, +1m 30s, +2h 15m. @param {number} offset @param {number} step between two of them */
export function tick(offset, step) {
  const sign = offset < 0 ? "−" : "+";
  const left = Math.abs(offset);
  if (left === 0) return "0";
  if (left < SECOND) return `${sign}${Math.round(left / MS)} ms`;
  const digits = step < SECOND ? Math.min(3, Math.ceil(-Math.log10(step / SECOND))) : 0;
  const seconds = ((left % MINUTE) / SECOND).toFixed(digits);
  const fields = /** @type {[string, string][]} */ ([
    [String(Math.floor(left / DAY)), "d"],
    [String(Math.floor((left % DAY) / HOUR)), "h"],
    [String(Math.floor((left % HOUR) / MINUTE)), "m"],
    [seconds, "s"],
  ]);
  return sign + fields.filter(([digits]) => Number(digits)).map(([digits, unit]) => digits + unit).join(" ");
}

/** @param {number} ms since 1970 */
export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });
/** @param {number} ms since 1970 */
export const date = (ms) => new Date(ms).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });

/** @param {number} number @param {string} one */
export const count = (number, one) => `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;

/** @param {number} size */
export const bytes = (size) => (size < 1000 ? `${size} B` : size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`);

/** Hostile names are long; nothing on the page needs more than its beginning. @param {string} text @param {number} most */
export function short(text, most = 120) {
  const said = text.length > 4 * most ? text.slice(0, 4 * most) : text; // spreading 10 kB for each row is slow
  const letters = [...said];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : said;
}
