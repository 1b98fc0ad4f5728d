"""The wire format of Protocol Buffers, written: the shapes of field that OTLP's messages are made of.

A field is a tag (its number, and how its value is written) and a value. Messages, texts and ids say their length first.
Equal messages are equal bytes if their fields follow each other in the order of their numbers.
"""

from __future__ import annotations

import struct
from typing import Final

# The largest field number in OTLP is 16.
_NUMBERS: Final = range(17)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _tags(shape: int) -> tuple[bytes, ...]:
    return tuple(_varint(number << 3 | shape) for number in _NUMBERS)


_VARINT, _FIXED64, _DELIMITED, _FIXED32 = map(_tags, (0, 1, 2, 5))
# Most lengths are one of these, and looked up in a third of the time.
_SHORT: Final = tuple(map(_varint, range(0x80)))

_fixed32: Final = struct.Struct("<I").pack
_fixed64: Final = struct.Struct("<Q").pack
_sfixed64: Final = struct.Struct("<q").pack
_double: Final = struct.Struct("<d").pack


def varint(number: int) -> bytes:
    return _SHORT[number] if number < 0x80 else _varint(number)


# --- written whatever the value is: messages, and the numbers of which a message has one or another -------------------


def message(field: int, content: bytes) -> bytes:
    return _DELIMITED[field] + varint(len(content)) + content


def int64(field: int, value: int) -> bytes:
    # A negative number is the two's complement in 64 bits.
    return _VARINT[field] + varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def sfixed64(field: int, value: int) -> bytes:
    return _FIXED64[field] + _sfixed64(value)


def double(field: int, value: float) -> bytes:
    return _FIXED64[field] + _double(value)


# --- left out where there is nothing to say ---------------------------------------------------------------------------


def data(field: int, content: bytes) -> bytes:
    return message(field, content) if content else b""


def uint32(field: int, value: int) -> bytes:
    return _VARINT[field] + varint(value) if value else b""


def fixed32(field: int, value: int) -> bytes:
    return _FIXED32[field] + _fixed32(value) if value else b""


def fixed64(field: int, value: int) -> bytes:
    return _FIXED64[field] + _fixed64(value) if value else b""
