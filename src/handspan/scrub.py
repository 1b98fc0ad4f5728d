"""What of an event may be kept and sent: the content modes.

    off        no text and no error message; names without secrets
    redacted   everything without secrets
    full       everything as it came

In every mode a message tells the size of its text and a keyed digest of it, so that what is counted and what is told
apart is the same in all of them. Ids are never cut into: one that holds a secret becomes another id, always the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from handspan.events import TYPES, Event, MessageSent, Size, fields_of
from handspan.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ContentMode = Literal["off", "redacted", "full"]
Treatment = Literal["fact", "id", "name", "content"]


def _each(treatment: Treatment, fields: str) -> dict[str, Treatment]:
    return dict.fromkeys(fields.split(), treatment)


# How every field of every event is treated.
TREATMENTS: Mapping[str, Treatment] = MappingProxyType({
    # A number, a time, or one of a few words of ours: nothing of anybody's is in it.
    **_each(
        "fact", "at last_seen kind reason status trigger mode outcome severity awaited typed attempt exit_code pid"
    ),
    **_each("fact", "size cost_usd input_tokens output_tokens cache_read_tokens cache_write_tokens"),
    # What events are put together by.
    **_each("id", "source instance session id traceparent terminal creator message receiver sender sender_session"),
    **_each("id", "worker caller parent_session parent_worker digest"),
    # What is shown for a thing. Paths are names too.
    **_each("name", "name agent cli model tmux_session window pane step cwd"),
    # What agents and people write, and what programs say when they fail.
    **_each("content", "text error"),
})
_CONTENT = frozenset(field for field, treatment in TREATMENTS.items() if treatment == "content")

# Ids that hashes and UUIDs make, most of all an event's own, can hold no secret. To know them costs 0.2 µs, to search
# one that was never seen before 8 µs.
_HARMLESS = re.compile(r"[0-9a-f-]{0,64}")
# The id of an event whose source gave none.
_MADE_OF_WORDS = re.compile(r"[0-9a-f]{32}")
# Terminals, sessions and names come again with each event. So many of at most 4,096 characters are at worst 8 MB.
_REMEMBERED = 2_048

_redact_name = lru_cache(_REMEMBERED)(redact)


class Scrubber:
    """Makes of an event what `mode` allows. `key` is the secret of the digests, and of the ids put in place of some."""

    def __init__(self, mode: ContentMode, key: bytes) -> None:
        self._mode: ContentMode = mode
        self._key = key
        treated: dict[Treatment, Callable[[str], str | None]] = {
            "id": lru_cache(_REMEMBERED)(self._id),
            "name": _redact_name,
            "content": _nothing if mode == "off" else redact,
        }
        self._plans = {cls: _plan(name, treated) for name, cls in TYPES.items()}

    def __call__(self, event: Event) -> Event:
        changes = self._measured(event) if isinstance(event, MessageSent) else {}
        if self._mode != "full":
            for field, treat, longest in self._plans[type(event)]:
                value = getattr(event, field)
                if value:
                    treated = treat(value)
                    if treated != value:
                        # A mark may be longer than what it stands for.
                        changes[field] = treated and treated[:longest]
            if changes.keys() & _CONTENT and _MADE_OF_WORDS.fullmatch(event.id):
                # It is the hash of all that the event said: whoever guesses a text could see that it is the one.
                changes["id"] = self._keyed(b"event " + event.id.encode())[:32]
        return dataclasses.replace(event, **changes) if changes else event

    def _measured(self, event: MessageSent) -> dict[str, Any]:
        if event.text is None:
            return {}
        text = event.text.encode("utf-8", "backslashreplace")
        known = {"size": event.size, "digest": event.digest}
        measured = {"size": len(text), "digest": self._digest(text)}
        return {field: value for field, value in measured.items() if known[field] is None}

    def _digest(self, text: bytes) -> str:
        return self._keyed(text)[:16]

    def _keyed(self, text: bytes) -> str:
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()

    def _id(self, value: str) -> str:
        if _HARMLESS.fullmatch(value) or redact(value) == value:
            return value
        return f"redacted-{self._digest(b'id ' + value.encode('utf-8', 'backslashreplace'))}"


def _nothing(_: str) -> None:
    return None


def _plan(
    name: str, treated: Mapping[Treatment, Callable[[str], str | None]]
) -> tuple[tuple[str, Callable[[str], str | None], int], ...]:
    """The fields of an event that have to be looked at, how, and how long each may be."""
    return tuple(
        (field, treated[TREATMENTS[field]], known.limits.most)
        for field, known in fields_of(name).items()
        if TREATMENTS[field] != "fact" and isinstance(known.limits, Size)
    )
