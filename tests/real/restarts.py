"""What happens when a server ends under its agents and is started again: they are in tmux, and go on.

Each needs a server of its own. After a restart CAO knows no status of older terminals, and delivers nothing to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.real.plays import call

if TYPE_CHECKING:
    from tests.real.plays import Step
    from tests.real.scene import Roles, Scene


def stopped(scene: Scene) -> Roles:
    """By SIGTERM, during an assignment. During a handoff the server would wait for its end, however long that takes."""
    lead = _put_to_work(scene, _assign(scene))
    (coder,) = scene.workers(lead)
    scene.until_done(lead, "ended")
    scene.server.stop()
    return _go_on(scene, {"lead": lead, "coder": coder})


def killed(scene: Scene) -> Roles:
    """By SIGKILL, during an assignment and a handoff."""
    review = scene.play("reviewer", scene.wait("written"))
    handoff = call("handoff", agent_profile="reviewer", message=f"Review it. {review}")
    lead = _put_to_work(scene, _assign(scene), handoff)
    coder, reviewer = scene.workers(lead, number=2)
    scene.server.kill()
    scene.until_done(lead, "ended")
    return _go_on(scene, {"lead": lead, "coder": coder, "reviewer": reviewer})


def _assign(scene: Scene) -> Step:
    callback = call("send_message", message="It is written.")
    work = scene.play("coder", scene.wait("written"), callback)
    return call("assign", agent_profile="coder", message=f"Write it. {work}")


def _put_to_work(scene: Scene, *calls: Step) -> str:
    lead = scene.open("lead")
    scene.tell(lead, f"Have it done. {scene.play('lead', *calls)}")
    return lead


def _go_on(scene: Scene, roles: Roles) -> Roles:
    """All workers are done under the server that was started; the callback stays in the inbox."""
    scene.server.start()
    scene.let("written")
    for terminal in roles.values():
        scene.until_done(terminal, "ended")
    scene.close()
    return roles
