"""What a plugin inside cao-server can see of CAO, as values: hooks, statuses, rows of its tables, looks at tmux.

The plugin makes these and the translator (`cao.py`) reads them. Names are CAO's own: those of its hook events and of
the columns of its tables. Times are integer nanoseconds since 1970 in UTC; in the JSON form they are RFC 3339.

What the translator counts on, and the plugin sees to:

* Before the first other fact of a terminal comes its `TerminalRow`, whatever showed the terminal; and before that, for
  a workflow's step, the `RunRow` and the `StepRow`.
* At every `ServerStarted` follow the rows of all terminals that live, oldest first.
* One look at the tables says, in this order: rows that are gone, inbox, handoffs, steps, runs.
* A `Swept` comes every few seconds while something is open, empty or not: in a quiet server it is the clock.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from handspan.events import time_from_text, time_to_text

CaoStatus = Literal["unknown", "idle", "processing", "completed", "waiting_user_answer", "error"]
HookName = Literal[
    "post_create_session", "post_create_terminal", "post_send_message", "post_kill_terminal", "post_kill_session"
]
SeenBy = Literal["status", "hook", "table"]
Kind = Literal["window_gone", "session_gone", "process_exited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What every fact has: when the plugin saw it, and whether a person added it to a recording."""

    at: int
    added: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStarted(Seen):
    """The plugin was set up: CAO's server starts, or starts again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStopping(Seen):
    """The plugin is torn down. A server that is killed never says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook(Seen):
    """One of CAO's five hook events; `timestamp` is its own, and the time to use."""

    event_type: HookName
    timestamp: int
    session_id: str | None = None
    traceparent: str | None = None
    session_name: str | None = None
    terminal_id: str | None = None
    agent_name: str | None = None
    provider: str | None = None
    sender: str | None = None
    receiver: str | None = None
    message: str | None = None
    orchestration_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Seen):
    """A status that CAO read off a terminal's screen."""

    terminal: str
    status: CaoStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalRow(Seen):
    """A row of the terminals table, with what made the plugin look: a status, a hook, or the server's start.

    Input touches `last_active`, so it is the creation time only where `seen_by` is not the table.
    """

    id: str
    seen_by: SeenBy
    agent_profile: str | None = None
    provider: str | None = None
    model: str | None = None
    caller_id: str | None = None
    tmux_session: str
    tmux_window: str | None = None
    working_directory: str | None = None
    last_active: int
    session_incarnation_id: str | None = None
    session_env: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalGone(Seen):
    """A row has left the terminals table; at `last_seen` a look still found it."""

    terminal: str
    last_seen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffRow(Seen):
    """A row of handoff_results: written at the call, and again at the outcome, which is when it names the worker."""

    job_id: str
    state: Literal["running", "completed", "error"]
    terminal_id: str | None = None
    last_message: str | None = None
    error_message: str | None = None
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow(Seen):
    """A row of the inbox. CAO marks it delivered before it types the message, 0.8 s before the hook."""

    id: int
    sender_id: str
    receiver_id: str
    message: str
    status: Literal["pending", "delivered", "failed"]
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow(Seen):
    """A workflow's run; its times have a resolution of one second."""

    run_id: str
    workflow_name: str
    tier: str
    state: str
    started_at: int | None = None
    finished_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow(Seen):
    """A step of a workflow's run."""

    run_id: str
    step_id: str
    state: str
    attempts: int = 0
    error_kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that a sweep of tmux found gone or dead; at `last_seen` the sweep before still found it."""

    kind: Kind
    terminal: str | None = None
    session: str | None = None
    exit_code: int | None = None
    last_seen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept(Seen):
    """A sweep of tmux."""

    found: tuple[Found, ...] = ()


Fact = (
    ServerStarted
    | ServerStopping
    | Hook
    | Status
    | TerminalRow
    | TerminalGone
    | HandoffRow
    | InboxRow
    | RunRow
    | StepRow
    | Swept
)

TYPES: Mapping[str, type[Fact]] = types.MappingProxyType({cls.__name__: cls for cls in get_args(Fact)})
_TIMES = frozenset({
    "at",
    "timestamp",
    "last_active",
    "last_seen",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
})


def to_line(fact: Fact) -> str:
    """One line of JSON; what is absent stays absent."""
    return json.dumps({"fact": type(fact).__name__, **_to_json(fact)}, ensure_ascii=False)


def from_line(line: str | bytes) -> Fact:
    """The fact of one line. Raises `ValueError`, which names the field."""
    form = json.loads(line)
    cls = TYPES.get(form.pop("fact", None))
    if cls is None:
        raise ValueError(f"fact: must be one of {', '.join(TYPES)}")
    return cls(**_from_json(cls, form))


def _to_json(value: Fact | Found) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        held: Any = getattr(value, field.name)
        if held is None or (field.name == "added" and not held):
            continue
        if field.name in _TIMES:
            form[field.name] = time_to_text(held)
        elif field.name == "found":
            form[field.name] = [_to_json(found) for found in held]
        elif field.name == "session_env":
            form[field.name] = dict(held)
        else:
            form[field.name] = held
    return form


def _from_json(cls: type[Any], form: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        value = form.get(field.name)
        if value is None:
            if field.default is dataclasses.MISSING:
                raise ValueError(f"{field.name}: is required in {cls.__name__}")
            continue
        given[field.name] = _read(field.name, str(field.type), value)
    return given


def _read(name: str, hint: str, value: Any) -> Any:
    if name == "found":
        return tuple(Found(**_from_json(Found, found)) for found in value)
    if name in _TIMES:
        try:
            return time_from_text(value)
        except (ValueError, AttributeError):
            raise ValueError(f"{name}: {value!r} is no RFC 3339 time with an offset") from None
    wanted = {"int": int, "bool": bool, "Mapping[str, str]": dict}.get(hint.removesuffix(" | None"), str)
    if type(value) is not wanted:
        raise ValueError(f"{name}: must be of type {wanted.__name__}, not {value!r}")
    return value
