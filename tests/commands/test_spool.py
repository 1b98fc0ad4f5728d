"""`handspan spool` from its command line to what is printed and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from handspan.engine import Engine
from handspan.otel_env import Target
from handspan.otlp import read
from handspan.senders.otlp_http import OtlpHttp
from handspan.testing import Story
from tests.commands.spools import environment, rejects
from tests.receivers import Says, http_receiver
from tests.spooled import record
from tests.test_cli import COMMAND, ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

LONG = 10.0


def run(state_dir: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "spool", *args],
        capture_output=True,
        text=True,
        env=ENVIRONMENT | environment(state_dir),
        check=False,
    )


def ok(state_dir: Path, *args: str) -> str:
    done = run(state_dir, *args)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_alone_it_is_the_status(tmp_path: Path) -> None:
    rejects(tmp_path / "cao-1", record("x"))
    assert ok(tmp_path) == ok(tmp_path, "status")
    assert ok(tmp_path).startswith("cao-1\n")
    assert json.loads(ok(tmp_path, "status", "--json"))["spool"] == "cao-1"


def test_each_command_does_its_own(tmp_path: Path) -> None:
    rejects(tmp_path / "cao-1", record("x"), record("y"), record("z"))
    assert len(ok(tmp_path, "list", "--limit", "2").splitlines()) == 4
    assert json.loads(ok(tmp_path, "list", "--limit", "1", "--json"))["number"] == 3
    assert ok(tmp_path, "show", "2").startswith("record 2 of cao-1: 1 bytes of traces for otlp\n")
    assert json.loads(ok(tmp_path, "show", "2", "--json"))["number"] == 2
    assert json.loads(ok(tmp_path, "retry", "3", "1", "3", "--json"))["retried"] == 2
    assert json.loads(ok(tmp_path, "drop", "--spool", "cao-1", "--all", "--json")) == {"spool": "cao-1", "dropped": 3}
    assert ok(tmp_path, "list") == "Nothing was rejected.\n"


@pytest.mark.parametrize(
    "args",
    [
        *(["retry"], ["drop"], ["retry", "--all", "1"], ["drop", "--all", "1"], ["retry", "x"], ["drop", "0"]),
        *(["show"], ["show", "1", "2"], ["show", "-1"], ["list", "--limit", "0"], ["list", "--limit", "10001"]),
        *(["status", "--spool", "a"], ["bogus"]),
    ],
    ids=" ".join,
)
def test_wrong_usage(tmp_path: Path, args: list[str]) -> None:
    rejects(tmp_path / "cao-1", record("x"))
    done = run(tmp_path, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: handspan spool")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["list", "--spool", "ao-1"], "STATE holds no spool 'ao-1': name one of cao-1."),
        (["show", "7"], "cao-1 has no rejected record 7: `handspan spool list` shows which there are."),
        (
            ["drop", "1", str(2**63)],
            f"cao-1 has no rejected record {2**63}: `handspan spool list` shows which there are.",
        ),
    ],
    ids=["spool", "number", "large"],
)
def test_what_can_t_be_done_is_one_sentence(tmp_path: Path, args: list[str], sentence: str) -> None:
    rejects(tmp_path / "cao-1", record("x"))
    done = run(tmp_path, *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"handspan: {sentence.replace('STATE', str(tmp_path))}\n"


def test_a_damaged_spool_is_named_beside_the_others(tmp_path: Path) -> None:
    rejects(tmp_path / "cao-1", record("x"))
    (tmp_path / "ao-1").mkdir()
    (tmp_path / "ao-1" / "spool.db").write_text("no database")
    done = run(tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "cao-1")
    assert done.stderr.startswith(f"handspan: {tmp_path}/ao-1/spool.db can't be used (file is not a database): ")


def test_what_a_real_receiver_refused_is_sent_again_while_the_engine_runs(tmp_path: Path) -> None:
    now = time.time_ns()
    # Both together, the first alone, and then all is well.
    refused = Says(400, body=b"no such attribute")
    with http_receiver(refused, refused, Says()) as receiver:
        target = Target(endpoint=f"{receiver.url}/v1/logs")
        engine = Engine(tmp_path / "cao-1", {"otlp": OtlpHttp({"logs": target})}, source="cao")
        engine.start()
        engine.submit([event for name in "ab" for event in Story(name, begin=now).session().events]).result(LONG)
        assert engine.flush(LONG)
        assert json.loads(ok(tmp_path, "list", "--json"))["why"] == "HTTP 400 Bad Request: no such attribute"
        assert ok(tmp_path, "retry", "--all") == (
            f"1 record is sent again by process {os.getpid()}, when nothing else waits.\n"
        )
        until = time.monotonic() + LONG
        while ok(tmp_path, "list") != "Nothing was rejected.\n":
            assert time.monotonic() < until
        assert engine.close()
        sessions = [log.attributes["session.id"] for request in receiver.requests for log in read("logs", request.body)]
    assert sessions == ["a", "b", "a", "b", "a"]
