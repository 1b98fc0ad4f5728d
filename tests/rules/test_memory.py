from __future__ import annotations

import dataclasses
import json
import types
import typing
from typing import Any, Literal

from handspan.rules.memory import Notes, Rules, State, Terminal, dump_state, load_state
from handspan.rules.timeline import Fact

RULES = Rules(settle=7)


def full(hint: Any, n: int = 1) -> Any:
    """A value of the annotated type that holds no default anywhere: a field that is added later is in it by itself."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Rules:
        return RULES
    if origin in {types.UnionType, typing.Union}:
        return full(next(arg for arg in args if arg is not type(None)), n)
    if origin is Literal:
        return args[0]
    if origin is list:
        return [full(args[0], n), full(args[0], n + 1)]
    if origin is dict:
        return {f"k{i}": full(args[1], i) for i in (n, n + 1)}
    if dataclasses.is_dataclass(hint):
        made: Any = hint
        hints = typing.get_type_hints(made)
        return made(**{f.name: _other(f, full(hints[f.name], n)) for f in dataclasses.fields(made)})
    # An `Any` is a key or an entry of the agenda: a list of texts and numbers.
    plain: dict[Any, Any] = {str: f"ä{n}", int: n, float: n + 0.5, bool: True, Any: [f"é{n}", n]}
    return plain[hint]


def _other(field: dataclasses.Field[Any], value: Any) -> Any:
    """The value, or another one if it is the field's default."""
    if value != field.default:
        return value
    return (not value) if isinstance(value, bool) else value + 1


def least() -> State:
    return State(rules=RULES, uid="s", source="cao", instance="i", start=5)


def test_a_state_with_everything_in_it_is_the_same_after_a_round_trip() -> None:
    state = full(State)
    form = dump_state(state)
    read = load_state(json.loads(json.dumps(form)), RULES)
    assert read == state
    assert dump_state(read) == form


def test_the_state_above_holds_no_default() -> None:
    def defaults(value: Any, path: str) -> list[str]:
        if isinstance(value, (list, dict)):
            held = typing.cast("list[Any] | dict[str, Any]", value)
            members = held.values() if isinstance(held, dict) else held
            return [found for member in members for found in defaults(member, path)] if members else [path]
        if not dataclasses.is_dataclass(value) or isinstance(value, Rules):
            return []
        found: list[str] = []
        for f in dataclasses.fields(value):
            kept = getattr(value, f.name)
            found += [f"{path}.{f.name}"] if kept == f.default or kept is None else defaults(kept, f"{path}.{f.name}")
        return found

    assert defaults(full(State), "state") == []


def test_every_field_is_in_the_dump_but_the_rules() -> None:
    form = dump_state(full(State))
    assert form.keys() == {f.name for f in dataclasses.fields(State)} - {"rules"}
    assert form["terminals"]["k1"].keys() == {f.name for f in dataclasses.fields(Terminal)}


def test_what_holds_its_default_is_left_out() -> None:
    assert dump_state(least()) == {"uid": "s", "source": "cao", "instance": "i", "start": 5}
    state = least()
    state.terminals["t"] = Terminal(id="t", start=6, facts=[Fact(7, "ready")], notes=Notes(dropped_links=1))
    assert dump_state(state) == {
        "uid": "s",
        "source": "cao",
        "instance": "i",
        "start": 5,
        "terminals": {
            "t": {"id": "t", "start": 6, "facts": [{"at": 7, "word": "ready"}], "notes": {"dropped_links": 1}}
        },
    }


def test_what_was_left_out_is_the_default_again() -> None:
    state = load_state({"uid": "s", "source": "cao", "instance": "i", "start": 5}, RULES)
    assert state == least()
    state.gone |= full(State).gone
    state.totals.turns += 1
    again = load_state({"uid": "s", "source": "cao", "instance": "i", "start": 5}, RULES)
    assert (again.gone, again.totals.turns) == ({}, 0)


def test_the_rules_are_the_reader_s() -> None:
    assert load_state(dump_state(least()), Rules(settle=9)).rules == Rules(settle=9)


def test_a_dump_is_no_part_of_the_state() -> None:
    state = full(State)
    form = dump_state(state)
    before = json.dumps(form)
    state.agenda[0].append(1)
    state.seen["x"] = 1
    state.terminals["k1"].told["k1"].key.append("x")
    assert json.dumps(form) == before


def test_a_number_that_equals_a_default_of_another_type_is_kept() -> None:
    terminal = Terminal(id="t", start=6, cost_usd=0)
    state = least()
    state.terminals["t"] = terminal
    # 0 is no 0.0: a state that goes on from a dump must write the same bytes.
    assert dump_state(state)["terminals"]["t"] == {"id": "t", "start": 6, "cost_usd": 0}


def test_every_rule_has_its_number() -> None:
    second, hour = 1_000_000_000, 3_600_000_000_000
    assert Rules() == Rules(
        settle=2 * second,
        lookback=1_500_000_000,
        stuck_after=600 * second,
        idle_after=None,
        part_age=24 * hour,
        part_spans=4_000,
        terminals=10_000,
        messages=4_096,
        past_turns=64,
        past_terminals=1_024,
        working_directory=False,
    )
