"""Rows as the page reads them. What is unknown is absent; times are nanoseconds as text, past JavaScript's 2^53."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from handspan import names
from handspan.hub.index.entries import OTHER, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    # A row of SPAN's query, of LOG's.
    Row = tuple[Any, ...]

SPAN: Final = (
    "SELECT s.trace, s.span, s.parent, s.kind, s.name, s.terminal, s.agent, s.start, s.end, s.outcome, s.error,"
    " COALESCE(p.part, 1), s.said, s.events, s.links, s.dropped + s.dropped_links"
    " FROM spans s LEFT JOIN parts p ON p.trace = s.trace"
)
LOG: Final = "SELECT l.id, l.at, l.name, l.severity, l.body, l.trace, l.span, l.said FROM logs l"
_MOST: Final = 2**53 - 1
# A page has the openings, which say more than these.
_MARKERS: Final = {names.SESSION_MARKER, names.TERMINAL_MARKER}


def known(form: dict[str, Any]) -> dict[str, Any]:
    """The form without what is unknown."""
    return {name: value for name, value in form.items() if value is not None}


def said(written: str) -> Any:  # any JSON
    """Attributes, with the numbers as text that JavaScript can't hold."""
    return json.loads(written, parse_int=_whole)


def _whole(digits: str) -> int | str:
    number = int(digits)
    return number if -_MOST <= number <= _MOST else digits


def span(row: Row) -> dict[str, Any]:
    attributes = said(row[12])
    return known({
        "trace": row[0].hex(),
        "id": row[1].hex(),
        "parent": row[2].hex() if row[2] else None,
        "kind": OTHER if row[3] in _MARKERS else row[3],
        "name": row[4],
        "terminal": row[5],
        "agent": row[6],
        "start": str(row[7]),
        "end": None if row[8] is None else str(row[8]),
        "open": row[8] is None,
        "outcome": row[9],
        "error": row[10],
        "inferred": _inferred(attributes.get(names.INFERRED)),
        "continues": text(attributes, names.CONTINUES),
        "part": row[11],
        "attributes": attributes,
        "events": _listed(row[13]),
        "links": [{name: link[name] for name in ("type", "trace", "span")} for link in _listed(row[14])],
        "dropped": row[15] or None,
    })


def _listed(written: str) -> list[dict[str, Any]]:
    # Most spans have neither events nor links, and a page has thousands of spans.
    found: list[dict[str, Any]] = [] if written == "[]" else said(written)
    return found


def _inferred(ends: object) -> str | None:
    found = [end for end in ("start", "end") if isinstance(ends, list) and end in ends]
    return "both" if len(found) == 2 else found[0] if found else None


def log(row: Row) -> dict[str, Any]:
    attributes = said(row[7])
    return known({
        "at": str(row[1]),
        "name": row[2],
        "severity": row[3],
        "body": row[4],
        "trace": row[5].hex() if row[5] else None,
        "span": row[6].hex() if row[6] else None,
        "terminal": text(attributes, names.TERMINAL_ID),
        "agent": text(attributes, names.AGENT_NAME),
        "attributes": attributes,
    })


def continuations(spans: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """From each span that was cut at the end of a part to the one that goes on."""
    for each in spans:
        if "continues" in each and each["kind"] != OTHER:
            lane = {"terminal": each["terminal"]} if "terminal" in each else {}
            at = each["start"]
            yield {
                "type": names.LINK_CONTINUATION,
                "from": {**lane, "span": each["continues"], "at": at},
                "to": {**lane, "span": each["id"], "at": at},
                "delivered": True,
                "sent": at,
            }
