from __future__ import annotations

import pytest

from handspan.show.cells import cells, clean, clip, fit, shorten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("日本語 ñ 🙂", "日本語 ñ 🙂"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
        ("a\tb\nc\r\nd", "a b c  d"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("zero\u200bwidth\u2028line\ufeff", "zero\\u200bwidth\\u2028line\\ufeff"),
        ("half \ud800", "half \\ud800"),
        ("private \ue000 \U0010ffff", "private \\ue000 \\U0010ffff"),
        ("n\u0303", "ñ"),
        ("a" + "\u0335" * 50, "a" + "\u0335" * 3),
        ("heart \u2764\ufe0f", "heart \u2764"),
        ("no\u00a0break", "no break"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_in_ascii_everything_else_is_written_out() -> None:
    assert clean("ñ日🙂\x1b", ascii=True) == "\\xf1\\u65e5\\U0001f642\\x1b"


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("日本", 4), ("e\u0335", 1), ("🙂", 2), ("\u1112\u1161\u11ab", 2)]
)
def test_cells(text: str, width: int) -> None:
    assert cells(text) == width


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abc…fg"),
        ("abcdefg", 3, "a…g"),
        ("abcdefg", 2, "ab"),
        ("abcdefg", 0, ""),
        ("日本語版本", 6, "日…本"),
        ("日本語", 1, ""),
    ],
)
def test_what_is_too_long_keeps_its_two_ends(text: str, width: int, expected: str) -> None:
    assert shorten(text, width) == expected
    assert cells(expected) <= width


@pytest.mark.parametrize(
    ("text", "width", "expected"), [("abc", 3, "abc"), ("ab cd", 4, "ab…"), ("日本", 3, "日…"), ("ab", 0, "")]
)
def test_what_is_clipped_loses_its_end(text: str, width: int, expected: str) -> None:
    assert clip(text, width) == expected


def test_fit_counts_cells() -> None:
    assert fit("日", 4) == "日  "
