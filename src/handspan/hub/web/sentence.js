// One sentence on top of a session: who waits for whom and why, the outermost first; and how to get to the last of them.

import { duration, short } from "./format.js";
import { MS } from "./times.js";

/** @type {Record<Waits["why"], string>} */
const WHY = { handoff: "handoff", assign: "assignment", step: "step", person: "you", message: "message" };

/** @param {Summary} summary @param {number} now milliseconds since 1970 */
export function sentence({ sentence: waits, stuck, state, error, reason }, now) {
  const [still] = stuck;
  if (!waits.length && still) return `${short(still.agent, 40)} has given no sign of progress for ${duration(Math.max(0, now * MS - Number(still.since)))}.`;
  if (!waits.length) return state === "failed" ? `It ended: ${short(error ?? reason ?? "for no known reason", 80)}.` : "";
  const agents = new Map(waits.map((wait) => [wait.terminal, short(wait.agent, 40)]));
  /** @type {string[]} */
  const said = [];
  waits.forEach((wait, index) => {
    const chained = index > 0 && waits[index - 1]?.for === wait.terminal;
    const who = chained ? "who" : (agents.get(wait.terminal) ?? "unknown");
    const whom = wait.why === "person" ? "you" : `${agents.get(wait.for ?? "") ?? short(wait.for_agent ?? "another agent", 40)} (${WHY[wait.why]})`;
    const clause = `${who} waits for ${whom}, ${duration(Math.max(0, now * MS - Number(wait.since)))}`;
    said.push(index === 0 ? clause : chained ? `, ${clause}` : `; ${clause}`);
  });
  const words = said.join("");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

/** How to get there, for a shell; nothing where a name could be more than a name. @param {string | undefined} name of a tmux session @param {string} [window] */
export function attachLine(name, window) {
  const target = window ? `${name}:${window}` : name;
  // A line break in what is pasted would run it; a quoted name can't do anything else.
  if (!target || target.length > 200 || /[\p{Cc}\p{Cf}\u2028\u2029]/u.test(target)) return "";
  return /^[\w.:@%+/][\w.:@%+/-]*$/.test(target) ? `tmux attach -t ${target}` : `tmux attach -t '${target.replaceAll("'", `'\\''`)}'`;
}
