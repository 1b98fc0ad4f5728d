from __future__ import annotations

import json
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from handspan.commands import Failure
from handspan.commands import spool_rejected as command
from handspan.commands.spool_visit import visiting
from handspan.signals import Log, Span
from handspan.spool import Spool, rejected
from handspan.testing import BEGIN, SECOND
from handspan.transcript import describe
from tests.commands.spools import encoded, environment, one, rejects
from tests.spooled import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# --- list ------------------------------------------------------------------------------------------------------------


def listed(state_dir: Path, limit: int = 50) -> list[str]:
    return list(command.listed(environment(state_dir), None, limit, as_json=False))


def test_what_was_rejected_is_listed_the_newest_last(tmp_path: Path) -> None:
    rejects(tmp_path / "cao-1", record("x" * 1_234, "logs"), record("y", "traces"), why="no \x1b[2J " + "w" * 90)
    with visiting(tmp_path / "cao-1", writes=True) as db:
        rejected.ask_again(db, [2])
    assert listed(tmp_path) == [
        "number  rejected                 destination  bytes  why",
        f"1       2026-11-20 10:00:00 UTC  otlp logs    1,234  no \\x1b[2J {'w' * 68}…",
        f"2       2026-11-20 10:00:01 UTC  otlp traces  1      to be sent again; no \\x1b[2J {'w' * 50}…",
    ]


def test_no_more_than_asked_for_is_listed_and_the_rest_is_counted(tmp_path: Path) -> None:
    rejects(tmp_path / "cao-1", *(record(str(n)) for n in range(12)))
    assert listed(tmp_path, 1) == [
        "11 older records not listed: --limit 12 lists all.",
        "number  rejected                 destination  bytes  why",
        "12      2026-11-20 10:00:11 UTC  otlp traces  2      HTTP 400 Bad Request",
    ]
    assert listed(tmp_path, 11)[0] == "1 older record not listed: --limit 12 lists all."
    assert len(listed(tmp_path, 12)) == 13


def test_the_same_as_json(tmp_path: Path) -> None:
    rejects(tmp_path / "cao-1", record("1"), record("22"))
    lines = list(command.listed(environment(tmp_path), "cao-1", 1, as_json=True))
    assert [json.loads(line) for line in lines] == [
        {
            "number": 2,
            "at": BEGIN + SECOND,
            "destination": "otlp",
            "kind": "traces",
            "why": "HTTP 400 Bad Request",
            "size": 2,
            "again": False,
        }
    ]


def test_where_nothing_was_rejected(tmp_path: Path) -> None:
    rejects(tmp_path / "cao-1")
    assert listed(tmp_path) == ["Nothing was rejected."]
    assert list(command.listed(environment(tmp_path), None, 9, as_json=True)) == []


# --- show ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Span, Log])
def test_a_record_is_shown_with_the_answer(tmp_path: Path, kind: type[Span | Log]) -> None:
    signal = one(kind)
    kept = encoded(signal)
    rejects(tmp_path / "cao-1", record("x"), kept)
    word = "traces" if kind is Span else "logs"
    assert list(command.shown(environment(tmp_path), None, 2, as_json=False)) == [
        f"record 2 of cao-1: {len(kept.body)} bytes of {word} for otlp",
        "rejected 2026-11-20 10:00:01 UTC",
        "answer   HTTP 400 Bad Request",
        "happened 2026-11-20 10:00:00 UTC, in session s",
        "",
        *describe([signal]).splitlines(),
    ]


@pytest.mark.parametrize("kind", [Span, Log])
def test_a_record_as_json(tmp_path: Path, kind: type[Span | Log]) -> None:
    kept = encoded(one(kind))
    rejects(tmp_path / "cao-1", kept)
    (line,) = command.shown(environment(tmp_path), None, 1, as_json=True)
    told: dict[str, Any] = json.loads(line)
    (shown,) = [told.pop("record")]
    assert told == {
        "spool": "cao-1",
        "number": 1,
        "at": BEGIN,
        "destination": "otlp",
        "kind": kept.kind,
        "why": "HTTP 400 Bad Request",
        "size": len(kept.body),
        "again": False,
        "signal": kind.__name__.lower(),
    }
    assert (shown["name"], shown["attributes"]["session.id"]) == (one(kind).name, "s")


def test_a_record_that_can_t_be_decoded_is_shown_without(tmp_path: Path) -> None:
    rejects(tmp_path / "cao-1", record("\x1b garbage"), why="\x1b")
    *lines, last = command.shown(environment(tmp_path), None, 1, as_json=False)
    assert lines[-1] == "answer   \\x1b"
    assert last.startswith("It can't be decoded: ")
    (line,) = command.shown(environment(tmp_path), None, 1, as_json=True)
    assert json.loads(line)["signal"] is None
    assert json.loads(line)["problem"]


@pytest.mark.parametrize("number", [2, 2**63, 10**30])
def test_a_number_that_is_none_s(tmp_path: Path, number: int) -> None:
    rejects(tmp_path / "cao-1", record("x"))
    with pytest.raises(Failure) as raised:
        list(command.shown(environment(tmp_path), None, number, as_json=False))
    assert str(raised.value) == (f"cao-1 has no rejected record {number}: `handspan spool list` shows which there are.")


# --- retry and drop --------------------------------------------------------------------------------------------------


def left(folder: Path) -> Iterator[tuple[int, bool]]:
    with visiting(folder) as db:
        yield from [(kept.number, kept.again) for kept in rejected.newest(db, 10)]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    rejects(tmp_path / "cao-1", *(record(str(n)) for n in range(3)))
    return tmp_path / "cao-1"


def test_some_are_to_be_sent_again_by_whoever_comes(tmp_path: Path, three: Path) -> None:
    assert list(command.retried(environment(tmp_path), None, [1, 3], as_json=False)) == [
        "2 records are sent again when something runs that uses this spool."
    ]
    assert list(left(three)) == [(1, True), (2, False), (3, True)]


def test_all_are_to_be_sent_again_by_whoever_runs(tmp_path: Path, three: Path) -> None:
    me = f"process {os.getpid()}"
    with closing(Spool(three)):
        assert list(command.retried(environment(tmp_path), None, None, as_json=True)) == [
            json.dumps({"spool": "cao-1", "retried": 3, "held_by": me})
        ]
        assert list(command.retried(environment(tmp_path), None, [2], as_json=False)) == [
            f"1 record is sent again by {me}, when nothing else waits."
        ]
    assert list(left(three)) == [(1, True), (2, True), (3, True)]


def test_some_are_dropped_and_then_all(tmp_path: Path, three: Path) -> None:
    assert list(command.dropped(environment(tmp_path), None, [2], as_json=False)) == ["1 record is dropped."]
    assert list(left(three)) == [(1, False), (3, False)]
    assert list(command.dropped(environment(tmp_path), None, None, as_json=True)) == [
        json.dumps({"spool": "cao-1", "dropped": 2})
    ]
    for change in (command.dropped, command.retried):
        assert list(change(environment(tmp_path), None, None, as_json=False)) == ["Nothing was rejected."]


@pytest.mark.parametrize("change", [command.dropped, command.retried])
def test_with_a_number_that_is_none_s_nothing_is_done(tmp_path: Path, three: Path, change: Any) -> None:
    with pytest.raises(Failure, match=r"^cao-1 has no rejected record 4, 9: "):
        list(change(environment(tmp_path), None, [1, 4, 9], as_json=False))
    assert list(left(three)) == [(1, False), (2, False), (3, False)]
