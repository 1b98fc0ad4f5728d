"""The JSON Schema of events, made from the model, so that it can't say anything else."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from handspan.events import DEAREST, EARLIEST, LARGEST, TYPES, Field, Range, Size, fields_of

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
_TIME = {
    "description": "RFC 3339 with an offset, or nanoseconds since 1970 as an integer or a decimal string.",
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "integer", "minimum": EARLIEST, "maximum": LARGEST},
        {"type": "string", "pattern": "^[0-9]{18,19}$"},
    ],
}


def json_schema() -> dict[str, Any]:
    """The schema of one event, as `POST /v1/events` and JSON-lines files take it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Handspan event",
        "description": "What happened in an orchestration. Unknown fields are ignored; what is absent is not null.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in TYPES],
        "$defs": {name: _event(name) for name in TYPES},
    }


def _event(name: str) -> dict[str, Any]:
    fields = fields_of(name)
    return {
        "type": "object",
        "description": " ".join((TYPES[name].__doc__ or "").split()),
        "required": ["type", *(field for field, what in fields.items() if what.required)],
        "properties": {"type": {"const": name}, **{field: _field(field, what) for field, what in fields.items()}},
    }


def _field(name: str, field: Field) -> dict[str, Any]:
    if name in {"at", "last_seen"}:
        return dict(_TIME)
    if get_origin(field.type) is Literal:
        return {"enum": list(get_args(field.type))}
    said: dict[str, Any] = {"type": _PLAIN[field.type]}
    if field.type is float:
        said |= {"minimum": 0, "maximum": DEAREST}
    if isinstance(field.limits, Size):
        # An empty id is an absent one: the edge makes one.
        said |= {"minLength": 0 if name == "id" else field.limits.least, "maxLength": field.limits.most}
    elif isinstance(field.limits, Range):
        said |= {"minimum": field.limits.least, "maximum": field.limits.most}
    return said
