from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handspan.engine import recovery
from handspan.engine.intake import Intake
from handspan.events import Event, InvalidEvent, from_json, to_json
from handspan.metrics import Book
from handspan.otlp import Encoder
from handspan.rules import Rules
from handspan.sessions import BEHIND, Changes
from handspan.spool import Batch, Spool, database
from handspan.spool.bounds import Lost
from handspan.spool.database import Aside
from handspan.spool.lock import Held
from handspan.spool.rejected import Rejected
from handspan.testing import SECOND, Clock
from tests.spooled import full_disk, record, waiting
from tests.story_strategies import Delivery, garbage, stories

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

_DAY = 86_400 * SECOND
_PLENTY = 2**40
_TABLES = (
    *("meta", "sessions", "journal", "ended", "seen", "positions", "metrics"),
    *("owners", "resources", "outbox", "places", "rejected"),
)
NOTHING = Changes(now=0, seen={}, open={}, ended=[])


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with contextlib.closing(Spool(tmp_path / "spool")) as opened:
        yield opened


def content(spool: Spool) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables that have any."""
    with contextlib.closing(database.reader(spool.path)) as db:
        found = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in _TABLES}  # noqa: S608
    return {table: rows for table, rows in found.items() if rows}


def whole(at: int = 0) -> Batch:
    """A batch that has something of everything."""
    return Batch(
        at=at,
        steps="[1]",
        ids=[b"id"],
        records=[("s", record("span")), ("s", record("log", "logs"))],
        metrics=[("m", "{}", "[0]")],
        positions={"source": "12"},
        places={("otlp", "traces"): 0},
        rejected=[Rejected(destination="otlp", record=record("poison"), why="400")],
        retried={7: None},
    )


WHOLE = {
    "journal": [(1, "[1]")],
    "seen": [(0, b"id")],
    "positions": [("source", "12")],
    "metrics": [("m", "{}", "[0]")],
    "owners": [(1, "s", 0)],
    "outbox": [(1, "traces", 1, 1, b"span", 0), (2, "logs", 1, 1, b"log", 0)],
    "rejected": [(1, "otlp", "traces", b"agent", b"poison", "400", 0, 0)],
    "places": [("otlp", "traces", 0)],
    "resources": [(1, b"agent")],
}


# --- a commit --------------------------------------------------------------------------------------------------------


def test_a_commit_writes_all_of_a_batch(spool: Spool) -> None:
    spool.commit(whole())
    assert content(spool) == WHOLE


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Batch) if f.name != "at"])
def test_a_batch_with_anything_in_it_is_worth_a_commit(field: str) -> None:
    assert Batch(at=1, **{field: getattr(whole(), field)})
    assert not Batch(at=1)


def test_a_commit_that_fails_writes_nothing_and_may_be_repeated(spool: Spool) -> None:
    batch = whole()
    # The last but one that is written; an event's id that is there already is no fault.
    batch.rejected.append(Rejected(destination="otlp", record=record(""), why=None))  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        spool.commit(batch)
    assert content(spool) == {}
    del batch.rejected[1]
    spool.commit(batch)
    assert content(spool) == WHOLE


def test_a_fault_of_another_kind_loses_nothing_that_follows(spool: Spool) -> None:
    batch = whole()
    batch.positions = {"source": "\ud800"}
    with pytest.raises(UnicodeEncodeError):
        spool.commit(batch)
    spool.commit(dataclasses.replace(batch, positions={}))
    assert waiting(spool.path) == ["span"]


@pytest.mark.parametrize("room", [0, 4096, 40_000, 100_000])
def test_on_a_full_disk_a_batch_is_written_when_there_is_room_again(spool: Spool, room: int) -> None:
    spool.commit(Batch(at=0, records=[("s", record("before"))]))
    large = random.Random(room).randbytes(200_000).hex()
    batch = Batch(at=0, steps="[1]", ids=[b"id"], records=[("s", record("a")), ("t", record(large, about="other"))])
    for _ in range(3):
        with full_disk(room), pytest.raises(sqlite3.OperationalError) as raised:
            spool.commit(batch)
        assert not database.is_damage(raised.value)
        assert not spool.known(b"id", 0)
        assert waiting(spool.path) == ["before"]
    spool.commit(batch)
    assert waiting(spool.path) == ["before", "a", large]
    assert spool.recover().steps == ["[1]"]


def test_a_checkpoint_and_a_trim_on_a_full_disk_can_be_repeated(spool: Spool) -> None:
    spool.commit(whole())
    spool.commit(Batch(at=0, places={("otlp", "traces"): 2}))
    changes = dataclasses.replace(NOTHING, open={"s": {"text": random.Random(0).randbytes(100_000).hex()}})
    with full_disk(0):
        for write in (lambda: spool.checkpoint(changes, 0), lambda: spool.trim(0, _PLENTY, _DAY)):
            with pytest.raises(sqlite3.OperationalError):
                write()
    assert spool.recover().steps == ["[1]"]
    spool.checkpoint(changes, 0)
    spool.trim(0, _PLENTY, _DAY)
    assert (spool.recover().steps, waiting(spool.path)) == ([], [])


# --- what was there before -------------------------------------------------------------------------------------------


def test_an_event_is_known_for_a_day_over_restarts_and_not_after_two(tmp_path: Path) -> None:
    morning = 20_000 * _DAY
    with contextlib.closing(Spool(tmp_path)) as spool:
        assert not spool.known(b"id", morning)
        spool.commit(Batch(at=morning, ids=[b"id"]))
    with contextlib.closing(Spool(tmp_path)) as spool:
        days = [spool.known(b"id", morning + days * _DAY) for days in (0, 1, 2)]
        assert days == [True, True, False]
        assert spool.known(b"id", morning + 2 * _DAY - 1)
        assert not spool.known(b"other", morning)


def test_what_is_no_repeat_any_more_is_removed(spool: Spool) -> None:
    for day in (1, 2, 3):
        spool.commit(Batch(at=day * _DAY, ids=[b"id"]))
    spool.checkpoint(NOTHING, 3 * _DAY)
    assert content(spool)["seen"] == [(2, b"id"), (3, b"id")]


def test_a_checkpoint_replaces_the_journal(spool: Spool) -> None:
    spool.commit(whole())
    spool.checkpoint(Changes(now=5, seen={"e": 4}, open={"b": {"uid": "b"}, "a": {"uid": "a"}}, ended=[]), 0)
    spool.commit(Batch(at=0, steps="[6]"))
    spool.commit(Batch(at=0, steps="[7]"))
    spool.checkpoint(Changes(now=9, seen={}, open={"b": {"uid": "b", "more": "ü"}}, ended=["a", "short"]), _DAY)
    spool.commit(Batch(at=0, steps="[10]"))
    kept = spool.recover()
    assert kept.sessions == {
        "now": 9,
        "seen": {},
        "ended": {"a": 1, "short": 1},
        "ended_before": {},
    }
    assert kept.dumps == {"b": {"uid": "b", "more": "ü"}}
    assert (kept.steps, kept.metrics, kept.positions) == (["[10]"], [("m", "{}", "[0]")], {"source": "12"})


def test_of_sessions_that_are_over_so_many_are_remembered_and_kept(spool: Spool) -> None:
    for day, number in ((1, 2), (2, 49_999), (3, 1)):
        ended = [f"{day}-{n}" for n in range(number)]
        spool.checkpoint(dataclasses.replace(NOTHING, ended=ended), day * _DAY)
    assert spool.recover().sessions["ended"] == {**{f"2-{n}": 2 for n in range(49_999)}, "3-0": 3}
    assert len(content(spool)["ended"]) == 50_000


def test_a_session_that_nobody_can_read_is_over_and_the_journal_stays(spool: Spool) -> None:
    spool.checkpoint(dataclasses.replace(NOTHING, open={"a": {}, "b": {}}), 0)
    spool.commit(Batch(at=0, steps="[6]", records=[("a", record("1")), ("b", record("2"))]))
    spool.end_unread(["a"], [("m", "{}", "[1]")], 3 * _DAY)
    kept = spool.recover()
    assert (kept.sessions["ended"], kept.dumps, kept.steps) == ({"a": 3}, {"b": {}}, ["[6]"])
    assert kept.metrics == [("m", "{}", "[1]")]
    assert content(spool)["owners"] == [(1, "a", 1), (2, "b", 0)]


def test_what_was_sent_again_is_settled_with_all_else(spool: Spool) -> None:
    spool.commit(whole())
    spool.commit(Batch(at=1, rejected=whole().rejected, retried={1: None}))
    spool.commit(Batch(at=2, retried={2: "500"}))
    assert content(spool)["rejected"] == [(2, "otlp", "traces", b"agent", b"poison", "500", 2, 0)]


def test_a_fresh_spool_begins_with_nothing(spool: Spool) -> None:
    kept = spool.recover()
    assert kept.sessions == {"now": 0, "seen": {}, "ended": {}, "ended_before": {}}
    assert (kept.dumps, kept.steps, kept.metrics, kept.positions) == ({}, [], [], {})
    assert spool.set_aside is None


# --- recovery, as a property -----------------------------------------------------------------------------------------

# Small, so that stories of a few dozen events run into limits, and through several parts.
SMALL = Rules(part_spans=12, terminals=4, messages=6, past_turns=2, idle_after=900 * SECOND, stuck_after=5 * SECOND)


class Life:
    """An engine without its threads. It is killed by being left: what it has on the disk by then is all there is."""

    def __init__(self, folder: Path, rules: Rules, clock: Clock) -> None:
        self.folder = folder
        self.spool = Spool(folder)
        kept = self.spool.recover()
        self.intake = Intake(
            sessions=recovery.load(kept, rules)[0],
            book=Book(kept.metrics),
            encoder=Encoder(),
            known=self.spool.known,
            clock=lambda: clock.now,
        )
        for steps in kept.steps:
            self.intake.again(steps)

    def checkpoint(self, at: int) -> None:
        self.spool.checkpoint(self.intake.sessions.changes(), at)
        self.intake.sessions.stored()

    def left(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that ever was to leave, and all that was ever counted."""
        found = content(self.spool)
        return {table: sorted(found.get(table, [])) for table in ("outbox", "metrics", "resources", "seen")}


@contextlib.contextmanager
def lives(rules: Rules, clock: Clock) -> Generator[Callable[[Life | None], Life]]:
    """Makes an engine that goes on with what its predecessor had on the disk at this instant."""
    with tempfile.TemporaryDirectory() as root, contextlib.ExitStack() as closed:
        number = 0

        def following(before: Life | None) -> Life:
            nonlocal number
            number += 1
            folder = Path(root) / str(number)
            if before:
                shutil.copytree(before.folder, folder)
            life = Life(folder, rules, clock)
            closed.callback(life.spool.close)
            return life

        yield following


def told(deliveries: Sequence[Delivery], fates: Sequence[str], rules: Rules) -> dict[str, list[tuple[Any, ...]]]:
    """What leaves by ten seconds after the last event, if that happens to each batch which `fates` says."""
    clock = Clock()
    with lives(rules, clock) as following:
        life = following(None)
        for events, fate in _batches(deliveries, fates):
            clock.now = max([clock.now, *[delivery.now for delivery in events]])
            if fate == "killed before":
                # What is not committed is told again by its source.
                life.intake.take([delivery.event for delivery in events])
                life = following(life)
            batch, _ = life.intake.take([delivery.event for delivery in events])
            if batch:
                life.spool.commit(batch)
            if fate == "checkpoint":
                life.checkpoint(clock.now)
            if fate == "killed after":
                life = following(life)
        clock.advance(10)
        life.spool.commit(life.intake.take([])[0])
        return life.left()


def _batches(deliveries: Sequence[Delivery], fates: Sequence[str]) -> Iterator[tuple[Sequence[Delivery], str]]:
    """As many events together as the length of what befalls them says: some batches are small, and none comes empty."""
    begin = 0
    for n in range(len(deliveries)):
        fate = fates[n % len(fates)]
        size = 1 + n % 4
        if begin < len(deliveries):
            yield deliveries[begin : begin + size], fate
        begin += size


def valid(deliveries: list[Delivery]) -> list[Delivery]:
    """Those that an edge lets in. What is said to be more than a year old is dated to the last tick instead, and a tick
    that caused nothing is not remembered over a kill: of these there are none either."""
    return [each for each in deliveries if each.event.at > each.now - BEHIND + _DAY and not refused(each.event)]


def refused(event: Event) -> bool:
    try:
        from_json(to_json(event))
    except InvalidEvent:
        return True
    return False


_FATES = st.lists(st.sampled_from(["", "checkpoint", "killed before", "killed after"]), min_size=1, max_size=6)


@settings(max_examples=25 * max(1, settings().max_examples // 100))
@given(stories(), _FATES, st.sampled_from([Rules(), SMALL]))
def test_however_often_it_is_killed_the_same_leaves_byte_for_byte(
    events: list[Any], fates: list[str], rules: Rules
) -> None:
    deliveries = [Delivery(event.at, event) for event in events]
    assert told(deliveries, fates, rules) == told(deliveries, [""], rules)


@settings(max_examples=25 * max(1, settings().max_examples // 100))
@given(garbage().map(valid), _FATES)
def test_however_often_it_is_killed_over_garbage_the_same_leaves(deliveries: list[Delivery], fates: list[str]) -> None:
    assert told(deliveries, fates, SMALL) == told(deliveries, [""], SMALL)


# --- damage ----------------------------------------------------------------------------------------------------------


def overwrite(path: Path) -> None:
    """Overwrite all pages but the first, while they are in use."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


def test_a_file_that_breaks_while_it_is_used_is_set_aside_and_another_begun(spool: Spool) -> None:
    spool.commit(Batch(at=0, records=[("s", record("x" * 1_000, about=str(n))) for n in range(5_000)]))
    overwrite(spool.path)
    much = Batch(at=0, records=[(f"t{n}", record("y", about=f"z{n}")) for n in range(100)])
    with pytest.raises(sqlite3.DatabaseError) as raised:
        spool.commit(much)
    assert database.is_damage(raised.value)
    aside = spool.begin_again()
    assert (aside.path.name, aside.path.exists()) == ("spool.db.unusable-1", True)
    spool.commit(whole())
    assert content(spool) == WHOLE


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE sessions SET form = '{\"uid\"'",
        "UPDATE meta SET value = 'x'",
        "UPDATE journal SET steps = CAST(x'ff' AS TEXT)",
        "UPDATE metrics SET state = CAST(x'ff' AS TEXT)",
    ],
)
def test_rows_that_can_t_be_read_are_damage(spool: Spool, damage: str) -> None:
    spool.checkpoint(dataclasses.replace(NOTHING, open={"s": {}}), 0)
    spool.commit(whole())
    with contextlib.closing(sqlite3.connect(spool.path, isolation_level=None)) as db:
        db.execute(damage)
    with pytest.raises(sqlite3.DatabaseError) as raised:
        spool.recover()
    assert database.is_damage(raised.value)
    spool.begin_again()
    assert spool.recover().steps == []


def test_a_file_that_was_unusable_at_the_start_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_text("no database")
    with contextlib.closing(Spool(tmp_path)) as spool:
        assert spool.set_aside == Aside(tmp_path / "spool.db.unusable-1")
        spool.commit(whole())


# --- places and bounds -----------------------------------------------------------------------------------------------


def test_a_destination_gets_what_waits_and_keeps_its_place(tmp_path: Path) -> None:
    with contextlib.closing(Spool(tmp_path)) as spool:
        spool.expect([("old", "traces")])
        spool.commit(Batch(at=0, records=[("s", record("a"))], places={("old", "traces"): 1}))
    with contextlib.closing(Spool(tmp_path)) as spool:
        spool.expect([("old", "traces"), ("fresh", "traces"), ("fresh", "logs")])
        assert spool.places() == {("fresh", "logs"): 0, ("fresh", "traces"): 0, ("old", "traces"): 1}
        assert spool.last_of_kinds() == {"logs": 0, "traces": 1}
        spool.forget("fresh")
        assert spool.places() == {("old", "traces"): 1}


def test_a_session_is_over_with_the_checkpoint_that_says_so(spool: Spool) -> None:
    spool.expect([("dead", "traces")])
    spool.commit(Batch(at=0, records=[("open", record("x" * 100_000)), ("over", record("y" * 300_000))]))
    spool.checkpoint(dataclasses.replace(NOTHING, open={"open": {}}, ended=["over"]), 0)
    assert spool.trim(0, 400_000, _DAY) == [Lost("dead", "traces", 1)]
    assert waiting(spool.path) == ["x" * 100_000]


def test_what_is_written_after_a_trim_can_be_read(spool: Spool) -> None:
    spool.expect([("a", "traces")])
    spool.commit(Batch(at=0, records=[("s", record("1"))]))
    spool.commit(Batch(at=0, places={("a", "traces"): 1}))
    spool.trim(0, _PLENTY, _DAY)
    spool.commit(Batch(at=0, records=[("s", record("2"))]))
    # All that is left has to go, and the rows that it needs with it.
    spool.trim(0, 1, _DAY)
    spool.commit(Batch(at=0, records=[("s", record("3"))]))
    assert waiting(spool.path) == ["3"]


def test_the_file_shrinks_again_after_an_outage(spool: Spool) -> None:
    spool.expect([("down", "traces")])
    chance = random.Random(7)
    for _ in range(10):
        spool.commit(Batch(at=0, records=[("s", record(chance.randbytes(500).hex())) for _ in range(1_000)]))
    assert spool.path.stat().st_size + _log_size(spool) > 10_000_000
    spool.commit(Batch(at=0, places={("down", "traces"): 10_000}))
    for n in range(300):
        # Life goes on: each trim gives some pages back, and the log is written back from time to time.
        spool.commit(Batch(at=0, positions={"source": str(n) * 1_000}))
        spool.trim(0, _PLENTY, _DAY)
    assert spool.path.stat().st_size < 200_000
    assert _log_size(spool) <= 4 * 1024 * 1024 + 100_000


def _log_size(spool: Spool) -> int:
    return spool.path.with_name("spool.db-wal").stat().st_size


# --- who may ---------------------------------------------------------------------------------------------------------


def test_nothing_of_it_is_anybody_else_s(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with contextlib.closing(Spool(tmp_path / "a" / "spool")) as spool:
            spool.commit(whole())
            modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in spool.path.parent.iterdir()}
            assert stat.S_IMODE(spool.path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(mask)
    assert modes == dict.fromkeys(("lock", "spool.db", "spool.db-wal", "spool.db-shm"), "0o600")


def test_a_second_writer_is_told_who_the_first_is(spool: Spool) -> None:
    spool.commit(whole())
    with pytest.raises(Held, match=f"^process {os.getpid()}$"):
        Spool(spool.path.parent)
    assert content(spool) == WHOLE


def test_a_spool_that_could_not_be_begun_is_not_held(tmp_path: Path) -> None:
    # Enough for the lock's line, and for nothing else.
    with full_disk(100), pytest.raises((OSError, sqlite3.Error)):
        Spool(tmp_path)
    Spool(tmp_path).close()


_UNPRIVILEGED = """
import os, sqlite3, sys
from pathlib import Path
from handspan.spool import Spool

# Root may do anything: whoever runs this as root does it as nobody.
if not os.getuid():
    os.chown(".", 65534, 65534)
    for path in Path(".").iterdir():
        os.chown(path, 65534, 65534)
    os.setgid(65534)
    os.setuid(65534)
os.chmod(".", int(sys.argv[1], 8))
try:
    Spool(Path(sys.argv[2]))
except (OSError, sqlite3.Error) as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("mode", "folder", "says"),
    [
        ("500", ".", "PermissionError [Errno 13] Permission denied: 'lock'\n"),
        ("500", "spool", "PermissionError [Errno 13] Permission denied: 'spool'\n"),
        ("000", ".", "PermissionError [Errno 13] Permission denied: '.'\n"),
        ("700", "file", "FileExistsError [Errno 17] File exists: 'file'\n"),
    ],
)
def test_a_folder_that_can_t_be_written_is_an_error_that_names_it(
    tmp_path: Path, mode: str, folder: str, says: str
) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-c", _UNPRIVILEGED, mode, folder]
    answer = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True)
    tmp_path.chmod(0o700)
    assert answer.stdout == says
