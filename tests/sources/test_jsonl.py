from __future__ import annotations

from typing import TYPE_CHECKING

from handspan.demo import story
from handspan.events import to_line
from handspan.sources.jsonl import Refused, read

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT = story()[0]
LINE = to_line(EVENT)


def test_what_was_written_is_read() -> None:
    events = story()
    assert list(read(map(to_line, events))) == events
    assert list(read(to_line(event).encode() + b"\r\n" for event in events)) == events


def test_blank_lines_and_a_byte_order_mark_are_skipped() -> None:
    assert list(read(["\ufeff" + LINE, "", " \t\r\n", LINE])) == [EVENT, EVENT]
    assert list(read([b"\xef\xbb\xbf\n", b"\n", LINE.encode()])) == [EVENT]


def test_a_byte_order_mark_further_on_is_no_event() -> None:
    assert list(read([LINE, "\ufeff" + LINE]))[1] == Refused(
        line=2,
        field="event",
        problem="is not JSON: Unexpected UTF-8 BOM (decode using utf-8-sig) at character 1",
    )


def test_a_line_that_is_no_event_costs_only_itself() -> None:
    at = LINE.replace("2026-11-20T", "yesterday ")
    lines: list[str | bytes] = [
        "{",
        LINE,
        "",
        "[]",
        '{"type":"x"}',
        at,
        b"\xff\xfe",
        LINE.encode("utf-16"),
        "null",
        LINE,
    ]
    told = list(read(lines))
    assert [one for one in told if not isinstance(one, Refused)] == [EVENT, EVENT]
    assert [(one.line, one.field, one.problem[:30]) for one in told if isinstance(one, Refused)] == [
        (1, "event", "is not JSON: Expecting propert"),
        (4, "event", "must be a JSON object, not an "),
        (5, "type", "'x' is unknown; one of session"),
        (6, "at", "'yesterday 10:00:00.000000000Z"),
        (7, "event", "is not UTF-8 (byte 1 of the li"),
        (8, "event", "is not UTF-8 (byte 1 of the li"),
        (9, "event", "must be a JSON object, not nul"),
    ]


def test_reading_is_streaming() -> None:
    def lines() -> Iterator[str]:
        yield LINE
        raise AssertionError("read ahead")

    assert next(read(lines())) == EVENT
