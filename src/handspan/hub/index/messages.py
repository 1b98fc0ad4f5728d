"""Messages: one row for each, from its `send` and `receive`, and the log events that tell of it.

Each fact fills its own columns, so that their order makes no difference; where two know the same, the span counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from handspan import names
from handspan.hub.index.entries import dumped, text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from handspan.hub.index.entries import LogFact, SpanFact

    Do = Callable[[str, tuple[Any, ...]], sqlite3.Cursor]

# What a turn's link to a `send` says: the message started the turn.
STARTS: Final = (names.LINK_MESSAGE, names.LINK_HANDOFF, names.LINK_ASSIGN, names.LINK_CALLBACK)
_ROW: Final = (
    "INSERT INTO messages (trace, span, session, changed, {columns}) VALUES (?, ?, ?, ?, {values})"
    " ON CONFLICT (trace, span) DO UPDATE SET changed = excluded.changed, {set} {where}"
)


def _filling(*columns: str, where: str = "") -> str:
    return _ROW.format(
        columns=", ".join(columns),
        values=", ".join("?" for _ in columns),
        set=", ".join(f"{column} = excluded.{column}" for column in columns),
        where=where,
    )


_SENT: Final = _filling("sent_said", "sent", where="WHERE NOT final")
_SENT_FOR_GOOD: Final = _filling("sent_said", "sent", "parent", "final")
_TOLD_DELIVERED: Final = _filling("told_delivered")
_DELIVERED: Final = _filling("delivered")
_UNDELIVERED: Final = _filling("undelivered")
_TURN: Final = _filling("turn")


def take_log(do: Do, session: int, log: LogFact, position: int) -> None:
    """What a log event says of a message. Its span is the `send`."""
    key = (log.trace, log.span, session, position)
    if log.name == names.MESSAGE_SENT:
        do(_SENT, (*key, dumped(log.said), log.at))
    elif log.name == names.MESSAGE_UNDELIVERED:
        do(_UNDELIVERED, (*key, 1))
    else:
        do(_TOLD_DELIVERED, (*key, log.at))
        turn = _turn(log)
        if turn:
            do(_TURN, (*key, turn))


def _turn(log: LogFact) -> bytes | None:
    try:
        return bytes.fromhex(text(log.said, names.TURN_SPAN_ID) or "")
    except ValueError:
        return None


def take_span(do: Do, session: int, span: SpanFact, position: int) -> None:
    """What a `send` or a `receive` says of its message, and a turn of those that started it."""
    if span.kind == names.SEND:
        said = dumped(span.said)
        do(_SENT_FOR_GOOD, (span.trace, span.id, session, position, said, span.start, span.parent, 1))
    elif span.kind == names.RECEIVE and span.parent:
        do(_DELIVERED, (span.trace, span.parent, session, position, span.end))
    for link in span.links:
        if link["type"] in STARTS:
            to = (bytes.fromhex(link["trace"]), bytes.fromhex(link["span"]))
            do("INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?, ?)", (span.trace, span.id, link["type"], *to))
