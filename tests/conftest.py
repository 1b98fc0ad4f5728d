"""What holds for every test: which Hypothesis profile runs, and that a skip is a failure where nothing may be missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

# No deadline anywhere: one slow example on a busy machine says nothing about the code. The same examples are drawn every
# time, so that no change is blamed for what was there before it. `thorough` searches at random, for many minutes, and is
# for a change of the rules.
hypothesis.settings.register_profile("default", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "default")

_REQUIRE_ALL = os.environ.get("HANDSPAN_REQUIRE_ALL", "") not in {"", "0"}


# Both hooks are outermost, so that they see a report as all other plugins left it.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    # An expected failure also reports itself as skipped, but its test ran.
    if not _REQUIRE_ALL or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = (
        f"skipped: {reason.removeprefix('Skipped: ')}\n"
        "HANDSPAN_REQUIRE_ALL is set, so nothing may be skipped: install what is missing, or unset it."
    )
