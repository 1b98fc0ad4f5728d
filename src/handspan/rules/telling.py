"""How what is known becomes signals: names, attributes, limits. The rules decide when; this file only says it.

Every function takes the session's memory and returns values. Limits are kept here, so that nothing too large leaves: an
attribute has at most 1,024 bytes, a span at most 16 KB of text, 128 links and 128 events; what is cut is counted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handspan import ids, names
from handspan.rules.relations import agent_of, mode_of, sender_here, trace_id
from handspan.signals import Count, Link, Log, Resource, Span, SpanEvent, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handspan.rules.memory import Delegation, End, Message, Noted, Notes, State, Terminal
    from handspan.rules.timeline import Spell
    from handspan.signals import Attributes, Signal, SpanKind

# Tempo drops a trace over 5 MB without a word, and 4,000 spans of at most this much, half full, stay well under it.
ATTRIBUTE_BYTES = 1_024
SPAN_BYTES = 16 * 1_024
# The SDK's own default for both.
LINKS = 128
EVENTS = 128
# Jaeger warns on a span of length zero.
SHORTEST = 1_000

_KINDS: dict[str, SpanKind] = {names.SEND: "producer", names.RECEIVE: "consumer"}
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A span, or the piece of one that lies in one part, before it is written out."""

    kind: str
    key: str | list[str | int]
    part: int
    name: str
    start: int
    parent: str | None
    resource: Resource
    attributes: dict[str, Value]
    end: int | None = None
    outcome: str | None = None
    error: str | None = None
    links: tuple[Link, ...] = ()


# --- who -------------------------------------------------------------------------------------------------------------


def resource(s: State, terminal: str | None) -> Resource:
    """The agent in `terminal`, or the orchestrator where no terminal (or none that is known) is meant."""
    agent = agent_of(s, terminal)
    if terminal is None or (terminal not in s.terminals and terminal not in s.gone):
        return Resource(service=s.source, namespace=s.source, instance=s.instance)
    return Resource(service=agent or _UNKNOWN, namespace=s.source, instance=s.instance, terminal=terminal)


def common(s: State, terminal: str | None = None) -> dict[str, Value]:
    attributes: dict[str, Value] = {names.SESSION_ID: s.uid, names.CONVERSATION_ID: s.uid}
    if s.name:
        attributes[names.SESSION_NAME] = s.name
    if terminal is not None:
        attributes[names.TERMINAL_ID] = terminal
        _put(attributes, names.AGENT_NAME, agent_of(s, terminal))
    return attributes


def _put(attributes: dict[str, Value], name: str, value: Value | None) -> None:
    if value not in (None, "", ()):
        attributes[name] = value


# --- attributes by kind ----------------------------------------------------------------------------------------------


def session_name(s: State) -> str:
    return f"session {s.name}" if s.name else "session"


def session_attributes(s: State) -> dict[str, Value]:
    attributes = common(s)
    attributes[names.SOURCE] = s.source
    attributes[names.PART] = s.part
    if s.kind == "workflow":
        _put(attributes, names.WORKFLOW_NAME, s.name)
    _put(attributes, names.PARENT_SESSION, s.parent_session)
    _put(attributes, names.PARENT_WORKER, s.parent_worker)
    return attributes


def session_totals(s: State) -> dict[str, Value]:
    totals = s.totals
    return {
        names.SESSION_TERMINALS: totals.terminals,
        names.SESSION_TURNS: totals.turns,
        names.SESSION_MESSAGES: totals.messages,
        names.SESSION_UNDELIVERED: totals.undelivered,
        names.SESSION_DELEGATIONS: totals.delegations,
        names.SESSION_UNANSWERED: totals.unanswered,
        names.SESSION_ERRORS: totals.errors,
    }


def terminal_attributes(s: State, t: Terminal) -> dict[str, Value]:
    attributes = common(s, t.id)
    _put(attributes, names.AGENT_CLI, t.cli)
    _put(attributes, names.MODEL, t.model)
    _put(attributes, names.PID, t.pid)
    _put(attributes, names.TMUX_SESSION, t.tmux_session)
    _put(attributes, names.TMUX_WINDOW, t.window)
    _put(attributes, names.TMUX_PANE, t.pane)
    if s.rules.working_directory:
        _put(attributes, names.CWD, t.cwd)
    return attributes


def terminal_totals(t: Terminal) -> dict[str, Value]:
    attributes: dict[str, Value] = {
        names.TERMINAL_TURNS: t.turns,
        names.TERMINAL_BUSY: seconds(t.busy),
        names.TERMINAL_WAITING: seconds(t.waited),
        names.TERMINAL_SENT: t.sent,
        names.TERMINAL_RECEIVED: t.received,
    }
    for name, tokens in (
        (names.INPUT_TOKENS, t.input_tokens),
        (names.OUTPUT_TOKENS, t.output_tokens),
        (names.CACHE_READ_TOKENS, t.cache_read_tokens),
        (names.CACHE_WRITE_TOKENS, t.cache_write_tokens),
    ):
        _put(attributes, name, tokens or None)
    _put(attributes, names.COST, t.cost_usd or None)
    return attributes


def turn_attributes(s: State, t: Terminal, spell: Spell, trigger: str) -> dict[str, Value]:
    attributes = common(s, t.id)
    attributes[names.OPERATION] = "invoke_agent"
    attributes[names.TURN_NUMBER] = spell.turn
    attributes[names.TURN_TRIGGER] = trigger
    return attributes


def delegation_attributes(s: State, d: Delegation) -> dict[str, Value]:
    attributes = common(s, d.caller if d.caller in s.terminals or d.caller in s.gone else None)
    if d.mode == "step":
        _put(attributes, names.STEP, d.step)
        _put(attributes, names.ATTEMPT, d.attempt)
    else:
        attributes[names.OPERATION] = "execute_tool"
        attributes[names.TOOL_NAME] = d.mode
    _put(attributes, names.CALLER_TERMINAL, d.caller)
    _put(attributes, names.CALLER_AGENT, agent_of(s, d.caller))
    attributes[names.TARGET_TERMINAL] = d.worker
    _put(attributes, names.TARGET_AGENT, agent_of(s, d.worker))
    attributes[names.AWAITED] = d.awaited
    return attributes


def delegation_name(s: State, d: Delegation) -> str:
    if d.mode == "step":
        return f"step {d.step or _UNKNOWN}"
    return f"{d.mode} {agent_of(s, d.worker) or _UNKNOWN}"


def message_attributes(s: State, m: Message, terminal: str | None) -> dict[str, Value]:
    """What a message's spans and events say; `terminal` is whose they are."""
    attributes = common(s, terminal if terminal in s.terminals or terminal in s.gone else None)
    attributes[names.MESSAGE_ID] = m.id
    attributes[names.MESSAGE_MODE] = mode_of(s, m)
    attributes[names.SENDER_TERMINAL] = m.sender or _UNKNOWN
    attributes[names.SENDER_AGENT] = agent_of(s, sender_here(s, m)) or _UNKNOWN
    if m.sender_session != s.uid:
        _put(attributes, names.SENDER_SESSION, m.sender_session)
    attributes[names.RECEIVER_TERMINAL] = m.receiver
    attributes[names.RECEIVER_AGENT] = agent_of(s, m.receiver) or _UNKNOWN
    _put(attributes, names.MESSAGE_SIZE, m.size)
    _put(attributes, names.MESSAGE_DIGEST, m.digest)
    _put(attributes, names.MESSAGE_TEXT, m.text)
    return attributes


def transfer_attributes(s: State, m: Message, operation: str, terminal: str | None) -> dict[str, Value]:
    attributes = message_attributes(s, m, terminal)
    attributes[names.MESSAGING_SYSTEM] = "handspan"
    attributes[names.MESSAGING_OPERATION] = operation
    attributes[names.DESTINATION] = agent_of(s, m.receiver) or _UNKNOWN
    return attributes


def end_attributes(end: End, *, seen: bool) -> dict[str, Value]:
    attributes: dict[str, Value] = {names.END_REASON: end.reason}
    _put(attributes, names.EXIT_CODE, end.exit_code)
    _put(attributes, names.ERROR_TEXT, end.error)
    if not seen:
        attributes[names.INFERRED] = ("end",)
    return attributes


# --- spans -----------------------------------------------------------------------------------------------------------


def span(s: State, piece: Piece, notes: Notes | None = None) -> tuple[Span, list[Signal]]:
    """The span of a finished piece, and the counts of what its limits cut."""
    assert piece.end is not None
    cut: dict[str, int] = {}
    attributes, size = _limited(dict(piece.attributes), cut, SPAN_BYTES)
    events, lost = _events(notes, SPAN_BYTES - size, cut)
    links = piece.links[:LINKS]
    dropped_links = len(piece.links) - len(links) + (notes.dropped_links if notes else 0)
    if dropped_links:
        cut["links"] = dropped_links
    made = Span(
        trace_id=trace_id(s, piece.part),
        span_id=ids.span_id(s.uid, piece.kind, piece.key, piece.part),
        parent_span_id=piece.parent,
        name=piece.name,
        kind=_KINDS.get(piece.kind, "internal"),
        start=piece.start,
        end=max(piece.end, piece.start + SHORTEST),
        resource=piece.resource,
        attributes=attributes,
        events=events,
        links=links,
        error=piece.error is not None,
        dropped_events=lost,
        dropped_links=dropped_links,
    )
    return made, _counts(cut)


def _events(notes: Notes | None, room: int, cut: dict[str, int]) -> tuple[tuple[SpanEvent, ...], int]:
    if notes is None:
        return (), 0
    events: list[SpanEvent] = []
    dropped = notes.dropped_events
    for noted in sorted(notes.events, key=_noted_order):
        attributes, size = _limited(dict(noted.attributes), cut, ATTRIBUTE_BYTES * len(noted.attributes))
        if size > room and names.MESSAGE_TEXT in attributes:
            size -= _bytes(attributes.pop(names.MESSAGE_TEXT))
            cut["span"] = cut.get("span", 0) + 1
        if size > room or len(events) == EVENTS:
            dropped += 1
            continue
        room -= size
        events.append(SpanEvent(name=noted.name, at=noted.at, attributes=attributes))
    if dropped:
        cut["events"] = dropped
    return tuple(events), dropped


def _noted_order(noted: Noted) -> tuple[int, str, str]:
    return (noted.at, noted.message, noted.name)


def _bytes(value: Value) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "backslashreplace"))
    return sum(len(v) for v in value) if isinstance(value, tuple) else 0


def _limited(attributes: dict[str, Value], cut: dict[str, int], room: int) -> tuple[dict[str, Value], int]:
    size = 0
    for name, value in attributes.items():
        if isinstance(value, str):
            # A character has at most four bytes: what is short enough need not be encoded to be known to fit.
            if len(value) * 4 > ATTRIBUTE_BYTES and _bytes(value) > ATTRIBUTE_BYTES:
                encoded = value.encode("utf-8", "backslashreplace")[:ATTRIBUTE_BYTES]
                attributes[name] = encoded.decode("utf-8", "ignore")
                cut["value"] = cut.get("value", 0) + 1
                size += _bytes(attributes[name])
            else:
                size += len(value) if value.isascii() else _bytes(value)
        elif isinstance(value, tuple):
            size += _bytes(value)
    if size > room:
        # Only a garbage of long names gets here. The longest values go first, whatever they are.
        for name in sorted(attributes, key=lambda n: (-_bytes(attributes[n]), n)):
            if size <= room:
                break
            size -= _bytes(attributes.pop(name))
            cut["span"] = cut.get("span", 0) + 1
    return attributes, size


def upstream(traceparent: str | None) -> tuple[Link, ...]:
    """The link of a W3C traceparent. Read leniently: any version, any flags; what is none gives no link."""
    fields = traceparent.strip().lower().split("-") if traceparent else []
    if len(fields) < 4 or (len(fields[1]), len(fields[2])) != (32, 16):
        return ()
    if not all(set(f) <= set("0123456789abcdef") and f.strip("0") for f in fields[1:3]):
        return ()
    return (Link(trace_id=fields[1], span_id=fields[2], type=names.LINK_UPSTREAM),)


# --- log events ------------------------------------------------------------------------------------------------------


def log(
    s: State,
    name: str,
    key: str | list[Any],
    *,
    at: int,
    body: str,
    attributes: dict[str, Value],
    about: Resource,
    part: int,
    span_id: str | None,
    severity: int = names.INFO,
    revision: int = 1,
) -> list[Signal]:
    uid = ids.log_uid(s.uid, part, name, key, revision)
    said, cut = short(attributes)
    said[names.EVENT_NAME] = name
    said[names.LOG_UID] = uid
    made = Log(
        uid=uid,
        name=name,
        at=at,
        severity=severity,
        body=body,
        resource=about,
        attributes=said,
        trace_id=trace_id(s, part),
        span_id=span_id,
    )
    return [made, *cut]


def short(attributes: dict[str, Value]) -> tuple[dict[str, Value], list[Signal]]:
    """Attributes within the limits, and the counts of what was cut."""
    cut: dict[str, int] = {}
    said, _ = _limited(attributes, cut, SPAN_BYTES)
    return said, _counts(cut)


def _counts(cut: dict[str, int]) -> list[Signal]:
    return [Count(name=names.TRUNCATED, labels={"reason": why}, value=n) for why, n in sorted(cut.items())]


def opening(s: State, piece: Piece, causes: Iterable[str], revision: int) -> list[Signal]:
    """The log event by which a span is seen before it has left."""
    attributes = opening_attributes(piece, causes)
    if revision > 1:
        attributes[names.REVISION] = revision
    return log(
        s,
        names.started(piece.kind),
        piece.key,
        at=piece.start,
        body=names.LOG_EVENTS[names.started(piece.kind)].says,
        attributes=attributes,
        about=piece.resource,
        part=piece.part,
        span_id=ids.span_id(s.uid, piece.kind, piece.key, piece.part),
        revision=revision,
        severity=names.ACTION if piece.kind == names.WAITING else names.INFO,
    )


def opening_attributes(piece: Piece, causes: Iterable[str]) -> dict[str, Value]:
    attributes = lasting(piece.attributes)
    attributes[names.SPAN_NAME] = piece.name
    attributes[names.SPAN_START] = piece.start
    _put(attributes, names.PARENT_SPAN_ID, piece.parent)
    _put(attributes, names.CAUSE_SPAN_ID, tuple(causes))
    return attributes


def lasting(attributes: Attributes) -> dict[str, Value]:
    return {name: value for name, value in attributes.items() if name not in names.OF_THE_END}


def ending(s: State, piece: Piece, revision: int) -> list[Signal]:
    """The log event of an end, told before the span has settled."""
    assert piece.end is not None
    attributes = {k: v for k, v in piece.attributes.items() if k in _ON_ENDINGS}
    attributes[names.OUTCOME] = piece.outcome or _UNKNOWN
    attributes[names.SPAN_NAME] = piece.name
    _put(attributes, names.ERROR_TYPE, piece.error)
    if revision > 1:
        attributes[names.REVISION] = revision
    return log(
        s,
        names.ended(piece.kind),
        piece.key,
        at=piece.end,
        body=names.LOG_EVENTS[names.ended(piece.kind)].says,
        attributes=attributes,
        about=piece.resource,
        part=piece.part,
        span_id=ids.span_id(s.uid, piece.kind, piece.key, piece.part),
        revision=revision,
        severity=names.ERROR if piece.error else names.INFO,
    )


_ON_ENDINGS = frozenset({
    names.SESSION_ID,
    names.CONVERSATION_ID,
    names.SESSION_NAME,
    names.TERMINAL_ID,
    names.AGENT_NAME,
    names.END_REASON,
    names.EXIT_CODE,
    names.ERROR_TEXT,
    names.INFERRED,
    names.TURN_NUMBER,
    names.TURN_TRIGGER,
    names.TURN_OUTCOME,
    names.DELEGATION_OUTCOME,
    names.DELEGATION_TEXT,
    names.AWAITED,
    names.TOOL_NAME,
    names.STEP,
    names.ATTEMPT,
    names.CALLER_TERMINAL,
    names.CALLER_AGENT,
    names.TARGET_TERMINAL,
    names.TARGET_AGENT,
})


def fingerprint(*parts: object) -> str:
    """Tells whether what would be said differs from what was said last."""
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def seconds(nanoseconds: int) -> float:
    return nanoseconds / 1_000_000_000
