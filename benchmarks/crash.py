"""Kill an engine at random instants, again and again, and compare what arrives with what should have.

    python -m benchmarks.crash 300

A child process feeds a story into an engine and is killed (SIGKILL) after a random fraction of a second, while the
receiver is up, down, or answers at random. The next child goes on with the first event whose commit was not reported,
so some events are told twice, as a source that reads a table again tells them. At the end, of all spans and log events
of the story:

    lost        did not arrive
    invented    arrived, and are not in the story as it is told without a crash
    changed     arrived more than once, with other bytes
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.core import session
from handspan.engine import Engine
from handspan.otel_env import Target
from handspan.otlp import Encoder
from handspan.rules import Rules
from handspan.senders.otlp_http import OtlpHttp
from handspan.signals import Log, Span
from handspan.testing import BEGIN, SECOND, Player, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handspan.events import Event

# Small parts, so that sessions are cut in the campaign too.
_RULES = Rules(part_spans=400)
_NOW = [BEGIN]
# So many events are told after the one that a child is to be killed at: some commits' worth.
_FURTHER = 40


def story(size: int) -> list[Event]:
    """A session of so many events, and its end."""
    events: list[Event] = []
    for event in session("crash", BEGIN):
        events.append(event)
        if len(events) == size - 1:
            break
    return [*events, *Story("crash", begin=events[-1].at + 5 * SECOND).end().events]


# --- the process that is killed --------------------------------------------------------------------------------------


def feed(folder: Path, port: int, size: int, first: int, last: int) -> None:
    """Feed the story from event `first` on, and report each commit as the number of events that are safe.

    At event `last` it waits to be killed, unless that is the story's last.
    """
    engine = Engine(
        folder,
        {"otlp": _sender(port)},
        source="story",
        translate=_in_its_time,
        rules=_RULES,
        clock=lambda: _NOW[0],
    )
    engine.start()
    told = story(size)
    for n in range(first, last, 7):
        group = told[n : min(n + 7, last)]
        for event in group:
            engine.put(event)
        engine.submit(()).result()
        _report(n + len(group))
    while last < size:
        signal.pause()
    engine.put(_END)
    while not engine.flush(5):
        pass
    engine.close()
    _report(size + 1)


class _End:
    """All has been told: time goes on until all has settled."""


_END = _End()


def _in_its_time(fact: Event | _End) -> tuple[Event, ...]:
    """The engine's clock is the story's: it moves when an event is taken out of the queue, and not before."""
    if isinstance(fact, _End):
        _NOW[0] += 10 * SECOND
        return ()
    _NOW[0] = max(_NOW[0], fact.at)
    return (fact,)


def _report(safe: int) -> None:
    sys.stdout.write(f"{safe}\n")
    sys.stdout.flush()


def _sender(port: int) -> OtlpHttp:
    base = f"http://127.0.0.1:{port}/v1"
    return OtlpHttp({"traces": Target(endpoint=f"{base}/traces"), "logs": Target(endpoint=f"{base}/logs")})


# --- the receiver ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Receiver:
    """Keeps what arrives: the bytes of every span and log event, by its id."""

    chance: random.Random
    weather: str = "up"
    bodies: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    requests: int = 0

    def fair(self) -> bool:
        return self.weather == "up" or (self.weather == "flapping" and self.chance.random() < 0.5)

    def take(self, path: str, body: bytes) -> None:
        self.requests += 1
        if path.endswith("/traces"):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                about = resource.resource.SerializeToString()
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        key = span.trace_id.hex() + span.span_id.hex()
                        self.bodies[key].add(about + span.SerializeToString())
            return
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
            about = resource.resource.SerializeToString()
            for scope in resource.scope_logs:
                for log in scope.log_records:
                    uid = next(a.value.string_value for a in log.attributes if a.key == "log.record.uid")
                    self.bodies[uid].add(about + log.SerializeToString())


def serve(receiver: Receiver) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fair = receiver.fair()
            # What was taken may be answered or not: either happens when a network breaks.
            if fair or receiver.weather == "flapping":
                receiver.take(self.path, body)
            if not fair and receiver.chance.random() < 0.5:
                self.close_connection = True
                return
            self.send_response(200 if fair else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whoever is killed while it sends is no error."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


# --- the campaign ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    kills: int
    events: int
    records: int
    requests: int
    lost: int
    invented: int
    changed: int

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.events} events, {self.records} spans and log events"
            f" in {self.requests} requests: lost {self.lost}, invented {self.invented}, changed {self.changed}"
        )


def campaign(kills: int, size: int, seed: int) -> Result:
    """Tell a story of `size` events with so many kills on the way."""
    chance = random.Random(seed)
    receiver = Receiver(chance)
    server = serve(receiver)
    folder = Path(tempfile.mkdtemp(prefix="handspan-crash-"))
    try:
        safe = done = 0
        while safe <= size:
            receiver.weather = "up" if done >= kills else chance.choice(("up", "down", "flapping"))
            share = size * (done + 1) // (kills + 1) if done < kills else size + 1
            # Before the story's last event it waits to be killed, however slow who kills it is.
            last = min(share + _FURTHER, size - 1) if done < kills else size
            command = [str(folder), str(server.server_port), str(size), str(safe), str(last)]
            safe, killed = _one_life(command, safe, share if share <= size else None, chance)
            done += killed
        expected = _expected(size)
        return Result(
            kills=done,
            events=size,
            records=len(expected),
            requests=receiver.requests,
            lost=len(expected.keys() - receiver.bodies.keys()),
            invented=len(receiver.bodies.keys() - expected.keys()),
            changed=sum(found != {expected.get(key)} for key, found in receiver.bodies.items()),
        )
    finally:
        server.shutdown()
        server.server_close()
        shutil.rmtree(folder)


def _one_life(feed: list[str], safe: int, until: int | None, chance: random.Random) -> tuple[int, bool]:
    """A child's life: killed some instants after so many events are safe, or even before it begins."""
    command = [sys.executable, "-m", "benchmarks.crash", "--feed", *feed]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:  # noqa: S603
        assert child.stdout
        begins_badly = until is not None and chance.random() < 0.1
        while until is not None and not begins_badly and safe < until and (line := child.stdout.readline()):
            safe = int(line)
        if until is not None:
            time.sleep(chance.random() * (1.0 if begins_badly else 0.05))
            child.send_signal(signal.SIGKILL)
        for line in child.stdout:
            safe = int(line)
        return safe, child.wait() < 0


def _expected(size: int) -> dict[str, bytes]:
    """What the story says when nothing happens to it."""
    encoder, player = Encoder(), Player(_RULES)
    told = story(size)
    for event in told:
        player.say(event)
    player.until(told[-1].at + 10 * SECOND)
    return dict(_keyed(encoder, player))


def _keyed(encoder: Encoder, player: Player) -> Iterator[tuple[str, bytes]]:
    for made in player.signals:
        if isinstance(made, Span | Log):
            record = encoder.record(made)
            yield record.key, record.resource + record.body


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill an engine at random instants and compare what arrives.")
    parser.add_argument("kills", nargs="?", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    names = ("FOLDER", "PORT", "SIZE", "FIRST", "LAST")
    parser.add_argument("--feed", nargs=5, metavar=names, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.feed:
        folder, port, size, first, last = given.feed
        feed(Path(folder), int(port), int(size), int(first), int(last))
        return
    began = time.monotonic()
    result = campaign(given.kills, 60 * (given.kills + 1), given.seed)
    print(f"{result} (seed {given.seed}, {time.monotonic() - began:.0f} s)")
    sys.exit(bool(result.lost or result.invented or result.changed))


if __name__ == "__main__":
    main()
