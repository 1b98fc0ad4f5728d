from __future__ import annotations

import time
from typing import TYPE_CHECKING

from handspan import names
from handspan.engine.drain import Moved
from tests.engine.desks import TOLD, desk
from tests.engine.places import BOTH, Taking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from handspan.signals import Log


# --- a turn ----------------------------------------------------------------------------------------------------------


def test_what_is_submitted_is_answered_when_it_is_committed_and_hooks_are_told_after_it(tmp_path: Path) -> None:
    with desk(tmp_path) as made:
        future = made.inbox.submit(TOLD)
        made.turn()
        assert future.result(0) == 2
        assert [log.attributes["handspan.span.name"] for log in made.heard] == ["session s", "terminal t", "boot t"]
        assert made.rows("SELECT count(*) FROM journal") == [(1,)]


def test_what_found_the_queue_full_is_counted(tmp_path: Path) -> None:
    with desk(tmp_path, queue=2) as made:
        made.tell(*TOLD, *TOLD)
        assert made.counts(names.EVENTS_DROPPED) == {"story, queue_full": 2}


def test_what_a_destination_did_is_counted_and_its_place_is_kept(tmp_path: Path) -> None:
    with desk(tmp_path, {"d": Taking(kinds=BOTH)}) as made:
        made.worker.departures.stop()
        made.inbox.tell(Moved(destination="d", kind="logs", seq=7, taken=5, refused_in_part=2, seconds=0.2))
        made.turn()
        assert made.counts(names.EXPORTED) == {"d, logs, taken": 5, "d, logs, refused_in_part": 2}
        assert made.counts(names.EXPORT_SECONDS) == {"d, logs": 0.2}
        assert made.spool.places() == {("d", "logs"): 7, ("d", "traces"): 0}
        assert made.worker.departures.wait_for({"logs": 7}, 0)
        assert not made.worker.departures.wait_for({"logs": 8}, 0)


# --- who listens ---


def test_whoever_is_told_and_fails_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def told(_: Sequence[Log]) -> None:
        raise ValueError("a planted fault")

    with desk(tmp_path, told=told) as made:
        for event in TOLD:
            future = made.inbox.submit([event])
            made.turn()
            assert future.result(0) == 1
    assert caplog.messages == ["Somebody who is told what happens has failed."]


# --- the end ---------------------------------------------------------------------------------------------------------


def test_the_end_does_what_is_left_lets_it_leave_and_writes_down_what_is_open(tmp_path: Path) -> None:
    place = Taking(kinds=BOTH)
    with desk(tmp_path, {"d": place}) as made:
        for event in TOLD:
            made.inbox.put(event)
        made.closing.ask(5)
        began = time.monotonic()
        made.worker.end()
        assert time.monotonic() - began < 4
        assert len(place.taken) == 3
        assert made.rows("SELECT count(*) FROM journal") == [(0,)]
        assert made.rows("SELECT uid FROM sessions") == [("s",)]
        assert made.worker.lost == 0
