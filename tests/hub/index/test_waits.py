from __future__ import annotations

from handspan import names
from handspan.hub.index.waits import PERSON, Open, Wait, waits


def delegation(
    caller: str | None, worker: object, start: int, mode: str = "handoff", *, awaited: object = True
) -> Open:
    said = {names.TOOL_NAME: mode, names.TARGET_TERMINAL: worker, names.AWAITED: awaited}
    return Open(names.DELEGATION, caller, start, said | ({names.CALLER_TERMINAL: caller} if caller else {}))


def asks(terminal: str, start: int) -> Open:
    return Open(names.WAITING, terminal, start, {})


def turn(terminal: str) -> Open:
    return Open(names.TURN, terminal, 0, {})


def test_a_chain_is_told_from_the_outside_in() -> None:
    rows = [asks("test", 30), turn("sup"), turn("dev"), delegation("dev", "test", 20), delegation("sup", "dev", 10)]
    assert waits(rows) == [
        Wait("sup", "dev", "handoff", 10),
        Wait("dev", "test", "handoff", 20),
        Wait("test", None, PERSON, 30),
    ]


def test_an_assignment_is_waited_for_when_there_is_nothing_else_to_do() -> None:
    assigned = [
        delegation("sup", "b", 11, "assign", awaited=False),
        delegation("sup", "a", 10, "assign", awaited=False),
    ]
    assert waits([*assigned, turn("sup")]) == []
    assert waits([*assigned, asks("a", 12)]) == [
        Wait("sup", "a", "assign", 10),
        Wait("a", None, PERSON, 12),
        Wait("sup", "b", "assign", 11),
    ]


def test_a_workflow_waits_for_its_step_without_a_terminal() -> None:
    step = Open(names.DELEGATION, None, 5, {names.TARGET_TERMINAL: "t", names.AWAITED: True})
    assert waits([step]) == [Wait(None, "t", "step", 5)]


def test_two_workflows_that_wait_for_the_same_are_each_told() -> None:
    assert waits([delegation(None, "t", 5), delegation(None, "t", 6), asks("t", 7)]) == [
        Wait(None, "t", "handoff", 5),
        Wait("t", None, PERSON, 7),
        Wait(None, "t", "handoff", 6),
    ]


def test_a_circle_comes_to_an_end() -> None:
    circle = [delegation("a", "b", 1), delegation("b", "a", 2), delegation("c", "c", 3)]
    assert waits(circle) == [
        Wait("a", "b", "handoff", 1),
        Wait("b", "a", "handoff", 2),
        Wait("c", "c", "handoff", 3),
    ]


def test_no_more_than_fifty_are_told() -> None:
    assert len(waits([delegation("sup", f"w{n}", n) for n in range(50)])) == 50
    assert len(waits([delegation("sup", f"w{n}", n) for n in range(51)])) == 50


def test_what_holds_the_wrong_type_waits_for_nobody() -> None:
    assert waits([delegation("sup", 7, 1), delegation("sup", None, 2), Open(names.WAITING, None, 3, {})]) == []


def test_a_caller_of_the_wrong_type_is_nobody() -> None:
    strange = Open(
        names.DELEGATION, None, 4, {names.CALLER_TERMINAL: ["x"], names.TARGET_TERMINAL: "t", names.AWAITED: True}
    )
    assert waits([strange]) == [Wait(None, "t", "step", 4)]
