from __future__ import annotations

from typing import TYPE_CHECKING

from handspan.sources import cao_facts as cao
from handspan.sources.cao_state import PATIENCE, REMEMBER, SECOND, TYPED_KEPT, Agenda, Inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handspan.events import Event

START = 1_795_170_000 * SECOND


def row(number: int, message: str = "go on") -> cao.InboxRow:
    return cao.InboxRow(
        at=START, id=number, sender_id="s", receiver_id="w", message=message, status="pending", created_at=START
    )


def typed(message: str = "go on") -> cao.Hook:
    return cao.Hook(
        at=START, timestamp=START, event_type="post_send_message", sender="s", receiver="w", message=message
    )


def test_the_inbox_gives_the_oldest_row_first_and_each_once() -> None:
    inbox = Inbox()
    assert inbox.queue(row(1))
    assert inbox.queue(row(2))
    assert [inbox.take(typed()), inbox.take(typed()), inbox.take(typed())] == [row(1), row(2), None]


def test_the_inbox_keeps_as_many_typed_messages_as_it_says() -> None:
    for later, is_known in [(TYPED_KEPT - 1, True), (TYPED_KEPT, False)]:
        inbox = Inbox()
        inbox.take(typed())
        for _ in range(later):
            inbox.take(typed("something else"))
        assert inbox.queue(row(1)) is not is_known


def saying(said: list[str], word: str) -> Callable[[], Iterator[Event]]:
    def say() -> Iterator[Event]:
        said.append(word)
        return iter(())

    return say


def test_the_agenda_concludes_what_has_waited_long_enough_and_what_that_brings() -> None:
    agenda, said = Agenda(), list[str]()

    def first() -> Iterator[Event]:
        agenda.hold("second", START, saying(said, "second"))
        return saying(said, "first")()

    agenda.hold("first", START, first)
    agenda.hold("dropped", START, saying(said, "dropped"))
    agenda.drop("dropped")
    list(agenda.turn(START + PATIENCE - 1))
    assert said == []
    list(agenda.turn(START + PATIENCE))
    assert said == ["first", "second"]


def test_the_agenda_concludes_what_is_explained_once() -> None:
    agenda, said = Agenda(), list[str]()
    agenda.hold("end", START, saying(said, "end"))
    for _ in range(2):
        list(agenda.explained("end"))
    list(agenda.turn(START + PATIENCE))
    assert said == ["end"]


def test_the_agenda_forgets_in_time() -> None:
    agenda, memory = Agenda(), {"kept": 1, "old": 2}
    list(agenda.turn(START))
    agenda.forget(memory, "old")
    list(agenda.turn(START + REMEMBER - 1))
    assert "old" in memory
    list(agenda.turn(START + REMEMBER))
    assert memory == {"kept": 1}
