"""Every name that leaves: spans, attributes, log events and metrics, one sentence each.

The reference (docs/reference/telemetry.md) is generated from these tables, and dashboards are checked against them. The
`gen_ai.*` names are Development and have no release; they were read at open-telemetry/semantic-conventions-genai
1106985. What is ours lives under `handspan.*` and is kept stable.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

# What was read there, as its own manifest names it; every scope says so.
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"
SCOPE: Final = "handspan"

_attributes: dict[str, str] = {}
_links: dict[str, str] = {}


def _attribute(name: str, says: str) -> str:
    _attributes[name] = says
    return name


def _link(name: str, says: str) -> str:
    _links[name] = says
    return name


# --- spans -----------------------------------------------------------------------------------------------------------

# The kinds are also the second word of every span id (ids.py), so they never change.
SESSION: Final = "session"
SESSION_MARKER: Final = "session.started"
TERMINAL: Final = "terminal"
TERMINAL_MARKER: Final = "terminal.started"
BOOT: Final = "boot"
TURN: Final = "turn"
WAITING: Final = "waiting"
SEND: Final = "send"
RECEIVE: Final = "receive"
DELEGATION: Final = "delegation"

SPANS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    SESSION: ("session {name}", "One orchestration from beginning to end, or one part of it: the root of its trace."),
    SESSION_MARKER: ("session.started", "1 µs at the session's start, so that it is seen before it ends."),
    TERMINAL: ("terminal {agent}", "The life of one agent's terminal."),
    TERMINAL_MARKER: ("terminal.started", "1 µs at the terminal's start, so that it is seen before it ends."),
    BOOT: ("boot {agent}", "From the window's creation to the agent's first ready."),
    TURN: ("invoke_agent {agent}", "One turn: the agent works, until it is ready again."),
    WAITING: ("waiting_for_input", "The agent asks a person and waits for the answer."),
    SEND: ("send {receiver}", "A message leaves its sender: the context that the turn it causes links to."),
    RECEIVE: ("receive {receiver}", "A message on its way: from being sent to being typed into its receiver."),
    DELEGATION: (
        "{mode} {agent}",
        "Work for which a terminal was created, from the call to its answer; a workflow's step is step {step}.",
    ),
})

# --- attributes ------------------------------------------------------------------------------------------------------

SESSION_ID: Final = _attribute("session.id", "The session's uid, unique for ever; the same over all parts.")
CONVERSATION_ID: Final = _attribute("gen_ai.conversation.id", "The session's uid, where backends look for it.")
SESSION_NAME: Final = _attribute("handspan.session.name", "The session's name as the orchestrator and tmux know it.")
TERMINAL_ID: Final = _attribute("handspan.terminal.id", "The terminal meant: the orchestrator's own id.")
AGENT_NAME: Final = _attribute("gen_ai.agent.name", "The agent meant (a profile's name); on a delegation the caller.")
SOURCE: Final = _attribute("handspan.source", "Which kind of orchestrator said it.")
PART: Final = _attribute("handspan.trace.part", "Which part of a long session this trace is, from 1.")
PART_PREVIOUS: Final = _attribute("handspan.trace.previous", "The trace id of the part before.")
PART_NEXT: Final = _attribute("handspan.trace.next", "The trace id of the part after.")
CONTINUES: Final = _attribute("handspan.continues.span_id", "The span in the part before that goes on in this one.")
WORKFLOW_NAME: Final = _attribute("gen_ai.workflow.name", "The workflow whose run this session is.")
PARENT_SESSION: Final = _attribute("handspan.parent_session.id", "The uid of the session that began this one.")
PARENT_WORKER: Final = _attribute("handspan.parent_session.worker", "The worker whose delegation began this session.")
END_REASON: Final = _attribute("handspan.end.reason", "Why a session or terminal ended.")
INFERRED: Final = _attribute("handspan.inferred", "What nobody saw and was inferred from the last sign: start, end.")
ERROR_TYPE: Final = _attribute("error.type", "What kind of failure; absent unless the status is ERROR.")
ERROR_TEXT: Final = _attribute("handspan.error.text", "The source's own words on the failure (content mode allowing).")

SESSION_TERMINALS: Final = _attribute("handspan.session.terminals", "Terminals the session had.")
SESSION_TURNS: Final = _attribute("handspan.session.turns", "Turns in all its terminals.")
SESSION_MESSAGES: Final = _attribute("handspan.session.messages", "Messages sent in it.")
SESSION_UNDELIVERED: Final = _attribute("handspan.session.undelivered", "Messages that never reached their receiver.")
SESSION_DELEGATIONS: Final = _attribute("handspan.session.delegations", "Delegations (steps included) begun in it.")
SESSION_UNANSWERED: Final = _attribute("handspan.session.unanswered", "Delegations that ended without an answer.")
SESSION_ERRORS: Final = _attribute("handspan.session.errors", "Its spans with status ERROR.")

AGENT_CLI: Final = _attribute("handspan.agent.cli", "The program in the terminal: claude_code, codex, kiro_cli ...")
MODEL: Final = _attribute("gen_ai.request.model", "The model the agent was told to use.")
PID: Final = _attribute("process.pid", "The agent's process id.")
EXIT_CODE: Final = _attribute("process.exit.code", "The agent's exit code.")
CWD: Final = _attribute("process.working_directory", "Where the agent works; only where asked for.")
TMUX_SESSION: Final = _attribute("handspan.tmux.session", "The tmux session the terminal is in.")
TMUX_WINDOW: Final = _attribute("handspan.tmux.window", "The tmux window the terminal is.")
TMUX_PANE: Final = _attribute("handspan.tmux.pane", "The tmux pane the terminal is.")
TERMINAL_TURNS: Final = _attribute("handspan.terminal.turns", "Turns the terminal had.")
TERMINAL_BUSY: Final = _attribute("handspan.terminal.busy_seconds", "Time in turns, without waiting for a person.")
TERMINAL_WAITING: Final = _attribute("handspan.terminal.waiting_seconds", "Time waiting for a person.")
TERMINAL_SENT: Final = _attribute("handspan.terminal.messages_sent", "Messages it sent.")
TERMINAL_RECEIVED: Final = _attribute("handspan.terminal.messages_received", "Messages typed into it.")
INPUT_TOKENS: Final = _attribute("gen_ai.usage.input_tokens", "Tokens read.")
OUTPUT_TOKENS: Final = _attribute("gen_ai.usage.output_tokens", "Tokens written.")
CACHE_READ_TOKENS: Final = _attribute("gen_ai.usage.cache_read.input_tokens", "Tokens read from the provider's cache.")
CACHE_WRITE_TOKENS: Final = _attribute(
    "gen_ai.usage.cache_write.input_tokens", "Tokens written to the provider's cache."
)
COST: Final = _attribute("handspan.cost_usd", "What the agent said it cost, in US dollars.")

OPERATION: Final = _attribute("gen_ai.operation.name", "invoke_agent on a turn, execute_tool on a delegation.")
TURN_NUMBER: Final = _attribute("handspan.turn.number", "The turn's number in its terminal, from 1.")
TURN_TRIGGER: Final = _attribute("handspan.turn.trigger", "What started the turn; human only where the source says so.")
TURN_OUTCOME: Final = _attribute("handspan.turn.outcome", "completed, error, or why its terminal ended under it.")

MESSAGING_SYSTEM: Final = _attribute("messaging.system", "Always handspan.")
MESSAGING_OPERATION: Final = _attribute("messaging.operation.type", "send or receive.")
DESTINATION: Final = _attribute("messaging.destination.name", "The receiving agent.")
MESSAGE_ID: Final = _attribute("messaging.message.id", "The message's id.")
MESSAGE_SIZE: Final = _attribute("messaging.message.body.size", "The message's size in bytes.")
MESSAGE_MODE: Final = _attribute("handspan.message.mode", "send_message, handoff, assign or callback.")
MESSAGE_DIGEST: Final = _attribute(
    "handspan.message.digest", "A keyed digest of the text: tells repeats apart, not words."
)
MESSAGE_TEXT: Final = _attribute("handspan.message.text", "The text itself (content mode allowing).")
SENDER_TERMINAL: Final = _attribute("handspan.message.sender.terminal", "Who sent it; unknown where nobody vouches.")
SENDER_AGENT: Final = _attribute("handspan.message.sender.agent", "The agent that sent it.")
SENDER_SESSION: Final = _attribute("handspan.message.sender.session", "The sender's session, where it is another one.")
RECEIVER_TERMINAL: Final = _attribute("handspan.message.receiver.terminal", "Who gets it.")
RECEIVER_AGENT: Final = _attribute("handspan.message.receiver.agent", "The agent that gets it.")

TOOL_NAME: Final = _attribute("gen_ai.tool.name", "handoff or assign.")
CALLER_TERMINAL: Final = _attribute("handspan.delegation.caller.terminal", "Who gave the work; absent for a person.")
CALLER_AGENT: Final = _attribute("handspan.delegation.caller.agent", "The agent that gave the work.")
TARGET_TERMINAL: Final = _attribute("handspan.delegation.target.terminal", "The worker.")
TARGET_AGENT: Final = _attribute("handspan.delegation.target.agent", "The agent the work was given to.")
AWAITED: Final = _attribute("handspan.delegation.awaited", "Whether the caller waits for the answer.")
DELEGATION_OUTCOME: Final = _attribute("handspan.delegation.outcome", "What the caller was told, or came of it.")
DELEGATION_TEXT: Final = _attribute("handspan.delegation.text", "The answer's text (content mode allowing).")
STEP: Final = _attribute("handspan.workflow.step", "The workflow's step.")
ATTEMPT: Final = _attribute("handspan.workflow.attempt", "Which try of the step.")

LINK_TYPE: Final = _attribute("handspan.link.type", "Why two spans are linked; on every link.")

EVENT_NAME: Final = _attribute("event.name", "The log event's name again, for backends that ignore the field.")
LOG_UID: Final = _attribute("log.record.uid", "The same whenever the same log event is told again.")
REVISION: Final = _attribute(
    "handspan.event.revision", "How often an opening or end was corrected; the highest counts."
)
SPAN_NAME: Final = _attribute("handspan.span.name", "The name of the span that opens.")
SPAN_START: Final = _attribute("handspan.span.start", "When the span that opens started, in nanoseconds.")
PARENT_SPAN_ID: Final = _attribute("handspan.parent.span_id", "The parent of the span that opens.")
CAUSE_SPAN_ID: Final = _attribute("handspan.cause.span_id", "The sends that caused the turn that opens.")
TURN_SPAN_ID: Final = _attribute("handspan.turn.span_id", "The turn that the message started or ran into.")
OUTCOME: Final = _attribute("handspan.outcome", "How what ends ended; retracted: it turned out to have been nothing.")
STATUS: Final = _attribute("handspan.status", "The terminal's status.")
PREVIOUS_STATUS: Final = _attribute("handspan.status.previous", "Its status before.")
STUCK_FOR: Final = _attribute("handspan.stuck.seconds", "How long there had been no sign of the terminal.")
NOTICE_NAME: Final = _attribute("handspan.notice.name", "The orchestrator's own name for what it noticed.")
NOTICE_TEXT: Final = _attribute("handspan.notice.text", "Its own words (content mode allowing).")

ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(_attributes)

# What only an end knows: no part of an opening, and no reason to tell one again.
OF_THE_END: Final = frozenset({
    END_REASON,
    EXIT_CODE,
    ERROR_TEXT,
    ERROR_TYPE,
    INFERRED,
    TURN_OUTCOME,
    DELEGATION_OUTCOME,
    DELEGATION_TEXT,
    PART_NEXT,
})

# --- resource --------------------------------------------------------------------------------------------------------

SERVICE_NAME: Final = "service.name"
SERVICE_NAMESPACE: Final = "service.namespace"
SERVICE_INSTANCE: Final = "service.instance.id"
INSTANCE: Final = "handspan.instance"
DISTRO: Final = "telemetry.distro.name"

RESOURCE: Final[Mapping[str, str]] = MappingProxyType({
    SERVICE_NAME: "The agent; the orchestrator where no agent is meant: `OTEL_SERVICE_NAME`, else its kind.",
    SERVICE_NAMESPACE: "Which kind of orchestrator runs it.",
    SERVICE_INSTANCE: "The terminal; the orchestrator's instance where no terminal is meant.",
    INSTANCE: "Which orchestrator, the same over its restarts.",
    TERMINAL_ID: "The terminal; absent where the orchestrator itself is meant.",
    DISTRO: "Always handspan.",
})

# --- links -----------------------------------------------------------------------------------------------------------

LINK_MESSAGE: Final = _link("message", "From a turn to the send that started it.")
LINK_HANDOFF: Final = _link("handoff", "From a worker's turn to the send of the handoff's prompt.")
LINK_ASSIGN: Final = _link("assign", "From a worker's turn to the send of the assignment's prompt.")
LINK_CALLBACK: Final = _link(
    "callback", "From a turn to the callback that started it, and to the assignment it answers."
)
LINK_PARENT_SESSION: Final = _link("parent_session", "From a child session's root to the delegation that began it.")
LINK_CONTINUATION: Final = _link("continuation", "From a span to the one it goes on from in the part before.")
LINK_UPSTREAM: Final = _link("upstream", "To the span that the source named in its traceparent.")
LINKS: Final[Mapping[str, str]] = MappingProxyType(_links)

# --- log events ------------------------------------------------------------------------------------------------------

DEBUG: Final = 5
INFO: Final = 9
ACTION: Final = 10
WARN: Final = 13
ERROR: Final = 17
SEVERITIES: Final[Mapping[str, int]] = MappingProxyType({
    "debug": DEBUG,
    "info": INFO,
    "action": ACTION,
    "warning": WARN,
    "error": ERROR,
    "urgent": ERROR,
})


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One kind of log event: `hook` is its name for handlers, `type` for CloudEvents, `alias` a name known before."""

    name: str
    says: str
    alias: str | None = None

    @property
    def hook(self) -> str:
        return self.name.removeprefix("handspan.").replace(".", "_")

    @property
    def type(self) -> str:
        return f"dev.handspan.{self.hook}"


MESSAGE_SENT: Final = "handspan.message_sent"
MESSAGE_RECEIVED: Final = "handspan.message_received"
MESSAGE_UNDELIVERED: Final = "handspan.message_undelivered"
STATUS_CHANGED: Final = "handspan.status_changed"
STUCK: Final = "handspan.stuck"
UNSTUCK: Final = "handspan.unstuck"
NOTICE: Final = "handspan.notice"

LOG_EVENTS: Final[Mapping[str, LogEvent]] = MappingProxyType({
    event.name: event
    for event in (
        LogEvent("handspan.session.started", "A session began.", "session_created"),
        LogEvent("handspan.session.ended", "A session is over.", "session_killed"),
        LogEvent("handspan.terminal.started", "An agent's terminal was created.", "terminal_created"),
        LogEvent("handspan.terminal.ended", "An agent's terminal is gone.", "terminal_killed"),
        LogEvent("handspan.boot.started", "An agent starts up."),
        LogEvent("handspan.boot.ended", "An agent is ready for the first time."),
        LogEvent("handspan.turn.started", "An agent begins to work."),
        LogEvent("handspan.turn.ended", "An agent has stopped working."),
        LogEvent("handspan.waiting.started", "An agent waits for a person."),
        LogEvent("handspan.waiting.ended", "An agent no longer waits for a person."),
        LogEvent("handspan.delegation.started", "An agent, a person or a workflow gave work to a new agent."),
        LogEvent("handspan.delegation.ended", "Work given to an agent was answered or given up."),
        LogEvent(MESSAGE_SENT, "A message was sent.", "message_sent"),
        LogEvent(MESSAGE_RECEIVED, "A message was typed into its receiver's terminal."),
        LogEvent(MESSAGE_UNDELIVERED, "A message never reached its receiver."),
        LogEvent(STATUS_CHANGED, "A terminal's status changed."),
        LogEvent(STUCK, "An agent has worked without output, or waited for a person, for too long."),
        LogEvent(UNSTUCK, "An agent that was stuck gives a sign again."),
        LogEvent(NOTICE, "The orchestrator itself noticed something."),
    )
})


def started(kind: str) -> str:
    return f"handspan.{kind}.started"


def ended(kind: str) -> str:
    return f"handspan.{kind}.ended"


# --- metrics ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    type: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    says: str


SESSIONS_ENDED: Final = "handspan_sessions_ended_total"
TERMINALS_ENDED: Final = "handspan_terminals_ended_total"
MESSAGES: Final = "handspan_messages_total"
DELIVERY_SECONDS: Final = "handspan_message_delivery_seconds"
TURN_SECONDS: Final = "handspan_turn_seconds"
DELEGATION_SECONDS: Final = "handspan_delegation_seconds"
TOKENS: Final = "handspan_tokens_total"
COST_USD: Final = "handspan_cost_usd_total"
EVENTS: Final = "handspan_events_total"
EVENTS_DROPPED: Final = "handspan_events_dropped_total"
TRUNCATED: Final = "handspan_truncated_total"
SESSIONS: Final = "handspan_sessions"
TERMINALS: Final = "handspan_terminals"
DELEGATIONS_OPEN: Final = "handspan_delegations_open"
DELEGATION_OLDEST: Final = "handspan_delegation_oldest_open_seconds"
WAITING_NOW: Final = "handspan_waiting_for_input"
WAITING_OLDEST: Final = "handspan_waiting_oldest_seconds"
AGENTS_STUCK: Final = "handspan_agents_stuck"
SPOOL_ITEMS: Final = "handspan_spool_items"
SPOOL_BYTES: Final = "handspan_spool_bytes"
SPOOL_OLDEST: Final = "handspan_spool_oldest_seconds"
EXPORTED: Final = "handspan_exported_total"
EXPORT_SECONDS: Final = "handspan_export_seconds"
HOOK_FAILURES: Final = "handspan_hook_failures_total"
RECEIVED: Final = "handspan_received_total"
RECORD_BYTES: Final = "handspan_record_bytes"

# Counters and histograms are kept in the spool with what they count; gauges are looked up when they are asked for.
METRICS: Final[Mapping[str, Metric]] = MappingProxyType({
    metric.name: metric
    for metric in (
        Metric(SESSIONS_ENDED, "counter", ("source", "reason"), "Sessions that ended."),
        Metric(TERMINALS_ENDED, "counter", ("source", "reason"), "Terminals that ended."),
        Metric(MESSAGES, "counter", ("source", "mode", "sender", "receiver"), "Messages sent, one per send span."),
        Metric(DELIVERY_SECONDS, "histogram", ("mode",), "From a message's sending to its delivery."),
        Metric(TURN_SECONDS, "histogram", ("agent", "outcome"), "The length of turns."),
        Metric(
            DELEGATION_SECONDS,
            "histogram",
            ("mode", "sender", "receiver", "outcome"),
            "From a delegation's call to its answer.",
        ),
        Metric(TOKENS, "counter", ("agent", "model", "direction"), "Tokens that agents reported."),
        Metric(COST_USD, "counter", ("agent", "model"), "Cost in US dollars that agents reported."),
        Metric(EVENTS, "counter", ("source", "type"), "Events taken in."),
        Metric(EVENTS_DROPPED, "counter", ("source", "reason"), "Events that changed nothing, by reason."),
        Metric(TRUNCATED, "counter", ("reason",), "What limits cut."),
        Metric(
            EXPORTED, "counter", ("destination", "signal", "outcome"), "Records that left, or never will, by outcome."
        ),
        Metric(EXPORT_SECONDS, "histogram", ("destination", "signal"), "From a request's beginning to its answer."),
        Metric(HOOK_FAILURES, "counter", ("hook", "outcome"), "What plugins were not told, or failed at, by plugin."),
        Metric(SESSIONS, "gauge", ("source",), "Sessions that are open."),
        Metric(TERMINALS, "gauge", ("source", "agent", "cli", "status"), "Terminals that are open."),
        Metric(DELEGATIONS_OPEN, "gauge", ("mode",), "Delegations whose answer has not come."),
        Metric(DELEGATION_OLDEST, "gauge", ("mode",), "How long the oldest of them has waited."),
        Metric(WAITING_NOW, "gauge", ("agent",), "Agents that wait for a person."),
        Metric(WAITING_OLDEST, "gauge", ("agent",), "How long the longest of them has waited."),
        Metric(AGENTS_STUCK, "gauge", ("agent",), "Agents that have worked without output, or waited, for too long."),
        Metric(SPOOL_ITEMS, "gauge", ("signal",), "Records that wait for a destination to take them."),
        Metric(SPOOL_BYTES, "gauge", (), "What the spool holds."),
        Metric(SPOOL_OLDEST, "gauge", ("signal",), "How long the oldest record has waited."),
        Metric(
            RECEIVED, "counter", ("signal", "outcome"), "OTLP requests that the hub took in, or did not, by outcome."
        ),
        Metric(RECORD_BYTES, "gauge", (), "What the hub's record holds."),
    )
})

DROPPED: Final[Mapping[str, str]] = MappingProxyType({
    "late": "older than what has left already; or so far in the past that its time was replaced",
    "future": "more than 60 s ahead of the clock; its time was replaced by the clock's",
    "ended": "about a session or terminal that has ended",
    "limit": "the session, or the process, holds as many open things as it may",
    "invalid": "no event, refused where it was read; or of no session, and no notice",
    "queue_full": "more came at once than is kept in memory",
    "failed": "a fault of Handspan's: the log names the event",
})
CUT: Final[Mapping[str, str]] = MappingProxyType({
    "value": "an attribute longer than 1,024 bytes",
    "span": "attributes past 16 KB of text in one span",
    "links": "links past 128 on one span",
    "events": "span events past 128 on one span",
    "messages": "undelivered messages past the limit of a session: they count as undelivered at once",
})
