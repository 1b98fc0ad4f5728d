from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest

from handspan.engine.drain import Moved
from handspan.engine.inbox import Close, Closing, Flush, Found, Inbox, Submitted
from handspan.testing import Story

EVENTS = Story().session().terminal("t").events


def full(inbox: Inbox) -> bool:
    try:
        inbox.submit(EVENTS).result(0)
    except queue.Full:
        return True
    except TimeoutError:
        return False
    raise AssertionError


def test_what_is_put_is_gathered_in_its_order_by_what_it_is() -> None:
    inbox = Inbox(10)
    moved = Moved(destination="d", kind="logs", seq=1)
    flush = Flush(Future())
    inbox.put("a")
    inbox.tell(moved)
    inbox.put(None)
    inbox.tell(Close())
    future = inbox.submit(EVENTS)
    inbox.tell(flush)
    assert inbox.gather(1) == Found(
        facts=["a", None], moved=[moved], submitted=[Submitted(tuple(EVENTS), future)], flushes=[flush]
    )
    assert inbox.empty


def test_a_full_queue_drops_and_counts_facts_and_has_room_for_our_own_words() -> None:
    inbox = Inbox(2)
    for fact in "abcd":
        inbox.put(fact)
    assert full(inbox)
    inbox.tell(Close())
    assert inbox.gather(0.1) == Found(facts=["a", "b"], overflow=3)
    assert inbox.gather(0) == Found()


def test_a_million_facts_from_several_threads_are_counted_exactly() -> None:
    inbox = Inbox(1_000)

    def put() -> None:
        for _ in range(250_000):
            inbox.put("fact")

    threads = [threading.Thread(target=put) for _ in range(4)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    found, facts, overflow = inbox.gather(0.1), 0, 0
    while found != Found():
        facts, overflow, found = facts + len(found.facts), overflow + found.overflow, inbox.gather(0)
    # Each thread may find room for one at the same moment.
    assert 1_000 <= facts <= 1_003
    assert facts + overflow == 1_000_000
    # A microsecond or so each; a hundred times as long on a machine that is busy.
    assert took < 100


def test_what_follows_at_once_is_gathered_together_and_no_more_than_a_thousand() -> None:
    inbox = Inbox(5_000)
    for n in range(1_500):
        inbox.put(n)
    assert [len(inbox.gather(1).facts) for _ in range(2)] == [1_000, 500]


def test_who_waits_for_a_commit_does_not_wait_for_what_follows() -> None:
    inbox = Inbox(10)
    took: list[float] = []
    for _ in range(20):
        inbox.submit(EVENTS)
        inbox.put("later")
        began = time.monotonic()
        found = inbox.gather(60)
        took.append(time.monotonic() - began)
        assert (len(found.submitted), found.facts) == (1, ["later"])
    # What is not waited for is gathered for 20 ms.
    assert min(took) < 0.01


def test_nothing_is_waited_for_longer_than_asked() -> None:
    began = time.monotonic()
    assert Inbox(10).gather(0.05) == Found()
    assert 0.04 < time.monotonic() - began < 5


def test_a_shut_inbox_takes_nothing_and_counts_it() -> None:
    inbox = Inbox(10)
    inbox.shut = True
    inbox.put("a")
    assert full(inbox)
    assert inbox.gather(0) == Found(overflow=2)


def test_who_stops_waiting_can_not_spoil_the_answer() -> None:
    inbox = Inbox(10)
    future = inbox.submit(EVENTS)
    assert not future.cancel()
    inbox.gather(0).submitted[0].committed.set_result(2)
    assert future.result(0) == 2


def test_what_is_abandoned_is_counted_and_whoever_waits_is_told() -> None:
    inbox = Inbox(10)
    inbox.put("a")
    future = inbox.submit(EVENTS)
    inbox.tell(Close())
    assert inbox.abandon() == 2
    with pytest.raises(RuntimeError, match="not committed"):
        future.result(0)
    inbox.put("b")
    assert inbox.gather(0) == Found(overflow=1)


def test_a_child_forked_while_a_fact_is_counted_puts_without_waiting() -> None:
    inbox = Inbox(0)
    # As a thread that is gone in the child left it.
    lock: Any = vars(inbox)["_lock"]
    lock.acquire()
    inbox.forked()
    done = threading.Thread(target=inbox.put, args=["a"], daemon=True)
    done.start()
    done.join(5)
    assert not done.is_alive()
    assert inbox.shut


def test_closing_is_by_who_asked_first() -> None:
    closing = Closing()
    assert closing.left == float("inf")
    assert closing.wait(0)
    closing.ask(0.2)
    closing.ask(100)
    assert closing.asked
    assert 0 < closing.left <= 0.2
    began = time.monotonic()
    assert not closing.wait(60)
    assert time.monotonic() - began < 5
