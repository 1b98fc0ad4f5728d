from __future__ import annotations

import logging
import sqlite3
import threading
from typing import TYPE_CHECKING

from handspan import demo
from handspan.hub.index import Index, sessions
from handspan.hub.indexer import Indexer
from handspan.testing import BEGIN, SECOND, Story, play
from tests.recorded import Recorded, entries, pushed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from handspan.hub.record import Entry

STORY = entries(play(demo.story()), size=1)
# Longer than any of this takes; who waits for it has failed.
PATIENCE = 20


class Told:
    """What an indexer told, and a way to wait for it."""

    def __init__(self) -> None:
        self.said: list[tuple[int, list[str]]] = []
        self._grown = threading.Condition()

    def __call__(self, position: int, silent: Sequence[str]) -> None:
        with self._grown:
            self.said.append((position, list(silent)))
            self._grown.notify_all()

    def wait_for(self, position: int) -> None:
        with self._grown:
            assert self._grown.wait_for(lambda: bool(self.said) and self.said[-1][0] >= position, PATIENCE)

    def wait_for_silence(self) -> list[str]:
        with self._grown:
            assert self._grown.wait_for(lambda: any(silent for _, silent in self.said), PATIENCE)
            return next(silent for _, silent in self.said if silent)


def test_it_follows_the_record_and_tells_after_each_commit() -> None:
    record, index, told = Recorded(), Index(":memory:"), Told()
    record.append(*STORY[:100])
    indexer = Indexer(record, index, told)
    indexer.start()
    told.wait_for(100)
    assert index.position == 100
    record.append(*STORY[100:])
    told.wait_for(len(STORY))
    indexer.stop(PATIENCE)
    assert not indexer.is_alive()
    positions = [position for position, _ in told.said]
    # A group has 64 entries at most.
    assert positions == sorted(positions)
    assert positions[:2] == [64, 100]
    with index.reading() as connection:
        assert [each["state"] for each in sessions.listed(connection, limit=9)["sessions"]] == ["ended"]


def test_it_goes_on_where_the_index_ends(tmp_path: Path) -> None:
    record, told = Recorded(), Told()
    record.append(*STORY)
    index = Index(tmp_path / "index.db")
    index.follow("record", 0)
    index.fill(STORY[:7])
    indexer = Indexer(record, index, told)
    indexer.start()
    told.wait_for(len(STORY))
    indexer.stop(PATIENCE)
    assert told.said[0] == (71, [])
    index.close()


def test_what_was_filled_from_another_record_is_forgotten() -> None:
    record, told, index = Recorded("another"), Told(), Index(":memory:")
    index.follow("record", len(STORY))
    index.fill(STORY)
    record.append(*entries(play(Story("here").at(0).session().end().events)))
    indexer = Indexer(record, index, told)
    indexer.start()
    told.wait_for(record.last())
    indexer.stop(PATIENCE)
    with index.reading() as connection:
        assert [each["id"] for each in sessions.listed(connection, limit=9)["sessions"]] == ["here"]


def test_what_can_t_be_taken_in_is_left_out_and_the_rest_is_not(caplog: pytest.LogCaptureFixture) -> None:
    record, index, told = Recorded(), Index(":memory:"), Told()
    record.append(*STORY[:3], pushed(1, "here", 2**63), *STORY[3:])
    with caplog.at_level(logging.CRITICAL):
        indexer = Indexer(record, index, told)
        indexer.start()
        told.wait_for(len(STORY) + 1)
        indexer.stop(PATIENCE)
    with index.reading() as connection:
        assert connection.execute("SELECT * FROM skipped").fetchall() == [("failed metrics", 1)]
        found = sessions.detailed(connection, "demo-checkout-1")
    whole = Index(":memory:")
    whole.fill(STORY)
    with whole.reading() as connection:
        expected = sessions.detailed(connection, "demo-checkout-1")
    assert found is not None
    assert expected is not None
    assert found | {"position": 0} == expected | {"position": 0}


class FullDisk(Index):
    """An index whose disk is full for a while."""

    failures = 2

    def fill(self, entries: Sequence[Entry]) -> None:
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        super().fill(entries)


def test_a_full_disk_is_waited_for(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("handspan.hub.indexer._LOOK", 0.01)
    record, index, told = Recorded(), FullDisk(":memory:"), Told()
    record.append(*STORY)
    with caplog.at_level(logging.CRITICAL):
        indexer = Indexer(record, index, told)
        indexer.start()
        told.wait_for(len(STORY))
        indexer.stop(PATIENCE)
    with index.reading() as connection:
        assert connection.execute("SELECT * FROM skipped").fetchall() == []


def test_it_tells_who_has_fallen_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handspan.hub.indexer._LOOK", 0.01)
    record, told = Recorded(), Told()
    record.append(
        *entries(play(Story("s", instance="here").at(0).session().events), at=BEGIN), pushed(1, "here", BEGIN)
    )
    indexer = Indexer(record, Index(":memory:"), told, clock=lambda: BEGIN + 181 * SECOND)
    indexer.start()
    assert told.wait_for_silence() == ["s"]
    indexer.stop(PATIENCE)


class Cut(Recorded):
    """A record that has been cut down to its last entry."""

    def after(self, seq: int, limit: int) -> list[Entry]:
        return super().after(max(seq, self.last() - 1), limit)


def test_what_the_record_has_let_go_of_is_let_go_of(tmp_path: Path) -> None:
    record, told, index = Cut(), Told(), Index(tmp_path / "index.db")
    found = entries(play(Story("gone").at(0).session().end().events))
    record.append(*found)
    index.follow("record", len(found))
    index.fill(found)
    record.append(*entries(play(Story("here").at(0).session().end().events)))
    indexer = Indexer(record, index, told)
    indexer.start()
    told.wait_for(record.last())
    indexer.stop(PATIENCE)
    with index.reading() as connection:
        assert [each["id"] for each in sessions.listed(connection, limit=9)["sessions"]] == ["here"]
    index.close()
