from __future__ import annotations

import json

from handspan import names
from handspan.hub.index import forms

TRACE, SPAN, PARENT = b"\x01" * 16, b"\x02" * 8, b"\x03" * 8


def test_a_span_as_the_page_reads_it() -> None:
    said = {names.INFERRED: ["end", "start"], names.CONTINUES: "aa" * 8, "n": 2**53 - 1, "m": 2**53, "least": -(2**60)}
    events = [{"at": 1_795_168_800_000_000_001, "name": "message_sent", "attributes": {"k": 1.5}}]
    links = [{"type": "message", "trace": "01" * 16, "span": "04" * 8, "attributes": {names.LINK_TYPE: "message"}}]
    row = (
        *(TRACE, SPAN, PARENT, "turn", "invoke_agent a", "t1", "a", 2**62, 2**62 + 1, "completed", "exited", 2),
        *(json.dumps(said), json.dumps(events), json.dumps(links), 3),
    )
    assert forms.span(row) == {
        "trace": "01" * 16,
        "id": "02" * 8,
        "parent": "03" * 8,
        "kind": "turn",
        "name": "invoke_agent a",
        "terminal": "t1",
        "agent": "a",
        "start": "4611686018427387904",
        "end": "4611686018427387905",
        "open": False,
        "outcome": "completed",
        "error": "exited",
        "inferred": "both",
        "continues": "aa" * 8,
        "part": 2,
        "attributes": {**said, "m": "9007199254740992", "least": "-1152921504606846976"},
        "events": [{"at": "1795168800000000001", "name": "message_sent", "attributes": {"k": 1.5}}],
        "links": [{"type": "message", "trace": "01" * 16, "span": "04" * 8}],
        "dropped": 3,
    }


def test_a_marker_is_nothing_to_draw() -> None:
    row = (
        TRACE,
        SPAN,
        PARENT,
        "session.started",
        "session.started",
        None,
        None,
        5,
        6,
        None,
        None,
        1,
        "{}",
        "[]",
        "[]",
        0,
    )
    assert forms.span(row)["kind"] == "other"


def test_what_is_unknown_is_absent() -> None:
    row = (TRACE, SPAN, None, "session", "session", None, None, 5, None, None, None, 1, "{}", "[]", "[]", 0)
    assert forms.span(row) == {
        "trace": "01" * 16,
        "id": "02" * 8,
        "kind": "session",
        "name": "session",
        "start": "5",
        "open": True,
        "part": 1,
        "attributes": {},
        "events": [],
        "links": [],
    }


def test_one_end_is_inferred_or_none() -> None:
    found = [json.dumps({names.INFERRED: ends}) for ends in (["start"], ["end"], [], "end", 7)]
    rows = [(TRACE, SPAN, None, "boot", "boot", None, None, 5, 6, None, None, 1, said, "[]", "[]", 0) for said in found]
    assert [forms.span(row).get("inferred") for row in rows] == ["start", "end", None, None, None]


def test_a_log_event_as_the_page_reads_it() -> None:
    said = json.dumps({names.TERMINAL_ID: "t1", names.AGENT_NAME: "a", names.SPAN_START: 2**60})
    assert forms.log((1, 2**60, "handspan.stuck", 13, "An agent …", TRACE, SPAN, said)) == {
        "at": "1152921504606846976",
        "name": "handspan.stuck",
        "severity": 13,
        "body": "An agent …",
        "trace": "01" * 16,
        "span": "02" * 8,
        "terminal": "t1",
        "agent": "a",
        "attributes": {names.TERMINAL_ID: "t1", names.AGENT_NAME: "a", names.SPAN_START: "1152921504606846976"},
    }


def test_a_span_that_goes_on_is_pointed_at_by_the_one_before() -> None:
    spans = [
        {"id": "b", "kind": "turn", "start": "7", "continues": "a", "terminal": "t"},
        {"id": "c", "kind": "turn", "start": "8"},
        {"id": "d", "kind": "other", "start": "7", "continues": "a"},
    ]
    assert list(forms.continuations(spans)) == [
        {
            "type": "continuation",
            "from": {"terminal": "t", "span": "a", "at": "7"},
            "to": {"terminal": "t", "span": "b", "at": "7"},
            "delivered": True,
            "sent": "7",
        }
    ]
