from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent

from handspan.events import InvalidEvent, MessageDelivered, from_json
from handspan.sources import cloudevents

AT = "2026-11-20T10:36:17.289110000Z"
DATA = {"type": "message_delivered", "session": "s", "message": "m", "terminal": "t"}
WHO = {"source": "cao", "instance": "i/1"}
ENVELOPE = {
    "specversion": "1.0",
    "id": "e",
    "source": "/handspan/cao/i%2F1",
    "type": "dev.handspan.event.message_delivered",
}
EVENT = from_json({**DATA, **WHO, "at": AT, "id": "e"})


def refused(envelope: object) -> tuple[str, str]:
    with pytest.raises(InvalidEvent) as invalid:
        cloudevents.structured(envelope)
    return invalid.value.field, invalid.value.problem


def test_what_the_data_lacks_the_envelope_says() -> None:
    untyped = {name: value for name, value in DATA.items() if name != "type"}
    assert cloudevents.structured({**ENVELOPE, "time": AT, "data": untyped}) == EVENT
    traced = {**ENVELOPE, "time": AT, "traceparent": "00-1-2-01", "data": DATA}
    assert cloudevents.structured(traced) == from_json({**DATA, **WHO, "at": AT, "id": "e", "traceparent": "00-1-2-01"})


def test_what_the_data_says_goes_before_the_envelope() -> None:
    data = {**DATA, "source": "other", "instance": "j", "at": AT, "id": "own"}
    event = cloudevents.structured({**ENVELOPE, "time": "2020-01-01T00:00:00Z", "data": data})
    assert event == from_json(data)


def test_the_binary_form_as_the_library_writes_it() -> None:
    attributes: dict[str, Any] = {**ENVELOPE, "datacontenttype": "application/json"}
    message = http.to_binary_event(CloudEvent(attributes, {**DATA, "at": AT}))
    assert cloudevents.binary(message.headers, bytes(message.body)) == EVENT


def test_the_structured_form_as_the_library_writes_it() -> None:
    message = http.to_structured_event(CloudEvent(dict(ENVELOPE), {**DATA, "at": AT}))
    assert cloudevents.structured(json.loads(message.body)) == EVENT


def test_data_in_base64() -> None:
    data = base64.b64encode(json.dumps({**DATA, "at": AT}).encode()).decode()
    assert isinstance(cloudevents.structured({**ENVELOPE, "data_base64": data}), MessageDelivered)


@pytest.mark.parametrize(
    ("envelope", "said"),
    [
        ([], ("event", "must be a JSON object")),
        ({**ENVELOPE, "specversion": "0.3", "data": DATA}, ("specversion", "must be 1.0")),
        ({"data": DATA}, ("specversion", "must be 1.0")),
        (ENVELOPE, ("data", "must be a JSON object: an event")),
        ({**ENVELOPE, "data": "text"}, ("data", "must be a JSON object: an event")),
        ({**ENVELOPE, "data_base64": "%"}, ("data_base64", "is not base64")),
        ({**ENVELOPE, "data_base64": "AAAA"}, ("data", "is not JSON")),
        ({**ENVELOPE, "data": DATA}, ("at", "is required in message_delivered")),
        (
            {**ENVELOPE, "source": "//elsewhere", "time": AT, "data": DATA},
            ("source", "is required in message_delivered"),
        ),
        ({**ENVELOPE, "source": 7, "time": AT, "data": DATA}, ("source", "is required in message_delivered")),
        ({**ENVELOPE, "id": 7, "time": AT, "data": DATA}, ("id", "must be a string, not a number")),
    ],
)
def test_what_is_no_event_names_the_field(envelope: object, said: tuple[str, str]) -> None:
    assert refused(envelope) == said
