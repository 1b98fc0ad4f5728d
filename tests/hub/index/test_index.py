"""The index as its users have it: in a file, and in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from handspan import demo
from handspan.hub.index import Index, sessions
from handspan.testing import Story, play
from tests.recorded import entries, pushed

if TYPE_CHECKING:
    from pathlib import Path

STORY = entries(play(demo.story()), size=5)


def uids(index: Index) -> list[str]:
    with index.reading() as connection:
        return [each["id"] for each in sessions.listed(connection, limit=9)["sessions"]]


def test_a_file_goes_on_where_it_ended(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db")
    assert (index.position, index.is_empty()) == (0, True)
    index.fill(STORY[:10])
    index.close()
    again = Index(tmp_path / "index.db")
    assert (again.position, again.is_empty()) == (10, False)
    again.fill(STORY)
    with again.reading() as connection:
        found = sessions.detailed(connection, "demo-checkout-1")
    whole = Index(":memory:")
    whole.fill(STORY)
    with whole.reading() as connection:
        assert found == sessions.detailed(connection, "demo-checkout-1")
    again.close()


def test_metrics_alone_are_nothing_to_show() -> None:
    index = Index(":memory:")
    index.fill([pushed(1, "here", 5)])
    assert (index.position, index.is_empty()) == (1, True)


def test_another_record_begins_it_anew(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db")
    index.follow("one", 0)
    index.fill(STORY)
    index.follow("one", len(STORY))
    assert uids(index) == ["demo-checkout-1"]
    index.follow("another", 1_000)
    assert (uids(index), index.position, index.is_empty()) == ([], 0, True)
    with index.reading() as connection:
        # Ids of rows are given again: a word that stayed would find another span.
        assert connection.execute("SELECT rowid FROM words WHERE words MATCH 'memory'").fetchall() == []
    index.fill(STORY)
    assert uids(index) == ["demo-checkout-1"]
    index.close()


def test_a_record_that_ends_before_it_begins_it_anew() -> None:
    index = Index(":memory:")
    index.follow("one", 0)
    index.fill(STORY)
    index.follow("one", len(STORY) - 1)
    assert index.position == 0


@pytest.mark.parametrize("place", ["memory", "file"])
def test_a_reader_sees_one_state_whatever_is_filled_in(tmp_path: Path, place: str) -> None:
    index = Index(":memory:" if place == "memory" else tmp_path / "index.db")
    index.fill(STORY[:5])
    with index.reading() as connection:
        before = sessions.listed(connection, limit=9)
        filling = threading.Thread(target=index.fill, args=(STORY,))
        filling.start()
        filling.join(0.2)
        assert sessions.listed(connection, limit=9) == before
    filling.join()
    assert index.position == len(STORY)
    index.close()


def test_a_group_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db")
    broken = pushed(len(STORY) + 1, "here", 2**63)  # later than a database can say
    with pytest.raises(OverflowError):
        index.fill([*STORY, broken])
    assert (index.position, index.is_empty()) == (0, True)
    index.fill(STORY)
    index.skip(broken)
    assert index.position == len(STORY) + 1
    with index.reading() as connection:
        assert connection.execute("SELECT * FROM skipped").fetchall() == [("failed metrics", 1)]
    index.close()


def test_sessions_of_a_demo_say_so() -> None:
    index = Index(":memory:", demo=True)
    index.fill(entries(play(Story("s").at(0).session().events)))
    with index.reading() as connection:
        assert [each["demo"] for each in sessions.listed(connection, limit=9)["sessions"]] == [True]
