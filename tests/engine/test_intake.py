from __future__ import annotations

import json
import logging
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handspan import names
from handspan.engine import recovery
from handspan.engine.intake import Intake
from handspan.events import Activity, to_line
from handspan.metrics import Book
from handspan.otlp import Encoder
from handspan.rules import Rules
from handspan.sessions import Sessions
from handspan.signals import Log, Resource, Span
from handspan.spool import Spool
from handspan.testing import BEGIN, SECOND, Clock, Story, play
from tests.stories import STORIES
from tests.story_strategies import stories

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handspan.events import Event
    from handspan.signals import Series
    from handspan.spool import Batch

DAY = 86_400
HERE = Resource(service="s", namespace="n", instance="i")
# Small parts, so that sessions are cut too.
RULES = Rules(part_spans=5)


@dataclass
class Life:
    """An engine without its threads, from a start to a SIGKILL: what it does not commit is gone."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    rules: Rules = RULES

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.spool = Spool(self.folder)
        self.spool.expect([("d", "traces"), ("d", "logs")])
        kept = self.spool.recover()
        self.intake = Intake(
            sessions=recovery.load(kept, self.rules)[0],
            book=Book(kept.metrics),
            encoder=Encoder(),
            known=self.spool.known,
            clock=lambda: self.clock.now,
        )
        for steps in kept.steps:
            self.intake.again(steps)

    def take(self, *events: Event) -> tuple[Batch, list[Log]]:
        self.clock.now = max([self.clock.now, *(event.at for event in events)])
        return self.intake.take(events)

    def tell(self, *events: Event) -> list[Log]:
        batch, logs = self.take(*events)
        self.spool.commit(batch)
        return logs

    def settle(self) -> None:
        for _ in range(10):
            self.clock.advance(1)
            self.tell()

    def checkpoint(self) -> None:
        self.spool.checkpoint(self.intake.sessions.changes(), self.clock.now)
        self.intake.sessions.stored()

    def die(self) -> None:
        self.spool.close()
        self.begin()

    def series(self) -> list[Series]:
        return list(self.intake.book.series(HERE))

    def left(self) -> list[Any]:
        with closing(sqlite3.connect(self.spool.path)) as db:
            return db.execute(
                "SELECT kind, owners.uid, resources.body, outbox.body, at FROM outbox"
                " JOIN owners ON owners.id = owner JOIN resources ON resources.id = resource ORDER BY seq"
            ).fetchall()


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    life = Life(tmp_path / "spool")
    yield life
    life.spool.close()


def counts(life: Life, name: str) -> dict[str, float]:
    return {
        ", ".join(point.labels.values()): point.value
        for series in life.series()
        if series.name == name
        for point in series.points
    }


# --- what is committed -----------------------------------------------------------------------------------------------


def test_a_batch_holds_the_events_in_their_time_and_all_that_they_cause(life: Life) -> None:
    story = Story().session().at(1).terminal("t")
    batch, logs = life.take(*story.events)
    steps = json.loads(batch.steps)
    assert [step if isinstance(step, int) else (step["type"], step["at"]) for step in steps] == [
        BEGIN,
        ("session_started", "2026-11-20T10:00:00.000000000Z"),
        BEGIN + SECOND,
        ("terminal_started", "2026-11-20T10:00:01.000000000Z"),
    ]
    assert (len(batch.ids), batch.at) == (2, BEGIN + SECOND)
    assert [(owner, record.kind) for owner, record in batch.records] == [("s", "logs")] * len(logs)
    assert [log.attributes["handspan.span.name"] for log in logs] == ["session s", "terminal t", "boot t"]
    assert {name for name, _, _ in batch.metrics} >= {names.EVENTS}


def test_the_journal_has_each_event_once_and_as_a_file_of_events_has_it(life: Life) -> None:
    one, two = Story(name="ä\0").session().at(1).terminal("t").events
    assert life.take(one)[0].steps == f"[{BEGIN},{to_line(one)}]"
    assert life.take(two)[0].steps == f"[{BEGIN + SECOND},{to_line(two)}]"


def test_time_in_which_nothing_happens_is_not_committed(life: Life) -> None:
    life.tell(*Story().session().events)
    life.clock.advance(0.1)
    assert not life.take()[0]


@pytest.mark.parametrize("name", STORIES)
def test_what_leaves_is_what_the_rules_say(name: str, tmp_path: Path) -> None:
    told = STORIES[name]()
    life = Life(tmp_path / "spool", rules=Rules())
    for event in told:
        life.tell(event)
    life.settle()
    encoder = Encoder()
    expected = [encoder.record(s) for s in play(told) if isinstance(s, Span | Log)]
    assert sorted(row[3] for row in life.left()) == sorted(record.body for record in expected)
    life.spool.close()


# --- crashes ---------------------------------------------------------------------------------------------------------

DEATHS = st.lists(
    st.sampled_from(["goes on", "dies while nothing is told", "dies before", "dies after", "checkpoint"]),
    min_size=1,
    max_size=8,
)


def groups(told: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for n in range(0, len(told), 3):
        yield told[n : n + 3]


def lived(folder: Path, told: Sequence[Event], deaths: Sequence[str]) -> tuple[list[Any], list[Series]]:
    """What leaves, and is counted, of a life in which such things happen, one to each three events."""
    life = Life(folder)
    for n, group in enumerate(groups(told)):
        death = deaths[n % len(deaths)]
        # Time goes on before the next is told, and what was due is told by itself.
        life.clock.now = max(life.clock.now, group[0].at - 1)
        life.tell()
        if death == "dies while nothing is told":
            life.die()
        if death == "dies before":
            life.take(*group)
            life.die()
        life.tell(*group)
        if death == "checkpoint":
            life.checkpoint()
        if death == "dies after":
            life.die()
    life.settle()
    life.spool.close()
    return life.left(), life.series()


@settings(max_examples=60)
@given(stories(), DEATHS)
def test_whenever_it_dies_it_goes_on_as_if_it_had_not(told: list[Event], deaths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        without = lived(Path(folder) / "lives", told, ["goes on"])
        assert lived(Path(folder) / "dies", told, deaths) == without


# --- repeats ---------------------------------------------------------------------------------------------------------


def test_a_repeat_counts_once_within_a_batch_and_over_restarts_and_checkpoints(life: Life) -> None:
    told = Story().session().terminal("t").events
    life.tell(*told, *told)
    before = life.left()
    life.die()
    life.tell(*told)
    life.checkpoint()
    life.die()
    life.clock.advance(20 * 3_600)
    life.tell(*told)
    left = life.left()
    assert left[: len(before)] == before
    assert len({row[3] for row in left}) == len(left)
    assert counts(life, names.EVENTS) == {"story, session_started": 4, "story, terminal_started": 4}


def test_a_repeat_counts_once_in_a_batch_that_is_longer_than_a_session_remembers_ids(life: Life) -> None:
    (event,) = Story().notice("disk", id="e", session="").events
    (later,) = Story().at(60).session().events
    assert [log.name for log in life.tell(event, later, event)] == [names.NOTICE, "handspan.session.started"]


def test_an_id_is_forgotten_after_two_days(life: Life) -> None:
    (event,) = Story().notice("disk", id="e", session="").events
    life.tell(event)
    for days, logs in ((1, 0), (2, 1)):
        life.clock.now = BEGIN + days * DAY * SECOND
        life.checkpoint()
        life.die()
        assert len(life.tell(replace(event, at=life.clock.now))) == logs


def test_an_id_is_one_of_its_session(life: Life) -> None:
    life.tell(*Story("a").session(id="e").events, *Story("b").session(id="e").events)
    assert {row[1] for row in life.left()} == {"a", "b"}


# --- hostile events --------------------------------------------------------------------------------------------------


def test_text_that_is_none_costs_its_event_and_not_the_batch(life: Life) -> None:
    broken = Story().terminal("\ud800").events
    life.tell(*broken, *Story().session().events)
    assert counts(life, names.EVENTS) == {"story, session_started": 1, "story, terminal_started": 1}
    assert counts(life, names.EVENTS_DROPPED) == {"story, invalid": 1}
    assert {row[1] for row in life.left()} == {"s"}


class Faulty(Sessions):
    """Rules that fail at what a terminal does."""

    def apply(self, event: Any) -> Any:
        if isinstance(event, Activity):
            raise KeyError(event.terminal)
        return super().apply(event)


def test_a_fault_of_the_rules_costs_one_event_and_is_said_once(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    life.intake.sessions = Faulty(RULES)
    story = Story().session().alive("a").alive("b").terminal("t")
    with caplog.at_level(logging.ERROR, "handspan"):
        logs = life.tell(*story.events)
    assert len(caplog.messages) == 1
    assert "'a'" in caplog.messages[0]
    assert [log.attributes["handspan.span.name"] for log in logs] == ["session s", "terminal t", "boot t"]
    assert counts(life, names.EVENTS_DROPPED) == {"story, failed": 2}


def test_an_event_that_can_not_be_read_any_more_is_left_out(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    life.tell(*Story().session().events)
    with closing(sqlite3.connect(life.spool.path)) as db, db:
        steps = json.dumps([BEGIN + 1, {"type": "of_the_future"}])
        db.execute("INSERT INTO journal (steps) VALUES (?)", (steps,))
    with caplog.at_level(logging.WARNING, "handspan"):
        life.die()
    assert len(caplog.messages) == 1
    assert [session.uid for session in life.intake.sessions] == ["s"]
