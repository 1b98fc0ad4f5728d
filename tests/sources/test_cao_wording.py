from __future__ import annotations

from typing import get_args

from handspan import events
from handspan.sources import cao_facts as cao
from handspan.sources.cao_state import End, Session, Terminal
from handspan.sources.cao_wording import STATUS, Wording, prompt_id, typed_id

AT = 1_795_170_978_000_000_001
ROW = cao.TerminalRow(
    at=AT,
    id="t",
    seen_by="status",
    agent_profile="dev",
    provider="codex",
    model="large",
    tmux_session="cao-flow-nightly",
    tmux_window="dev-1",
    working_directory="/srv",
    last_active=AT,
)
SESSION = Session("A", "cao-flow-nightly")
TERMINAL = Terminal("t", SESSION, AT, ROW)


def test_every_status_of_cao_has_a_word() -> None:
    assert set(STATUS) == set(get_args(cao.CaoStatus))


def test_a_terminal_is_told_with_all_that_its_row_knows() -> None:
    assert events.to_json(Wording("i").terminal_started(TERMINAL, "s")) | {"id": ""} == {
        "type": "terminal_started",
        "at": "2026-11-20T10:36:18.000000001Z",
        "source": "cao",
        "instance": "i",
        "session": "A",
        "id": "",
        "terminal": "t",
        "agent": "dev",
        "cli": "codex",
        "model": "large",
        "creator": "s",
        "trigger": "schedule",
        "tmux_session": "cao-flow-nightly",
        "window": "dev-1",
        "cwd": "/srv",
    }


def test_ids_are_made_of_caos_own() -> None:
    word = Wording("i")
    hook = cao.Hook(at=AT, timestamp=AT, event_type="post_send_message", receiver="t", message="hi")
    inbox = cao.InboxRow(at=AT, id=7, sender_id="s", receiver_id="t", message="hi", status="pending", created_at=AT)
    job = cao.HandoffRow(at=AT, job_id="j", state="error", created_at=AT, updated_at=AT)
    said = [
        word.session_started(SESSION, AT),
        word.session_ended(SESSION, AT, "killed"),
        word.terminal_ended(SESSION, "t", End(AT, "killed")),
        word.status(TERMINAL, AT, "ready"),
        word.delegated(TERMINAL, "handoff", AT, None),
        word.sent(TERMINAL, prompt_id(TERMINAL), AT, mode="handoff", sender=None, text=None),
        word.sent(TERMINAL, word.queued_id(inbox), AT, mode=None, sender=None, text="hi"),
        word.delivered(TERMINAL, typed_id(hook), AT),
        word.answered(TERMINAL, AT, "completed", None, None),
        word.handoff_failed(job),
    ]
    assert [event.id for event in said] == [
        "A:started",
        "A:ended",
        "t:ended",
        f"t:ready:{AT}",
        "t:delegated",
        "t:prompt:sent",
        "inbox:7@i:sent",
        f"typed:t:{AT}:delivered",
        "t:answered",
        "j:failed",
    ]
