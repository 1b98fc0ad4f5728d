from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from handspan.signals import Count, Exemplar, Link, Log, Point, Resource, Series, Signal, Span, SpanEvent

RESOURCE = Resource(service="developer", namespace="cao", instance="i", terminal="t")
KINDS = (Resource, Link, SpanEvent, Exemplar, Point, Series, *get_args(Signal))


@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_is_slotted_and_keyword_only(kind: type) -> None:
    assert "__slots__" in vars(kind)
    assert all(field.kw_only for field in dataclasses.fields(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_is_frozen(kind: type) -> None:
    made = kind(**{field.name: "x" for field in dataclasses.fields(kind)})
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, dataclasses.fields(kind)[0].name, "y")
    assert made == kind(**{field.name: "x" for field in dataclasses.fields(kind)})


def test_a_signal_with_nothing_special_about_it_says_so() -> None:
    span = Span(
        trace_id="a",
        span_id="b",
        parent_span_id=None,
        name="n",
        kind="internal",
        start=1,
        end=2,
        resource=RESOURCE,
        attributes={},
    )
    assert (span.events, span.links, span.error, span.dropped_events, span.dropped_links) == ((), (), False, 0, 0)
    log = Log(uid="u", name="n", at=1, severity=9, body="It happened.", resource=RESOURCE, attributes={})
    assert (log.trace_id, log.span_id) == (None, None)
    count = Count(name="n", labels={})
    assert (count.value, count.trace_id) == (1, None)
    point = Point(labels={}, value=1)
    assert (point.buckets, point.exemplars) == ((), ())
    made = Series(name="n", kind="counter", unit="", says="It counts.", start=1, resource=RESOURCE, points=(point,))
    assert made.bounds == ()
    assert Resource(service="cao", namespace="cao", instance="i").terminal is None
