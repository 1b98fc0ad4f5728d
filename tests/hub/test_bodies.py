from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from handspan.hub import bodies
from handspan.hub.answers import Refusal
from handspan.hub.bodies import MOST_BYTES

BODY = b"said " * 1_000


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY[:5]) + gzip.compress(BODY[5:]), "gzip"),
        (zlib.compress(BODY), "deflate"),
    ],
)
def test_a_body_as_it_was(body: bytes, encoding: str) -> None:
    assert bodies.unpacked(body, encoding) == BODY


def test_nothing_packed_is_nothing() -> None:
    assert bodies.unpacked(gzip.compress(b""), "gzip") == bodies.unpacked(b"", "gzip") == b""


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (BODY, "gzip", 400),
        (gzip.compress(BODY)[:-9], "gzip", 400),
        (gzip.compress(BODY) + b"more", "gzip", 400),
        (BODY, "br", 415),
        (BODY, "gzip, gzip", 415),
    ],
)
def test_what_can_t_be_unpacked(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(Refusal) as refusal:
        bodies.unpacked(body, encoding)
    assert refusal.value.status == status


@pytest.mark.parametrize("most", [MOST_BYTES])
def test_the_limit_is_what_it_says(most: int) -> None:
    assert len(bodies.unpacked(gzip.compress(b"x" * most, 1), "gzip")) == most
    for body in (gzip.compress(b"x" * (most + 1), 1), gzip.compress(b"x" * most, 1) + gzip.compress(b"x", 1)):
        with pytest.raises(Refusal, match="may have 20971520 bytes") as refusal:
            bodies.unpacked(body, "gzip")
        assert refusal.value.status == 413


def test_a_bomb_is_never_unpacked_whole() -> None:
    packing = zlib.compressobj(9)
    bomb = b"".join(packing.compress(bytes(16 * 1024 * 1024)) for _ in range(32)) + packing.flush()
    tracemalloc.start()
    try:
        with pytest.raises(Refusal):
            bodies.unpacked(bomb, "deflate")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * MOST_BYTES
