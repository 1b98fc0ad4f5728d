"""What had been committed is taken up again: the sessions of the last checkpoint, and then what was taken in since.

A dump that this version can't read is not guessed at. Its session is over, for a reason that nobody knows, and a late
word about it begins none; all others go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handspan.rules import Rules, Session
from handspan.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handspan.spool import Recovered

# Another version, or what JSON can say and no version ever wrote.
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)


def load(kept: Recovered, rules: Rules) -> tuple[Sessions, list[str]]:
    """The sessions as of the last checkpoint, and the uids of those that can't be read."""
    try:
        return _loaded(kept, kept.dumps, rules, []), []
    except _UNREADABLE:
        # Only now one by one, as it takes as long again.
        unread = [uid for uid, dump in kept.dumps.items() if not _readable(dump, rules)]
    readable = {uid: dump for uid, dump in kept.dumps.items() if uid not in unread}
    return _loaded(kept, readable, rules, unread), unread


def _loaded(kept: Recovered, dumps: Mapping[str, Any], rules: Rules, unread: list[str]) -> Sessions:
    ended = {**kept.sessions["ended"], **dict.fromkeys(unread, 0)}
    return Sessions.load({**kept.sessions, "ended": ended, "sessions": list(dumps.values())}, rules)


def _readable(dump: Any, rules: Rules) -> bool:
    try:
        Session.load(dump, rules)
    except _UNREADABLE:
        return False
    return True
