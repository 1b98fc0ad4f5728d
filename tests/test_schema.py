from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from handspan.events import TYPES, InvalidEvent, fields_of, from_json, to_json
from handspan.schema import json_schema
from tests import reference_files
from tests.stories import STORIES
from tests.test_events import EVENTS, form_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handspan.events import Event

SCHEMA = json_schema()
_PLAIN: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
}
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_SAYS_NOTHING = {"$schema", "$defs", "title", "description"}


def complaints(schema: dict[str, Any], value: Any) -> Iterator[str]:
    """What a validator says of `value`. Knows the keywords that the schema uses, and fails on any other."""
    for keyword, wanted in schema.items():
        match keyword:
            case "$ref":
                yield from complaints(SCHEMA["$defs"][wanted.removeprefix("#/$defs/")], value)
            case "oneOf" | "anyOf":
                found = [list(complaints(choice, value)) for choice in wanted]
                if not (found.count([]) == 1 if keyword == "oneOf" else [] in found):
                    yield f"{keyword}: {found}"
            case "required":
                yield from (f"{name} is required" for name in wanted if name not in value)
            case "properties":
                for name, held in value.items():
                    yield from (f"{name}: {said}" for said in complaints(wanted.get(name, {}), held))
            case "type":
                if not _is(wanted, value):
                    yield f"is no {wanted}"
                    return
            case _ if keyword not in _SAYS_NOTHING and not _holds(keyword, wanted, value):
                yield f"{keyword} {wanted}"
            case _:
                pass


def _is(wanted: str, value: object) -> bool:
    return isinstance(value, _PLAIN[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _holds(keyword: str, wanted: Any, value: Any) -> object:
    match keyword:
        case "const":
            return value == wanted
        case "enum":
            return value in wanted
        case "pattern":
            return re.search(wanted, value) is not None
        case "format":
            return wanted == "date-time" and _RFC_3339.fullmatch(value) is not None
        case "minLength":
            return len(value) >= wanted
        case "maxLength":
            return len(value) <= wanted
        case "minimum":
            return value >= wanted
        case "maximum":
            return value <= wanted
        case _:
            raise AssertionError(f"a keyword that the check does not know: {keyword}")


def refused(form: dict[str, Any]) -> bool:
    try:
        from_json(form)
    except InvalidEvent:
        return True
    return False


def test_the_committed_schema_is_the_model_s() -> None:
    for path, text in reference_files.expected():
        assert path.exists(), f"{path} is missing: python -m tests.reference_files --write"
        assert path.read_text("utf-8") == text, (
            "run python -m tests.reference_files --write, and look at the difference"
        )


def test_every_type_and_field_has_its_place() -> None:
    assert list(SCHEMA["$defs"]) == list(TYPES)
    assert SCHEMA["oneOf"] == [{"$ref": f"#/$defs/{name}"} for name in TYPES]
    for name, kind in TYPES.items():
        fields = {field.name for field in dataclasses.fields(kind)}
        assert (name, SCHEMA["$defs"][name]["properties"].keys()) == (name, {"type", *fields})


def test_one_type_s_schema_as_a_whole() -> None:
    a_time = {
        "description": "RFC 3339 with an offset, or nanoseconds since 1970 as an integer or a decimal string.",
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "integer", "minimum": 946_684_800_000_000_000, "maximum": 2**63 - 1},
            {"type": "string", "pattern": "^[0-9]{18,19}$"},
        ],
    }
    an_id = {"type": "string", "minLength": 1, "maxLength": 256}
    assert SCHEMA["$defs"]["terminal_ended"] == {
        "type": "object",
        "description": "A terminal is gone. `last_seen` is set where a look found it gone: it was alive then, and dead at `at`.",
        "required": ["type", "at", "source", "instance", "session", "terminal"],
        "properties": {
            "type": {"const": "terminal_ended"},
            "at": a_time,
            "source": an_id,
            "instance": an_id,
            "session": an_id,
            "id": {"type": "string", "minLength": 0, "maxLength": 256},
            "traceparent": {"type": "string", "minLength": 0, "maxLength": 256},
            "terminal": an_id,
            "reason": {
                "enum": ["completed", "killed", "exited", "vanished", "empty", "replaced", "failed", "idle", "unknown"]
            },
            "exit_code": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
            "error": {"type": "string", "minLength": 0, "maxLength": 1_048_576},
            "last_seen": a_time,
        },
    }


def test_every_event_of_every_story_is_valid() -> None:
    told: list[Event] = [event for story in STORIES.values() for event in story()]
    told += [event for event, _ in EVENTS.values()]
    wrong = {json.dumps(to_json(event)): said for event in told if (said := list(complaints(SCHEMA, to_json(event))))}
    assert wrong == {}


@pytest.mark.parametrize("kind", list(TYPES))
def test_what_is_missing_is_refused_by_both(kind: str) -> None:
    for name in ("type", *fields_of(kind)):
        form = form_of(kind)
        del form[name]
        assert (name, list(complaints(SCHEMA, form)) != []) == (name, refused(form))


_PROBES: list[Any] = [
    *(
        "",
        "x",
        "x" * 256,
        "x" * 257,
        "x" * 4097,
        "working",
        "handoff",
        "session",
        "completed",
        "unknown",
        "info",
        "Info",
    ),
    *(True, False, 0, 1, -1, 2**63 - 1, 2**63, -(2**63) - 1, 1.5, -1.5, [], ["x"], {}, {"x": [1]}),
]
_TIMES: list[Any] = [
    *("", "x", "2026-11-20T10:36:17Z", "2026-11-20t10:36:17.1234567890z", "2026-11-20T10:36:17+05:30", "2026-11-20"),
    *("2026-11-20T10:36:17", "1795170977289110000", "946684800000000000", "1795170977", "1" * 20, True, 1.5, [], {}),
    1_795_170_977_289_110_000,
]
# Seconds, milliseconds and microseconds, and what 64 bits don't hold.
_OTHER_UNITS = [0, -1, 1_795_170_977, 1_795_170_977_289, 1_795_170_977_289_110, 2**63]


@pytest.mark.parametrize("kind", list(TYPES))
def test_a_wrong_value_is_refused_by_both(kind: str) -> None:
    for name in ("type", *fields_of(kind)):
        for value in _TIMES if name in {"at", "last_seen"} else _PROBES:
            form = form_of(kind) | {name: value}
            assert (name, value, list(complaints(SCHEMA, form)) != []) == (name, value, refused(form))


def test_a_time_in_another_unit_is_refused_by_both() -> None:
    for name in ("at", "last_seen"):
        for value in _OTHER_UNITS:
            form = form_of("terminal_ended") | {name: value}
            assert refused(form)
            assert (name, value, list(complaints(SCHEMA, form)) != []) == (name, value, True)


def test_the_check_complains() -> None:
    assert list(complaints({"type": "integer", "minimum": 1}, 0)) == ["minimum 1"]
    assert list(complaints({"type": "integer", "minimum": 1}, True)) == ["is no integer"]
    assert list(complaints({"oneOf": [{"const": 1}, {"enum": [1, 2]}]}, 1)) == ["oneOf: [[], []]"]
    assert list(complaints({"required": ["a"], "properties": {"b": {"pattern": "^x$"}}}, {"b": "y"})) == [
        "a is required",
        "b: pattern ^x$",
    ]
    with pytest.raises(AssertionError, match="does not know: multipleOf"):
        list(complaints({"multipleOf": 2}, 4))
