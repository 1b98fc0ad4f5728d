from __future__ import annotations

import base64
import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, get_args

import pytest
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped] # (it has no stubs)
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1 import logs_pb2  # pyright: ignore[reportMissingTypeStubs]
from opentelemetry.proto.trace.v1 import trace_pb2

from handspan import names
from handspan.hub.index.entries import Facts, LogFact, Resource, SpanFact, Unreadable, facts_of, number, text
from handspan.hub.record import Encoding, Entry
from handspan.otlp import Kind
from handspan.testing import BEGIN
from tests.recorded import entries, pushed, recording

if TYPE_CHECKING:
    from collections.abc import Mapping


def as_json(form: object, kind: Kind = "traces") -> Entry:
    return Entry(seq=1, at=1, kind=kind, encoding="json", body=json.dumps(form).encode())


def of(
    form: Mapping[str, Any], kind: Kind = "traces", scope: str = names.SCOPE, resource: Mapping[str, Any] | None = None
) -> Facts:
    """The facts of one span or log record."""
    groups, scopes, records = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    }[kind]
    said = {"attributes": [{"key": name, "value": value} for name, value in (resource or {}).items()]}
    return facts_of(
        as_json({groups: [{"resource": said, scopes: [{"scope": {"name": scope}, records: [form]}]}]}, kind)
    )


def attributes(**values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name.replace("__", "."), "value": value} for name, value in values.items()]


SPAN: dict[str, Any] = {
    "traceId": "01" * 16,
    "spanId": "02" * 8,
    "name": "x",
    "startTimeUnixNano": "5",
    "endTimeUnixNano": "6",
}
OURS = attributes(session__id={"stringValue": "s"})


def test_a_span_of_ours_is_read_whole() -> None:
    span = SPAN | {
        "parentSpanId": "03" * 8,
        "name": "invoke_agent dev",
        "attributes": [*OURS, *attributes(handspan__turn__trigger={"stringValue": "human"}, n={"intValue": "3"})],
        "events": [{"timeUnixNano": "5", "name": "e", "attributes": attributes(k={"doubleValue": 1.5})}],
        "links": [
            {
                "traceId": "04" * 16,
                "spanId": "05" * 8,
                "attributes": attributes(handspan__link__type={"stringValue": "message"}),
            }
        ],
        "status": {"code": 2},
        "droppedEventsCount": 1,
        "droppedLinksCount": 2,
        "droppedAttributesCount": 4,
    }
    found = of(span, resource={"handspan.instance": {"stringValue": "i"}})
    assert found == Facts(
        [
            SpanFact(
                trace=b"\x01" * 16,
                id=b"\x02" * 8,
                parent=b"\x03" * 8,
                session="s",
                kind="turn",
                name="invoke_agent dev",
                start=5,
                end=6,
                error="error",
                said={"session.id": "s", names.TURN_TRIGGER: "human", "n": 3},
                events=[{"at": 5, "name": "e", "attributes": {"k": 1.5}}],
                links=[
                    {
                        "type": "message",
                        "trace": "04" * 16,
                        "span": "05" * 8,
                        "attributes": {names.LINK_TYPE: "message"},
                    }
                ],
                dropped=5,
                dropped_links=2,
                resource=Resource('{"handspan.instance":"i"}', "i", None),
            )
        ],
        [],
        {"i"},
        [],
    )


def test_a_log_event_of_ours_is_read_whole() -> None:
    said = [*OURS, *attributes(log__record__uid={"stringValue": "ab" * 32})]
    log = {
        "traceId": "01" * 16,
        "spanId": "02" * 8,
        "eventName": "handspan.stuck",
        "timeUnixNano": "5",
        "severityNumber": 13,
    }
    assert of(log | {"attributes": said, "body": {"stringValue": "An agent …"}}, "logs").logs == [
        LogFact(
            uid=b"\xab" * 32,
            session="s",
            trace=b"\x01" * 16,
            span=b"\x02" * 8,
            name="handspan.stuck",
            at=5,
            severity=13,
            body="An agent …",
            said={"session.id": "s", names.LOG_UID: "ab" * 32},
            resource=Resource("{}", None, None),
        )
    ]


def test_json_and_protobuf_say_the_same() -> None:
    for each in entries(recording("24_waiting_user_answer")):
        if each.kind == "traces":
            request = ExportTraceServiceRequest()
            request.ParseFromString(each.body)
            written = _with_hex_ids(json.dumps(MessageToDict(request)))
            assert facts_of(each._replace(encoding="json", body=written.encode())) == facts_of(each)


_ID = re.compile('("(?:traceId|spanId|parentSpanId)": )"([^"]+)"')


def _with_hex_ids(written: str) -> str:
    return _ID.sub(lambda found: f'{found[1]}"{base64.b64decode(found[2]).hex()}"', written)


def test_only_our_scope_makes_sessions() -> None:
    ours = SPAN | {"attributes": OURS}
    assert of(ours).spans[0].session == "s"
    assert of(ours, scope="com.example").spans[0].session is None
    assert of(ours, scope="com.example").spans[0].kind == "other"


@pytest.mark.parametrize(
    "value", [{"intValue": "7"}, {"boolValue": True}, {"arrayValue": {}}, {"stringValue": ""}, {}], ids=str
)
def test_a_session_of_the_wrong_type_is_a_stranger_s(value: dict[str, Any]) -> None:
    said = attributes(session__id=value)
    assert of(SPAN | {"attributes": said}).spans[0].session is None
    assert of({"attributes": said}, "logs").logs[0].session is None


@pytest.mark.parametrize(
    ("span", "kind"),
    [
        ({"kind": 4}, "send"),
        ({"kind": 5}, "receive"),
        ({"name": "session.started"}, "session.started"),
        ({"name": "terminal.started"}, "terminal.started"),
        ({}, "session"),
        ({"name": "waiting_for_input", "parentSpanId": "03" * 8}, "waiting"),
        ({"name": "boot dev", "parentSpanId": "03" * 8}, "boot"),
        ({"name": "terminal dev", "parentSpanId": "03" * 8}, "terminal"),
        ({"name": "anything", "parentSpanId": "03" * 8}, "other"),
        (
            {
                "parentSpanId": "03" * 8,
                "attributes": [*OURS, *attributes(handspan__delegation__awaited={"boolValue": False})],
            },
            "delegation",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_kind_a_span_is(span: dict[str, Any], kind: str) -> None:
    assert of(SPAN | {"attributes": OURS} | span).spans[0].kind == kind


def test_values_of_every_type_are_kept() -> None:
    values: dict[str, dict[str, Any]] = {
        "s": {"stringValue": "ü\0"},
        "b": {"boolValue": True},
        "i": {"intValue": "-9223372036854775808"},
        "d": {"doubleValue": 0.5},
        "nan": {"doubleValue": "NaN"},
        "inf": {"doubleValue": "Infinity"},
        "a": {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "1"}, {}]}},
        "o": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}},
        "raw": {"bytesValue": "AAE="},
        "none": {},
    }
    said = of(SPAN | {"attributes": attributes(**values)}).spans[0].said
    assert said == {
        "s": "ü\0",
        "b": True,
        "i": -(2**63),
        "d": 0.5,
        "nan": "nan",
        "inf": "inf",
        "a": ["x", 1, None],
        "o": {"k": False},
        "raw": "AAE=",
        "none": None,
    }


def test_times_past_what_a_database_holds_are_its_last() -> None:
    span = of(SPAN | {"startTimeUnixNano": str(2**63), "endTimeUnixNano": str(2**64 - 1)}).spans[0]
    assert (span.start, span.end) == (2**63 - 1, 2**63 - 1)


# What the doors let through has ids of the right length. A record of another Handspan may hold what they did not see.


def span_of(trace_id: bytes, span_id: bytes, parent: bytes = b"") -> Facts:
    span = trace_pb2.Span(trace_id=trace_id, span_id=span_id, parent_span_id=parent)
    scopes = [trace_pb2.ScopeSpans(spans=[span])]
    request = ExportTraceServiceRequest(resource_spans=[trace_pb2.ResourceSpans(scope_spans=scopes)])
    return facts_of(Entry(1, 1, "traces", "protobuf", request.SerializeToString()))


def test_a_span_without_an_id_is_counted() -> None:
    assert span_of(b"t" * 16, b"s").skipped == ["a span without an id"]
    assert span_of(b"", b"s" * 8).spans == []


def test_ids_of_the_wrong_length_are_none() -> None:
    assert span_of(b"t" * 16, b"s" * 8, b"p").spans[0].parent is None
    record = logs_pb2.LogRecord(trace_id=b"t", span_id=b"s" * 8)
    scopes = [logs_pb2.ScopeLogs(log_records=[record])]
    request = ExportLogsServiceRequest(resource_logs=[logs_pb2.ResourceLogs(scope_logs=scopes)])
    log = facts_of(Entry(1, 1, "logs", "protobuf", request.SerializeToString())).logs[0]
    assert (log.trace, log.span) == (None, None)


def test_a_log_s_body_of_another_type_is_json() -> None:
    body = {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "ü"}}]}}
    assert [of({"body": each}, "logs").logs[0].body for each in (body, {})] == ['{"k":"ü"}', ""]


def test_of_metrics_only_their_instance_is_read() -> None:
    assert facts_of(pushed(1, "here", BEGIN)) == Facts([], [], {"here"}, [])


@pytest.mark.parametrize(
    "bad",
    [
        Entry(1, 1, "traces", "protobuf", b"\xff\xff"),
        Entry(1, 1, "traces", "json", b"{"),
        Entry(1, 1, "traces", "json", b"7"),
        Entry(1, 1, "traces", "json", b'{"resourceSpans": 7}'),
        Entry(1, 1, "logs", "json", b"[" * 100_000),
    ],
    ids=["protobuf", "no json", "no object", "no list", "too deep"],
)
def test_what_is_no_request_is_said_to_be_none(bad: Entry) -> None:
    with pytest.raises(Unreadable):
        facts_of(bad)


@given(st.binary(max_size=200), st.sampled_from(get_args(Kind)), st.sampled_from(get_args(Encoding)))
def test_any_bytes_are_read_or_refused(body: bytes, kind: Kind, encoding: Encoding) -> None:
    with contextlib.suppress(Unreadable):
        facts_of(Entry(1, 1, kind, encoding, body))


def test_only_text_is_text_and_only_whole_numbers_are_numbers() -> None:
    said = {"s": "x", "empty": "", "i": 7, "b": True, "f": 7.0, "large": 2**63}
    assert [text(said, name) for name in (*said, "nothing")] == ["x", None, None, None, None, None, None]
    assert [number(said, name) for name in (*said, "nothing")] == [None, None, 7, None, None, None, None]
