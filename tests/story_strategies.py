"""Stories made up by Hypothesis: plausible ones, as an orchestrator would tell them, and garbage.

A plausible story is drawn as a list of steps (a pause and something that happens after it), which `told` acts out with
actors that know what they may do next. So every shorter list is a plausible story too, and a failure shrinks to the
few steps that matter. All times are whole milliseconds, and a pause may be none: ties are common.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from hypothesis import strategies as st

from handspan.events import (
    Activity,
    DelegationEnded,
    DelegationMode,
    DelegationStarted,
    EndReason,
    Event,
    MessageDelivered,
    MessageMode,
    MessageSent,
    Notice,
    Outcome,
    SessionEnded,
    SessionStarted,
    Severity,
    Status,
    StatusChanged,
    TerminalEnded,
    TerminalStarted,
    Trigger,
    UsageReported,
)
from handspan.testing import BEGIN, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
MILLISECOND = 1_000_000
# As many terminals as fit on a screen: enough for a supervisor, two workers of its, a worker's worker and a stranger.
TERMINALS = 5
# A report comes up to 0.9 s after the turn it tells the cause of: CAO's 0.84 s, and some. With a delivery that takes a
# second it is still within the settling time of two.
LATE = (0, 1, 100, 400, 840, 900)
STRANGER = "nobody-known"
UPSTREAM = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """What a story may hold: all of it, unless a property is about what is known at once."""

    # Reports of what happened earlier: deliveries, calls told after their worker, deaths found by looking.
    late: bool = True
    # Workers torn down after the answer, as part of the call.
    teardown: bool = True
    # Words about what happened after the session's end, which it was too early to know of.
    afterwards: bool = False


@dataclass(slots=True)
class Actor:
    """A terminal, as the one who makes up the story knows it."""

    id: str
    state: str  # booting, idle, working, waiting, leaving
    begun: int
    mode: str | None = None
    caller: str | None = None
    prompt: str | None = None
    prompted: bool = False
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A pause in milliseconds, what happens then, and three numbers that choose among the ways it may happen."""

    pause: int
    what: str
    who: int
    other: int
    way: int


@dataclass(slots=True)
class Teller:
    """Acts out steps, and writes down what an orchestrator would report."""

    taste: Taste
    story: Story = field(default_factory=lambda: Story("s"))
    now: int = 0
    actors: dict[str, Actor] = field(default_factory=dict[str, Actor])
    queue: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    made: int = 0
    messages: int = 0
    over: bool = False

    def at(self, milliseconds: int) -> Story:
        return self.story.at(milliseconds / 1000)

    def take(self, step: Step) -> None:
        if not self.over:
            self.now += step.pause
            STEPS[step.what](self, step)

    def one(self, number: int, *states: str) -> Actor | None:
        found = [a for a in self.actors.values() if not states or a.state in states]
        return found[number % len(found)] if found else None

    def late(self, way: int) -> int:
        return LATE[way % len(LATE)] if self.taste.late else 0

    def message(self) -> str:
        self.messages += 1
        return f"m{self.messages}"

    # --- terminals ---------------------------------------------------------------------------------------------------

    def open(self, step: Step) -> None:
        """A person opens a terminal, or an agent does; or one is there already when it is first seen."""
        if self.made >= TERMINALS:
            return
        creator = self.one(step.other) if step.way % 3 == 1 else None
        actor = self.actor(creator.id if creator else None)
        if step.way % 4 == 3:
            actor.state = ("idle", "working", "waiting")[step.who % 3]
            self.at(self.now).status(actor.id, "ready" if actor.state == "idle" else actor.state)
            return
        more: dict[str, Any] = {}
        if step.way % 5 == 2:
            more = {"cli": "claude_code", "model": "opus", "traceparent": UPSTREAM, "trigger": "human", "pid": 4711}
        self.at(self.now).terminal(actor.id, f"agent-{actor.id}", creator=actor.caller, **more)

    def actor(self, caller: str | None, mode: str | None = None) -> Actor:
        self.made += 1
        actor = Actor(f"t{self.made}", "booting", self.now, mode, caller)
        self.actors[actor.id] = actor
        return actor

    def ready(self, step: Step) -> None:
        actor = self.one(step.who, "booting", "working", "waiting")
        if actor:
            actor.state = "idle"
            self.at(self.now).status(actor.id, "error" if step.way == 5 else "ready")

    def work(self, step: Step) -> None:
        actor = self.one(step.who, "idle", "waiting")
        if actor:
            actor.state = "working"
            self.at(self.now).status(actor.id, "working", trigger="human" if step.way == 1 else None)

    def wait(self, step: Step) -> None:
        actor = self.one(step.who, "working", "booting", "idle")
        if actor:
            if actor.state != "booting":
                actor.state = "waiting"
            self.at(self.now).status(actor.id, "waiting")

    def leave(self, step: Step) -> None:
        """An agent is told to exit, which looks like work for an instant."""
        actor = self.one(step.who, "idle", "working")
        if actor:
            self.exit(actor, self.now)
            if step.way % 2:
                self.close(actor, self.now + step.other * 100, "exited")

    def exit(self, actor: Actor, at: int) -> None:
        actor.state = "leaving"
        self.at(at).status(actor.id, "working").status(actor.id, "exiting")

    def close(self, actor: Actor, at: int, reason: str, **more: Any) -> None:
        del self.actors[actor.id]
        self.at(at).gone(actor.id, reason, **more)
        self.queue = [(m, receiver) for m, receiver in self.queue if receiver != actor.id]

    def die(self, step: Step) -> None:
        """A terminal ends: somebody says so, or a look finds it gone (and then somebody may still say so)."""
        actor = self.one(step.who)
        if actor is None:
            return
        if step.way % 2 or not self.taste.late:
            self.close(
                actor,
                self.now,
                ("killed", "exited", "completed" if self.taste.teardown else "killed", "failed")[step.other % 4],
            )
            return
        last_seen = max(actor.begun, self.now - (0, 400, 3000, 5000)[step.other % 4])
        reason = ("exited", "vanished")[step.who % 2]
        self.close(actor, self.now, reason, last_seen=BEGIN + last_seen * MILLISECOND, exit_code=step.who or None)
        if step.way == 4:
            self.at(self.now + 100 * step.other).gone(actor.id, "killed")

    def restart(self, step: Step) -> None:
        """The orchestrator starts again: nothing is known of anybody until it is seen again."""
        for actor in self.actors.values():
            self.at(self.now).status(actor.id, "unknown")
        if step.way % 2:
            for actor in self.actors.values():
                if actor.state in {"idle", "working", "waiting"}:
                    self.at(self.now + 300).status(actor.id, "ready" if actor.state == "idle" else actor.state)

    def breathe(self, step: Step) -> None:
        actor = self.one(step.who)
        if actor:
            self.at(self.now).alive(actor.id)

    # --- messages ----------------------------------------------------------------------------------------------------

    def type(self, step: Step) -> None:
        """A message is typed: into an idle agent, which begins to work, or into one that is busy."""
        receiver = self.one(step.who, "idle", "working", "waiting")
        if receiver:
            mode = "assign" if step.way == 2 else "send_message"
            self.typed(receiver, self.message(), step, mode, **self.sender(step, receiver))

    def sender(self, step: Step, receiver: Actor) -> dict[str, Any]:
        others = [a.id for a in self.actors.values() if a is not receiver]
        known = others[step.other % len(others)] if others else None
        ways: tuple[dict[str, Any], ...] = (
            {"sender": known},
            {"sender": known, "size": 12, "text": "do it"},
            {"sender": known, "digest": "d1"},
            {},
            {"sender": STRANGER},
            {"sender": "t1", "sender_session": "elsewhere", "traceparent": UPSTREAM},
        )
        return ways[step.way % len(ways)]

    def typed(self, receiver: Actor, message: str, step: Step, mode: str, **more: Any) -> None:
        report = self.now + self.late(step.other + step.way)
        self.start(receiver, step)
        self.at(report).typed(message, receiver.id, mode=mode, **more)

    def start(self, receiver: Actor, step: Step) -> None:
        """What is typed makes an idle agent work: at once, or (the source looks at screens) some time after."""
        if receiver.state == "idle":
            receiver.state = "working"
            self.at(self.now + (300 if step.way == 3 else 0)).status(receiver.id, "working")

    def send(self, step: Step) -> None:
        """A message is queued."""
        receiver = self.one(step.who)
        if receiver:
            message = self.message()
            self.queue.append((message, receiver.id))
            self.at(self.now).sent(message, receiver.id, **self.sender(step, receiver))

    def deliver(self, step: Step) -> None:
        """A queued message is typed; a quick agent has answered before it is reported."""
        deliverable = [(m, r) for m, r in self.queue if self.actors[r].state in {"idle", "working", "waiting"}]
        if not deliverable:
            return
        message, name = deliverable[step.who % len(deliverable)]
        self.queue.remove((message, name))
        receiver = self.actors[name]
        report = self.now + self.late(step.other)
        self.start(receiver, step)
        self.at(report).delivered(message, name)
        if step.way == 4:
            receiver.state = "idle"
            self.at(self.now + 50).status(name, "ready")

    # --- delegations -------------------------------------------------------------------------------------------------

    def delegate(self, step: Step) -> None:
        """Work for a worker that is made for it: by an agent, or by a person."""
        if self.made >= TERMINALS:
            return
        caller = self.one(step.other) if step.way != 4 else None
        mode = ("handoff", "assign", "handoff", "assign", "handoff", "step")[step.who % 6]
        worker = self.actor(caller.id if caller and mode != "step" else None, mode)
        more: dict[str, Any] = {"step": "build", "attempt": 1} if mode == "step" else {}
        if step.way == 2:
            more["message"] = worker.prompt = self.message()
        if mode == "handoff" and step.way == 3:
            more["awaited"] = False
        told = 40 if self.taste.late and step.way == 1 else 0
        self.at(self.now + told).delegation(worker.id, mode, worker.caller, **more)
        if step.way == 5:
            self.at(self.now).status(worker.id, "working")
        else:
            self.now += 20 if step.other % 2 and self.taste.late else 0
            self.at(self.now).terminal(worker.id, f"agent-{worker.id}", creator=worker.caller)

    def prompt(self, step: Step) -> None:
        """The worker gets its prompt: when it is ready, or while it still boots."""
        workers = [a for a in self.actors.values() if a.mode in {"handoff", "assign"} and not a.prompted]
        if workers:
            worker = workers[step.who % len(workers)]
            worker.prompted = True
            sender = worker.caller if worker.caller in self.actors else None
            self.typed(worker, worker.prompt or self.message(), step, str(worker.mode), sender=sender)

    def answer(self, step: Step) -> None:
        """The caller is told how it went; an assignment is answered by a message."""
        workers = [a for a in self.actors.values() if a.mode and not a.answered]
        if not workers:
            return
        worker = workers[step.who % len(workers)]
        worker.answered = True
        if worker.mode == "assign":
            caller = self.actors.get(worker.caller or "")
            if caller and step.way % 2:
                self.typed(caller, self.message(), step, "send_message", sender=worker.id)
            elif caller:
                message = self.message()
                self.queue.append((message, caller.id))
                self.at(self.now).sent(message, caller.id, sender=worker.id)
            return
        outcome = ("completed", "completed", "failed", "timeout", "cancelled", "completed")[step.way % 6]
        self.at(self.now).answered(worker.id, outcome)
        if outcome == "completed" and self.taste.teardown and step.other % 2:
            # Told within a second of the answer that it belongs to, as every report of a moment is.
            self.exit(worker, self.now + 100)
            self.close(worker, self.now + 100 + 150 * step.other, "completed")

    # --- the rest ----------------------------------------------------------------------------------------------------

    def report(self, step: Step) -> None:
        actor = self.one(step.who)
        if step.way % 2:
            self.at(self.now).notice("ci_failed", severity="warning", terminal=actor.id if actor else None)
        elif actor:
            self.at(self.now).usage(actor.id, input_tokens=10, output_tokens=step.other, cost_usd=0.5)

    def end(self, step: Step) -> None:
        """The session ends, and says of its terminals that they do, before or after; or not."""
        if step.way % 3 == 0:
            for actor in list(self.actors.values()):
                self.close(actor, self.now, "killed")
        # A session that was there for one handoff completes, and so do its terminals: that too is a tear-down.
        reasons = ("killed", "completed" if self.taste.teardown else "killed", "vanished", "empty")
        self.over = True
        self.at(self.now + (100 if step.way % 2 else 0)).end(reasons[step.other % 4])
        if step.way == 5:
            for actor in list(self.actors.values()):
                self.close(actor, self.now + 400, "killed")


# Opening and working are drawn more often than the rest: without them there is little to tell.
STEPS: dict[str, Callable[[Teller, Step], None]] = {
    "open": Teller.open,
    "ready": Teller.ready,
    "work": Teller.work,
    "type": Teller.type,
    "delegate": Teller.delegate,
    "prompt": Teller.prompt,
    "answer": Teller.answer,
    "send": Teller.send,
    "deliver": Teller.deliver,
    "wait": Teller.wait,
    "leave": Teller.leave,
    "die": Teller.die,
    "restart": Teller.restart,
    "breathe": Teller.breathe,
    "report": Teller.report,
    "end": Teller.end,
}
_DRAWN = (
    *("open", "ready", "work", "type", "delegate", "prompt", "answer", "send", "deliver") * 3,
    *("wait", "leave", "die", "restart", "breathe", "report", "end"),
)
# None, less and more than a report's lateness, around the settling time, and long enough to count as stuck.
_PAUSES = (0, 1, 50, 300, 800, 1000, 1900, 2000, 2001, 5000, 20_000, 700_000)


def told(steps: Sequence[Step], taste: Taste, opening: int) -> list[Event]:
    """The events of a story, in the order of their times."""
    teller = Teller(taste)
    if opening:
        ways: tuple[dict[str, Any], ...] = (
            {},
            {"kind": "workflow"},
            {"parent_session": "parent", "parent_worker": "w"},
            {"traceparent": UPSTREAM},
        )
        teller.at(0).session(**ways[opening - 1])
    teller.take(Step(0, "open", 0, 0, 0))
    for step in steps:
        teller.take(step)
    events = sorted(teller.story.events, key=lambda event: event.at)
    end = next((event.at for event in events if isinstance(event, SessionEnded)), None)
    if end is None or taste.afterwards:
        return events
    return [event for event in events if event.at <= end or isinstance(event, TerminalEnded | DelegationEnded)]


def stories(taste: Taste | None = None, *, most: int = 25) -> st.SearchStrategy[list[Event]]:
    """Plausible stories of one session, in the order of their times."""
    few = st.integers(0, 5)
    steps = st.builds(Step, st.sampled_from(_PAUSES), st.sampled_from(_DRAWN), few, few, few)
    return st.builds(told, _long(steps, most), st.just(taste or Taste()), st.integers(0, 4))


def _long(elements: st.SearchStrategy[T], most: int) -> st.SearchStrategy[list[T]]:
    """Hypothesis likes lists of five. These are mostly longer, and still shrink to the shortest."""
    return st.one_of(st.lists(elements, max_size=most), *[st.lists(elements, min_size=most // 2, max_size=most)] * 3)


# --- garbage ---------------------------------------------------------------------------------------------------------

_SESSIONS = st.sampled_from(["s", "s", "s", "u"])
_NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
_MAYBE = st.sampled_from([None, None, "a", "b", "c", "d", "e", "f"])
_MESSAGES = st.sampled_from([f"m{n}" for n in range(9)])
_TEXTS = st.sampled_from([None, None, "", "x", "\N{SNOWMAN}" * 500, "y" * 20_000])
_NAMED = st.sampled_from([None, "", "x", "\N{SNOWMAN}" * 256])
_AGO = st.one_of(
    st.sampled_from([0, 0, 0, 1, 500, 1000, 1500, 2000, 2500, 10_000, -500, -59_000]),
    st.sampled_from([-61_000, -(10**9), 4 * 10**10, 10**8]),
)
_COUNTS = st.sampled_from([0, 1, 5, 2**62])


def _of(literal: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(literal))


def _fields() -> dict[type[Any], dict[str, st.SearchStrategy[Any]]]:
    parents = st.sampled_from([None, None, UPSTREAM, "00-" + "0" * 32 + "-" + "0" * 16 + "-00", "junk"])
    return {
        SessionStarted: {
            "name": _TEXTS.map(lambda text: (text or "")[:256]),
            "kind": st.sampled_from(["session", "workflow"]),
            "parent_session": _MAYBE,
            "traceparent": parents,
        },
        SessionEnded: {"reason": _of(EndReason), "error": _TEXTS},
        TerminalStarted: {
            "terminal": _NAMES,
            "agent": _NAMED,
            "creator": _MAYBE,
            "trigger": st.none() | _of(Trigger),
            "model": _NAMED,
            "traceparent": parents,
        },
        TerminalEnded: {
            "terminal": _NAMES,
            "reason": _of(EndReason),
            "error": _TEXTS,
            "exit_code": st.sampled_from([None, 0, -9, 2**63 - 1]),
        },
        StatusChanged: {"terminal": _NAMES, "status": _of(Status), "trigger": st.none() | _of(Trigger)},
        Activity: {"terminal": _NAMES},
        MessageSent: {
            "message": _MESSAGES,
            "mode": _of(MessageMode),
            "receiver": _NAMES,
            "sender": _MAYBE,
            "sender_session": st.sampled_from([None, None, "s", "u"]),
            "text": _TEXTS,
            "traceparent": parents,
        },
        MessageDelivered: {"message": _MESSAGES, "terminal": _NAMES},
        DelegationStarted: {
            "worker": _NAMES,
            "mode": _of(DelegationMode),
            "awaited": st.booleans(),
            "caller": _MAYBE,
            "step": _NAMED,
            "message": st.none() | _MESSAGES,
            "traceparent": parents,
        },
        DelegationEnded: {"worker": _NAMES, "outcome": _of(Outcome), "error": _TEXTS, "text": _TEXTS},
        UsageReported: {
            "terminal": _NAMES,
            "input_tokens": _COUNTS,
            "cost_usd": st.sampled_from([None, 0.0, -1.5, 1e300]),
        },
        Notice: {"name": _NAMES, "severity": _of(Severity), "terminal": _MAYBE, "text": _TEXTS},
    }


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event, and when it is delivered."""

    now: int
    event: Event


@st.composite
def _deliveries(draw: st.DrawFn, most: int) -> list[Delivery]:
    now = BEGIN
    found: list[Delivery] = []
    for pause, ago, make in draw(_long(st.tuples(st.sampled_from(_PAUSES), _AGO, _EVENTS), most)):
        now += pause * MILLISECOND
        kind, fields = make
        if "last_seen" in fields and fields["last_seen"] is not None:
            fields = fields | {"last_seen": now - fields["last_seen"] * MILLISECOND}
        event = kind(at=now - ago * MILLISECOND, source="story", instance="i", **fields)
        found.append(Delivery(now, event))
    return found


def _events() -> st.SearchStrategy[tuple[type[Any], dict[str, Any]]]:
    def of(
        kind: type[Any], fields: dict[str, st.SearchStrategy[Any]]
    ) -> st.SearchStrategy[tuple[type[Any], dict[str, Any]]]:
        more: dict[str, st.SearchStrategy[Any]] = {"session": _SESSIONS}
        if kind is TerminalEnded:
            more["last_seen"] = st.none() | _AGO
        return st.tuples(st.just(kind), st.fixed_dictionaries(more | fields))

    made = {kind: of(kind, fields) for kind, fields in _fields().items()}
    # A session that has ended takes nothing more, so that is drawn seldom.
    often = [s for kind, s in made.items() if kind is not SessionEnded]
    return st.one_of(*often, *often, *often, *often, made[SessionEnded])


_EVENTS = _events()


def garbage(*, most: int = 40) -> st.SearchStrategy[list[Delivery]]:
    """Any events about a few things, at any times: nothing an orchestrator would say, all of it valid at the edge."""
    return _deliveries(most)
