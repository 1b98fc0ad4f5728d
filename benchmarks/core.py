"""How fast the core is, whether it stays so, and what it remembers: `python -m benchmarks.core`.

Every measurement is a block of events, made beforehand and then applied with the ticks that an engine would give. A
size is a stream of sessions of that many events, one after the other: so all sizes are measured over the same number of
events, and the longest session is measured in its every stage. Blocks of all sizes take turns, and the median counts:
the machine does other things too. The garbage collector is on, as in any process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import sys
import time
import tracemalloc
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handspan.events import Tick
from handspan.sessions import Sessions
from handspan.testing import BEGIN, SECOND, Player, Story

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handspan.events import Event

RESULTS = Path(__file__).parent / "results"
CYCLE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    sizes: tuple[int, ...]
    block: int
    rounds: int
    terminals: int
    messages: int


# The longest session is gone through once, in as many blocks a round as that takes.
FULL = Plan(sizes=(100, 1_000, 10_000, 100_000, 1_000_000), block=20_000, rounds=10, terminals=1_000, messages=100)
QUICK = Plan(sizes=(100, 1_000), block=200, rounds=2, terminals=10, messages=10)


# --- what is measured ------------------------------------------------------------------------------------------------


def cycle(uid: str, n: int, begin: int = BEGIN) -> list[Event]:
    """A minute of a supervisor, a peer, a worker it hands work to, and one it assigns work to: 45 events."""
    sup, peer, worker, assigned = "supervisor", "peer", f"w{n}", f"a{n}"
    told = Story(uid, begin=begin + (10 + n * CYCLE_SECONDS) * SECOND)
    told.at(0).status(sup, "working", trigger="human").at(1).alive(sup)
    told.at(2).delegation(worker, "handoff", sup).terminal(worker, "developer", creator=sup, cli="claude_code")
    told.at(4).status(worker, "ready").at(4.5).status(worker, "working")
    told.at(5.3).typed(f"prompt-{worker}", worker, sup, mode="handoff", size=900)
    told.at(8).alive(worker).at(12).status(worker, "waiting").at(14).status(worker, "working").at(18).alive(worker)
    told.at(20).status(worker, "ready").usage(worker, input_tokens=9_000, output_tokens=700, cost_usd=0.07)
    told.at(20.1).answered(worker).at(20.3).status(worker, "working").status(worker, "exiting")
    told.at(21).gone(worker, "completed").at(21).alive(sup)
    told.at(22).delegation(assigned, "assign", sup).terminal(assigned, "reviewer", creator=sup, cli="codex")
    told.at(24).status(assigned, "ready").at(24.2).status(assigned, "working")
    told.at(25).typed(f"prompt-{assigned}", assigned, sup, mode="assign", size=700)
    told.at(26).status(sup, "ready").usage(sup, input_tokens=4_000, output_tokens=300, cost_usd=0.02)
    told.at(30).sent(f"question-{n}", peer, assigned, size=80).at(30.4).status(peer, "working")
    told.at(30.6).delivered(f"question-{n}", peer).at(33).status(peer, "ready")
    told.at(34).sent(f"answer-{n}", assigned, peer, size=120).at(34.2).delivered(f"answer-{n}", assigned)
    told.at(35).alive(assigned)
    told.at(40).sent(f"report-{n}", sup, assigned, size=2_000).at(40.5).status(assigned, "ready")
    told.at(41).status(sup, "working").at(41.2).delivered(f"report-{n}", sup)
    told.at(45).usage(assigned, input_tokens=5_000, output_tokens=500).notice("pr_opened", terminal=assigned)
    told.at(48).status(sup, "waiting").at(50).status(sup, "working").at(52).status(sup, "ready")
    told.at(54).gone(assigned, "killed")
    return told.events


def session(uid: str, begin: int) -> Iterator[Event]:
    """A session that never ends, as a stream of events in the order of their times."""
    story = Story(uid, name="checkout", begin=begin)
    story.at(0).session().terminal("supervisor", cli="claude_code").terminal("peer", cli="codex")
    yield from story.at(5).status("supervisor", "ready").status("peer", "ready").events
    for n in itertools.count():
        yield from cycle(uid, n, begin)


def stream(size: int) -> Iterator[Event]:
    """Sessions of `size` events each, one after the other."""
    begin = BEGIN
    for n in itertools.count():
        uid = f"s{size}-{n}"
        last = begin
        for event in itertools.islice(session(uid, begin), size - 1):
            last = event.at
            yield event
        yield from Story(uid, begin=last).end().events
        begin = last + 10 * SECOND


def drive(sessions: Sessions, events: Sequence[Event]) -> int:
    """Apply events with the ticks that an engine gives. Returns the number of signals."""
    apply = sessions.apply
    signals = 0
    for event in events:
        while (due := sessions.due) is not None and due < event.at:
            signals += len(apply(Tick(at=max(due, sessions.now + 1))))
        signals += len(apply(Tick(at=event.at)))
        signals += len(apply(event))
    return signals


# --- speed -----------------------------------------------------------------------------------------------------------


class Run:
    """The stream of one size, and what its blocks cost so far."""

    def __init__(self, size: int, block: int) -> None:
        self.size = size
        self.costs: list[float] = []
        self._block = block
        self._events = stream(size)
        self._sessions = Sessions()

    def measure(self) -> None:
        events = list(itertools.islice(self._events, self._block))
        began = time.perf_counter()
        drive(self._sessions, events)
        self.costs.append((time.perf_counter() - began) / len(events))


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Of one size: microseconds an event costs, by the median of the blocks, and the fastest and slowest of them."""

    size: int
    blocks: int
    median: float
    least: float
    most: float

    @property
    def per_second(self) -> int:
        return round(1e6 / self.median)


def speeds(plan: Plan) -> list[Speed]:
    Run(plan.sizes[0], plan.block).measure()  # warm-up: imports, caches, the interpreter's own adapting
    runs = [Run(size, plan.block) for size in plan.sizes]
    for _ in range(plan.rounds):
        for run in runs:
            for _ in range(max(1, run.size // plan.block // plan.rounds)):
                run.measure()
    return [
        Speed(
            size=run.size,
            blocks=len(run.costs),
            median=statistics.median(run.costs) * 1e6,
            least=min(run.costs) * 1e6,
            most=max(run.costs) * 1e6,
        )
        for run in runs
    ]


# --- memory ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes that one more costs: of the process's memory (tracemalloc), and of a dump as JSON."""

    what: str
    process: int
    dump: int


def _played(terminals: int, messages: int) -> Player:
    """A session of so many terminals, each in a turn in which so many messages were typed into it."""
    player = Player()
    story = Story("s", name="checkout")
    story.at(0).session()
    for n in range(terminals):
        story.at(1).terminal(f"t{n}", "developer", cli="claude_code", model="opus", pid=4_000 + n)
        story.at(3).status(f"t{n}", "ready").at(4).status(f"t{n}", "working", trigger="human")
    for m in range(messages):
        for n in range(terminals):
            story.at(10 + m).typed(f"m{n}-{m}", f"t{n}", size=500)
    # Ids of events are remembered for some seconds more: these signs of life let them go.
    for later in (40, 80, 120):
        story.at(messages + later).alive("t0")
    for event in sorted(story.events, key=lambda event: event.at):
        player.say(event)
        player.signals.clear()
    return player


def _weight(terminals: int, messages: int) -> tuple[int, int]:
    tracemalloc.start()
    player = _played(terminals, messages)
    # The dump's texts are not the core's memory, so they come after the count of it.
    process = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return process, len(json.dumps(player.sessions.dump(), separators=(",", ":")))


def memories(plan: Plan) -> list[Memory]:
    one, many = _weight(1, 0), _weight(1 + plan.terminals, 0)
    # Few enough for one part of 4,000 spans: with a part, the events on its turns leave. A message makes two spans.
    holders = max(1, plan.terminals // 100)
    bare, full = _weight(holders, 0), _weight(holders, plan.messages)
    each = holders * plan.messages
    return [
        Memory(
            what="open terminal, in a turn",
            process=(many[0] - one[0]) // plan.terminals,
            dump=(many[1] - one[1]) // plan.terminals,
        ),
        Memory(what="message on an open turn", process=(full[0] - bare[0]) // each, dump=(full[1] - bare[1]) // each),
    ]


# --- the report ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    python: str
    machine: str
    cores: int
    block: int
    speeds: list[Speed]
    memories: list[Memory]

    @property
    def ratio(self) -> float:
        return self.speeds[-1].median / self.speeds[0].median


def measured(plan: Plan) -> Report:
    return Report(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        machine=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        block=plan.block,
        speeds=speeds(plan),
        memories=memories(plan),
    )


def as_json(report: Report) -> str:
    return json.dumps(asdict(report) | {"ratio": report.ratio}, indent=2) + "\n"


def as_markdown(report: Report) -> str:
    first, last = report.speeds[0], report.speeds[-1]
    lines = [
        "# The core: speed and memory",
        "",
        "Written by `python -m benchmarks.core`; what is measured, and how, stands at the top of `benchmarks/core.py`.",
        "",
        f"{report.python} on {report.machine}, one of {report.cores} cores. Blocks of {report.block:,} events.",
        "",
        "| events in a session | events per second | µs per event, median | fastest block | slowest block | blocks |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {s.size:,} | {s.per_second:,} | {s.median:.1f} | {s.least:.1f} | {s.most:.1f} | {s.blocks} |"
        for s in report.speeds
    ]
    lines += [
        "",
        f"An event in a session of {last.size:,} costs {report.ratio:.2f} times one in a session of {first.size:,}.",
        "",
        "| one more | bytes in the process (tracemalloc) | bytes in a dump (JSON) |",
        "|---|--:|--:|",
    ]
    lines += [f"| {m.what} | {m.process:,} | {m.dump:,} |" for m in report.memories]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.core", description="Measure the core.")
    parser.add_argument("--quick", action="store_true", help="a second's worth, which says nothing but that it runs")
    parser.add_argument("--output", type=Path, help="the folder for core.md and core.json")
    options = parser.parse_args(arguments)
    report = measured(QUICK if options.quick else FULL)
    text = as_markdown(report)
    print(text, end="")
    # A quick run is no result, so it is kept only where somebody asks for it.
    folder = options.output or (None if options.quick else RESULTS)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "core.md").write_text(text, encoding="utf-8")
        (folder / "core.json").write_text(as_json(report), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
