"""What happens in orchestrations, played by mock agents on a real CAO. `SCENARIOS` are all that one server can play at
once; those that end a server are in `restarts.py`.

Each returns who took part, by role. Its session is closed at the end unless its name says that something was left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.real.cao_install import LOCK
from tests.real.plays import ask, call, die, fail
from tests.real.workflows import flow_twice, script_workflow, yaml_workflow, yaml_workflow_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.real.scene import Roles, Scene
    from tests.real.truth import Truth

# --- handoffs --------------------------------------------------------------------------------------------------------


def _hand_off(scene: Scene, work: str, **arguments: object) -> str:
    """A lead that hands off to a coder, who is told so; returns the lead once it calls."""
    lead = scene.open("lead")
    handoff = call("handoff", agent_profile="coder", message=f"Write it. {work}", **arguments)
    scene.tell(lead, f"Have it written. {scene.play('lead', handoff)}")
    scene.until_done(lead, "calls")
    return lead


def handoff_done(scene: Scene) -> Roles:
    lead = _hand_off(scene, scene.play("coder", scene.wait("written")))
    (coder,) = scene.workers(lead)
    scene.let("written")
    scene.until_done(lead, "ended")
    scene.close()
    return {"lead": lead, "coder": coder}


def handoff_failed(scene: Scene) -> Roles:
    # CAO up to 2.3.0 sees that a worker has failed when its time is over.
    lead = _hand_off(scene, scene.play("coder", fail()), timeout=10)
    (coder,) = scene.workers(lead)
    scene.until_done(lead, "ended")
    scene.close()
    return {"lead": lead, "coder": coder}


def handoff_timed_out(scene: Scene) -> Roles:
    """The worker goes on, and is done after nobody waits any more."""
    lead = _hand_off(scene, scene.play("coder", scene.wait("late")), timeout=1)
    (coder,) = scene.workers(lead)
    scene.until_done(lead, "ended")
    scene.let("late")
    scene.until_done(coder, "ended")
    scene.until_status(coder, "completed")
    scene.close()
    return {"lead": lead, "coder": coder}


def handoff_worker_died(scene: Scene) -> Roles:
    """Nobody notices: the handoff times out."""
    lead = _hand_off(scene, scene.play("coder", die()), timeout=2)
    (coder,) = scene.workers(lead)
    scene.until_done(lead, "ended")
    scene.close()
    return {"lead": lead, "coder": coder}


def handoff_refused(scene: Scene) -> Roles:
    """No worker can be made: a profile's name is part of a window's name, in which tmux allows no colon."""
    lead = scene.open("lead")
    handoff = call("handoff", agent_profile="no:body", message="Write it.")
    scene.tell(lead, f"Have it written. {scene.play('lead', handoff)}")
    scene.until_done(lead, "ended")
    scene.close()
    return {"lead": lead}


# --- assignments and messages ----------------------------------------------------------------------------------------


def assign_with_callback(scene: Scene) -> Roles:
    callback = call("send_message", message="It is written.")
    work = scene.play("coder", scene.wait("written"), callback)
    lead = scene.open("lead")
    assign = call("assign", agent_profile="coder", message=f"Write it. {work}")
    scene.tell(lead, f"Have it written. {scene.play('lead', assign)}")
    scene.until_done(lead, "ended")
    (coder,) = scene.workers(lead)
    scene.let("written")
    scene.until_done(coder, "ended")
    scene.until_done(lead, "ended", times=2)
    scene.until_status(coder, "completed")
    scene.close()
    return {"lead": lead, "coder": coder}


def three_assigns(scene: Scene) -> Roles:
    """Three workers at once, and three callbacks at once, of which the lead can take one at a time."""
    callback = call("send_message", message="Done.")
    lead = scene.open("lead")
    assigns = [
        call("assign", agent_profile="coder", message=f"Do part {part}. {scene.play(part, scene.wait('go'), callback)}")
        for part in ("one", "two", "three")
    ]
    scene.tell(lead, f"Have it done. {scene.play('lead', *assigns)}")
    workers = scene.workers(lead, number=3)
    scene.let("go")
    for worker in workers:
        scene.until_done(worker, "ended")
    scene.until_done(lead, "ended", times=4)
    scene.close()
    by_part = {_part(scene.witness.truth, worker): worker for worker in workers}
    return {"lead": lead, **{part: by_part[part] for part in ("one", "two", "three")}}


def _part(truth: Truth, worker: str) -> str:
    return str(truth.deeds(worker, "began")[0].more["text"]).split()[2].rstrip(".")


def queued_messages(scene: Scene) -> Roles:
    """Three messages to an agent at work. CAO lets an agent write to its callers, its workers and their workers only."""
    lead = scene.open("lead")
    work = scene.play("coder", scene.wait("written"))
    assign = call("assign", agent_profile="coder", message=f"Write it. {work}")
    scene.tell(lead, f"Have it written. {scene.play('lead', assign)}")
    (coder,) = scene.workers(lead)
    scene.until_status(coder, "processing")
    remarks = [call("send_message", receiver_id=coder, message=f"Remark {n}.") for n in (1, 2, 3)]
    scene.until_done(lead, "ended")
    scene.tell(lead, f"Say more. {scene.play('remarks', *remarks)}")
    scene.until_done(lead, "ended", times=2)
    scene.let("written")
    scene.until_done(coder, "ended", times=4)
    scene.until_status(coder, "completed")
    scene.close()
    return {"lead": lead, "coder": coder}


def unknown_callers(scene: Scene) -> Roles:
    """A message from nobody, a text typed into the web page, and one typed into tmux."""
    coder = scene.open("coder")
    scene.server.api.post("nobody", coder, "One.")
    scene.until_done(coder, "ended", times=1)
    scene.until_status(coder, "completed")
    scene.tell(coder, "Two.")
    scene.until_done(coder, "ended", times=2)
    scene.server.tmux("send-keys", "-t", f"={scene.session}:", "Three.", "Enter")
    scene.until_done(coder, "ended", times=3)
    scene.close()
    return {"coder": coder}


# --- lives of terminals ----------------------------------------------------------------------------------------------


def deferred_start(scene: Scene) -> Roles:
    """The session is told of before its agent is ready, and the first prompt is nobody's message."""
    coder = scene.server.api.open_session(scene.name, "coder", initial_message="Write it.")
    scene.until_done(coder, "ended")
    scene.until_status(coder, "completed")
    scene.close()
    return {"coder": coder}


def waiting_for_answer(scene: Scene) -> Roles:
    coder = scene.open("coder")
    scene.tell(coder, f"Write it. {scene.play('coder', ask())}")
    scene.until_done(coder, "asks")
    scene.until_status(coder, "waiting_user_answer")
    scene.tell(coder, "yes")
    scene.until_done(coder, "ended")
    scene.until_status(coder, "completed")
    scene.close()
    return {"coder": coder}


def agent_left(scene: Scene) -> Roles:
    """An agent is told to leave, and its terminal is closed; the other one's session goes on until it is closed."""
    coder = scene.open("coder")
    reviewer = scene.join("reviewer")
    scene.server.api.ask("POST", f"/terminals/{coder}/exit")
    scene.until_done(coder, "left")
    scene.server.api.close_terminal(coder)
    scene.until("the terminal is gone", lambda truth: truth.terminals[coder].gone is not None)
    scene.close()
    return {"coder": coder, "reviewer": reviewer}


def name_reused(scene: Scene) -> Roles:
    first = scene.open("coder")
    scene.close()
    second = scene.open("coder")
    scene.close()
    return {"first": first, "second": second}


def agent_died_session_left(scene: Scene) -> Roles:
    """CAO sees nothing: a message for the dead agent stays in its inbox."""
    coder = scene.open("coder")
    scene.tell(coder, f"Write it. {scene.play('coder', die())}")
    scene.until_done(coder, "died")
    message = scene.server.api.post("nobody", coder, "Are you there?")
    scene.until("the message is there", lambda truth: message in truth.messages)
    return {"coder": coder}


def window_killed_session_left(scene: Scene) -> Roles:
    """CAO sees nothing."""
    coder = scene.open("coder")
    reviewer = scene.join("reviewer")
    window = scene.witness.truth.terminals[reviewer].window
    scene.server.tmux("kill-window", "-t", f"={scene.session}:{window}")
    return {"coder": coder, "reviewer": reviewer}


def session_killed_left(scene: Scene) -> Roles:
    """CAO sees nothing."""
    coder = scene.open("coder")
    scene.server.tmux("kill-session", "-t", f"={scene.session}")
    return {"coder": coder}


# CAO 2.3.0 runs no scripts over its API, starts no session with a message, and waits ten minutes for a failed step.
_SINCE_2_4 = (script_workflow, deferred_start, yaml_workflow_failed)

SCENARIOS: Mapping[str, Callable[[Scene], Roles]] = {
    play.__name__: play
    for play in (
        # The longest first, so that none is left alone at the end.
        three_assigns,
        yaml_workflow,
        script_workflow,
        flow_twice,
        queued_messages,
        assign_with_callback,
        handoff_done,
        handoff_failed,
        handoff_timed_out,
        handoff_worker_died,
        handoff_refused,
        yaml_workflow_failed,
        name_reused,
        waiting_for_answer,
        unknown_callers,
        deferred_start,
        agent_left,
        agent_died_session_left,
        window_killed_session_left,
        session_killed_left,
    )
    if play not in _SINCE_2_4 or not LOCK.startswith("cao-2.3.")
}
