from __future__ import annotations

from dataclasses import replace

import pytest

from handspan.cao import joining
from handspan.cao.joining import Joining
from handspan.otel_env import read
from handspan.sources import cao_facts as cao
from tests.cao.orchestrator import NOW

ROW = cao.TerminalRow(
    at=NOW, id="a1", seen_by="hook", tmux_session="cao-one", last_active=NOW, session_incarnation_id="c0ffee"
)
OURS = "session.id=c0ffee,handspan.session.name=cao-one"


class Session:
    """What CAO gives to the later terminals of a session."""

    def __init__(self, **environment: str) -> None:
        self.environment = environment
        self.sets = 0

    def enter(self, row: cao.TerminalRow) -> dict[str, str]:
        Joining(lambda _: dict(self.environment), self._set).enter(row)
        return self.environment

    def _set(self, name: str, environment: dict[str, str]) -> None:
        assert name == "cao-one"
        self.environment = environment
        self.sets += 1


def test_later_terminals_say_whose_they_are_and_keep_what_the_user_has_set() -> None:
    session = Session(KEPT="x", OTEL_RESOURCE_ATTRIBUTES="team=a,b=c%2Cd")
    assert session.enter(ROW) == {"KEPT": "x", "OTEL_RESOURCE_ATTRIBUTES": f"team=a,b=c%2Cd,{OURS}"}


def test_it_is_set_once() -> None:
    session = Session()
    session.enter(ROW)
    assert session.enter(replace(ROW, id="b2")) == {"OTEL_RESOURCE_ATTRIBUTES": OURS}
    assert session.sets == 1


def test_what_an_earlier_session_of_this_name_said_is_replaced() -> None:
    session = Session(OTEL_RESOURCE_ATTRIBUTES="team=a, session.id = 0ld ,handspan.session.name=cao-one")
    assert session.enter(ROW) == {"OTEL_RESOURCE_ATTRIBUTES": f"team=a,{OURS}"}


@pytest.mark.parametrize(
    "row",
    [replace(ROW, session_incarnation_id=None), replace(ROW, session_env={"CAO_WORKFLOW_RUN_ID": "r1"})],
    ids=["no incarnation", "a step"],
)
def test_where_the_session_has_no_uid_yet_nothing_is_said(row: cao.TerminalRow) -> None:
    session = Session()
    assert (session.enter(row), session.sets) == ({}, 0)


def test_names_are_written_so_that_a_sdk_reads_them() -> None:
    said = joining.attributes("", "a,b=c", "cao-ä ,=%")
    resource = dict(read({"OTEL_RESOURCE_ATTRIBUTES": said}).resource)
    assert resource == {"session.id": "a,b=c", "handspan.session.name": "cao-ä ,=%"}


def test_what_cao_would_drop_as_too_long_is_not_set() -> None:
    room = 2_047 - len(OURS) - len("team=,")
    fits, too_long = f"team={'a' * room}", f"team={'a' * (room + 1)}"
    assert joining.attributes(fits, "c0ffee", "cao-one") == f"{fits},{OURS}"
    assert joining.attributes(too_long, "c0ffee", "cao-one") == too_long
