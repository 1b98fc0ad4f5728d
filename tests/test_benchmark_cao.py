"""What the benchmark of the plugin makes of what it has seen. It runs a real CAO itself, for half an hour."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from benchmarks import cao, cao_found, cao_latency
from benchmarks.cao_cost import Cost
from benchmarks.cao_found import Found
from benchmarks.cao_latency import ABSENT, CREATE, HANGING, PRESENT
from handspan import names
from handspan.signals import Resource, Span
from tests.real.truth import Deed, Handoff, Message, Run, Terminal, Truth

if TYPE_CHECKING:
    from collections.abc import Mapping


def terminal(name: str, session: str = "cao-a", incarnation: str = "i1") -> Terminal:
    return Terminal(
        id=name,
        session=session,
        window="w",
        agent="coder",
        provider="mock_cli",
        caller=None,
        incarnation=incarnation,
        seen=1,
    )


def deed(what: str, **more: Any) -> Deed:
    return Deed(at=1, what=what, more=more)


# A lead has assigned to one, handed off to two, and was told something; a workflow's step ran in a session of its own.
TRUTH = Truth(
    terminals={
        "lead": terminal("lead"),
        "one": terminal("one"),
        "two": terminal("two"),
        "step": terminal("step", "cao-1234", "i2"),
    },
    messages={7: Message(id=7, sender="one", receiver="lead", text="Done.", status="delivered", created=1)},
    handoffs={
        "j1": Handoff(job="j1", state="completed", worker="two", answer=None, error=None, created=1, updated=2),
        "j2": Handoff(job="j2", state="error", worker=None, answer=None, error="no worker", created=1, updated=2),
    },
    runs={"run": Run(id="run", workflow="w", tier="yaml", state="completed")},
    diaries={
        "lead": (
            deed("began"),
            deed("called", tool="assign", result={"success": True, "terminal_id": "one"}),
            deed("called", tool="assign", result={"success": False, "message": "no"}),
            deed("called", tool="handoff", result={"success": True, "terminal_id": "two"}),
            deed("began"),
        ),
        "one": (deed("began"),),
        "two": (deed("began"),),
        "step": (deed("began"),),
    },
)
HAPPENED = {
    "session": Counter(["i1", "run"]),
    "terminal": Counter(["lead", "one", "two", "step"]),
    "turn": Counter(["lead", "lead", "one", "two", "step"]),
    "message": Counter(["inbox:7", "one:prompt", "two:prompt"]),
    "delegation": Counter(["one", "two", "step"]),
}


def test_what_happened_is_what_tables_and_diaries_say() -> None:
    assert cao_found.happened(TRUTH, ["step"]) == HAPPENED


def span(name: str, **attributes: str) -> Span:
    return Span(
        trace_id="1" * 32,
        span_id="2" * 16,
        parent_span_id=None,
        name=name,
        kind="internal",
        start=1,
        end=2,
        resource=Resource(service="cao", namespace="cao", instance="i"),
        attributes={getattr(names, key): value for key, value in attributes.items()},
    )


def test_a_span_is_one_thing() -> None:
    spans = [
        span("session cao-a", SESSION_ID="i1"),
        span("session w", SESSION_ID="run@2026-11-20T10:00:00Z@i"),
        span("session.started", SESSION_ID="i1"),
        span("terminal coder", TERMINAL_ID="one"),
        span("terminal.started", TERMINAL_ID="one"),
        span("boot coder", TERMINAL_ID="one"),
        span("invoke_agent coder", TERMINAL_ID="one"),
        span("send lead", MESSAGE_ID="inbox:7@i"),
        span("receive lead", MESSAGE_ID="inbox:7@i"),
        span("send coder", MESSAGE_ID="one:prompt"),
        span("assign coder", TARGET_TERMINAL="one"),
        span("handoff coder", TARGET_TERMINAL="two"),
        span("step plan", TARGET_TERMINAL="step"),
    ]
    assert cao_found.told(spans) == {
        "session": Counter(["i1", "run"]),
        "terminal": Counter(["one"]),
        "turn": Counter(["one"]),
        "message": Counter(["inbox:7", "one:prompt"]),
        "delegation": Counter(["one", "two", "step"]),
    }


def test_what_is_told_too_often_or_of_nothing_is_not_found() -> None:
    told = {kind: Counter[str]() for kind in cao_found.KINDS} | {
        "turn": Counter(["lead", "one", "one", "two", "nobody", "nobody"])
    }
    turns = next(found for found in cao_found.held_against(HAPPENED, told) if found.kind == "turn")
    assert turns == Found(kind="turn", happened=5, found=3, twice=1, invented=2)


def dispatch(mode: str, session: str) -> OtlpSpan:
    said = KeyValue(key="gen_ai.conversation.id", value=AnyValue(string_value=session))
    return OtlpSpan(name=f"execute_tool send_message:{mode}", attributes=[said])


def test_what_cao_tells_is_found_at_best() -> None:
    spans = [dispatch("assign", "cao-a"), dispatch("send_message", "cao-b"), OtlpSpan(name="GET /health")]
    told = cao_found.told_by_cao(spans, TRUTH, HAPPENED)
    # The assignment could as well be the handoff, but it is one of them; the message is in another session.
    assert {kind: things.total() for kind, things in told.items()} == {
        "session": 0,
        "terminal": 0,
        "turn": 0,
        "message": 1,
        "delegation": 1,
    }


def test_a_difference_is_one_of_the_same_round() -> None:
    # The machine is slow in the second half, for all of them.
    without = [0.1] * 20 + [0.5] * 20
    times = {
        (CREATE, ABSENT): without,
        (CREATE, PRESENT): [each + 0.01 for each in without],
        (CREATE, HANGING): [each + (0.01 if number % 2 else -0.01) for number, each in enumerate(without)],
    }
    absent, present, hanging = cao_latency.latencies(times)
    assert (absent.requests, absent.median, absent.p95, absent.typical.beyond_noise) == (40, 300.0, 500.0, False)
    typical = present.typical
    assert [round(value) for value in (typical.more, typical.least, typical.most)] == [10, 10, 10]
    assert (typical.beyond_noise, present.slow.beyond_noise) == (True, True)
    assert (hanging.typical.beyond_noise, round(hanging.slow.more)) == (False, 10)


@pytest.fixture
def results() -> Mapping[str, Any]:
    def cost(variant: str, by_message: tuple[float, ...], after: float) -> Cost:
        return Cost(
            variant=variant, messages=200, seconds=60.0, by_message=by_message, before=120.0, after=after, kept=0.5
        )

    return {
        "tellings": [
            cao.Telling(
                who=who,
                spans=20,
                requests=requests,
                traces=3,
                found=[Found(kind=kind, happened=5, found=4, twice=1, invented=0) for kind in cao_found.KINDS],
            )
            for who, requests in (("Handspan", 0), ("CAO's", 600))
        ],
        "latencies": cao_latency.latencies({
            (CREATE, ABSENT): [0.1] * 4,
            (CREATE, PRESENT): [0.102] * 4,
            (CREATE, HANGING): [0.1] * 4,
        }),
        "costs": [cost(ABSENT, (0.040, 0.041), 121.0), cost(PRESENT, (0.042, 0.042), 124.4)],
    }


def test_the_report_as_it_is_printed(results: Mapping[str, Any]) -> None:
    text = cao.as_markdown(**results)
    assert text[text.index("## Found") :] == (
        """\
## Found, of what happened

All 20 scenarios of `tests/real/scenarios.py`, once for each.

| | Handspan: found of happened | twice | invented | CAO's: found of happened | twice | invented |
|---|--:|--:|--:|--:|--:|--:|
| session | 4 of 5 | 1 | 0 | 4 of 5 | 1 | 0 |
| terminal | 4 of 5 | 1 | 0 | 4 of 5 | 1 | 0 |
| turn | 4 of 5 | 1 | 0 | 4 of 5 | 1 | 0 |
| message | 4 of 5 | 1 | 0 | 4 of 5 | 1 | 0 |
| delegation | 4 of 5 | 1 | 0 | 4 of 5 | 1 | 0 |

* Handspan: 20 spans, in 3 traces.
* CAO's: 20 spans, and 600 of HTTP requests, in 3 traces.

## Latency

Milliseconds. What is more than without the plugin has its 95 % interval beside it (bootstrap over rounds),
and **stands out** where it is beyond noise.

| request | plugin | requests | median | more | p95 | more |
|---|---|--:|--:|--:|--:|--:|
| POST /sessions | absent | 4 | 100.0 |  | 100.0 |  |
| POST /sessions | present | 4 | 102.0 | **+2.0 (+2.0 to +2.0)** | 102.0 | **+2.0 (+2.0 to +2.0)** |
| POST /sessions | collector hangs | 4 | 100.0 | +0.0 (+0.0 to +0.0) | 100.0 | +0.0 (+0.0 to +0.0) |

## Processor and memory, at 10 events a second

2 blocks of 30 s for each, in turn. The hour is scaled from what a
message costs, which is three events of CAO; what the server runs is counted in, tmux for the most part.

| plugin | events/s | processor ms a message, by block | s/h more than absent | MB before, after | on disk |
|---|--:|--:|--:|--:|--:|
| absent | 10.0 | 40.0, 41.0 |  | 120, 121 | 0.5 |
| present | 10.0 | 42.0, 42.0 | +18 (+12 to +24) | 120, 124 | 0.5 |
"""
    )
