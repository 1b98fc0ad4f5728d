from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from handspan import names
from handspan.ids import log_uid, span_id, trace_id

if TYPE_CHECKING:
    import pytest


def sha(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def test_a_trace_id_is_the_beginning_of_a_hash() -> None:
    assert trace_id("run-7@2026-11-20") == "ce69d688d2f2fc5bfceb6d293c150907"
    assert trace_id("run-7@2026-11-20") == sha(b'["handspan","trace","run-7@2026-11-20",1]')[:32]
    assert trace_id("s", 2) == "b91e067d07070e0560b7ae6a5458fbbc" == sha(b'["handspan","trace","s",2]')[:32]


def test_a_span_id_is_the_beginning_of_a_hash() -> None:
    assert span_id("s", "session", "") == "3f0b7f5c5e6f4fd5" == sha(b'["handspan","span","s","session",""]')[:16]
    text = '["handspan","span","s","turn",["ä",3]]'.encode()
    assert span_id("s", "turn", ["ä", 3]) == "479f347e0e11a3a0" == sha(text)[:16]


def test_a_part_is_appended_from_the_second_on() -> None:
    assert span_id("s", "turn", ["ä", 3], 1) == "479f347e0e11a3a0"
    text = '["handspan","span","s","turn",["ä",3],2]'.encode()
    assert span_id("s", "turn", ["ä", 3], 2) == "aae5e51a07fc5b4c" == sha(text)[:16]


def test_a_log_record_is_known_by_part_name_key_and_revision() -> None:
    text = '["handspan","log","s",1,"handspan.turn.started",["ä",3],1]'.encode()
    assert (
        log_uid("s", 1, "handspan.turn.started", ["ä", 3])
        == "f320f42315084f53da4534fc063ef2d34c6e420793986f09c0a7c94f49d5ccba"
        == sha(text)
    )
    text = b'["handspan","log","s",2,"handspan.notice","e",7]'
    assert (
        log_uid("s", 2, "handspan.notice", "e", 7)
        == "bb958592ec7ccff363e41052db95f94e0fb077a602e580e598deed927ce1d8a6"
        == sha(text)
    )


def hash_of_zeros(*_: object) -> str:
    return "0" * 64


def hash_with_zeros(*_: object) -> str:
    return "01" + "0" * 62


def test_an_id_of_zeros_gets_its_last_bit_set(monkeypatch: pytest.MonkeyPatch) -> None:
    # No words are known whose hash begins with 16 zeros, so the hash is another one here. Ids are cached: the uid is
    # one that no other test has.
    monkeypatch.setattr("handspan.ids._hash", hash_of_zeros)
    assert trace_id("all zeros") == "00000000000000000000000000000001"
    assert span_id("all zeros", "session", "") == "0000000000000001"


def test_an_id_that_only_ends_in_zeros_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handspan.ids._hash", hash_with_zeros)
    assert trace_id("many zeros") == "01000000000000000000000000000000"
    assert span_id("many zeros", "session", "") == "0100000000000000"


def test_what_is_no_text_still_has_an_id() -> None:
    assert trace_id("\ud800") == "0f3514886953ab14a4ee7bbcbb479d4e" == sha(b'["handspan","trace","\\ud800",1]')[:32]
    # The six characters that it is escaped as are another uid.
    assert trace_id("\ud800") != trace_id("\\ud800")
    assert len(span_id("\udfff", "turn", ["\ud800", 1])) == 16
    assert len(log_uid("\udfff", 1, "handspan.notice", "\ud800")) == 64


def test_ids_of_different_things_differ() -> None:
    ids = [
        *(span_id("s", kind, "t") for kind in names.SPANS),
        *(span_id("s", kind, "t", 2) for kind in names.SPANS),
        *(span_id("z", kind, "t") for kind in names.SPANS),
        span_id("s", names.TURN, ["t", 1]),
        span_id("s", names.TURN, ["t", "1"]),
        span_id("s", names.TURN, ["t1"]),
        span_id("s", names.TURN, "t1"),
        span_id("s", names.TURN, '["t",1]'),
        *(log_uid("s", 1, name, "t")[:16] for name in names.LOG_EVENTS),
        *(trace_id("s", part)[:16] for part in (1, 2, 11)),
        trace_id("s,1")[:16],
    ]
    assert len(set(ids)) == len(ids)
