from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from handspan import demo
from handspan.hub.index import Index, sessions
from handspan.testing import BEGIN, SECOND, Story, play
from tests.golden_files import GOLDEN
from tests.recorded import entries, indexed, recording


def several() -> Index:
    """Sessions in every state that a story can bring about, the least urgent first."""
    stories = [
        Story("ended", name="Checkout").at(0).session().terminal("a", "dev").at(1).gone("a").end(),
        Story("running-1").at(0).session().terminal("a", "dev"),
        Story("running-2").at(2).session().terminal("a", "dev-2"),
        Story("failed").at(0).session().terminal("a", 'strange "one"').at(1).end("vanished"),
        Story("waiting").at(0).session().terminal("a", "dev").status("a", "ready").at(1).status("a", "waiting"),
    ]
    events = sorted((event for story in stories for event in story.events), key=lambda event: event.at)
    return indexed(play(events))


def names_of(index: Index, **asked: Any) -> list[str]:
    with index.reading() as connection:
        return [each["id"] for each in sessions.listed(connection, limit=10, **asked)["sessions"]]


def test_the_worst_comes_first_then_what_was_heard_of_last() -> None:
    assert names_of(several()) == ["waiting", "failed", "running-2", "running-1", "ended"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"state": "running"}, ["running-2", "running-1"]),
        ({"state": "odd"}, []),
        ({"agent": "dev"}, ["waiting", "running-1", "ended"]),
        ({"agent": 'strange "one"'}, ["failed"]),
        ({"q": "RUNNING"}, ["running-2", "running-1"]),
        ({"q": "checkout dev"}, ["ended"]),
        ({"q": "checkout checkout"}, ["ended"]),
        ({"q": "%"}, []),
        ({"q": "story"}, ["waiting", "failed", "running-2", "running-1", "ended"]),
        ({"state": "running", "agent": "dev", "q": "1"}, ["running-1"]),
    ],
    ids=str,
)
def test_a_list_is_filtered(asked: dict[str, Any], expected: list[str]) -> None:
    assert names_of(several(), **asked) == expected


def test_a_list_goes_on_where_a_page_ended() -> None:
    index = several()
    found: list[str] = []
    after: str | None = ""
    with index.reading() as connection:
        while after is not None:
            page = sessions.listed(connection, limit=2, after=after)
            found += [each["id"] for each in page["sessions"]]
            after = page["next"]
    assert found == names_of(index)


@pytest.mark.parametrize("after", ["x", "1.2", "1.2.3.4", "1.2.x"])
def test_a_place_that_no_list_gave_is_refused(after: str) -> None:
    with several().reading() as connection:
        with pytest.raises(sessions.BadCursor, match="is no place in the list"):
            sessions.listed(connection, limit=2, after=after)
        with pytest.raises(sessions.BadCursor, match="is no place in the list"):
            sessions.logs(connection, "ended", limit=2, before=f"{after}.1.2")


# Of real sessions, whole: what the page is given at a moment, in tests/golden/hub. `python -m
# tests.hub.index.test_sessions --write` writes it anew; look at the difference before you keep it.
MOMENTS = {
    "01_create_session": 3_600,
    "07_handoff": 8,
    "12_assign_parallel": 16,
    "24_waiting_user_answer": 8,
}


def whole(name: str) -> str:
    with indexed(recording(name, MOMENTS[name])).reading() as connection:
        uid = sessions.listed(connection, limit=1)["sessions"][0]["id"]
        return json.dumps(sessions.detailed(connection, uid), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", MOMENTS)
def test_one_session_whole(name: str) -> None:
    assert whole(name) == (GOLDEN / "hub" / f"{name}.json").read_text(encoding="utf-8")


def test_a_session_that_is_not_there_is_none() -> None:
    with several().reading() as connection:
        assert sessions.detailed(connection, "nobody") is None
        assert sessions.logs(connection, "nobody", limit=1) is None
        assert sessions.summaries(connection, ["nobody"]) == []


def test_log_events_the_newest_first_page_by_page() -> None:
    index = indexed(play(demo.story()))
    with index.reading() as connection:
        whole = sessions.logs(connection, "demo-checkout-1", limit=1_000)
        assert whole is not None
        found: list[dict[str, Any]] = []
        before: str | None = ""
        while before is not None:
            page = sessions.logs(connection, "demo-checkout-1", limit=7, before=before)
            assert page is not None
            found += page["logs"]
            before = page["next"]
    assert found == whole["logs"]
    assert [int(each["at"]) for each in found] == sorted((int(each["at"]) for each in found), reverse=True)
    assert (len(found), found[0]["name"]) == (89, "handspan.message_undelivered")


def test_what_has_changed_after_a_position() -> None:
    story = Story("s").at(0).session().terminal("a").status("a", "ready").at(1).status("a", "working")
    more = story.at(5).sent("m", "a").at(9).status("a", "exiting", at=BEGIN + SECOND)
    index = Index(":memory:")
    for each in entries(play(more.events), size=1_000):
        index.fill([each])
    with index.reading() as connection:
        now = index.position
        assert sessions.changes(connection, "s", now) == {
            "position": now,
            "sessions": [],
            "spans": [],
            "gone": [],
            "arrows": [],
            "states": {},
        }
        everything = sessions.changes(connection, "s", 0)
        assert everything is not None
        detail = sessions.detailed(connection, "s")
        assert detail is not None
        assert {name: everything[name] for name in ("spans", "arrows", "states")} == {
            name: detail[name] for name in ("spans", "arrows", "states")
        }
        assert everything["sessions"] == [detail["session"]]
        # A turn that turned out to be the agent's way out.
        assert len(everything["gone"]) == 1
        assert sessions.changes(connection, None, 0) == everything | {
            "spans": [],
            "gone": [],
            "arrows": [],
            "states": {},
        }
        assert sessions.changes(connection, "nobody", 0) == sessions.changes(connection, None, 0)


def test_a_position_of_the_future_means_another_index() -> None:
    with several().reading() as connection:
        assert sessions.changes(connection, None, 1_000) is None


def test_whoever_has_missed_too_much_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with several().reading() as connection:
        monkeypatch.setattr(sessions, "MOST_CHANGES", 5)
        assert sessions.changes(connection, None, 0) is not None
        monkeypatch.setattr(sessions, "MOST_CHANGES", 4)
        assert sessions.changes(connection, None, 0) is None
    with indexed(play(demo.story())).reading() as connection:
        assert sessions.changes(connection, "demo-checkout-1", 0) is None


if __name__ == "__main__" and "--write" in sys.argv:
    for recorded in MOMENTS:
        (GOLDEN / "hub" / f"{recorded}.json").write_text(whole(recorded), encoding="utf-8")
