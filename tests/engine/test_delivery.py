from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handspan.engine.delivery import Delivery, deliver
from handspan.senders import Answer, Done, Refused, Retry, TooLarge
from tests.engine.places import Taking, bodies, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from handspan.otlp import Record

BATCH = [record(str(n)) for n in range(8)]
# 24 refusals in a row are nothing unusual; then four records are tried alone.
MOST_REQUESTS = 25 + 4


def refusing(*poison: str) -> Callable[[Sequence[Record]], Answer]:
    return lambda records: Refused("bad") if set(bodies(records)) & set(poison) else Done()


def one_by_one(answers: Mapping[str, Answer]) -> Callable[[Sequence[Record]], Answer]:
    """A destination where records go one by one: the answer is about the first that does not get through."""

    def answer(records: Sequence[Record]) -> Answer:
        for done, body in enumerate(bodies(records)):
            match answers.get(body):
                case Retry(why=why, after=after):
                    return Retry(why, after, done)
                case TooLarge(why=why):
                    return TooLarge(why, done)
                case Refused(why=why):
                    return Refused(why, done)
                case _:
                    pass
        return Done()

    return answer


def test_nothing_is_sent_of_nothing() -> None:
    place = Taking()
    assert deliver(place.send_logs, []) == Delivery()
    assert place.requests == 0


def test_what_is_taken_is_settled_in_one_request() -> None:
    place = Taking()
    assert deliver(place.send_logs, BATCH) == Delivery(settled=8, taken=8)
    assert place.requests == 1


def test_what_is_refused_in_part_is_through_and_counted() -> None:
    place = Taking(lambda _: Done(rejected=3))
    assert deliver(place.send_logs, BATCH) == Delivery(settled=8, taken=5, refused_in_part=3)


def test_a_retry_lets_all_wait_for_as_long_as_it_says() -> None:
    place = Taking(lambda _: Retry("busy", 7))
    assert deliver(place.send_logs, BATCH) == Delivery(why="busy", after=7)
    assert place.requests == 1


@pytest.mark.parametrize("poison", range(8))
def test_poison_is_rejected_wherever_it_stands(poison: int) -> None:
    place = Taking(refusing(str(poison)))
    result = deliver(place.send_logs, BATCH)
    if poison == 7:
        # Nothing was taken after it, so that it may be the destination's fault.
        assert result == Delivery(settled=7, taken=7, why="bad", refusing=True)
    else:
        assert result == Delivery(settled=8, taken=7, rejected=[(poison, "bad")])
    assert bodies(place.taken) == [str(n) for n in range(8) if n != poison]


def test_poison_at_the_end_is_rejected_when_something_comes_after_it() -> None:
    place = Taking(refusing("7"))
    assert deliver(place.send_logs, [*BATCH[7:], record("8")]) == Delivery(settled=2, taken=1, rejected=[(0, "bad")])


@pytest.mark.parametrize("good", [0, 1, 500, 1_234, 1_999])
def test_poison_everywhere_but_one_is_got_rid_of(good: int) -> None:
    batch = [record(str(n)) for n in range(2_000)]
    place = Taking(lambda records: Done() if bodies(records) == [str(good)] else Refused("bad"))
    settled, rejected, attempts = 0, 0, 0
    while attempts < 2_000 and settled <= good:
        result = deliver(place.send_logs, batch[settled:], attempts)
        settled, rejected, attempts = settled + result.settled, rejected + len(result.rejected), attempts + 1
    assert set(bodies(place.taken)) == {str(good)}
    assert settled == rejected + 1


@pytest.mark.parametrize("size", [1, 2, 8, 2_000])
def test_a_destination_that_refuses_is_asked_a_few_times_and_loses_nothing(size: int) -> None:
    place = Taking(lambda _: Refused("no such path"))
    result = deliver(place.send_logs, [record(str(n)) for n in range(size)])
    assert result == Delivery(why="no such path", refusing=True)
    assert place.requests <= MOST_REQUESTS


class Noting(Taking):
    """Refuses all, and notes what it was sent."""

    def __init__(self) -> None:
        super().__init__(self.refuse)
        self.sent: list[str] = []

    def refuse(self, records: Sequence[Record]) -> Answer:
        self.sent += bodies(records)
        return Refused("no")


def test_each_attempt_probes_other_records() -> None:
    tried: set[str] = set()
    batch = [record(str(n)) for n in range(100)]
    for attempt in range(80):
        place = Noting()
        deliver(place.send_logs, batch, attempt)
        tried |= set(place.sent[-4:])
    assert tried == set(bodies(batch))


def test_a_token_that_is_rotated_in_the_middle_of_a_batch_costs_nothing() -> None:
    place = Taking()

    def answer(records: Sequence[Record]) -> Answer:
        # A whole batch is too large, so that there is a middle; then the old token is worth nothing.
        if len(records) > 4:
            return TooLarge("4 at most")
        return Refused("401") if place.requests > 2 else Done()

    place.answer = answer
    assert deliver(place.send_logs, BATCH) == Delivery(settled=4, taken=4, why="401", refusing=True)
    renewed = Taking()
    assert deliver(renewed.send_logs, BATCH[4:]) == Delivery(settled=4, taken=4)
    assert place.taken + renewed.taken == BATCH


def test_what_is_too_large_is_halved_and_what_is_so_alone_is_rejected() -> None:
    place = Taking(
        lambda records: TooLarge("2 at most, and no 5") if len(records) > 2 or "5" in bodies(records) else Done()
    )
    assert deliver(place.send_logs, BATCH) == Delivery(settled=8, taken=7, rejected=[(5, "2 at most, and no 5")])
    assert bodies(place.taken) == ["0", "1", "2", "3", "4", "6", "7"]


def test_all_too_large_is_all_rejected() -> None:
    place = Taking(lambda _: TooLarge("413"))
    assert deliver(place.send_logs, BATCH) == Delivery(settled=8, rejected=[(n, "413") for n in range(8)])


def test_of_a_range_the_first_are_through_when_the_next_has_to_wait() -> None:
    place = Taking(one_by_one({"3": Retry("busy", 2)}))
    assert deliver(place.send_logs, BATCH) == Delivery(settled=3, taken=3, why="busy", after=2)
    assert bodies(place.taken) == ["0", "1", "2"]


@pytest.mark.parametrize("answer", [TooLarge("bad"), Refused("bad")])
@pytest.mark.parametrize("at", range(7))
def test_of_a_range_the_first_are_through_when_the_next_is_not_taken(at: int, answer: Answer) -> None:
    place = Taking(one_by_one({str(at): answer}))
    assert deliver(place.send_logs, BATCH) == Delivery(settled=8, taken=7, rejected=[(at, "bad")])
    # Nothing that is through is sent again.
    assert bodies(place.taken) == [str(n) for n in range(8) if n != at]


def test_what_was_too_large_behind_a_suspect_is_not_settled_before_it() -> None:
    answers: dict[str, Answer] = {"0": Refused("bad"), "1": TooLarge("413"), "2": Retry("busy")}
    place = Taking(one_by_one(answers))
    assert deliver(place.send_logs, BATCH[:3]) == Delivery(why="busy")


@given(
    st.lists(st.sampled_from([Done(), Refused("bad"), TooLarge("413"), Retry("busy")]), min_size=1, max_size=12),
    st.booleans(),
)
def test_whatever_is_answered_every_record_is_taken_rejected_or_waits(answers: list[Answer], alone: bool) -> None:
    batch = [record(str(n)) for n in range(len(answers))]
    by_body = {str(n): answer for n, answer in enumerate(answers)}

    def together(records: Sequence[Record]) -> Answer:
        return next((a for a in map(by_body.__getitem__, bodies(records)) if not isinstance(a, Done)), Done())

    place = Taking(one_by_one(by_body) if alone else together)
    result = deliver(place.send_logs, batch)
    assert place.requests <= 8 * len(batch) + MOST_REQUESTS
    assert (result.settled == len(batch)) == (result.why is None)
    for n in range(result.settled):
        kept = [at for at, _ in result.rejected]
        assert isinstance(answers[n], Done) == (n not in kept)
        assert isinstance(answers[n], Done) == (batch[n] in place.taken)
        assert not isinstance(answers[n], Retry)
    assert result.taken + len(result.rejected) == result.settled
