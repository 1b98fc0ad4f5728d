from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from handspan import names
from handspan.hub.index import Index, export, sessions
from handspan.hub.index.entries import facts_of
from handspan.hub.record import Entry
from handspan.signals import Log, Span
from handspan.testing import Story, play
from tests.recorded import entries, indexed, recording
from tests.stories import STORIES

if TYPE_CHECKING:
    from handspan.signals import Signal


def lines(index: Index, uid: str) -> list[str]:
    with index.reading() as connection:
        found = export.exported(connection, uid)
    assert found is not None
    return found


def as_entries(found: list[str]) -> list[Entry]:
    return [
        Entry(n, 0, "logs" if '{"resourceLogs"' in line else "traces", "json", line.encode())
        for n, line in enumerate(found, 1)
    ]


def facts(found: list[Entry]) -> list[str]:
    """What entries say, in an order that does not depend on how it is parcelled."""
    said = [facts_of(each) for each in found]
    return sorted(repr(fact) for each in said for fact in (*each.spans, *each.logs))


@pytest.mark.parametrize(
    "story", ["fan_out_fan_in", "three_parts", "usage_and_notices", "upstream_traces", "implicit_starts"]
)
def test_what_goes_out_is_what_came_in(story: str) -> None:
    signals = [s for s in play(STORIES[story]()) if isinstance(s, Span | Log) and s.attributes.get(names.SESSION_ID)]
    uid = str(signals[0].attributes[names.SESSION_ID])
    assert facts(as_entries(lines(indexed(signals), uid))) == facts(entries(signals))


def test_a_real_session_taken_in_again_is_the_same_page() -> None:
    index = indexed(recording("12_assign_parallel"))
    with index.reading() as connection:
        (summary,) = sessions.listed(connection, limit=9)["sessions"]
        before = sessions.detailed(connection, summary["id"])
    again = Index(":memory:")
    again.fill(as_entries(lines(index, summary["id"])))
    with again.reading() as connection:
        after = sessions.detailed(connection, summary["id"])
    assert before is not None
    assert after is not None
    assert {**before, "position": 0} == {**after, "position": 0}


def test_a_line_has_two_hundred_records_of_one_resource_at_most() -> None:
    story = Story("s").at(0).session().terminal("a")
    for n in range(201):
        story.at(1 + n).notice("n", terminal="a")
    signals: list[Signal] = [s for s in play(story.events) if isinstance(s, Log) and s.name == names.NOTICE]
    sizes = [
        len(json.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]) for line in lines(indexed(signals), "s")
    ]
    assert sizes == [200, 1]


def test_only_a_session_that_is_there_is_exported() -> None:
    with Index(":memory:").reading() as connection:
        assert export.exported(connection, "nobody") is None
