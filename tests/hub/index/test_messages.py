from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handspan import names
from handspan.hub.index import arrows
from handspan.signals import Log, Span
from handspan.testing import Story, play
from tests.recorded import entries, indexed

if TYPE_CHECKING:
    from handspan.hub.index import Index
    from handspan.signals import Signal


def of_a_message() -> list[Span | Log]:
    """All that tells of one message: what was said of it, its spans, and the turn it started."""
    story = Story("s").at(0).session().terminal("a").status("a", "ready").terminal("b").status("b", "ready")
    story.at(5).status("a", "working").at(6).sent("m", "b", "a", size=7).at(7).status("b", "working")
    story.at(7.5).delivered("m", "b").at(9).status("b", "ready").at(10).status("a", "ready")
    return [signal for signal in play(story.events) if isinstance(signal, Span | Log) and is_of_it(signal)]


def is_of_it(signal: Span | Log) -> bool:
    if isinstance(signal, Log):
        return signal.name in {names.MESSAGE_SENT, names.MESSAGE_RECEIVED}
    return signal.kind != "internal" or bool(signal.links)


def shown(index: Index) -> list[dict[str, Any]]:
    with index.reading() as connection:
        return arrows.arrows(connection, 1, -1)


def test_a_message_comes_to_the_same_whatever_is_told_of_it_first() -> None:
    told = of_a_message()
    assert len(told) == 5
    (expected,) = shown(indexed(told))
    for order in itertools.permutations(told):
        assert shown(indexed(order)) == [expected]


def test_spans_alone_tell_all_of_a_message() -> None:
    told = of_a_message()
    assert shown(indexed([signal for signal in told if isinstance(signal, Span)])) == shown(indexed(told))


def test_log_events_alone_tell_all_that_is_known_before() -> None:
    (arrow,) = shown(indexed([signal for signal in of_a_message() if isinstance(signal, Log)]))
    assert arrow == shown(indexed(of_a_message()))[0]


def test_an_undelivered_message_is_one() -> None:
    story = Story("s").at(0).session().terminal("a").status("a", "ready").at(6).sent("m", "ghost", "a").at(9).end()
    (arrow,) = shown(indexed(play(story.events)))
    assert (arrow["to"]["terminal"], arrow["delivered"]) == ("ghost", False)
    index = indexed(play(story.events))
    with index.reading() as connection:
        assert connection.execute("SELECT undelivered FROM messages").fetchall() == [(1,)]


def test_a_delivery_of_what_was_never_sent_is_no_message() -> None:
    told: list[Signal] = [
        signal for signal in of_a_message() if isinstance(signal, Log) and signal.name == names.MESSAGE_RECEIVED
    ]
    assert entries(told)
    assert shown(indexed(told)) == []


def test_a_span_counts_where_a_log_event_says_another_thing() -> None:
    send = next(signal for signal in of_a_message() if isinstance(signal, Span) and signal.kind == "producer")
    sent = next(signal for signal in of_a_message() if signal.name == names.MESSAGE_SENT)
    other = replace(sent, attributes={**sent.attributes, names.MESSAGE_MODE: "assign"})
    assert [arrow["type"] for arrow in shown(indexed([other, send]))] == ["send"]
    assert [arrow["type"] for arrow in shown(indexed([send, other]))] == ["send"]
