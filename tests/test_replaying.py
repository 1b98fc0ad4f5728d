"""A story told again: other uids and times, and a clock that the story moves."""

from __future__ import annotations

from handspan.events import MessageSent, SessionStarted, TerminalEnded
from handspan.replaying import StoryTime, retold, scaled, shifted
from handspan.testing import BEGIN, SECOND, Story


def test_uids_and_times_are_others_wherever_they_stand_and_nothing_else_is() -> None:
    story = Story("s").session(parent_session="p", parent_worker="w").at(1).sent("m", "a", "b", sender_session="other")
    story.sent("n", "a", "b").at(5).gone("a", "vanished", last_seen=BEGIN + 4 * SECOND)
    told = [event for _, event in retold([(e.at, e) for e in story.events], "~x", shifted(100))]
    begun, sent, here, gone = told
    assert isinstance(begun, SessionStarted)
    assert isinstance(sent, MessageSent)
    assert isinstance(here, MessageSent)
    assert isinstance(gone, TerminalEnded)
    assert {event.session for event in told} == {"s~x"}
    assert [event.at for event in told] == [event.at + 100 for event in story.events]
    assert (begun.parent_session, begun.parent_worker) == ("p~x", "w")
    assert (sent.sender_session, here.sender_session, sent.message) == ("other~x", None, "m")
    assert gone.last_seen == BEGIN + 4 * SECOND + 100


def test_a_notice_of_no_session_stays_one() -> None:
    story = Story("").notice("update")
    assert [event.session for _, event in retold([(e.at, e) for e in story.events], "~x", shifted(0))] == [""]


def test_times_are_scaled_from_the_beginning() -> None:
    when = scaled(BEGIN, 7, 2.0)
    assert [when(BEGIN), when(BEGIN + 4 * SECOND), when(BEGIN - 2)] == [7, 7 + 2 * SECOND, 6]


def test_story_time_moves_when_an_event_is_taken_out_and_never_back() -> None:
    (event,) = Story("s").session().events
    clock = StoryTime(10)
    assert clock.translate((30, event)) == (event,)
    assert clock() == 30
    assert clock.translate((20, event)) == (event,)
    assert clock() == 30
    assert clock.translate(40) == ()
    assert clock() == 40
