# ruff: noqa: RUF001 (a wait is drawn with diagonals)
from __future__ import annotations

import pytest

from handspan import names
from handspan.show.bars import ASCII, UNICODE, Bar, Scale, exactly
from handspan.show.cells import cells
from handspan.show.picture import Row

S = 1_000_000_000


def row(kind: str, start: int, end: int | None, **fields: object) -> Row:
    known: dict[str, object] = {"trace": "t", "id": "i", "name": kind, "parent": None, "attributes": {}, **fields}
    return Row(kind=kind, start=start * S, end=None if end is None else end * S, **known)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] (any field)


def drawn(what: Row, width: int = 10, now: int = 10) -> str:
    return "".join(text for _, text in Bar(UNICODE, Scale(0, 10 * S, 0), width).of(what, now * S)).replace("┊", " ")


@pytest.mark.parametrize(
    ("what", "bar"),
    [
        (row(names.SESSION, 0, 10), "──────────"),
        (row(names.TERMINAL, 2, None), "  ───────►"),
        (row(names.TERMINAL, 3, 3), "   │      "),
        (row(names.TERMINAL, 3, 6, error=True), "   ──✗    "),
        (row(names.BOOT, 0, 3), "░░░       "),
        (row(names.TURN, 2, 5), "  ███     "),
        (row(names.TURN, 0, 10, error=True), "█████████✗"),
        (row(names.WAITING, 4, 6), "    ╱╱    "),
        (row(names.DELEGATION, 1, 4), " ━━━      "),
        (row(names.DELEGATION, 1, 4, attributes={names.AWAITED: False}), " ╍╍╍      "),
        (row(names.SEND, 1, 1), " ●        "),
        (row(names.SEND, 1, 4), " ··●      "),
        (row(names.SEND, 1, None), " ········►"),
        (row(names.SEND, 1, None, outcome="undelivered"), " ········✗"),
        (row("notice", 9, 9), "         ◆"),
        (row(names.TURN, 2, 8, children=[row(names.WAITING, 4, 6)]), "  ██╱╱██  "),
        (row(names.TURN, 2, None, children=[row(names.WAITING, 4, None)]), "  ██╱╱╱╱╱►"),
    ],
)
def test_a_bar(what: Row, bar: str) -> None:
    assert drawn(what) == bar


def test_turns_are_drawn_to_half_a_cell() -> None:
    assert drawn(row(names.TURN, 1, 4), width=5) == "▐█   "
    assert drawn(row(names.TURN, 2, 5), width=5) == " █▌  "


def test_what_ends_before_it_starts_or_after_the_axis_is_still_one_bar() -> None:
    assert drawn(row(names.TURN, 50, 60)) == "         ▐"
    assert drawn(row(names.BOOT, 5, 4)) == "     ░    "


@pytest.mark.parametrize(
    ("seconds", "ruler"),
    [
        (0, ""),
        (1, "┊0s     ┊200ms  ┊400ms   ┊600ms  ┊800ms"),
        (10, "┊0s     ┊2s     ┊4s      ┊6s     ┊8s"),
        (3_600, "┊0s    ┊10m   ┊20m   ┊30m   ┊40m   ┊50m"),
    ],
)
def test_the_ruler_takes_steps_that_people_count_in(seconds: int, ruler: str) -> None:
    assert Bar(UNICODE, Scale(0, seconds * S, 0), 42).ruler().rstrip() == ruler


def test_a_later_part_is_told_in_time_since_the_session_began() -> None:
    day = 86_400 * S
    assert Bar(UNICODE, Scale(2 * day, 2 * day + 3_600 * S, day), 30).ruler().rstrip() == "┊1d            ┊1d00h30m"


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_every_glyph_is_one_cell(glyphs: object) -> None:
    for name in (
        "line",
        "boot",
        "turn",
        "left",
        "right",
        "waiting",
        "awaited",
        "queued",
        "typed",
        "error",
        "open",
        "grid",
        "dots",
    ):
        assert cells(getattr(glyphs, name)) == 1


@pytest.mark.parametrize(
    ("seconds", "label"),
    [
        (0, "0s"),
        (0.2, "200ms"),
        (1.25, "1.25s"),
        (10, "10s"),
        (60, "1m"),
        (90, "1m30s"),
        (3_600, "1h"),
        (86_400 + 1_800, "1d00h30m"),
        (36_000.5, "10h00m00.5s"),
    ],
)
def test_ticks_are_exact(seconds: float, label: str) -> None:
    assert exactly(round(seconds * S)) == label
