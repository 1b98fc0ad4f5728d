from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.real import cao_install
from tests.real.cao_install import CannotBuild, cache_folder, cao_environment


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HANDSPAN_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a")),
        ({"HANDSPAN_CACHE": "", "XDG_CACHE_HOME": "/b"}, Path("/b/handspan")),
        ({}, Path.home() / ".cache" / "handspan"),
    ],
)
def test_the_environment_names_the_cache(environment: dict[str, str], folder: Path) -> None:
    assert cache_folder(environment) == folder


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be run. A real build takes a minute and the network: all other tests of this folder are in one."""
    done: list[str] = []

    def run(*command: str) -> None:
        done.append(" ".join(word for word in command if not word.startswith("--")))
        if "venv" in command:
            Path(command[-1]).mkdir()

    monkeypatch.setattr(cao_install, "_run", run)
    return done


def test_an_environment_is_built_once(tmp_path: Path, ran: list[str]) -> None:
    lock = tmp_path / "cao-1.2.3.txt"
    lock.write_text("cao==1.2.3\n")
    with ThreadPoolExecutor() as pool:
        (folder,) = set(pool.map(cao_environment, [lock] * 8, [tmp_path / "cache"] * 8))
    python = folder / "bin" / "python"
    assert ran == [
        f"{sys.executable} -m venv {folder}",
        f"{python} -m pip install {lock}",
        f"{python} -m pip install {cao_install.ROOT}",
    ]
    assert folder.name.startswith("cao-1.2.3-")


def test_another_lock_or_another_checkout_is_another_environment(
    tmp_path: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "cao-1.2.3.txt"
    lock.write_text("cao==1.2.3\n")
    first = cao_environment(lock, tmp_path)
    lock.write_text("cao==1.2.3 --hash=sha256:0\n")
    second = cao_environment(lock, tmp_path)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(cao_install, "ROOT", tmp_path)
    assert len({first, second, cao_environment(lock, tmp_path)}) == 3


def test_handspan_is_installed_again_when_its_entry_points_may_have_changed(
    tmp_path: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cao_install, "ROOT", tmp_path)
    lock = tmp_path / "cao.txt"
    lock.touch()
    (tmp_path / "pyproject.toml").write_text("one")
    folder = cao_environment(lock, tmp_path)
    ran.clear()
    (tmp_path / "pyproject.toml").write_text("two")
    assert cao_environment(lock, tmp_path) == folder
    assert ran == [f"{folder / 'bin' / 'python'} -m pip install {tmp_path}"]


def test_what_can_not_be_built_says_why_and_is_tried_again(tmp_path: Path) -> None:
    lock = tmp_path / "cao.txt"
    lock.write_text("this is no requirement\n")
    for _ in range(2):
        with pytest.raises(CannotBuild, match=r"-m pip install failed: .*this is no requirement"):
            cao_environment(lock, tmp_path / "cache")
