from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from handspan import demo
from handspan.hub.index import Index, forgetting, search, sessions
from handspan.hub.record import Entry
from handspan.testing import Story, play
from tests.hub.index.test_traces import entry, told
from tests.recorded import entries

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERYTHING = ("sessions", "parts", "spans", "links", "messages", "states", "stuck", "logs", "traces")


def left(index: Index) -> dict[str, int]:
    """The rows that are left, where there are any."""
    with index.reading() as connection:
        counted = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in EVERYTHING}  # noqa: S608 # ours
    return {table: number for table, number in counted.items() if number}


def numbered(*found: Sequence[Entry]) -> list[Entry]:
    return [each._replace(seq=seq) for seq, each in enumerate((each for some in found for each in some), 1)]


def stranger_s_log() -> Entry:
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hello"}}]}]}]})
    return Entry(0, 0, "logs", "json", body.encode())


def test_everything_that_the_record_let_go_of_is_gone() -> None:
    index = Index(":memory:")
    found = numbered(entries(play(demo.story())), [entry(told("shop", "GET /", "GET /odd")), stranger_s_log()])
    index.fill(found)
    assert set(left(index)) == set(EVERYTHING) - {"stuck"}
    index.forget(len(found))
    assert left(index) != {}
    index.forget(len(found) + 1)
    assert left(index) == {}
    with index.reading() as connection:
        # Nor does the index of words know of them: what is asked of it alone, without the spans.
        for word in ("memory", "supervisor", "GET", "shop"):
            assert connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (word,)).fetchall() == []
    assert index.position == len(found)


def test_what_came_since_stays_whole() -> None:
    old, young = (
        entries(play(demo.story())),
        entries(play(Story("s").at(0).session().terminal("agent").at(9).end().events)),
    )
    index, alone = Index(":memory:"), Index(":memory:")
    first = len(old) + 1
    for each in (old, young):
        index.fill([one._replace(seq=one.seq + index.position) for one in each])
    alone.fill(young)
    index.forget(first)
    with index.reading() as connection, alone.reading() as other:
        assert [each["id"] for each in sessions.listed(connection, limit=9)["sessions"]] == ["s"]
        assert sessions.logs(connection, "s", limit=99) == sessions.logs(other, "s", limit=99)
        found, expected = (search.searched(each, "agent", 9) for each in (connection, other))
        assert found | {"position": 0} == expected | {"position": 0}


def test_a_session_goes_when_nothing_of_it_has_come_since() -> None:
    index = Index(":memory:")
    found = entries(play(demo.story()), size=5)
    index.fill(found[:20])
    index.fill(found[20:])
    index.forget(len(found))
    assert left(index)["sessions"] == 1


@pytest.mark.parametrize("what", ["_SESSIONS", "_TRACES", "_LOGS"])
def test_it_goes_on_until_nothing_is_left_to_forget(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(forgetting, what, 1)
    stories = [play(Story(f"s{n}").at(0).session().end().events) for n in range(3)]
    strangers = [entry(told("shop", "a", "b", "c")), stranger_s_log(), stranger_s_log()]
    index = Index(":memory:")
    index.fill(numbered(*(entries(story) for story in stories), strangers))
    index.forget(1_000)
    assert left(index) == {}
