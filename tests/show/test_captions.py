from __future__ import annotations

import pytest

from handspan.show.captions import count, duration, offset

MS = 1_000_000
S = 1_000 * MS


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (999, "0s"),
        (1_000, "1µs"),
        (999_999, "999µs"),
        (MS, "1ms"),
        (999 * MS, "999ms"),
        (999 * MS + 500_000, "1.0s"),
        (3_240 * MS, "3.2s"),
        (9_949 * MS, "9.9s"),
        (9_950 * MS, "10s"),
        (59_499 * MS, "59s"),
        (59_500 * MS, "1m00s"),
        (64 * S, "1m04s"),
        (3_599_499 * MS, "59m59s"),
        (3_599_500 * MS, "1h00m"),
        (7_620 * S, "2h07m"),
        (86_369 * S, "23h59m"),
        (86_370 * S, "1d00h"),
        (99 * 86_400 * S, "99d00h"),
    ],
)
def test_durations_are_for_people(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text
    assert len(text) <= 6


def test_offsets_have_a_sign() -> None:
    assert [offset(at) for at in (0, 64 * S, -3 * S)] == ["+0s", "+1m04s", "-3.0s"]


def test_one_is_singular() -> None:
    assert [count(n, "turn") for n in (0, 1, 2)] == ["0 turns", "1 turn", "2 turns"]
