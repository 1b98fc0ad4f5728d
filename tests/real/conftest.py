"""A real CAO for the tests of this folder, and its log beside the report of a test that fails."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.real.cao_install import LOCK, ROOT, CannotBuild, cache_folder, cao_environment
from tests.real.scenarios import SCENARIOS
from tests.real.stage import Stage, stage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def cao() -> Path:
    """Where CAO is installed."""
    if not shutil.which("tmux"):
        pytest.skip("CAO needs tmux, which is not installed")
    try:
        return cao_environment(ROOT / "requirements" / f"{LOCK}.txt", cache_folder(os.environ))
    except CannotBuild as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session", name="stage")
def _stage(cao: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage(cao, tmp_path_factory.mktemp("cao")) as made:
        # A test has the name of its scenario in its own. All that will be asked for are begun at once.
        names = [item.name for item in request.session.items]
        made.begin(scenario for scenario in SCENARIOS if any(scenario in name for name in names))
        yield made


@pytest.fixture
def own_stage(cao: Path, tmp_path: Path) -> Iterator[Stage]:
    """With a server that a test may end."""
    with stage(cao, tmp_path / "cao") as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for value in getattr(item, "funcargs", {}).values() if report.failed else ():
        if isinstance(value, Stage):
            report.sections.append(("cao-server", value.server.tail()))
    return report
