"""Signals as the API tells them to the page: spans, arrows between terminals, and a summary of their session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handspan import names
from handspan.show.picture import Row, blocks
from handspan.signals import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handspan.signals import Signal, Value

Json = dict[str, Any]


def _rows(signals: Iterable[Signal]) -> list[tuple[int, Row]]:
    return [(block.part, row) for block in blocks(signals) for row, _ in block.rows()]


def spans_of(signals: Sequence[Signal]) -> list[Json]:
    whole = {s.span_id: s for s in signals if isinstance(s, Span)}
    told: list[Json] = []
    for part, row in _rows(signals):
        if row.kind == names.SEND:
            told += _message(part, row, whole)
        elif row.kind in {*_KINDS}:
            told.append(_span(part, row, whole.get(row.id)))
    return told


_KINDS = (names.SESSION, names.TERMINAL, names.BOOT, names.TURN, names.WAITING, names.DELEGATION)


def _span(part: int, row: Row, span: Span | None) -> Json:
    said: Json = {
        "trace": row.trace,
        "id": row.id,
        "parent": row.parent,
        "kind": row.kind,
        "name": row.name,
        "terminal": row.text(names.TERMINAL_ID) or None,
        "agent": row.text(names.AGENT_NAME) or None,
        "start": str(row.start),
        "end": None if row.end is None else str(row.end),
        "open": row.end is None,
        "outcome": row.outcome or None,
        "error": (row.text(names.ERROR_TYPE) or "error") if row.error else None,
        "inferred": _inferred(row),
        "continues": row.text(names.CONTINUES) or None,
        "part": part,
        "attributes": {key: _value(value) for key, value in row.attributes.items()},
        "events": [
            {"at": str(e.at), "name": e.name, "attributes": {k: _value(v) for k, v in e.attributes.items()}}
            for e in (span.events if span else ())
        ],
        "links": [{"type": link.type, "trace": link.trace_id, "span": link.span_id} for link in span.links]
        if span
        else [{"type": why, "trace": row.trace, "span": to} for why, to in row.causes],
        "dropped": (span.dropped_events + span.dropped_links or None) if span else None,
    }
    return {key: value for key, value in said.items() if value is not None}


def _value(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def _inferred(row: Row) -> str | None:
    said = row.attributes.get(names.INFERRED)
    match said:
        case (str(only),):
            return only
        case tuple() if said:
            return "both"
        case _:
            return None


def _message(part: int, row: Row, whole: dict[str, Span]) -> list[Json]:
    send = _span(part, row, whole.get(row.id)) | {"end": str(row.start + 1_000), "open": False}
    if row.end is None:
        return [send]
    receive = send | {"id": f"{row.id[:15]}r", "parent": row.id, "kind": names.RECEIVE, "end": str(row.end)}
    return [send, receive | {"name": row.name.replace("send", "receive", 1)}]


def arrows_of(signals: Sequence[Signal]) -> list[Json]:
    rows = [row for _, row in _rows(signals)]
    started = {to: row for row in rows if row.kind == names.TURN for _, to in row.causes}
    return [_arrow(row, started.get(row.id)) for row in rows if row.kind == names.SEND]


def _arrow(row: Row, turn: Row | None) -> Json:
    mode = row.text(names.MESSAGE_MODE)
    at = row.end if turn is None else turn.start
    said: Json = {
        "type": "send" if mode == "send_message" else mode,
        "message": row.text(names.MESSAGE_ID),
        "from": _end(row.text(names.SENDER_TERMINAL), row.id, row.start),
        "to": _end(row.text(names.RECEIVER_TERMINAL), turn.id if turn else row.id, row.start if at is None else at),
        "mode": mode,
        "delivered": row.end is not None,
        "sent": str(row.start),
    }
    return said if row.end is None else said | {"delivered_at": str(row.end)}


def _end(terminal: str, span: str, at: int) -> Json:
    said: Json = {"span": span, "at": str(at)}
    return said if terminal in {"", "unknown"} else {"terminal": terminal} | said


def summary_of(spans: list[Json], arrows: list[Json], signals: Sequence[Signal], now: int) -> Json:
    roots = [span for span in spans if span["kind"] == names.SESSION]
    if not roots:
        return {}
    terminals = {s["terminal"]: s for s in spans if s["kind"] == names.TERMINAL}
    waiting = [_who(s, terminals) for s in spans if s["kind"] == names.WAITING and s["open"]]
    stuck = [_who(_span(1, row, None), terminals) for _, row in _rows(signals) if row.stuck]
    root, first = roots[-1], roots[0]
    state = _state(root, waiting, stuck)
    said: Json = {
        "id": first["attributes"][names.SESSION_ID],
        "name": first["attributes"].get(names.SESSION_NAME, ""),
        "kind": "workflow" if names.WORKFLOW_NAME in first["attributes"] else "session",
        "source": first["attributes"].get(names.SOURCE, ""),
        "instance": "i",
        "state": state,
        "start": first["start"],
        "end": None if root["open"] else root["end"],
        "last_sign": str(now) if root["open"] else root["end"],
        "agents": sorted({s.get("agent", "unknown") for s in terminals.values()}),
        "terminals": len(terminals),
        "open_terminals": sum(s["open"] for s in terminals.values()),
        "messages": len(arrows),
        "waiting": waiting,
        "stuck": stuck,
        "reason": root["attributes"].get(names.END_REASON),
        "error": root.get("error"),
        "sentence": _sentence(spans, waiting, terminals),
        "attach": None if state == "ended" else f"cao-{first['attributes'].get(names.SESSION_NAME, '')}",
        "parts": len(roots),
        "demo": True if first["attributes"].get(names.SOURCE) == "demo" else None,
    }
    return {key: value for key, value in said.items() if value is not None}


def _state(root: Json, waiting: list[Json], stuck: list[Json]) -> str:
    if not root["open"]:
        return "failed" if "error" in root else "ended"
    return "waiting" if waiting else "stuck" if stuck else "running"


def _who(span: Json, terminals: dict[str, Json]) -> Json:
    terminal = span["terminal"]
    return {
        "terminal": terminal,
        "agent": terminals.get(terminal, {}).get("agent", "unknown"),
        "since": span["start"],
    }


def _sentence(spans: list[Json], waiting: list[Json], terminals: dict[str, Json]) -> list[Json]:
    said: list[Json] = []
    for span in spans:
        if span["kind"] == names.DELEGATION and span["open"] and span["attributes"].get(names.AWAITED):
            caller = span["attributes"].get(names.CALLER_TERMINAL)
            worker = span["attributes"].get(names.TARGET_TERMINAL)
            agent = terminals.get(caller, {}).get("agent", "unknown")
            clause = {"terminal": caller, "agent": agent, "for": worker, "why": "handoff", "since": span["start"]}
            known = terminals.get(worker)
            said.append(clause | ({"for_agent": known["agent"]} if known else {}))
    return said + [who | {"why": "person"} for who in waiting]
