"""What a session remembers, and how that is written down and read again.

Everything here is plain data: numbers, texts, lists, dicts and dataclasses of these, so that a dump is a walk over the
fields and a session read back from it goes on byte for byte.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from handspan.rules.timeline import Fact, Phase

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The numbers the rules go by, each with its reason."""

    # An orchestrator reports late: CAO tells of a delivery 0.84 s after the turn it started, its tables are read every
    # 0.5 s. Two seconds hold both, and still look like "at once" to a person.
    settle: int = 2 * SECOND
    # A death found by looking waits for the report that explains it, a deliberate end up to a settling time later; and
    # that report may itself be late.
    hold: int = 3 * SECOND
    # How long before the report of a delivery the turn it caused may have begun: 0.84 s seen, the rest for a slow
    # machine.
    lookback: int = 1_500_000_000
    # How long after a delivery the turn it causes may begin. Half the settling time: the word of it takes time too.
    lookahead: int = SECOND
    # Ten minutes without output is longer than builds and test suites that agents wait for quietly.
    stuck_after: int = 600 * SECOND
    # Only for sources that can't look whether anybody is still there.
    idle_after: int | None = None
    # Tempo drops a trace over 5 MB without a word: about 4,500 spans of ours. A day, since backends search by the day.
    part_age: int = 24 * 3600 * SECOND
    part_spans: int = 4_000
    # A session of this size is a loop, not an orchestration. About 4 KB each.
    terminals: int = 10_000
    messages: int = 4_096
    # Late facts (a message's sender's turn, an assignment's call) look back at most this many turns.
    past_turns: int = 64
    # Terminals that have left: enough to know a late word about one of them from a new terminal.
    past_terminals: int = 1_024
    # Paths name people and their projects: only where asked for.
    working_directory: bool = False


@dataclass(slots=True, kw_only=True)
class End:
    """Why something ended: the strongest of what was said. `noticed` is when it was said, `looked` if only by
    looking."""

    at: int
    reason: str
    noticed: int
    looked: bool = False
    exit_code: int | None = None
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Noted:
    """A span event that waits for its span to end."""

    at: int
    message: str
    name: str
    attributes: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Notes:
    """What an open span has gathered so far; `dropped` counts what came after the limits."""

    events: list[Noted] = field(default_factory=list[Noted])
    dropped_events: int = 0
    dropped_links: int = 0


@dataclass(slots=True, kw_only=True)
class Told:
    """What has been said in log events of one span that has not left: its opening's and its end's content and
    revision."""

    kind: str
    key: list[Any]
    opening: str = ""
    revision: int = 0
    ending: str = ""
    endings: int = 0
    retracted: bool = False


@dataclass(slots=True, kw_only=True)
class PastTurn:
    number: int
    start: int
    end: int
    # The part in which it ended.
    part: int


@dataclass(slots=True, kw_only=True)
class Terminal:
    id: str
    start: int
    created: bool = False
    agent: str | None = None
    cli: str | None = None
    model: str | None = None
    creator: str | None = None
    trigger: str | None = None
    tmux_session: str | None = None
    window: str | None = None
    pane: str | None = None
    pid: int | None = None
    cwd: str | None = None
    traceparent: str | None = None
    # Statuses: `phase` is settled, `facts` are not yet. `past` are turns that have left.
    phase: Phase | None = None
    facts: list[Fact] = field(default_factory=list[Fact])
    past: list[PastTurn] = field(default_factory=list[PastTurn])
    sign: int = 0
    # Since when nothing had been seen of it when it was told to be stuck.
    stuck: int | None = None
    watched: int = 0
    marked: bool = False
    end: End | None = None
    # Messages whose span events have no place yet.
    outgoing: list[str] = field(default_factory=list[str])
    incoming: list[str] = field(default_factory=list[str])
    delegated: list[str] = field(default_factory=list[str])
    notes: Notes = field(default_factory=Notes)
    turn_notes: Notes = field(default_factory=Notes)
    told: dict[str, Told] = field(default_factory=dict[str, Told])
    turns: int = 0
    busy: int = 0
    waited: int = 0
    turn_waited: int = 0
    sent: int = 0
    received: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(slots=True, kw_only=True)
class Gone:
    """What is kept of a terminal that has left."""

    start: int
    end: End
    # The part in which it ended.
    part: int
    agent: str | None = None
    creator: str | None = None
    # What it hung under: a kind and a terminal's id.
    under: list[str] = field(default_factory=list[str])
    past: list[PastTurn] = field(default_factory=list[PastTurn])


@dataclass(slots=True, kw_only=True)
class Message:
    id: str
    receiver: str
    mode: str
    sender: str | None = None
    sender_session: str | None = None
    size: int | None = None
    digest: str | None = None
    text: str | None = None
    traceparent: str | None = None
    sent: int | None = None
    delivered: int | None = None
    delivered_traceparent: str | None = None
    # Set when the span has left: its time and part, for what comes after it.
    sent_at: int | None = None
    part: int = 0
    answers: str | None = None
    received: bool = False
    sent_placed: bool = False
    received_placed: bool = False


@dataclass(slots=True, kw_only=True)
class Delegation:
    worker: str
    call: int
    mode: str
    awaited: bool
    caller: str | None = None
    step: str | None = None
    attempt: int | None = None
    message: str | None = None
    traceparent: str | None = None
    told: End | None = None
    text: str | None = None
    # The first message back, and when it was sent.
    answer: str | None = None
    answered_at: int | None = None
    worker_end: End | None = None
    caller_end: End | None = None
    # The part in which it ended, when it has left.
    left: int = 0
    # When the part began in which it was first told: it began no earlier.
    since: int = 0
    notes: Notes = field(default_factory=Notes)
    opened: dict[str, Told] = field(default_factory=dict[str, Told])


@dataclass(slots=True, kw_only=True)
class Totals:
    """A session's roll-ups, over all its parts."""

    terminals: int = 0
    turns: int = 0
    messages: int = 0
    undelivered: int = 0
    delegations: int = 0
    unanswered: int = 0
    errors: int = 0


@dataclass(slots=True, kw_only=True)
class State:
    """One session: all that is open in it, and as much of what has left as late words about it need."""

    # The numbers the rules go by. They are the process's and no part of a dump.
    rules: Rules
    uid: str
    source: str
    instance: str
    start: int
    name: str | None = None
    kind: str = "session"
    parent_session: str | None = None
    parent_worker: str | None = None
    traceparent: str | None = None
    begun: bool = False
    end: End | None = None
    now: int = 0
    sign: int = 0
    marked: bool = False
    over: bool = False
    # `cut` is when this part began, if it is not the first; `carried` spans went on over that cut.
    part: int = 1
    cut: int | None = None
    carried: int = 0
    spans: int = 0
    terminals: dict[str, Terminal] = field(default_factory=dict[str, Terminal])
    gone: dict[str, Gone] = field(default_factory=dict[str, Gone])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    delegations: dict[str, Delegation] = field(default_factory=dict[str, Delegation])
    # The first message of mode handoff or assign to each receiver: the prompt, if a delegation turns up.
    prompts: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    notes: Notes = field(default_factory=Notes)
    told: dict[str, Told] = field(default_factory=dict[str, Told])
    totals: Totals = field(default_factory=Totals)
    # Events since the last tick that came when what they say should have settled.
    piled: int = 0
    # What is to be done when: a heap of [due, rank, what, key].
    agenda: list[list[Any]] = field(default_factory=list[list[Any]])
    # Children whose creator has not been seen yet, by creator.
    orphans: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    # Messages and delegations that have left entirely: a repeat of one is no second span.
    finished: dict[str, int] = field(default_factory=dict[str, int])
    # Ids of events taken in, in two generations, so that a repeat within the settling time is known as one.
    seen: dict[str, int] = field(default_factory=dict[str, int])
    seen_before: dict[str, int] = field(default_factory=dict[str, int])
    seen_since: int = 0


# --- writing it down -------------------------------------------------------------------------------------------------


def dump_state(state: State) -> dict[str, Any]:
    """Plain JSON of all that is remembered. Fields that hold their default are left out."""
    form: dict[str, Any] = _dump(state)
    return form


def load_state(form: dict[str, Any], rules: Rules) -> State:
    """What `dump_state` wrote."""
    state: State = _load(State, {**form, "rules": None})
    state.rules = rules
    return state


def _dump(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        kept = ((f, getattr(value, f.name)) for f in dataclasses.fields(value) if f.name != "rules")
        return {f.name: _dump(held) for f, held in kept if held is not None and not _is_default(f, held)}
    if isinstance(value, dict):
        return {key: _dump(held) for key, held in typing.cast("dict[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_dump(held) for held in typing.cast("list[Any]", value)]
    return value


def _load(hint: Any, form: Any) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if form is None or hint is Any:
        return form
    if origin in {types.UnionType, typing.Union}:
        return _load(next(arg for arg in args if arg is not type(None)), form)
    if origin is list:
        return [_load(args[0], held) for held in form]
    if origin is dict:
        return {key: _load(args[1], held) for key, held in form.items()}
    if dataclasses.is_dataclass(hint):
        made: Any = hint
        hints = _hints(made)
        return made(**{name: _load(hints[name], held) for name, held in form.items()})
    return form


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _is_default(f: dataclasses.Field[Any], held: Any) -> bool:
    if f.default_factory is not dataclasses.MISSING:
        return bool(held == f.default_factory())
    return f.default is not dataclasses.MISSING and held == f.default and type(held) is type(f.default)
