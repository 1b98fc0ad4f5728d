from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from handspan.hub.index import Index, sessions, traces
from handspan.hub.record import Entry
from handspan.testing import BEGIN, Story, play
from tests.recorded import entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan


def told(service: str, *requests: str, begin: int = BEGIN) -> Sequence[ReadableSpan]:
    """What an SDK sends: a span for each request, with one inside; an odd one fails."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("com.example")
    for n, name in enumerate(requests):
        start = begin + n * 100
        outer = tracer.start_span(name, start_time=start)
        inner = tracer.start_span("inside", set_span_in_context(outer), start_time=start + 1)
        if "odd" in name:
            inner.set_status(Status(StatusCode.ERROR, "it went wrong"))
        inner.end(start + 2)
        outer.end(start + 9)
    return kept.get_finished_spans()


def entry(spans: Sequence[ReadableSpan], seq: int = 1) -> Entry:
    return Entry(seq, BEGIN, "traces", "protobuf", encode_spans(spans).SerializeToString())


def filled(*found: Entry) -> Index:
    index = Index(":memory:")
    index.fill(found)
    return index


def listed(index: Index, *, limit: int = 10, **asked: str) -> dict[str, Any]:
    with index.reading() as connection:
        return traces.listed(connection, limit=limit, **asked)


def test_strangers_have_a_list_of_their_own_newest_first() -> None:
    spans = told("shop", "GET /", "GET /odd")
    ours = entries(play(Story("s").at(0).session().terminal("a").events), first=2)
    index = filled(entry(spans), *ours)
    ids = {span.name: f"{span.context.trace_id:032x}" for span in spans if span.context}
    assert listed(index) == {
        "position": index.position,
        "traces": [
            {
                "id": ids["GET /odd"],
                "name": "GET /odd",
                "service": "shop",
                "start": str(BEGIN + 100),
                "end": str(BEGIN + 109),
                "spans": 2,
                "errors": 1,
            },
            {
                "id": ids["GET /"],
                "name": "GET /",
                "service": "shop",
                "start": str(BEGIN),
                "end": str(BEGIN + 9),
                "spans": 2,
                "errors": 0,
            },
        ],
        "next": None,
    }
    with index.reading() as connection:
        assert [each["id"] for each in sessions.listed(connection, limit=9)["sessions"]] == ["s"]


def test_a_trace_comes_to_the_same_in_any_order_and_with_repeats() -> None:
    spans = list(told("shop", "GET /odd"))
    expected = listed(filled(entry(spans)))["traces"]
    pieces = [entry([spans[1]], 1), entry([spans[0]], 2), entry([spans[1]], 3), entry(spans, 4)]
    assert listed(filled(*pieces))["traces"] == expected


def test_one_trace_with_its_spans() -> None:
    spans = told("shop", "GET /odd")
    index = filled(entry(spans))
    (trace,) = listed(index)["traces"]
    with index.reading() as connection:
        found = traces.detailed(connection, bytes.fromhex(trace["id"]))
        assert traces.detailed(connection, b"\0" * 16) is None
    assert found is not None
    assert found["trace"] == trace
    assert [(each["name"], each["kind"], each.get("error"), each["start"]) for each in found["spans"]] == [
        ("GET /odd", "other", None, str(BEGIN)),
        ("inside", "other", "it went wrong", str(BEGIN + 1)),
    ]


def test_pages_and_words() -> None:
    index = filled(entry(told("shop", "a", "b", "c", "d")), entry(told("Bank", "a 100%"), 2))
    found: list[str] = []
    before: str | None = ""
    while before is not None:
        page = listed(index, limit=2, before=before)
        found += [each["name"] for each in page["traces"]]
        before = page["next"]
    assert found == ["d", "c", "b", "a 100%", "a"]
    assert [each["name"] for each in listed(index, q="bank")["traces"]] == ["a 100%"]
    assert [each["name"] for each in listed(index, q="%")["traces"]] == ["a 100%"]
    with pytest.raises(sessions.BadCursor):
        listed(index, before="x")


def test_our_own_traces_are_no_stranger_s() -> None:
    index = filled(*entries(play(Story("s").at(0).session().terminal("a").at(5).end().events)))
    assert listed(index)["traces"] == []
    with index.reading() as connection:
        (trace,) = connection.execute("SELECT trace FROM parts").fetchone()
        assert traces.detailed(connection, trace) is None
