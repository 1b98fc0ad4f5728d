"""What CAO says of its own accord, as facts: its hook events, and what is on its status bus."""

from __future__ import annotations

from typing import Any, get_args

from handspan.events import time_from_text
from handspan.sources import cao_facts as cao

STATUS_TOPIC = "terminal.*.status"

_HOOKS = frozenset(get_args(cao.HookName))
_STATUSES = frozenset(get_args(cao.CaoStatus))
_TEXTS = (
    *("session_id", "traceparent", "session_name", "terminal_id", "agent_name", "provider"),
    *("sender", "receiver", "message", "orchestration_type"),
)


def hook(event: Any, at: int) -> cao.Hook | None:
    """The fact of a hook's event; None for an event that CAO had none of when this was written."""
    name: Any = getattr(event, "event_type", None)
    if name not in _HOOKS:
        return None
    texts: dict[str, Any] = {field: _text(getattr(event, field, None)) for field in _TEXTS}
    return cao.Hook(at=at, event_type=name, timestamp=_time(getattr(event, "timestamp", None), at), **texts)


def status(event: Any, at: int) -> cao.Status | None:
    """The fact of what was read from the bus; None if it is no status of a terminal."""
    try:
        prefix, terminal, what = event["topic"].split(".")
        said: Any = _text(event["data"]["status"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if (prefix, what) != ("terminal", "status") or not terminal or said not in _STATUSES:
        return None
    return cao.Status(at=at, terminal=terminal, status=said)


def _text(value: Any) -> str | None:
    """An enum of CAO's is the text that it stands for; its events say nothing with an empty text."""
    value = getattr(value, "value", value)
    return value if isinstance(value, str) and value else None


def _time(value: Any, otherwise: int) -> int:
    try:
        return time_from_text(value.isoformat())
    except (AttributeError, TypeError, ValueError):
        return otherwise
