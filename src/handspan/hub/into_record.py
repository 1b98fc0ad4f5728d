"""The destination of the hub's own engine: what it makes enters the record like any other request."""

from __future__ import annotations

import queue
import sqlite3
from typing import TYPE_CHECKING

from handspan import otlp
from handspan.senders import Done, Retry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handspan.hub.record import Record
    from handspan.otlp import Kind
    from handspan.senders import Answer

# A transaction takes milliseconds; one that has to wait for another program's gives up after a second.
_LONGEST = 10.0


class IntoRecord:
    def __init__(self, record: Record) -> None:
        self.name = "record"
        self.kinds: frozenset[Kind] = frozenset({"traces", "logs", "metrics"})
        self._record = record

    def send(self, kind: Kind, records: Sequence[otlp.Record]) -> Answer:
        try:
            self._record.append(kind, "protobuf", otlp.request(records)).result(_LONGEST)
        except (sqlite3.Error, queue.Full, TimeoutError) as error:
            return Retry(str(error) or "it takes too long")
        return Done()

    def close(self) -> None:
        """The record is others' as well."""
