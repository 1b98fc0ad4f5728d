from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handspan.events import (
    TYPES,
    DelegationEnded,
    Event,
    MessageSent,
    Notice,
    Size,
    StatusChanged,
    TerminalEnded,
    TerminalStarted,
    fields_of,
    from_json,
    to_json,
)
from handspan.scrub import TREATMENTS, ContentMode, Scrubber
from handspan.testing import BEGIN
from tests.planted_secrets import ALNUM, HOMES, PLANTED, made

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = b"not a secret, but a key of thirty-two"
WHO: dict[str, Any] = {"id": "e-1", "at": BEGIN, "source": "cao", "instance": "here", "session": "s-1"}
TOKEN = f"ghp_{made(ALNUM, 36)}"


def scrubbed(event: Event, mode: ContentMode) -> Event:
    return Scrubber(mode, KEY)(event)


def digest(text: bytes) -> str:
    return hmac.new(KEY, text, hashlib.sha256).hexdigest()[:16]


def texts_of(kind: str) -> Iterator[str]:
    """The fields of an event that take any text."""
    for name, field in fields_of(kind).items():
        if isinstance(field.limits, Size):
            yield name


def event_with(kind: str, text: dict[str, str]) -> Event:
    """An event of this kind with these texts in it, and the least of what else it needs."""
    form: dict[str, Any] = {"type": kind}
    for name, field in fields_of(kind).items():
        if name in text:
            form[name] = text[name]
        elif field.required:
            form[name] = least(field.type, name)
    return from_json(form)


def least(hint: Any, name: str) -> object:
    if get_origin(hint) is Literal:
        return hint.__args__[0]
    return {str: "x", bool: True, int: BEGIN if name == "at" else 0}[hint]


PLACES = [(kind, field) for kind in TYPES for field in texts_of(kind)]


@pytest.mark.parametrize("mode", ["off", "redacted"])
@pytest.mark.parametrize(("kind", "field"), PLACES)
def test_no_planted_secret_leaves(kind: str, field: str, mode: ContentMode) -> None:
    for planted in PLANTED:
        told = scrubbed(event_with(kind, {field: f"x {planted.text} y"}), mode)
        assert planted.secret not in json.dumps(to_json(told), ensure_ascii=False)
        assert not any(planted.secret in str(value) for value in to_json(told).values())
        assert scrubbed(told, mode) == told
        assert from_json(to_json(told)) == told


@pytest.mark.parametrize("mode", ["off", "redacted"])
@pytest.mark.parametrize(("kind", "field"), PLACES)
def test_no_home_directory_leaves(kind: str, field: str, mode: ContentMode) -> None:
    for path, _ in HOMES:
        told = scrubbed(event_with(kind, {field: f"{path}/annlovelace"}), mode)
        assert not any("annlovelace" in str(value) and "/home" in str(value) for value in to_json(told).values())


@pytest.mark.parametrize("kind", TYPES)
def test_in_mode_off_there_is_no_content(kind: str) -> None:
    event = event_with(kind, dict.fromkeys(texts_of(kind), "words-of-somebody"))
    told = to_json(scrubbed(event, "off"))
    assert told.keys().isdisjoint({"text", "error"})
    kept = {name: value for name, value in to_json(event).items() if name not in {"text", "error"}}
    size = {"size": 17} if kind == "message_sent" else {}
    assert told == {**kept, **size}


@pytest.mark.parametrize("kind", TYPES)
def test_in_mode_full_everything_is_as_it_came(kind: str) -> None:
    event = event_with(kind, dict.fromkeys(texts_of(kind), f"/home/ann {TOKEN}"))
    told = scrubbed(event, "full")
    assert told == (replace(event, size=len(f"/home/ann {TOKEN}")) if isinstance(event, MessageSent) else event)


@pytest.mark.parametrize("mode", ["off", "redacted", "full"])
def test_what_has_nothing_to_hide_is_the_same_event(mode: ContentMode) -> None:
    event = StatusChanged(**WHO, terminal="t-1", status="working")
    assert scrubbed(event, mode) is event


def test_every_field_has_its_treatment() -> None:
    fields = {name: field for kind in TYPES for name, field in fields_of(kind).items()}
    assert TREATMENTS.keys() == fields.keys()
    facts = {name for name, treatment in TREATMENTS.items() if treatment == "fact"}
    assert facts == {name for name, field in fields.items() if not isinstance(field.limits, Size)}


def sent(text: str | None, **known: Any) -> MessageSent:
    return MessageSent(**WHO, message="m-1", mode="handoff", receiver="t-2", text=text, **known)


@pytest.mark.parametrize("mode", ["off", "redacted", "full"])
def test_a_message_is_measured_as_it_came(mode: ContentMode) -> None:
    text = f"ä {TOKEN}"
    told = scrubbed(sent(text), mode)
    left = {"off": None, "redacted": "ä [redacted: github token]", "full": text}[mode]
    assert told == replace(sent(text), size=43, digest=digest(text.encode()), text=left)


@pytest.mark.parametrize("mode", ["off", "redacted", "full"])
def test_what_the_source_measured_stays(mode: ContentMode) -> None:
    told = scrubbed(sent("cut ...", size=4_000, digest="9f86d081"), mode)
    assert told == replace(sent("cut ...", size=4_000, digest="9f86d081"), text=None if mode == "off" else "cut ...")


def test_a_message_without_text_is_not_measured() -> None:
    event = sent(None)
    assert scrubbed(event, "off") is event


def test_an_empty_message_is_measured() -> None:
    assert scrubbed(sent(""), "redacted") == replace(sent(""), size=0, digest=digest(b""))


def test_what_is_no_unicode_is_scrubbed_too() -> None:
    told = scrubbed(sent(f"\ud800 {TOKEN}"), "redacted")
    assert isinstance(told, MessageSent)
    assert (told.text, told.size) == ("\ud800 [redacted: github token]", 47)


def test_another_key_is_another_digest() -> None:
    one, other = (Scrubber("off", key)(sent("yes")) for key in (b"one", b"other"))
    assert isinstance(one, MessageSent)
    assert isinstance(other, MessageSent)
    assert one.digest != other.digest


def test_an_error_is_content() -> None:
    event = TerminalEnded(**WHO, terminal="t-1", reason="failed", error=f"401 for {TOKEN} in /home/ann/src")
    assert scrubbed(event, "redacted") == replace(event, error="401 for [redacted: github token] in ~/src")
    assert scrubbed(event, "off") == replace(event, error=None)


def test_a_name_keeps_what_is_no_secret() -> None:
    event = TerminalStarted(
        **WHO, terminal="t-1", agent="ann@example.com's dev", cwd="/home/ann/src", window="dev-1a2b"
    )
    told = replace(event, agent="[redacted: e-mail]'s dev", cwd="~/src")
    assert [scrubbed(event, mode) for mode in ("off", "redacted", "full")] == [told, told, event]


def test_a_name_that_grew_is_still_an_event_s() -> None:
    event = Notice(at=BEGIN, source="s", instance="i", name="a@b.co " * 36)
    told = scrubbed(event, "off")
    assert isinstance(told, Notice)
    assert told.name == ("[redacted: e-mail] " * 36)[:256]
    assert from_json(to_json(told)) == told
    assert scrubbed(told, "off") == told


IDS = [name for name, treatment in TREATMENTS.items() if treatment == "id"]


def test_an_id_with_a_secret_is_another_one_and_the_same_everywhere() -> None:
    secret = f"inbox-{TOKEN}"
    instead = f"redacted-{digest(b'id ' + secret.encode())}"
    for kind in TYPES:
        for field in set(IDS) & set(texts_of(kind)):
            told = scrubbed(event_with(kind, {"id": "e-1", field: secret}), "redacted")
            assert getattr(told, field) == instead
    # It is no digest of a text: a message of these words would give away that they are somebody's id.
    assert instead != f"redacted-{digest(secret.encode())}"


def test_ids_are_told_apart() -> None:
    tokens = [f"ghp_{made(ALNUM, 36)}" for _ in range(100)]
    scrub = Scrubber("off", KEY)
    told = [scrub(StatusChanged(**WHO, terminal=token, status="ready")) for token in tokens]
    assert len({event.terminal for event in told if isinstance(event, StatusChanged)}) == 100


@pytest.mark.parametrize(
    "uid",
    [
        "3f2a1b2c",
        "cao-s1@2026-11-20",
        "%3",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "task-3f2504e04f8911d39a0c0305e82c3301",
        "wf:build:2",
    ],
)
def test_an_id_without_a_secret_stays(uid: str) -> None:
    event = DelegationEnded(at=BEGIN, source=uid, instance=uid, session=uid, worker=uid, outcome="completed", id=uid)
    assert scrubbed(event, "off") is event


@given(st.text(min_size=1, max_size=60), st.sampled_from(["off", "redacted"]))
def test_any_id_is_scrubbed_once(uid: str, mode: ContentMode) -> None:
    told = scrubbed(StatusChanged(**WHO, terminal=uid, status="ready"), mode)
    assert scrubbed(told, mode) == told


def test_no_id_tells_whether_a_text_was_guessed() -> None:
    said, again = (notice_of("a word", KEY) for _ in range(2))
    assert said.id == again.id
    assert said.id != Notice(at=1, source="s", instance="i", session="u", name="n", text="a word").id
    assert notice_of("a word", b"another key").id != said.id != notice_of("b word", KEY).id


def notice_of(text: str, key: bytes) -> Event:
    return Scrubber("off", key)(Notice(at=1, source="s", instance="i", session="u", name="n", text=text))
