from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from handspan.otlp import wire


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


signed = st.integers(-(2**63), 2**63 - 1)

# --- each beside a field of its kind in an official message ----------------------------------------------------------


@given(st.binary())
def test_data(content: bytes) -> None:
    assert wire.data(1, content) == Span(trace_id=content).SerializeToString()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_message(text: str) -> None:
    content = AnyValue(string_value=text)
    assert wire.message(2, content.SerializeToString()) == KeyValue(value=content).SerializeToString()


@given(signed)
def test_int64(value: int) -> None:
    assert wire.int64(3, value) == AnyValue(int_value=value).SerializeToString()


@given(signed)
def test_sfixed64(value: int) -> None:
    assert wire.sfixed64(6, value) == Exemplar(as_int=value).SerializeToString()


@given(st.floats())
def test_double(value: float) -> None:
    assert wire.double(4, value) == AnyValue(double_value=value).SerializeToString()


@given(unsigned(32))
def test_uint32(value: int) -> None:
    assert wire.uint32(14, value) == Span(dropped_links_count=value).SerializeToString()


# The tag of field 16 takes two bytes.
@given(unsigned(32))
def test_fixed32(value: int) -> None:
    assert wire.fixed32(16, value) == Span(flags=value).SerializeToString()


@given(unsigned(64))
def test_fixed64(value: int) -> None:
    assert wire.fixed64(11, value) == LogRecord(observed_time_unix_nano=value).SerializeToString()


# --- at the limits ---------------------------------------------------------------------------------------------------


def test_zero_is_written_where_it_says_something() -> None:
    assert (wire.message(1, b""), wire.int64(1, 0)) == (b"\x0a\0", b"\x08\0")
    assert (wire.sfixed64(1, 0), wire.double(1, 0)) == (b"\x09" + bytes(8), b"\x09" + bytes(8))


def test_zero_is_left_out_where_it_says_nothing() -> None:
    assert wire.data(1, b"") == wire.uint32(1, 0) == wire.fixed32(1, 0) == wire.fixed64(1, 0) == b""


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"),
        (0x7F, "7f"),
        (0x80, "8001"),
        (0x3FFF, "ff7f"),
        (0x4000, "808001"),
        (2**64 - 1, "ffffffffffffffffff01"),
    ],
)
def test_a_varint_takes_a_byte_for_seven_bits(number: int, encoded: str) -> None:
    assert wire.varint(number).hex() == encoded
