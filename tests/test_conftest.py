from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).with_name("conftest.py")

# Every way to skip a test, then an expected failure and a test that passes: two that ran.
EVERY_WAY = """
    import unittest
    import pytest

    @pytest.mark.skip(reason="by mark")
    def test_mark(): ...

    @pytest.mark.skipif(True, reason="by condition")
    def test_condition(): ...

    @pytest.fixture
    def component(): pytest.skip("by fixture")

    def test_fixture(component): ...

    def test_call(): pytest.skip("by call")

    class TestUnit(unittest.TestCase):
        def test_unit(self): self.skipTest("by unittest")

    def test_subtest(subtests):
        with subtests.test("part"):
            pytest.skip("by subtest")

    @pytest.mark.xfail(strict=True)
    def test_expected(): assert False

    def test_passes(): ...
"""


@pytest.fixture(autouse=True)
def profile_kept() -> Iterator[None]:
    before = hypothesis.settings.get_current_profile_name()
    yield
    hypothesis.settings.load_profile(before)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST.read_text())
    return pytester


def run(project: pytest.Pytester) -> pytest.RunResult:
    return project.runpytest("-p", "no:libtmux", "-p", "no:cacheprovider")


def skipped(result: pytest.RunResult) -> list[str]:
    return [line.removeprefix("skipped: ") for line in result.outlines if line.startswith("skipped: ")]


@pytest.mark.parametrize("value", ["", "0"])
def test_a_skip_is_a_skip(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HANDSPAN_REQUIRE_ALL", value)
    project.makepyfile(EVERY_WAY)
    result = run(project)
    # pytest does not count the skip of a subtest, only its test, which passed.
    assert result.parseoutcomes() == {"passed": 2, "skipped": 5, "xfailed": 1}
    assert result.ret == pytest.ExitCode.OK


def test_a_skip_is_a_failure_when_everything_is_required(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDSPAN_REQUIRE_ALL", "1")
    project.makepyfile(EVERY_WAY)
    result = run(project)
    assert skipped(result) == ["by mark", "by condition", "by fixture", "by call", "by unittest", "by subtest"]
    # A test with a failed subtest is a failure beside it.
    assert result.parseoutcomes() == {"errors": 3, "failed": 4, "xfailed": 1, "passed": 1}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["HANDSPAN_REQUIRE_ALL is set, so nothing may be skipped: install what is missing*"])


def test_a_module_that_skips_itself_is_a_failure_when_everything_is_required(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDSPAN_REQUIRE_ALL", "1")
    project.makepyfile(
        test_import="import pytest; pytest.importorskip('no_such_module')",
        test_level="import pytest; pytest.skip('by module', allow_module_level=True)",
        test_passes="def test_passes(): ...",
    )
    result = run(project)
    assert skipped(result) == ["could not import 'no_such_module': No module named 'no_such_module'", "by module"]
    assert result.parseoutcomes() == {"errors": 2}
    assert result.ret == pytest.ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    ("environment", "profile"),
    [
        ({}, "default"),
        ({"HYPOTHESIS_PROFILE": "thorough"}, "thorough"),
    ],
)
def test_the_environment_chooses_the_profile(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], profile: str
) -> None:
    monkeypatch.delenv("HYPOTHESIS_PROFILE", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    runpy.run_path(str(CONFTEST))
    assert hypothesis.settings.get_current_profile_name() == profile


def test_the_same_examples_are_drawn_every_time() -> None:
    default = hypothesis.settings.get_profile("default")
    assert (default.derandomize, default.deadline, default.database) == (True, None, None)
