"""The rules of the layout: the tables first, then the checks, then the bad examples that each check was made for."""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet


# Who may know whom: a module, and what it may import of ours. `sources.*` is each file in sources/, `*` is everything.
def _rules(names: str) -> set[str]:
    return {f"rules.{name}" for name in names.split()}


def _index(names: str) -> set[str]:
    return {f"hub.index.{name}" for name in names.split()}


MAY_KNOW: dict[str, set[str]] = {
    "__init__": {"*"},
    # The model: what happens, what leaves, what it is called. Nothing of ours behind them.
    "names": set(),
    "events": set(),
    "signals": set(),
    "ids": set(),
    "schema": {"events"},
    # What of it may be kept and sent.
    "secret_shapes": set(),
    "secret_names": {"secret_shapes"},
    "redaction": {"secret_names", "secret_shapes"},
    "scrub": {"events", "redaction"},
    # The rules, from the bottom up: a line knows only lines above it.
    "rules.timeline": set(),
    "rules.memory": {"rules.timeline"},
    "rules.relations": {"ids", "names", "rules.memory", "rules.timeline"},
    "rules.telling": {"ids", "names", "signals", "rules.memory", "rules.relations", "rules.timeline"},
    "rules.openings": {"ids", "names", "signals", *_rules("memory relations telling timeline")},
    "rules.desk": {"names", "signals", *_rules("memory openings relations telling timeline")},
    "rules.stuck": {"names", *_rules("desk memory openings relations telling")},
    "rules.messages": {"names", *_rules("desk memory relations telling")},
    "rules.leaving": {"names", "signals", *_rules("desk memory messages openings relations stuck telling timeline")},
    "rules.parts": {"events", "names", *_rules("desk leaving memory messages openings relations timeline")},
    "rules.endings": {"names", *_rules("desk leaving memory messages openings relations telling")},
    "rules.taking": {"events", "names", *_rules("desk endings memory messages parts relations stuck telling timeline")},
    "rules.census": {"names", *_rules("memory relations stuck")},
    "rules.session": {"events", "names", "signals", "rules.*"},
    "rules": {"rules.memory", "rules.session"},
    "sessions": {"events", "ids", "names", "signals", *_rules("memory session telling")},
    # The way out. A sender gets encoded records, and where they go.
    "metrics": {"names", "signals"},
    "gauges": {"names", "rules.census", "signals"},
    "exposition": {"signals"},
    "destinations": {
        "otel_env",
        "otlp",
        "senders",
        *(f"senders.{n}" for n in ("cloudevents", "otlp_grpc", "otlp_http")),
    },
    "otel_env": set(),
    "senders": {"otlp"},
    "senders.posting": {"otel_env", "senders", "senders.proxies"},
    "senders.proxies": set(),
    "senders.otlp_http": {"otel_env", "otlp", "senders", "senders.posting"},
    "senders.otlp_grpc": {"otel_env", "otlp", "senders", "senders.otlp_http"},
    "senders.file": {"otlp", "senders"},
    "senders.cloudevents": {"names", "otel_env", "otlp", "senders", "senders.posting", "signals"},
    "spool.lock": set(),
    "spool.database": set(),
    "spool.bounds": set(),
    "spool.recovered": {"spool.database"},
    "spool.outbox": {"otlp"},
    "spool.rejected": {"otlp", "spool.outbox"},
    "spool.standing": {"spool.outbox"},
    "spool": {"names", "otlp", "rules.census", "sessions", "spool.*"},
    # The engine is handed senders, translation and hooks as values.
    "engine.delivery": {"otlp", "senders"},
    "engine.backoff": set(),
    "engine.again": {"otlp", "spool.*", "engine.backoff", "engine.delivery"},
    "engine.drain": {"otlp", "senders", "spool.*", "engine.again", "engine.backoff", "engine.delivery"},
    "engine.push": {"otlp", "senders"},
    "engine.inbox": {"events", "signals", "engine.again", "engine.drain"},
    "engine.intake": {"events", "metrics", "names", "otlp", "sessions", "signals", "spool"},
    "engine.setup": {"events", "otlp", "rules", "senders", "signals"},
    "engine.translating": {"events"},
    "engine.recovery": {"rules", "sessions", "spool"},
    "engine.departures": {
        *{"names", "otlp", "senders", "signals", "spool", "spool.*"},
        *(f"engine.{name}" for name in ("again", "drain", "inbox", "push")),
    },
    "engine.keeping": {
        *{"metrics", "names", "signals", "spool", "spool.*"},
        *(f"engine.{name}" for name in ("departures", "inbox", "intake", "recovery", "setup")),
    },
    "engine.worker": {
        *{"gauges", "names", "otlp", "signals", "spool"},
        *(f"engine.{name}" for name in ("departures", "inbox", "keeping", "setup", "translating")),
    },
    "engine": {"events", "otlp", "rules", "senders", "signals", "spool", "spool.*", "engine.*"},
    # Sources translate to events and know nothing of what becomes of them.
    "sources": {"events", "sources.*"},
    "sources.cao": {"events", "sources.cao_facts", "sources.cao_state", "sources.cao_wording"},
    "sources.cao_state": {"events", "sources.cao_facts"},
    "sources.cao_wording": {"events", "sources.cao_facts", "sources.cao_state"},
    "sources.*": {"events"},
    # The plugin inside cao-server. Agents' processes import it too: what it knows it imports where it is set up.
    "cao": set(),
    "cao.plugin": {"cao", "cao.watch"},
    "cao.watch": {"config", "hosting", "sources.cao", "cao", "cao.*"},
    "cao.poller": {"cao.desk", "cao.panes", "cao.sweeps", "cao.tables", "sources.cao_facts"},
    "cao.desk": {"cao.followed", "cao.tables", "sources.cao_facts"},
    "cao.sweeps": {"cao.panes", "sources.cao_facts"},
    "cao.tables": {"sources.cao_facts"},
    "cao.joining": {"names", "sources.cao_facts"},
    "cao.said": {"events", "sources.cao_facts"},
    "cao.followed": set(),
    "cao.innards": set(),
    "cao.panes": set(),
    # What leaves, as bytes.
    "otlp": {"otlp.*"},
    "otlp.wire": set(),
    "otlp.requests": {"__init__", "names", "otlp.wire"},
    "otlp.encoding": {"names", "otlp.requests", "otlp.wire", "signals"},
    "otlp.reading": {"names", "signals"},
    # What is shown is drawn from signals alone.
    "show": set(),
    "show.*": {"names", "signals", "show.*"},
    "transcript": {"names", "signals"},
    "testing": {"events", "rules.memory", "sessions", "signals"},
    # What is read before anything starts, and passed on as values.
    "addresses": set(),
    "setting_kinds": {"addresses"},
    "config": {"addresses", "otel_env", "rules", "setting_kinds"},
    "commands.config": {"config", "setting_kinds", "show.cells"},
    "demo": {"events", "testing"},
    "reading": {"events", "signals", "sources.*", "testing"},
    # Plugins are told of signals that have left, and know nothing of who tells them.
    "plugins": {"names"},
    "plugins.events": {"names", "signals"},
    "plugins.caller": {"plugins", "plugins.events"},
    "plugins.*": {"events", "names", "plugins", "plugins.events"},
    "hooks": {"names", "signals", "plugins", "plugins.*"},
    # An engine with all that belongs to it, as the settings have it.
    "secret_key": set(),
    "hosting": {
        "config",
        "destinations",
        "engine",
        "events",
        "hooks",
        "otlp",
        "scrub",
        "secret_key",
        "senders",
        "signals",
    },
    "replaying": {"engine", "events"},
    # The hub: what arrives is kept as it came. From the record up to the doors, then the process.
    "hub": set(),
    "hub.record_file": {"spool.database"},
    "hub.retention": {"spool.bounds"},
    "hub.record": {"otlp", "hub.record_file", "hub.retention", "spool.database", "spool.lock"},
    "hub.wire": {"otlp", "hub.record"},
    "hub.answers": {"otlp", "hub.record", "hub.wire"},
    "hub.tally": {"engine.drain", "metrics", "names", "otlp", "signals", "hub.retention"},
    "hub.keeper": {"otlp", "hub.answers", "hub.record", "hub.tally", "hub.wire"},
    "hub.pushed": {"metrics", "names", "signals"},
    "hub.into_record": {"otlp", "senders", "hub.record"},
    "hub.doors": {"otlp", "hub.answers", "hub.keeper"},
    "hub.events_door": {"events", "schema", "sources.cloudevents", "sources.jsonl", "hub.answers"},
    "hub.health": {"exposition", "signals"},
    "hub.bodies": {"hub.answers"},
    "hub.listening": {"addresses"},
    "hub.grpc_door": {"addresses", "otlp", "hub.answers", "hub.bodies", "hub.keeper", "hub.listening"},
    "hub.guards": {"hub.answers", "hub.bodies", "hub.events_door"},
    "hub.protocol": set(),
    "hub.onward": {
        *{"engine.delivery", "otel_env", "otlp", "senders", "hub.answers", "hub.record", "hub.wire"},
        *(f"senders.{name}" for name in ("otlp_grpc", "otlp_http", "posting")),
    },
    "hub.forward": {"engine.again", "engine.drain", "otlp", "spool.outbox", "hub.onward", "hub.record", "hub.tally"},
    "hub.app": {"__init__"},
    "hub.hub": {"addresses", "config", "hosting", "names", "signals", "hub.*"},
    "hub.serving": {"hub.protocol"},
    # The hub: the index is derived from the record, and what is shown is read from the index.
    "hub.index.database": set(),
    "hub.index.entries": {"names", "hub.record", "hub.wire"},
    "hub.index.openings": {"names", "hub.index.entries"},
    "hub.index.waits": {"names"},
    "hub.index.summary": {"names", "hub.index.entries", "hub.index.waits"},
    "hub.index.messages": {"names", "hub.index.entries"},
    "hub.index.filling": {"names", "hub.record", *_index("entries messages openings summary words")},
    "hub.index.words": {"names"},
    "hub.index.forgetting": {"hub.index.words"},
    "hub.index.forms": {"names", "hub.index.entries"},
    "hub.index.arrows": {"names", *_index("entries forms messages")},
    "hub.index.export": {"names", "hub.index.entries"},
    "hub.index.sessions": {"hub.index", *_index("arrows entries forms")},
    "hub.index.traces": {"hub.index", *_index("forms sessions")},
    "hub.index.search": {"names", "hub.index", *_index("forms sessions")},
    "hub.index": {"hub.record", *_index("database entries filling forgetting summary")},
    "hub.indexer": {"hub.index", "hub.record"},
    "hub.live": {"hub.index", *_index("entries sessions")},
    "hub.api": {"hub.index", "hub.index.*", "hub.live"},
    "hub.showing": {"hub.api", "hub.demo_feed", "hub.index", "hub.indexer", "hub.live", "hub.record"},
    "hub.demo_feed": {"demo", "events", "hub.index", "hub.record", "otlp", "replaying", "sessions", "signals"},
    "commands": set(),
    "commands.*": {"*"},
    "cli": {"*"},
}

# What a user starts is imported by nobody, except where `python -m handspan` starts it.
STARTED_BY_USERS = {"cli"}
STARTERS = {"__main__"}

# All other modules are pure: the same events give the same signals on any machine, at any time.
IMPURE = {
    *{"cli", "config", "reading", "setting_kinds", "testing"},
    *(f"senders.{name}" for name in ("cloudevents", "file", "otlp_grpc", "otlp_http", "posting", "proxies")),
    *(f"spool.{name}" for name in ("bounds", "database", "lock", "outbox", "recovered", "rejected", "standing")),
    *(f"engine.{name}" for name in ("again", "departures", "drain", "inbox", "intake", "keeping", "push", "setup")),
    *{"engine.translating", "engine.worker"},
    *{"engine", "hosting", "secret_key", "spool"},
    *(f"cao.{name}" for name in ("desk", "innards", "panes", "plugin", "poller", "tables", "watch")),
    *(f"hub.{name}" for name in ("app", "events_door", "forward", "guards", "hub", "listening", "protocol")),
    *(
        f"hub.{name}"
        for name in ("doors", "into_record", "keeper", "pushed", "record", "record_file", "retention", "serving")
    ),
    "hub.tally",
    "hub.showing",
    "commands.up",
    # What runs for users, and what starts it.
    *{"hub.api", "hub.demo_feed", "hub.index", "hub.indexer", "hub.live"},
    *_index("arrows database export filling forgetting messages search sessions summary traces"),
    *{"hooks", "plugins.audit", "plugins.caller", "plugins.chat", "replaying", "commands.replay"},
    *(f"commands.{name}" for name in ("spool", "spool_rejected", "spool_status", "spool_visit")),
}
NOT_FOR_PURE = {
    "asyncio",
    "io",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "sqlite3",
    "subprocess",
    "threading",
    "time",
    "uuid",
}
# datetime has a clock beside its types; events reads and writes RFC 3339 with the types.
MAY_USE_DATETIME = {"events", "show.waterfall"}
CLOCKS = {"now", "today", "utcnow"}
DOORS = {"input", "open", "print"}

# The boundaries that may catch everything, as module.function; why is said there.
CATCH_ALL: list[str] = [
    "cao.plugin.HandspanPlugin.setup",
    "cao.poller.Poller._safely",
    "cli._run",
    "engine.Engine._run",
    "engine.intake.Intake._apply",
    "engine.translating.Translator._events",
    "engine.worker.Worker._tell",
    "hub.index.Index._writing",
    "hub.indexer.Indexer._fill",
    "hub.wire._built",
    "plugins.caller.Caller._live",
    "plugins.caller.Caller._run",
]

# Files that need no test file of their name. None: `__init__.py` and `__main__.py` are exempt anyway.
NO_TEST_FILE: set[str] = set()

# Names that promise nothing, so that anything ends up inside.
EMPTY_NAMES = {"base", "common", "core", "helpers", "manager", "utils"}

PACKAGE = "handspan"
TESTS = Path(__file__).parent
SRC = TESTS.parent / "src" / PACKAGE
FILES = {path.relative_to(SRC).as_posix(): path.read_text("utf-8") for path in sorted(SRC.rglob("*.py"))}


def module_of(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module_of(file): source for file, source in FILES.items()}

# --- the checks ------------------------------------------------------------------------------------------------------


def unknown_modules(modules: AbstractSet[str], table: Mapping[str, AbstractSet[str]]) -> list[str]:
    """Modules that the table lacks, and lines of the table that no module has."""
    return [
        *(f"{module} is missing in MAY_KNOW" for module in sorted(modules) if line_of(module, table) is None),
        *(f"{line} in MAY_KNOW is no module" for line in table if not any(fnmatchcase(m, line) for m in modules)),
    ]


def line_of(module: str, table: Mapping[str, AbstractSet[str]]) -> str | None:
    return module if module in table else next((line for line in table if fnmatchcase(module, line)), None)


def forbidden_imports(
    module: str, source: str, modules: AbstractSet[str], table: Mapping[str, AbstractSet[str]]
) -> Iterator[str]:
    may_know = table.get(line_of(module, table) or "", set())
    for name in imported(source):
        if name.startswith("."):
            yield f"{module} imports {name}: write it in full, {PACKAGE}.…"
        elif name.partition(".")[0] == PACKAGE:
            known = owner(name, modules)
            started = known in STARTED_BY_USERS and module not in STARTERS
            if started or not any(fnmatchcase(known, allowed) for allowed in may_know):
                yield f"{module} imports {known}"


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                yield from (f"{'.' * level}{module or ''}.{name.name}" for name in names)
            case _:
                pass


def owner(name: str, modules: AbstractSet[str]) -> str:
    """The module that an imported name is, or is in: the longest beginning of the name that is a module of ours."""
    parts = name.split(".")[1:]
    beginnings = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((beginning for beginning in beginnings if beginning in modules), "__init__")


def impurities(module: str, source: str) -> Iterator[str]:
    """What a pure module may not have: imports that reach the world, clocks, doors. Impure modules have none."""
    if module in IMPURE:
        return
    banned = NOT_FOR_PURE if module in MAY_USE_DATETIME else {*NOT_FOR_PURE, "datetime"}
    for name in imported(source):
        if (top := name.partition(".")[0]) in banned:
            yield f"{module} imports {top}"
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id=kind) | ast.Attribute(attr=kind), attr=clock):
                if kind in {"date", "datetime"} and clock in CLOCKS:
                    yield f"{module} reads the clock: {kind}.{clock}"
            case ast.Call(func=ast.Name(id=name)) if name in DOORS:
                yield f"{module} calls {name}()"
            case _:
                pass


def catches_all(module: str, source: str) -> list[str]:
    """Where a source catches everything, each place as module.class.function."""

    def walk(node: ast.AST, place: str) -> Iterator[str]:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                place = f"{place}.{name}"
            case ast.ExceptHandler(type=None):
                yield place
            case ast.ExceptHandler(type=ast.expr() as caught) if is_broad(caught):
                yield place
            case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=args):
                yield from (place for caught in args if is_broad(caught))
            case _:
                pass
        for child in ast.iter_child_nodes(node):
            yield from walk(child, place)

    return list(walk(ast.parse(source), module))


def is_broad(caught: ast.expr) -> bool:
    match caught:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in {"Exception", "BaseException"}
        case ast.Tuple(elts=several):
            return any(map(is_broad, several))
        case _:
            return False


def without_test(files: Iterable[str], tests: AbstractSet[str]) -> Iterator[str]:
    for file in files:
        folder, _, name = file.rpartition("/")
        test = f"{folder}/test_{name}".removeprefix("/")
        if name not in {"__init__.py", "__main__.py"} and test not in tests:
            yield f"{file} has no tests/{test}"


def empty_names(files: Iterable[str]) -> list[str]:
    return [file for file in files if EMPTY_NAMES & {part.strip("_") for part in module_of(file).split(".")}]


# --- on the sources --------------------------------------------------------------------------------------------------


def test_every_module_has_its_line_in_the_table() -> None:
    assert unknown_modules(MODULES.keys(), MAY_KNOW) == []


def test_modules_know_only_whom_they_may() -> None:
    complaints = [
        complaint
        for module, source in MODULES.items()
        for complaint in forbidden_imports(module, source, MODULES.keys(), MAY_KNOW)
    ]
    assert complaints == []


def test_pure_modules_are_pure() -> None:
    assert [complaint for module, source in MODULES.items() for complaint in impurities(module, source)] == []


def test_everything_is_caught_only_where_it_may_be() -> None:
    assert sorted(place for module, source in MODULES.items() for place in catches_all(module, source)) == CATCH_ALL


def test_every_file_has_its_test_file() -> None:
    tests = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    assert list(without_test(sorted(FILES.keys() - NO_TEST_FILE), tests)) == []


def test_every_exemption_is_a_file_s() -> None:
    assert NO_TEST_FILE - FILES.keys() == set()


def test_names_say_something() -> None:
    assert empty_names(FILES) == []


# --- on bad examples -------------------------------------------------------------------------------------------------

BAD_MODULES = {"__init__", "events", "session", "sources", "sources.tmux", "cli"}
BAD_TABLE = {"__init__": {"*"}, "events": set[str](), "session": {"events"}, "sources.*": {"events"}, "gone": {"*"}}


def test_the_table_is_held_against_the_modules_both_ways() -> None:
    assert unknown_modules(BAD_MODULES, BAD_TABLE) == [
        "cli is missing in MAY_KNOW",
        "sources is missing in MAY_KNOW",
        "gone in MAY_KNOW is no module",
    ]


@pytest.mark.parametrize(
    ("module", "source", "complaints"),
    [
        ("session", "from handspan.events import Tick", []),
        ("session", "from handspan import events", []),
        ("session", "import handspan.events", []),
        ("session", "import handspanner, events.cli", []),
        ("sources.tmux", "from handspan.events import Tick", []),
        ("events", "from handspan.session import Session", ["events imports session"]),
        ("events", "from handspan import session", ["events imports session"]),
        ("events", "import handspan.session as s", ["events imports session"]),
        ("events", "import handspan", ["events imports __init__"]),
        ("events", "from handspan import __version__", ["events imports __init__"]),
        ("events", "from handspan.sources.tmux import f", ["events imports sources.tmux"]),
        ("events", "from handspan.sources import ALL", ["events imports sources"]),
        ("events", "def f():\n    from handspan.session import g", ["events imports session"]),
        ("events", "if TYPE_CHECKING:\n    from handspan.session import S", ["events imports session"]),
        ("events", "from .session import S", ["events imports .session.S: write it in full, handspan.…"]),
        ("sources.tmux", "from handspan.session import S", ["sources.tmux imports session"]),
        ("unlisted", "from handspan.events import Tick", ["unlisted imports events"]),
        ("__init__", "from handspan.cli import main", ["__init__ imports cli"]),
    ],
)
def test_a_forbidden_import_is_seen(module: str, source: str, complaints: list[str]) -> None:
    assert list(forbidden_imports(module, source, BAD_MODULES, BAD_TABLE)) == complaints


def test_python_m_may_start_the_command_line() -> None:
    source = "from handspan.cli import main"
    assert list(forbidden_imports("__main__", source, BAD_MODULES, {"__main__": {"cli"}})) == []


@pytest.mark.parametrize(
    ("module", "source", "complaints"),
    [
        ("session", "import json, hashlib", []),
        ("session", "from timeit import repeat", []),
        ("events", "from datetime import UTC, datetime", []),
        ("cli", "import os, time", []),
        *(("session", f"import {name}", [f"session imports {name}"]) for name in sorted(NOT_FOR_PURE)),
        ("session", "from os.path import join", ["session imports os"]),
        ("session", "def f():\n    import time as t", ["session imports time"]),
        ("session", "from datetime import datetime", ["session imports datetime"]),
        ("session", "self.now = event.now(tick)", []),
        ("events", "datetime.now(tz=UTC)", ["events reads the clock: datetime.now"]),
        ("events", "datetime.datetime.utcnow()", ["events reads the clock: datetime.utcnow"]),
        ("events", "field(default_factory=date.today)", ["events reads the clock: date.today"]),
        ("session", "text = open(path).read()", ["session calls open()"]),
    ],
)
def test_an_impurity_is_seen(module: str, source: str, complaints: list[str]) -> None:
    assert list(impurities(module, source)) == complaints


@pytest.mark.parametrize(
    ("clause", "broad"),
    [
        ("except (OSError, ValueError):", False),
        ("except* OSError:", False),
        ("except:", True),
        ("except Exception:", True),
        ("except BaseException as e:", True),
        ("except builtins.Exception:", True),
        ("except (OSError, Exception):", True),
        ("except* Exception:", True),
    ],
)
def test_a_broad_except_is_seen(clause: str, broad: bool) -> None:
    source = f"class Hooks:\n  async def run(self):\n    try: call()\n    {clause} log()"
    assert catches_all("hooks", source) == (["hooks.Hooks.run"] if broad else [])


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("with suppress(OSError): call()", []),
        ("with suppress(OSError, Exception): call()", ["hooks"]),
        ("with contextlib.suppress(Exception): call()", ["hooks"]),
    ],
)
def test_a_broad_suppress_is_seen(source: str, places: list[str]) -> None:
    assert catches_all("hooks", source) == places


def test_a_file_without_a_test_file_is_seen() -> None:
    files = ["__init__.py", "__main__.py", "events.py", "spool.py", "sources/__init__.py", "sources/tmux.py"]
    assert list(without_test(files, {"test_events.py", "test_tmux.py", "sources/test_spool.py"})) == [
        "spool.py has no tests/test_spool.py",
        "sources/tmux.py has no tests/sources/test_tmux.py",
    ]


def test_a_name_that_says_nothing_is_seen() -> None:
    assert empty_names(["events.py", "_utils.py", "core/__init__.py", "sources/base.py", "based.py"]) == [
        "_utils.py",
        "core/__init__.py",
        "sources/base.py",
    ]
