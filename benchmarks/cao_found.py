"""What is found of what truly happens in all scenarios on a real CAO: `python -m benchmarks.cao` runs it.

The truth is CAO's tables and the diaries of the agents. A thing is found if a span is its own and says which it is:

    session      by its incarnation, a workflow's run by its id
    terminal     by its id
    turn         by its terminal: as many spans as the agent took up work
    message      by its number in the inbox; the prompt of a delegation by the worker
    delegation   by its worker: a handoff that got one, an assignment, a workflow's step

CAO's own spans say neither who nor which, but the session's name. So as many are taken to be found as there are spans
of that kind in the session: it can't be shown that they are not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handspan import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

    from handspan.signals import Span
    from tests.real.truth import Truth

KINDS = ("session", "terminal", "turn", "message", "delegation")
DISPATCH = "execute_tool send_message:"

# How often each thing of a kind happened, or is told.
Things = dict[str, Counter[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Of one kind of things. `twice`: told more often than it happened; `invented`: told, and never happened."""

    kind: str
    happened: int
    found: int
    twice: int
    invented: int


def held_against(happened: Things, told: Things) -> list[Found]:
    return [
        Found(
            kind=kind,
            happened=happened[kind].total(),
            found=(happened[kind] & told[kind]).total(),
            twice=sum(max(0, told[kind][key] - often) for key, often in happened[kind].items()),
            invented=sum(often for key, often in told[kind].items() if key not in happened[kind]),
        )
        for kind in KINDS
    ]


# --- what happened ---------------------------------------------------------------------------------------------------


def happened(truth: Truth, steps: Iterable[str]) -> Things:
    """`steps` are the terminals in which steps of workflows ran: each is in a tmux session that is no session."""
    alone, assigned = set(steps), _assigned(truth)
    workers = [handoff.worker for handoff in truth.handoffs.values() if handoff.worker] + assigned
    sessions = {terminal.incarnation or "" for terminal in truth.terminals.values() if terminal.id not in alone}
    return {
        "session": Counter([*sessions, *truth.runs]),
        "terminal": Counter([*truth.terminals]),
        "turn": Counter({one: number for one in truth.terminals if (number := len(truth.deeds(one, "began")))}),
        "message": Counter([*(f"inbox:{number}" for number in truth.messages), *(f"{one}:prompt" for one in workers)]),
        "delegation": Counter([*workers, *alone]),
    }


def _assigned(truth: Truth) -> list[str]:
    return [
        deed.more["result"]["terminal_id"]
        for terminal in truth.terminals
        for deed in truth.deeds(terminal, "called")
        if deed.more["tool"] == "assign" and deed.more["result"].get("success")
    ]


# --- what is told ----------------------------------------------------------------------------------------------------


def told(spans: Iterable[Span]) -> Things:
    """By Handspan."""
    things: Things = {kind: Counter() for kind in KINDS}
    for span in spans:
        if thing := _thing(span):
            kind, key = thing
            things[kind][key] += 1
    return things


def _thing(span: Span) -> tuple[str, str] | None:
    def text(key: str) -> str:
        return str(span.attributes[key])

    match span.name.split(" ")[0]:
        case "session":
            return "session", text(names.SESSION_ID).partition("@")[0]
        case "terminal":
            return "terminal", text(names.TERMINAL_ID)
        case "invoke_agent":
            return "turn", text(names.TERMINAL_ID)
        case "send":
            return "message", text(names.MESSAGE_ID).partition("@")[0]
        case "handoff" | "assign" | "step":
            return "delegation", text(names.TARGET_TERMINAL)
        case _:
            return None


def told_by_cao(spans: Iterable[OtlpSpan], truth: Truth, things: Things) -> Things:
    """By CAO's own telemetry, at best."""
    seen: Mapping[tuple[str, str], int] = Counter(
        (span.name.removeprefix(DISPATCH), attribute.value.string_value)
        for span in spans
        if span.name.startswith(DISPATCH)
        for attribute in span.attributes
        if attribute.key == names.CONVERSATION_ID
    )
    sent = {f"inbox:{message.id}": message.receiver for message in truth.messages.values()}
    prompts = {f"{worker}:prompt": worker for worker in things["delegation"]}
    return {
        **{kind: Counter[str]() for kind in KINDS},
        "message": _at_best(sent, "send_message", seen, truth) + _at_best(prompts, "assign", seen, truth),
        "delegation": _at_best({worker: worker for worker in prompts.values()}, "assign", seen, truth),
    }


def _at_best(
    terminals: Mapping[str, str], mode: str, seen: Mapping[tuple[str, str], int], truth: Truth
) -> Counter[str]:
    """Of these things, each in its terminal's session, as many as there are spans in that session."""
    left, found = dict(seen), Counter[str]()
    for key, terminal in terminals.items():
        place = (mode, truth.terminals[terminal].session)
        if left.get(place, 0):
            left[place] -= 1
            found[key] += 1
    return found
