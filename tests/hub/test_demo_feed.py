from __future__ import annotations

import threading
from typing import Any

from handspan.hub.demo_feed import Demo, Shown
from handspan.hub.index import Index, sessions
from handspan.testing import BEGIN, SECOND, Story, play
from tests.recorded import entries, pushed

PATIENCE = 20


class Racing:
    """A clock that is hours further whenever it is looked at: nothing has to be waited for."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> int:
        self.now += 10_000 * SECOND
        return self.now


def listed(demo: Demo) -> list[dict[str, Any]]:
    with demo.index.reading() as connection:
        found: list[dict[str, Any]] = sessions.listed(connection, limit=9)["sessions"]
    return found


def test_what_a_page_sees_at_once() -> None:
    told = threading.Event()
    positions: list[int] = []

    def tell(position: int) -> None:
        positions.append(position)
        if len(listed(demo)[0]["agents"]) == 1 and listed(demo)[0]["messages"] == 1:
            told.set()

    demo = Demo(tell, clock=lambda: BEGIN)
    demo.start()
    assert told.wait(PATIENCE)
    demo.stop(PATIENCE)
    assert not demo.is_alive()
    (found,) = listed(demo)
    assert (found["id"], found["demo"], found["state"]) == ("demo-checkout-1-1", True, "running")
    assert positions == sorted(positions)


def test_it_is_told_again_when_it_is_over() -> None:
    told = threading.Event()
    seen: list[list[tuple[str, str]]] = []

    def tell(_: int) -> None:
        seen.append([(found["id"], found["state"]) for found in listed(demo)])
        if seen[-1] == [("demo-checkout-1-2", "running")]:
            told.set()

    demo = Demo(tell, clock=Racing())
    demo.start()
    assert told.wait(PATIENCE)
    demo.stop(PATIENCE)
    assert not demo.is_alive()
    assert [("demo-checkout-1-1", "ended")] in seen
    # The first one has gone by then.
    assert [("demo-checkout-1-2", "running"), ("demo-checkout-1-1", "ended")] not in seen


def test_the_demo_goes_with_the_first_that_is_real_and_does_not_come_back() -> None:
    demo, index = Demo(lambda _: None), Index(":memory:")
    demo.start()
    shown = Shown(index, demo)
    assert shown() is demo.index
    index.fill([pushed(1, "here", BEGIN)])
    assert shown() is demo.index
    index.fill(entries(play(Story("s").at(0).session().events), first=2))
    assert shown() is index
    demo.join(PATIENCE)
    assert not demo.is_alive()
    index.forget(1_000)
    assert index.is_empty()
    assert shown() is index
