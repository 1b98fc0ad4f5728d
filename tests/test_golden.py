"""Every story and recording gives exactly what its golden file says."""

from __future__ import annotations

import pytest

from tests.golden_files import GOLDEN, expected

EXPECTED = {path.relative_to(GOLDEN).as_posix(): (path, text) for path, text in expected()}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_story_gives_what_its_golden_file_says(name: str) -> None:
    path, text = EXPECTED[name]
    assert text == path.read_text(encoding="utf-8"), "if this is meant: `make golden`, and look at the difference"


def test_every_recording_has_its_facts_and_its_golden_file() -> None:
    recordings = sorted(path.parent.name for path in GOLDEN.glob("cao/*/recording.jsonl"))
    assert len(recordings) == 29
    assert recordings == sorted(name.split("/")[1] for name in EXPECTED if name.startswith("cao/"))


def test_no_golden_file_is_left_over() -> None:
    found = {path.relative_to(GOLDEN).as_posix() for path in [*GOLDEN.glob("stories/*"), *GOLDEN.glob("cao/*/*.txt")]}
    assert found == set(EXPECTED)
