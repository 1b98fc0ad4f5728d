from __future__ import annotations

import pytest

from handspan.engine.backoff import pause


def test_pauses_double_up_to_half_a_minute() -> None:
    assert [pause(n, 1.0, None) for n in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert pause(10**6, 1.0, None) == 30


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_a_pause_is_drawn_from_nothing_to_that(chance: float) -> None:
    assert pause(2, chance, None) == 2 * chance


@pytest.mark.parametrize(("asked", "seconds"), [(0, 2), (1, 2), (7, 7), (3_600, 3_600), (3_601, 3_600), (1e18, 3_600)])
def test_a_server_may_ask_for_more_but_not_for_ever(asked: float, seconds: float) -> None:
    assert pause(2, 1.0, asked) == seconds
