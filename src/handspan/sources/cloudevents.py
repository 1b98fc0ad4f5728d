"""Events as CloudEvents 1.0: the data is an event as events.py describes it, and what it lacks the envelope says.

type          dev.handspan.event.<type>        the event's type
source        /handspan/<source>/<instance>    who says it
id, time, traceparent                          id, at, traceparent
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote

from handspan.events import InvalidEvent, from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handspan.events import Event

_TYPE: Final = "dev.handspan.event."


def structured(envelope: object) -> Event:
    """The event of an envelope that holds its data. Raises InvalidEvent."""
    if not isinstance(envelope, dict):
        raise InvalidEvent("event", "must be a JSON object")
    attributes = cast("dict[str, object]", envelope)
    return _event(attributes, attributes["data"] if "data" in attributes else _decoded(attributes.get("data_base64")))


def binary(headers: Mapping[str, str], body: bytes) -> Event:
    """The event whose attributes are the headers ce-..., and whose data is the body. Raises InvalidEvent."""
    attributes = {
        name.lower().removeprefix("ce-"): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    return _event(attributes, _json(body))


def _event(attributes: Mapping[str, object], data: object) -> Event:
    if attributes.get("specversion") != "1.0":
        raise InvalidEvent("specversion", "must be 1.0")
    if not isinstance(data, dict):
        raise InvalidEvent("data", "must be a JSON object: an event")
    said = {
        **_who(attributes.get("source")),
        "type": str(attributes.get("type", "")).removeprefix(_TYPE),
        "id": attributes.get("id"),
        "at": attributes.get("time"),
        "traceparent": attributes.get("traceparent"),
    }
    return from_json({**said, **cast("dict[str, object]", data)})


def _who(source: object) -> dict[str, str]:
    parts = source.split("/") if isinstance(source, str) else []
    if len(parts) != 4 or parts[:2] != ["", "handspan"]:
        return {}
    return {"source": unquote(parts[2]), "instance": unquote(parts[3])}


def _decoded(text: object) -> object:
    if not isinstance(text, str):
        return None
    try:
        return _json(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise InvalidEvent("data_base64", "is not base64") from None


def _json(data: bytes) -> object:
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError):
        raise InvalidEvent("data", "is not JSON") from None
