"""Stuck: an agent that works without a sign of life, or waits for a person, for ten minutes."""

from __future__ import annotations

import pytest

from handspan import names
from handspan.testing import Story, logs, play
from tests.picture_of import logs_of, moment, supervised


def told(story: Story) -> list[str]:
    return logs_of(play(story.events), "stuck", "unstuck")


def test_working_without_output_for_ten_minutes_is_stuck_and_output_ends_it() -> None:
    story = (
        supervised().at(604).alive("sup").at(1203.9).alive("sup").at(1900).alive("sup").at(2000).status("sup", "ready")
    )
    assert told(story.at(2100).end()) == [
        "1803.9 stuck terminal sup",
        "1900 unstuck terminal sup",
    ]


def test_waiting_for_ten_minutes_is_stuck_whatever_it_puts_out_until_it_is_answered() -> None:
    story = (
        supervised()
        .at(10)
        .status("sup", "waiting")
        .at(300)
        .alive("sup")
        .at(700)
        .alive("sup")
        .at(800)
        .status("sup", "working")
    )
    assert told(story.at(810).status("sup", "ready").at(2100).end()) == [
        "610 stuck terminal sup",
        "800 unstuck terminal sup",
    ]


def test_a_stuck_one_is_stuck_once_and_again_after_a_sign() -> None:
    assert told(supervised().at(700).alive("sup").at(3000).status("sup", "ready").at(4000).end()) == [
        "605 stuck terminal sup",
        "700 unstuck terminal sup",
        "1300 stuck terminal sup",
        "3000 unstuck terminal sup",
    ]


def test_the_idle_are_never_stuck() -> None:
    assert told(supervised().at(6).status("sup", "ready").at(4000).end()) == []


def test_of_one_that_cannot_be_seen_nothing_is_known() -> None:
    assert told(supervised().at(6).status("sup", "unknown").at(4000).end()) == []


def test_becoming_unknown_is_a_sign_of_nothing() -> None:
    assert told(supervised().at(700).status("sup", "unknown").at(4000).end()) == [
        "605 stuck terminal sup",
        "700 unstuck terminal sup",
    ]


@pytest.mark.parametrize("last_seen", [None, moment(690)], ids=["reported", "found by looking"])
@pytest.mark.parametrize("reason", ["killed", "vanished"])
def test_a_stuck_one_that_dies_is_no_longer_stuck(reason: str, last_seen: int | None) -> None:
    lines = told(supervised().at(700).gone("sup", reason, last_seen=last_seen).at(800).end())
    assert [line.split()[1] for line in lines] == ["stuck", "unstuck"]


def test_a_stuck_one_is_no_longer_stuck_when_its_session_ends() -> None:
    assert told(supervised().at(700).end()) == ["605 stuck terminal sup", "700 unstuck terminal sup"]


def test_a_message_typed_into_a_stuck_one_is_no_output_of_its() -> None:
    story = supervised().at(700).typed("m", "sup", "boss")
    assert told(story.at(900).end()) == ["605 stuck terminal sup", "900 unstuck terminal sup"]


def test_it_warns_about_the_terminal_and_says_for_how_long() -> None:
    signals = play(supervised().at(10).status("sup", "waiting").at(800).status("sup", "working").at(900).end().events)
    said = [log for log in logs(signals) if log.name in {names.STUCK, names.UNSTUCK}]
    assert [
        (log.severity, log.attributes[names.STATUS], log.attributes[names.STUCK_FOR], log.attributes[names.TERMINAL_ID])
        for log in said
    ] == [
        (names.WARN, "waiting", 600.0, "sup"),
        (names.INFO, "working", 790.0, "sup"),
    ]
