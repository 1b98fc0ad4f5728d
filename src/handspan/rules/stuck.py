"""Stuck: an agent that works without a sign of life, or waits for a person, for too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan import names
from handspan.rules import openings, telling
from handspan.rules.relations import Place

if TYPE_CHECKING:
    from handspan.rules.desk import Desk
    from handspan.rules.memory import Terminal


def watch(desk: Desk, t: Terminal) -> None:
    """Plan the moment at which a busy terminal will count as stuck, and notice that one no longer is."""
    since = quiet_since(desk, t)
    due = since + desk.s.rules.stuck_after if since is not None else None
    if due is None or due > desk.s.now:
        if t.stuck is not None:
            say_stuck(desk, t, names.UNSTUCK, since=t.stuck, severity=names.INFO)
            t.stuck = None
        if due is not None and (t.watched <= desk.s.now or due < t.watched):
            t.watched = due
            desk.plan(due, "stuck", t.id)


def quiet_since(desk: Desk, t: Terminal) -> int | None:
    """Since when a busy terminal has been waiting, or working without a sign; None if it is not busy."""
    busy = [spell for spell in openings.all_spells(desk.s, t) if spell.end is None and not spell.lost]
    if not busy or last_status(t) == "unknown":
        return None
    waiting = next((spell.start for spell in busy if spell.kind == names.WAITING), None)
    return max(t.sign, *(spell.start for spell in busy)) if waiting is None else waiting


def say_stuck(desk: Desk, t: Terminal, name: str, *, since: int, severity: int) -> None:
    attributes = telling.common(desk.s, t.id)
    attributes[names.STUCK_FOR] = telling.seconds(max(0, desk.at - since))
    attributes[names.STATUS] = last_status(t)
    place = Place(names.TERMINAL, t.id, t.start)
    desk.log(name, [t.id, desk.at], at=desk.at, place=place, attributes=attributes, about=t.id, severity=severity)


def do_stuck(desk: Desk, key: str) -> None:
    t = desk.s.terminals.get(key)
    since = quiet_since(desk, t) if t else None
    if t is None or since is None:
        return
    if since + desk.s.rules.stuck_after > desk.s.now:
        watch(desk, t)
    elif t.stuck is None:
        t.stuck = since
        say_stuck(desk, t, names.STUCK, since=since, severity=names.WARN)


def last_status(t: Terminal) -> str:
    later = [f.word for f in t.facts if f.word != "alive"]
    return later[-1] if later else t.phase.status if t.phase else "unknown"
