from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from handspan import names
from handspan.events import MessageSent
from handspan.rules.memory import SECOND, Rules
from handspan.signals import Count, Log, Observation, Signal, Span
from handspan.testing import Story, play
from tests.stories import STORIES

SRC = Path(names.__file__).parent
DAY = 24 * 3600 * SECOND
# The label names that TELEMETRY.md allows: few values each, never a session's or terminal's id.
ALLOWED_LABELS = {
    *("source", "agent", "cli", "mode", "status", "outcome", "reason", "signal", "type", "sender", "receiver"),
    *("model", "direction", "hook", "route", "destination", "instance"),
}


def constants() -> dict[str, str]:
    return {name: value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}


def calls(function: str) -> int:
    tree = ast.parse(Path(names.__file__).read_text("utf-8"))
    return sum(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == function for n in ast.walk(tree)
    )


def test_each_name_is_there_once() -> None:
    assert [name for name, count in Counter(constants().values()).items() if count > 1] == []
    assert set(names.ATTRIBUTES) <= set(constants().values())
    # A table has one entry fewer than was written if a name was written twice.
    assert len(names.ATTRIBUTES) == calls("_attribute")
    assert len(names.LINKS) == calls("_link")
    assert len(names.LOG_EVENTS) == calls("LogEvent")
    assert len(names.METRICS) == calls("Metric")


@pytest.mark.parametrize(
    "said",
    [
        names.ATTRIBUTES,
        names.RESOURCE,
        names.LINKS,
        {name: says for name, (_, says) in names.SPANS.items()},
        {event.name: event.says for event in names.LOG_EVENTS.values()},
        {metric.name: metric.says for metric in names.METRICS.values()},
    ],
    ids=["attributes", "resource", "links", "spans", "log events", "metrics"],
)
def test_each_name_has_one_sentence(said: dict[str, str]) -> None:
    no_sentence = {
        name: says
        for name, says in said.items()
        if not says.endswith(".") or len(re.findall(r"\.(?:\s|$)", says)) != 1 or says != " ".join(says.split())
    }
    assert no_sentence == {}


def test_names_are_lower_case_words_with_dots() -> None:
    pattern = re.compile(r"[a-z]+([._][a-z]+)*")
    assert [
        n
        for n in (*names.ATTRIBUTES, *names.RESOURCE, *names.LINKS, *names.LOG_EVENTS, *names.METRICS)
        if not pattern.fullmatch(n)
    ] == []
    assert [n for n in names.ATTRIBUTES if n.startswith("gen_ai.agent.id")] == []


def test_the_log_events_hooks_types_and_aliases() -> None:
    assert {event.name: (event.hook, event.type, event.alias) for event in names.LOG_EVENTS.values()} == {
        "handspan.session.started": ("session_started", "dev.handspan.session_started", "session_created"),
        "handspan.session.ended": ("session_ended", "dev.handspan.session_ended", "session_killed"),
        "handspan.terminal.started": ("terminal_started", "dev.handspan.terminal_started", "terminal_created"),
        "handspan.terminal.ended": ("terminal_ended", "dev.handspan.terminal_ended", "terminal_killed"),
        "handspan.boot.started": ("boot_started", "dev.handspan.boot_started", None),
        "handspan.boot.ended": ("boot_ended", "dev.handspan.boot_ended", None),
        "handspan.turn.started": ("turn_started", "dev.handspan.turn_started", None),
        "handspan.turn.ended": ("turn_ended", "dev.handspan.turn_ended", None),
        "handspan.waiting.started": ("waiting_started", "dev.handspan.waiting_started", None),
        "handspan.waiting.ended": ("waiting_ended", "dev.handspan.waiting_ended", None),
        "handspan.delegation.started": ("delegation_started", "dev.handspan.delegation_started", None),
        "handspan.delegation.ended": ("delegation_ended", "dev.handspan.delegation_ended", None),
        "handspan.message_sent": ("message_sent", "dev.handspan.message_sent", "message_sent"),
        "handspan.message_received": ("message_received", "dev.handspan.message_received", None),
        "handspan.message_undelivered": ("message_undelivered", "dev.handspan.message_undelivered", None),
        "handspan.status_changed": ("status_changed", "dev.handspan.status_changed", None),
        "handspan.stuck": ("stuck", "dev.handspan.stuck", None),
        "handspan.unstuck": ("unstuck", "dev.handspan.unstuck", None),
        "handspan.notice": ("notice", "dev.handspan.notice", None),
    }


def test_every_opening_has_its_end() -> None:
    opened = {name.removesuffix(".started") for name in names.LOG_EVENTS if name.endswith(".started")}
    assert opened == {name.removesuffix(".ended") for name in names.LOG_EVENTS if name.endswith(".ended")}
    assert names.started(names.TURN) == "handspan.turn.started"
    assert names.ended(names.TURN) == "handspan.turn.ended"


def test_severities_are_opentelemetry_s() -> None:
    assert dict(names.SEVERITIES) == {"debug": 5, "info": 9, "action": 10, "warning": 13, "error": 17, "urgent": 17}


def test_metrics_have_only_labels_with_few_values() -> None:
    assert {label for metric in names.METRICS.values() for label in metric.labels} <= ALLOWED_LABELS


def test_the_metrics_are_telemetry_s() -> None:
    assert {metric.name: (metric.type, metric.labels) for metric in names.METRICS.values()} == {
        "handspan_sessions_ended_total": ("counter", ("source", "reason")),
        "handspan_terminals_ended_total": ("counter", ("source", "reason")),
        "handspan_messages_total": ("counter", ("source", "mode", "sender", "receiver")),
        "handspan_message_delivery_seconds": ("histogram", ("mode",)),
        "handspan_turn_seconds": ("histogram", ("agent", "outcome")),
        "handspan_delegation_seconds": ("histogram", ("mode", "sender", "receiver", "outcome")),
        "handspan_tokens_total": ("counter", ("agent", "model", "direction")),
        "handspan_cost_usd_total": ("counter", ("agent", "model")),
        "handspan_events_total": ("counter", ("source", "type")),
        "handspan_events_dropped_total": ("counter", ("source", "reason")),
        "handspan_truncated_total": ("counter", ("reason",)),
        "handspan_exported_total": ("counter", ("destination", "signal", "outcome")),
        "handspan_export_seconds": ("histogram", ("destination", "signal")),
        "handspan_hook_failures_total": ("counter", ("hook", "outcome")),
        "handspan_sessions": ("gauge", ("source",)),
        "handspan_terminals": ("gauge", ("source", "agent", "cli", "status")),
        "handspan_delegations_open": ("gauge", ("mode",)),
        "handspan_delegation_oldest_open_seconds": ("gauge", ("mode",)),
        "handspan_waiting_for_input": ("gauge", ("agent",)),
        "handspan_waiting_oldest_seconds": ("gauge", ("agent",)),
        "handspan_agents_stuck": ("gauge", ("agent",)),
        "handspan_spool_items": ("gauge", ("signal",)),
        "handspan_spool_bytes": ("gauge", ()),
        "handspan_spool_oldest_seconds": ("gauge", ("signal",)),
        "handspan_received_total": ("counter", ("signal", "outcome")),
        "handspan_record_bytes": ("gauge", ()),
    }


def test_every_attribute_is_used() -> None:
    used = {
        node.attr
        for path in SRC.rglob("*.py")
        if path.name != "names.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "names"
    }
    attributes = {name for name, value in constants().items() if value in names.ATTRIBUTES}
    assert attributes - used == set()


# --- what leaves is in the tables ------------------------------------------------------------------------------------


def everything() -> Story:
    """What no story says: every field of a terminal and a message, an attribute too long, events too late or too many."""
    story = Story("everything").at(0).session()
    story.terminal("t", "a", cli="codex", model="m", tmux_session="cao", window="w", pane="%1", pid=7, cwd="/home")
    story.at(1).status("t", "ready").usage("t", cache_write_tokens=5)
    story.at(2).typed("m1", "t", size=2_000, digest="00ff", text="x" * 2_000)
    for n in range(200):
        story.at(3).sent(f"n{n}", "t", "t")
    story.at(3.5).status("t", "working")
    for n in range(200):
        story.at(3.6).delivered(f"n{n}", "t")
    story.at(9).status("t", "ready")
    for n in range(350):
        story.at(5).sent(f"u{n}", "nobody", "t")
    story.at(10).gone("t")
    story.at(20).status("t", "working").at(100).status("t", "ready")
    story.add(MessageSent, message="n0", mode="assign", receiver="t", at=story.begin - 1_000 * DAY)
    return story.at(110).end()


@cache
def told() -> tuple[Signal, ...]:
    rules = Rules(idle_after=DAY, working_directory=True, messages=300)
    signals: list[Signal] = []
    for events in [*(story() for story in STORIES.values()), everything().events]:
        signals += play(events, rules=rules, after=2 * DAY / SECOND)
    return tuple(signals)


def test_every_attribute_that_leaves_is_in_the_table_and_the_other_way_round() -> None:
    left: set[str] = set()
    for signal in told():
        if isinstance(signal, Span | Log):
            left |= signal.attributes.keys()
        if isinstance(signal, Span):
            left |= {name for event in signal.events for name in event.attributes}
            left |= {names.LINK_TYPE for _ in signal.links}
    assert left == set(names.ATTRIBUTES)


def test_the_link_types_are_telemetry_s() -> None:
    types = {"message", "handoff", "assign", "callback", "parent_session", "continuation", "upstream"}
    assert set(names.LINKS) == types


def test_every_link_type_that_leaves_is_in_the_table_and_the_other_way_round() -> None:
    assert {link.type for signal in told() if isinstance(signal, Span) for link in signal.links} == set(names.LINKS)


def test_every_log_event_that_leaves_is_in_the_table_and_the_other_way_round() -> None:
    logs = [signal for signal in told() if isinstance(signal, Log)]
    assert {log.name for log in logs} == set(names.LOG_EVENTS)
    assert {log.severity for log in logs} <= set(names.SEVERITIES.values())
    assert {log.name for log in logs if log.attributes[names.EVENT_NAME] != log.name} == set()
    assert {log.name for log in logs if log.attributes[names.LOG_UID] != log.uid} == set()
    assert {log.name: log.body for log in logs} == {event.name: event.says for event in names.LOG_EVENTS.values()}


def test_every_span_event_has_a_log_event_s_hook_name() -> None:
    found = {event.name for signal in told() if isinstance(signal, Span) for event in signal.events}
    assert found == {"message_sent", "message_received"} <= {event.hook for event in names.LOG_EVENTS.values()}


def test_every_span_s_name_is_in_the_table_and_the_other_way_round() -> None:
    # A session may have no name; then its span's is one word.
    patterns = {
        kind: re.compile(
            re.sub(
                r"\{(agent|receiver)\}",
                ".+",
                form.replace(" {name}", "( .+)?").replace("{mode}", "(handoff|assign|step)"),
            )
        )
        for kind, (form, _) in names.SPANS.items()
    }
    left = {signal.name for signal in told() if isinstance(signal, Span)}
    assert {name for name in left if not any(pattern.fullmatch(name) for pattern in patterns.values())} == set()
    assert {kind for kind, pattern in patterns.items() if not any(pattern.fullmatch(name) for name in left)} == set()


def test_every_metric_that_the_rules_count_is_in_the_table_and_the_other_way_round() -> None:
    left: set[tuple[str, str, tuple[str, ...]]] = set()
    for signal in told():
        if isinstance(signal, Count | Observation):
            kind = "counter" if isinstance(signal, Count) else "histogram"
            left.add((signal.name, kind, tuple(sorted(signal.labels))))
    # The engine counts what it exports, the hub what it receives; gauges are looked up.
    others = {names.EXPORTED, names.EXPORT_SECONDS, names.HOOK_FAILURES, names.RECEIVED}
    counted = [m for m in names.METRICS.values() if m.type != "gauge" and m.name not in others]
    assert left == {(metric.name, metric.type, tuple(sorted(metric.labels))) for metric in counted}


def test_every_reason_that_is_counted_is_explained() -> None:
    def reasons(metric: str) -> set[str]:
        return {s.labels["reason"] for s in told() if isinstance(s, Count) and s.name == metric}

    assert reasons(names.EVENTS_DROPPED) <= set(names.DROPPED)
    assert reasons(names.EVENTS_DROPPED) >= {"late", "ended"}
    assert reasons(names.TRUNCATED) <= set(names.CUT)
    assert reasons(names.TRUNCATED) >= {"value", "events", "links", "messages"}
