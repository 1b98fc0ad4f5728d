from __future__ import annotations

import random

from prometheus_client import CollectorRegistry, Counter, Histogram

from handspan import names
from handspan.metrics import BOUNDS, Book
from handspan.otlp import Encoder
from handspan.signals import Count, Exemplar, Observation, Point, Resource, Series

RESOURCE = Resource(service="story", namespace="story", instance="i")
TRACE = "0af7651916cd43dd8448eb211c80319c"


def sent(value: float = 1, trace_id: str | None = None, **labels: str) -> Count:
    return Count(name=names.TOKENS, labels=labels, value=value, trace_id=trace_id)


def turn(seconds: float, trace_id: str | None = None, **labels: str) -> Observation:
    return Observation(name=names.TURN_SECONDS, labels=labels, value=seconds, trace_id=trace_id)


def series(book: Book) -> list[Series]:
    return list(book.series(RESOURCE))


def values(book: Book, label: str = "agent") -> dict[str, int | float]:
    return {point.labels[label]: point.value for each in series(book) for point in each.points}


def restarted(rows: dict[tuple[str, str], str], *, backwards: bool = False) -> Book:
    """A book that is made of what a file holds, in whatever order it gives it."""
    return Book((*key, state) for key, state in sorted(rows.items(), reverse=backwards))


def keep(rows: dict[tuple[str, str], str], book: Book) -> None:
    """Write down what has changed, as the spool does."""
    rows.update({(name, labels): state for name, labels, state in book.changed()})


def test_all_that_was_counted_stands_in_series() -> None:
    book = Book()
    book.add(sent(3, agent="b", model="m", direction="in"), 7)
    book.add(sent(2, agent="a", model="m", direction="in"), 8)
    book.add(sent(4, TRACE, agent="b", model="m", direction="in"), 9)
    book.add(turn(0.1, agent="a", outcome="completed"), 10)
    book.add(turn(90_000, TRACE, agent="a", outcome="completed"), 11)
    assert series(book) == [
        Series(
            name=names.TOKENS,
            kind="counter",
            unit="",
            says="Tokens that agents reported.",
            start=7,
            resource=RESOURCE,
            points=(
                Point(labels={"agent": "a", "model": "m", "direction": "in"}, value=2),
                Point(
                    labels={"agent": "b", "model": "m", "direction": "in"},
                    value=7,
                    exemplars=(Exemplar(trace_id=TRACE, value=4, at=9),),
                ),
            ),
        ),
        Series(
            name=names.TURN_SECONDS,
            kind="histogram",
            unit="s",
            says="The length of turns.",
            start=10,
            resource=RESOURCE,
            points=(
                Point(
                    labels={"agent": "a", "outcome": "completed"},
                    value=90_000.1,
                    buckets=(1, *[0] * 15, 1),
                    exemplars=(Exemplar(trace_id=TRACE, value=90_000, at=11),),
                ),
            ),
            bounds=BOUNDS,
        ),
    ]


def test_a_book_in_which_nothing_was_counted_has_no_series() -> None:
    assert series(Book()) == []
    assert Book().changed() == []


def test_a_bucket_keeps_its_last_exemplar() -> None:
    book = Book()
    for at, (seconds, trace) in enumerate([(1, "1" * 32), (200, "2" * 32), (0.9, "3" * 32), (0.8, None)]):
        book.add(turn(seconds, trace), at)
    assert series(book)[0].points[0].exemplars == (
        Exemplar(trace_id="3" * 32, value=0.9, at=2),
        Exemplar(trace_id="2" * 32, value=200, at=1),
    )


def test_a_label_that_is_not_given_is_empty_and_one_that_is_not_declared_left_out() -> None:
    book = Book()
    book.add(sent(agent="a", session="one for each session"), 7)
    assert series(book)[0].points == (Point(labels={"agent": "a", "model": "", "direction": ""}, value=1),)


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_a_restart_neither_resets_nor_doubles() -> None:
    chance = random.Random(7)
    rows: dict[tuple[str, str], str] = {}
    straight, book = Book(), Book()
    for at in range(300):
        signal: Count | Observation = chance.choice((
            sent(chance.choice((1, 0.25)), chance.choice((None, TRACE)), agent=chance.choice("abc")),
            turn(chance.choice(BOUNDS), chance.choice((None, TRACE)), agent=chance.choice("abc")),
        ))
        straight.add(signal, at)
        book.add(signal, at)
        if at % 7 == 0:
            keep(rows, book)
        if at % 21 == 0:
            book = restarted(rows, backwards=bool(at % 2))
    assert series(book) == series(straight)


def test_only_what_has_changed_is_written_and_once() -> None:
    book = Book()
    book.add(sent(agent="a"), 7)
    book.add(sent(agent="b"), 8)
    labels = '{"agent": "%s", "model": "", "direction": ""}'
    assert book.changed() == [
        (names.TOKENS, labels % "a", "[7, 1, [], {}]"),
        (names.TOKENS, labels % "b", "[8, 1, [], {}]"),
    ]
    book.add(sent(2, agent="b"), 9)
    assert book.changed() == [(names.TOKENS, labels % "b", "[8, 3, [], {}]")]
    assert book.changed() == []


def test_a_file_that_has_nothing_gets_everything() -> None:
    book = Book()
    book.add(sent(agent="a"), 7)
    book.add(turn(2, TRACE, agent="ä\ud800"), 8)
    book.changed()
    book.all_changed()
    rows: dict[tuple[str, str], str] = {}
    keep(rows, book)
    assert series(restarted(rows)) == series(book)


def test_a_metric_that_is_not_known_any_more_is_left_out() -> None:
    assert series(Book([("handspan_gone_total", "{}", "[7, 1, [], {}]")])) == []


# --- limits ----------------------------------------------------------------------------------------------------------


def test_of_a_label_s_values_100_are_told_apart() -> None:
    book = Book()
    for n in [*range(103), 99, 101]:
        book.add(sent(agent=f"a{n}"), n)
    assert values(book) == {**{f"a{n}": 1 for n in range(99)}, "a99": 2, "other": 4}
    book.add(turn(1, agent="a101"), 7)
    assert values(book)["a101"] == 1


def test_overflow_outlives_a_restart_in_whatever_order_it_is_read() -> None:
    # Some names come before "other" in the file, some after.
    agents = [f"{'az'[n % 2]}{n}" for n in range(102)]
    rows: dict[tuple[str, str], str] = {}
    book = Book()
    for agent in agents:
        book.add(sent(agent=agent), 7)
    keep(rows, book)
    for backwards in (False, True):
        again = restarted(rows, backwards=backwards)
        assert values(again) == {**dict.fromkeys(agents[:100], 1), "other": 2}
        again.add(sent(agent="another"), 8)
        again.add(sent(agent="other"), 8)
        assert values(again)["other"] == 4


def test_a_counter_past_what_integers_hold_goes_on_as_a_double() -> None:
    book = Book()
    for _ in range(3):
        book.add(sent(2**62, agent="a"), 7)
    assert values(book) == {"a": 3.0 * 2**62}
    (each,) = series(book)
    assert Encoder().metric(each, 9).body


# --- as others would have it -----------------------------------------------------------------------------------------


def test_it_counts_what_prometheus_client_counts() -> None:
    chance = random.Random(7)
    registry = CollectorRegistry()
    counter = Counter("tokens", "", ["agent"], registry=registry)
    histogram = Histogram("turns", "", ["agent"], registry=registry, buckets=BOUNDS)
    book = Book()
    for at in range(500):
        agent, seconds = chance.choice("abc"), chance.choice((*BOUNDS, 0, 0.3, 100_000, chance.random() * 1_000))
        counter.labels(agent).inc(seconds)
        histogram.labels(agent).observe(seconds)
        book.add(sent(seconds, agent=agent), at)
        book.add(turn(seconds, agent=agent), at)
    tokens, turns = series(book)
    for point in tokens.points:
        assert registry.get_sample_value("tokens_total", {"agent": point.labels["agent"]}) == point.value
    for point in turns.points:
        agent = point.labels["agent"]
        assert registry.get_sample_value("turns_sum", {"agent": agent}) == point.value
        assert cumulative(point) == prometheus_buckets(registry, agent)


def cumulative(point: Point) -> list[float]:
    return [float(sum(point.buckets[: n + 1])) for n in range(len(point.buckets))]


def prometheus_buckets(registry: CollectorRegistry, agent: str) -> list[float | None]:
    bounds = [*[str(float(bound)) for bound in BOUNDS], "+Inf"]
    return [registry.get_sample_value("turns_bucket", {"agent": agent, "le": bound}) for bound in bounds]
