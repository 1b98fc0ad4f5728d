"""The words beside the bars: durations, titles, and what there is to say of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan import names
from handspan.show.picture import NOTICE, Block, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def duration(nanoseconds: int) -> str:
    """In at most six characters up to 99 days: 840ms, 3.2s, 1m04s, 2h07m, 3d04h."""
    if nanoseconds < MILLISECOND:
        return f"{nanoseconds // 1_000}µs" if nanoseconds >= 1_000 else "0s"
    # Rounded before the unit is chosen, so that nothing reads 60.0s or 59m60s.
    if (ms := _round(nanoseconds, MILLISECOND)) < 1_000:
        return f"{ms}ms"
    if (tenths := _round(nanoseconds, 100 * MILLISECOND)) < 100:
        return f"{tenths // 10}.{tenths % 10}s"
    if (seconds := _round(nanoseconds, SECOND)) < 60:
        return f"{seconds}s"
    if seconds < 3_600:
        return _two(seconds, 60, "m", "s")
    if (minutes := _round(nanoseconds, MINUTE)) < 24 * 60:
        return _two(minutes, 60, "h", "m")
    return _two(_round(nanoseconds, HOUR), 24, "d", "h")


def _round(value: int, unit: int) -> int:
    return (value + unit // 2) // unit


def _two(value: int, base: int, big: str, small: str) -> str:
    return f"{value // base}{big}{value % base:02d}{small}"


def offset(nanoseconds: int) -> str:
    return f"-{duration(-nanoseconds)}" if nanoseconds < 0 else f"+{duration(nanoseconds)}"


def count(number: int, one: str) -> str:
    return f"{number} {one if number == 1 else f'{one}s'}"


# --- titles ----------------------------------------------------------------------------------------------------------


def title(row: Row) -> str:
    match row.kind:
        case names.TURN:
            return f"turn {row.number(names.TURN_NUMBER) or '?'} {row.agent}"
        case names.WAITING:
            return "waits for a person"
        case names.SEND | names.RECEIVE:
            return f"✉ {mode(row)} → {row.text(names.RECEIVER_AGENT) or 'unknown'}"
        case names.DELEGATION if attempt := row.number(names.ATTEMPT):
            return row.name if attempt == 1 else f"{row.name}, attempt {attempt}"
        case _ if row.kind == NOTICE:
            return f"◆ {row.name}"
        case _:
            return row.name


def short_title(row: Row) -> str:
    """For a narrow column: without what the rows above say."""
    match row.kind:
        case names.TURN:
            return f"turn {row.number(names.TURN_NUMBER) or '?'}"
        case names.BOOT:
            return "boot"
        case names.WAITING:
            return "waits"
        case names.TERMINAL:
            return row.agent
        case names.SEND | names.RECEIVE:
            return f"✉ → {row.text(names.RECEIVER_AGENT) or 'unknown'}"
        case _:
            return title(row)


def mode(row: Row) -> str:
    mode = row.text(names.MESSAGE_MODE)
    return "message" if mode in {"", "send_message"} else mode


# --- what is said of a row -------------------------------------------------------------------------------------------


def remarks(row: Row, block: Block, targets: Mapping[str, Row]) -> Iterator[str]:
    """What there is to say of a row, the most important first; `targets` are the rows that others refer to."""
    if row.error:
        yield f"✗ {row.text(names.ERROR_TYPE) or 'error'}"
    match row.kind:
        case names.SESSION | names.TERMINAL:
            yield from _of_life(row)
        case names.TURN:
            yield from _of_turn(row, targets)
        case names.DELEGATION:
            yield from _of_delegation(row)
        case names.SEND | names.RECEIVE:
            yield from _of_message(row, block)
        case names.WAITING:
            yield (
                "still waiting" if row.end is None else "" if row.outcome in {"answered", "continued"} else row.outcome
            )
        case names.BOOT:
            yield "starting" if row.end is None else ""
        case _:
            yield row.text(names.NOTICE_TEXT)
    yield row.text(names.ERROR_TEXT)
    yield from (_cause(link, None, to) for link, to in row.causes if link == names.LINK_UPSTREAM)
    if row.text(names.CONTINUES):
        yield f"from part {block.part - 1}"
    if row.attributes.get(names.END_REASON) == "continued":
        yield f"goes on in part {block.part + 1}"
    inferred = row.attributes.get(names.INFERRED)
    if isinstance(inferred, tuple):
        yield from (f"{what} inferred" for what in inferred)


def _of_life(row: Row) -> Iterator[str]:
    if row.end is None:
        yield "✗ stuck" if row.stuck else ""
        yield row.status or "running"
    elif row.outcome != "continued" and not (row.error and row.outcome == row.text(names.ERROR_TYPE)):
        yield row.outcome
    if (code := row.number(names.EXIT_CODE)) is not None:
        yield f"exit code {code}"
    yield row.text(names.AGENT_CLI)
    yield row.text(names.MODEL)


def _of_turn(row: Row, targets: Mapping[str, Row]) -> Iterator[str]:
    if row.outcome not in {"", "completed", "continued"} and not row.error:
        yield row.outcome
    told = [_cause(link, targets.get(to), to) for link, to in row.causes if link not in _LEAVE_THE_SESSION]
    trigger = row.text(names.TURN_TRIGGER) or "unknown"
    if told:
        yield from told
    elif not row.text(names.CONTINUES):
        yield {"unknown": "cause unknown", "human": "started by a person"}.get(trigger, trigger)


_LEAVE_THE_SESSION = frozenset({names.LINK_CONTINUATION, names.LINK_UPSTREAM, names.LINK_PARENT_SESSION})


def _cause(link: str, target: Row | None, to: str) -> str:
    if target is None:
        return f"← {link} {to}"
    if target.kind == names.DELEGATION:
        return f"answers {target.label}"
    sender = target.text(names.SENDER_AGENT)
    return f"← {target.label} {link}" + (f" from {sender}" if sender not in {"", "unknown"} else "")


def _of_delegation(row: Row) -> Iterator[str]:
    if row.end is None:
        yield "open"
    elif not row.error and row.outcome != "continued":
        yield row.outcome
    if row.attributes.get(names.AWAITED) is False and row.text(names.TOOL_NAME) == "handoff":
        yield "not awaited"


def _of_message(row: Row, block: Block) -> Iterator[str]:
    if row.end is None:
        yield "✗ undelivered" if row.outcome == "undelivered" else "queued"
    elif row.end - row.start >= MILLISECOND:
        yield f"queued {duration(row.end - row.start)}"
    if session := row.text(names.SENDER_SESSION):
        yield f"from session {session}"
    elif row.text(names.SENDER_TERMINAL) in {"", "unknown"}:
        yield "sender unknown"
    elif row.parent == (block.root.id if block.root else None):
        yield f"from {row.text(names.SENDER_AGENT)}"


# --- what is said of a block -----------------------------------------------------------------------------------------


def heading(block: Block, now: int, targets: Mapping[str, Row]) -> Iterator[str]:
    """The session in one line: who, what, how long, and how it ended."""
    root = block.root
    if root is None:
        yield "beginning not seen"
        return
    kind = "workflow" if root.text(names.WORKFLOW_NAME) else "session"
    part = f", part {block.part}" if block.part > 1 or root.outcome == "continued" else ""
    yield f"{root.text(names.SOURCE)} {kind}{part}"
    if root.end is None:
        yield f"running for {duration(max(0, now - block.begin))}"
    else:
        yield duration(root.end - root.start)
        yield from remarks(root, block, targets)
    if parent := root.text(names.PARENT_SESSION):
        begun = next(
            (row for link, to in root.causes if link == names.LINK_PARENT_SESSION and (row := targets.get(to))), None
        )
        yield f"begun by {begun.text(names.SESSION_NAME)} {begun.label}" if begun else f"begun by session {parent}"


def totals(block: Block) -> list[str]:
    """How much of everything: as the session says it at its end, or as it can be counted so far."""
    root = block.root
    counted = _counted(block)
    said = root is not None and root.number(names.SESSION_TERMINALS) is not None
    if root is not None and said:
        counted = {name: root.number(name) or 0 for name in counted}
    undelivered, unanswered = counted[names.SESSION_UNDELIVERED], counted[names.SESSION_UNANSWERED]
    here = "in this part: " if not said and (block.part > 1 or (root and root.outcome == "continued")) else ""
    return [
        here + count(counted[names.SESSION_TERMINALS], "terminal"),
        count(counted[names.SESSION_TURNS], "turn"),
        count(counted[names.SESSION_MESSAGES], "message") + (f" ({undelivered} undelivered)" if undelivered else ""),
        count(counted[names.SESSION_DELEGATIONS], "delegation") + (f" ({unanswered} unanswered)" if unanswered else ""),
        count(counted[names.SESSION_ERRORS], "error"),
    ]


def _counted(block: Block) -> dict[str, int]:
    rows = [row for row, _ in block.rows()]

    def of(kind: str, outcome: str = "") -> int:
        return sum(row.kind == kind and (not outcome or row.outcome == outcome) for row in rows)

    return {
        names.SESSION_TERMINALS: of(names.TERMINAL),
        names.SESSION_TURNS: of(names.TURN),
        names.SESSION_MESSAGES: of(names.SEND),
        names.SESSION_UNDELIVERED: of(names.SEND, "undelivered"),
        names.SESSION_DELEGATIONS: of(names.DELEGATION),
        names.SESSION_UNANSWERED: of(names.DELEGATION, "unanswered"),
        names.SESSION_ERRORS: sum(row.error and row.kind != NOTICE for row in rows),
    }


def waiting(block: Block, now: int) -> list[str]:
    """Who waits for a person at this moment, and for how long."""
    rows = (row for row, _ in block.rows() if row.kind == names.WAITING and row.end is None)
    return [f"{row.agent} waits for a person, {duration(max(0, now - row.start))}" for row in rows]
