from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from handspan import names, otlp
from handspan.hub import pushed
from handspan.hub.pushed import Pushed
from handspan.metrics import BOUNDS
from handspan.signals import Point, Resource, Series
from tests.test_exposition import RESOURCE, everything

AT = 1_700_000_000_000_000_000


def request(*all_series: Series) -> Any:
    encoder = otlp.Encoder()
    body = otlp.request([encoder.metric(series, AT) for series in all_series])
    return ExportMetricsServiceRequest.FromString(body)


def counter(value: float, instance: str = "i", start: int = 5) -> Series:
    return Series(
        name=names.EVENTS,
        kind="counter",
        unit="",
        says=names.METRICS[names.EVENTS].says,
        start=start,
        resource=Resource(service="cao", namespace="cao", instance=instance),
        points=(Point(labels={"source": "cao", "type": "usage"}, value=value),),
    )


def test_whatever_our_exporters_push_is_read_as_it_was() -> None:
    told = everything()
    heard = Pushed()
    heard.hear(request(*told))
    without_exemplars = [
        dataclasses.replace(series, points=tuple(dataclasses.replace(point, exemplars=()) for point in series.points))
        for series in told
    ]
    read = {s.name: s for s in heard.series()}
    assert {name: dataclasses.replace(s, start=0) for name, s in read.items()} == {
        s.name: dataclasses.replace(s, start=0) for s in without_exemplars
    }
    assert {s.resource for s in heard.series()} == {RESOURCE}


def test_what_is_pushed_replaces_what_was_of_the_same_producer() -> None:
    heard = Pushed()
    for series in (counter(1), counter(2, "other"), counter(3)):
        heard.hear(request(series))
    assert heard.series() == [counter(2, "other"), counter(3)]


def test_producers_are_told_apart_by_a_label() -> None:
    (merged,) = pushed.by_instance([counter(1, start=7), counter(2, "other")])
    labels = {"source": "cao", "type": "usage"}
    assert merged.start == 5
    assert merged.points == (
        Point(labels={"instance": "i", **labels}, value=1),
        Point(labels={"instance": "other", **labels}, value=2),
    )


def test_the_producers_that_pushed_last_are_kept() -> None:
    heard = Pushed()
    for n in range(201):
        heard.hear(request(counter(n, f"i{n}")))
    assert [series.resource.instance for series in heard.series()] == [f"i{n}" for n in range(1, 201)]


def _no_instance(asked: Any) -> None:
    del asked.resource_metrics[0].resource.attributes[:]


def _another_scope(asked: Any) -> None:
    asked.resource_metrics[0].scope_metrics[0].scope.name = "theirs"


def _another_name(asked: Any) -> None:
    _metric(asked).name = 'evil"} 1\nhandspan_x'


def _another_kind(asked: Any) -> None:
    _metric(asked).gauge.data_points.add(as_int=1)


def _another_label(asked: Any) -> None:
    _metric(asked).sum.data_points[0].attributes.add(key='x"').value.string_value = "y"


def _one_label_less(asked: Any) -> None:
    del _metric(asked).sum.data_points[0].attributes[0]


def _no_points(asked: Any) -> None:
    del _metric(asked).sum.data_points[:]


def _metric(asked: Any) -> Any:
    return asked.resource_metrics[0].scope_metrics[0].metrics[0]


@pytest.mark.parametrize(
    "spoil", [_no_instance, _another_scope, _another_name, _another_kind, _another_label, _one_label_less, _no_points]
)
def test_what_is_none_of_ours_is_left_alone(spoil: Any) -> None:
    asked = request(counter(1))
    spoil(asked)
    heard = Pushed()
    heard.hear(asked)
    assert heard.series() == []


def test_buckets_of_another_s_are_left_alone() -> None:
    series = Series(
        name=names.DELIVERY_SECONDS,
        kind="histogram",
        unit="s",
        says="",
        start=5,
        resource=RESOURCE,
        points=(Point(labels={"mode": "handoff"}, value=1, buckets=(1,) * (len(BOUNDS) + 1)),),
        bounds=BOUNDS,
    )
    asked = request(series)
    heard = Pushed()
    heard.hear(asked)
    assert [one.points for one in heard.series()] == [series.points]
    _metric(asked).histogram.data_points[0].explicit_bounds[0] = 0.2
    other = Pushed()
    other.hear(asked)
    assert other.series() == []
