"""How the events of CAO are worded: what each is filled with, and under which id.

Ids are made of CAO's own, so that what is said twice, by this translator or by the next after a restart, is one event.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handspan import events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handspan.events import EndReason, Event, MessageMode, Outcome
    from handspan.sources import cao_facts as cao
    from handspan.sources.cao_state import End, Session, Terminal

SOURCE = "cao"

# events.Text takes no more, and CAO has no limit of its own.
LONGEST_TEXT = 1_048_576

STATUS: Mapping[cao.CaoStatus, events.Status] = {
    "processing": "working",
    "idle": "ready",
    "completed": "ready",
    "waiting_user_answer": "waiting",
    "error": "error",
    "unknown": "unknown",
}
MODES: Mapping[str | None, MessageMode] = {"handoff": "handoff", "assign": "assign"}


def prompt_id(worker: Terminal) -> str:
    return f"{worker.id}:prompt"


def typed_id(hook: cao.Hook) -> str:
    """Of a message that never had a row: CAO gives it no id, and types no two into one terminal at once."""
    return f"typed:{hook.receiver}:{hook.timestamp}"


class Wording:
    """Words the events of one CAO."""

    def __init__(self, instance: str) -> None:
        self._instance = instance

    def _of(self, session: Session, at: int, event_id: str) -> dict[str, Any]:
        return {"source": SOURCE, "instance": self._instance, "session": session.uid, "at": at, "id": event_id}

    def unique(self, name: str, at: int) -> str:
        """A uid for what CAO gives none: users choose names again, but not in the same instant."""
        return f"{name}@{events.time_to_text(at)}@{self._instance}"

    def queued_id(self, row: cao.InboxRow) -> str:
        return f"inbox:{row.id}@{self._instance}"

    def session_started(self, session: Session, at: int) -> Event:
        said = self._of(session, at, f"{session.uid}:started")
        return events.SessionStarted(**said, name=session.name, kind="workflow" if session.run else "session")

    def session_ended(self, session: Session, at: int, reason: EndReason) -> Event:
        return events.SessionEnded(**self._of(session, at, f"{session.uid}:ended"), reason=reason)

    def terminal_started(self, terminal: Terminal, caller: str | None) -> Event:
        """Its id is the hash of what it says: said again with more, it is another event."""
        row = terminal.row
        return events.TerminalStarted(
            **self._of(terminal.session, terminal.created, ""),
            terminal=terminal.id,
            agent=row.agent_profile,
            cli=row.provider,
            model=row.model,
            creator=caller,
            trigger="schedule" if terminal.scheduled else None,
            tmux_session=row.tmux_session,
            window=row.tmux_window,
            cwd=row.working_directory,
        )

    def terminal_ended(self, session: Session, terminal: str, end: End) -> Event:
        return events.TerminalEnded(
            **self._of(session, end.at, f"{terminal}:ended"),
            terminal=terminal,
            reason=end.reason,
            exit_code=end.exit_code,
            last_seen=end.last_seen,
        )

    def status(self, terminal: Terminal, at: int, status: events.Status) -> Event:
        said = self._of(terminal.session, at, f"{terminal.id}:{status}:{at}")
        return events.StatusChanged(**said, terminal=terminal.id, status=status)

    def sent(
        self, receiver: Terminal, message: str, at: int, *, mode: str | None, sender: Terminal | None, text: str | None
    ) -> events.MessageSent:
        elsewhere = sender is not None and sender.session is not receiver.session
        return events.MessageSent(
            **self._of(receiver.session, at, f"{message}:sent"),
            message=message,
            mode=MODES.get(mode, "send_message"),
            receiver=receiver.id,
            sender=sender.id if sender else None,
            sender_session=sender.session.uid if sender and elsewhere else None,
            size=None if text is None else len(text.encode("utf-8", "replace")),
            text=None if text is None else text[:LONGEST_TEXT],
        )

    def typed(self, receiver: Terminal, hook: cao.Hook, sender: Terminal | None) -> Event:
        """A message of which no more is known than this hook: its delivery, 0.8 s after the fact."""
        sent = self.sent(
            receiver, typed_id(hook), hook.timestamp, mode=hook.orchestration_type, sender=sender, text=hook.message
        )
        return replace(sent, typed=True, traceparent=hook.traceparent)

    def delivered(self, receiver: Terminal, message: str, at: int, traceparent: str | None = None) -> Event:
        said = self._of(receiver.session, at, f"{message}:delivered")
        return events.MessageDelivered(**said, message=message, terminal=receiver.id, traceparent=traceparent)

    def delegated(self, worker: Terminal, mode: events.DelegationMode, at: int, caller: str | None) -> Event:
        return events.DelegationStarted(
            **self._of(worker.session, at, f"{worker.id}:delegated"),
            worker=worker.id,
            mode=mode,
            awaited=worker.awaited,
            caller=caller,
            step=worker.step,
            attempt=worker.attempt or None,
            message=None if mode == "step" else prompt_id(worker),
        )

    def answered(self, worker: Terminal, at: int, outcome: Outcome, error: str | None, text: str | None) -> Event:
        return events.DelegationEnded(
            **self._of(worker.session, at, f"{worker.id}:answered"),
            worker=worker.id,
            outcome=outcome,
            error=error and error[:LONGEST_TEXT],
            text=text and text[:LONGEST_TEXT],
        )

    def handoff_failed(self, row: cao.HandoffRow) -> Event:
        """It failed before it had a worker, and its row names no caller: it belongs to no session."""
        return events.Notice(
            source=SOURCE,
            instance=self._instance,
            at=row.updated_at,
            id=f"{row.job_id}:failed",
            name="handoff_failed",
            severity="error",
            text=row.error_message and row.error_message[:LONGEST_TEXT],
        )
