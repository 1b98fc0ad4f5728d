"""Turns the recordings of CAO under `golden/cao` into facts: what a plugin in that server would have seen.

A recording holds what a spy plugin saw (hooks, statuses, in four of them rows of tables) and what the driver of the
scenario did and was told. The plugin sees the tables instead; so the rows are rebuilt from the driver's, and appear when
a look at the tables would have shown them. `python -m tests.cao_facts` writes all facts files again.

Where no time was recorded it is estimated from recordings that have it (all CAO 2.5.4, one machine):

* a terminal's row is created 0.09 s before its first status (0.07 to 0.13, 15 terminals), or 0.075 s before its hook;
* a handoff's row 0.05 s before its worker's (0.057 and 0.041, recording 29);
* its success is written 0.1 s before `/exit` shows as `processing`, its failure 0.67 s before the driver's own process
  has ended and says so (both recording 29);
* an inbox row is marked delivered as the typing begins, which is when the receiver shows `processing`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handspan.events import time_from_text
from handspan.sources import cao_facts as cao

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER = Path(__file__).parent / "golden" / "cao"

MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND
LOOK = SECOND // 2  # the plugin reads the tables this often (DESIGN.md, Threads)
SWEEP = 5 * SECOND  # and tmux this often

ROW_BEFORE_STATUS = 90 * MILLISECOND
ROW_BEFORE_HOOK = 75 * MILLISECOND
HANDOFF_BEFORE_ROW = 50 * MILLISECOND
SUCCESS_BEFORE_EXIT = 100 * MILLISECOND
FAILURE_BEFORE_REPORT = 670 * MILLISECOND

Row = dict[str, Any]


def nanoseconds(value: Any) -> int:
    """Of a number of seconds, or of CAO's text, which is in UTC and does not always say so."""
    if isinstance(value, Decimal):
        return int(value * SECOND)
    text = str(value).replace(" ", "T")
    return time_from_text(text if re.search(r"(Z|[+-]\d\d:\d\d)$", text) else f"{text}Z")


@dataclass(slots=True)
class Terminal:
    """What the whole recording tells of one terminal."""

    id: str
    statuses: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    created_hook: int | None = None
    killed: int | None = None
    told: Row = field(default_factory=dict[str, Any])
    last_active: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    @property
    def seen_at(self) -> int:
        return min([at for at, _ in self.statuses[:1]] + ([self.created_hook] if self.created_hook else []))

    @property
    def seen_by(self) -> cao.SeenBy:
        return "hook" if self.seen_at == self.created_hook else "status"

    @property
    def created(self) -> int:
        """Input touches `last_active`: it is the creation only if it is older than the first sight."""
        recorded = [active for _, active in self.last_active if active < self.seen_at]
        if recorded:
            return min(recorded)
        return self.seen_at - (ROW_BEFORE_HOOK if self.seen_by == "hook" else ROW_BEFORE_STATUS)

    @property
    def session(self) -> str:
        return str(self.told["tmux_session"])


class Recording:
    """One recording, read whole: its rows, and its terminals as all rows together tell of them."""

    def __init__(self, path: Path) -> None:
        with path.open(encoding="utf-8") as lines:
            rows = [json.loads(line, parse_float=Decimal) for line in lines]
        self.name = path.parent.name
        self.rows: list[Row] = sorted(rows, key=lambda row: row["wall"])
        self.setups = [nanoseconds(row["wall"]) for row in self.of("plugin.setup")]
        self.terminals: dict[str, Terminal] = {}
        for row in self.of("bus.status", "hook"):
            self._lived(row)
        for row in self.of("db.first_seen", "hook", "api"):
            self._told(row)
        for terminal in self.terminals.values():
            self._inherit(terminal)

    def of(self, *kinds: str) -> Iterator[Row]:
        return (row for row in self.rows if row["kind"] in kinds)

    def calls(self, method: str, path: str = "") -> Iterator[Row]:
        """The driver's calls, with the answer in `body`."""
        for row in self.of("api"):
            if row["method"] == method and re.fullmatch(path, row.get("path", "")):
                yield row

    def tools(self, tool: str) -> Iterator[tuple[int, Row]]:
        """The calls of an MCP tool that did something, with the time at which the driver knew of their result."""
        for row in self.calls("MCP"):
            if row["tool"] == tool:
                yield nanoseconds(row["wall"]), {**row["result"], "caller": row["caller"], "agent": row["args"][0]}

    def hooks(self, name: str) -> Iterator[Row]:
        return (row["event"] for row in self.of("hook") if row["event"]["event_type"] == name)

    def next_look(self, at: int, every: int = LOOK) -> int:
        start = max(setup for setup in self.setups if setup <= at)
        return at + (start - at) % every

    def _lived(self, row: Row) -> None:
        at = nanoseconds(row["wall"])
        if row["kind"] == "bus.status":
            name = row["topic"].split(".")[1]
            self.terminals.setdefault(name, Terminal(name)).statuses.append((at, row["data"]["status"]))
            return
        event = row["event"]
        name = event.get("terminal_id")
        if event["event_type"] == "post_create_terminal":
            self.terminals.setdefault(name, Terminal(name)).created_hook = at
        elif event["event_type"] == "post_kill_terminal" and name in self.terminals:
            self.terminals[name].killed = at

    def _told(self, row: Row) -> None:
        if row["kind"] == "db.first_seen":
            self._tell(row["terminal"], {**row["meta"], "session_env": row.get("session_env")}, row["wall"])
        elif row["kind"] == "hook":
            event = row["event"]
            told = {"agent_profile": event.get("agent_name"), "tmux_session": event.get("session_id")}
            self._tell(event.get("terminal_id"), {**told, "provider": event.get("provider")}, row["wall"])
        elif row["method"] == "MCP":
            result = row["result"]
            provider = re.search(r"\((\w+_cli)\)", str(result.get("message")))
            told = {"agent_profile": row["args"][0], "caller_id": row["caller"]}
            self._tell(result.get("terminal_id"), {**told, "provider": provider and provider[1]}, row["wall"])
        elif row["method"] == "CLI":
            named = re.search(r"terminal_id: (\w+)", row["err"])
            self._tell(named and named[1], {"caller_id": row["caller"]}, row["wall"])
        else:
            self._answered(row)

    def _answered(self, row: Row) -> None:
        asked: Row = row.get("params") or {}
        body: Row = row["body"] if isinstance(row.get("body"), dict) else {}
        if row["method"] == "POST" and re.fullmatch(r"/sessions(/[^/]+/terminals)?", row["path"]):
            # The answer's last_active is the moment of the answer, not the table's.
            answer = _as_row(body) | {"working_directory": asked["working_directory"], "last_active": None}
            self._tell(body.get("id"), answer, row["wall"])
            for terminal in self.terminals.values():
                # A creation that failed names no terminal: it is the one that was first seen meanwhile.
                if row["status"] == 500 and nanoseconds(row["started"]) < terminal.seen_at < nanoseconds(row["wall"]):
                    self._tell(terminal.id, asked | {"tmux_session": f"cao-{asked['session_name']}"}, row["wall"])
        elif row["method"] == "GET":
            listed: list[Row] = [body] if "last_active" in body else body.get("terminals", [])
            for terminal_row in listed:
                self._tell(terminal_row["id"], _as_row(terminal_row), row["wall"])

    def _tell(self, name: str | None, told: Row, wall: Decimal) -> None:
        terminal = self.terminals.get(name or "")
        if terminal is None:
            return
        if told.get("last_active"):
            terminal.last_active.append((nanoseconds(wall), nanoseconds(told["last_active"])))
        terminal.told.update({key: value for key, value in told.items() if value is not None and key in _COLUMNS})

    def _inherit(self, terminal: Terminal) -> None:
        """A worker joins its caller's session, with its directory and provider; a session has one incarnation at a time."""
        caller = self.terminals.get(terminal.told.get("caller_id") or "")
        if caller:
            for column in ("tmux_session", "provider", "working_directory"):
                terminal.told.setdefault(column, caller.told.get(column))
            if caller.session == terminal.session:
                terminal.told.setdefault("session_incarnation_id", caller.told.get("session_incarnation_id"))


_COLUMNS = frozenset(cao.TerminalRow.__dataclass_fields__) - {"at", "added", "id", "seen_by", "last_active"}


def _as_row(body: Row) -> Row:
    """The API calls some columns otherwise."""
    renamed = {"tmux_session": body.get("session_name"), "tmux_window": body.get("name")}
    return {**body, **{column: body.get(column) or value for column, value in renamed.items()}}


# --- what the plugin is told -----------------------------------------------------------------------------------------


def lives(recording: Recording) -> Iterator[cao.Fact]:
    for row in recording.of("plugin.setup", "plugin.teardown"):
        cls = cao.ServerStarted if row["kind"] == "plugin.setup" else cao.ServerStopping
        yield cls(at=nanoseconds(row["wall"]))


def told(recording: Recording) -> Iterator[cao.Fact]:
    for row in recording.of("hook", "bus.status"):
        at = nanoseconds(row["wall"])
        if row["kind"] == "bus.status":
            yield cao.Status(at=at, terminal=row["topic"].split(".")[1], status=row["data"]["status"])
        else:
            event: Row = row["event"] | {"at": at, "timestamp": nanoseconds(row["event"]["timestamp"])}
            yield cao.Hook(**event)


# --- the tables ------------------------------------------------------------------------------------------------------


def terminal_rows(recording: Recording) -> Iterator[cao.Fact]:
    """At first sight, and again at every start of the server in the terminal's life."""
    for terminal in sorted(recording.terminals.values(), key=lambda terminal: terminal.created):
        row: Row = {**terminal.told, "id": terminal.id}
        seen = terminal.seen_at
        yield cao.TerminalRow(at=seen, seen_by=terminal.seen_by, last_active=terminal.created, **row)
        for start in recording.setups:
            if seen < start < (terminal.killed or 0):
                active = [active for at, active in terminal.last_active if at > start]
                yield cao.TerminalRow(at=start, seen_by="table", last_active=active[0], **row)


def gone_rows(recording: Recording) -> Iterator[cao.Fact]:
    """Rows that left the table without a hook: of workflow steps, recycled flows, and creations that failed."""
    flow_runs = [nanoseconds(row["started"]) for row in recording.calls("POST", "/flows/[^/]+/run")]
    failures = [nanoseconds(row["wall"]) for row in recording.calls("POST", "/sessions") if row["status"] == 500]
    for terminal in recording.terminals.values():
        if terminal.killed is not None:
            continue
        ends = [at for at in flow_runs + failures if at > terminal.seen_at]
        if terminal.told.get("session_env"):
            ends = [step_end(recording, terminal)]
        look = recording.next_look(ends[0])
        yield cao.TerminalGone(at=look, terminal=terminal.id, last_seen=look - LOOK)


def handoff_rows(recording: Recording) -> Iterator[cao.Fact]:
    recorded = {row["terminal_id"]: row for seen in recording.of("db.handoff_results") for row in seen.get("rows", ())}
    for number, (reported, result) in enumerate(recording.tools("handoff")):
        yield from handoff_row(recording, number, reported, result)
    for worker, row in recorded.items():
        created, updated = nanoseconds(row["created_at"]), nanoseconds(row["updated_at"])
        outcome: Row = {"terminal_id": worker, **{key: row[key] for key in ("last_message", "error_message")}}
        yield from _written_twice(
            recording, row["job_id"], row["state"], created=created, updated=updated, outcome=outcome
        )


def handoff_row(recording: Recording, number: int, reported: int, result: Row) -> Iterator[cao.Fact]:
    worker = recording.terminals.get(result.get("terminal_id") or "")
    job = hashlib.sha256(f"{recording.name} {number}".encode()).hexdigest()[:32]
    updated = reported - FAILURE_BEFORE_REPORT
    if worker and result["success"]:
        updated = worker.statuses[-1][0] - SUCCESS_BEFORE_EXIT
    created = (worker.created if worker else updated) - HANDOFF_BEFORE_ROW
    outcome: Row = {
        "terminal_id": worker and worker.id,
        "last_message": result["output"],
        "error_message": None if result["success"] else _error_message(result),
    }
    state = "completed" if result["success"] else "error"
    yield from _written_twice(recording, job, state, created=created, updated=updated, outcome=outcome)


def _written_twice(
    recording: Recording, job: str, state: Any, *, created: int, updated: int, outcome: Row
) -> Iterator[cao.Fact]:
    called, ended = recording.next_look(created), recording.next_look(updated)
    if called < ended:
        yield cao.HandoffRow(at=called, job_id=job, state="running", created_at=created, updated_at=created)
    yield cao.HandoffRow(at=ended, job_id=job, state=state, created_at=created, updated_at=updated, **outcome)


def _error_message(result: Row) -> str:
    """What the table says, from what the tool said: the words differ, and only the table tells a time-out by its text."""
    message, worker = str(result["message"]), result["terminal_id"]
    if seconds := re.fullmatch(r"Handoff timed out after (\d+) seconds", message):
        return f"step on terminal {worker} did not complete within {seconds[1]}s"
    if "reached ERROR status" in message:
        return f"terminal {worker} reached ERROR status"
    return message.removeprefix("Handoff failed: ")


def inbox_rows(recording: Recording) -> Iterator[cao.Fact]:
    rows: dict[int, Row] = {}
    for told in _inbox(recording):
        number = told.get("message_id") or told["id"]
        rows.setdefault(number, {"id": number}).update(told)
    hooks = list(recording.hooks("post_send_message"))
    for _, row in sorted(rows.items()):
        yield from inbox_row(recording, row, hooks)


def _inbox(recording: Recording) -> Iterator[Row]:
    """What the driver was told of messages: when it sent one, and when it listed an inbox."""
    yield from (result for _, result in recording.tools("send_message"))
    yield from (row["body"] for row in recording.calls("POST", ".*/inbox/messages"))
    yield from (row["result"] for row in recording.of("mcp.tool.end") if row["tool"] == "send_message")
    for row in recording.calls("GET", ".*/inbox/messages"):
        yield from row["body"]


def inbox_row(recording: Recording, row: Row, hooks: list[Row]) -> Iterator[cao.Fact]:
    created = nanoseconds(row["created_at"])
    columns: Row = {key: row[key] for key in ("id", "sender_id", "receiver_id")} | {"created_at": created}
    hook = next((hook for hook in hooks if _delivers(hook, row)), None)
    if hook is None:
        yield cao.InboxRow(at=recording.next_look(created), status="pending", message=row["message"], **columns)
        return
    statuses = recording.terminals[row["receiver_id"]].statuses
    told = nanoseconds(hook["timestamp"])
    typed = max(at for at, status in statuses if status == "processing" and at < told)
    if (look := recording.next_look(created)) < typed:
        yield cao.InboxRow(at=look, status="pending", message=hook["message"], **columns)
    yield cao.InboxRow(at=recording.next_look(typed), status="delivered", message=hook["message"], **columns)


def _delivers(hook: Row, row: Row) -> bool:
    """Only a listing has a message's text; where the driver listed nothing there was one message between these two."""
    same = (hook["sender"], hook["receiver"]) == (row["sender_id"], row["receiver_id"])
    later = nanoseconds(hook["timestamp"]) > nanoseconds(row["created_at"])
    return same and later and row.get("message", hook["message"]) == hook["message"]


def steps(recording: Recording) -> Iterator[tuple[str, Terminal]]:
    for terminal in recording.terminals.values():
        if environment := terminal.told.get("session_env"):
            yield str(environment["CAO_WORKFLOW_STEP_ID"]), terminal


def step_end(recording: Recording, terminal: Terminal) -> int:
    """The kill, or the end that the run's journal tells to the second, but not before the last status."""
    if terminal.killed is not None:
        return terminal.killed
    for row in recording.calls("GET", "/workflows/runs/[^/]+/events"):
        for event in row["body"]["events"]:
            if event["event_type"] == "step.completed" and event["terminal_id"] == terminal.id:
                return max(nanoseconds(event["ts"]), terminal.statuses[-1][0])
    raise ValueError(f"{recording.name}: nothing tells when the step in terminal {terminal.id} ended")


def _runs(recording: Recording) -> Iterator[Row]:
    return (row["body"] for row in recording.calls("GET", "/workflows/runs/[^/]+"))


def running_rows(recording: Recording) -> Iterator[cao.Fact]:
    """A run and its steps as the plugin finds them when it first sees a step's terminal."""
    for run in _runs(recording):
        for number, (step, terminal) in enumerate(steps(recording)):
            at = terminal.seen_at
            if number == 0:
                yield cao.RunRow(at=at, state="running", **_run(run))
            yield cao.StepRow(at=at, run_id=run["run_id"], step_id=step, state="running", attempts=1)


def finished_rows(recording: Recording) -> Iterator[cao.Fact]:
    for run in _runs(recording):
        states = {step["id"]: step for step in run["steps"]}
        for step, terminal in steps(recording):
            at = recording.next_look(step_end(recording, terminal))
            state, attempts = states[step]["state"], states[step]["attempts"]
            yield cao.StepRow(at=at, run_id=run["run_id"], step_id=step, state=state, attempts=attempts)
        end = max(step_end(recording, terminal) for _, terminal in steps(recording))
        finished = nanoseconds(run["finished_at"])
        yield cao.RunRow(at=recording.next_look(end), state=run["state"], finished_at=finished, **_run(run))


def _run(run: Row) -> Row:
    return {
        **{key: run[key] for key in ("run_id", "workflow_name", "tier")},
        "started_at": nanoseconds(run["started_at"]),
    }


# --- tmux ------------------------------------------------------------------------------------------------------------


def swept(recording: Recording) -> Iterator[cao.Fact]:
    """Added by hand: nobody swept while these were recorded. What happened is in the driver's marks."""

    def sweep(mark: str, *found: tuple[cao.Kind, str | None, str | None]) -> cao.Fact:
        happened = next(nanoseconds(row["wall"]) for row in recording.of("driver.mark") if row["note"] == mark)
        at = recording.next_look(happened, SWEEP)
        things = (cao.Found(kind=k, terminal=t, session=s, last_seen=at - SWEEP) for k, t, s in found)
        return cao.Swept(at=at, added=True, found=tuple(things))

    if recording.name == "16_process_dies":
        yield sweep("agent process exits 3 on its own", ("process_exited", "1b0923da", None))
    elif recording.name == "17_window_killed_outside":
        yield sweep("tmux kill-window from outside", ("window_gone", "d4a280c7", None))
        yield sweep(
            "tmux kill-session from outside",
            ("window_gone", "0100929d", None),
            ("session_gone", None, "cao-s11"),
        )


# --- all of it -------------------------------------------------------------------------------------------------------

# In this order facts of one instant are told: rows before what they explain, a look's findings in the plugin's order.
PARTS = (lives, running_rows, terminal_rows, told, gone_rows, inbox_rows, handoff_rows, finished_rows, swept)


def facts_of(path: Path) -> list[cao.Fact]:
    """The facts of one recording, in the order in which the plugin puts them."""
    recording = Recording(path)
    return sorted((fact for part in PARTS for fact in part(recording)), key=lambda fact: fact.at)


def text_of(facts: Iterable[cao.Fact]) -> str:
    return "".join(f"{cao.to_line(fact)}\n" for fact in facts)


def scenarios() -> list[Path]:
    return sorted(path for path in FOLDER.iterdir() if (path / "recording.jsonl").exists())


def main() -> None:
    for scenario in scenarios():
        facts = facts_of(scenario / "recording.jsonl")
        (scenario / "facts.jsonl").write_text(text_of(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
