"""How fast the hub's index is filled, and how fast it answers when it holds a million spans.

    python -m benchmarks.hub_index                   some minutes, and two gigabytes of disk
    python -m benchmarks.hub_index --spans 20000     a quick look

What is filled in is what an orchestrator sends: spans and all log events beside them, in requests of 500 records. One
session is played through the rules and encoded; all others are its bytes under other ids.
"""

from __future__ import annotations

import argparse
import itertools
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.core import session
from handspan.hub.index import Index, search, sessions
from handspan.hub.index.entries import dumped
from handspan.hub.record import Entry
from handspan.ids import trace_id
from handspan.otlp import Encoder, Kind, request
from handspan.rules.memory import Rules
from handspan.signals import Log, Span
from handspan.testing import BEGIN, Player, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handspan.otlp import Record

_REQUEST = 500
_GROUP = 64
# Cycles of the core's benchmark; one has some 27 spans.
_CYCLES = 36
_LARGE_CYCLES = 370
_EVENTS = 45
_ASKED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session's requests, and how many spans and log events are in them."""

    uid: str
    bodies: Sequence[tuple[Kind, bytes]]
    spans: int
    logs: int


# --- what is filled in -----------------------------------------------------------------------------------------------


def played(uid: str, cycles: int) -> Session:
    # In one part, so that it has one trace id to replace.
    player = Player(Rules(part_spans=1_000_000))
    for event in itertools.islice(session(uid, BEGIN), 4 + cycles * _EVENTS):
        player.say(event)
    player.say(Story(uid, begin=player.sessions.now).end().events[0])
    player.until(player.sessions.now + 10**10)
    encoder = Encoder()
    kept = [signal for signal in player.signals if isinstance(signal, Span | Log)]
    records = [encoder.record(signal) for signal in kept]
    return Session(
        uid=uid,
        bodies=[(run[0].kind, request(run)) for run in _requests(records)],
        spans=sum(isinstance(signal, Span) for signal in kept),
        logs=sum(isinstance(signal, Log) for signal in kept),
    )


def _requests(records: Sequence[Record]) -> Iterator[list[Record]]:
    """As an outbox is sent: each kind in its order."""
    for kind in ("logs", "traces"):
        of_kind = [record for record in records if record.kind == kind]
        for start in range(0, len(of_kind), _REQUEST):
            yield of_kind[start : start + _REQUEST]


_UID = re.compile(rb"(log\.record\.uid\x12\x42\x0a\x40)[0-9a-f]{8}")


def copied(of: Session, number: int) -> Iterator[tuple[Kind, bytes]]:
    """The same session under other ids of the same length."""
    uid = f"s{number:0{len(of.uid) - 1}}"
    ids = (bytes.fromhex(trace_id(of.uid)), bytes.fromhex(trace_id(uid)))
    for kind, body in of.bodies:
        renamed = body.replace(of.uid.encode(), uid.encode()).replace(*ids)
        yield kind, _UID.sub(rb"\g<1>%08x" % number, renamed)


def entries(small: Session, large: Session, wanted: int) -> Iterator[Entry]:
    copies = (copied(small, number) for number in range(max(1, (wanted - large.spans) // small.spans)))
    bodies = itertools.chain(large.bodies, *copies)
    for seq, (kind, body) in enumerate(bodies, 1):
        yield Entry(seq, BEGIN, kind, "protobuf", body)


# --- what is measured ------------------------------------------------------------------------------------------------


def fill(index: Index, found: Iterator[Entry]) -> float:
    """The seconds of one core that it takes the index alone: the machine does other things too."""
    spent = 0.0
    while group := list(itertools.islice(found, _GROUP)):
        began = time.thread_time()
        index.fill(group)
        spent += time.thread_time() - began
    return spent


def asked(index: Index, large: str) -> dict[str, Callable[[], object]]:
    """The questions of a page, each answered down to its JSON."""

    def ask(question: Callable[..., object], *args: object, **named: object) -> Callable[[], str]:
        def answer() -> str:
            with index.reading() as connection:
                return dumped(question(connection, *args, **named))

        return answer

    last = index.position
    return {
        "the list of sessions, first 100": ask(sessions.listed, limit=100),
        "the list, one agent's, first 100": ask(sessions.listed, limit=100, agent="developer"),
        "the list, a name that is nowhere": ask(sessions.listed, limit=100, q="nowhere"),
        "one session of 10,000 spans, whole": ask(sessions.detailed, large),
        "its last 100 log events": ask(sessions.logs, large, limit=100),
        "search, a word of every turn": ask(search.searched, "developer", 50),
        "search, a word of one message": ask(search.searched, "report-300", 50),
        "what has changed since the last group": ask(sessions.changes, large, last - 1),
    }


def milliseconds(question: Callable[[], object]) -> tuple[float, float]:
    """The median, and the longest of some."""
    costs: list[float] = []
    for _ in range(_ASKED):
        began = time.perf_counter()
        question()
        costs.append((time.perf_counter() - began) * 1_000)
    return statistics.median(costs), max(costs)


def measured(wanted: int, path: Path) -> str:
    small, large = played("s000000", _CYCLES), played("large", _LARGE_CYCLES)
    index = Index(path)
    seconds = fill(index, entries(small, large, wanted))
    with index.reading() as connection:
        (spans,) = connection.execute("SELECT count(*) FROM spans").fetchone()
        (logs,) = connection.execute("SELECT count(*) FROM logs").fetchone()
    size = sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*")) / 1e6
    lines = [
        f"Filled with {spans:,} spans and {logs:,} log events in {seconds:.0f} s of one core:",
        f"{spans / seconds:,.0f} spans a second with their log events, {(spans + logs) / seconds:,.0f} records.",
        f"{size:,.0f} MB on the disk.",
        "",
        "| question | ms, median | ms, slowest |",
        "|---|--:|--:|",
    ]
    for name, question in asked(index, large.uid).items():
        median, most = milliseconds(question)
        lines.append(f"| {name} | {median:.1f} | {most:.1f} |")
    index.close()
    return "\n".join([f"The large session has {large.spans:,} spans.", "", *lines, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="How fast the hub's index is filled, and how fast it answers.")
    parser.add_argument("--spans", type=int, default=1_000_000)
    wanted = parser.parse_args(arguments).spans
    with tempfile.TemporaryDirectory() as folder:
        print(measured(wanted, Path(folder) / "index.db"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
