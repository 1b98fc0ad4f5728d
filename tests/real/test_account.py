from __future__ import annotations

from textwrap import dedent

from tests.real.account import account
from tests.real.truth import Deed, Handoff, Message, Run, Step, Terminal, Truth


def terminal(id: str, seen: int, gone: int | None, caller: str | None = None) -> Terminal:
    return Terminal(
        id=id,
        session="cao-play",
        window="w",
        agent="coder",
        provider="mock_cli",
        caller=caller,
        incarnation=None,
        seen=seen,
        gone=gone,
    )


def handoff(worker: str | None, created: int, error: str) -> Handoff:
    return Handoff(
        job=error, state="error", worker=worker, answer=None, error=error, created=created, updated=created + 1
    )


def message(number: int, sender: str, receiver: str) -> Message:
    return Message(
        id=number, sender=sender, receiver=receiver, text=f"{number}.\n\n[From {sender}]", status="pending", created=0
    )


def calls(at: int, worker: str | None) -> tuple[Deed, Deed]:
    return (
        Deed(at=at, what="calls", more={"tool": "handoff"}),
        Deed(at=at + 9, what="called", more={"tool": "handoff", "result": {"success": False, "terminal_id": worker}}),
    )


def test_roles_stand_for_ids_and_others_are_left_out() -> None:
    truth = Truth(
        terminals={
            "aa": terminal("aa", 1, 5),
            "bb": terminal("bb", 6, None),
            "cc": terminal("cc", 7, 9, caller="bb"),
            "xx": terminal("xx", 1, None),
        },
        messages={
            n: message(n, *pair) for n, pair in enumerate((("cc", "bb"), ("xx", "bb"), ("bb", "xx"), ("bb", "bb")))
        },
        handoffs={
            str(n): one
            for n, one in enumerate((
                handoff("cc", 11, "terminal cc failed"),
                handoff(None, 22, "Invalid 'x-00ff'"),
                handoff(None, 15, "another's"),
                handoff("xx", 22, "another's"),
            ))
        },
        runs={"play": Run(id="play", workflow="w", tier="yaml", state="failed")},
        steps={
            ("play", "one"): Step(run="play", id="one", state="failed", attempts=2, error_kind="timeout"),
            ("other", "two"): Step(run="other", id="two", state="failed", attempts=1, error_kind=None),
        },
        diaries={"bb": (*calls(10, "cc"), *calls(20, None), Deed(at=30, what="ended", more={})), "xx": calls(10, None)},
    )
    expected = """
        first is a coder in session 1, gone
        second is a coder in session 2, there
        worker is a coder in session 2, called by second, gone
        first
        second calls handoff, it fails, calls handoff, it fails, ended
        worker
        handoff to worker error: terminal worker failed
        handoff to nobody error: Invalid 'x'
        message from xx to second pending: 1.
        message from second to second pending: 3.
        message from worker to second pending: 0.
        run of a yaml failed
        step one failed in attempt 2: timeout
    """
    told = account(truth, "play", {"first": "aa", "second": "bb", "worker": "cc"})
    assert told == dedent(expected).strip()
