"""What README and docs say can be done, is done here; what they point at is there; what is generated is fresh."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from handspan import hooks, names
from handspan.cli import app
from handspan.events import from_line
from handspan.plugins.chat import rules_of
from tests import reference_files

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]
# `make` sets up, tests and checks: .ci/run does it. The rest of what CONTRIBUTING shows is for a person at work.
NOT_RUN_HERE = ("make ", ".venv/bin/pytest ", "HYPOTHESIS_PROFILE=", "HANDSPAN_REQUIRE_ALL=")


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    lines = [line.removeprefix("$ ").strip() for block in blocks(page, "console") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", *NOT_RUN_HERE))]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_of_a_page_works(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for command in commands(page):
        program, *arguments = shlex.split(re.sub("^/tmp|(?<= )/tmp", str(tmp_path), command))
        assert program == ".venv/bin/handspan", f"{command}: no test knows how to run it"
        done = CliRunner().invoke(app, arguments)
        assert (done.exit_code, done.stderr) == (0, ""), command
        assert done.output or "--save" in command, f"{command} says nothing"


def test_the_readme_shows_what_its_first_command_prints() -> None:
    (shown,) = blocks(ROOT / "README.md", "text")
    said = CliRunner().invoke(app, ["show", str(ROOT / "tests/golden/cao/07_handoff"), "--width", "110"]).output
    assert [line.rstrip() for line in said.splitlines()] == shown.splitlines()


# A tutorial is run as a whole, and against the real thing: tests/real/test_tutorial.py.
RUN_HERE = [page for page in PAGES if page.parent.name != "tutorial" and list(blocks(page, "python"))]


@pytest.mark.parametrize("page", RUN_HERE, ids=lambda page: page.name)
def test_the_python_of_a_page_works_from_top_to_bottom(page: Path) -> None:
    names_so_far: dict[str, Any] = {}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), names_so_far)  # noqa: S102 (the page's own words are what is tested)


def test_the_rules_and_the_entry_point_that_the_page_on_plugins_shows_are_some() -> None:
    entry_point, rules = blocks(ROOT / "docs/how-to/write-a-plugin.md", "toml")
    assert tomllib.loads(entry_point) == {"project": {"entry-points": {hooks.GROUP: {"desk": "my_package:Desk"}}}}
    assert len(rules_of(rules)) == 2


def test_the_event_that_the_readme_shows_is_one() -> None:
    shown = [line for page in PAGES for block in blocks(page, "json") for line in block.splitlines()]
    events = [line for line in shown if line.startswith('{"type"')]
    assert events
    for line in events:
        from_line(line)


def test_json_and_toml_that_a_page_shows_can_be_read() -> None:
    for page in PAGES:
        for block in blocks(page, "json"):
            assert [json.loads(one) for one in (block.splitlines() if block.startswith('{"type"') else [block])]
        for block in blocks(page, "toml"):
            assert tomllib.loads(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_points_at_is_there(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("path", [path for path, _ in reference_files.expected()], ids=lambda path: path.name)
def test_the_reference_is_fresh(path: Path) -> None:
    expected = dict(reference_files.expected())
    assert path.read_text("utf-8") == expected[path], "`make golden` writes it anew"


def test_every_table_of_names_is_in_the_reference() -> None:
    page = reference_files.TELEMETRY.read_text("utf-8")
    tables = (names.SPANS, names.ATTRIBUTES, names.LINKS, names.LOG_EVENTS, names.METRICS, names.CUT, names.DROPPED)
    assert [name for table in tables for name in table if f"`{name}`" not in page] == []
