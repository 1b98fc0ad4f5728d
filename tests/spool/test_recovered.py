from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from handspan.spool import Batch, Spool, database, recovered
from handspan.spool.recovered import Recovered

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = Recovered(
    sessions={"now": 0, "seen": {}, "ended": {}, "ended_before": {}}, dumps={}, steps=[], metrics=[], positions={}
)


def test_what_was_committed_is_read_while_it_is_in_use(tmp_path: Path) -> None:
    with contextlib.closing(Spool(tmp_path)) as spool, contextlib.closing(database.guest(spool.path)) as db:
        assert recovered.read(db) == NOTHING
        spool.commit(Batch(at=0, steps="[1]", metrics=[("m", "{}", "[0]")], positions={"source": "12"}))
        assert recovered.read(db) == spool.recover()
        assert recovered.read(db).steps == ["[1]"]


def test_a_row_that_is_no_json_is_damage(tmp_path: Path) -> None:
    with contextlib.closing(Spool(tmp_path)) as spool:
        with contextlib.closing(database.guest(spool.path, writes=True)) as db:
            db.execute("INSERT INTO sessions VALUES ('s', 'no JSON')")
        with pytest.raises(database.Unusable, match="Expecting value"):
            spool.recover()
