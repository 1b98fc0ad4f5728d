from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from handspan import names
from handspan.hub.index.openings import Standing, Telling, standing

if TYPE_CHECKING:
    from collections.abc import Sequence

# A telling in short: what it is, its revision, and what it says.
Told = tuple[str, int, str]


def stands(told: Sequence[Told], arrived: Sequence[int] | None = None) -> str:
    """How a span stands when these were told in this order, and arrived in that: `gone`, `open a`, `over b`."""
    order = arrived or range(len(told))
    tellings = [
        (kind, Telling(at, at, said(kind, revision, word)))
        for (kind, revision, word), at in zip(told, order, strict=True)
    ]
    found = standing(
        [telling for kind, telling in tellings if kind == "opening"],
        [telling for kind, telling in tellings if kind != "opening"],
    )
    return "gone" if found is None else written(found)


def said(kind: str, revision: int, word: str) -> dict[str, Any]:
    words = {names.OUTCOME: "retracted" if kind == "back" else "completed"} if kind != "opening" else {"word": word}
    return {**words, names.LOG_UID: f"{kind}{revision}"} | ({names.REVISION: revision} if revision > 1 else {})


def written(found: Standing) -> str:
    return f"{'open' if found.ending is None else 'over'} {found.opening.said['word']}"


def in_short(value: list[Told] | str) -> str:
    return (
        ""
        if isinstance(value, str)
        else " ".join(f"{kind}{revision}{word}" for kind, revision, word in value) or "nothing"
    )


A, B_, END = ("opening", 1, "a"), ("opening", 2, "b"), ("end", 1, "")
AGAIN = ("opening", 2, "a")
BACK = ("back", 1, "")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], "gone"),
        ([END], "gone"),
        ([A], "open a"),
        ([A, B_], "open b"),
        ([A, END], "over a"),
        ([A, B_, END], "over b"),
        ([A, END, B_], "over b"),
        ([A, END, AGAIN], "open a"),
        ([A, END, AGAIN, ("opening", 3, "b")], "open b"),
        ([A, END, AGAIN, ("end", 2, "")], "over a"),
        ([A, END, ("end", 2, ""), AGAIN], "open a"),
        ([A, BACK], "gone"),
        ([A, BACK, AGAIN], "open a"),
        ([A, BACK, B_], "open b"),
        ([A, END, ("back", 2, "")], "gone"),
        ([A, END, ("back", 2, ""), AGAIN, ("end", 3, "")], "over a"),
    ],
    ids=in_short,
)
def test_in_the_order_in_which_it_was_told(told: list[Told], expected: str) -> None:
    assert stands(told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([A, B_, END], "over b"),
        ([A, END, AGAIN], "open a"),
        ([A, BACK, AGAIN], "open a"),
        ([A, END, AGAIN, ("opening", 3, "b")], "open b"),
    ],
    ids=["better known", "goes on", "back again", "goes on and better known"],
)
def test_in_every_order_of_arrival_where_the_words_tell(told: list[Told], expected: str) -> None:
    backwards = list(reversed(range(len(told))))
    assert stands(told, backwards) == expected


def test_a_revision_that_is_no_number_is_the_first() -> None:
    strange = Telling(2, 2, {"word": "b", names.REVISION: "two"})
    assert standing([Telling(1, 1, {"word": "a", names.REVISION: 2}), strange], []) == Standing(
        Telling(1, 1, {"word": "a", names.REVISION: 2}), None
    )
