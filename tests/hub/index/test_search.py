from __future__ import annotations

from typing import Any

import pytest

from handspan import demo
from handspan.hub.index import Index, search
from handspan.testing import Story, play
from tests.hub.index.test_traces import entry, told
from tests.recorded import indexed


def found(index: Index, q: str, limit: int = 50) -> dict[str, list[str]]:
    """The names of what was found."""
    with index.reading() as connection:
        answer = search.searched(connection, q, limit)
    return {what: [named(each) for each in answer[what]] for what in ("sessions", "messages", "spans") if answer[what]}


def named(form: dict[str, Any]) -> str:
    return f"{form['name']}{' of ' + form['session'] if 'session' in form else ''}"


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("checkout", {"sessions": ["checkout"]}),
        ("memory", {"spans": ["terminal writer of demo-checkout-1"]}),
        ("kernel MEMORY", {"spans": ["terminal writer of demo-checkout-1"]}),
        ("kern", {"spans": ["terminal writer of demo-checkout-1"]}),
        ("progress", {"messages": ["send writer of demo-checkout-1"]}),
        ("kernel progress", {}),
        ("", {}),
        ("   ", {}),
        ("\"'", {}),
        ("- * ( ) ^ : AND", {}),
        ("NEAR(a b)", {}),
        ("\0", {}),
        ("memory OR progress", {}),
    ],
    ids=repr,
)
def test_what_has_the_words(q: str, expected: dict[str, list[str]]) -> None:
    assert found(indexed(play(demo.story())), q) == expected


def test_the_newest_first_and_no_more_than_asked_for() -> None:
    story = Story("s").at(0).session().terminal("a")
    for n in range(5):
        story.at(1 + n).sent(f"m{n}", "a", text=f"the word number {n}")
    index = indexed(play(story.events))
    with index.reading() as connection:
        answer = search.searched(connection, "word", 3)
    assert [each["attributes"]["messaging.message.id"] for each in answer["messages"]] == ["m4", "m3", "m2"]


def test_strangers_spans_are_found_too() -> None:
    index = Index(":memory:")
    index.fill([entry(told("shop", "GET /cart"))])
    assert found(index, "shop cart") == {"spans": ["GET /cart"]}


def test_ids_that_stand_everywhere_are_no_words() -> None:
    assert found(indexed(play(demo.story())), "demo-checkout-1") == {"sessions": ["checkout"]}


def test_of_a_stranger_s_long_text_the_beginning_is_kept() -> None:
    index = Index(":memory:")
    index.fill([entry(told("shop", "early " + "x" * 2_037 + " last", "later " + "x" * 2_038 + " lost"))])
    assert [list(found(index, word)) for word in ("early", "last", "later", "lost")] == [
        ["spans"],
        ["spans"],
        ["spans"],
        [],
    ]
