"""What the plugin costs a real cao-server, and what it finds: `python -m benchmarks.cao`, some half an hour.

How each is measured stands at the top of `cao_latency.py`, `cao_cost.py` and `cao_found.py`. It needs tmux, and what
`make test` installs; the first run also builds CAO's environment.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cao_cost, cao_found, cao_latency
from benchmarks.cao_found import Found
from benchmarks.cao_latency import ABSENT
from tests.real.cao_install import LOCK, ROOT, cache_folder, cao_environment
from tests.real.scenarios import SCENARIOS
from tests.real.stage import WITH_OWN, WITHOUT_HANDSPAN, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.cao_cost import Cost
    from benchmarks.cao_found import Things
    from benchmarks.cao_latency import Difference, Latency
    from tests.real.sink import Sink

RESULTS = Path(__file__).parent / "results" / "cao.md"
_WORKFLOWS = ("yaml_workflow", "yaml_workflow_failed", "script_workflow")
# What is told last comes with a sweep of tmux, every 5 s, and its settling time of 2 s; CAO's own waits for 5 s.
_QUIET = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What one kind of telemetry tells of all scenarios."""

    who: str
    spans: int
    requests: int
    traces: int
    found: list[Found]


# --- what is found ---------------------------------------------------------------------------------------------------


def by_handspan(environment: Path, folder: Path) -> Telling:
    with stage(environment, folder) as made:
        things = _all_happened(made)
        spans = made.sink.spans()
    return Telling(
        who="Handspan",
        spans=len(spans),
        requests=0,
        traces=len({span.trace_id for span in spans}),
        found=cao_found.held_against(things, cao_found.told(spans)),
    )


def by_cao(environment: Path, folder: Path) -> Telling:
    with stage(environment, folder, {**WITH_OWN, **WITHOUT_HANDSPAN}) as made:
        things = _all_happened(made)
        spans, truth = made.sink.others_spans(), made.witness.truth
    own = [span for span in spans if span.name.startswith(cao_found.DISPATCH)]
    return Telling(
        who="CAO's `[otel]`",
        spans=len(own),
        requests=len(spans) - len(own),
        traces=len({span.trace_id for span in spans}),
        found=cao_found.held_against(things, cao_found.told_by_cao(own, truth, things)),
    )


def _all_happened(made: Stage) -> Things:
    """Plays all scenarios, closes what they have left, and waits for what is told of it."""
    made.begin(SCENARIOS)
    steps = [terminal for name in _WORKFLOWS if name in SCENARIOS for terminal in made.played(name).values()]
    for name in SCENARIOS:
        made.played(name)
    _until_quiet(made.sink)
    for session in {one.session for one in made.witness.truth.terminals.values() if one.gone is None}:
        made.server.api.close_session(session)
    made.witness.until("all is over", lambda truth: all(one.gone for one in truth.terminals.values()))
    _until_quiet(made.sink)
    return cao_found.happened(made.witness.truth, steps)


def _until_quiet(sink: Sink) -> None:
    seen = -1
    while (arrived := len(sink.spans()) + len(sink.others_spans())) != seen:
        seen = arrived
        time.sleep(_QUIET)


# --- the report ------------------------------------------------------------------------------------------------------


def as_markdown(tellings: Sequence[Telling], latencies: Sequence[Latency], costs: Sequence[Cost]) -> str:
    lines = [*_head(), *_of_tellings(tellings), *_of_latencies(latencies), *_of_costs(costs)]
    return "\n".join(lines) + "\n"


def _head() -> Iterator[str]:
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    yield "# The plugin in CAO: what it finds, and what it costs"
    yield ""
    yield "Written by `python -m benchmarks.cao`; how each is measured stands at the top of `benchmarks/cao_*.py`."
    yield ""
    yield (
        f"{LOCK} of `requirements/`, CPython {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} shared cores (load at the end: {busy})."
    )


def _of_tellings(tellings: Sequence[Telling]) -> Iterator[str]:
    yield from ("", "## Found, of what happened", "")
    yield f"All {len(SCENARIOS)} scenarios of `tests/real/scenarios.py`, once for each."
    yield from (
        "",
        "| | " + " | ".join(f"{told.who}: found of happened | twice | invented" for told in tellings) + " |",
    )
    yield "|---|" + "--:|" * 3 * len(tellings)
    for number, kind in enumerate(cao_found.KINDS):
        cells = (told.found[number] for told in tellings)
        row = " | ".join(f"{one.found} of {one.happened} | {one.twice} | {one.invented}" for one in cells)
        yield f"| {kind} | {row} |"
    yield ""
    for told in tellings:
        requests = f", and {told.requests} of HTTP requests" if told.requests else ""
        yield f"* {told.who}: {told.spans} spans{requests}, in {told.traces} traces."


def _of_latencies(latencies: Sequence[Latency]) -> Iterator[str]:
    yield from ("", "## Latency", "")
    yield "Milliseconds. What is more than without the plugin has its 95 % interval beside it (bootstrap over rounds),"
    yield "and **stands out** where it is beyond noise."
    yield ""
    yield "| request | plugin | requests | median | more | p95 | more |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for one in latencies:
        typical, slow = ("", "") if one.variant == ABSENT else (_more(one.typical), _more(one.slow))
        cells = (one.request, one.variant, str(one.requests), f"{one.median:.1f}", typical, f"{one.p95:.1f}", slow)
        yield f"| {' | '.join(cells)} |"


def _more(than: Difference) -> str:
    text = f"{than.more:+.1f} ({than.least:+.1f} to {than.most:+.1f})"
    return f"**{text}**" if than.beyond_noise else text


def _of_costs(costs: Sequence[Cost]) -> Iterator[str]:
    without = next(cost for cost in costs if cost.variant == ABSENT)
    yield from ("", f"## Processor and memory, at {cao_cost.EVENTS_A_SECOND} events a second", "")
    number = len(without.by_message)
    yield f"{number} blocks of {without.seconds / number:.0f} s for each, in turn. The hour is scaled from what a"
    yield "message costs, which is three events of CAO; what the server runs is counted in, tmux for the most part."
    yield ""
    yield "| plugin | events/s | processor ms a message, by block | s/h more than absent | MB before, after | on disk |"
    yield "|---|--:|--:|--:|--:|--:|"
    for cost in costs:
        blocks = ", ".join(f"{seconds * 1_000:.1f}" for seconds in cost.by_message)
        median, least, most = cost.added_an_hour(without)
        more = "" if cost.variant == ABSENT else f"{median:+.0f} ({least:+.0f} to {most:+.0f})"
        memory = f"{cost.before:.0f}, {cost.after:.0f} | {cost.kept:.1f}"
        yield f"| {cost.variant} | {cost.events_a_second:.1f} | {blocks} | {more} | {memory} |"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cao", description="Measure the plugin in CAO.")
    parser.add_argument("--rounds", type=int, default=40, help="of one session for each kind of server")
    parser.add_argument("--blocks", type=int, default=4, help="of load for each kind of server")
    parser.add_argument("--seconds", type=float, default=45.0, help="that a block of load takes")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    environment = cao_environment(ROOT / "requirements" / f"{LOCK}.txt", cache_folder(os.environ))
    with tempfile.TemporaryDirectory(prefix="handspan-bench-") as folder:
        tellings = [by_handspan(environment, Path(folder) / "ours"), by_cao(environment, Path(folder) / "own")]
        with cao_latency.servers(environment, Path(folder) / "latency") as running:
            latencies = cao_latency.latencies(cao_latency.measured(running, options.rounds))
        with cao_latency.servers(environment, Path(folder) / "cost") as running:
            costs = cao_cost.measured(running, options.blocks, options.seconds)
    text = as_markdown(tellings, latencies, costs)
    print(text, end="")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
