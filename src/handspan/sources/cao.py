"""CAO: from what a plugin sees inside cao-server to events. Pure: no clock, no I/O; only facts move it.

The rules, with the recordings under `tests/golden/cao` that taught them:

* A session is one incarnation of a tmux session, since CAO uses names again (18). A workflow's run is one session,
  however many tmux sessions its steps use (22, 23). A new incarnation under an open name replaces the old one (21).
* A terminal starts when its row was created and ends once: by hook, by a row that is gone, or by a sweep of tmux. What
  CAO says of it after its end is noise.
* Some ends can be named only with what is seen next: a worker's row goes before its step is seen completed (22), the
  last terminal is killed before its session (15), a window is gone 0.4 s before the hook of its deletion (11). Such an
  end is held until it is explained, or until the first fact that comes `PATIENCE` later.
* A handoff's row names its worker only at the outcome. While it runs it is tied to the terminal created in the two
  seconds after it, if no hook told of that terminal: `handoff` tells none (07, 29). One that has no caller may be a
  session that the API has opened, whose hook comes when it has booted: it is tied when it begins to work untold (28).
* An `assign` is a message and, if its receiver was created for it, a delegation. It was, if the sender is the
  receiver's caller, this is the receiver's first message and first turn, and either CAO told of the terminal before it
  had booted (11, 12, 25, 29: `assign` defers the boot) or typed the prompt within a second of telling (09: `cao agent
  handoff --no-wait`, 0.1 s). A terminal that stood idle before, as in 16 and 19 (1.3 s), was not created for it.
* `cao agent handoff`, waiting, leaves no row (09, 28): its worker is a terminal that someone made, used and killed.
* A worker that has done its work is told to exit, which looks like one more turn: what follows its last `completed` is
  `exiting`, at once where the outcome is known, and said again for the same instant where it is learnt later (23).
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from handspan.sources import cao_facts as cao
from handspan.sources.cao_state import EXIT_KEPT, SECOND, Agenda, End, Inbox, Run, Session, Terminal
from handspan.sources.cao_wording import MODES, SOURCE, STATUS, Wording, prompt_id

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from handspan.events import DelegationMode, EndReason, Event, Outcome

__all__ = ["SOURCE", "Translator"]

# From a handoff's row to its worker's: 0.04 and 0.06 s (29); a loaded machine is slower.
_TIE_WITHIN = 2 * SECOND
# From post_create_terminal to the prompt of `cao agent handoff --no-wait`: 0.10 s (09).
_TYPED_AT_ONCE = SECOND

_STEP_SUCCESS = ("completed", "completed_unvalidated")
_RUN_ENDS: Mapping[str, tuple[EndReason, Outcome]] = {
    "completed": ("completed", "completed"),
    "cancelled": ("killed", "cancelled"),
    "failed": ("failed", "failed"),
}


class Translator:
    """Translates the facts of one CAO into events. `instance` says which CAO it is."""

    def __init__(self, instance: str) -> None:
        self._word = Wording(instance)
        self._agenda = Agenda()
        self._open: dict[str, Session] = {}  # by the tmux session's name
        self._runs: dict[str, Session] = {}
        self._terminals: dict[str, Terminal] = {}
        self._jobs: dict[str, cao.HandoffRow] = {}  # handoffs that wait for their worker
        self._workers: dict[str, str] = {}  # and the workers of those that found one, by job
        self._inbox = Inbox()
        self._delivered: dict[int, bool] = {}

    def translate(self, fact: cao.Fact) -> tuple[Event, ...]:
        """The events that `fact` tells of, those first that were held until now."""
        held = tuple(self._agenda.turn(fact.at))
        return held + tuple(self._say(fact))

    def _say(self, fact: cao.Fact) -> Iterator[Event]:
        match fact:
            case cao.Status():
                return self._status(fact)
            case cao.Hook():
                return self._hook(fact)
            case cao.TerminalRow():
                return self._terminal_row(fact)
            case cao.TerminalGone():
                return self._gone(fact)
            case cao.HandoffRow():
                return self._handoff_row(fact)
            case cao.InboxRow():
                return self._inbox_row(fact)
            case cao.RunRow():
                return self._run_row(fact)
            case cao.StepRow():
                return self._step_row(fact)
            case cao.Swept():
                return self._swept(fact)
            case cao.ServerStopping():
                return self._agenda.conclude()
            case cao.ServerStarted():
                return iter(())

    # --- sessions ---

    def _enter(self, row: cao.TerminalRow, created: int) -> Generator[Event, None, Session]:
        """The session of a terminal that is seen for the first time, begun if it is its session's first."""
        run = (row.session_env or {}).get("CAO_WORKFLOW_RUN_ID")
        if run is not None:
            return self._runs.get(run) or (yield from self._begin_run(run, run, created))
        name, incarnation = row.tmux_session, row.session_incarnation_id
        session = self._open.get(name)
        if session is not None:
            if incarnation is None or session.incarnation in (None, incarnation):
                return session
            yield from self._replace(session, created)
        uid = incarnation or self._word.unique(name, created)
        session = self._open[name] = Session(uid, name, incarnation)
        yield self._word.session_started(session, created)
        return session

    def _begin_run(self, run: str, name: str, at: int) -> Generator[Event, None, Session]:
        session = self._runs[run] = Session(self._word.unique(run, at), name, run=Run())
        yield self._word.session_started(session, at)
        return session

    def _replace(self, session: Session, at: int) -> Iterator[Event]:
        for terminal in list(session.living.values()):
            end = terminal.end or End(at, "replaced")
            terminal.end = End(end.at, "replaced")
            yield from self._end(terminal)
        yield from self._close(session, at, "replaced")

    def _close(self, session: Session, at: int, reason: EndReason) -> Iterator[Event]:
        """Ends a session, those of its terminals first whose own end was held."""
        for terminal in list(session.living.values()):
            if terminal.end is not None:
                yield from self._end(terminal)
            else:
                terminal.over = True
                self._agenda.forget(self._terminals, terminal.id)
        self._agenda.drop(session.uid)
        session.over = True
        session.living.clear()
        if self._open.get(session.name) is session:
            del self._open[session.name]
        for row in self._inbox.queued.values():
            receiver = self._terminals.get(row.receiver_id)
            if receiver is None or receiver.session is session:
                self._agenda.forget(self._inbox.queued, row.id)
        yield self._word.session_ended(session, at, reason)

    # --- terminals ---

    def _terminal_row(self, row: cao.TerminalRow) -> Iterator[Event]:
        terminal = self._terminals.get(row.id)
        first = terminal is None
        if terminal is None:
            terminal = yield from self._sight(row)
        elif terminal.over:
            return
        terminal.row = row
        yield self._word.terminal_started(terminal, self._caller(terminal))
        if row.seen_by == "table":
            # A restarted server reads no screens of terminals it has not made itself.
            terminal.booting = terminal.working = False
            yield self._word.status(terminal, row.at, "unknown")
        if first and terminal.step is not None:
            yield from self._delegate(terminal, "step", terminal.created, awaited=True)
        elif first:
            yield from self._tie(terminal, self._jobs.values())

    def _sight(self, row: cao.TerminalRow) -> Generator[Event, None, Terminal]:
        created = min(row.last_active, row.at)
        session = yield from self._enter(row, created)
        terminal = self._terminals[row.id] = Terminal(row.id, session, created, row)
        session.living[row.id] = terminal
        session.windows.add(row.id)
        session.terminals += 1
        session.last_sign = max(session.last_sign, created)
        self._agenda.drop(session.uid)
        if session.run is not None:
            step = (row.session_env or {}).get("CAO_WORKFLOW_STEP_ID", "")
            seen, known = session.run.attempts.get(step, 0) + 1, session.run.steps.get(step)
            session.run.attempts[step] = terminal.attempt = max(seen, known.attempts if known else 0)
            terminal.step = step
            session.run.unanswered[row.id] = terminal
        return terminal

    def _caller(self, terminal: Terminal) -> str | None:
        caller = self._terminals.get(terminal.row.caller_id or "")
        return caller.id if caller is not None and caller.session is terminal.session else None

    def _gone(self, fact: cao.TerminalGone) -> Iterator[Event]:
        terminal = self._terminals.get(fact.terminal)
        if terminal is not None:
            reason: EndReason = "failed" if terminal.booting else "vanished"
            yield from self._ends(terminal, End(fact.at, reason, fact.last_seen))

    def _ends(self, terminal: Terminal, end: End) -> Iterator[Event]:
        """Says a terminal's end, or holds it while something may still explain it."""
        if end.reason != "exited":
            terminal.session.windows.discard(terminal.id)
        if terminal.over:
            self._emptied(terminal.session, end)
        if terminal.over or (terminal.end is not None and end.reason != "killed"):
            return
        terminal.end = end
        outcome = self._outcome(terminal)
        decided = outcome is not None or not terminal.awaited
        if outcome == "completed" or (end.reason == "killed" and decided):
            yield from self._end(terminal)
        else:
            self._agenda.hold(terminal.id, end.at, partial(self._end, terminal))

    def _end(self, terminal: Terminal) -> Iterator[Event]:
        end, outcome = terminal.end, self._outcome(terminal)
        if end is None or terminal.over:
            return
        if outcome == "completed":
            end = End(end.at, "completed", exit_code=end.exit_code)
            yield from self._leave(terminal)
        if terminal.step is not None and outcome is not None:
            yield from self._answer(terminal, end.at, outcome, error=self._error(terminal))
        yield self._word.terminal_ended(terminal.session, terminal.id, end)
        self._bury(terminal, end)

    def _bury(self, terminal: Terminal, end: End) -> None:
        terminal.over = True
        self._agenda.drop(terminal.id)
        self._agenda.forget(self._terminals, terminal.id)
        terminal.session.last_sign = max(terminal.session.last_sign, end.at)
        del terminal.session.living[terminal.id]
        self._emptied(terminal.session, end)

    def _emptied(self, session: Session, end: End) -> None:
        """Its last window is gone: so is the session, and CAO says so only if it was the session that was deleted."""
        if session.windows or session.living or session.run is not None or session.over or end.reason == "replaced":
            return
        made_for_it = end.reason == "completed" and session.terminals == 1
        reason: EndReason = "empty" if end.reason in ("killed", "completed") and not made_for_it else end.reason
        self._agenda.hold(session.uid, end.at, partial(self._close, session, end.at, reason))

    # --- statuses ---

    def _status(self, fact: cao.Status) -> Iterator[Event]:
        terminal = self._terminals.get(fact.terminal)
        if terminal is None or terminal.over or terminal.end is not None:
            return
        terminal.heard = True
        terminal.session.last_sign = max(terminal.session.last_sign, fact.at)
        if terminal.leaving:
            if fact.status == "processing" and not terminal.after_work:
                terminal.after_work = deque([fact.at])
                yield self._word.status(terminal, fact.at, "exiting")
            return
        if fact.status == "processing":
            yield from self._works(terminal, fact.at)
        elif fact.status in ("idle", "completed"):
            terminal.booting = terminal.working = False
        if fact.status == "completed":
            terminal.after_work = deque(maxlen=EXIT_KEPT)
        yield self._word.status(terminal, fact.at, STATUS.get(fact.status, "unknown"))

    def _works(self, terminal: Terminal, at: int) -> Iterator[Event]:
        if terminal.after_work is not None:
            terminal.after_work.append(at)
        if terminal.booting or terminal.working:
            return
        terminal.working = True
        terminal.turns += 1
        if terminal.first_turn is None:
            terminal.first_turn = at
            if terminal.delegation == "handoff" and terminal.awaited:
                yield self._word.delivered(terminal, prompt_id(terminal), at)
            else:
                yield from self._tie(terminal, self._jobs.values())

    def _leave(self, terminal: Terminal) -> Iterator[Event]:
        """Its work is done: what it seemed to work on since was its exit."""
        if terminal.leaving:
            return
        terminal.leaving = True
        for at in terminal.after_work or ():
            yield self._word.status(terminal, at, "exiting")

    # --- hooks ---

    def _hook(self, hook: cao.Hook) -> Iterator[Event]:
        match hook.event_type:
            case "post_create_terminal":
                yield from self._created(hook)
            case "post_send_message":
                yield from self._message(hook)
            case "post_kill_terminal":
                yield from self._killed(hook)
            case "post_kill_session":
                session = self._open.get(hook.session_name or hook.session_id or "")
                if session is not None:
                    yield from self._close(session, hook.timestamp, "killed")
            case "post_create_session":
                pass  # post_create_terminal has said it all, 0.1 ms before

    def _created(self, hook: cao.Hook) -> Iterator[Event]:
        if not hook.terminal_id or not hook.session_id:
            return
        terminal = self._terminals.get(hook.terminal_id)
        if terminal is None:  # a plugin that may not read the tables has hooks only
            row = cao.TerminalRow(
                at=hook.at,
                id=hook.terminal_id,
                seen_by="hook",
                agent_profile=hook.agent_name,
                provider=hook.provider,
                tmux_session=hook.session_id,
                last_active=hook.timestamp,
            )
            terminal = yield from self._sight(row)
            yield self._word.terminal_started(terminal, self._caller(terminal))
        terminal.told = hook.timestamp
        terminal.deferred = not terminal.heard

    def _killed(self, hook: cao.Hook) -> Iterator[Event]:
        terminal = self._terminals.get(hook.terminal_id or "")
        if terminal is not None:
            yield from self._ends(terminal, End(hook.timestamp, "killed"))
            return
        session = self._open.get(hook.session_id or "")
        if session is not None and hook.terminal_id:
            yield self._word.terminal_ended(session, hook.terminal_id, End(hook.timestamp, "killed"))

    # --- messages ---

    def _message(self, hook: cao.Hook) -> Iterator[Event]:
        """A message was typed. It was queued, if the inbox has it; else it is known from now on only."""
        receiver = self._terminals.get(hook.receiver or "")
        if receiver is None or receiver.session.over:
            return
        row = self._inbox.take(hook)
        if row is not None:
            yield from self._deliver(row, hook.timestamp, hook.traceparent)
            return
        if self._made_for(receiver, hook):
            mode: DelegationMode = "handoff" if hook.orchestration_type == "handoff" else "assign"
            yield from self._delegate(receiver, mode, receiver.created, awaited=False, text=hook.message)
            yield self._word.delivered(receiver, prompt_id(receiver), hook.timestamp, hook.traceparent)
        else:
            receiver.messages += 1
            yield self._word.typed(receiver, hook, self._terminals.get(hook.sender or ""))

    def _made_for(self, receiver: Terminal, hook: cao.Hook) -> bool:
        """Whether the receiver was created for this message: the rule on `assign` at the top of this file."""
        sender = self._terminals.get(hook.sender or "")
        if hook.orchestration_type not in MODES or sender is None or sender.id != receiver.row.caller_id:
            return False
        if receiver.delegation is not None or receiver.messages or receiver.turns > 1 or receiver.told is None:
            return False
        started = hook.timestamp if receiver.first_turn is None else receiver.first_turn
        return receiver.deferred or started - receiver.told <= _TYPED_AT_ONCE

    def _inbox_row(self, row: cao.InboxRow) -> Iterator[Event]:
        receiver = self._terminals.get(row.receiver_id)
        if receiver is None or receiver.session.over or row.id in self._delivered:
            return
        message, first = self._word.queued_id(row), row.id not in self._inbox.queued
        if not self._inbox.queue(row):
            self._settle(row)
            return
        if first:
            yield self._sent(receiver, message, row.created_at, mode=None, sender=row.sender_id, text=row.message)
        self._agenda.drop(message)
        if row.status == "delivered":
            # The hook tells when; without one, as after a restart, this look is all there is.
            self._agenda.hold(message, row.at, partial(self._deliver, row, row.at))

    def _deliver(self, row: cao.InboxRow, at: int, traceparent: str | None = None) -> Iterator[Event]:
        receiver = self._terminals.get(row.receiver_id)
        if receiver is not None and row.id not in self._delivered:
            yield self._word.delivered(receiver, self._word.queued_id(row), at, traceparent)
        self._settle(row)

    def _settle(self, row: cao.InboxRow) -> None:
        self._delivered[row.id] = True
        self._agenda.forget(self._delivered, row.id)
        self._agenda.forget(self._inbox.queued, row.id)

    def _sent(
        self, receiver: Terminal, message: str, at: int, *, mode: str | None, sender: str | None, text: str | None
    ) -> Event:
        receiver.messages += 1
        # A sender that is no terminal of ours is text from a caller of the API; it goes no further.
        known = self._terminals.get(sender or "")
        return self._word.sent(receiver, message, at, mode=mode, sender=known, text=text)

    # --- delegations ---

    def _delegate(
        self, worker: Terminal, mode: DelegationMode, at: int, *, awaited: bool, text: str | None = None
    ) -> Iterator[Event]:
        worker.delegation, worker.awaited = mode, awaited
        yield self._word.delegated(worker, mode, at, None if mode == "step" else self._caller(worker))
        if mode != "step":
            yield self._sent(worker, prompt_id(worker), at, mode=mode, sender=worker.row.caller_id, text=text)

    def _answer(
        self, worker: Terminal, at: int, outcome: Outcome, *, error: str | None = None, text: str | None = None
    ) -> Iterator[Event]:
        if worker.outcome is None:
            worker.outcome = outcome
            if worker.session.run is not None:
                worker.session.run.unanswered.pop(worker.id, None)
            yield self._word.answered(worker, at, outcome, error, text)

    def _handoff_row(self, row: cao.HandoffRow) -> Iterator[Event]:
        if row.state == "running":
            if row.job_id not in self._jobs and row.job_id not in self._workers:
                self._jobs[row.job_id] = row
                self._agenda.forget(self._jobs, row.job_id)
                # Oldest first: of two handoffs at once the first called made the first worker.
                for terminal in sorted(self._young(row.created_at), key=lambda terminal: terminal.created):
                    yield from self._tie(terminal, (row,))
            return
        self._jobs.pop(row.job_id, None)
        tied = self._workers.pop(row.job_id, "")
        worker = self._terminals.get(row.terminal_id or tied)
        if worker is not None:
            yield from self._handed_back(worker, row)
        elif row.terminal_id is None and row.state == "error":
            yield self._word.handoff_failed(row)

    def _young(self, since: int) -> Iterator[Terminal]:
        """The terminals created since then, the last seen first."""
        for terminal in reversed(self._terminals.values()):
            if terminal.created < since:
                return
            yield terminal

    def _tie(self, terminal: Terminal, jobs: Iterable[cao.HandoffRow]) -> Iterator[Event]:
        """Takes a new terminal for a running handoff's worker, by the rule at the top of this file."""
        if terminal.row.seen_by != "status" or terminal.told is not None or terminal.delegation is not None:
            return
        # A session that somebody opens has such a terminal too, until its hook comes, which is before it works.
        alone = terminal.session.terminals == 1 and not terminal.scheduled and terminal.first_turn is not None
        if terminal.over or not (terminal.row.caller_id or alone):
            return
        job = next((job for job in jobs if 0 <= terminal.created - job.created_at <= _TIE_WITHIN), None)
        if job is not None and job.job_id in self._jobs:
            del self._jobs[job.job_id]
            self._workers[job.job_id] = terminal.id
            self._agenda.forget(self._workers, job.job_id)
            yield from self._hand_off(terminal, job)

    def _hand_off(self, worker: Terminal, job: cao.HandoffRow) -> Iterator[Event]:
        # A session made for the handoff begins with its worker, 0.05 s after the call; nothing begins before it.
        alone = worker.session.terminals == 1
        called = worker.created if alone else job.created_at
        yield from self._delegate(worker, "handoff", called, awaited=True)
        if worker.first_turn is not None:
            yield self._word.delivered(worker, prompt_id(worker), worker.first_turn)

    def _handed_back(self, worker: Terminal, row: cao.HandoffRow) -> Iterator[Event]:
        if worker.delegation is None:
            yield from self._hand_off(worker, row)
        if worker.delegation != "handoff" or not worker.awaited:
            return
        error = row.error_message or ""
        late = "did not complete within" in error or "timed out" in error
        outcome: Outcome = "completed" if row.state == "completed" else "timeout" if late else "failed"
        yield from self._answer(worker, row.updated_at, outcome, error=row.error_message, text=row.last_message)
        if outcome == "completed":
            yield from self._leave(worker)
        yield from self._agenda.explained(worker.id)

    # --- workflows ---

    def _run_row(self, row: cao.RunRow) -> Iterator[Event]:
        session = self._runs.get(row.run_id)
        if session is None:
            started = row.at if row.started_at is None else row.started_at
            session = yield from self._begin_run(row.run_id, row.workflow_name, started)
        if session.run is None or session.over or row.state not in _RUN_ENDS:
            return
        session.run.state = row.state
        # `finished_at` is cut to the second, and may lie before the last sign of the last step.
        at = max(session.last_sign, row.at if row.finished_at is None else row.finished_at)
        self._agenda.forget(self._runs, row.run_id)
        yield from self._close(session, at, _RUN_ENDS[row.state][0])

    def _step_row(self, row: cao.StepRow) -> Iterator[Event]:
        session = self._runs.get(row.run_id)
        if session is None or session.run is None or session.over:
            return
        session.run.steps[row.step_id] = row
        for terminal in [one for one in session.run.unanswered.values() if one.step == row.step_id]:
            yield from self._learnt(terminal, row)

    def _learnt(self, terminal: Terminal, row: cao.StepRow) -> Iterator[Event]:
        outcome = self._outcome(terminal)
        if outcome is None:
            return
        if outcome == "completed":
            yield from self._leave(terminal)
        if terminal.end is None:
            if outcome != "completed":  # a success ends with its terminal
                yield from self._answer(terminal, row.at, outcome, error=row.error_kind)
        elif terminal.over:
            yield from self._answer(terminal, terminal.end.at, outcome, error=row.error_kind)
        else:
            yield from self._agenda.explained(terminal.id)

    def _outcome(self, terminal: Terminal) -> Outcome | None:
        """How the work in an awaited worker's terminal went, as far as that is known."""
        run = terminal.session.run
        if terminal.outcome is not None or terminal.step is None or run is None:
            return terminal.outcome
        row = run.steps.get(terminal.step)
        if row is not None:
            if row.attempts > terminal.attempt or row.state == "failed":
                return "timeout" if row.error_kind == "timeout" else "failed"
            if row.state in _STEP_SUCCESS:
                return "completed"
        return _RUN_ENDS[run.state][1] if run.state in _RUN_ENDS else None

    def _error(self, terminal: Terminal) -> str | None:
        run = terminal.session.run
        row = None if run is None or terminal.step is None else run.steps.get(terminal.step)
        return None if row is None else row.error_kind

    # --- tmux ---

    def _swept(self, fact: cao.Swept) -> Iterator[Event]:
        for found in fact.found:
            terminal = self._terminals.get(found.terminal or "")
            session = self._open.get(found.session or "")
            if terminal is not None:
                reason: EndReason = "exited" if found.kind == "process_exited" else "vanished"
                yield from self._ends(terminal, End(fact.at, reason, found.last_seen, found.exit_code))
            elif session is not None and found.kind == "session_gone":
                for terminal in list(session.living.values()):
                    yield from self._ends(terminal, End(fact.at, "vanished", found.last_seen))
                self._agenda.hold(session.uid, fact.at, partial(self._close, session, fact.at, "vanished"))
