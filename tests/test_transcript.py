from __future__ import annotations

from typing import TYPE_CHECKING

from handspan import names
from handspan.signals import Count, Link, Log, Observation, Resource, Span, SpanEvent
from handspan.testing import Story, play, spans
from handspan.transcript import describe

if TYPE_CHECKING:
    from handspan.signals import Signal, Value

SECOND = 1_000_000_000
BEGIN = 1_795_168_800 * SECOND
CAO = Resource(service="cao", namespace="cao", instance="i")
DEV = Resource(service="developer", namespace="cao", instance="i", terminal="d1")
COMMON: dict[str, Value] = {names.SESSION_ID: "s-1", names.CONVERSATION_ID: "s-1", names.SESSION_NAME: "two words"}


def span(span_id: str, parent: str | None, name: str, start: float, end: float, *, resource: Resource = CAO) -> Span:
    return Span(
        trace_id="aa",
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind="producer" if name.startswith("send") else "internal",
        start=BEGIN + round(start * SECOND),
        end=BEGIN + round(end * SECOND),
        resource=resource,
        attributes=COMMON,
    )


def log(name: str, at: float, span_id: str | None, resource: Resource, **said: Value) -> Log:
    attributes = {**COMMON, names.EVENT_NAME: name, names.LOG_UID: "u", **said}
    severity = names.ERROR if names.OUTCOME in said else names.INFO
    return Log(
        uid="u",
        name=name,
        at=BEGIN + round(at * SECOND),
        severity=severity,
        body="It happened.",
        resource=resource,
        attributes=attributes,
        trace_id="aa" if span_id else None,
        span_id=span_id,
    )


def whole() -> list[Signal]:
    """One of everything, by hand, in no order."""
    root = span("01", None, "session two words", 0, 90)
    turn = Span(
        trace_id="aa",
        span_id="03",
        parent_span_id="02",
        name="invoke_agent developer",
        kind="internal",
        start=BEGIN + 2 * SECOND,
        end=BEGIN + 7_654_321_000,
        resource=DEV,
        attributes=COMMON | {names.TURN_NUMBER: 1, names.TERMINAL_BUSY: 2.5, names.INFERRED: ("start", "end")},
        events=(
            SpanEvent(name="message_sent", at=BEGIN + 3 * SECOND, attributes=COMMON | {names.MESSAGE_TEXT: "a b\n"}),
        ),
        links=(
            Link(trace_id="aa", span_id="04", type="message"),
            Link(trace_id="ff", span_id="99", type="upstream"),
        ),
        error=True,
        dropped_events=2,
        dropped_links=1,
    )
    nameless = Span(
        trace_id="aa",
        span_id="04",
        parent_span_id="01",
        name="send developer",
        kind="producer",
        start=BEGIN + SECOND,
        end=BEGIN + SECOND + 1_000,
        resource=CAO,
        attributes={names.SESSION_ID: "s-1", names.CONVERSATION_ID: "another", names.MESSAGE_TEXT: ""},
    )
    opening: dict[str, Value] = {names.SPAN_NAME: "invoke_agent developer", names.PARENT_SPAN_ID: "02"}
    return [
        Count(name="handspan_events_total", labels={"source": "cao", "type": "activity"}, trace_id="aa"),
        Observation(name="handspan_turn_seconds", labels={"agent": "developer"}, value=5.6543),
        turn,
        log("handspan.turn.started", 2, "03", DEV, **opening),
        log("handspan.turn.ended", 7.654321, "03", DEV, **{names.OUTCOME: "error"}),
        log("handspan.stuck", 8, "03", CAO),
        Observation(name="handspan_turn_seconds", labels={"agent": "developer"}, value=1.0),
        Count(name="handspan_cost_usd_total", labels={"agent": "developer"}, value=0.25),
        Count(name="handspan_events_total", labels={"source": "cao", "type": "activity"}, value=2),
        root,
        nameless,
        span("02", "01", "terminal developer", 1, 80, resource=DEV),
        log("handspan.notice", 50, None, CAO, **{names.NOTICE_NAME: "ci failed"}),
    ]


def test_a_whole_transcript() -> None:
    assert (
        describe(whole())
        == """\
TRACE aa
  everywhere: session.id=s-1 gen_ai.conversation.id=s-1 handspan.session.name='two words'
    +0.000    90.000s  session two words  [01] @cao
    +1.000    79.000s    terminal developer  [02] @developer/d1
    +2.000     5.654s      invoke_agent developer ERROR  [03] @developer/d1
                          handspan.turn.number=1 handspan.terminal.busy_seconds=2.5 handspan.inferred=(start, end)
                          link message -> send developer [04]
                          link upstream -> ff [99]
                          event +3.000 message_sent handspan.message.text='a b\\n'
                          dropped 2 events, 1 links
    +1.000       1 µs    send developer PRODUCER  [04] @cao
                        gen_ai.conversation.id=another handspan.message.text=''
                        LACKS handspan.session.name

LOG EVENTS
    +2.000  turn.started  invoke_agent developer [03]  not yet: handspan.turn.number  handspan.parent.span_id=02
    +7.654  turn.ended ERROR  invoke_agent developer [03]  handspan.outcome=error
    +8.000  stuck  invoke_agent developer [03]  @cao
   +50.000  notice  (no session)  @cao  handspan.notice.name='ci failed'

COUNTS
  handspan_cost_usd_total{agent=developer}  0.25
  handspan_events_total{source=cao, type=activity}  3
  handspan_turn_seconds{agent=developer}  1.000 5.654
"""
    )


def test_the_order_in_which_spans_left_does_not_show() -> None:
    signals = whole()
    logs = [s for s in signals if isinstance(s, Log)]
    others = [s for s in signals if not isinstance(s, Log)]
    assert describe([*reversed(others), *logs]) == describe(signals)


def test_nothing_is_nothing() -> None:
    assert describe([]) == "\n"


def test_a_span_without_its_parent_says_so() -> None:
    assert (
        describe([
            span("02", "01", "terminal developer", 1, 80, resource=DEV),
            span("03", "02", "boot developer", 2, 3, resource=DEV),
        ])
        == """\
TRACE aa
  everywhere: session.id=s-1 gen_ai.conversation.id=s-1 handspan.session.name='two words'
  (parent 01 is not here)
    +0.000    79.000s  terminal developer  [02] @developer/d1
    +1.000     1.000s    boot developer  [03] @developer/d1
"""
    )


def test_only_log_events_need_no_span() -> None:
    said: dict[str, Value] = {names.SPAN_NAME: "invoke_agent developer", names.TURN_NUMBER: 1}
    opening = log("handspan.turn.started", 5, "03", DEV, **said)
    assert (
        describe([opening, log("handspan.turn.ended", 6, "03", DEV)])
        == """\
LOG EVENTS
    +0.000  turn.started  invoke_agent developer [03]  @developer/d1  handspan.turn.number=1
    +1.000  turn.ended   [03]  @developer/d1
"""
    )


def test_each_trace_stands_for_itself() -> None:
    signals = play(Story("a").at(0).session().end().events) + play(Story("b").at(1).session().end().events)
    text = describe(signals)
    assert [line[:5] for line in text.splitlines() if line.startswith(("TRACE", "  eve"))] == ["TRACE", "  eve"] * 2
    assert all(f"TRACE {made.trace_id}" in text and f"[{made.span_id}]" in text for made in spans(signals))


def test_what_was_played_is_told_in_the_same_words_again() -> None:
    story = Story().at(0).session().terminal("t", "developer").at(1).status("t", "ready").at(2).end()
    assert describe(play(story.events)) == describe(iter(play(story.events)))


def test_a_tree_may_be_deeper_than_python_calls_itself() -> None:
    story = Story("deep").at(0).session()
    for n in range(1_200):
        story.at(n / 1_000).terminal(f"t{n}", creator=f"t{n - 1}" if n else None)
    lines = describe(play(story.at(2).end().events)).splitlines()
    assert max(len(line) - len(line[22:].lstrip()) - 22 for line in lines) > 2 * 1_200
