from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from handspan import names
from handspan.engine.again import Retried
from handspan.engine.drain import Moved
from handspan.spool.rejected import Rejected
from handspan.testing import SECOND, Story
from tests.engine.desks import TOLD, desk
from tests.engine.places import BOTH, Taking, record

if TYPE_CHECKING:
    from pathlib import Path

    from handspan.events import Event


def overwrite(file: Path) -> None:
    """Damage that SQLite finds when it reads: every page but the first, and what waits in the WAL."""
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as pages:
        pages.seek(4096)
        pages.write(b"\xa5" * (file.stat().st_size - 4096))


def test_damage_found_while_it_runs_sets_the_file_aside_and_open_sessions_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(tmp_path) as made:
        made.tell(*Story("before").session().events)
        made.closing.ask(5)
        made.worker.end()
    with desk(tmp_path) as made:
        made.tell(*TOLD)
        overwrite(made.file)
        made.clock.advance(1)
        made.tell(*Story().at(1).terminal("u").events)
        assert [log.attributes["handspan.span.name"] for log in made.heard[3:]] == ["terminal u", "boot u"]
        assert caplog.messages == [
            f"{made.file} is damaged (database disk image is malformed). It is kept as {made.file}.unusable-1, and a new one was begun."
        ]
        assert made.rows("SELECT count(*) FROM outbox") == [(2,)]
        # What the batch did is in the checkpoint, and must not be done again.
        assert made.rows("SELECT count(*) FROM journal") == [(0,)]
        before = made.counts(names.EVENTS)
    with desk(tmp_path) as made:
        assert made.rows("SELECT uid FROM sessions") == [("before",), ("s",)]
        assert before == {"story, session_started": 2, "story, terminal_started": 2} == made.counts(names.EVENTS)


def test_a_place_in_a_file_that_was_set_aside_is_none_in_its_successor(tmp_path: Path) -> None:
    with desk(tmp_path, {"d": Taking(kinds=BOTH)}) as made:
        made.tell(*TOLD)
        overwrite(made.file)
        # Said by a request that was on its way when the damage was found.
        late = Moved(destination="d", kind="logs", seq=5_000, taken=3)
        made.tell(*Story().terminal("u").events)
        made.worker.departures.stop()
        made.inbox.tell(late)
        made.turn()
        assert made.spool.places()["d", "logs"] < 5_000


def test_what_was_sent_again_out_of_a_file_that_was_set_aside_is_no_other_in_its_successor(tmp_path: Path) -> None:
    poison = Rejected(destination="d", record=record("new"), why="400")
    with desk(tmp_path, {"d": Taking()}) as made:
        made.tell(*TOLD)
        overwrite(made.file)
        made.inbox.tell(Moved(destination="d", kind="logs", seq=1, rejected=(poison,)))
        made.inbox.tell(Retried(destination="d", kind="logs", outcomes={1: None}))
        made.tell(*Story().terminal("u").events)
        assert len(list(made.setup.folder.glob("*unusable-1"))) == 1
        assert made.rows("SELECT id, body FROM rejected") == [(1, b"new")]


def test_rows_that_make_no_sense_set_the_file_aside_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(tmp_path) as made:
        made.tell(*TOLD)
        with closing(sqlite3.connect(made.file)) as db, db:
            db.execute("UPDATE journal SET steps = 'no JSON'")
    with desk(tmp_path) as made:
        made.tell(*TOLD)
        assert len(made.heard) == 3
    assert "unusable-1" in caplog.text


def test_a_commit_that_fails_is_tried_again_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with desk(tmp_path) as made, closing(sqlite3.connect(made.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        made.closing.ask(0.3)
        future = made.inbox.submit(TOLD)
        made.worker.turn()
        with pytest.raises(RuntimeError, match="not committed"):
            future.result(0)
        assert made.worker.lost == 2
        assert made.heard == []
    assert caplog.messages == [f"{made.file} can't be written (database is locked). What happens waits in memory."]


def test_recovery_is_bounded_by_checkpoints(tmp_path: Path) -> None:
    def sessions(first: int) -> list[Event]:
        return [event for n in range(first, first + 400) for event in Story(f"s{n}").session().terminal("t").events]

    with desk(tmp_path) as made:
        for first, journal in ((0, 1), (400, 2), (800, 0), (1_200, 1)):
            made.tell(*sessions(first))
            assert made.rows("SELECT count(*) FROM journal") == [(journal,)]
        assert made.rows("SELECT count(*) FROM sessions") == [(1_200,)]


def test_what_is_lost_to_a_bound_is_counted_and_a_destination_of_the_past_holds_nothing_back(tmp_path: Path) -> None:
    with desk(tmp_path, spool_age=60 * SECOND) as made:
        made.spool.expect([("gone", "logs")])
        made.tell(*TOLD)
        made.clock.advance(61)
        vars(vars(made.worker)["_keeper"])["_trimmed"] = 0.0
        made.turn()
        made.turn()
        assert made.counts(names.EXPORTED) == {"gone, logs, lost": 3}
        assert made.spool.places() == {}


# --- sessions that can't be read -------------------------------------------------------------------------------------


def other_version(file: Path, uid: str) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE sessions SET form = json_set(form, '$.version', 99) WHERE uid = ?", (uid,))


def test_a_dump_of_another_version_ends_its_session_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with desk(tmp_path) as made:
        made.tell(*TOLD, *Story("lost").session().terminal("l").events)
        made.closing.ask(5)
        made.worker.end()
        made.tell(*Story("lost").terminal("m").events)
        other_version(made.file, "lost")
    for _ in range(2):
        with desk(tmp_path) as made:
            # Counted once, and not again at the next start.
            assert made.counts(names.SESSIONS_ENDED) == {"story, unknown": 1}
            assert made.rows("SELECT uid FROM sessions") == [("s",)]
            assert made.rows("SELECT uid FROM ended") == [("lost",)]
            # What is said of it later begins no session under the ids of spans that have left.
            made.tell(*Story("lost").at(1).terminal("n").events, *Story().at(1).terminal("u").events)
            assert [log.attributes["handspan.span.name"] for log in made.heard] in (["terminal u", "boot u"], [])
    assert caplog.messages == [
        "What was written down of 1 sessions can't be read by this version of Handspan: nothing more is told of them. (lost)"
    ]
    assert sorted(path.name for path in made.setup.folder.glob("*unusable*")) == []
