from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from handspan.commands import Failure
from handspan.commands.spool_status import pages
from handspan.commands.spool_visit import visiting
from handspan.events import to_json
from handspan.spool import Batch, Spool, bounds, rejected
from handspan.spool.rejected import Rejected
from handspan.testing import BEGIN, SECOND, Story
from tests.commands.spools import environment
from tests.spooled import record

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

MIB = 2**20


@pytest.fixture
def spool(tmp_path: Path) -> Generator[Spool]:
    """A spool with something of everything, held by this process."""
    made = Spool(tmp_path / "cao-1")
    made.expect([("otlp", "traces"), ("otlp", "logs"), ("callback", "logs")])
    steps = json.dumps([to_json(event) for event in Story("a").session().events + Story("b").session().events])
    poison = [Rejected(destination=name, record=record("x", "logs"), why="400") for name in ("otlp", "otlp", "gone")]
    made.commit(Batch(at=BEGIN, records=[("s", record("1"))], steps=steps, rejected=poison))
    made.commit(Batch(at=BEGIN + SECOND, records=[("s", record("2", "logs")), ("s", record("3", "logs"))]))
    made.commit(Batch(at=BEGIN + SECOND, places={("otlp", "logs"): 2}))
    with visiting(tmp_path / "cao-1", writes=True) as db:
        rejected.ask_again(db, [2])
    (tmp_path / "cao-1" / "spool.db.unusable-2").write_bytes(b"x" * (3 * MIB))
    yield made
    made.close()


def used(folder: Path) -> int:
    with visiting(folder) as db:
        return bounds.used(db)


def said(state_dir: Path, *, as_json: bool = False, **more: str) -> list[str]:
    return list(pages({**environment(state_dir), **more}, as_json=as_json))


def test_a_page_about_a_spool_that_is_in_use(tmp_path: Path, spool: Spool) -> None:
    (page,) = said(tmp_path, HANDSPAN_SPOOL_MAX_BYTES="1GiB")
    assert page.splitlines() == [
        "cao-1",
        f"  file            {tmp_path}/cao-1/spool.db",
        f"  used by         process {os.getpid()}",
        "  open sessions   2",
        f"  holds           {used(tmp_path / 'cao-1') / MIB:.1f} MiB of 1,024.0 MiB",
        "  oldest          waits since 2026-11-20 10:00:00 UTC",
        "  callback logs   2 records waiting since 2026-11-20 10:00:01 UTC",
        "  gone logs       nothing waits, 1 rejected",
        "  otlp logs       1 record waiting since 2026-11-20 10:00:01 UTC, 2 rejected, 1 of these to be sent again",
        "  otlp traces     1 record waiting since 2026-11-20 10:00:00 UTC",
        f"  set aside       {tmp_path}/cao-1/spool.db.unusable-2, 3.0 MiB",
    ]


def test_the_same_as_json_and_nobody_uses_it(tmp_path: Path, spool: Spool) -> None:
    spool.close()
    (line,) = said(tmp_path, as_json=True)
    nothing = {"waiting": 0, "since": None, "rejected": 0, "again": 0}
    later = {"waiting": 1, "since": BEGIN + SECOND}
    assert json.loads(line) == {
        "spool": "cao-1",
        "path": f"{tmp_path}/cao-1/spool.db",
        "held_by": None,
        "open_sessions": 2,
        "bytes": used(tmp_path / "cao-1"),
        "most_bytes": 512 * MIB,
        "oldest": BEGIN,
        "queues": [
            {**nothing, **later, "destination": "callback", "kind": "logs", "waiting": 2},
            {**nothing, "destination": "gone", "kind": "logs", "rejected": 1},
            {**nothing, **later, "destination": "otlp", "kind": "logs", "rejected": 2, "again": 1},
            {**nothing, "destination": "otlp", "kind": "traces", "waiting": 1, "since": BEGIN},
        ],
        "set_aside": [{"path": f"{tmp_path}/cao-1/spool.db.unusable-2", "bytes": 3 * MIB}],
    }


def test_to_look_changes_nothing(tmp_path: Path, spool: Spool) -> None:
    before = used(tmp_path / "cao-1"), spool.recover()
    said(tmp_path)
    assert (used(tmp_path / "cao-1"), spool.recover()) == before
    spool.commit(Batch(at=BEGIN, steps="[]"))


def test_a_spool_that_can_t_be_read_hides_no_other(tmp_path: Path, spool: Spool) -> None:
    for name in ("a-bad", "z-bad"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spool.db").write_text("no database")
    told = pages(environment(tmp_path), as_json=True)
    assert json.loads(next(told))["spool"] == "cao-1"
    with pytest.raises(Failure, match=r"a-bad/spool\.db can't be used .*z-bad/spool\.db can't be used"):
        next(told)


def test_a_journal_that_makes_no_sense_is_damage(tmp_path: Path, spool: Spool) -> None:
    spool.close()
    with closing(sqlite3.connect(spool.path)) as db, db:
        db.execute("UPDATE journal SET steps = 'no JSON'")
    with pytest.raises(Failure, match=r"spool\.db can't be used \(Expecting value"):
        said(tmp_path)


def test_a_name_that_a_terminal_would_obey_is_written_out(tmp_path: Path) -> None:
    Spool(tmp_path / "a\x1b[2J").close()
    assert said(tmp_path)[0].startswith("a\\x1b[2J\n")


def test_where_there_is_none(tmp_path: Path) -> None:
    (line,) = said(tmp_path)
    assert line == (
        f"{tmp_path} holds no spool. It is made by what tells Handspan of its agents, when that starts;"
        " HANDSPAN_STATE_DIR says where."
    )
    assert said(tmp_path, as_json=True) == []
