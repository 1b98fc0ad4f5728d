"""Ids are derived, never drawn: whoever knows a session's uid and a terminal's id can compute the parent of its spans.

    H(x, ...)      SHA-256 of the compact UTF-8 JSON array ["handspan", x, ...]
    trace id       the first 16 bytes of H("trace", uid, part)
    span id        the first  8 bytes of H("span", uid, kind, key), from part 2 on H("span", uid, kind, key, part)
    log record     all of                H("log", uid, part, event name, key, revision)

An id of zeros means "none" to OpenTelemetry, so it gets its last bit set.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _hash(*parts: object) -> str:
    # A source inside the process may hand over text that is no valid Unicode; an id of it must not fail.
    return hashlib.sha256(_encode(["handspan", *parts]).encode("utf-8", "backslashreplace")).hexdigest()


def _not_zero(hex_id: str) -> str:
    return hex_id if hex_id.strip("0") else hex_id[:-1] + "1"


# A span's id is asked for each time something is said of it: some ten times, half of the rules' time before this cache.
@lru_cache(maxsize=4_096)
def trace_id(uid: str, part: int = 1) -> str:
    return _not_zero(_hash("trace", uid, part)[:32])


def span_id(uid: str, kind: str, key: str | Sequence[str | int], part: int = 1) -> str:
    return _span_id(uid, kind, key if isinstance(key, str) else tuple(key), part)


@lru_cache(maxsize=16_384)
def _span_id(uid: str, kind: str, key: str | tuple[str | int, ...], part: int) -> str:
    parts = ("span", uid, kind, key) if part == 1 else ("span", uid, kind, key, part)
    return _not_zero(_hash(*parts)[:16])


def log_uid(uid: str, part: int, name: str, key: str | Sequence[str | int], revision: int = 1) -> str:
    return _hash("log", uid, part, name, key, revision)
