"""What truly happened in one scenario, as text that a test can compare: roles stand for ids, and times are left out."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.real.truth import Deed, Handoff, Terminal, Truth


def account(truth: Truth, scenario: str, roles: Mapping[str, str]) -> str:
    names = {terminal: role for role, terminal in roles.items()}
    lines = chain(
        _terminals(truth, names),
        (f"{role} {', '.join(map(_deed, truth.diaries.get(one, ())))}".rstrip() for role, one in roles.items()),
        _handoffs(truth, names),
        _messages(truth, names),
        _run(truth, scenario),
    )
    text = "\n".join(lines)
    for one, role in names.items():
        text = text.replace(one, role)
    return text.replace(f"{scenario}_", "")


def _terminals(truth: Truth, names: Mapping[str, str]) -> Iterator[str]:
    terminals = [truth.terminals[one] for one in names]
    for terminal, life in zip(terminals, _lives(terminals), strict=True):
        called = f", called by {terminal.caller}" if terminal.caller else ""
        left = "gone" if terminal.gone else "there"
        yield f"{terminal.id} is a {terminal.agent} in session {life}{called}, {left}"


def _lives(terminals: Sequence[Terminal]) -> list[int]:
    """Which session each is in. CAO up to 2.4.1 does not tell sessions of one name apart, but they don't overlap."""
    lives: list[int] = []
    for terminal in terminals:
        beside = (life for other, life in zip(terminals, lives, strict=False) if _together(other, terminal))
        lives.append(next(beside, max(lives, default=0) + 1))
    return lives


def _together(earlier: Terminal, later: Terminal) -> bool:
    same = (earlier.session, earlier.incarnation) == (later.session, later.incarnation)
    return same and (earlier.gone is None or earlier.gone > later.seen)


def _deed(deed: Deed) -> str:
    match deed.what:
        case "calls":
            return f"calls {deed.more['tool']}"
        case "called":
            return _result(deed.more["result"])
        case _:
            return deed.what


def _result(result: dict[str, Any]) -> str:
    return "it succeeds" if result.get("success") else "it fails"


def _handoffs(truth: Truth, names: Mapping[str, str]) -> Iterator[str]:
    for handoff in truth.handoffs.values():
        if handoff.worker in names or (handoff.worker is None and _called(truth, handoff, names)):
            # The last four digits of a window's name are drawn by CAO.
            said = re.sub(r"-[0-9a-f]{4}\b", "", str(handoff.answer or handoff.error))
            yield f"handoff to {handoff.worker or 'nobody'} {handoff.state}: {said}"


def _called(truth: Truth, handoff: Handoff, names: Mapping[str, str]) -> bool:
    """Whether it is a call of theirs that got no worker: only its time says whose it is."""
    return any(
        call.at <= handoff.created <= result.at
        for terminal in names
        for call, result in zip(truth.deeds(terminal, "calls"), truth.deeds(terminal, "called"), strict=False)
        if call.more["tool"] == "handoff" and not result.more["result"].get("terminal_id")
    )


def _messages(truth: Truth, names: Mapping[str, str]) -> Iterator[str]:
    order = list(names)
    received = [message for message in truth.messages.values() if message.receiver in names]
    # Who of several is the first is chance.
    for message in sorted(received, key=lambda m: order.index(m.sender) if m.sender in names else -1):
        # Below its first line is what CAO adds.
        first = message.text.splitlines()[0]
        yield f"message from {message.sender} to {message.receiver} {message.status}: {first}"


def _run(truth: Truth, scenario: str) -> Iterator[str]:
    if run := truth.runs.get(scenario):
        yield f"run of a {run.tier} {run.state}"
    for step in truth.steps.values():
        if step.run == scenario:
            why = f": {step.error_kind}" if step.error_kind else ""
            yield f"step {step.id} {step.state} in attempt {step.attempts}{why}"
