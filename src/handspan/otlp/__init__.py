"""OTLP: signals to the bytes of export requests, and back. Outside this package nobody sees more of it than bytes."""

from handspan.otlp.encoding import Encoder
from handspan.otlp.reading import read
from handspan.otlp.requests import Kind, Record, framed_size, request

__all__ = ["Encoder", "Kind", "Record", "framed_size", "read", "request"]
