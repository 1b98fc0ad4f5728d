from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from handspan import otlp
from handspan.hub.into_record import IntoRecord
from handspan.hub.record import Record
from handspan.senders import Done, Retry
from tests.spooled import record

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_sent_is_kept_as_a_request(tmp_path: Path) -> None:
    with contextlib.closing(Record(tmp_path / "record.db")) as kept:
        sender = IntoRecord(kept)
        records = [record("a"), record("b", about="another")]
        assert sender.send("traces", records) == Done()
        assert [entry[2:] for entry in kept.after(0, 9)] == [("traces", "protobuf", otlp.request(records))]
        sender.close()
        assert kept.append("logs", "json", b"{}").result(5) == 2


def test_what_can_t_be_kept_is_kept_later(tmp_path: Path) -> None:
    with contextlib.closing(Record(tmp_path / "record.db")) as kept:
        with contextlib.closing(sqlite3.connect(kept.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert IntoRecord(kept).send("traces", [record("a")]) == Retry("database is locked")
        assert kept.after(0, 9) == []
