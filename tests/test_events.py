from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import pytest

from handspan.events import (
    TYPES,
    Activity,
    DelegationEnded,
    DelegationStarted,
    Event,
    InvalidEvent,
    MessageDelivered,
    MessageSent,
    Notice,
    SessionEnded,
    SessionStarted,
    Size,
    StatusChanged,
    TerminalEnded,
    TerminalStarted,
    Tick,
    UsageReported,
    fields_of,
    from_json,
    from_line,
    time_from_text,
    time_to_text,
    to_json,
    to_line,
    type_of,
)

AT = 1_795_170_977_289_110_000
SAID: dict[str, Any] = {
    "at": AT,
    "source": "cao",
    "instance": "i",
    "session": "s",
    "id": "e1",
    "traceparent": "00-a-b-01",
}
_SAID_LINE = '"at":"2026-11-20T10:36:17.289110000Z","source":"cao","instance":"i","session":"s","id":"e1","traceparent":"00-a-b-01"'

# Every type with every field, and the line that it has been since the first release.
EVENTS: dict[str, tuple[Event, str]] = {
    "session_started": (
        SessionStarted(**SAID, name="checkout", kind="workflow", parent_session="p", parent_worker="w"),
        f'{{"type":"session_started",{_SAID_LINE},"name":"checkout","kind":"workflow","parent_session":"p","parent_worker":"w"}}',
    ),
    "session_ended": (
        SessionEnded(**SAID, reason="vanished", error="no server"),
        f'{{"type":"session_ended",{_SAID_LINE},"reason":"vanished","error":"no server"}}',
    ),
    "terminal_started": (
        TerminalStarted(
            **SAID,
            terminal="t",
            agent="développeur",
            cli="codex",
            model="gpt",
            creator="c",
            trigger="schedule",
            tmux_session="cao-s",
            window="w-1",
            pane="%1",
            pid=4711,
            cwd="/tmp/x",  # noqa: S108 (only a text)
        ),
        f'{{"type":"terminal_started",{_SAID_LINE},"terminal":"t","agent":"développeur","cli":"codex","model":"gpt","creator":"c","trigger":"schedule","tmux_session":"cao-s","window":"w-1","pane":"%1","pid":4711,"cwd":"/tmp/x"}}',
    ),
    "terminal_ended": (
        TerminalEnded(**SAID, terminal="t", reason="exited", exit_code=-9, error="killed", last_seen=AT - 1),
        f'{{"type":"terminal_ended",{_SAID_LINE},"terminal":"t","reason":"exited","exit_code":-9,"error":"killed","last_seen":"2026-11-20T10:36:17.289109999Z"}}',
    ),
    "status_changed": (
        StatusChanged(**SAID, terminal="t", status="working", trigger="human"),
        f'{{"type":"status_changed",{_SAID_LINE},"terminal":"t","status":"working","trigger":"human"}}',
    ),
    "activity": (Activity(**SAID, terminal="t"), f'{{"type":"activity",{_SAID_LINE},"terminal":"t"}}'),
    "message_sent": (
        MessageSent(
            **SAID,
            message="m",
            mode="assign",
            receiver="t",
            sender="u",
            sender_session="r",
            typed=True,
            size=420,
            digest="00ff",
            text='"a"\nb',
        ),
        f'{{"type":"message_sent",{_SAID_LINE},"message":"m","mode":"assign","receiver":"t","sender":"u","sender_session":"r","typed":true,"size":420,"digest":"00ff","text":"\\"a\\"\\nb"}}',
    ),
    "message_delivered": (
        MessageDelivered(**SAID, message="m", terminal="t"),
        f'{{"type":"message_delivered",{_SAID_LINE},"message":"m","terminal":"t"}}',
    ),
    "delegation_started": (
        DelegationStarted(
            **SAID, worker="t", mode="step", awaited=True, caller="c", step="build", attempt=2, message="m"
        ),
        f'{{"type":"delegation_started",{_SAID_LINE},"worker":"t","mode":"step","awaited":true,"caller":"c","step":"build","attempt":2,"message":"m"}}',
    ),
    "delegation_ended": (
        DelegationEnded(**SAID, worker="t", outcome="timeout", error="600 s", text="half of it"),
        f'{{"type":"delegation_ended",{_SAID_LINE},"worker":"t","outcome":"timeout","error":"600 s","text":"half of it"}}',
    ),
    "usage_reported": (
        UsageReported(
            **SAID,
            terminal="t",
            model="opus",
            input_tokens=1,
            output_tokens=2,
            cache_read_tokens=3,
            cache_write_tokens=4,
            cost_usd=0.125,
        ),
        f'{{"type":"usage_reported",{_SAID_LINE},"terminal":"t","model":"opus","input_tokens":1,"output_tokens":2,"cache_read_tokens":3,"cache_write_tokens":4,"cost_usd":0.125}}',
    ),
    "notice": (
        Notice(**SAID, name="ci_failed", severity="urgent", text="job build", terminal="t"),
        f'{{"type":"notice",{_SAID_LINE},"name":"ci_failed","severity":"urgent","text":"job build","terminal":"t"}}',
    ),
}
every_type = pytest.mark.parametrize("kind", list(EVENTS))


def form_of(kind: str) -> dict[str, Any]:
    """The JSON form of the full event of this type."""
    form: dict[str, Any] = json.loads(EVENTS[kind][1])
    return form


def least_form(kind: str) -> dict[str, Any]:
    """The JSON form of an event of this type with nothing that may be absent."""
    return {name: value for name, value in form_of(kind).items() if name == "type" or fields_of(kind)[name].required}


def refusal(kind: str, /, **wrong: object) -> tuple[str, str]:
    with pytest.raises(InvalidEvent) as caught:
        from_json(form_of(kind) | wrong)
    assert str(caught.value) == f"{caught.value.field}: {caught.value.problem}"
    return caught.value.field, caught.value.problem


# --- the JSON form ---------------------------------------------------------------------------------------------------


def test_the_events_above_are_all_types_with_all_fields() -> None:
    assert list(EVENTS) == list(TYPES)
    for kind, (event, _) in EVENTS.items():
        assert type_of(event) == kind
        unset = [f.name for f in dataclasses.fields(event) if getattr(event, f.name) == f.default]
        assert (kind, unset) == (kind, [])


@every_type
def test_an_event_is_written_as_it_always_was(kind: str) -> None:
    event, line = EVENTS[kind]
    assert to_line(event) == line
    assert to_json(event) == json.loads(line)


@every_type
def test_an_event_is_the_same_after_a_round_trip(kind: str) -> None:
    event, line = EVENTS[kind]
    assert from_line(line) == event
    assert from_line(line.encode()) == event
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


@every_type
def test_what_is_absent_stays_absent(kind: str) -> None:
    form = least_form(kind)
    event = from_json(form)
    written = to_json(event)
    assert None not in written.values()
    assert "" not in written.values()
    # What has a default other than "unknown" or "none" is written with it, so that the journal says what was meant.
    spoken = {"id", "kind", "reason", "typed", "severity"} | {n for n in written if n.endswith("_tokens")}
    assert {name: value for name, value in written.items() if name not in spoken} == form
    assert from_json(written) == event


@every_type
def test_null_is_absent(kind: str) -> None:
    form = least_form(kind)
    nulls = dict.fromkeys(name for name in fields_of(kind) if name not in form)
    assert from_json(form | nulls) == from_json(form)


def test_an_empty_text_is_the_same_event_when_read_again() -> None:
    changed: list[str] = []
    for kind in TYPES:
        for name, field in fields_of(kind).items():
            if not field.required and isinstance(field.limits, Size) and not field.limits.least:
                event = from_json(form_of(kind) | {name: ""})
                if from_json(to_json(event)) != event:
                    changed.append(f"{kind}.{name}")
    assert changed == []


@every_type
def test_unknown_fields_are_ignored(kind: str) -> None:
    event, line = EVENTS[kind]
    assert from_json(json.loads(line) | {"colour": {"deep": [None]}, "": "\ud800", "Terminal": 1}) == event


def test_an_event_is_frozen_slotted_and_keyword_only() -> None:
    for kind in (*TYPES.values(), Tick):
        assert all(f.kw_only for f in dataclasses.fields(kind))
        assert "__slots__" in vars(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        EVENTS["activity"][0].at = 0  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
    assert not hasattr(EVENTS["activity"][0], "__dict__")


# --- ids -------------------------------------------------------------------------------------------------------------


def test_an_event_without_an_id_gets_the_hash_of_its_line() -> None:
    event = Activity(at=AT, source="cao", instance="i", session="s", terminal="t")
    line = b'{"type":"activity","at":"2026-11-20T10:36:17.289110000Z","source":"cao","instance":"i","session":"s","terminal":"t"}'
    assert event.id == hashlib.sha256(line).hexdigest()[:32] == "a0a352c76abcfa1045361523f4cae164"
    assert from_line(to_line(event)) == event


@every_type
def test_an_id_is_never_empty_and_always_the_same(kind: str) -> None:
    form = form_of(kind)
    del form["id"]
    made = from_json(form).id
    assert len(made) == 32
    assert made != "e1"
    again = dict(reversed(form.items())) | {"at": AT, "id": "", "colour": "red"}
    assert from_json(again).id == made
    assert from_json(again | {"id": None}).id == made
    assert from_json(form | {"at": AT + 1}).id != made


def test_ids_of_all_types_differ() -> None:
    ids = {from_json({n: v for n, v in form_of(kind).items() if n != "id"}).id for kind in EVENTS}
    assert len(ids) == len(EVENTS)


def test_a_changed_event_keeps_its_id() -> None:
    event = Activity(at=AT, source="cao", instance="i", session="s", terminal="t")
    assert dataclasses.replace(event, at=AT + 1).id == event.id


def test_an_id_of_what_is_no_text_does_not_fail() -> None:
    assert len(Activity(at=AT, source="cao", instance="i", session="s", terminal="\ud800").id) == 32


# --- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-11-20T10:36:17.289110000Z", AT),
        ("2026-11-20t10:36:17.28911z", AT),
        ("2026-11-20 10:36:17.28911Z", AT),
        ("2026-11-20T10:36:17.289110000999Z", AT),
        ("2026-11-20T16:06:17.28911+05:30", AT),
        ("2026-11-20T10:06:17.28911-00:30", AT),
        ("2026-11-21T10:35:17.28911+23:59", AT),
        ("2026-11-20T10:36:17.28911-00:00", AT),
        ("1795170977289110000", AT),
        ("2026-11-20T10:36:17Z", 1_795_170_977_000_000_000),
        ("2026-11-20T10:36:17.000000001Z", 1_795_170_977_000_000_001),
        ("2026-11-20T10:36:17.9999999999Z", 1_795_170_977_999_999_999),
        ("2000-01-01T00:00:00Z", 946_684_800_000_000_000),
        ("946684800000000000", 946_684_800_000_000_000),
        ("2024-02-29T23:59:59.5Z", 1_709_251_199_500_000_000),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_a_time_is_read_in_every_form_and_written_in_one(written: str, at: int) -> None:
    assert time_from_text(written) == at
    event = from_json(form_of("terminal_ended") | {"at": written, "last_seen": written})
    assert isinstance(event, TerminalEnded)
    assert (event.at, event.last_seen) == (at, at)
    assert from_json(form_of("activity") | {"at": at}).at == at
    assert time_from_text(time_to_text(at)) == at


def test_times_are_written_with_nine_decimals() -> None:
    assert time_to_text(946_684_800_000_000_000) == "2000-01-01T00:00:00.000000000Z"
    assert time_to_text(2**63 - 1) == "2262-04-11T23:47:16.854775807Z"


@pytest.mark.parametrize("field", ["at", "last_seen"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-20",
        "2026-11-20T10:36:17",
        "2026-11-20T10:36Z",
        "2026-11-20T10:36:17.Z",
        "2026-11-20T10:36:17,5Z",
        "2026-11-20T10:36:17+0530",
        "2026-11-20T10:36:17+24:00",
        "2026-11-20T10:36:17+05:99",
        "2026-11-20T10:36:17Z\n",
        " 2026-11-20T10:36:17Z",
        "2026-02-30T10:36:17Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T10:36:61Z",
        "0000-01-01T00:00:00Z",
        "٢٠٢٦-11-20T10:36:17Z",
        "1795170977.28911",
        "-1795170977289110000",
        "1_795_170_977_289_110_000",
        "١٧٩٥١٧٠٩٧٧٢٨٩١١٠٠٠٠",
        "17951709772891100000",
        "1795170977289110000Z",
    ],
)
def test_what_is_no_time_is_refused(field: str, text: str) -> None:
    assert refusal("terminal_ended", **{field: text}) == (field, f"{text!r} is no RFC 3339 time with an offset")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1_795_170_977, "1795170977"),
        (1_795_170_977_289, "1795170977289"),
        (1_795_170_977_289_110, "1795170977289110"),
        ("1795170978", "1795170978"),
        (946_684_799_999_999_999, "946684799999999999"),
        ("1999-12-31T23:59:59.999999999Z", "946684799999999999"),
        (2**63, "9223372036854775808"),
        ("2262-04-11T23:47:16.854775808Z", "9223372036854775808"),
        ("9999-12-31T23:59:59-23:59", "253402387139000000000"),
        ("0001-01-01T00:00:00+23:59", "-62135683140000000000"),
        (-AT, f"-{AT}"),
        (10**100, f"1{'0' * 56}..."),
    ],
)
def test_a_time_in_another_unit_is_refused(value: object, shown: str) -> None:
    problem = f"{shown} is not between 2000 and 2262 in nanoseconds since 1970"
    assert refusal("terminal_ended", at=value) == ("at", problem)
    assert refusal("terminal_ended", last_seen=value) == ("last_seen", problem)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1_795_170_977.28911, "1795170977.28911"),
        (float(AT), "1.79517097728911e+18"),
        (float("nan"), "nan"),
        (True, "True"),
        ([AT], f"[{AT}]"),
        ({"seconds": 1}, "{'seconds': 1}"),
    ],
)
def test_a_time_of_another_type_is_refused(value: object, shown: str) -> None:
    problem = f"must be an RFC 3339 time or whole nanoseconds, not {shown}"
    assert refusal("terminal_ended", at=value) == ("at", problem)
    assert refusal("terminal_ended", last_seen=value) == ("last_seen", problem)


# --- what is refused -------------------------------------------------------------------------------------------------


@every_type
def test_what_is_missing_is_named(kind: str) -> None:
    for name, field in fields_of(kind).items():
        form = form_of(kind)
        del form[name]
        if field.required:
            for lacking in (form, form | {name: None}):
                with pytest.raises(InvalidEvent) as caught:
                    from_json(lacking)
                assert str(caught.value) == f"{name}: is required in {kind}"
        else:
            assert from_json(form).at == AT


def test_what_is_required_is_known() -> None:
    said = ["at", "source", "instance", "session"]
    assert {kind: [n for n, f in fields_of(kind).items() if f.required] for kind in TYPES} == {
        "session_started": said,
        "session_ended": said,
        "terminal_started": [*said, "terminal"],
        "terminal_ended": [*said, "terminal"],
        "status_changed": [*said, "terminal", "status"],
        "activity": [*said, "terminal"],
        "message_sent": [*said, "message", "mode", "receiver"],
        "message_delivered": [*said, "message", "terminal"],
        "delegation_started": [*said, "worker", "mode", "awaited"],
        "delegation_ended": [*said, "worker", "outcome"],
        "usage_reported": [*said, "terminal"],
        "notice": ["at", "source", "instance", "name"],
    }


_NESTED = {"a": [{"b": [1, 2, 3]}]}


_WRONG: list[tuple[str, str, object, str]] = [
    # texts
    ("activity", "terminal", 7, "must be a string, not a number"),
    ("activity", "terminal", 7.5, "must be a string, not a number"),
    ("activity", "terminal", True, "must be a string, not a boolean"),
    ("activity", "terminal", ["t"], "must be a string, not an array"),
    ("activity", "terminal", _NESTED, "must be a string, not an object"),
    ("activity", "terminal", "", "has 0 characters; 1 to 256 are allowed"),
    ("activity", "terminal", "x" * 257, "has 257 characters; 1 to 256 are allowed"),
    ("activity", "session", "", "has 0 characters; 1 to 256 are allowed"),
    ("activity", "id", "x" * 257, "has 257 characters; 1 to 256 are allowed"),
    ("activity", "id", 5, "must be a string, not a number"),
    ("activity", "terminal", "a\ud800", "holds half of a surrogate pair, which is no text"),
    ("notice", "session", "\udfff", "holds half of a surrogate pair, which is no text"),
    ("terminal_started", "agent", "x" * 257, "has 257 characters; 0 to 256 are allowed"),
    ("terminal_started", "cwd", "/" * 4097, "has 4097 characters; 0 to 4096 are allowed"),
    ("message_sent", "text", "x" * 1_048_577, "has 1048577 characters; 0 to 1048576 are allowed"),
    # whole numbers
    ("terminal_started", "pid", "4711", "must be a whole number, not '4711'"),
    ("terminal_started", "pid", True, "must be a whole number, not True"),
    ("terminal_started", "pid", 4711.0, "must be a whole number, not 4711.0"),
    ("terminal_started", "pid", float("nan"), "must be a whole number, not nan"),
    ("terminal_started", "pid", _NESTED, "must be a whole number, not {'a': [{'b': [1, 2, 3]}]}"),
    ("terminal_started", "pid", -1, "is -1; 0 to 9223372036854775807 are allowed"),
    ("terminal_started", "pid", 2**63, "is 9223372036854775808; 0 to 9223372036854775807 are allowed"),
    ("terminal_started", "pid", 10**4000, f"is 1{'0' * 56}...; 0 to 9223372036854775807 are allowed"),
    (
        "terminal_ended",
        "exit_code",
        -(2**63) - 1,
        "is -9223372036854775809; -9223372036854775808 to 9223372036854775807 are allowed",
    ),
    # numbers
    ("usage_reported", "cost_usd", "0.1", "must be a number, not '0.1'"),
    ("usage_reported", "cost_usd", False, "must be a number, not False"),
    ("usage_reported", "cost_usd", [], "must be a number, not []"),
    ("usage_reported", "cost_usd", float("nan"), "must be finite"),
    ("usage_reported", "cost_usd", float("inf"), "must be finite"),
    ("usage_reported", "cost_usd", float("-inf"), "must be finite"),
    ("usage_reported", "cost_usd", 10**400, "must be finite"),
    # truths
    ("delegation_started", "awaited", 1, "must be true or false, not 1"),
    ("delegation_started", "awaited", "true", "must be true or false, not 'true'"),
    ("message_sent", "typed", {}, "must be true or false, not {}"),
    # words
    (
        "status_changed",
        "status",
        "busy",
        "'busy' is unknown; one of working, ready, waiting, error, exiting, unknown",
    ),
    (
        "status_changed",
        "status",
        "Working",
        "'Working' is unknown; one of working, ready, waiting, error, exiting, unknown",
    ),
    ("status_changed", "status", "", "'' is unknown; one of working, ready, waiting, error, exiting, unknown"),
    ("status_changed", "status", 3, "3 is unknown; one of working, ready, waiting, error, exiting, unknown"),
    (
        "status_changed",
        "status",
        ["ready"],
        "['ready'] is unknown; one of working, ready, waiting, error, exiting, unknown",
    ),
    ("message_sent", "mode", "callback", "'callback' is unknown; one of send_message, handoff, assign"),
    ("message_sent", "mode", "\ud800", "'\\ud800' is unknown; one of send_message, handoff, assign"),
    ("session_started", "kind", "run", "'run' is unknown; one of session, workflow"),
    (
        "notice",
        "severity",
        "x" * 100,
        f"'{'x' * 56}... is unknown; one of debug, info, action, warning, error, urgent",
    ),
    # the type itself
    ("activity", "type", "Activity", f"'Activity' is unknown; one of {', '.join(TYPES)}"),
    ("activity", "type", "tick", f"'tick' is unknown; one of {', '.join(TYPES)}"),
    ("activity", "type", 5, f"5 is unknown; one of {', '.join(TYPES)}"),
    ("activity", "type", ["activity"], f"['activity'] is unknown; one of {', '.join(TYPES)}"),
]


@pytest.mark.parametrize(
    ("kind", "field", "value", "problem"),
    _WRONG,
    ids=[f"{kind}.{field} {number}" for number, (kind, field, _, _) in enumerate(_WRONG)],
)
def test_a_wrong_value_is_refused_with_the_field_s_name(kind: str, field: str, value: object, problem: str) -> None:
    assert refusal(kind, **{field: value}) == (field, problem)


def test_limits_are_inclusive() -> None:
    assert from_json(form_of("activity") | {"terminal": "é" * 256}) != EVENTS["activity"][0]
    assert from_json(form_of("message_sent") | {"text": "x" * 1_048_576, "size": 2**63 - 1}).at == AT
    assert from_json(form_of("terminal_ended") | {"exit_code": -(2**63)}).at == AT


def test_a_cost_may_be_a_whole_number() -> None:
    event = from_json(form_of("usage_reported") | {"cost_usd": 2})
    assert isinstance(event, UsageReported)
    assert repr(event.cost_usd) == "2.0"


def test_a_notice_may_belong_to_no_session() -> None:
    form = {"type": "notice", "at": AT, "source": "cao", "instance": "i", "name": "n"}
    notice = from_json(form | {"session": ""})
    assert notice == from_json(form)
    assert "session" not in to_json(notice)


def test_a_type_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidEvent) as caught:
        from_json({})
    assert str(caught.value) == f"type: is missing; one of {', '.join(TYPES)}"


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ([], "an array"),
        ("activity", "a string"),
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (0.5, "a number"),
    ],
)
def test_what_is_no_object_is_refused(form: object, problem: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        from_json(form)
    assert str(caught.value) == f"event: must be a JSON object, not {problem}"
    with pytest.raises(InvalidEvent) as caught:
        from_line(json.dumps(form))
    assert str(caught.value) == f"event: must be a JSON object, not {problem}"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "{",
        '{"type": "activity"',
        "{'type': 'activity'}",
        '{"type": "activity"} {}',
        "\ufeff{}",
        b"\xff\xfe\xfd",
        b'{"type": "activ\xe9"}',
        b"\0\0\0\0",
        "[" * 100_000,
        '{"type":' * 100_000,
        f'{{"pid": {"9" * 5_000}}}',
    ],
    ids=[
        "empty",
        "newline",
        "open",
        "cut",
        "quotes",
        "two",
        "mark",
        "utf-8",
        "latin",
        "zeros",
        "deep",
        "deeper",
        "huge",
    ],
)
def test_a_line_that_is_no_json_is_refused(line: str | bytes) -> None:
    with pytest.raises(InvalidEvent, match=r"^event: (is not JSON: .{1,100}|is nested too deeply to be read)$"):
        from_line(line)


def test_no_depth_of_nesting_gets_through() -> None:
    form = json.dumps(least_form("status_changed"))[:-1]
    for depth in (10, 500, 900, 950, *range(970, 1_000), 5_000):
        with pytest.raises(InvalidEvent):
            from_line(f'{form}, "status": {"[" * depth}{"]" * depth}}}')


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("NaN", "cost_usd: must be finite"),
        ("Infinity", "cost_usd: must be finite"),
        ("-Infinity", "cost_usd: must be finite"),
        ("1e999", "cost_usd: must be finite"),
        ("9" * 400, "cost_usd: must be finite"),
    ],
    ids=["NaN", "Infinity", "-Infinity", "1e999", "400 digits"],
)
def test_numbers_that_json_has_not_are_refused(value: str, problem: str) -> None:
    line = EVENTS["usage_reported"][1].replace("0.125", value)
    with pytest.raises(InvalidEvent) as caught:
        from_line(line)
    assert str(caught.value) == problem


def test_half_of_a_surrogate_pair_is_refused_however_it_is_written() -> None:
    line = EVENTS["activity"][1]
    for wrong in (line.replace('"t"', '"\\ud83d"'), line.encode().replace(b'"t"', b'"\xed\xa0\xbd"')):
        with pytest.raises(InvalidEvent) as caught:
            from_line(wrong)
        assert str(caught.value) == "terminal: holds half of a surrogate pair, which is no text"
    whole = from_line(line.replace('"t"', '"\\ud83d\\ude00"'))
    assert isinstance(whole, Activity)
    assert whole.terminal == "😀"
