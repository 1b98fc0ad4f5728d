from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from handspan import names
from handspan.engine.drain import Moved
from handspan.hub.retention import Lost
from handspan.hub.tally import Tally
from handspan.signals import Resource
from handspan.spool.rejected import Rejected
from tests.spooled import record

RESOURCE = Resource(service="hub", namespace="hub", instance="i")


def counted(tally: Tally) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        series.name: {tuple(point.labels.values()): point.value for point in series.points}
        for series in tally.series(RESOURCE)
    }


def test_what_came_in_and_went_on_is_counted() -> None:
    tally = Tally()
    tally.received("traces", "kept")
    tally.received("traces", "kept")
    tally.received("logs", "unreadable")
    poison = Rejected(destination="far", record=record("x"), why="no")
    tally.moved(Moved(destination="far", kind="traces", seq=9, taken=3, refused_in_part=2, rejected=(poison,)))
    tally.moved(Moved(destination="far", kind="logs", seq=9, taken=1))
    tally.lost([Lost("far", "logs", 4)])
    assert counted(tally) == {
        names.RECEIVED: {("traces", "kept"): 2, ("logs", "unreadable"): 1},
        names.EXPORTED: {
            ("far", "traces", "taken"): 3,
            ("far", "traces", "refused_in_part"): 2,
            ("far", "traces", "rejected"): 1,
            ("far", "logs", "taken"): 1,
            ("far", "logs", "lost"): 4,
        },
    }


def test_threads_count_at_once() -> None:
    tally = Tally()

    def count() -> None:
        for _ in range(2_000):
            tally.received("logs", "kept")

    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(count)
    assert counted(tally) == {names.RECEIVED: {("logs", "kept"): 16_000}}
