from __future__ import annotations

from handspan import names
from handspan.show.picture import Row, blocks
from handspan.signals import Link, Log, Resource, Span, Value

ABOUT = Resource(service="a", namespace="n", instance="i")


def log(name: str, at: int, attributes: dict[str, Value], uid: str = "u", span: str = "02") -> Log:
    return Log(
        uid=uid,
        name=name,
        at=at,
        severity=9,
        body="",
        resource=ABOUT,
        trace_id="t",
        span_id=span,
        attributes=attributes,
    )


def opening(at: int, revision: int = 1, agent: str = "a") -> Log:
    said: dict[str, Value] = {names.SPAN_NAME: f"terminal {agent}", names.SPAN_START: 5, names.REVISION: revision}
    return log(names.started(names.TERMINAL), at, {**said, names.AGENT_NAME: agent})


def ending(at: int, outcome: str = "killed", revision: int = 1) -> Log:
    return log(names.ended(names.TERMINAL), at, {names.OUTCOME: outcome, names.REVISION: revision})


def span(id: str, parent: str | None, name: str, start: int, **fields: object) -> Span:
    known: dict[str, object] = {"kind": "internal", "end": start + 10, "attributes": {}, **fields}
    return Span(trace_id="t", span_id=id, parent_span_id=parent, name=name, start=start, resource=ABOUT, **known)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] (any field)


def only(*signals: Log | Span) -> Row:
    (block,) = blocks(signals)
    (row,) = block.top
    return row


def test_the_opening_with_the_highest_revision_counts_in_any_order() -> None:
    assert only(opening(5), opening(5, 3, "c"), opening(5, 2, "b")).name == "terminal c"


def test_the_ending_with_the_highest_revision_counts_in_any_order() -> None:
    row = only(opening(5), ending(9, "vanished", 2), ending(8, "killed", 1))
    assert (row.end, row.outcome) == (9, "vanished")


def test_what_is_taken_back_is_left_out_unless_it_is_said_again() -> None:
    assert blocks([opening(5), ending(6, "retracted")]) == []
    assert only(opening(5), ending(6, "retracted"), opening(7, 2)).end is None


def test_an_opening_in_other_words_leaves_the_end_and_in_the_same_words_takes_it_back() -> None:
    assert only(opening(5), ending(6), opening(5, 2, "b")).end == 6
    assert only(opening(5), ending(6), opening(5, 2)).end is None


def test_the_span_is_the_truth() -> None:
    row = only(opening(5), span("02", None, "terminal z", 7), ending(30))
    assert (row.name, row.start, row.end, row.outcome) == ("terminal z", 7, 17, "killed")


def test_a_row_whose_parent_is_unknown_hangs_under_the_session() -> None:
    root = only(span("01", None, "session s", 0), span("02", "ff", "terminal a", 3))
    assert [child.name for child in root.children] == ["terminal a"]


def test_a_message_whose_send_has_not_left_hangs_where_the_rules_will_hang_it() -> None:
    here: dict[str, Value] = {names.TERMINAL_ID: "t1"}
    turn = {**here, names.TURN_TRIGGER: "message"}
    call = {names.AWAITED: True, names.TOOL_NAME: "handoff", names.TARGET_TERMINAL: "t2"}
    signals = [
        span("01", None, "session s", 0),
        span("02", "01", "terminal a", 1, attributes=here, end=100),
        span("03", "02", "invoke_agent a", 10, attributes=turn),
        span("04", "03", "handoff b", 12, attributes=call),
    ]

    def parent(at: int, sender: str, mode: str = "send_message") -> str | None:
        said: dict[str, Value] = {
            names.SENDER_TERMINAL: sender,
            names.RECEIVER_TERMINAL: "t2",
            names.MESSAGE_MODE: mode,
        }
        sent = log(names.MESSAGE_SENT, at, said, span="09")
        (block,) = blocks([*signals, sent])
        return next(row.parent for row, _ in block.rows() if row.id == "09")

    assert parent(15, "t1", "handoff") == "04"
    assert parent(15, "t1") == "03"
    assert parent(50, "t1") == "02"
    assert parent(15, "unknown") == "01"


def test_labels_go_by_time_and_only_to_what_is_linked() -> None:
    def to(id: str) -> tuple[Link, ...]:
        return (Link(trace_id="t", span_id=id, type="message"),)

    (block,) = blocks([
        span("01", None, "session s", 0),
        span("02", "01", "send a", 30, kind="producer"),
        span("03", "01", "send a", 20, kind="producer"),
        span("04", "01", "send a", 10, kind="producer"),
        span("05", "01", "invoke_agent a", 40, links=to("02")),
        span("06", "01", "invoke_agent a", 50, links=to("04")),
    ])
    assert {row.id: row.label for row, _ in block.rows() if row.label} == {"04": "m1", "02": "m2"}
