from __future__ import annotations

from handspan import names
from handspan.demo import story
from handspan.events import from_line, to_line
from handspan.testing import SECOND, play, spans


def test_the_story_is_in_order_and_lasts_between_ten_and_twenty_minutes() -> None:
    times = [event.at for event in story()]
    assert times == sorted(times)
    assert 600 * SECOND <= times[-1] - times[0] <= 1_200 * SECOND


def test_every_telling_is_the_same_and_survives_a_file() -> None:
    assert story() == story() == [from_line(to_line(event)) for event in story()]


def test_one_of_each_thing_happens() -> None:
    told = spans(play(story()))
    root = next(span for span in told if span.parent_span_id is None)
    assert {
        name: root.attributes[name]
        for name in names.ATTRIBUTES
        if name in root.attributes and not name.endswith((".id", ".source"))
    } == {
        names.PART: 1,
        names.END_REASON: "killed",
        names.SESSION_NAME: "checkout",
        names.SESSION_TERMINALS: 4,
        names.SESSION_TURNS: 7,
        names.SESSION_MESSAGES: 8,
        names.SESSION_UNDELIVERED: 1,
        names.SESSION_DELEGATIONS: 3,
        names.SESSION_UNANSWERED: 0,
        names.SESSION_ERRORS: 3,
    }
    assert {span.attributes[names.DELEGATION_OUTCOME] for span in told if names.AWAITED in span.attributes} == {
        "completed",
        "failed",
    }
    assert {link.type for span in told for link in span.links} == {"message", "handoff", "assign", "callback"}
    assert [span.name for span in told if span.name == "waiting_for_input"] == ["waiting_for_input"]
