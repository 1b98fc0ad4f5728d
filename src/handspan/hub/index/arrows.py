"""Messages as arrows from lane to lane: from their `send` to the turn that they started or ran into."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from handspan import names
from handspan.hub.index.entries import text
from handspan.hub.index.forms import known
from handspan.hub.index.messages import STARTS

if TYPE_CHECKING:
    import sqlite3

_MESSAGES: Final = (
    "SELECT m.span, m.sent_said, m.sent, COALESCE(m.delivered, m.told_delivered), COALESCE(m.turn, ("
    " SELECT l.span FROM links l WHERE l.to_trace = m.trace AND l.to_span = m.span AND l.type IN (?, ?, ?, ?) LIMIT 1))"
    " FROM messages m WHERE m.session = ? AND m.changed > ? AND m.sent_said IS NOT NULL ORDER BY m.sent, m.span"
)
_TYPES: Final = {"send_message": "send"}


def arrows(connection: sqlite3.Connection, session: int, after: int) -> list[dict[str, Any]]:
    """The messages of a session that have changed after a position."""
    rows = connection.execute(_MESSAGES, (*STARTS, session, after))
    return [_arrow(*row) for row in rows]


def _arrow(span: bytes, written: str, sent: int, delivered: int | None, turn: bytes | None) -> dict[str, Any]:
    said = json.loads(written)
    mode = text(said, names.MESSAGE_MODE) or "send_message"
    sender = None if names.SENDER_SESSION in said else _terminal(said, names.SENDER_TERMINAL)
    at = sent if delivered is None else delivered
    receiver = _terminal(said, names.RECEIVER_TERMINAL)
    return known({
        "type": _TYPES.get(mode, mode),
        "message": text(said, names.MESSAGE_ID),
        "from": known({"terminal": sender, "span": span.hex(), "at": str(sent)}),
        "to": known({"terminal": receiver, "span": (turn or span).hex(), "at": str(at)}),
        "mode": mode,
        "delivered": delivered is not None,
        "sent": str(sent),
        "delivered_at": None if delivered is None else str(delivered),
    })


def _terminal(said: dict[str, Any], name: str) -> str | None:
    terminal = text(said, name)
    return None if terminal == "unknown" else terminal
