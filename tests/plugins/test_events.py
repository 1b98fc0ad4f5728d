from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from handspan import names
from handspan.plugins import HOOKS, events
from handspan.plugins.events import EVENTS, HookEvent, Listener
from handspan.rules import Rules
from handspan.signals import Log, Resource
from handspan.testing import BEGIN, SECOND, Story, logs, play
from tests.stories import STORIES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handspan.events import Event
    from handspan.signals import Signal, Value


DAY = 24 * 3600


def heard(signals: Iterable[Signal]) -> list[HookEvent]:
    listener = Listener()
    return [event for log in logs(signals) if (event := listener.hear(log))]


def told(event: HookEvent) -> str:
    """An event as a line: what it says beyond what every one says."""
    common = {field.name for field in dataclasses.fields(HookEvent)} - {"terminal_id"}
    own = {f.name: getattr(event, f.name) for f in dataclasses.fields(event) if f.name not in common}
    said = " ".join(f"{name}={value}" for name, value in own.items() if value not in (None, ()))
    return f"{(event.at - BEGIN) / SECOND:g} {event.name} {said}".rstrip()


def log(name: str, span: str = "s", attributes: dict[str, Value] | None = None) -> Log:
    return Log(
        uid="u",
        name=f"handspan.{name}",
        at=7,
        severity=9,
        body="It happened.",
        resource=Resource(service="dev", namespace="cao", instance="i", terminal="t"),
        attributes=attributes or {},
        trace_id="t",
        span_id=span,
    )


def ended(outcome: str, revision: int = 1, span: str = "s") -> Log:
    said: dict[str, Value] = {names.OUTCOME: outcome}
    if revision > 1:
        said[names.REVISION] = revision
    return log("turn.ended", span, said)


def story() -> list[Event]:
    story = Story("s-1", name="checkout", source="cao").at(0).session().terminal("sup", "lead", cli="codex", pid=12)
    story.at(1).status("sup", "working").at(3).status("sup", "ready").at(5).status("sup", "working")
    story.at(6).delegation("dev", "handoff", "sup").sent("p1", "dev", "sup", "handoff", size=4, text="help")
    story.at(6.5).terminal("dev", "developer").status("dev", "working").at(9).status("dev", "ready")
    story.at(10).status("dev", "waiting").delivered("p1", "dev").at(11).status("dev", "working")
    story.at(20).status("dev", "ready").answered("dev", text="done").at(21).gone("dev", "crashed", exit_code=3)
    story.at(30).sent("m2", "sup", "dev", digest="00ff").notice("ci.failed", severity="warning", text="red")
    return story.at(700).status("sup", "ready").at(701).end().events


def test_a_story_is_heard_as_events() -> None:
    assert [told(event) for event in heard(play(story()))] == [
        "0 session_created",
        "0 terminal_created terminal_id=sup cli=codex pid=12",
        "0 boot_started terminal_id=sup",
        "1 status_changed terminal_id=sup status=working previous=unknown",
        "3 status_changed terminal_id=sup status=ready previous=working",
        "3 boot_ended terminal_id=sup outcome=completed",
        "5 status_changed terminal_id=sup status=working previous=ready",
        "5 turn_started terminal_id=sup turn=1 trigger=unknown",
        "6 delegation_started terminal_id=sup mode=handoff caller=sup caller_agent=lead worker=dev awaited=True",
        "6 message_sent terminal_id=sup message_id=p1 mode=handoff sender=sup sender_agent=lead receiver=dev receiver_agent=unknown size=4 text=help",
        "6.5 terminal_created terminal_id=dev",
        "6.5 boot_started terminal_id=dev",
        "6.5 status_changed terminal_id=dev status=working previous=unknown",
        "9 status_changed terminal_id=dev status=ready previous=working",
        "9 boot_ended terminal_id=dev outcome=completed",
        "10 status_changed terminal_id=dev status=waiting previous=ready",
        "10 turn_started terminal_id=dev turn=1 trigger=handoff",
        "10 waiting_started terminal_id=dev turn=1",
        "10 message_received terminal_id=dev message_id=p1 mode=handoff sender=sup sender_agent=lead receiver=dev receiver_agent=developer size=4 text=help",
        "11 status_changed terminal_id=dev status=working previous=waiting",
        "11 waiting_ended terminal_id=dev outcome=answered turn=1",
        "20 status_changed terminal_id=dev status=ready previous=working",
        "20 turn_ended terminal_id=dev outcome=completed turn=1 trigger=handoff",
        "20 delegation_ended terminal_id=sup outcome=completed mode=handoff caller=sup caller_agent=lead worker=dev worker_agent=developer awaited=True text=done",
        "21 terminal_killed terminal_id=dev outcome=crashed exit_code=3",
        "30 message_sent terminal_id=dev message_id=m2 mode=send_message sender=dev sender_agent=developer receiver=sup receiver_agent=lead digest=00ff",
        "30 notice notice=ci.failed text=red",
        "606 stuck terminal_id=sup status=working seconds=600.0",
        "700 status_changed terminal_id=sup status=ready previous=working",
        "700 turn_ended terminal_id=sup outcome=completed turn=1 trigger=unknown",
        "700 unstuck terminal_id=sup status=ready seconds=694.0",
        "701 session_killed outcome=killed",
        "701 terminal_killed terminal_id=sup outcome=killed",
        "701 message_undelivered terminal_id=sup message_id=m2 mode=send_message sender=dev sender_agent=developer receiver=sup receiver_agent=lead digest=00ff",
    ]


def test_every_event_says_where_it_belongs() -> None:
    first, *_ = heard(play(story()))
    (span,) = {log.span_id for log in logs(play(story())) if log.name == "handspan.session.started"}
    (opening, *_) = logs(play(story()))
    assert first == events.SessionCreated(
        name="session_created",
        at=BEGIN,
        severity=names.INFO,
        says="A session began.",
        source="cao",
        instance="i",
        uid=opening.uid,
        trace_id=opening.trace_id,
        span_id=span,
        session_id="s-1",
        session_name="checkout",
    )


@pytest.mark.parametrize("name", STORIES)
def test_a_session_and_each_of_its_terminals_begin_and_end_once(name: str) -> None:
    # One of them ends by itself, a day after the last that was heard of it.
    happened = heard(play(STORIES[name](), rules=Rules(idle_after=DAY * SECOND), after=2 * DAY))
    kinds = ("session_created", "session_killed", "terminal_created", "terminal_killed")
    counted = Counter((event.name, event.session_id, event.terminal_id) for event in happened if event.name in kinds)
    assert set(counted.values()) == {1}
    begun = {key[1:] for key in counted if key[0].endswith("_created")}
    assert begun == {key[1:] for key in counted if key[0].endswith("_killed")}


def test_a_session_in_parts_begins_and_ends_once() -> None:
    signals = play(story(), rules=Rules(part_spans=5))
    assert len({log.trace_id for log in logs(signals) if log.trace_id}) > 1
    assert [told(event) for event in heard(signals)] == [told(event) for event in heard(play(story()))]


def test_a_later_revision_of_an_opening_is_not_heard() -> None:
    listener = Listener()
    assert listener.hear(log("turn.started"))
    assert listener.hear(log("turn.started", attributes={names.REVISION: 2})) is None


def test_an_opening_that_goes_on_from_the_part_before_is_not_heard() -> None:
    assert Listener().hear(log("session.started", attributes={names.CONTINUES: "s"})) is None


@pytest.mark.parametrize(
    ("tellings", "said"),
    [
        ([("completed", 1)], ["completed"]),
        ([("completed", 1), ("error", 2), ("killed", 3)], ["completed"]),
        ([("retracted", 1)], []),
        ([("retracted", 1), ("completed", 2)], ["completed"]),
        ([("retracted", 1), ("retracted", 2), ("completed", 3), ("error", 4)], ["completed"]),
        ([("completed", 1), ("retracted", 2), ("completed", 3)], ["completed"]),
        ([("continued", 1), ("killed", 2), ("continued", 3)], ["killed"]),
        # After a restart it is not known whether the first was none: silence is safer than a second call.
        ([("completed", 2)], []),
    ],
)
def test_of_all_tellings_of_an_end_the_first_real_one_is_heard(
    tellings: list[tuple[str, int]], said: list[str]
) -> None:
    listener = Listener()
    told = [listener.hear(ended(*telling)) for telling in tellings]
    assert [event.outcome for event in told if isinstance(event, events.Ended)] == said


def test_ends_of_different_spans_are_different() -> None:
    listener = Listener()
    assert listener.hear(ended("retracted", 1, "a")) is None
    assert listener.hear(ended("completed", 2, "b")) is None
    assert listener.hear(ended("completed", 2, "a"))


def test_so_many_ends_that_were_none_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_NO_ENDS_KEPT", 2)
    listener = Listener()
    for span in "abc":
        assert listener.hear(ended("retracted", 1, span)) is None
    assert [bool(listener.hear(ended("completed", 2, span))) for span in "abc"] == [False, True, True]


def test_what_is_no_log_event_of_ours_is_not_heard() -> None:
    assert Listener().hear(log("turn.started.twice")) is None


@pytest.mark.parametrize("name", names.LOG_EVENTS)
def test_every_kind_of_log_event_makes_an_event_even_with_nothing_said(name: str) -> None:
    event = Listener().hear(log(name.removeprefix("handspan.")))
    assert event is not None
    assert type(event) is EVENTS[name]
    assert (event.name, event.source, event.instance) == (HOOKS[names.LOG_EVENTS[name].hook], "cao", "i")


@pytest.mark.parametrize("kind", dict.fromkeys(EVENTS.values()))
def test_an_event_is_frozen(kind: type[HookEvent]) -> None:
    event = Listener().hear(log(next(name for name, made in EVENTS.items() if made is kind).removeprefix("handspan.")))
    assert event
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.at = 8  # type: ignore[misc]


def test_text_that_the_log_event_does_not_carry_is_not_there() -> None:
    with_text = [event for event in heard(play(story())) if getattr(event, "text", None)]
    assert [event.name for event in with_text] == ["message_sent", "message_received", "delegation_ended", "notice"]
    texts = {names.MESSAGE_TEXT, names.DELEGATION_TEXT, names.NOTICE_TEXT}
    silent = [
        dataclasses.replace(log, attributes={k: v for k, v in log.attributes.items() if k not in texts})
        for log in logs(play(story()))
    ]
    assert [event for event in heard(silent) if getattr(event, "text", None)] == []
