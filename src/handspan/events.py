"""The model: what can happen in an orchestration, as values.

A source makes these, a session is folded from them, and their JSON form is at once what the hub takes in and what the
journal keeps. They are validated once, where they enter (`from_json`); code behind that edge trusts its types.

Times are integer nanoseconds since 1970 in UTC. Ids are the orchestrator's own words; only `session` must be unique for
ever, since trace ids are derived from it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args, get_origin

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

# Above this an integer does not fit OTLP's fixed64 times and sint64 values; it is also where Python's own datetime ends
# in practice (the year 2262).
LARGEST = 2**63 - 1
# A time before 2000 is seconds, milliseconds or microseconds mistaken for nanoseconds: every one of those, written
# today, reads as a moment in January 1970.
EARLIEST = 946_684_800_000_000_000


@dataclass(frozen=True, slots=True)
class Size:
    """The shortest and the longest text a field takes, in characters."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Range:
    """The smallest and the largest number a field takes."""

    least: int
    most: int


# 256 characters hold every id and name of every orchestrator seen (the longest: a workflow's run id with a time in it,
# 90). A longer one is a mistake, and it would be copied into every attribute of every span.
Id = Annotated[str, Size(1, 256)]
# Names may be empty in the orchestrator's table; a path may be as long as the operating system lets it be.
Name = Annotated[str, Size(0, 256)]
Path = Annotated[str, Size(0, 4096)]
# What agents write to each other and what fails. Signals cut it to 1,024 bytes; no journal needs more.
Text = Annotated[str, Size(0, 1_048_576)]
Time = Annotated[int, Range(EARLIEST, LARGEST)]
Count = Annotated[int, Range(0, LARGEST)]
Integer = Annotated[int, Range(-LARGEST - 1, LARGEST)]

SessionKind = Literal["session", "workflow"]
EndReason = Literal["completed", "killed", "exited", "vanished", "empty", "replaced", "failed", "idle", "unknown"]
Status = Literal["working", "ready", "waiting", "error", "exiting", "unknown"]
MessageMode = Literal["send_message", "handoff", "assign"]
DelegationMode = Literal["handoff", "assign", "step"]
Outcome = Literal["completed", "failed", "timeout", "cancelled", "unanswered", "unknown"]
Trigger = Literal["message", "handoff", "assign", "callback", "step", "schedule", "human", "unknown"]
Severity = Literal["debug", "info", "action", "warning", "error", "urgent"]


class InvalidEvent(ValueError):
    """A JSON object that is no event: `field` names what is wrong with it, `problem` says how."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has reached `at`. Nothing else moves time: an event's own `at` never does."""

    at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What every event has: who says it (`source`, `instance`), of which session, and when it happened.

    `id` tells a repeat from a second occurrence. An event made without one takes the hash of its JSON form, so that the
    same words at the same instant are the same event.
    """

    at: Time
    source: Id
    instance: Id
    session: Id
    id: Id = ""
    traceparent: Name | None = None

    def __post_init__(self) -> None:
        if not self.id:
            digest = hashlib.sha256(to_line(self).encode("utf-8", "backslashreplace")).hexdigest()
            object.__setattr__(self, "id", digest[:32])


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Said):
    """A session began: `name` as the orchestrator and tmux know it, or the workflow's."""

    name: Name = ""
    kind: SessionKind = "session"
    parent_session: Id | None = None
    parent_worker: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Said):
    """A session is over, and so is all that was still open in it."""

    reason: EndReason = "unknown"
    error: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalStarted(Said):
    """An agent's terminal was created. Said again, it fills what was unknown and changes nothing that was known."""

    terminal: Id
    agent: Name | None = None
    cli: Name | None = None
    model: Name | None = None
    creator: Id | None = None
    trigger: Trigger | None = None
    tmux_session: Name | None = None
    window: Name | None = None
    pane: Name | None = None
    pid: Count | None = None
    cwd: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalEnded(Said):
    """A terminal is gone. `last_seen` is set where a look found it gone: it was alive then, and dead at `at`."""

    terminal: Id
    reason: EndReason = "unknown"
    exit_code: Integer | None = None
    error: Text | None = None
    last_seen: Time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Said):
    """A terminal's agent works, is ready, waits for a person, fails, leaves, or can't be read any more.

    `exiting` at the very instant of a `working` takes that back: the agent was being told to leave.
    """

    terminal: Id
    status: Status
    trigger: Trigger | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(Said):
    """A sign of life of a terminal: output, or a look that found it alive. One in ten seconds is enough."""

    terminal: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(Said):
    """A message was queued for `receiver`; or, where the source knows no more than that it is there, it was `typed`.

    A message that was typed is delivered by the same word: no `message_delivered` follows. `sender` only where the
    source vouches for it; a sender in another session says that session in `sender_session`.
    """

    message: Id
    mode: MessageMode
    receiver: Id
    sender: Id | None = None
    sender_session: Id | None = None
    typed: bool = False
    size: Count | None = None
    digest: Name | None = None
    text: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelivered(Said):
    """A message was typed into its receiver's terminal."""

    message: Id
    terminal: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationStarted(Said):
    """Work was given for which the terminal `worker` was created; `caller` waits for the answer if `awaited`."""

    worker: Id
    mode: DelegationMode
    awaited: bool
    caller: Id | None = None
    step: Name | None = None
    attempt: Count | None = None
    message: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationEnded(Said):
    """The caller was told how the work of `worker` went."""

    worker: Id
    outcome: Outcome
    error: Text | None = None
    text: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReported(Said):
    """Tokens and cost since the last report; reports add up."""

    terminal: Id
    model: Name | None = None
    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_read_tokens: Count = 0
    cache_write_tokens: Count = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Said):
    """Something the orchestrator itself finds worth saying (CI failed, a PR opened); it may belong to no session."""

    session: Name = ""
    name: Id
    severity: Severity = "info"
    text: Text | None = None
    terminal: Id | None = None


Event = (
    SessionStarted
    | SessionEnded
    | TerminalStarted
    | TerminalEnded
    | StatusChanged
    | Activity
    | MessageSent
    | MessageDelivered
    | DelegationStarted
    | DelegationEnded
    | UsageReported
    | Notice
)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


TYPES: Mapping[str, type[Event]] = types.MappingProxyType({_snake(c.__name__): c for c in get_args(Event)})
_TYPE_OF: Mapping[type[Any], str] = types.MappingProxyType({c: name for name, c in TYPES.items()})


def type_of(event: Event) -> str:
    return _TYPE_OF[type(event)]


# --- the JSON form ---------------------------------------------------------------------------------------------------

_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_TIME_FIELDS = frozenset({"at", "last_seen"})


def time_to_text(at: int) -> str:
    """RFC 3339 in UTC with nine decimals."""
    seconds, nanos = divmod(at, 1_000_000_000)
    # Cut before the offset. strftime() takes twice as long, and this is done for every event.
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{nanos:09d}Z"


def time_from_text(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time with an offset, or of a decimal number of nanoseconds."""
    if text.isascii() and text.isdigit() and len(text) <= 19:
        return int(text)
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError
    day, clock, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _ONE_SECOND
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


_ONE_SECOND = datetime.resolution * 1_000_000


def to_json(event: Event | Said) -> dict[str, Any]:
    """The stable JSON form: absent fields stay absent, times are RFC 3339."""
    form: dict[str, Any] = {"type": _TYPE_OF[type(event)]}
    for name, field in _FIELDS[type(event)].items():
        value = getattr(event, name)
        if value is not None and (value or field.default != ""):
            form[name] = time_to_text(value) if name in _TIME_FIELDS else value
    return form


# Made once: json.dumps() makes one each time.
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_line(event: Event | Said) -> str:
    """The JSON form as one line, for a file of events."""
    return _compact.encode(to_json(event))


def from_json(form: object) -> Event:
    """The event of a JSON object. Raises `InvalidEvent`, which names the field; unknown fields are ignored."""
    if not isinstance(form, dict):
        raise InvalidEvent("event", f"must be a JSON object, not {_kind(form)}")
    fields = typing.cast("dict[str, object]", form)
    cls = TYPES.get(str(fields.get("type")))
    if cls is None:
        found = "is missing" if "type" not in fields else f"{_shown(fields['type'])} is unknown"
        raise InvalidEvent("type", f"{found}; one of {', '.join(TYPES)}")
    given: dict[str, Any] = {}
    for name, field in _FIELDS[cls].items():
        value = fields.get(name)
        if value is None or (value == "" and name == "id"):
            if field.required:
                raise InvalidEvent(name, f"is required in {fields['type']}")
        else:
            given[name] = field.read(name, value)
    return cls(**given)


def _no_json(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: {error.msg} at character {error.pos + 1}"
    if isinstance(error, RecursionError):
        return "is nested too deeply to be read"
    return "is not JSON: it holds a number that is too long, or no UTF-8"


def from_line(line: str | bytes) -> Event:
    """The event of one line of JSON. Raises `InvalidEvent`."""
    try:
        form = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent("event", _no_json(error)) from None
    return from_json(form)


# --- what a field takes, read off its type ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event, as the edge and the JSON Schema need it."""

    required: bool
    default: Any
    type: Any
    limits: Size | Range | None
    read: Callable[[str, object], object]


def _kind(value: object) -> str:
    kinds = ((dict, "an object"), (list, "an array"), (str, "a string"), (bool, "a boolean"), (type(None), "null"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _read_text(limits: Size) -> Callable[[str, object], object]:
    def read(name: str, value: object) -> object:
        if not isinstance(value, str):
            raise InvalidEvent(name, f"must be a string, not {_kind(value)}")
        if not limits.least <= len(value) <= limits.most:
            raise InvalidEvent(name, f"has {len(value)} characters; {limits.least} to {limits.most} are allowed")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidEvent(name, "holds half of a surrogate pair, which is no text") from None
        return value

    return read


def _read_int(limits: Range) -> Callable[[str, object], object]:
    def read(name: str, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidEvent(name, f"must be a whole number, not {_shown(value)}")
        if not limits.least <= value <= limits.most:
            raise InvalidEvent(name, f"is {_shown(value)}; {limits.least} to {limits.most} are allowed")
        return value

    return read


def _read_time(name: str, value: object) -> object:
    if isinstance(value, str):
        try:
            value = time_from_text(value)
        except ValueError:
            raise InvalidEvent(name, f"{_shown(value)} is no RFC 3339 time with an offset") from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidEvent(name, f"must be an RFC 3339 time or whole nanoseconds, not {_shown(value)}")
    if not EARLIEST <= value <= LARGEST:
        raise InvalidEvent(name, f"{_shown(value)} is not between 2000 and 2262 in nanoseconds since 1970")
    return value


# No agent costs more than the world; a sum of such costs is still a number.
DEAREST = 1e15


def _read_float(name: str, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidEvent(name, f"must be a number, not {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidEvent(name, "must be finite")
    if not 0 <= number <= DEAREST:
        raise InvalidEvent(name, f"is {_shown(value)}; 0 to {DEAREST:g} are allowed")
    return number


def _read_bool(name: str, value: object) -> object:
    if not isinstance(value, bool):
        raise InvalidEvent(name, f"must be true or false, not {_shown(value)}")
    return value


def _read_choice(choices: tuple[str, ...]) -> Callable[[str, object], object]:
    def read(name: str, value: object) -> object:
        if value not in choices:
            raise InvalidEvent(name, f"{_shown(value)} is unknown; one of {', '.join(choices)}")
        return value

    return read


def _field(name: str, hint: Any, default: Any) -> Field:
    required = default is dataclasses.MISSING
    plain = next((arg for arg in get_args(hint) if arg is not type(None)), hint) if _optional(hint) else hint
    limits = None
    if get_origin(plain) is Annotated:
        plain, limits = get_args(plain)[0], plain.__metadata__[0]
    if name in _TIME_FIELDS:
        return Field(required, default, plain, limits, _read_time)
    if get_origin(plain) is Literal:
        return Field(required, default, plain, limits, _read_choice(get_args(plain)))
    if isinstance(limits, Size):
        return Field(required, default, plain, limits, _read_text(limits))
    if isinstance(limits, Range):
        return Field(required, default, plain, limits, _read_int(limits))
    return Field(required, default, plain, limits, {bool: _read_bool, float: _read_float}[plain])


def _optional(hint: Any) -> bool:
    return get_origin(hint) in (typing.Union, types.UnionType)


def _fields(cls: type[Any]) -> dict[str, Field]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: _field(field.name, hints[field.name], field.default) for field in dataclasses.fields(cls)}


_FIELDS: Mapping[type[Any], Mapping[str, Field]] = types.MappingProxyType({c: _fields(c) for c in TYPES.values()})


def fields_of(name: str) -> Mapping[str, Field]:
    """The fields of the event type called `name`, in their order."""
    return _FIELDS[TYPES[name]]
