"""OTLP/JSON lines, to a file or to stdout: each line is one request, as the Collector's `file` exporter writes them.

In OTLP/JSON ids are hex, integers of 64 bits texts, and enums numbers.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from google.protobuf import json_format  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from handspan import otlp
from handspan.senders import Done, Retry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handspan.otlp import Kind, Record

_REQUESTS: dict[Kind, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
_STDOUT = 1
_IDS = {"traceId", "spanId", "parentSpanId"}


class File:
    """Appends to the file at `path`; `-` is stdout."""

    def __init__(self, path: str) -> None:
        self._path = None if path == "-" else Path(path).absolute()
        self.name = f"file {self._path or 'stdout'}"
        self.kinds: frozenset[Kind] = frozenset(_REQUESTS)

    def send(self, kind: Kind, records: Sequence[Record]) -> Done | Retry:
        line = json_line(kind, otlp.request(records))
        try:
            if self._path is None:
                _write(_STDOUT, line)
                _sync(_STDOUT)
            else:
                _append(self._path, line)
        except OSError as error:
            return Retry(f"{self._path or 'stdout'} can't be written: {error.strerror}")
        return Done()

    def close(self) -> None:
        """Nothing is held open between two requests, so that the file may be rotated."""


def json_line(kind: Kind, body: bytes) -> bytes:
    message = _REQUESTS[kind].FromString(body)
    form: object = json_format.MessageToDict(message, use_integers_for_enums=True)
    return json.dumps(_with_hex_ids(form), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _with_hex_ids(form: object) -> object:
    # Attributes are lists of `key` and `value`, so a name in a form is always one of OTLP's.
    if isinstance(form, list):
        return [_with_hex_ids(each) for each in cast("list[object]", form)]
    if isinstance(form, dict):
        fields = cast("dict[str, object]", form)
        return {name: _hex(value) if name in _IDS else _with_hex_ids(value) for name, value in fields.items()}
    return form


def _hex(value: object) -> str:
    return base64.b64decode(str(value)).hex()


def _append(path: Path, line: bytes) -> None:
    # Telemetry tells what people work on: the file is theirs alone.
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        state = os.fstat(file)
        whole = not stat.S_ISREG(state.st_mode) or state.st_size == 0 or os.pread(file, 1, state.st_size - 1) == b"\n"
        try:
            # A line that a crash tore stays alone with its damage.
            _write(file, line if whole else b"\n" + line)
        except OSError:
            if stat.S_ISREG(state.st_mode):
                os.ftruncate(file, state.st_size)
            raise
        _sync(file)
    finally:
        os.close(file)


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _sync(file: int) -> None:
    try:
        os.fsync(file)
    except OSError as error:
        # A pipe or a terminal keeps nothing.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EROFS}:
            raise
