from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from handspan import names
from handspan.hooks import Hooks
from handspan.plugins.audit import Audit, line
from handspan.plugins.events import MessageSent, Notice, TerminalKilled
from handspan.testing import BEGIN, Story, logs, play

SENT = MessageSent(
    name="message_sent",
    at=BEGIN + 1_500_000_000,
    severity=names.INFO,
    says="A message was sent.",
    source="cao",
    instance="i",
    uid="u",
    trace_id="t",
    span_id="s",
    session_id="s-1",
    session_name="shop",
    message_id="m1",
    mode="handoff",
    sender="sup",
    sender_agent="lead",
    receiver="dev",
    receiver_agent="developer",
    size=0,
)


def test_a_line_says_all_that_is_known_and_nothing_else() -> None:
    assert line(SENT).decode() == (
        '{"at": "2026-11-20T10:00:01.500000000Z", "event": "message_sent", "severity": 9, '
        '"says": "A message was sent.", "source": "cao", "instance": "i", "uid": "u", "trace_id": "t", '
        '"span_id": "s", "session_id": "s-1", "session_name": "shop", "message_id": "m1", "mode": "handoff", '
        '"sender": "sup", "sender_agent": "lead", "receiver": "dev", "receiver_agent": "developer", "size": 0}\n'
    )


def test_an_end_s_code_zero_is_said() -> None:
    gone = TerminalKilled(
        name="terminal_killed",
        at=BEGIN,
        severity=9,
        says=".",
        source="cao",
        instance="i",
        uid="u",
        exit_code=0,
        inferred=("end",),
    )
    assert json.loads(line(gone)).items() >= {"exit_code": 0, "inferred": ["end"], "outcome": "unknown"}.items()


def test_no_text_can_begin_a_line_or_break_it() -> None:
    notice = Notice(
        name="notice",
        at=-1,
        severity=9,
        says=".",
        source="s",
        instance="i",
        uid="u",
        text='a\n{"at": 1}\r\u2028\ud800"',
    )
    written = line(notice)
    assert written.count(b"\n") == 1
    assert written.isascii()
    assert json.loads(written)["text"] == notice.text


def test_every_event_of_a_story_is_appended(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "audit.jsonl"
    story = logs(play(Story("s").at(0).session().at(1).sent("m1", "sup").at(2).end().events))
    for _ in range(2):
        made = Hooks([Audit(file)])
        made.start(10)
        made.put(story)
        made.close(10)
        assert made.counts() == {}
    written = [json.loads(text)["event"] for text in file.read_text("utf-8").splitlines()]
    told = ["session_created", "message_sent", "session_killed", "message_undelivered"]
    assert sorted(written) == sorted(told * 2)
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)


def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text("before\n", "utf-8")
    file.chmod(0o640)
    audit = Audit(file)
    audit.setup()
    audit.write(SENT)
    audit.teardown()
    assert file.read_bytes() == b"before\n" + line(SENT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_a_full_disk_refused_is_written_when_there_is_room(tmp_path: Path) -> None:
    code = f"""
import resource
from pathlib import Path
from handspan.plugins.audit import Audit
from tests.plugins.test_audit import SENT
audit = Audit(Path({str(tmp_path / "a")!r}))
audit.setup()
audit.write(SENT)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
try:
    audit.write(SENT)
except OSError as error:
    print(error.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
audit.write(SENT)
audit.teardown()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "File too large\n"
    assert (tmp_path / "a").read_bytes() == line(SENT) * 3


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({}, None),
        ({"HANDSPAN_AUDIT_FILE": ""}, None),
        ({"HANDSPAN_AUDIT_FILE": "/a/b"}, "/a/b"),
        ({"HANDSPAN_AUDIT_FILE": "~/b"}, "~/b"),
        ({"HANDSPAN_AUDIT_FILE": "on"}, "/state/audit.jsonl"),
    ],
)
def test_where_it_writes(
    environ: dict[str, str], path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    audit = Audit.configured(environ, Path("/state"))
    assert (audit and str(audit.path)) == (path and path.replace("~", str(tmp_path)))
