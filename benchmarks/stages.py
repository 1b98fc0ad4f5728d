"""Where the time of an event goes, from when it is in the queue until whoever takes what it causes has answered.

    python -m benchmarks.stages

Processor time by stage: each stage's own, without that of the stages within it. What waits (for the disk, for the
network) costs nothing here, and what looking at the clock costs is taken off.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from benchmarks.way_out import Receiver, delivered
from handspan.engine.drain import Drain
from handspan.engine.inbox import Inbox
from handspan.engine.intake import Intake
from handspan.engine.worker import Worker
from handspan.metrics import Book
from handspan.otlp import Encoder
from handspan.senders.otlp_http import OtlpHttp
from handspan.sessions import Sessions
from handspan.spool import Spool, outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

STAGES: tuple[tuple[Any, str, str], ...] = (
    (Worker, "turn", "the rest of the engine's turn"),
    (Inbox, "gather", "taking facts out of the queue"),
    (Intake, "take", "JSON for the journal, ids"),
    (Spool, "known", "looking whether an event is a repeat"),
    (Sessions, "apply", "the rules"),
    (Encoder, "record", "encoding"),
    (Book, "add", "counters and histograms"),
    (Book, "changed", "counters and histograms"),
    (Spool, "commit", "the commit"),
    (Spool, "checkpoint", "checkpoints of open sessions"),
    (Sessions, "changes", "checkpoints of open sessions"),
    (Spool, "trim", "forgetting what has left"),
    (Drain, "run", "the rest of the drains"),
    (outbox, "after", "reading the outbox"),
    (OtlpHttp, "send", "requests and HTTP"),
)


class Stopwatch:
    """Adds up what each stage takes, in whatever thread it runs, and how often that was looked at."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.laps: defaultdict[str, int] = defaultdict(int)
        self._threads = threading.local()

    def timed(self, work: Callable[..., Any], stage: str) -> Callable[..., Any]:
        @functools.wraps(work)
        def run(*args: Any, **kwargs: Any) -> Any:
            around = self._lap(stage)
            try:
                return work(*args, **kwargs)
            finally:
                self._lap(around)

        return run

    def _lap(self, stage: str | None) -> str | None:
        """From now on it is `stage` that runs in this thread; what ran until now."""
        now = time.thread_time()
        before, since = getattr(self._threads, "running", (None, now))
        if before:
            self.seconds[before] += now - since
            self.laps[before] += 1
        self._threads.running = stage, now
        return before


@contextlib.contextmanager
def timed() -> Generator[Stopwatch]:
    """While this lasts, all stages are timed."""
    watch = Stopwatch()
    with contextlib.ExitStack() as changed:
        for owner, name, stage in STAGES:
            work = getattr(owner, name)
            changed.callback(setattr, owner, name, work)
            setattr(owner, name, watch.timed(work, stage))
        yield watch


def cost_of_a_lap() -> float:
    """Seconds that looking at the clock adds to a stage: to those around others more than to the others."""
    watch = Stopwatch()
    inner = watch.timed(lambda: None, "inner")
    watch.timed(lambda: [inner() for _ in range(20_000)], "outer")()
    return sum(watch.seconds.values()) / sum(watch.laps.values())


def table(watch: Stopwatch, cost: float, events: int) -> str:
    """What each stage takes, without what the clock cost."""
    found = {stage: (seconds - watch.laps[stage] * cost) / events for stage, seconds in watch.seconds.items()}
    together = sum(found.values())
    rows = sorted(found.items(), key=lambda row: -row[1])
    return "\n".join([
        "| stage | µs per event | share |",
        "|---|--:|--:|",
        *(f"| {stage} | {seconds * 1e6:.1f} | {seconds / together:.1%} |" for stage, seconds in rows),
        f"| together | {together * 1e6:.1f} | |",
    ])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description="Show where an event's time goes.")
    parser.add_argument("--events", type=int, default=20_000)
    given = parser.parse_args(arguments)
    cost = cost_of_a_lap()
    receiver = Receiver()
    receiver.start()
    with timed() as watch:
        delivered(given.events, receiver.port)
    receiver.stop()
    print(table(watch, cost, given.events))
    return 0


if __name__ == "__main__":
    sys.exit(main())
