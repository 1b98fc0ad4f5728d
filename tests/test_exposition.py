"""What Prometheus scrapes is what OTLP pushes: the same names, labels and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest  # pyright: ignore[reportUnknownVariableType]
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families,  # pyright: ignore[reportUnknownVariableType]
)

from handspan import names
from handspan.exposition import Scraped
from handspan.gauges import gauges
from handspan.metrics import BOUNDS, Book
from handspan.otlp import Encoder
from handspan.signals import Count, Observation, Resource
from handspan.testing import BEGIN, Player
from tests.stories import STORIES

if TYPE_CHECKING:
    from handspan.rules.census import Found
    from handspan.signals import Series

RESOURCE = Resource(service="story", namespace="story", instance="i")


def everything() -> list[Series]:
    """The metrics of all stories, and gauges of those that are still open."""
    book = Book()
    found: list[Found] = []
    for story in STORIES.values():
        player = Player()
        for event in story():
            for signal in player.say(event, max(event.at, player.sessions.now)):
                if isinstance(signal, Count | Observation):
                    book.add(signal, BEGIN)
        found += [one for session in player.sessions for one in session.census(player.sessions.now)]
    return [*book.series(RESOURCE), *gauges(found, RESOURCE)]


def scraped(series: list[Series]) -> str:
    registry = CollectorRegistry()
    registry.register(Scraped(lambda: series))
    return str(cast("Any", generate_latest)(registry).decode())


Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def by_scrape(series: list[Series]) -> Values:
    parse = cast("Any", text_string_to_metric_families)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(scraped(series))
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def by_push(series: list[Series]) -> Values:
    """What a Prometheus that receives OTLP makes of the pushed metrics."""
    found: Values = {}
    encoder = Encoder()
    for one in series:
        metric = Metric.FromString(encoder.metric(one, BEGIN).body)
        for point in (*metric.sum.data_points, *metric.gauge.data_points):
            labels = {a.key: a.value.string_value for a in point.attributes}
            value = point.as_double if point.WhichOneof("value") == "as_double" else point.as_int
            found[metric.name, tuple(sorted(labels.items()))] = value
        for point in metric.histogram.data_points:
            labels = {a.key: a.value.string_value for a in point.attributes}
            found[f"{metric.name}_sum", tuple(sorted(labels.items()))] = point.sum
            found[f"{metric.name}_count", tuple(sorted(labels.items()))] = point.count
            total = 0
            for bound, number in zip((*point.explicit_bounds, None), point.bucket_counts, strict=True):
                total += number
                text = "+Inf" if bound is None else str(bound)
                found[f"{metric.name}_bucket", tuple(sorted({**labels, "le": text}.items()))] = total
    return found


def test_a_scrape_and_a_push_say_the_same() -> None:
    series = everything()
    assert by_scrape(series) == by_push(series)
    assert {one.kind for one in series} == {"counter", "gauge", "histogram"}


def test_counters_and_buckets_carry_the_trace_of_an_example() -> None:
    book = Book()
    book.add(Count(name=names.TRUNCATED, labels={"reason": "links"}, value=2, trace_id="ab" * 16), BEGIN)
    book.add(Observation(name=names.DELIVERY_SECONDS, labels={"mode": "handoff"}, value=3, trace_id="cd" * 16), BEGIN)
    lines = [line for line in scraped(list(book.series(RESOURCE))).splitlines() if "#" in line[1:]]
    at = BEGIN / 1e9
    assert lines == [
        f'handspan_message_delivery_seconds_bucket{{le="5.0",mode="handoff"}} 1.0 # {{trace_id="{"cd" * 16}"}} 3.0 {at}',
        f'handspan_truncated_total{{reason="links"}} 2.0 # {{trace_id="{"ab" * 16}"}} 2.0 {at}',
    ]


def test_nothing_counted_is_nothing_scraped() -> None:
    assert scraped([]) == "# EOF\n"


def test_the_bounds_rise() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))
