"""Five events to a callback URL, as CloudEvents 1.0, one POST each and in their order.

session_created, session_killed, terminal_created, terminal_killed and message_sent are told once. What goes on in the
next part of a long session was neither killed nor created there; what was taken back never was; and what is told again
with more known of it has been told. An event's id is its log record's uid, so that a receiver can drop a repeat.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent

from handspan import names, otlp
from handspan.senders import Done, Refused, Retry, TooLarge
from handspan.senders.posting import Poster, failure, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handspan.otel_env import Target
    from handspan.otlp import Kind, Record
    from handspan.senders import Answer
    from handspan.signals import Log, Value

_EVENTS = {event.name: event.alias for event in names.LOG_EVENTS.values() if event.alias}
_TAKEN_BACK_OR_GOING_ON = {"retracted", "continued"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What an event tells, in the words of the orchestrator that had these five first.
_DATA = {
    names.SESSION_ID: "session_id",
    names.SESSION_NAME: "session_name",
    names.TERMINAL_ID: "terminal_id",
    names.AGENT_NAME: "agent_name",
    names.AGENT_CLI: "provider",
    names.MODEL: "model",
    names.END_REASON: "reason",
    names.EXIT_CODE: "exit_code",
    names.ERROR_TEXT: "error",
    names.MESSAGE_ID: "message_id",
    names.MESSAGE_MODE: "orchestration_type",
    names.SENDER_TERMINAL: "sender",
    names.SENDER_AGENT: "sender_agent",
    names.RECEIVER_TERMINAL: "receiver",
    names.RECEIVER_AGENT: "receiver_agent",
    names.MESSAGE_SIZE: "message_size",
    names.MESSAGE_TEXT: "message",
}
_SUBJECTS = (names.MESSAGE_ID, names.TERMINAL_ID, names.SESSION_ID)


class Callback:
    """`target.endpoint` is the callback URL. In `binary` mode attributes are headers and the body is data alone."""

    def __init__(self, target: Target, *, binary: bool = False) -> None:
        self.name = f"callback {place(target.endpoint)}"
        self.kinds: frozenset[Kind] = frozenset({"logs"})
        self._poster = Poster(target)
        self._timeout = target.timeout
        self._form = http.to_binary_event if binary else http.to_structured_event

    def send(self, kind: Kind, records: Sequence[Record]) -> Answer:  # noqa: ARG002 (it is always "logs")
        deadline = time.monotonic() + self._timeout
        for done, record in enumerate(records):
            try:
                event = cloud_event(record)
            except ValueError as error:
                return Refused(str(error), done)
            if event is None:
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                return Retry("the time was up", after=0, done=done)
            match self._post(event, left):
                case Done():
                    continue
                case Retry(why, after):
                    return Retry(why, after, done)
                case TooLarge(why):
                    return TooLarge(why, done)
                case Refused(why):
                    return Refused(why, done)
        return Done()

    def _post(self, event: CloudEvent, within: float) -> Answer:
        message = self._form(event)
        reply = self._poster.post(message.body, message.headers, within)
        if isinstance(reply, Retry):
            return reply
        return Done() if 200 <= reply.status < 300 else failure(reply)

    def close(self) -> None:
        self._poster.close()


def cloud_event(record: Record) -> CloudEvent | None:
    """The event that a record tells of, or None. ValueError for a record that can't be read."""
    (log,) = otlp.read("logs", otlp.request([record]))
    if not _told(log):
        return None
    event = _EVENTS[log.name]
    attributes: dict[str, Any] = {
        "id": log.uid,
        "source": f"/handspan/{quote(log.resource.namespace)}/{quote(log.resource.instance)}",
        "type": names.LOG_EVENTS[log.name].type,
        "subject": str(next((log.attributes[name] for name in _SUBJECTS if name in log.attributes), log.uid)),
        "time": _EPOCH + timedelta(microseconds=log.at // 1_000),
        "datacontenttype": "application/json",
    }
    if log.trace_id and log.span_id:
        attributes["traceparent"] = f"00-{log.trace_id}-{log.span_id}-01"
    data: dict[str, Value] = {"event_type": event}
    data |= {word: log.attributes[name] for name, word in _DATA.items() if name in log.attributes}
    return CloudEvent(attributes, data)


def _told(log: Log) -> bool:
    return (
        log.name in _EVENTS
        and log.attributes.get(names.OUTCOME) not in _TAKEN_BACK_OR_GOING_ON
        and names.CONTINUES not in log.attributes
        and names.REVISION not in log.attributes
    )
