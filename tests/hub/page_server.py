"""Serves the page and the API it draws from, with stories played through the rules: no record, no index, no doors.

python -m tests.hub.page_server --port 4400 --speed 10
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import handspan
from handspan import demo
from handspan.events import TerminalEnded
from handspan.testing import Player
from tests.hub.page_facts import arrows_of, spans_of, summary_of
from tests.stories import STORIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handspan.events import Event
    from handspan.signals import Signal

Json = dict[str, Any]
WEB = Path(handspan.__file__).parent / "hub" / "web"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"


class Told:
    """One session as it was last told: each thing with the position at which it changed."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self.summary: tuple[int, Json] = (0, {})
        self.spans: dict[str, tuple[int, Json]] = {}
        self.arrows: dict[str, tuple[int, Json]] = {}
        self.gone: dict[str, int] = {}

    def take(self, signals: Iterable[Signal], position: int, now: int) -> None:
        self.signals += signals
        spans = {span["id"]: span for span in spans_of(self.signals)}
        self.gone |= dict.fromkeys(self.spans.keys() - spans.keys(), position)
        self.spans = _changed(self.spans, spans, position)
        arrows = {arrow["message"]: arrow for arrow in arrows_of(self.signals)}
        self.arrows = _changed(self.arrows, arrows, position)
        summary = summary_of(list(spans.values()), list(arrows.values()), self.signals, now)
        if summary != self.summary[1]:
            self.summary = position, summary


def _changed(before: dict[str, tuple[int, Json]], now: dict[str, Json], position: int) -> dict[str, tuple[int, Json]]:
    return {
        key: before[key] if key in before and before[key][1] == value else (position, value)
        for key, value in now.items()
    }


class Hub:
    """What has been told so far, and who waits for more."""

    def __init__(self) -> None:
        self.position = 0
        self.sessions: dict[str, Told] = {}
        self.viewers = 0
        self._cuts = 0
        self._reloads = False
        self._player = Player()
        self._moved = threading.Condition()

    def say(self, events: Sequence[Event], *, until: int | None = None) -> None:
        """Take the events in at once, then let time pass `until` then."""
        with self._moved:
            out: list[Signal] = []
            for event in events:
                out += self._player.say(event, max(event.at, self._player.sessions.now))
            if until is not None:
                out += self._player.until(until)
            self._tell(out)

    def _tell(self, signals: list[Signal]) -> None:
        told: dict[str, list[Signal]] = {}
        for signal in signals:
            session = str(getattr(signal, "attributes", {}).get("session.id", ""))
            if session:
                told.setdefault(session, []).append(signal)
        if told:
            self.position += 1
        for session, of_it in told.items():
            self.sessions.setdefault(session, Told()).take(of_it, self.position, self._player.sessions.now)
        self._moved.notify_all()

    def watch(self, more: int) -> None:
        with self._moved:
            self.viewers += more
            self._moved.notify_all()

    def wait_for_viewer(self) -> None:
        with self._moved:
            assert self._moved.wait_for(lambda: self.viewers > 0, timeout=10)

    def forget(self) -> None:
        """As if the index had been deleted."""
        with self._moved:
            self.position, self.sessions, self._player = 0, {}, Player()

    def cut(self, *, reload: bool = False) -> None:
        """Break every live connection, with the word to load everything again or without."""
        with self._moved:
            self._reloads = reload
            self._cuts += 1
            self._moved.notify_all()

    def listing(self, query: str) -> Json:
        """Five at a time; the rest is there for whoever looks for it."""
        with self._moved:
            summaries = [told.summary[1] for told in self.sessions.values() if told.summary[1]]
            order = ("waiting", "stuck", "silent", "failed", "running", "ended")
            summaries.sort(key=lambda s: (order.index(s["state"]), -int(s["last_sign"])))
            found = [s for s in summaries if query in s["name"]]
            return {"position": self.position, "sessions": found[:5], "next": "5" if len(found) > 5 else None}

    def session(self, id: str) -> Json | None:
        with self._moved:
            told = self.sessions.get(id)
            if told is None:
                return None
            return {
                "position": self.position,
                "session": told.summary[1],
                "spans": [span for _, span in told.spans.values()],
                "arrows": [arrow for _, arrow in told.arrows.values()],
                "states": {},
            }

    def change(self, id: str | None, after: int) -> Json:
        """What is different since `after`."""
        told = self.sessions.get(id or "") or Told()
        return {
            "position": self.position,
            "sessions": [t.summary[1] for t in self.sessions.values() if t.summary[0] > after],
            "spans": [span for at, span in told.spans.values() if at > after],
            "gone": [gone for gone, at in told.gone.items() if at > after],
            "arrows": [arrow for at, arrow in told.arrows.values() if at > after],
        }

    def follow(self, id: str | None, after: int, write: Any) -> None:
        cuts, stale = self._cuts, False
        while True:
            with self._moved:
                if self.position == after and self._cuts == cuts:
                    self._moved.wait(timeout=15)
                if self._cuts != cuts:
                    break
                told = self.change(id, after) if self.position > after else None
                stale = self.position < after
            if stale:
                break
            write(
                f"id: {told['position']}\nevent: change\ndata: {json.dumps(told)}\n\n" if told else ": still here\n\n"
            )
            after = told["position"] if told else after
        if stale or self._reloads:
            write("event: reload\ndata: {}\n\n")


class Handler(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        parts = [unquote(part) for part in url.path.split("/")[1:]]
        match parts:
            case [""] | ["s", _]:
                self._file("index.html")
            case ["web", *rest] if ".." not in rest:
                self._file("/".join(rest))
            case ["api", "sessions"]:
                self._json(self.hub.listing(query.get("q", "")))
            case ["api", "sessions", id]:
                self._json(self.hub.session(id))
            case ["api", "sessions", id, "logs"]:
                self._json({"logs": [], "next": None} if self.hub.session(id) else None)
            case ["api", "live"]:
                after = self.headers.get("Last-Event-ID") or query.get("after") or "0"
                self._live(query.get("session"), int(after))
            case _:
                self._json(None)

    def _file(self, name: str) -> None:
        path = WEB / name
        if not path.is_file():
            self._json(None)
            return
        self._answer(HTTPStatus.OK, TYPES.get(path.suffix, "application/octet-stream"), path.read_bytes())

    def _json(self, body: Json | None) -> None:
        status = HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK
        said = {"error": "There is nothing here."} if body is None else body
        self._answer(status, "application/json", json.dumps(said).encode())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _live(self, session: str | None, after: int) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

        def write(text: str) -> None:
            self.wfile.write(text.encode())
            self.wfile.flush()

        self.hub.watch(1)
        try:
            write(": hello\n\n")
            self.hub.follow(session, after, write)
        except OSError:
            return  # the viewer has gone
        finally:
            self.hub.watch(-1)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the test says what went wrong."""


def serve(hub: Hub, port: int = 0) -> ThreadingHTTPServer:
    """A server for `hub` on loopback, in threads of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", port), type("HandlerOfHub", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def moved_to(events: Sequence[Event], begin: int, speed: float = 1.0) -> list[Event]:
    """The same events from `begin` on, told so many times faster."""
    first = min(event.at for event in events)

    def then(at: int) -> int:
        return begin + int((at - first) / speed)

    def moved(event: Event) -> Event:
        if isinstance(event, TerminalEnded) and event.last_seen is not None:
            return dataclasses.replace(event, at=then(event.at), last_seen=then(event.last_seen))
        return dataclasses.replace(event, at=then(event.at))

    return [moved(event) for event in sorted(events, key=lambda event: event.at)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=4400)
    arguments.add_argument("--speed", type=float, default=1.0)
    arguments.add_argument("--ahead", type=float, default=0.0, help="how many seconds of the demo are over already")
    said = arguments.parse_args()
    hub = Hub()
    serve(hub, said.port)
    now = time.time_ns()
    for n, name in enumerate((
        "handoff_in_a_turn",
        "fan_out_fan_in",
        "workflow_run",
        "never_answered_wait",
        "more_work",
    )):
        hub.say(moved_to(STORIES[name](), now - (10 - n) * 3600_000_000_000))
    hub.say(moved_to(STORIES["three_parts"](), now - 2 * 3600_000_000_000, 60.0))
    live = moved_to(demo.story(), now - int(said.ahead * 1e9), said.speed)
    while True:
        now = time.time_ns()
        due = [event for event in live if event.at <= now]
        live = live[len(due) :]
        hub.say(due, until=now)
        time.sleep(0.2)


if __name__ == "__main__":
    main()
