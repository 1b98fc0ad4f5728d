"""Flows and workflows: what CAO starts by itself, each in a session of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.real.plays import fail

if TYPE_CHECKING:
    from tests.real.scene import Roles, Scene
    from tests.real.truth import Truth


def flow_twice(scene: Scene) -> Roles:
    """The second run takes the place of the first."""
    api = scene.server.api
    flow = {"name": scene.name, "schedule": "0 3 1 1 *", "agent_profile": "coder", "provider": api.provider}
    api.ask("POST", "/flows", {**flow, "prompt_template": "Tidy up."})
    session = f"cao-flow-{scene.name}"
    ran: list[str] = []
    for _ in range(2):
        api.ask("POST", f"/flows/{scene.name}/run")
        ran.append(scene.witness.truth.in_session(session)[-1].id)
        scene.until_done(ran[-1], "ended")
        scene.until_status(ran[-1], "completed")
    api.ask("DELETE", f"/flows/{scene.name}")
    api.close_session(session)
    return {"first": ran[0], "second": ran[1]}


def _run_workflow(scene: Scene, file: str, text: str) -> Truth:
    """Two steps, one after the other; returns when the run is over."""
    folder = scene.server.cao_home / "workflows"
    folder.mkdir(exist_ok=True)
    (folder / f"{scene.name}.{file}").write_text(text)
    scene.server.api.ask("POST", "/workflows/runs", {"name_or_path": scene.name, "run_id": scene.name})
    return scene.until(
        "the run is over", lambda truth: scene.name in truth.runs and truth.runs[scene.name].state != "running"
    )


def _steps(truth: Truth, *prompts: str) -> Roles:
    """Who was told what: CAO keeps no step's terminal."""
    told = {
        str(deed.more["text"]).split()[0]: terminal
        for terminal, diary in truth.diaries.items()
        for deed in diary
        if deed.what == "began"
    }
    return {prompt: told[prompt] for prompt in prompts}


def _yaml(scene: Scene, *steps: str) -> str:
    listed = "".join(f"  - {{provider: {scene.server.api.provider}, agent: coder, {step}}}\n" for step in steps)
    return f"name: {scene.name}\nsteps:\n{listed}"


def yaml_workflow(scene: Scene) -> Roles:
    steps = [f"id: {name}, prompt: {scene.name}_{name} it" for name in ("plan", "build")]
    truth = _run_workflow(scene, "yaml", _yaml(scene, *steps))
    return _steps(truth, f"{scene.name}_plan", f"{scene.name}_build")


def yaml_workflow_failed(scene: Scene) -> Roles:
    """The first step fails, so there is no second."""
    prompt = f"{scene.name}_plan {scene.play('coder', fail())}"
    steps = (f"id: plan, retries: 0, prompt: '{prompt}'", "id: build, prompt: Build it")
    truth = _run_workflow(scene, "yaml", _yaml(scene, *steps))
    return _steps(truth, f"{scene.name}_plan")


def script_workflow(scene: Scene) -> Roles:
    provider = scene.server.api.provider
    steps = [
        f'run_step("{provider}", "coder", "{scene.name}_{name} it", step_id="{name}")\n' for name in ("plan", "build")
    ]
    truth = _run_workflow(scene, "py", f"from cao_workflow import run_step\n{''.join(steps)}")
    return _steps(truth, f"{scene.name}_plan", f"{scene.name}_build")
