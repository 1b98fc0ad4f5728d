"""What handlers are given: one frozen dataclass for each kind of log event, and nothing that the log event lacks.

A log event may be told several times: once per revision, once per part of a long session, and again to take it back.
An event is made of the first telling only, so it says what was known then; what was learnt later is in the spans.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from handspan import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handspan.signals import Log

_ATTRIBUTE = "attribute"


def _said(attribute: str, otherwise: Any = None) -> Any:
    """A field that is an attribute of the log event, or `otherwise` where that says nothing."""
    return field(default=otherwise, metadata={_ATTRIBUTE: attribute})


@dataclass(frozen=True, kw_only=True)
class HookEvent:
    """What every event says. `says` is one English sentence without content, `at` nanoseconds since 1970."""

    name: str
    at: int
    severity: int
    says: str
    source: str
    instance: str
    uid: str
    trace_id: str | None = None
    span_id: str | None = None
    session_id: str | None = _said(names.SESSION_ID)
    session_name: str | None = _said(names.SESSION_NAME)
    terminal_id: str | None = _said(names.TERMINAL_ID)
    agent: str | None = _said(names.AGENT_NAME)


@dataclass(frozen=True, kw_only=True)
class Ended(HookEvent):
    """The end of something: `error_type` is there only if it failed, `error` are the source's own words."""

    outcome: str = _said(names.OUTCOME, "unknown")
    error_type: str | None = _said(names.ERROR_TYPE)
    error: str | None = _said(names.ERROR_TEXT)
    inferred: tuple[str, ...] = _said(names.INFERRED, ())


@dataclass(frozen=True, kw_only=True)
class SessionCreated(HookEvent):
    workflow: str | None = _said(names.WORKFLOW_NAME)
    parent_session: str | None = _said(names.PARENT_SESSION)
    parent_worker: str | None = _said(names.PARENT_WORKER)


class SessionKilled(Ended):
    """A session is over, by whatever way: `outcome` says which."""


@dataclass(frozen=True, kw_only=True)
class TerminalCreated(HookEvent):
    cli: str | None = _said(names.AGENT_CLI)
    model: str | None = _said(names.MODEL)
    pid: int | None = _said(names.PID)
    cwd: str | None = _said(names.CWD)
    tmux_session: str | None = _said(names.TMUX_SESSION)
    window: str | None = _said(names.TMUX_WINDOW)
    pane: str | None = _said(names.TMUX_PANE)


@dataclass(frozen=True, kw_only=True)
class TerminalKilled(Ended):
    """A terminal is gone, by whatever way: `outcome` says which."""

    exit_code: int | None = _said(names.EXIT_CODE)


class BootStarted(HookEvent):
    pass


class BootEnded(Ended):
    pass


@dataclass(frozen=True, kw_only=True)
class TurnStarted(HookEvent):
    turn: int | None = _said(names.TURN_NUMBER)
    trigger: str | None = _said(names.TURN_TRIGGER)


@dataclass(frozen=True, kw_only=True)
class TurnEnded(Ended):
    turn: int | None = _said(names.TURN_NUMBER)
    trigger: str | None = _said(names.TURN_TRIGGER)


@dataclass(frozen=True, kw_only=True)
class WaitingStarted(HookEvent):
    turn: int | None = _said(names.TURN_NUMBER)


@dataclass(frozen=True, kw_only=True)
class WaitingEnded(Ended):
    turn: int | None = _said(names.TURN_NUMBER)


@dataclass(frozen=True, kw_only=True)
class DelegationStarted(HookEvent):
    """`mode` is handoff, assign or step; `caller` and `worker` are terminals."""

    mode: str = _said(names.TOOL_NAME, "step")
    caller: str | None = _said(names.CALLER_TERMINAL)
    caller_agent: str | None = _said(names.CALLER_AGENT)
    worker: str = _said(names.TARGET_TERMINAL, "")
    worker_agent: str | None = _said(names.TARGET_AGENT)
    awaited: bool | None = _said(names.AWAITED)
    step: str | None = _said(names.STEP)
    attempt: int | None = _said(names.ATTEMPT)


@dataclass(frozen=True, kw_only=True)
class DelegationEnded(DelegationStarted, Ended):
    """`text` is the answer (content mode allowing)."""

    text: str | None = _said(names.DELEGATION_TEXT)


@dataclass(frozen=True, kw_only=True)
class Message(HookEvent):
    """`sender` (`unknown` if nobody vouches for it) and `receiver` are terminals; `text`: content mode allowing."""

    message_id: str = _said(names.MESSAGE_ID, "")
    mode: str = _said(names.MESSAGE_MODE, "")
    sender: str = _said(names.SENDER_TERMINAL, "unknown")
    sender_agent: str = _said(names.SENDER_AGENT, "unknown")
    sender_session: str | None = _said(names.SENDER_SESSION)
    receiver: str = _said(names.RECEIVER_TERMINAL, "")
    receiver_agent: str = _said(names.RECEIVER_AGENT, "unknown")
    size: int | None = _said(names.MESSAGE_SIZE)
    digest: str | None = _said(names.MESSAGE_DIGEST)
    text: str | None = _said(names.MESSAGE_TEXT)


class MessageSent(Message):
    pass


class MessageReceived(Message):
    pass


class MessageUndelivered(Message):
    pass


@dataclass(frozen=True, kw_only=True)
class StatusChanged(HookEvent):
    status: str = _said(names.STATUS, "unknown")
    previous: str = _said(names.PREVIOUS_STATUS, "unknown")


@dataclass(frozen=True, kw_only=True)
class Stuck(HookEvent):
    status: str = _said(names.STATUS, "unknown")
    seconds: float | None = _said(names.STUCK_FOR)


class Unstuck(Stuck):
    """`seconds` is how long it had been stuck or silent."""


@dataclass(frozen=True, kw_only=True)
class Notice(HookEvent):
    """`notice` is the orchestrator's own name for what it noticed, `text` its own words (content mode allowing)."""

    notice: str = _said(names.NOTICE_NAME, "")
    text: str | None = _said(names.NOTICE_TEXT)


EVENTS: Final[Mapping[str, type[HookEvent]]] = MappingProxyType({
    names.started(names.SESSION): SessionCreated,
    names.ended(names.SESSION): SessionKilled,
    names.started(names.TERMINAL): TerminalCreated,
    names.ended(names.TERMINAL): TerminalKilled,
    names.started(names.BOOT): BootStarted,
    names.ended(names.BOOT): BootEnded,
    names.started(names.TURN): TurnStarted,
    names.ended(names.TURN): TurnEnded,
    names.started(names.WAITING): WaitingStarted,
    names.ended(names.WAITING): WaitingEnded,
    names.started(names.DELEGATION): DelegationStarted,
    names.ended(names.DELEGATION): DelegationEnded,
    names.MESSAGE_SENT: MessageSent,
    names.MESSAGE_RECEIVED: MessageReceived,
    names.MESSAGE_UNDELIVERED: MessageUndelivered,
    names.STATUS_CHANGED: StatusChanged,
    names.STUCK: Stuck,
    names.UNSTUCK: Unstuck,
    names.NOTICE: Notice,
})
_FIELDS = {
    kind: [(f.name, f.metadata[_ATTRIBUTE]) for f in fields(kind) if _ATTRIBUTE in f.metadata]
    for kind in EVENTS.values()
}

# Ends that are none: the span goes on in the next part, or turned out to have been nothing.
_NO_END = frozenset({"continued", "retracted"})
# As many as there may be open terminals (Rules): each has one end that is none when a session is cut into parts.
_NO_ENDS_KEPT = 10_000


class Listener:
    """Hears log events, told once or often, and makes one event of each thing that happened."""

    def __init__(self) -> None:
        self._not_ended: OrderedDict[str | None, None] = OrderedDict()

    def hear(self, log: Log) -> HookEvent | None:
        """The event of a log event, or None if it tells of nothing that happened, or of what was told before."""
        kind = EVENTS.get(log.name)
        if kind is None or not self._is_first(log):
            return None
        return _made(kind, log)

    def _is_first(self, log: Log) -> bool:
        if names.OUTCOME in log.attributes:
            return self._is_first_end(log)
        return names.REVISION not in log.attributes and names.CONTINUES not in log.attributes

    def _is_first_end(self, log: Log) -> bool:
        # An end of a later revision corrects one that was told, unless that one was none.
        if names.REVISION in log.attributes and log.span_id not in self._not_ended:
            return False
        self._not_ended.pop(log.span_id, None)
        if log.attributes[names.OUTCOME] not in _NO_END:
            return True
        self._not_ended[log.span_id] = None
        if len(self._not_ended) > _NO_ENDS_KEPT:
            self._not_ended.popitem(last=False)
        return False


def _made(kind: type[HookEvent], log: Log) -> HookEvent:
    event = names.LOG_EVENTS[log.name]
    said: dict[str, Any] = {
        name: log.attributes[attribute] for name, attribute in _FIELDS[kind] if attribute in log.attributes
    }
    return kind(
        name=event.alias or event.hook,
        at=log.at,
        severity=log.severity,
        says=log.body,
        source=log.resource.namespace,
        instance=log.resource.instance,
        uid=log.uid,
        trace_id=log.trace_id,
        span_id=log.span_id,
        **said,
    )
