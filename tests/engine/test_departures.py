from __future__ import annotations

import queue
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from handspan import names
from handspan.engine.again import Retried
from handspan.engine.departures import Departures, what_left
from handspan.engine.drain import Moved
from handspan.engine.inbox import Found
from handspan.signals import Count, Observation
from handspan.spool import Batch, Spool, database, rejected
from handspan.spool.rejected import Rejected
from tests.engine.places import BOTH, LOGS, Hanging, Taking, record

if TYPE_CHECKING:
    from pathlib import Path

    from handspan.otlp import Kind

METRICS: frozenset[Kind] = frozenset({"logs", "metrics"})
POISON = Rejected(destination="a", record=record("x"), why="400")


def departures(spool: Spool, **places: Taking) -> tuple[Departures, queue.SimpleQueue[Any]]:
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    return Departures(places, spool.path, told.put, lambda: [record("m")], 0.001), told


def test_a_place_is_kept_for_each_destination_and_kind_but_for_metrics(tmp_path: Path) -> None:
    with closing(Spool(tmp_path)) as spool:
        made, _ = departures(spool, a=Taking(kinds=LOGS), b=Taking(kinds=METRICS), c=Taking(kinds=BOTH))
        assert sorted(made.wanted) == [("a", "logs"), ("b", "logs"), ("c", "logs"), ("c", "traces")]


def test_all_is_sent_and_pushed_until_it_is_stopped(tmp_path: Path) -> None:
    with closing(Spool(tmp_path)) as spool:
        place = Taking(kinds=METRICS)
        made, told = departures(spool, a=place)
        spool.expect(made.wanted)
        spool.commit(Batch(at=1, records=[("s", record("x"))]))
        made.begin(spool.places())
        moved = told.get(timeout=10)
        assert (moved.destination, moved.seq, moved.file) == ("a", 1, 0)
        until = time.monotonic() + 10
        while record("m") not in place.taken:
            assert time.monotonic() < until
        made.stop()
        made.gone(10)
        taken = len(place.taken)
        spool.commit(Batch(at=1, records=[("s", record("y"))]))
        assert (len(place.taken), told.empty()) == (taken, True)


def test_what_hangs_is_not_waited_for_longer_than_said(tmp_path: Path) -> None:
    with closing(Spool(tmp_path)) as spool:
        place = Hanging()
        made, _ = departures(spool, a=place)
        spool.expect(made.wanted)
        spool.commit(Batch(at=1, records=[("s", record("x"))]))
        made.begin(spool.places())
        assert place.asked.wait(10)
        assert made.waits_for({"logs": 1})
        assert not made.waits_for({"logs": 0})
        made.stop()
        began = time.monotonic()
        made.gone(0.1)
        assert 0.1 <= time.monotonic() - began < 5
        made.gone(-1)
        # It comes to an end while it is waited for.
        threading.Timer(0.2, place.released.set).start()
        made.gone(10)
        assert len(place.taken) == 1


def test_what_destinations_did_is_put_down_and_what_they_did_in_another_file_is_not(tmp_path: Path) -> None:
    with closing(Spool(tmp_path)) as spool:
        made, _ = departures(spool, a=Taking())
        made.file = 2
        batch = Batch(at=1)
        made.put_down(
            batch,
            Found(
                moved=[
                    Moved(destination="a", kind="logs", seq=5, file=2),
                    Moved(destination="a", kind="logs", seq=90, file=1, rejected=(POISON,)),
                ],
                retried=[
                    Retried(destination="a", kind="logs", outcomes={1: None, 2: "400"}, file=2),
                    Retried(destination="a", kind="logs", outcomes={3: None}, file=1),
                ],
            ),
        )
        assert batch == Batch(at=1, places={("a", "logs"): 5}, rejected=[POISON], retried={1: None, 2: "400"})


def test_whoever_waits_for_a_place_or_a_commit_is_told(tmp_path: Path) -> None:
    with closing(Spool(tmp_path)) as spool:
        made, _ = departures(spool, a=Taking())
        made.begin({("a", "logs"): 3})
        retried = Retried(destination="a", kind="logs", outcomes={})
        assert made.wait_for({"logs": 3}, 0)
        assert not made.wait_for({"logs": 4}, 0)
        made.committed(Batch(at=1, places={("a", "logs"): 4}), Found(retried=[retried]))
        assert made.wait_for({"logs": 4}, 0)
        assert retried.committed.is_set()
        made.stop()


def test_what_is_sent_again_goes_on_with_each_commit(tmp_path: Path) -> None:
    with closing(Spool(tmp_path)) as spool:
        place = Taking()
        made, told = departures(spool, a=place)
        spool.commit(Batch(at=1, rejected=[POISON] * 5))
        with closing(database.guest(spool.path, writes=True)) as db:
            rejected.ask_again(db, None)
        spool.expect(made.wanted)
        made.begin(spool.places())
        began = time.monotonic()
        for _ in range(5):
            found = Found(retried=[told.get(timeout=10)])
            batch = Batch(at=2)
            made.put_down(batch, found)
            spool.commit(batch)
            made.committed(batch, found)
        # It looks by itself once a second.
        assert time.monotonic() - began < 3
        assert rejected.newest(vars(spool)["_db"], 9) == []
        made.stop()


def test_what_left_is_counted_by_what_came_of_it() -> None:
    where = {"destination": "a", "signal": "logs"}
    found = Found(
        moved=[
            Moved(destination="a", kind="logs", seq=5, taken=3, refused_in_part=2, rejected=(POISON,), seconds=0.5),
            Moved(destination="a", kind="logs", seq=6),
        ],
        retried=[
            Retried(destination="a", kind="logs", outcomes={1: None, 2: "400", 3: None}),
            Retried(destination="a", kind="logs", outcomes={4: "400"}),
        ],
    )
    assert list(what_left(found)) == [
        Count(name=names.EXPORTED, labels={**where, "outcome": "taken"}, value=3),
        Count(name=names.EXPORTED, labels={**where, "outcome": "refused_in_part"}, value=2),
        Count(name=names.EXPORTED, labels={**where, "outcome": "rejected"}, value=1),
        Observation(name=names.EXPORT_SECONDS, labels=where, value=0.5),
        Observation(name=names.EXPORT_SECONDS, labels=where, value=0),
        Count(name=names.EXPORTED, labels={**where, "outcome": "taken"}, value=2),
    ]
