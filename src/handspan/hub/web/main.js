// Which page it is: the sessions, one session, or the copy of one that carries its data with it.

import { el, byId } from "./dom.js";
import { openSession } from "./session.js";
import { openSessions } from "./sessions.js";

const page = byId("page");
const snapshot = document.getElementById("snapshot");
const [, way, id] = location.pathname.split("/");

try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset["theme"] = theme;
} catch {
  // A file, or a browser that keeps nothing: the system's own choice then.
}

const opened = snapshot?.textContent
  ? openSession(page, JSON.parse(snapshot.textContent))
  : way === "s" && id
    ? openSession(page, decodeURIComponent(id))
    : openSessions(page);

opened.catch((error) => {
  page.replaceChildren(el("main", { id: "main" }, el("p", { role: "alert" }, `${error.message} `, el("a", { href: "/" }, "All sessions"))));
});
