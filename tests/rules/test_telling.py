"""How what is known is written out: who a signal is about, attributes, and limits at the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handspan import names
from handspan.rules.memory import Rules
from handspan.rules.telling import upstream
from handspan.signals import Count
from handspan.testing import Story, logs, play, spans
from tests.picture_of import booted, called, counted, facts, span_of, spans_and_logs, supervised

if TYPE_CHECKING:
    from handspan.signals import Value


def who(story: Story) -> dict[str, str]:
    """Whose each span is: the service, and the terminal if there is one."""
    found = sorted(spans(play(story.events)), key=lambda s: (s.start, s.name))
    return {called(s.name, s.attributes): f"{s.resource.service} {s.resource.terminal or ''}".strip() for s in found}


def test_each_span_is_its_agents_and_what_is_nobodys_is_the_orchestrators() -> None:
    story = Story().at(0).session().terminal("s1", "supervisor").status("s1", "ready").at(5).status("s1", "working")
    story.at(6).typed("m", "s1").at(10).delegation("d1", "handoff", "s1").sent("p", "d1", "s1", "handoff").terminal(
        "d1", "developer"
    )
    story.at(11).status("d1", "ready").at(12).status("d1", "working").delivered("p", "d1").at(13).status(
        "d1", "waiting"
    )
    story.at(14).delegation("u1", "assign", "ghost").delegation("t1", "step", step="build")
    assert who(story.at(20).end()) == {
        "boot supervisor": "supervisor s1",
        "session s": "story",
        "session.started": "story",
        "terminal supervisor": "supervisor s1",
        "terminal.started": "developer d1",
        "invoke_agent supervisor #1": "supervisor s1",
        "receive supervisor m": "supervisor s1",
        "send supervisor m": "story",
        "boot developer": "developer d1",
        "handoff developer": "supervisor s1",
        "receive developer p": "developer d1",
        "send developer p": "supervisor s1",
        "terminal developer": "developer d1",
        "invoke_agent developer #1": "developer d1",
        "waiting_for_input": "developer d1",
        "assign unknown": "story",
        "step build": "story",
    }


def test_every_span_and_log_names_its_session_and_the_namespace_is_the_orchestrator() -> None:
    story = (
        booted(supervised().at(10).delegation("dev", "assign", "sup").sent("p", "dev", "sup", "assign"), 10, "dev")
        .at(13)
        .notice("n")
    )
    signals = play(story.at(20).end().events)
    for signal in spans_and_logs(signals):
        assert [signal.attributes[key] for key in (names.SESSION_ID, names.SESSION_NAME, names.CONVERSATION_ID)] == [
            "s",
            "s",
            "s",
        ]
        assert (signal.resource.namespace, signal.resource.instance) == ("story", "i")
    for log in logs(signals):
        assert log.attributes[names.EVENT_NAME] == log.name
        assert log.attributes[names.LOG_UID] == log.uid
        assert log.trace_id
        assert log.span_id


ATTRIBUTES: dict[str, dict[str, Value]] = {
    "session s": {
        "handspan.source": "story",
        "handspan.trace.part": 1,
        "gen_ai.workflow.name": "s",
        "handspan.end.reason": "killed",
        "handspan.session.terminals": 2,
        "handspan.session.turns": 1,
        "handspan.session.messages": 1,
        "handspan.session.undelivered": 0,
        "handspan.session.delegations": 2,
        "handspan.session.unanswered": 1,
        "handspan.session.errors": 0,
    },
    "terminal sup": {
        "handspan.terminal.id": "a",
        "gen_ai.agent.name": "sup",
        "handspan.agent.cli": "codex",
        "gen_ai.request.model": "m",
        "process.pid": 7,
        "handspan.tmux.session": "x",
        "handspan.tmux.window": "w",
        "handspan.tmux.pane": "%1",
        "handspan.terminal.turns": 1,
        "handspan.terminal.busy_seconds": 5.0,
        "handspan.terminal.waiting_seconds": 0.0,
        "handspan.terminal.messages_sent": 1,
        "handspan.terminal.messages_received": 0,
        "handspan.end.reason": "killed",
    },
    "boot sup": {"handspan.terminal.id": "a", "gen_ai.agent.name": "sup"},
    "invoke_agent sup #1": {
        "handspan.terminal.id": "a",
        "gen_ai.agent.name": "sup",
        "gen_ai.operation.name": "invoke_agent",
        "handspan.turn.number": 1,
        "handspan.turn.trigger": "human",
        "handspan.turn.outcome": "completed",
    },
    "assign dev": {
        "handspan.terminal.id": "a",
        "gen_ai.agent.name": "sup",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "assign",
        "handspan.delegation.caller.terminal": "a",
        "handspan.delegation.caller.agent": "sup",
        "handspan.delegation.target.terminal": "b",
        "handspan.delegation.target.agent": "dev",
        "handspan.delegation.awaited": False,
        "handspan.delegation.outcome": "unanswered",
    },
    "step build": {
        "handspan.workflow.step": "build",
        "handspan.workflow.attempt": 2,
        "handspan.delegation.target.terminal": "t",
        "handspan.delegation.awaited": True,
        "handspan.delegation.outcome": "unknown",
    },
    "send dev p": {
        "handspan.terminal.id": "a",
        "gen_ai.agent.name": "sup",
        "messaging.system": "handspan",
        "messaging.operation.type": "send",
        "messaging.destination.name": "dev",
        "messaging.message.id": "p",
        "messaging.message.body.size": 3,
        "handspan.message.mode": "assign",
        "handspan.message.digest": "d",
        "handspan.message.text": "abc",
        "handspan.message.sender.terminal": "a",
        "handspan.message.sender.agent": "sup",
        "handspan.message.receiver.terminal": "b",
        "handspan.message.receiver.agent": "dev",
    },
    "receive dev p": {
        "handspan.terminal.id": "b",
        "gen_ai.agent.name": "dev",
        "messaging.system": "handspan",
        "messaging.operation.type": "receive",
        "messaging.destination.name": "dev",
        "messaging.message.id": "p",
        "messaging.message.body.size": 3,
        "handspan.message.mode": "assign",
        "handspan.message.digest": "d",
        "handspan.message.text": "abc",
        "handspan.message.sender.terminal": "a",
        "handspan.message.sender.agent": "sup",
        "handspan.message.receiver.terminal": "b",
        "handspan.message.receiver.agent": "dev",
    },
}


@pytest.mark.parametrize("span", ATTRIBUTES)
def test_a_span_has_these_attributes(span: str) -> None:
    story = Story().at(0).session(kind="workflow")
    story.terminal("a", "sup", cli="codex", model="m", pid=7, cwd="/secret", tmux_session="x", window="w", pane="%1")
    story.at(1).status("a", "ready").at(5).status("a", "working", trigger="human").at(6).delegation(
        "b", "assign", "a"
    ).terminal("b", "dev")
    story.sent("p", "b", "a", "assign", size=3, digest="d", text="abc").at(7).delegation(
        "t", "step", step="build", attempt=2
    )
    story.at(8).delivered("p", "b").at(10).status("a", "ready").at(20).end()
    everywhere: dict[str, Value] = {"session.id": "s", "gen_ai.conversation.id": "s", "handspan.session.name": "s"}
    assert dict(span_of(play(story.events), span).attributes) == everywhere | ATTRIBUTES[span]


def test_the_working_directory_is_said_only_where_asked_for() -> None:
    events = Story().at(0).session().terminal("a", cwd="/home/me").at(5).end().events
    assert [
        facts(play(events, rules=rules), "terminal a", names.CWD) for rules in (Rules(), Rules(working_directory=True))
    ] == [
        {},
        {"working_directory": "/home/me"},
    ]


def test_kinds_of_spans() -> None:
    signals = play(supervised().at(6).typed("m", "sup").at(9).end().events)
    assert {s.name.split()[0]: s.kind for s in spans(signals) if s.kind != "internal"} == {
        "send": "producer",
        "receive": "consumer",
    }


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 1_024, "x" * 1_024),
        ("x" * 1_025, "x" * 1_024),
        ("é" * 512, "é" * 512),
        ("é" * 513, "é" * 512),
        ("x" + "é" * 512, "x" + "é" * 511),
    ],
    ids=["at the limit", "one over", "in two bytes", "one character over", "no half character"],
)
def test_an_attribute_has_at_most_1024_bytes_and_what_is_cut_is_counted(text: str, kept: str) -> None:
    signals = play(
        supervised().at(10).delegation("dev", "handoff", "sup").at(15).answered("dev", text=text).at(20).end().events
    )
    assert facts(signals, "handoff unknown", names.DELEGATION_TEXT) == {"text": kept}
    # On the span, and on the log event of its end.
    assert counted(signals, names.TRUNCATED) == ({} if kept == text else {"value": 2})


def test_what_a_log_event_loses_is_counted() -> None:
    signals = play(supervised().at(10).notice("n", text="x" * 1_025).notice("n", text="x" * 1_024).at(20).end().events)
    assert [len(str(log.attributes[names.NOTICE_TEXT])) for log in logs(signals) if log.name == names.NOTICE] == [
        1_024,
        1_024,
    ]
    assert counted(signals, names.TRUNCATED) == {"value": 1}


def strings(story: Story, name: str) -> tuple[int, list[int], dict[str, int | float]]:
    """The bytes of text on a span, the lengths of the texts of its messages, and what was cut."""
    signals = play(story.events)
    span = span_of(signals, name)
    said = [span.attributes, *(event.attributes for event in span.events)]
    size = sum(len(value.encode()) for attributes in said for value in attributes.values() if isinstance(value, str))
    return (
        size,
        [len(str(e.attributes.get(names.MESSAGE_TEXT, ""))) for e in span.events],
        counted(signals, names.TRUNCATED),
    )


def test_a_spans_texts_have_at_most_16_kb_and_what_is_cut_is_counted() -> None:
    story = supervised()
    for n in range(20):
        story.at(6 + n).sent(f"m{n:02}", "dev", "sup", text="x" * 1_000)
    size, texts, cut = strings(story.at(40).end(), "invoke_agent sup #1")
    assert size <= 16 * 1_024
    assert texts == [
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        1000,
        0,
        0,
        0,
        0,
        0,
    ]
    assert cut == {"span": texts.count(0)}


def test_texts_that_just_fit_are_all_kept() -> None:
    story = supervised()
    for n in range(14):
        story.at(6 + n).sent(f"m{n:02}", "dev", "sup", text="x" * 1_000)
    assert strings(story.at(40).end(), "invoke_agent sup #1")[1:] == ([1_000] * 14, {})


@pytest.mark.parametrize("number", [128, 129])
def test_a_span_has_at_most_128_events_and_what_is_cut_is_counted(number: int) -> None:
    story = supervised()
    for n in range(number):
        story.at(10 + n / 100).sent(f"m{n:03}", "dev", "sup")
    signals = play(story.at(20).end().events)
    turn = span_of(signals, "invoke_agent sup #1")
    assert (len(turn.events), turn.dropped_events) == (128, number - 128)
    assert counted(signals, names.TRUNCATED) == ({"events": 1} if number > 128 else {})


@pytest.mark.parametrize("number", [128, 129])
@pytest.mark.parametrize("working", [9.5, 10.0, 10.5], ids=["before", "at", "after"])
def test_a_turn_has_at_most_128_links_and_what_is_cut_is_counted(number: int, working: float) -> None:
    story = supervised().terminal("dev").status("dev", "ready")
    for n in range(number):
        story.at(8).sent(f"m{n:03}", "dev")
    story.at(working).status("dev", "working").at(10)
    for n in range(number):
        story.delivered(f"m{n:03}", "dev")
    signals = play(sorted(story.at(20).end().events, key=lambda e: e.at))
    turn = span_of(signals, "invoke_agent dev #1")
    over = number - 128
    assert (len(turn.links), turn.dropped_links, len(turn.events), turn.dropped_events) == (128, over, 128, over)
    assert counted(signals, names.TRUNCATED) == ({"events": 2 * over, "links": over} if over else {})


def test_no_span_is_shorter_than_a_microsecond() -> None:
    signals = play(
        supervised()
        .at(6)
        .status("sup", "ready")
        .status("sup", "working")
        .at(7)
        .status("sup", "waiting")
        .status("sup", "ready")
        .at(7)
        .end()
        .events
    )
    assert min(span.end - span.start for span in spans(signals)) == 1_000


def test_counts_of_what_was_cut_name_only_known_reasons() -> None:
    signals = play(
        supervised().at(10).notice("n", text="x" * 2_000).sent("m", "sup", text="x" * 2_000).at(20).end().events
    )
    reasons = {s.labels["reason"] for s in signals if isinstance(s, Count) and s.name == names.TRUNCATED}
    assert reasons <= set(names.CUT)


# --- upstream --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traceparent", "linked"),
    [
        (f"00-{'a' * 32}-{'b' * 16}-01", True),
        (f"00-{'A' * 32}-{'B' * 16}-00", True),
        (f"cc-{'a' * 32}-{'b' * 16}-03-more", True),
        (f"00-{'0' * 32}-{'b' * 16}-01", False),
        (f"00-{'a' * 32}-{'0' * 16}-01", False),
        (f"00-{'a' * 31}-{'b' * 16}-01", False),
        (f"00-{'g' * 32}-{'b' * 16}-01", False),
        (f"00-{'a' * 32}-{'b' * 16}", False),
        ("", False),
        (None, False),
    ],
    ids=[
        "plain",
        "upper case",
        "another version",
        "trace of zeros",
        "span of zeros",
        "too short",
        "no hex",
        "no flags",
        "empty",
        "none",
    ],
)
def test_a_traceparent_is_read_leniently(traceparent: str | None, linked: bool) -> None:
    assert [(link.trace_id, link.span_id, link.type) for link in upstream(traceparent)] == (
        [("a" * 32, "b" * 16, "upstream")] if linked else []
    )


def test_a_body_is_one_english_sentence_without_content() -> None:
    signals = play(
        supervised("secret")
        .at(6)
        .sent("m", "sup", text="password")
        .at(7)
        .notice("leak", text="password")
        .at(9)
        .end("failed", error="password")
        .events
    )
    bodies = {log.body for log in logs(signals)}
    assert bodies <= {event.says for event in names.LOG_EVENTS.values()}


def test_names_of_spans_and_bodies_never_carry_user_text() -> None:
    story = (
        supervised()
        .at(6)
        .sent("m", "sup", text="hunter2")
        .delegation("w", "handoff", "sup")
        .at(7)
        .answered("w", "failed", error="hunter2", text="hunter2")
    )
    story.at(8).gone("sup", "failed", error="hunter2").at(9).end("failed", error="hunter2")
    signals = play(story.events)
    assert [s.name for s in spans(signals) if "hunter2" in s.name] == []
    allowed = {names.MESSAGE_TEXT, names.DELEGATION_TEXT, names.ERROR_TEXT}
    carried = {key for s in spans_and_logs(signals) for key, value in s.attributes.items() if value == "hunter2"}
    assert carried == allowed
