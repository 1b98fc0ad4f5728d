"""Stories written by hand, for what no recording holds. Each is a list of events; its golden file says what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan.events import MessageSent
from handspan.testing import SECOND, Story

if TYPE_CHECKING:
    from collections.abc import Callable

    from handspan.events import Event

HOUR = 3600


def _booted(story: Story, at: float, terminal: str, agent: str, **fields: object) -> Story:
    """A terminal that is there at `at`, works at its start-up, and is ready three seconds later."""
    story.at(at).terminal(terminal, agent, **fields)
    story.at(at + 0.1).status(terminal, "working")
    return story.at(at + 3).status(terminal, "ready")


def _supervised(name: str) -> Story:
    """A session whose supervisor has been told to begin, and works from second 5 on."""
    story = Story(name, name=name).at(0).session()
    _booted(story, 0, "sup", "supervisor")
    return story.at(5).status("sup", "working").typed("m-begin", "sup")


def handoff_in_a_turn() -> list[Event]:
    """The caller hands work off while it works, waits for the answer, and goes on in the same turn."""
    story = _supervised("handoff-in-a-turn")
    story.at(10).delegation("dev", "handoff", "sup").sent("p1", "dev", "sup", "handoff", size=420)
    _booted(story, 10.1, "dev", "developer", creator="sup")
    story.at(14).status("dev", "working").delivered("p1", "dev")
    story.at(44).status("dev", "ready")
    story.at(44.3).answered("dev", text="done").at(44.5).status("dev", "exiting").at(45).gone("dev", "completed")
    story.at(50).status("sup", "ready")
    return story.at(60).gone("sup").end().events


def handoff_in_a_handoff() -> list[Event]:
    """A worker hands a part of its work on; the inner answer comes first."""
    story = _supervised("handoff-in-a-handoff")
    story.at(10).delegation("dev", "handoff", "sup").sent("p1", "dev", "sup", "handoff")
    _booted(story, 10.1, "dev", "developer", creator="sup")
    story.at(14).status("dev", "working").delivered("p1", "dev")
    story.at(20).delegation("test", "handoff", "dev").sent("p2", "test", "dev", "handoff")
    _booted(story, 20.1, "test", "tester", creator="dev")
    story.at(24).status("test", "working").delivered("p2", "test")
    story.at(30).status("test", "error")
    story.at(30.5).answered("test", "failed", error="the test run broke")
    story.at(40).status("dev", "ready").at(40.2).answered("dev").at(41).gone("dev", "completed")
    story.at(45).status("sup", "ready")
    return story.at(60).gone("test").gone("sup").end().events


def more_work() -> list[Event]:
    """An assigned worker answers, is given more, and answers again: one delegation, one callback, then messages."""
    story = _supervised("more-work")
    story.at(8).delegation("dev", "assign", "sup", message="p1").sent("p1", "dev", "sup", "assign")
    _booted(story, 8.1, "dev", "developer", creator="sup")
    story.at(9).status("sup", "ready")
    story.at(12).status("dev", "working").at(12.8).delivered("p1", "dev")
    story.at(30).sent("c1", "sup", "dev").at(30.1).status("sup", "working").at(30.9).delivered("c1", "sup")
    story.at(31).status("dev", "ready")
    story.at(35).sent("w2", "dev", "sup").at(35.1).status("dev", "working").at(35.9).delivered("w2", "dev")
    story.at(36).status("sup", "ready")
    story.at(50).sent("c2", "sup", "dev").at(50.1).status("sup", "working").at(50.9).delivered("c2", "sup")
    story.at(51).status("dev", "ready").at(55).status("sup", "ready")
    return story.at(60).gone("dev").gone("sup").end().events


def never_answered_wait() -> list[Event]:
    """An agent asks a person and nobody answers; after ten minutes it is stuck, then its session is killed."""
    story = _supervised("never-answered-wait")
    story.at(20).status("sup", "waiting")
    return story.at(900).gone("sup").end().events


def answered_after_stuck() -> list[Event]:
    """Ten minutes of silence while working: stuck; then output: no longer stuck."""
    story = _supervised("answered-after-stuck")
    story.at(30).alive("sup")
    story.at(700).alive("sup")
    return story.at(720).status("sup", "ready").at(730).gone("sup").end().events


def cancelled_handoff() -> list[Event]:
    """The worker of a handoff is killed by request before it answers; of another the source itself says so."""
    story = _supervised("cancelled-handoff")
    story.at(10).delegation("dev", "handoff", "sup").sent("p1", "dev", "sup", "handoff")
    _booted(story, 10.1, "dev", "developer", creator="sup")
    story.at(14).status("dev", "working").delivered("p1", "dev")
    story.at(20).gone("dev", "killed")
    story.at(30).delegation("rev", "handoff", "sup").sent("p2", "rev", "sup", "handoff")
    _booted(story, 30.1, "rev", "reviewer", creator="sup")
    story.at(34).status("rev", "working").delivered("p2", "rev")
    story.at(40).answered("rev", "cancelled").at(41).gone("rev", "killed")
    story.at(45).status("sup", "ready")
    return story.at(60).gone("sup").end().events


def idle_end() -> list[Event]:
    """A source that can't look falls silent; after 24 hours the session has ended at its last sign."""
    story = _supervised("idle-end")
    story.at(40).status("sup", "ready")
    _booted(story, 100, "dev", "developer", creator="sup")
    return story.at(110).status("dev", "working").events


def three_parts() -> list[Event]:
    """Sixty hours: a turn, a wait, a delegation and an undelivered message go on over the parts of the trace."""
    story = _supervised("three-parts")
    story.at(10).delegation("dev", "assign", "sup", message="p1").sent("p1", "dev", "sup", "assign")
    _booted(story, 10.1, "dev", "developer", creator="sup")
    story.at(14).status("dev", "working").delivered("p1", "dev").at(20).status("sup", "ready")
    story.at(23 * HOUR).status("dev", "waiting").sent("m-late", "dev", "sup")
    story.at(30 * HOUR).status("dev", "working").at(30 * HOUR + 60).status("dev", "ready").delivered("m-late", "dev")
    story.at(30 * HOUR + 61).status("dev", "working").at(47 * HOUR).sent("m-lost", "ghost", "dev")
    _booted(story, 49 * HOUR, "rev", "reviewer", creator="dev")
    story.at(59 * HOUR).sent("c1", "sup", "dev").at(59 * HOUR + 0.1).status("sup", "working").delivered("c1", "sup")
    story.at(59 * HOUR + 5).status("dev", "ready").status("sup", "ready")
    return story.at(60 * HOUR).gone("rev").gone("dev").gone("sup").end().events


def supervisor_ends_first() -> list[Event]:
    """The supervisor is killed while an awaited and an assigned worker are busy; the workers live on."""
    story = _supervised("supervisor-ends-first")
    story.at(10).delegation("dev", "assign", "sup", message="p1").sent("p1", "dev", "sup", "assign")
    _booted(story, 10.1, "dev", "developer", creator="sup")
    story.at(14).status("dev", "working").delivered("p1", "dev")
    story.at(15).delegation("rev", "handoff", "sup", message="p2").sent("p2", "rev", "sup", "handoff")
    _booted(story, 15.1, "rev", "reviewer", creator="sup")
    story.at(19).status("rev", "working").delivered("p2", "rev")
    story.at(25).gone("sup", "killed")
    story.at(40).status("rev", "ready").at(41).answered("rev")
    story.at(50).status("dev", "ready")
    story.at(70).gone("rev").gone("dev").end()
    return story.events


def fan_out_fan_in() -> list[Event]:
    """Three assignments at once; two call back, one dies; a queued callback waits for the supervisor's turn to end."""
    story = _supervised("fan-out-fan-in")
    for n, worker in enumerate(("w1", "w2", "w3")):
        story.at(8 + n).delegation(worker, "assign", "sup", message=f"p-{worker}")
        story.sent(f"p-{worker}", worker, "sup", "assign")
        story.at(8.1 + n).terminal(worker, "developer", creator="sup").status(worker, "working")
    for n, worker in enumerate(("w1", "w2", "w3")):
        story.at(13 + n * 0.1).status(worker, "ready")
    story.at(15).status("sup", "ready")
    for n, worker in enumerate(("w1", "w2", "w3")):
        story.at(16 + n * 0.1).status(worker, "working").at(16.8 + n * 0.1).delivered(f"p-{worker}", worker)
    story.at(30).sent("c1", "sup", "w1").at(30.2).status("sup", "working").at(31).delivered("c1", "sup")
    story.at(32).status("w1", "ready").sent("c2", "sup", "w2").at(33).status("w2", "ready")
    story.at(40).gone("w3", "exited", exit_code=137, last_seen=story.begin + 35 * SECOND)
    story.at(45).status("sup", "ready").at(45.2).status("sup", "working").at(46).delivered("c2", "sup")
    story.at(50).status("sup", "ready")
    return story.at(60).gone("w1").gone("w2").gone("sup").end().events


def worker_deleted_after_its_answer() -> list[Event]:
    """An assigned worker calls back and is deleted in the very turn that its callback started, long before it ends."""
    story = _supervised("worker-deleted")
    story.at(8).delegation("dev", "assign", "sup", message="p1").sent("p1", "dev", "sup", "assign")
    _booted(story, 8.1, "dev", "developer", creator="sup")
    story.at(9).status("sup", "ready").at(12).status("dev", "working").delivered("p1", "dev")
    story.at(30).sent("c1", "sup", "dev").at(30.1).status("sup", "working").at(30.9).delivered("c1", "sup")
    story.at(31).status("dev", "ready").at(40).gone("dev")
    return story.at(90).status("sup", "ready").at(100).gone("sup").end().events


def child_session() -> list[Event]:
    """A worker's work is a session of its own; the child's root links to the delegation in the parent."""
    parent = _supervised("parent")
    parent.at(10).delegation("child-worker", "handoff", "sup")
    child = Story("child", name="child")
    child.at(10.5).session(parent_session="parent", parent_worker="child-worker")
    _booted(child, 10.5, "c-sup", "child-supervisor")
    child.at(14).status("c-sup", "working").at(30).status("c-sup", "ready").at(31).gone("c-sup", "completed")
    child.at(31).end("completed")
    parent.at(31.5).answered("child-worker").at(33).status("sup", "ready").at(40).gone("sup").end()
    return sorted(parent.events + child.events, key=lambda e: e.at)


def between_sessions() -> list[Event]:
    """A message from one session to another lies wholly in the receiver's trace."""
    here, there = _supervised("here"), _supervised("there")
    here.at(20).status("sup", "ready").at(30).gone("sup").end()
    there.at(8).status("sup", "ready").at(10).status("sup", "working")
    there.at(10.8).typed("x1", "sup", "sup-of-here", sender_session="here")
    there.at(20).status("sup", "ready").at(30).gone("sup").end()
    return sorted(here.events + there.events, key=lambda e: e.at)


def workflow_run() -> list[Event]:
    """A run of two steps, each in a terminal of its own; the second fails at its first try."""
    story = Story("run-7", name="release").at(0).session(kind="workflow")
    story.delegation("t-plan", "step", step="plan", attempt=1)
    _booted(story, 0.2, "t-plan", "planner")
    story.at(4).status("t-plan", "working").at(20).status("t-plan", "ready").at(21).answered("t-plan")
    story.gone("t-plan", "completed")
    story.at(22).delegation("t-build-1", "step", step="build", attempt=1)
    _booted(story, 22.1, "t-build-1", "builder")
    story.at(26).status("t-build-1", "working").at(30).status("t-build-1", "error")
    story.at(31).answered("t-build-1", "failed", error="no compiler").gone("t-build-1", "killed")
    story.at(32).delegation("t-build-2", "step", step="build", attempt=2)
    _booted(story, 32.1, "t-build-2", "builder")
    story.at(36).status("t-build-2", "working").at(50).status("t-build-2", "ready").at(51).answered("t-build-2")
    return story.gone("t-build-2", "completed").end("completed").events


def implicit_starts() -> list[Event]:
    """Nothing was seen to begin: a session, a working agent, and a terminal first heard of by its death."""
    story = Story("implicit", name="")
    story.at(0).status("a", "working").at(5).status("a", "ready")
    story.at(6).gone("b", "vanished", last_seen=story.begin + 4 * SECOND)
    story.at(8).delivered("m-only-delivered", "a").status("a", "working")
    return story.at(20).end("vanished").events


def restart() -> list[Event]:
    """A restart in the middle of a turn: what nobody saw ends at the last sign of life."""
    story = _supervised("restart")
    story.at(20).alive("sup")
    story.at(25).terminal("sup", "supervisor", model="opus").status("sup", "unknown")
    story.at(300).gone("sup").end()
    return story.events


def late_facts() -> list[Event]:
    """A report of a delivery after its turn has left, an assignment told late, a status from before the last one."""
    story = _supervised("late-facts")
    story.at(6).status("sup", "ready")
    story.at(10).terminal("dev", "developer", creator="sup").status("dev", "working").at(13).status("dev", "ready")
    story.at(14).status("dev", "working").at(15).status("dev", "ready")
    story.at(18).typed("p1", "dev", "sup", mode="assign")
    story.at(20).add(
        MessageSent, message="m2", mode="send_message", receiver="dev", sender="sup", at=story.begin + 5 * SECOND
    )
    story.at(21).delegation("dev", "assign", "sup", at=story.begin + 10 * SECOND)
    story.at(22).status("dev", "waiting", at=story.begin + 14 * SECOND)
    return story.at(40).gone("dev").gone("sup").end().events


def usage_and_notices() -> list[Event]:
    """Tokens and cost add up on the terminal; a notice belongs to a terminal, to the session, or to nothing."""
    story = _supervised("usage-and-notices")
    story.at(8).usage("sup", model="opus", input_tokens=1200, output_tokens=300, cache_read_tokens=9000, cost_usd=0.25)
    story.at(9).usage("sup", model="opus", input_tokens=800, output_tokens=100, cost_usd=0.125)
    story.at(10).notice("ci_failed", severity="urgent", terminal="sup", text="job build failed")
    story.at(11).notice("pr_opened").notice("server_update", session="", severity="action")
    story.at(12).status("sup", "ready")
    return story.at(20).gone("sup").end().events


def upstream_traces() -> list[Event]:
    """A traceparent that the source passes on becomes a link; what is none does not."""
    story = Story("upstream", name="upstream").at(0).session(traceparent=f"00-{'a' * 32}-{'b' * 16}-03")
    _booted(story, 0, "sup", "supervisor", traceparent="00-nonsense-01")
    story.at(5).status("sup", "working").typed("m1", "sup", traceparent=f"00-{'c' * 32}-{'d' * 16}-01")
    return story.at(9).status("sup", "ready").at(20).gone("sup").end().events


STORIES: dict[str, Callable[[], list[Event]]] = {
    story.__name__: story
    for story in (
        handoff_in_a_turn,
        handoff_in_a_handoff,
        more_work,
        never_answered_wait,
        answered_after_stuck,
        cancelled_handoff,
        idle_end,
        three_parts,
        supervisor_ends_first,
        fan_out_fan_in,
        worker_deleted_after_its_answer,
        child_session,
        between_sessions,
        workflow_run,
        implicit_starts,
        restart,
        late_facts,
        usage_and_notices,
        upstream_traces,
    )
}
