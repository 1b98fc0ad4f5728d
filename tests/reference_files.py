"""The reference: what is generated from the code and committed under docs/reference.

python -m tests.reference_files --write     writes it anew; look at the difference before you keep it

Two pages are wholly generated; docs/reference/telemetry.md is written by hand but for the tables between its markers.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from handspan import names
from handspan.cli import app
from handspan.schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
TELEMETRY = REFERENCE / "telemetry.md"
_MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
COMMANDS = ((), ("show",), ("demo",), ("schema",))


def expected() -> Iterator[tuple[Path, str]]:
    """Every generated file, and what it should hold."""
    yield REFERENCE / "events.schema.json", json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    yield TELEMETRY, _MARKED.sub(_filled, TELEMETRY.read_text("utf-8"))
    yield REFERENCE / "cli.md", _commands()


def _filled(marked: re.Match[str]) -> str:
    begin, table, end = marked.groups()
    return f"{begin}{_TABLES[table]}\n{end}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`"


_TABLES = {
    "spans": _table(
        ("kind", "name", ""), ((_code(kind), _code(name), says) for kind, (name, says) in names.SPANS.items())
    ),
    "links": _table(("type", ""), ((_code(name), says) for name, says in names.LINKS.items())),
    "cut": _table(("reason", ""), ((_code(name), says) for name, says in names.CUT.items())),
    "dropped": _table(("reason", ""), ((_code(name), says) for name, says in names.DROPPED.items())),
    "attributes": _table(("attribute", ""), ((_code(name), says) for name, says in names.ATTRIBUTES.items())),
    "resource": _table(("attribute", ""), ((_code(name), says) for name, says in names.RESOURCE.items())),
    "logs": _table(
        ("log event", "for handlers", "CloudEvents type", ""),
        (
            (_code(e.name), " ".join(_code(n) for n in dict.fromkeys((e.hook, e.alias)) if n), _code(e.type), e.says)
            for e in names.LOG_EVENTS.values()
        ),
    ),
    "metrics": _table(
        ("metric", "type", "labels", ""),
        ((_code(m.name), m.type, ", ".join(m.labels), m.says) for m in names.METRICS.values()),
    ),
}


def _commands() -> str:
    runner = CliRunner()
    pages = ["# Command line\n\nWhat `--help` says, command by command.\n"]
    for command in COMMANDS:
        said = runner.invoke(app, [*command, "--help"], prog_name="handspan", color=False, terminal_width=100).output
        text = "\n".join(line.rstrip() for line in said.strip().splitlines())
        pages.append(f"## `{' '.join(('handspan', *command))}`\n\n```text\n{text}\n```\n")
    return "\n".join(pages)


if __name__ == "__main__":
    for path, text in expected():
        if "--write" in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            sys.exit(f"{path.relative_to(REFERENCE)} differs")
