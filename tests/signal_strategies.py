"""Signals made up by Hypothesis: any text, number, time and id that the rules could have put into one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from handspan import names
from handspan.signals import Exemplar, Link, Log, Point, Resource, Series, Span, SpanEvent

if TYPE_CHECKING:
    from handspan.signals import SeriesKind

SERIES: tuple[SeriesKind, ...] = ("counter", "gauge", "histogram")
# Half surrogate pairs are no text, and drawn only where a test is about them.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
broken_texts = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3).map("ä{}".format)
integers = st.integers(-(2**63), 2**63 - 1)
times = st.integers(0, 2**64 - 1)
counts = st.integers(0, 2**32 - 1)
trace_ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
span_ids = st.binary(min_size=8, max_size=8).map(bytes.hex)
values = st.one_of(texts, st.booleans(), integers, st.floats(allow_nan=False), st.lists(texts, max_size=3).map(tuple))
attributes = st.dictionaries(texts, values, max_size=5)
# Few, so that several signals share one.
resources = st.builds(
    Resource,
    service=st.sampled_from(["a", "ä"]),
    namespace=st.just("n"),
    instance=st.sampled_from(["", "i"]),
    terminal=st.sampled_from([None, "", "i"]),
)

spans = st.builds(
    Span,
    trace_id=trace_ids,
    span_id=span_ids,
    parent_span_id=st.none() | span_ids,
    name=texts,
    kind=st.sampled_from(["internal", "producer", "consumer"]),
    start=times,
    end=times,
    resource=resources,
    attributes=attributes,
    events=st.lists(st.builds(SpanEvent, name=texts, at=times, attributes=attributes), max_size=3).map(tuple),
    links=st.lists(
        st.builds(Link, trace_id=trace_ids, span_id=span_ids, type=st.sampled_from([*names.LINKS])), max_size=3
    ).map(tuple),
    error=st.booleans(),
    dropped_events=counts,
    dropped_links=counts,
)


def _log(log: Log) -> Log:
    # As the rules have it: what a receiver drops repeats by stands among the attributes.
    return dataclasses.replace(log, attributes={**log.attributes, names.LOG_UID: log.uid})


logs = st.builds(
    Log,
    uid=texts,
    name=texts,
    at=times,
    severity=st.sampled_from(sorted(names.SEVERITIES.values())),
    body=texts,
    resource=resources,
    attributes=attributes,
    trace_id=st.none() | trace_ids,
    span_id=st.none() | span_ids,
).map(_log)

numbers = integers | st.floats(allow_nan=False)
exemplars = st.lists(st.builds(Exemplar, trace_id=trace_ids, value=numbers, at=times), max_size=2).map(tuple)
labels = st.dictionaries(texts, texts, max_size=3)


@st.composite
def _series(draw: st.DrawFn) -> Series:
    kind = draw(st.sampled_from(SERIES))
    bounds = tuple(sorted(draw(st.sets(st.floats(allow_nan=False), max_size=4)))) if kind == "histogram" else ()
    size = len(bounds) + 1 if kind == "histogram" else 0
    buckets = st.lists(counts, min_size=size, max_size=size).map(tuple)
    points = st.builds(Point, labels=labels, value=numbers, buckets=buckets, exemplars=exemplars)
    return Series(
        name=draw(texts),
        kind=kind,
        unit=draw(texts),
        says=draw(texts),
        start=draw(times),
        resource=draw(resources),
        points=tuple(draw(st.lists(points, max_size=3))),
        bounds=bounds,
    )


series = _series()
