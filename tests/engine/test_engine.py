"""The engine as a host sees it."""

from __future__ import annotations

import json
import queue
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handspan.engine import Engine
from handspan.otel_env import Target
from handspan.senders import Done, Refused, Retry
from handspan.senders.otlp_http import OtlpHttp
from handspan.spool import database, rejected
from handspan.testing import Story
from tests.engine.lives import told
from tests.engine.places import BOTH, Hanging, Taking
from tests.receivers import free_port, http_receiver

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from handspan.otlp import Kind, Record
    from handspan.senders import Answer, Sender

ROOT = Path(__file__).parent.parent.parent
# Longer than anything takes that works.
LONG = 10.0


@contextmanager
def running(folder: Path, destinations: Mapping[str, Sender] | None = None, **given: Any) -> Generator[Engine]:
    engine = Engine(folder, destinations or {}, source="story", **given)
    engine.start()
    try:
        yield engine
    finally:
        engine.close()


def events_of(folder: Path) -> list[str]:
    """The types of the events that recovery would apply."""
    with closing(sqlite3.connect(folder / "spool.db")) as db:
        steps = [step for (line,) in db.execute("SELECT steps FROM journal") for step in json.loads(line)]
    return [step["type"] for step in steps if isinstance(step, dict)]


def lives(what: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.engine.lives", what, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def reported(what: str, folder: Path) -> Any:
    with lives(what, folder) as life:
        output, _ = life.communicate(timeout=60)
    return json.loads(output)


def wait_for(caplog: pytest.LogCaptureFixture, text: str) -> None:
    until = time.monotonic() + LONG
    while text not in caplog.text:
        assert time.monotonic() < until
        time.sleep(0.01)


# --- flush and close tell the truth ----------------------------------------------------------------------------------


def test_a_flush_is_true_when_all_has_arrived(tmp_path: Path) -> None:
    with http_receiver() as receiver:
        target = Target(endpoint=f"{receiver.url}/v1/logs")
        with running(tmp_path, {"otlp": OtlpHttp({"logs": target})}) as engine:
            for event in told(3).events:
                engine.put(event)
            assert engine.flush(LONG)
            assert [request.path for request in receiver.requests] == ["/v1/logs"]


def test_a_flush_is_true_when_there_is_nothing_to_say(tmp_path: Path) -> None:
    with running(tmp_path, {"place": Taking()}) as engine:
        assert engine.flush(LONG)


def dead() -> Sender:
    return OtlpHttp({"logs": Target(endpoint=f"http://127.0.0.1:{free_port()}/v1/logs")})


def test_a_flush_is_false_at_its_timeout_when_a_destination_is_dead(tmp_path: Path) -> None:
    live = Taking()
    with running(tmp_path, {"dead": dead(), "live": live}) as engine:
        engine.put(told(1).events[0])
        began = time.monotonic()
        assert not engine.flush(0.3)
        assert 0.3 <= time.monotonic() - began < 5
        # It holds back no other.
        assert live.asked.wait(LONG)


@pytest.mark.parametrize("make", [dead, Hanging, Taking], ids=["dead", "hanging", "live"])
def test_close_keeps_its_time_and_what_did_not_leave_leaves_in_the_next_life(tmp_path: Path, make: Any) -> None:
    place = make()
    with running(tmp_path, {"place": place}) as engine:
        engine.put(told(1).events[0])
        began = time.monotonic()
        assert engine.close(1.0)
        assert time.monotonic() - began < 1.5
    if isinstance(place, Hanging):
        place.released.set()
    later = Taking()
    with running(tmp_path, {"place": later}) as engine:
        assert engine.flush(LONG)
    assert len(later.taken) == (0 if make is Taking else 1)


def test_close_is_true_twice_and_from_several_threads(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        engine.put(told(1).events[0])
        answers: queue.Queue[bool] = queue.Queue()
        threads = [threading.Thread(target=lambda: answers.put(engine.close())) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert [answers.get(timeout=LONG) for _ in threads] == [True] * 8
        assert engine.close()
        for thread in threads:
            thread.join()


def test_close_before_a_start_says_whether_anything_is_lost(tmp_path: Path) -> None:
    assert Engine(tmp_path / "a", {}, source="story").close()
    engine = Engine(tmp_path / "b", {}, source="story")
    engine.put(told(1).events[0])
    future = engine.submit(told(1).events)
    assert not engine.close()
    with pytest.raises(RuntimeError, match="not committed"):
        future.result(0)
    assert not (tmp_path / "b").exists()


def test_nothing_is_taken_in_after_the_end(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        assert engine.close()
        engine.put(told(1).events[0])
        with pytest.raises(queue.Full):
            engine.submit(told(1).events).result(0)
        assert not engine.flush(0.1)
        assert engine.close()


def test_what_was_put_before_the_start_is_taken_in_by_it(tmp_path: Path) -> None:
    engine = Engine(tmp_path, {}, source="story")
    for event in told(2).events:
        engine.put(event)
    engine.start()
    assert engine.flush(LONG)
    assert events_of(tmp_path) == ["session_started", "terminal_started"]
    assert engine.close()


def test_what_is_submitted_is_answered_with_its_number(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        assert engine.submit(told(3).events).result(LONG) == 3
        assert engine.submit(()).result(LONG) == 0


def test_an_open_session_goes_on_in_the_next_life(tmp_path: Path) -> None:
    story = told(2)
    place = Taking(kinds=BOTH)
    with running(tmp_path, {"place": place}) as engine:
        engine.submit(story.events).result(LONG)
    with running(tmp_path, {"place": place}) as engine:
        engine.submit([*story.events, *Story("s", begin=time.time_ns()).gone("t0").events]).result(LONG)
        assert engine.flush(LONG)
    began = [record for record in place.taken if b"handspan.session.started" in record.body]
    assert len(began) == 1


# --- the senders -----------------------------------------------------------------------------------------------------


class Closable(Taking):
    """Says whether it was closed while it sent, or sent after it was closed."""

    def __init__(self) -> None:
        super().__init__(kinds=BOTH)
        self.sending = 0
        self.wrong: list[str] = []

    def send(self, kind: Kind, records: Sequence[Record]) -> Answer:
        self.sending += 1
        if self.closes:
            self.wrong.append("sent after it was closed")
        # As long as a request takes.
        time.sleep(0.05)
        answer = super().send(kind, records)
        self.sending -= 1
        return answer

    def close(self) -> None:
        super().close()
        if self.sending:
            self.wrong.append("closed while it sent")


def test_senders_are_closed_once_when_nothing_is_sent_any_more(tmp_path: Path) -> None:
    places = {"a": Closable(), "b": Closable()}
    with running(tmp_path, places) as engine:
        engine.submit(told(3).events).result(LONG)
        assert places["a"].asked.wait(LONG)
        engine.submit(Story("t", begin=time.time_ns()).session().events).result(LONG)
        assert [place.closes for place in places.values()] == [0, 0]
        assert engine.close()
        assert engine.close()
    assert [(place.closes, place.wrong) for place in places.values()] == [(1, []), (1, [])]


def test_senders_of_an_engine_that_never_began_are_closed_once(tmp_path: Path) -> None:
    places = {"a": Taking(), "b": Taking()}
    engine = Engine(tmp_path / "a", places, source="story")
    with ThreadPoolExecutor(8) as pool:
        assert [done.result() for done in [pool.submit(engine.close) for _ in range(8)]] == [True] * 8
    assert [place.closes for place in places.values()] == [1, 1]


def test_senders_of_an_engine_that_got_no_spool_are_closed_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").write_text("in the way")
    place = Taking()
    with running(tmp_path / "spool", {"place": place}) as engine:
        wait_for(caplog, "can't be written")
        assert engine.close()
    assert place.closes == 1


def test_a_sender_that_hangs_is_closed_in_time(tmp_path: Path) -> None:
    place = Hanging()
    with running(tmp_path, {"place": place}) as engine:
        engine.submit(told(1).events).result(LONG)
        assert place.asked.wait(LONG)
        assert engine.close(1.0)
        assert place.closes == 1
    place.released.set()


def test_what_was_rejected_and_is_asked_for_leaves_while_an_engine_runs_and_in_the_next_one(tmp_path: Path) -> None:
    place = Taking(lambda records: Refused("bad") if b"poison" in records[0].body else Done())
    with running(tmp_path, {"place": place}) as engine:
        engine.submit([*told(1, "poison").events]).result(LONG)
        engine.submit([*told(1, "good").events]).result(LONG)
        assert engine.flush(LONG)
        assert kept(tmp_path) == [("bad", False)]
        ask_again(tmp_path)
        # It was asked for in vain: it is refused once more, and then something else is taken.
        until = time.monotonic() + LONG
        asked = place.requests
        while place.requests == asked:
            assert time.monotonic() < until
            time.sleep(0.01)
        engine.submit([*told(1, "better").events]).result(LONG)
        while kept(tmp_path) != [("bad", False)]:
            assert time.monotonic() < until
            time.sleep(0.01)
    ask_again(tmp_path)
    taking = Taking()
    with running(tmp_path, {"place": taking}) as engine:
        until = time.monotonic() + LONG
        while kept(tmp_path):
            assert time.monotonic() < until
            time.sleep(0.01)
    assert len(taking.taken) == 1
    assert b"poison" in taking.taken[0].body


def kept(folder: Path) -> list[tuple[str, bool]]:
    with closing(database.reader(folder / "spool.db")) as db:
        return [(one.why, one.again) for one in rejected.newest(db, 10)]


def ask_again(folder: Path) -> None:
    with closing(database.guest(folder / "spool.db", writes=True)) as db:
        rejected.ask_again(db, None)


# --- the folder ------------------------------------------------------------------------------------------------------


def test_nobody_else_can_read_what_is_kept(tmp_path: Path) -> None:
    with running(tmp_path / "spool") as engine:
        engine.submit(told(2).events).result(LONG)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "spool").iterdir()}
        assert modes == dict.fromkeys(["lock", "spool.db", "spool.db-shm", "spool.db-wal"], 0o600)
        assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700


def test_a_folder_that_can_not_be_made_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    in_the_way = tmp_path / "spool"
    in_the_way.write_text("a file")
    with running(in_the_way) as engine:
        engine.put(told(1).events[0])
        wait_for(caplog, "can't be written")
        # It is tried every second, and said once.
        assert not engine.flush(1.5)
        in_the_way.unlink()
        assert engine.flush(LONG)
        assert events_of(in_the_way) == ["session_started"]
    assert len(caplog.messages) == 1
    assert "Up to 20000 events wait in memory" in caplog.messages[0]


def test_a_file_that_is_no_spool_is_kept_and_named_and_the_host_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool.db").write_bytes(b"no spool" * 1_000)
    with running(tmp_path) as engine:
        assert engine.submit(told(1).events).result(LONG) == 1
    kept = tmp_path / "spool.db.unusable-1"
    assert caplog.messages == [f"The spool could not be used. It is kept as {kept}, and a new one was begun."]
    assert kept.read_bytes() == b"no spool" * 1_000


def test_a_second_process_is_told_who_holds_the_spool_and_takes_over_when_that_dies(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with lives("holds", tmp_path) as first:
        assert first.stdout
        pid = json.loads(first.stdout.readline())["pid"]
        with running(tmp_path, {"place": (place := Taking())}) as engine:
            engine.put(told(1).events[0])
            wait_for(caplog, f"{tmp_path} is in use by process {pid}.")
            assert not engine.flush(0.1)
            first.send_signal(signal.SIGKILL)
            began = time.monotonic()
            assert engine.flush(LONG)
            assert time.monotonic() - began < 5
            assert len(place.taken) == 1


def test_a_close_while_another_holds_the_spool_says_what_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path) as first:
        assert first.flush(LONG)
        second = Engine(tmp_path, {}, source="story")
        second.start()
        second.put(told(1).events[0])
        wait_for(caplog, "is in use by process")
        began = time.monotonic()
        assert not second.close()
        assert time.monotonic() - began < 2


def test_a_full_disk_costs_only_what_finds_the_queue_full(tmp_path: Path) -> None:
    life = reported("fills_the_disk", tmp_path)
    first, *rest = life["lines"]
    assert first.startswith(f"{tmp_path / 'spool.db'} can't be written (")
    assert first.endswith("). What happens waits in memory.")
    assert [line for line in rest if "put in order" not in line] == [f"{tmp_path / 'spool.db'} is written again."]
    assert (life["full"], life["healed"], life["closed"]) == (False, True, True)
    counted = life["counted"]
    dropped = counted.pop("handspan_events_dropped_total story queue_full")
    # A word of ours in the queue takes the room of a fact.
    assert 50 <= dropped <= 55
    assert sum(counted.values()) == 10 + 100 - dropped
    # Microseconds; a hundred times as long on a machine that is busy.
    assert life["median"] < 0.001


def test_a_child_that_is_forked_says_nothing_and_its_parent_goes_on(tmp_path: Path) -> None:
    assert reported("forks", tmp_path) == {
        "child": 0,
        "flushed": True,
        "closed": True,
        "counted": {
            "handspan_events_total story session_started": 1,
            "handspan_events_total story terminal_started": 1,
        },
    }


def test_what_stops_the_engine_is_said_and_the_host_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def clock() -> int:
        raise RuntimeError("a planted fault")

    place = Taking()
    with running(tmp_path, {"place": place}, clock=clock) as engine:
        engine.put(told(1).events[0])
        wait_for(caplog, "Handspan has stopped")
        until = time.monotonic() + LONG
        while not place.closes:
            assert time.monotonic() < until
        engine.put(told(1).events[0])
        assert not engine.close()


def test_a_destination_that_only_says_later_keeps_nobody_at_the_end(tmp_path: Path) -> None:
    place = Taking(lambda _: Retry("later", 3_600))
    with running(tmp_path, {"place": place}) as engine:
        engine.submit(told(1).events).result(LONG)
        assert place.asked.wait(LONG)
        began = time.monotonic()
        assert engine.close()
        assert time.monotonic() - began < 1.5
