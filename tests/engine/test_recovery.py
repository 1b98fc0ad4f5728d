from __future__ import annotations

import json
from typing import Any

import pytest

from handspan.engine import recovery
from handspan.rules import Rules
from handspan.sessions import Sessions
from handspan.spool import Recovered
from handspan.testing import Story
from tests.engine.desks import TOLD

RULES = Rules()


def dumps() -> dict[str, Any]:
    sessions = Sessions(RULES)
    for event in (*TOLD, *Story("other").session().events):
        sessions.apply(event)
    return {uid: json.loads(json.dumps(dump)) for uid, dump in sessions.changes().open.items()}


def kept(dumped: dict[str, Any]) -> Recovered:
    rest = {"now": 5, "seen": {}, "ended": {"before": 3}, "ended_before": {}}
    return Recovered(sessions=rest, dumps=dumped, steps=[], metrics=[], positions={})


def test_what_can_be_read_goes_on() -> None:
    sessions, unread = recovery.load(kept(dumps()), RULES)
    assert ([session.uid for session in sessions], unread) == (["s", "other"], [])
    assert [session.dump() for session in sessions] == list(dumps().values())
    assert sessions.now == 5


SENSELESS: list[Any] = [
    {"version": 2},
    {"version": None},
    {},
    [],
    None,
    "dump",
    7,
    {"version": 1},
    {"version": 1, "state": None},
    {"version": 1, "state": []},
    {"version": 1, "state": {}},
    {"version": 1, "state": {"uid": "other"}},
]


@pytest.mark.parametrize("senseless", SENSELESS, ids=json.dumps)
def test_what_can_t_be_read_is_over_and_costs_nobody_else(senseless: Any) -> None:
    sessions, unread = recovery.load(kept({**dumps(), "other": senseless}), RULES)
    assert unread == ["other"]
    form = sessions.dump()
    assert form["sessions"] == [dumps()["s"]]
    assert form["ended"].keys() == {"before", "other"}


def test_nothing_may_be_readable() -> None:
    sessions, unread = recovery.load(kept({"a": None, "b": {}}), RULES)
    assert (list(sessions), unread) == ([], ["a", "b"])
