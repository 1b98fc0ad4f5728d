"""Processes of their own for the engine's tests: `python -m tests.engine.lives WHAT FOLDER`.

What they report is one line of JSON.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import resource
import sqlite3
import sys
import time
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

from handspan import names
from handspan.engine import Engine
from handspan.testing import Story
from tests.engine.places import BOTH, Taking

QUEUE = 50


def engine(folder: Path, place: Taking) -> Engine:
    return Engine(folder, {"place": place}, source="story", queue=QUEUE)


def told(count: int, session: str = "s") -> Story:
    story = Story(session, begin=time.time_ns()).session()
    for n in range(count - 1):
        story.terminal(f"t{n}")
    return story


def report(**said: Any) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def holds(folder: Path) -> None:
    """Holds the spool until it is killed."""
    running = engine(folder, Taking())
    running.start()
    assert running.flush(10)
    report(pid=os.getpid())
    sys.stdin.read()


class Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def counted(folder: Path) -> dict[str, float]:
    with closing(sqlite3.connect(folder / "spool.db")) as db:
        rows = db.execute("SELECT name, labels, state FROM metrics").fetchall()
    return {
        " ".join([name, *json.loads(labels).values()]): json.loads(state)[1]
        for name, labels, state in rows
        if name in {names.EVENTS, names.EVENTS_DROPPED}
    }


def fills_the_disk(folder: Path) -> None:
    """A file of this process can't grow for a while: to SQLite that is a disk that is full."""
    said = Said()
    logging.getLogger("handspan").addHandler(said)
    place = Taking(kinds=BOTH)
    running = engine(folder, place)
    running.start()
    running.put(told(1).events[0])
    assert running.flush(10)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    for event in told(10).events[1:]:
        running.put(event)
    until = time.monotonic() + 10
    while not said.lines and time.monotonic() < until:
        time.sleep(0.01)
    truth = running.flush(0.2)
    # With the flush's own word in it, the queue has room for one less.
    costs: list[float] = []
    for event in told(2 * QUEUE, "later").events:
        began = time.perf_counter()
        running.put(event)
        costs.append(time.perf_counter() - began)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    healed = running.flush(15)
    closed = running.close()
    median = sorted(costs)[len(costs) // 2]
    report(lines=said.lines, full=truth, healed=healed, closed=closed, counted=counted(folder), median=median)


def forks(folder: Path) -> None:
    """A child that was forked says something; then its parent does."""
    running = engine(folder, Taking(kinds=BOTH))
    running.start()
    first, second, third = told(3).events
    running.put(first)
    assert running.flush(10)
    # A fork of a process with threads is what is tested.
    warnings.simplefilter("ignore", DeprecationWarning)
    child = os.fork()
    if not child:
        running.put(second)
        refused = isinstance(running.submit([second]).exception(1), queue.Full)
        flushed = running.flush(0.1)
        running.close(0.1)
        os._exit(int(flushed or not refused))
    _, status = os.waitpid(child, 0)
    running.put(third)
    flushed = running.flush(10)
    report(child=status, flushed=flushed, closed=running.close(), counted=counted(folder))


if __name__ == "__main__":
    {"holds": holds, "fills_the_disk": fills_the_disk, "forks": forks}[sys.argv[1]](Path(sys.argv[2]))
