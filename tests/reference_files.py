"""The reference: what is generated from the code and committed under docs/reference.

python -m tests.reference_files --write     writes it anew; look at the difference before you keep it

Three pages are wholly generated; docs/reference/telemetry.md is written by hand but for the tables between its markers.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from handspan import config, names
from handspan.cli import app
from handspan.commands.config import OTEL
from handspan.schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
TELEMETRY = REFERENCE / "telemetry.md"
_MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
SPOOL = ("status", "list", "show", "retry", "drop")
COMMANDS = (
    *((), ("show",), ("demo",), ("schema",), ("up",), ("replay",), ("config",), ("spool",)),
    *(("spool", command) for command in SPOOL),
)


def expected() -> Iterator[tuple[Path, str]]:
    """Every generated file, and what it should hold."""
    yield REFERENCE / "events.schema.json", json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    yield TELEMETRY, _MARKED.sub(_filled, TELEMETRY.read_text("utf-8"))
    yield REFERENCE / "cli.md", _commands()
    yield REFERENCE / "settings.md", _settings()


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


_OF_SETTINGS = f"""# Settings

Each is a variable of the environment, or a line in a TOML file under the name in lower case without `{config.variable("")}`:
`settle = "5s"`. The environment goes before the file, an empty value is an unset one, and a value that is wrong ends the
program before anything starts. `handspan config` prints all that is in force, and where it came from.

"""
_OF_OTEL = """
`$XDG_STATE_HOME` is `~/.local/state` where it is not set, and `$XDG_CONFIG_HOME` is `~/.config`. The file can't name
another file. Units are `s`, `m`, `h`, `d`, and `KB`, `MB`, `GB`, `TB` (powers of 1,000) or `KiB`, `MiB`, `GiB`, `TiB`
(powers of 1,024).

## OpenTelemetry

These mean what they mean to every OpenTelemetry SDK, and are read from the environment alone. Where no protocol is named it
is `http/protobuf`, so that records go to `http://localhost:4318`.

"""


def _settings() -> str:
    table = _table(
        ("variable", "default", "", "allowed"),
        (
            (_code(config.variable(name)), _code(s.default) if s.default else "", _also(s), s.kind.allowed)
            for name, s in config.TABLE.items()
        ),
    )
    return f"{_OF_SETTINGS}{table}\n{_OF_OTEL}" + "".join(f"* `{name}`\n" for name in OTEL)


def _also(setting: config.Setting) -> str:
    return f"{setting.says} Where it is not set: `{setting.also}`." if setting.also else setting.says


if __name__ == "__main__":
    for path, text in expected():
        if "--write" in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            sys.exit(f"{path.relative_to(REFERENCE)} differs")
