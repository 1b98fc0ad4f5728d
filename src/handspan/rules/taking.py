"""Events are taken in: put into memory, where their order does not matter, and noted for telling.

Each function here takes one kind of event. None of them makes a span: that is for the agenda, when all is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan import names
from handspan.events import (
    LARGEST,
    Activity,
    DelegationEnded,
    DelegationStarted,
    Event,
    MessageDelivered,
    MessageSent,
    Notice,
    SessionEnded,
    SessionStarted,
    StatusChanged,
    TerminalEnded,
    TerminalStarted,
    UsageReported,
)
from handspan.rules import telling
from handspan.rules.endings import end_session, stronger
from handspan.rules.memory import Delegation, End, Message, Terminal
from handspan.rules.messages import give_up
from handspan.rules.parts import in_this_part
from handspan.rules.relations import Place, called_at
from handspan.rules.stuck import watch
from handspan.rules.timeline import Fact, fold, insert

if TYPE_CHECKING:
    from handspan.rules.desk import Desk


def take(desk: Desk, event: Event) -> None:
    s = desk.s
    told = in_this_part(desk, event)
    if told is None:
        desk.drop("late")
        return
    event = told
    s.sign = max(s.sign, event.at)
    match event:
        case SessionStarted():
            session_started(desk, event)
        case SessionEnded():
            session_ended(desk, event)
        case TerminalStarted():
            terminal_started(desk, event)
        case TerminalEnded():
            terminal_ended(desk, event)
        case StatusChanged():
            status_changed(desk, event)
        case Activity():
            activity(desk, event)
        case MessageSent():
            message_sent(desk, event)
        case MessageDelivered():
            message_delivered(desk, event)
        case DelegationStarted():
            delegation_started(desk, event)
        case DelegationEnded():
            delegation_ended(desk, event)
        case UsageReported():
            usage_reported(desk, event)
        case Notice():
            notice(desk, event)


def session_started(desk: Desk, e: SessionStarted) -> None:
    s = desk.s
    desk.earlier(e.at)
    s.begun = True
    desk.touched_session = True
    if s.name is None and e.name:
        s.name = e.name
        desk.touch_everything()
    if e.kind == "workflow":
        s.kind = e.kind
    s.parent_session = s.parent_session or e.parent_session
    s.parent_worker = s.parent_worker or e.parent_worker
    s.traceparent = s.traceparent or e.traceparent


def session_ended(desk: Desk, e: SessionEnded) -> None:
    end_session(desk, End(at=e.at, reason=e.reason, noticed=e.at, error=e.error))


def terminal_started(desk: Desk, e: TerminalStarted) -> None:
    t = terminal_or_new(desk, e.terminal, e.at)
    if t is None:
        return
    s = desk.s
    _earlier(desk, e.at, t)
    # Whether its boot was seen is settled with its first status, and no later than its start.
    t.created = t.created or (t.phase is None and not t.marked)
    for name in ("agent", "cli", "model", "creator", "trigger", "window", "pane", "pid", "cwd", "traceparent"):
        if getattr(t, name) is None:
            setattr(t, name, getattr(e, name) or None)
    t.tmux_session = t.tmux_session or e.tmux_session or None
    desk.expect(t.creator, t.id)
    desk.touch(t.id)
    if t.id in s.delegations:
        desk.touch_delegation(t.id)


def terminal_ended(desk: Desk, e: TerminalEnded) -> None:
    t = terminal_or_new(desk, e.terminal, e.last_seen or e.at)
    if t is None:
        return
    # It was alive when it was last seen, whatever was said of its start.
    _earlier(desk, e.last_seen or e.at, t)
    end = End(
        at=min(e.last_seen or e.at, e.at),
        reason=e.reason,
        noticed=e.at,
        looked=e.last_seen is not None,
        exit_code=e.exit_code,
        error=e.error,
    )
    t.end = stronger(t.end, end)
    wait = desk.s.rules.hold if end.looked else desk.s.rules.settle
    desk.plan(max(t.end.at, end.noticed) + wait, "terminal", t.id)
    desk.touch(t.id)
    for worker in [t.id, *t.delegated]:
        if worker in desk.s.delegations:
            desk.touch_delegation(worker)


def status_changed(desk: Desk, e: StatusChanged) -> None:
    t = terminal_or_new(desk, e.terminal, e.at)
    if t is None:
        return
    _earlier(desk, e.at, t)
    fact = Fact(max(e.at, t.start), e.status, e.trigger)
    if t.phase and fact.at < t.phase.at:
        if not take_back(desk, t, fact):
            desk.drop("late")
        return
    before = _status_before(t, fact)
    if not insert(t.facts, fact):
        return
    desk.plan(fact.at + desk.s.rules.settle, "status", t.id)
    if e.status != "unknown":
        t.sign = max(t.sign, e.at)
    if before != e.status:
        desk.say_status(t, fact, before)
    desk.touch(t.id)
    desk.touch_recent_delegations(t)


def take_back(desk: Desk, t: Terminal, fact: Fact) -> bool:
    """An `exiting` that comes after its `working` has settled takes the turn back, if nothing left under it."""
    phase = t.phase
    if fact.word != "exiting" or phase is None or phase.since != fact.at or phase.rooted:
        return False
    at, sign = phase.at, phase.sign
    fold(phase, fact, t.start)
    phase.at, phase.sign = at, sign
    desk.touch(t.id)
    return True


def activity(desk: Desk, e: Activity) -> None:
    t = terminal_or_new(desk, e.terminal, e.at)
    if t:
        alive(desk, t, e.at)


def alive(desk: Desk, t: Terminal, at: int, *, output: bool = True) -> None:
    """A sign of life; without `output` one that says nothing of whether the agent gets on."""
    _earlier(desk, at, t)
    at = max(at, t.start)
    if t.phase and at < t.phase.at:
        return
    if (t.phase and t.phase.lost) or any(fact.word == "unknown" for fact in t.facts):
        # After an end that nobody saw, it moves that end.
        desk.touch(t.id)
    if insert(t.facts, Fact(at, "alive")):
        desk.plan(at + desk.s.rules.settle, "status", t.id)
    t.sign = max(t.sign, at if output else 0)
    if t.stuck is not None:
        watch(desk, t)


def _earlier(desk: Desk, at: int, t: Terminal) -> None:
    """A terminal may have been there earlier than was thought; then its calls since are signs of its life."""
    before = t.start
    desk.earlier(at, t)
    for worker in t.delegated if t.start < before else ():
        d = desk.s.delegations.get(worker)
        if d and t.start <= d.call < before:
            alive(desk, t, d.call)


def message_sent(desk: Desk, e: MessageSent) -> None:
    s = desk.s
    m = message_or_new(desk, e.message, e.receiver)
    if m is None or m.sent_at is not None:
        desk.drop("ended" if m is None else "late")
        return
    if m.sent is not None:
        return
    # Where it was delivered is where it went, whatever the word of its sending says.
    m.sent, m.mode, m.receiver = e.at, e.mode, e.receiver if m.delivered is None else m.receiver
    m.sender, m.sender_session, m.traceparent = e.sender, e.sender_session, e.traceparent
    m.size, m.digest, m.text = e.size, e.digest, e.text
    typed = e.typed and m.delivered is None
    if typed:
        m.delivered = e.at
    desk.plan(e.at + s.rules.settle, "sent", m.id)
    if m.mode != "send_message":
        first = [e.at, m.id, m.mode]
        s.prompts[m.receiver] = min(first, s.prompts.get(m.receiver, first))
    # Whoever sends a message is there, if nothing else was ever heard of it.
    here = e.sender is not None and e.sender_session in {None, s.uid} and e.sender not in s.gone
    sender = terminal_or_new(desk, e.sender, e.at) if here and e.sender else None
    if sender:
        sender.sent += 1
        sender.outgoing.append(m.id)
        alive(desk, sender, e.at)
        answer(desk, s.delegations.get(sender.id), m)
    desk.touch(m.receiver)
    if m.receiver in s.delegations:
        desk.touch_delegation(m.receiver)
    desk.say_sent(m)
    if typed:
        delivered(desk, m, e.at)


def answer(desk: Desk, d: Delegation | None, m: Message) -> None:
    """Take a message for the answer to an assignment, if it is the first one back."""
    if d is None or d.awaited or not d.mode or d.left or m.mode != "send_message" or m.sent is None:
        return
    if m.receiver != d.caller or m.sent < called_at(desk.s, d):
        return
    answered = desk.s.messages.get(d.answer) if d.answer else None
    if d.answer and (answered is None or answered.sent_at is not None):
        return
    if d.answered_at is None or (m.sent, m.id) < (d.answered_at, d.answer or ""):
        d.answer, d.answered_at = m.id, m.sent
        desk.plan(m.sent + desk.s.rules.settle, "delegation", d.worker)
        desk.touch(m.receiver)
        desk.touch_delegation(d.worker)


def message_delivered(desk: Desk, e: MessageDelivered) -> None:
    m = message_or_new(desk, e.message, e.terminal)
    if m is None:
        desk.drop("ended")
    if m is None or m.delivered is not None:
        return
    m.delivered, m.delivered_traceparent = e.at, e.traceparent
    if m.sent_at is None:
        desk.plan(e.at + desk.s.rules.settle, "sent", m.id)
    delivered(desk, m, e.at)


def delivered(desk: Desk, m: Message, at: int) -> None:
    desk.plan(at + desk.s.rules.settle, "delivered", m.id)
    t = None if m.receiver in desk.s.gone else terminal_or_new(desk, m.receiver, at)
    if t:
        t.received += 1
        t.incoming.append(m.id)
        alive(desk, t, at, output=False)
        desk.touch(t.id)
    desk.say_received(m)


def delegation_started(desk: Desk, e: DelegationStarted) -> None:
    s = desk.s
    d = delegation_or_new(desk, e.worker, e.at)
    if d is None:
        return
    if not d.mode:
        s.totals.delegations += 1
        d.mode, d.awaited, d.call, d.since = e.mode, e.awaited, e.at, s.cut or 0
    elif not d.left:
        d.call = min(d.call, e.at)
    d.caller = d.caller or e.caller
    d.step, d.message = d.step or e.step, d.message or e.message
    d.attempt = e.attempt if d.attempt is None else d.attempt
    d.traceparent = d.traceparent or e.traceparent
    caller = s.terminals.get(d.caller) if d.caller else None
    if caller:
        alive(desk, caller, e.at)
    if caller and not d.left and d.worker not in caller.delegated:
        caller.delegated.append(d.worker)
    desk.expect(d.caller, d.worker)
    worker = s.terminals.get(d.worker)
    if worker:
        for message in worker.outgoing:
            answer(desk, d, s.messages[message])
    desk.plan(e.at + s.rules.settle, "delegation", d.worker)
    desk.touch(d.worker)
    desk.touch_delegation(d.worker)


def delegation_ended(desk: Desk, e: DelegationEnded) -> None:
    d = delegation_or_new(desk, e.worker, e.at)
    if d is None:
        return
    if d.left:
        desk.drop("late")
        return
    end = End(at=e.at, reason=e.outcome, noticed=e.at, error=e.error)
    if d.told is None or (end.at, end.reason) < (d.told.at, d.told.reason):
        d.told = end
    d.text = d.text or e.text
    desk.plan(e.at + desk.s.rules.settle, "delegation", d.worker)
    desk.touch_delegation(d.worker)


def usage_reported(desk: Desk, e: UsageReported) -> None:
    t = terminal_or_new(desk, e.terminal, e.at)
    if t is None:
        return
    t.input_tokens = min(LARGEST, t.input_tokens + e.input_tokens)
    t.output_tokens = min(LARGEST, t.output_tokens + e.output_tokens)
    t.cache_read_tokens = min(LARGEST, t.cache_read_tokens + e.cache_read_tokens)
    t.cache_write_tokens = min(LARGEST, t.cache_write_tokens + e.cache_write_tokens)
    labels = {"agent": t.agent or "unknown", "model": e.model or t.model or "unknown"}
    for direction, tokens in (
        ("input", e.input_tokens),
        ("output", e.output_tokens),
        ("cache_read", e.cache_read_tokens),
        ("cache_write", e.cache_write_tokens),
    ):
        if tokens:
            desk.count(names.TOKENS, tokens, direction=direction, **labels)
    if e.cost_usd:
        t.cost_usd += e.cost_usd
        desk.count(names.COST_USD, e.cost_usd, **labels)


def notice(desk: Desk, e: Notice) -> None:
    s = desk.s
    # Being named in a notice is no sign that a terminal is there.
    t = s.terminals.get(e.terminal) if e.terminal else None
    place = Place(names.TERMINAL, t.id, t.start) if t else Place(names.SESSION, "", s.start)
    attributes = telling.common(s, t.id if t else None)
    attributes[names.NOTICE_NAME] = e.name
    if e.text:
        attributes[names.NOTICE_TEXT] = e.text
    desk.log(
        names.NOTICE,
        e.id,
        at=e.at,
        place=place,
        attributes=attributes,
        about=t.id if t else None,
        severity=names.SEVERITIES[e.severity],
    )


def terminal_or_new(desk: Desk, name: str, at: int) -> Terminal | None:
    s = desk.s
    known = s.terminals.get(name)
    if known:
        return known
    if name in s.gone or f"t:{name}" in s.finished or _after_the_end(desk, at):
        desk.drop("ended")
        return None
    if len(s.terminals) >= s.rules.terminals:
        desk.drop("limit")
        return None
    t = s.terminals[name] = Terminal(id=name, start=at)
    desk.earlier(at, t)
    s.totals.terminals += 1
    desk.plan(t.start + s.rules.settle, "marker", name)
    desk.touch(name)
    for child in s.orphans.pop(name, ()):
        desk.touch(child)
        d = s.delegations.get(child)
        if d and d.caller == name:
            t.delegated.append(child)
            if d.call >= t.start:
                alive(desk, t, d.call)
            desk.touch_delegation(child)
    return t


def _after_the_end(desk: Desk, at: int) -> bool:
    """Nothing begins in a session that is over. Reports of what went before may still come, until it leaves."""
    return desk.s.end is not None and at > desk.s.end.at


def message_or_new(desk: Desk, name: str, receiver: str) -> Message | None:
    s = desk.s
    known = s.messages.get(name)
    if known or f"m:{name}" in s.finished:
        return known
    if len(s.messages) >= s.rules.messages:
        give_up(desk, s.messages[next(iter(s.messages))])
    m = s.messages[name] = Message(id=name, receiver=receiver, mode="send_message")
    return m


def delegation_or_new(desk: Desk, worker: str, at: int) -> Delegation | None:
    s = desk.s
    known = s.delegations.get(worker)
    if known:
        return known
    if f"d:{worker}" in s.finished or _after_the_end(desk, at):
        desk.drop("ended")
        return None
    if len(s.delegations) >= s.rules.terminals:
        desk.drop("limit")
        return None
    gone = s.gone.get(worker)
    # Without a mode it is only a word about a delegation whose start has not come (yet).
    d = s.delegations[worker] = Delegation(
        worker=worker,
        call=at,
        mode="",
        awaited=False,
        worker_end=gone.end if gone else None,
    )
    return d


def _status_before(t: Terminal, fact: Fact) -> str:
    earlier = [f.word for f in t.facts if f.order < fact.order and f.word != "alive"]
    return earlier[-1] if earlier else t.phase.status if t.phase else "unknown"
