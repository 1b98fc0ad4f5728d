"""The bodies of requests: as large as they may be, and unpacked."""

from __future__ import annotations

import zlib
from typing import Final

from handspan.hub.answers import Refusal

# What a collector takes over HTTP by default; OTLP clients stay far below it.
MOST_BYTES: Final = 20 * 1024 * 1024
# The container that zlib is to expect: gzip's, or its own.
_WINDOWS: Final = {"gzip": 31, "deflate": 15}


def too_large() -> Refusal:
    return Refusal(413, f"a request may have {MOST_BYTES} bytes, unpacked: send less at once")


def unpacked(body: bytes, encoding: str) -> bytes:
    """A body as it was before its content encoding. Raises Refusal; a bomb is never unpacked whole."""
    if encoding in {"", "identity"}:
        return body
    if encoding not in _WINDOWS:
        raise Refusal(415, "a body may be packed with gzip or deflate")
    pieces: list[bytes] = []
    left = MOST_BYTES + 1
    while body and left > 0:
        unpacking = zlib.decompressobj(_WINDOWS[encoding])
        try:
            pieces.append(unpacking.decompress(body, left))
        except zlib.error as error:
            raise Refusal(400, f"the body is not {encoding}: {error}") from error
        left -= len(pieces[-1])
        if not unpacking.eof and left > 0:
            raise Refusal(400, f"the body is not {encoding}: it ends too early")
        # What follows is another member of the same file.
        body = unpacking.unused_data
    if left <= 0:
        raise too_large()
    return b"".join(pieces)
