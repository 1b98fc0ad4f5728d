from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from handspan import reading
from handspan.demo import story
from handspan.events import to_line
from handspan.reading import NoStory, Telling, opened
from handspan.signals import Log, Span
from handspan.sources import cao_facts
from handspan.sources.jsonl import Refused
from handspan.testing import BEGIN, SECOND, Story, moved, play

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from handspan.events import Event


def lines_of(events: Iterable[Event]) -> list[bytes]:
    return [to_line(event).encode() + b"\n" for event in events]


def test_a_file_tells_what_its_events_tell() -> None:
    telling = Telling()
    assert list(telling.signals(lines_of(story()))) == play(story())
    assert (telling.events, telling.now) == (len(story()), story()[-1].at)


def test_the_order_of_the_lines_is_the_order_of_delivery() -> None:
    events = [*story()[20:], *story()[:20]]
    assert list(Telling().signals(lines_of(events))) == play(events)


def test_until_a_moment_only_that_is_told_which_had_left_by_then() -> None:
    telling = Telling(400)
    told = list(telling.signals(lines_of(story())))
    assert telling.now == BEGIN + 400 * SECOND
    assert (
        max(signal.at if isinstance(signal, Log) else signal.end for signal in told if isinstance(signal, Log | Span))
        <= telling.now
    )
    assert any(isinstance(signal, Log) and signal.at > BEGIN + 370 * SECOND for signal in told)


def test_a_line_a_year_away_is_refused() -> None:
    one, year = Story("s").at(0).session().events, 366 * 24 * 3600
    near, far = (moved(Story("s").at(0).terminal("t").events, by) for by in (year, year + 0.001))
    assert not [x for x in Telling().signals(lines_of([*one, *near])) if isinstance(x, Refused)]
    assert [x for x in Telling().signals(lines_of([*one, *far])) if isinstance(x, Refused)] == [
        Refused(line=2, field="at", problem="is more than a year away from the lines around it")
    ]


def test_facts_and_events_may_stand_in_one_file() -> None:
    row = cao_facts.TerminalRow(
        at=BEGIN,
        id="t",
        seen_by="hook",
        agent_profile="dev",
        tmux_session="s",
        last_active=BEGIN,
        session_incarnation_id="u",
    )
    told = list(Telling().signals([cao_facts.to_line(row).encode(), *lines_of(Story("other").at(1).session().events)]))
    assert {signal.attributes["session.id"] for signal in told if isinstance(signal, Log)} == {"u", "other"}


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ('{"fact": "Nonsense"}', "fact: must be one of"),
        ('{"fact": "Status", "at": "2026-11-20T10:00:00Z"}', "terminal: is required in Status"),
        ('{"fact": "Swept", "at": "2026-11-20T10:00:00Z", "found": [1]}', "fact: holds a value of the wrong kind"),
        ('{"fact": "Swept", "at": 1}', "at: 1 is no RFC 3339 time"),
        ('{"fact": ', "event: is not JSON"),
        ('["fact"]', "event: must be a JSON object"),
    ],
)
def test_a_bad_fact_names_its_field(line: str, refused: str) -> None:
    (told,) = Telling().signals([line.encode()])
    assert isinstance(told, Refused)
    assert f"{told.field}: {told.problem}".startswith(refused)


def test_an_event_may_say_fact() -> None:
    event = Story("s").at(0).notice('"fact"').events
    assert not [x for x in Telling().signals(lines_of(event)) if isinstance(x, Refused)]


def test_a_folder_holds_facts_or_events(tmp_path: Path) -> None:
    with (
        pytest.raises(NoStory, match=r"holds no story. Name a folder with facts.jsonl or events.jsonl in it"),
        opened(str(tmp_path), io.BytesIO()),
    ):
        pass
    for name in ("events.jsonl", "facts.jsonl"):
        (tmp_path / name).write_bytes(b"x\n")
        with opened(str(tmp_path), io.BytesIO()) as (told, lines):
            assert (told, list(lines)) == (str(tmp_path / name), [b"x\n"])


def test_a_dash_is_stdin() -> None:
    with opened("-", io.BytesIO(b"a\nb")) as (name, lines):
        assert (name, list(lines)) == ("stdin", [b"a\n", b"b"])


def test_binary_garbage_is_no_story() -> None:
    with opened("-", io.BytesIO(b"\x7fELF\0\0")) as (_, lines), pytest.raises(NoStory, match="stdin is no text"):
        list(lines)


def test_a_line_without_end_is_read_in_part_and_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_LONGEST_LINE", 8)
    with opened("-", io.BytesIO(b"x" * 100 + b"\nshort\n1234567\n")) as (_, lines):
        assert list(lines) == [b"x" * 8, b"short\n", b"1234567\n"]


@pytest.mark.parametrize("wrong", [-2 * 366 * 24 * 3600, 2 * 366 * 24 * 3600])
@pytest.mark.parametrize("where", [0, 1, 3])
def test_of_lines_that_do_not_agree_on_the_year_the_odd_one_is_refused(wrong: float, where: int) -> None:
    good = Story("s").at(0).session().terminal("t").at(1).status("t", "ready").at(2).end().events
    (odd,) = moved(Story("s").at(0).status("t", "working").events, wrong)
    told = list(Telling().signals(lines_of([*good[:where], odd, *good[where:]])))
    assert [one.line for one in told if isinstance(one, Refused)] == [where + 1]
    assert [one for one in told if not isinstance(one, Refused)] == list(Telling().signals(lines_of(good)))


def test_two_lines_that_agree_begin_another_year() -> None:
    year = 2 * 366 * 24 * 3600
    first = Story("s").at(0).session().at(1).end().events
    later = moved(Story("u").at(0).session().at(1).end().events, year)
    told = list(Telling().signals(lines_of([*first, *later])))
    assert not [one for one in told if isinstance(one, Refused)]
    assert {one.attributes["session.id"] for one in told if isinstance(one, Span)} == {"s", "u"}
