"""The index against the small reader of the same promise, `tests/drawing.py`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from handspan import names
from handspan.hub.index import Index, export, sessions
from handspan.hub.record import Entry
from handspan.rules.memory import Rules
from handspan.signals import Log
from handspan.testing import BEGIN, Player, Story, logs, play, spans
from tests import drawing
from tests.recorded import entries
from tests.story_strategies import stories
from tests.test_properties import SMALL, ended, examples, in_order

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

    from handspan.events import Event
    from handspan.otlp import Kind
    from handspan.signals import Signal

_DRAWN = "SELECT trace, span, name, parent, start, end, final FROM spans WHERE NOT gone AND kind IN (?, ?, ?, ?, ?, ?)"


def drawn(index: Index, at: int) -> drawing.Drawing:
    """What the index shows: spans as they were at an instant, and what is known of those that have not left."""
    with index.reading() as connection:
        rows = connection.execute(_DRAWN, drawing.KINDS).fetchall()
    return {
        (trace.hex(), span.hex()): drawing.Line(
            name=name,
            parent=parent.hex() if parent else None,
            start=start,
            open=end > at + drawing.INSTANT if final else end is None,
        )
        for trace, span, name, parent, start, end, final in rows
        if not final or start <= at
    }


def filled(found: Sequence[Entry], groups: int = 3) -> Index:
    """An index with these entries, in groups as they may come."""
    index = Index(":memory:")
    for start in range(0, len(found), groups):
        index.fill(found[start : start + groups])
    return index


def repeated(found: Sequence[Entry], chance: random.Random) -> list[Entry]:
    """The same entries, some of them again at any later time."""
    again = list(found)
    for each in chance.sample(found, len(found) // 2):
        again.insert(chance.randint(found.index(each) + 1, len(again)), each)
    return numbered(again)


def numbered(found: Iterable[Entry]) -> list[Entry]:
    return [each._replace(seq=seq) for seq, each in enumerate(found, 1)]


def told_again(signals: Iterable[Signal]) -> set[tuple[str, str]]:
    """What was told to be open once more after its end: only the order says that, so only in order is it known."""
    over: set[tuple[str, str]] = set()
    found: set[tuple[str, str]] = set()
    for log in signals:
        if isinstance(log, Log) and log.trace_id and log.span_id:
            key = (log.trace_id, log.span_id)
            if log.name.endswith(".ended"):
                over.add(key)
            elif log.name.endswith(".started") and key in over:
                found.add(key)
    return found


RULES = st.sampled_from([Rules(), SMALL])


@examples(150)
@given(stories(), RULES, st.randoms(use_true_random=False), st.integers(1, 6), st.integers(1, 6))
def test_in_any_order_and_with_repeats_it_shows_the_final_trace(
    events: list[Event], rules: Rules, chance: random.Random, size: int, groups: int
) -> None:
    signals = ended(in_order(events), rules)
    found = entries(signals, size=size)
    chance.shuffle(found)
    at = max(span.end for span in spans(signals))
    assert drawn(filled(repeated(found, chance), groups), at) == drawing.finished(spans(signals), at)


@examples(150)
@given(stories(), RULES, st.randoms(use_true_random=False), st.integers(1, 6), st.integers(0, 40))
def test_cut_anywhere_it_shows_what_is_running(
    events: list[Event], rules: Rules, chance: random.Random, groups: int, cut: int
) -> None:
    player = Player(rules)
    for event in events[:cut]:
        player.say(event)
    found = repeated(entries(player.signals), chance)
    shown = drawn(filled(found, groups), player.sessions.now)
    assert shown == without_closed(drawing.running(player.signals, player.sessions.now), player.signals)


@examples(150)
@given(stories(), RULES, st.randoms(use_true_random=False), st.integers(1, 6), st.integers(0, 40))
def test_cut_anywhere_it_shows_what_is_running_in_any_order_of_requests(
    events: list[Event], rules: Rules, chance: random.Random, size: int, cut: int
) -> None:
    player = Player(rules)
    for event in events[:cut]:
        player.say(event)
    found = entries(player.signals, size=size)
    chance.shuffle(found)
    shown = drawn(filled(repeated(found, chance)), player.sessions.now)
    meant = without_closed(drawing.running(player.signals, player.sessions.now), player.signals)
    for key in told_again(player.signals):
        shown.pop(key, None)
        meant.pop(key, None)
    assert shown == meant


def without_closed(lines: drawing.Drawing, signals: Sequence[Signal]) -> drawing.Drawing:
    """What the drawing shows, but for what never left although its root did."""
    left = {(span.trace_id, span.span_id): span for span in spans(signals)}
    closed = {trace for (trace, _), span in left.items() if span.parent_span_id is None}
    return {key: line for key, line in lines.items() if key in left or key[0] not in closed}


# --- what strangers send ---------------------------------------------------------------------------------------------

_ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.text(max_size=3), max_size=2),
)
_NAMES = st.sampled_from([
    *{names.SESSION_ID, names.TERMINAL_ID, names.AGENT_NAME, names.PART, names.REVISION, names.SPAN_START},
    *{
        names.PARENT_SPAN_ID,
        names.SPAN_NAME,
        names.OUTCOME,
        names.STATUS,
        names.STUCK_FOR,
        names.LOG_UID,
        names.AWAITED,
    },
    *{
        names.TARGET_TERMINAL,
        names.CALLER_TERMINAL,
        names.TURN_SPAN_ID,
        names.MESSAGE_MODE,
        names.CONTINUES,
        names.INFERRED,
    },
])
_IDS = st.sampled_from(["01" * 16, "02" * 16, "00" * 16, "03"])
_SPAN_IDS = st.sampled_from(["01" * 8, "02" * 8, "04"])
_TIMES = st.sampled_from(["0", "5", str(BEGIN), str(2**63), str(2**64 - 1)])


@st.composite
def _record(draw: st.DrawFn) -> dict[str, Any]:
    said = draw(st.dictionaries(_NAMES, _ANY, max_size=8))
    if draw(st.booleans()):
        said[names.SESSION_ID] = draw(st.sampled_from(["s", "t"]))
    return {
        "traceId": draw(_IDS),
        "spanId": draw(_SPAN_IDS),
        "attributes": [{"key": name, "value": export.value(value)} for name, value in said.items()],
    }


@st.composite
def _stranger_s(draw: st.DrawFn) -> Entry:
    kind: Kind = draw(st.sampled_from(("traces", "logs")))
    record = draw(_record())
    if kind == "traces":
        link = {"traceId": draw(_IDS), "spanId": draw(_SPAN_IDS)}
        record |= {
            "parentSpanId": draw(st.sampled_from(["", "02" * 8])),
            "kind": draw(st.integers(0, 5)),
            "links": [link],
        }
        record |= {
            "name": draw(st.text(max_size=9)),
            "startTimeUnixNano": draw(_TIMES),
            "endTimeUnixNano": draw(_TIMES),
        }
        form = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": names.SCOPE}, "spans": [record]}]}]}
    else:
        record |= {"eventName": draw(st.sampled_from(list(names.LOG_EVENTS))), "timeUnixNano": draw(_TIMES)}
        form = {"resourceLogs": [{"scopeLogs": [{"scope": {"name": names.SCOPE}, "logRecords": [record]}]}]}
    return Entry(1, 1, kind, "json", json.dumps(form).encode())


@examples(200)
@given(st.lists(_stranger_s(), max_size=12), st.integers(1, 4))
def test_whatever_is_sent_in_our_name_is_taken_and_can_be_shown(found: list[Entry], groups: int) -> None:
    index = filled(numbered(found), groups)
    with index.reading() as connection:
        for summary in sessions.listed(connection, limit=10)["sessions"]:
            detail = sessions.detailed(connection, summary["id"])
            assert detail is not None
            assert detail["session"] == summary
            assert export.exported(connection, summary["id"]) is not None
        assert connection.execute("SELECT count(*) FROM skipped WHERE reason LIKE 'unreadable%'").fetchone() == (0,)
    assert index.position == len(found)


def test_what_can_t_be_read_is_counted_and_costs_the_rest_nothing() -> None:
    good = entries(spans(play(Story("s").at(0).session().terminal("a").at(9).gone("a").end().events)))
    index = filled(numbered([Entry(0, 0, "traces", "protobuf", b"\xff"), *good, Entry(0, 0, "logs", "json", b"{")]), 10)
    with index.reading() as connection:
        assert connection.execute("SELECT * FROM skipped ORDER BY reason").fetchall() == [
            ("unreadable logs", 1),
            ("unreadable traces", 1),
        ]
        assert [each["state"] for each in sessions.listed(connection, limit=9)["sessions"]] == ["ended"]


def test_a_stranger_s_span_under_an_id_of_ours_does_not_take_its_place() -> None:
    signals = play(Story("s").at(0).session().terminal("a").events)
    opening = next(log for log in logs(signals) if log.name == "handspan.terminal.started")
    theirs = {"traceId": opening.trace_id, "spanId": opening.span_id, "name": "theirs", "endTimeUnixNano": "9"}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [theirs]}]}]}).encode()
    index = filled(numbered([*entries(signals), Entry(0, 0, "traces", "json", body)]))
    assert drawn(index, BEGIN) == drawing.running(signals, BEGIN)


def test_an_entry_that_was_taken_in_is_not_taken_in_again() -> None:
    index = Index(":memory:")
    stranger = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hello"}}]}]}]})
    found = Entry(1, 1, "logs", "json", stranger.encode())
    index.fill([found])
    index.fill([found])
    with index.reading() as connection:
        assert connection.execute("SELECT body FROM logs").fetchall() == [("hello",)]
