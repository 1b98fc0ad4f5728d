"""What there is to draw: spans, and log events where the span has not left yet, as one tree per trace.

A span is the truth. Before it is there its opening (the one with the highest revision) says who it is and where it
hangs, and its end says that it is over; one that was taken back is left out. Messages have no opening: until its `send`
has left, a message hangs where the rules will hang it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handspan import names
from handspan.signals import Attributes, Log, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handspan.signals import Link, Signal

NOTICE = "notice"
_OPENINGS = {
    names.started(kind): kind
    for kind in (names.SESSION, names.TERMINAL, names.BOOT, names.TURN, names.WAITING, names.DELEGATION)
}
_ENDINGS = {names.ended(kind): kind for kind in _OPENINGS.values()}
# What begins at the same instant is drawn in the order in which one causes the other.
_ORDER = (
    names.SESSION,
    names.SESSION_MARKER,
    names.TERMINAL_MARKER,
    names.SEND,
    names.RECEIVE,
    names.BOOT,
    names.TERMINAL,
    names.TURN,
    names.DELEGATION,
    names.WAITING,
    NOTICE,
)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}


@dataclass(slots=True, kw_only=True, eq=False)
class Row:
    """A span, or what is known of one that has not left. `end` is None while it is open."""

    trace: str
    id: str
    kind: str
    name: str
    parent: str | None
    start: int
    end: int | None
    attributes: Attributes
    causes: tuple[tuple[str, str], ...] = ()  # the type and the span id of each link
    error: bool = False
    outcome: str = ""
    stuck: bool = False
    status: str = ""
    label: str = ""
    children: list[Row] = field(default_factory=list["Row"])

    def text(self, name: str) -> str:
        value = self.attributes.get(name, "")
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int | None:
        value = self.attributes.get(name)
        return value if isinstance(value, int) else None

    @property
    def agent(self) -> str:
        return self.text(names.AGENT_NAME) or "unknown"


@dataclass(slots=True, kw_only=True, eq=False)
class Block:
    """One trace: a session, or one part of it. `begin` is when the session's first part began."""

    session: str
    part: int
    begin: int
    top: list[Row]

    @property
    def root(self) -> Row | None:
        return next((row for row in self.top if row.kind == names.SESSION), None)

    @property
    def start(self) -> int:
        return min(row.start for row, _ in self.rows())

    def rows(self) -> Iterator[tuple[Row, tuple[bool, ...]]]:
        """Every row from the top down, with whether it and each row above it is the last of its siblings."""
        # A stack, since a chain of delegations may be longer than Python's own stack is deep.
        stack: list[tuple[Row, tuple[bool, ...]]] = [(row, (last,)) for row, last in _backwards(self.top)]
        while stack:
            row, lasts = stack.pop()
            yield row, lasts
            stack += [(child, (*lasts, last)) for child, last in _backwards(row.children)]


def _backwards(rows: list[Row]) -> Iterator[tuple[Row, bool]]:
    for at in range(len(rows) - 1, -1, -1):
        yield rows[at], at == len(rows) - 1


def blocks(signals: Iterable[Signal]) -> list[Block]:
    """The traces that the signals tell of: the parts of a session one after the other, the oldest session first."""
    gathered = _Gathered()
    for signal in signals:
        gathered.take(signal)
    found = _blocks(gathered.rows())
    _label(found)
    return found


# --- from signals to rows --------------------------------------------------------------------------------------------


class _Gathered:
    def __init__(self) -> None:
        self._spans: dict[tuple[str, str], Span] = {}
        self._openings: dict[tuple[str, str], Log] = {}
        self._endings: dict[tuple[str, str], Log] = {}
        self._retracted: set[tuple[str, str]] = set()
        self._sent: dict[tuple[str, str], Log] = {}
        self._received: dict[tuple[str, str], int] = {}
        self._undelivered: set[tuple[str, str]] = set()
        self._status: dict[tuple[str, str], str] = {}
        self._stuck: set[tuple[str, str]] = set()
        self._notices: dict[str, Log] = {}

    def take(self, signal: Signal) -> None:
        if isinstance(signal, Span):
            self._spans.setdefault((signal.trace_id, signal.span_id), signal)
        elif isinstance(signal, Log) and signal.trace_id and signal.span_id:
            self._take_log(signal, (signal.trace_id, signal.span_id))

    def _take_log(self, log: Log, key: tuple[str, str]) -> None:
        if log.name in _OPENINGS:
            self._open(log, key)
        elif log.name in _ENDINGS:
            self._close(log, key)
        elif log.name == names.MESSAGE_SENT:
            self._sent[key] = log
        elif log.name == names.MESSAGE_RECEIVED:
            self._received[key] = log.at
        elif log.name == names.MESSAGE_UNDELIVERED:
            self._undelivered.add(key)
        elif log.name == names.STATUS_CHANGED:
            self._status[key] = str(log.attributes.get(names.STATUS, ""))
        elif log.name == names.STUCK:
            self._stuck.add(key)
        elif log.name == names.UNSTUCK:
            self._stuck.discard(key)
        elif log.name == names.NOTICE:
            self._notices[log.uid] = log

    def _open(self, log: Log, key: tuple[str, str]) -> None:
        before = self._openings.get(key)
        if before is not None and _revision(before) >= _revision(log):
            return
        # Said once more in the same words, after its end: it goes on after all. In other words: it is better known.
        if before is not None and key not in self._retracted and _words(before) == _words(log):
            self._endings.pop(key, None)
        self._openings[key] = log
        self._retracted.discard(key)

    def _close(self, log: Log, key: tuple[str, str]) -> None:
        if log.attributes.get(names.OUTCOME) == "retracted":
            self._retracted.add(key)
            return
        before = self._endings.get(key)
        if before is None or _revision(before) <= _revision(log):
            self._endings[key] = log

    def rows(self) -> list[Row]:
        rows = {key: self._of_span(span, key) for key, span in self._spans.items()}
        for key, log in self._openings.items():
            if key not in rows and key not in self._retracted:
                rows[key] = self._of_opening(log, key)
        for key, log in self._sent.items():
            if key not in rows:
                rows[key] = _of_message(log, key)
        for key, row in rows.items():
            if row.kind == names.SEND:
                self._deliver(row, key)
            elif row.kind == names.TERMINAL and row.end is None:
                row.status, row.stuck = self._status.get(key, ""), key in self._stuck
        received = [row for row in rows.values() if row.kind == names.RECEIVE]
        for row in received:
            send = rows.get((row.trace, row.parent or ""))
            if send is not None and send.kind == names.SEND:
                send.end = row.end
                del rows[row.trace, row.id]
        _name_receivers(list(rows.values()))
        _hang_messages(list(rows.values()))
        return [*rows.values(), *(_of_notice(log) for log in self._notices.values())]

    def _of_span(self, span: Span, key: tuple[str, str]) -> Row:
        ending = self._endings.get(key)
        return Row(
            trace=span.trace_id,
            id=span.span_id,
            kind=_kind(span),
            name=span.name,
            parent=span.parent_span_id,
            start=span.start,
            end=span.end,
            attributes=span.attributes,
            causes=tuple(map(_cause, span.links)),
            error=span.error,
            outcome=_outcome(span.attributes) or (str(ending.attributes.get(names.OUTCOME, "")) if ending else ""),
        )

    def _of_opening(self, log: Log, key: tuple[str, str]) -> Row:
        said, ending = log.attributes, self._endings.get(key)
        start, parent, causes = (
            said.get(name) for name in (names.SPAN_START, names.PARENT_SPAN_ID, names.CAUSE_SPAN_ID)
        )
        trigger = str(said.get(names.TURN_TRIGGER, names.LINK_MESSAGE))
        return Row(
            trace=key[0],
            id=key[1],
            kind=_OPENINGS[log.name],
            name=str(said.get(names.SPAN_NAME, "")),
            parent=parent if isinstance(parent, str) else None,
            start=start if isinstance(start, int) else log.at,
            end=None if ending is None else ending.at,
            attributes={**said, **(ending.attributes if ending else {})},
            causes=tuple((trigger, cause) for cause in causes) if isinstance(causes, tuple) else (),
            error=ending is not None and names.ERROR_TYPE in ending.attributes,
            outcome="" if ending is None else str(ending.attributes.get(names.OUTCOME, "")),
        )

    def _deliver(self, row: Row, key: tuple[str, str]) -> None:
        """A message lasts until it is typed."""
        row.end = self._received.get(key)
        row.outcome = "undelivered" if key in self._undelivered else "" if row.end is None else "delivered"


def _revision(log: Log) -> int:
    revision = log.attributes.get(names.REVISION, 1)
    return revision if isinstance(revision, int) else 1


def _words(log: Log) -> Attributes:
    return {k: v for k, v in log.attributes.items() if k not in {names.REVISION, names.LOG_UID}}


def _kind(span: Span) -> str:
    """Which of names.SPANS a span is. Its name says it only where no attribute does."""
    if span.kind != "internal":
        return names.SEND if span.kind == "producer" else names.RECEIVE
    if span.name in {names.SESSION_MARKER, names.TERMINAL_MARKER}:
        return span.name
    if span.parent_span_id is None:
        return names.SESSION
    if names.AWAITED in span.attributes:
        return names.DELEGATION
    if names.TURN_TRIGGER in span.attributes:
        return names.TURN
    first = span.name.partition(" ")[0]
    return {"waiting_for_input": names.WAITING, "boot": names.BOOT}.get(first, names.TERMINAL)


def _cause(link: Link) -> tuple[str, str]:
    return link.type, link.span_id


def _outcome(said: Attributes) -> str:
    for name in (names.DELEGATION_OUTCOME, names.TURN_OUTCOME, names.END_REASON):
        if name in said:
            return str(said[name])
    return ""


def _of_message(log: Log, key: tuple[str, str]) -> Row:
    receiver = log.attributes.get(names.RECEIVER_AGENT, "unknown")
    said = log.attributes
    return Row(
        trace=key[0],
        id=key[1],
        kind=names.SEND,
        name=f"send {receiver}",
        parent=None,
        start=log.at,
        end=None,
        attributes=said,
    )


def _of_notice(log: Log) -> Row:
    name = str(log.attributes.get(names.NOTICE_NAME, NOTICE))
    return Row(
        trace=log.trace_id or "",
        id=log.uid,
        kind=NOTICE,
        name=name,
        parent=log.span_id,
        start=log.at,
        end=log.at,
        attributes=log.attributes,
        error=log.severity >= names.ERROR,
    )


def _name_receivers(rows: list[Row]) -> None:
    """A prompt is sent before its worker is there, so its log event can't name the agent. Its terminal does."""
    agents = {row.text(names.TERMINAL_ID): row.text(names.AGENT_NAME) for row in rows if row.kind == names.TERMINAL}
    for row in rows:
        if row.kind == names.SEND and row.text(names.RECEIVER_AGENT) in {"", "unknown"}:
            agent = agents.get(row.text(names.RECEIVER_TERMINAL)) or "unknown"
            row.attributes = {**row.attributes, names.RECEIVER_AGENT: agent}


def _hang_messages(rows: list[Row]) -> None:
    """A parent for the messages whose `send` has not left: as the rules will choose it."""
    for message in rows:
        if message.kind == names.SEND and message.parent is None:
            above = [row for row in rows if row.trace == message.trace and _is_above(row, message)]
            nearest = max(above, key=lambda row: (_NEAR[row.kind], row.start), default=None)
            message.parent = nearest.id if nearest else None


_NEAR = {names.SESSION: 0, names.TERMINAL: 1, names.TURN: 2, names.DELEGATION: 3}


def _is_above(row: Row, message: Row) -> bool:
    if row.kind == names.DELEGATION:
        mode = message.text(names.MESSAGE_MODE)
        worker = row.text(names.TARGET_TERMINAL)
        return mode == row.text(names.TOOL_NAME) and worker == message.text(names.RECEIVER_TERMINAL)
    sent_by = row.text(names.TERMINAL_ID) == message.text(names.SENDER_TERMINAL)
    if row.kind == names.TURN:
        return sent_by and row.start <= message.start <= (message.start if row.end is None else row.end)
    return row.kind == names.SESSION or (row.kind == names.TERMINAL and sent_by)


# --- from rows to trees ----------------------------------------------------------------------------------------------


def _blocks(rows: list[Row]) -> list[Block]:
    traces: dict[str, list[Row]] = {}
    for row in rows:
        traces.setdefault(row.trace, []).append(row)
    found = [_block(trace, rows) for trace, rows in traces.items()]
    begins: dict[str, int] = {}
    for block in found:
        begins[block.session] = min(block.start, begins.get(block.session, block.start))
    for block in found:
        block.begin = begins[block.session]
    return sorted(found, key=lambda block: (block.begin, block.session, block.part))


def _block(trace: str, rows: list[Row]) -> Block:
    rows.sort(key=lambda row: (row.start, _RANK[row.kind], row.name, row.id))
    by_id = {row.id: row for row in rows}
    top: list[Row] = []
    for row in rows:
        above = by_id.get(row.parent or "")
        (top if above is None else above.children).append(row)
    block = Block(session=_said(rows, names.SESSION_ID) or trace, part=1, begin=0, top=top)
    root = block.root
    if root is not None:
        block.part = root.number(names.PART) or 1
        # What lost its parent is still of this session.
        root.children += [row for row in top if row is not root]
        block.top = [root]
    return block


def _said(rows: Iterable[Row], name: str) -> str:
    return next((said for row in rows if (said := row.text(name))), "")


def _label(found: list[Block]) -> None:
    """Short names for the rows that others refer to: numbered by time, over all parts of a session."""
    rows = [(block.session, row) for block in found for row, _ in block.rows()]
    wanted = {to for _, row in rows for link, to in row.causes if link != names.LINK_CONTINUATION}
    counts: dict[tuple[str, str], int] = {}
    for session, row in sorted(rows, key=lambda known: known[1].start):
        letter = {names.SEND: "m", names.DELEGATION: "d"}.get(row.kind)
        if letter and row.id in wanted:
            counts[session, letter] = number = counts.get((session, letter), 0) + 1
            row.label = f"{letter}{number}"
