"""What the translator of CAO keeps between two facts, and for how long."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handspan import events
from handspan.sources import cao_facts as cao

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECOND = 1_000_000_000
# Two looks at the tables, and more than the 0.84 s by which a message's hook follows its typing.
PATIENCE = SECOND
# Hooks said twice come 10 ms apart (27). What is over is forgotten after this; said once more, it has the same id.
REMEMBER = 600 * SECOND
# Typed messages whose inbox row may still turn up: a look comes every half second, a message takes 0.8 s.
TYPED_KEPT = 64
# What follows a worker's `completed` when it is told to exit: one or two workings (22, 23).
EXIT_KEPT = 8


@dataclass(slots=True, eq=False)
class Session:
    """An incarnation of a tmux session, or a run of a workflow."""

    uid: str
    name: str
    incarnation: str | None = None
    run: Run | None = None
    living: dict[str, Terminal] = field(default_factory=dict[str, "Terminal"])
    windows: set[str] = field(default_factory=set[str])  # of the living, and of those whose agent has left it
    terminals: int = 0  # how many it ever had
    last_sign: int = 0
    over: bool = False


@dataclass(slots=True, eq=False)
class Run:
    """What the tables say of a workflow's run."""

    state: str = "running"
    steps: dict[str, cao.StepRow] = field(default_factory=dict[str, cao.StepRow])
    attempts: dict[str, int] = field(default_factory=dict[str, int])
    unanswered: dict[str, Terminal] = field(default_factory=dict[str, "Terminal"])


@dataclass(slots=True, eq=False)
class End:
    """How a terminal seems to have ended."""

    at: int
    reason: events.EndReason
    last_seen: int | None = None
    exit_code: int | None = None


@dataclass(slots=True, eq=False)
class Terminal:
    """A terminal, the work it was created for, and how far it has come."""

    id: str
    session: Session
    created: int
    row: cao.TerminalRow
    step: str | None = None
    attempt: int = 0
    told: int | None = None  # when post_create_terminal came
    deferred: bool = False  # and whether that was before the boot
    heard: bool = False
    booting: bool = True
    working: bool = False
    turns: int = 0
    first_turn: int | None = None
    messages: int = 0
    after_work: deque[int] | None = None  # the workings since the last `completed`
    leaving: bool = False
    delegation: events.DelegationMode | None = None
    awaited: bool = False
    outcome: events.Outcome | None = None
    end: End | None = None
    over: bool = False

    @property
    def scheduled(self) -> bool:
        return self.row.tmux_session.startswith("cao-flow-")


class Inbox:
    """Which queued message a typed one is. CAO's hook names no row.

    They are matched by text, the oldest first: the same two terminals also talk past the inbox.
    """

    def __init__(self) -> None:
        self.queued: dict[int, cao.InboxRow] = {}
        self._typed: deque[cao.Hook] = deque(maxlen=TYPED_KEPT)

    def queue(self, row: cao.InboxRow) -> bool:
        """Keeps a row until its message is typed. False if it was typed, and said so, before the row was read."""
        if row.id not in self.queued:
            hook = next((hook for hook in self._typed if _is_typed(row, hook)), None)
            if hook is not None:
                self._typed.remove(hook)
                return False
        self.queued[row.id] = row
        return True

    def take(self, hook: cao.Hook) -> cao.InboxRow | None:
        """The row of a typed message; without one the hook is kept, as its row may yet be read."""
        row = next((row for row in self.queued.values() if _is_typed(row, hook)), None)
        if row is None:
            self._typed.append(hook)
            return None
        return self.queued.pop(row.id)


def _is_typed(row: cao.InboxRow, hook: cao.Hook) -> bool:
    same = (row.sender_id, row.receiver_id) == (hook.sender, hook.receiver)
    return same and (hook.message or "").startswith(row.message) and row.created_at <= hook.timestamp


class Agenda:
    """What is to be said later unless it is explained first, and what is to be forgotten. Facts are its clock."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, Callable[[], Iterator[events.Event]]]] = {}
        self._forgetting: deque[tuple[int, dict[Any, Any], Any]] = deque()
        self._now = 0

    def turn(self, at: int) -> Iterator[events.Event]:
        """Time has come to `at`: forgets what is old, and concludes what has waited long enough."""
        self._now = max(self._now, at)
        while self._forgetting and self._forgetting[0][0] <= self._now:
            _, memory, key = self._forgetting.popleft()
            memory.pop(key, None)
        yield from self._conclude(self._now - PATIENCE)

    def conclude(self) -> Iterator[events.Event]:
        yield from self._conclude(self._now)

    def _conclude(self, until: int) -> Iterator[events.Event]:
        while due := [key for key, (at, _) in self._held.items() if at <= until]:
            for key in due:
                yield from self.explained(key)

    def hold(self, key: str, at: int, conclusion: Callable[[], Iterator[events.Event]]) -> None:
        self._held[key] = (at, conclusion)

    def drop(self, key: str) -> None:
        self._held.pop(key, None)

    def explained(self, key: str) -> Iterator[events.Event]:
        """Concludes what is held under `key`, if anything is."""
        held = self._held.pop(key, None)
        if held is not None:
            yield from held[1]()

    def forget(self, memory: dict[Any, Any], key: object) -> None:
        self._forgetting.append((self._now + REMEMBER, memory, key))
