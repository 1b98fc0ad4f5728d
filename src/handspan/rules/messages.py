"""Messages leave: their send and receive spans, and the span events that tell of them where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan import names
from handspan.rules import telling
from handspan.rules.relations import (
    Place,
    answered_by,
    called_at,
    caused_turn,
    delivered_at,
    may_still_begin,
    mode_of,
    parent_of_delegation,
    parent_of_send,
    root,
    sender_here,
    sent_at,
    span_id,
    turn_at,
)
from handspan.rules.telling import Piece

if TYPE_CHECKING:
    from handspan.rules.desk import Desk
    from handspan.rules.memory import Message, Notes, Terminal

_DEPTH = 64


def do_sent(desk: Desk, key: str) -> None:
    m = desk.s.messages.get(key)
    if m and m.sent_at is None:
        leave_send(desk, m)
        forget(desk, m)


def leave_send(desk: Desk, m: Message) -> None:
    s = desk.s
    at = sent_at(s, m)
    place = parent_of_send(s, m, at)
    desk.root(place)
    m.answers = answered_by(s, m)
    m.sent_at, m.part = at, s.part
    answered = s.delegations.get(m.answers) if m.answers else None
    if answered:
        answered.answered_at = at
    if m.sent is None:
        desk.say_sent(m)
    parent = span_id(s, place.kind, place.key, s.part)
    desk.leave(transfer(desk, m, names.SEND, start=at, end=at, parent=parent))
    s.totals.messages += 1
    mode = mode_of(s, m)
    attributes = telling.message_attributes(s, m, None)
    said_by, receiver = str(attributes[names.SENDER_AGENT]), str(attributes[names.RECEIVER_AGENT])
    desk.count(names.MESSAGES, source=s.source, mode=mode, sender=said_by, receiver=receiver)
    sender = sender_here(s, m)
    t = s.terminals.get(sender) if sender else None
    if not m.sent_placed:
        desk.note(notes_above_send(desk, m, at), m, names.MESSAGE_SENT, at, sender)
        m.sent_placed = True
        if t and m.id in t.outgoing:
            t.outgoing.remove(m.id)


def notes_above_send(desk: Desk, m: Message, at: int) -> Notes:
    """Where `message_sent` goes: the sender's turn, if it has not left; else the nearest span above the send."""
    s = desk.s
    sender = sender_here(s, m)
    turn = turn_at(s, sender, at) if sender else None
    t = s.terminals.get(sender) if sender else None
    if t and turn and t.phase and t.phase.since == turn.start:
        return t.turn_notes
    return _notes_from(desk, parent_of_send(s, m, at))


def _notes_from(desk: Desk, place: Place) -> Notes:
    """The notes of the nearest span that has not left, from `place` upwards."""
    s = desk.s
    # What has left knows only what it hung under, and that no longer: no chain of it is as long as this.
    for _ in range(_DEPTH):
        terminal = str(place.key if isinstance(place.key, str) else place.key[0])
        if place.kind == names.TURN:
            t = s.terminals.get(terminal)
            if t and t.phase and t.phase.since == place.start:
                return t.turn_notes
            place = Place(names.TERMINAL, terminal, 0)
        elif place.kind == names.TERMINAL:
            if terminal in s.terminals:
                return s.terminals[terminal].notes
            gone = s.gone.get(terminal)
            place = Place(gone.under[0], gone.under[1], 0) if gone and gone.under else root(s)
        elif place.kind == names.DELEGATION:
            d = s.delegations.get(terminal)
            if d and not d.left:
                return d.notes
            place = parent_of_delegation(s, d, called_at(s, d)) if d else root(s)
        else:
            break
    return s.notes


def do_delivered(desk: Desk, key: str) -> None:
    m = desk.s.messages.get(key)
    if m is None or m.delivered is None:
        return
    if m.sent_at is None:
        leave_send(desk, m)
    if not m.received:
        leave_receive(desk, m)
    place_received(desk, m)
    forget(desk, m)


def leave_receive(desk: Desk, m: Message) -> None:
    s = desk.s
    start, end = sent_at(s, m), delivered_at(s, m)
    m.received = True
    send = span_id(s, names.SEND, m.id, m.part)
    desk.leave(transfer(desk, m, names.RECEIVE, start=start, end=end, parent=send))
    desk.observe(names.DELIVERY_SECONDS, end - start, m.part, mode=mode_of(s, m))


def transfer(desk: Desk, m: Message, kind: str, *, start: int, end: int, parent: str) -> Piece:
    operation, about = ("send", sender_here(desk.s, m)) if kind == names.SEND else ("receive", m.receiver)
    attributes = telling.transfer_attributes(desk.s, m, operation, about)
    return Piece(
        kind=kind,
        key=m.id,
        part=m.part,
        name=f"{operation} {attributes[names.DESTINATION]}",
        start=start,
        end=end,
        parent=parent,
        resource=telling.resource(desk.s, about),
        attributes=attributes,
        links=telling.upstream(m.traceparent if kind == names.SEND else m.delivered_traceparent),
    )


def place_received(desk: Desk, m: Message) -> None:
    """Give `message_received` its place, unless it waits for the turn that the message started."""
    s = desk.s
    t = s.terminals.get(m.receiver)
    if m.received_placed:
        return
    turn = caused_turn(s, m)
    if t and turn and turn.number > _last_left(t):
        # It leaves with its turn; those past the limit need not be kept until then, once that turn has begun for good.
        if len(t.incoming) > telling.LINKS and t.phase and t.phase.since == turn.start:
            t.turn_notes.dropped_links += 1
            _place(desk, m, t, t.turn_notes)
        return
    if t and turn is None and not desk.closing and may_still_begin(s, t):
        desk.plan(s.now + s.rules.settle, "delivered", m.id)
        return
    running = turn_at(s, t.id, delivered_at(s, m)) if t else None
    open_turn = t is not None and running is not None and t.phase is not None and t.phase.since == running.start
    _place(desk, m, t, t.turn_notes if t and open_turn else _notes_from(desk, Place(names.TERMINAL, m.receiver, 0)))


def _place(desk: Desk, m: Message, t: Terminal | None, notes: Notes) -> None:
    if t:
        t.incoming.remove(m.id)
    desk.note(notes, m, names.MESSAGE_RECEIVED, delivered_at(desk.s, m), m.receiver)
    m.received_placed = True


def forget(desk: Desk, m: Message) -> None:
    s = desk.s
    if m.sent_at is None or not m.received or not m.received_placed or m.id not in s.messages:
        return
    _drop(desk, m)


def _drop(desk: Desk, m: Message) -> None:
    s = desk.s
    del s.messages[m.id]
    first = s.prompts.get(m.receiver)
    if first and first[1] == m.id and m.receiver not in s.delegations:
        del s.prompts[m.receiver]
    desk.finish(f"m:{m.id}")


def give_up(desk: Desk, m: Message) -> None:
    """A message that will not be delivered any more: its session is over, or it holds too many."""
    s = desk.s
    if m.sent_at is None:
        leave_send(desk, m)
    if m.delivered is None:
        s.totals.undelivered += 1
        attributes = telling.message_attributes(s, m, m.receiver)
        place = Place(names.SEND, m.id, m.sent_at or 0)
        desk.log(
            names.MESSAGE_UNDELIVERED,
            m.id,
            at=max(m.sent_at or 0, s.end.at) if desk.closing and s.end else desk.at,
            place=place,
            attributes=attributes,
            about=m.receiver,
            severity=names.WARN,
            part=m.part,
        )
        if not desk.closing:
            desk.count(names.TRUNCATED, reason="messages")
    elif not m.received:
        leave_receive(desk, m)
    if m.delivered is not None and not m.received_placed:
        t = s.terminals.get(m.receiver)
        if t and m.id in t.incoming:
            t.incoming.remove(m.id)
        desk.note(
            _notes_from(desk, Place(names.TERMINAL, m.receiver, 0)), m, names.MESSAGE_RECEIVED, m.delivered, m.receiver
        )
    _drop(desk, m)


def take_up(desk: Desk, t: Terminal, number: int) -> None:
    """Put the events of the messages that turn `number` sent and received on it, wherever they are in settling."""
    s = desk.s
    for name in list(t.outgoing):
        m = s.messages[name]
        at = sent_at(s, m)
        turn = turn_at(s, t.id, at)
        if turn and turn.number == number:
            desk.note(t.turn_notes, m, names.MESSAGE_SENT, at, t.id)
            m.sent_placed = True
            t.outgoing.remove(name)
    for name in list(t.incoming):
        m = s.messages[name]
        at = delivered_at(s, m)
        turn = caused_turn(s, m) or turn_at(s, t.id, at)
        if turn and turn.number == number:
            desk.note(t.turn_notes, m, names.MESSAGE_RECEIVED, at, t.id)
            m.received_placed = True
            t.incoming.remove(name)
            forget(desk, m)


def _last_left(t: Terminal) -> int:
    return t.past[-1].number if t.past else 0
