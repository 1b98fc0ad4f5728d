"""The command line, and the one place where errors end.

Exit codes: 0 done, 1 it can't be done or not all of it (one sentence says what to do next), 2 wrong usage, 3 a fault of
Handspan's own, 130 interrupted. A reader that goes away early (`| head`) ends a command quietly.
"""

from __future__ import annotations

import codecs
import dataclasses
import io
import json
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from handspan import __version__
from handspan.commands import Failure, spool

# What a command needs it imports itself: that halves the time of `handspan --help`.
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handspan.reading import Telling
    from handspan.signals import Signal
    from handspan.sources.jsonl import Refused

# As wide as documentation shows it, where no terminal says how wide it is.
_WIDTH = 110
_NARROWEST = 60
_WIDEST = 1_000
# Of a file that is all wrong the first hundred complaints tell enough.
_LISTED = 100
# No story lasts longer: reading.py takes a line that is further away than this for a mistake.
_YEAR = 366 * 24 * 3600

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # to draw a frame around a help text, rich takes longer than all the rest
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


app.add_typer(spool.app, name="spool")

Width = Annotated[
    int | None,
    typer.Option(
        "--width", min=_NARROWEST, max=_WIDEST, metavar="COLUMNS", help="How wide [default: as the terminal]."
    ),
]
Colour = Annotated[
    bool | None,
    typer.Option(
        "--colour/--no-colour",
        "--color/--no-color",
        show_default=False,
        help="In colour, or not [default: in a terminal; NO_COLOR and FORCE_COLOR are honoured].",
    ),
]
Markers = Annotated[bool, typer.Option("--markers", help="With the markers session.started and terminal.started.")]


@app.callback(invoke_without_command=True)
def handspan(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Handoffs as spans: what several coding agents do together, told in OpenTelemetry.

    \b
    Examples:
      handspan demo                          a story to look at
      handspan show events.jsonl             a recorded session as a waterfall
      handspan schema > event.schema.json    what a line of events may hold
    """
    if version:
        _say(f"handspan {__version__}")
    elif context.invoked_subcommand is None:
        _say(context.get_help())


@app.command()
def show(  # noqa: PLR0917 (options, which users name)
    paths: Annotated[list[str], typer.Argument(metavar="PATH", show_default=False)],
    width: Width = None,
    colour: Colour = None,
    markers: Markers = False,
    at: Annotated[
        float | None,
        typer.Option(
            "--at",
            min=0,
            max=_YEAR,
            metavar="SECONDS",
            help="As it was to be seen so long after the story's beginning.",
        ),
    ] = None,
    signals: Annotated[bool, typer.Option("--signals", help="Print every signal as text instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every signal as a line of JSON instead.")] = False,
) -> None:
    """Show recorded sessions as waterfalls.

    PATH is a file with one JSON object in each line, a folder that holds facts.jsonl or events.jsonl, or - for stdin. A
    line is an event ({"type": ...}, see `handspan schema`) or what CAO said ({"fact": ...}). A line that is neither is
    reported on stderr, everything else is shown, and the exit code is 1.

    --json prints {"signal": "span" | "log" | "count" | "observation"} with the fields of that signal; ids are
    hexadecimal, times are nanoseconds since 1970.

    \b
    Examples:
      handspan show events.jsonl
      handspan show --at 90 --width 140 tests/golden/cao/07_handoff
      handspan demo --save - | handspan show --json - | grep '"signal": "span"'
    """
    if signals and as_json:
        raise typer.BadParameter("--signals and --json print the same in two forms: choose one.")
    page = _Page(
        width=width, colour=colour, markers=markers, form="json" if as_json else "text" if signals else "drawing"
    )
    # One file that can't be read must not hide the others.
    failures = [failure for path in paths if (failure := _show(path, page, at, named=len(paths) > 1 and not as_json))]
    if failures:
        raise Failure(" ".join(failures))


@app.command()
def demo(
    width: Width = None,
    colour: Colour = None,
    markers: Markers = False,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help="Write the story's events to FILE instead (- is stdout)."),
    ] = None,
) -> None:
    """Show a story of four agents in which most things happen once.

    \b
    Examples:
      handspan demo
      handspan demo --save story.jsonl
      handspan show --at 400 story.jsonl     what was to be seen after 400 seconds
    """
    from handspan.demo import story  # noqa: PLC0415 (see above)
    from handspan.events import to_line  # noqa: PLC0415 (see above)
    from handspan.reading import Telling  # noqa: PLC0415 (see above)

    lines = [to_line(event) for event in story()]
    if save is None:
        telling = Telling()
        page = _Page(width=width, colour=colour, markers=markers, form="drawing")
        page.print(_accepted(telling.signals(line.encode() for line in lines), "demo", []), telling)
    elif save == "-":
        _say("\n".join(lines))
    else:
        try:
            Path(save).write_text("".join(f"{line}\n" for line in lines), "utf-8")
        except OSError as error:
            raise Failure(f"{save} can't be written ({error.strerror}): name another file.") from error
        _say(f"{len(lines)} events are in {save}; to see them: handspan show {save}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a line of events."""
    from handspan.schema import json_schema  # noqa: PLC0415 (see above)

    _say(json.dumps(json_schema(), indent=2))


@app.command()
def up(
    *,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Where to listen [default: HANDSPAN_LISTEN, or port 4318]."),
    ] = None,
    no_grpc: Annotated[bool, typer.Option("--no-grpc", help="Without OTLP over gRPC on port 4317.")] = False,
    forward: Annotated[
        list[str] | None,
        typer.Option("--forward", metavar="URL", help="An OTLP endpoint to which all that arrives goes on; several."),
    ] = None,
    no_demo: Annotated[
        bool, typer.Option("--no-demo", help="Without the demo that plays until anything real has come.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="HOST", help="A name under which browsers and clients may ask; several."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="ORIGIN", help="An origin whose web pages may ask; several."),
    ] = None,
) -> None:
    """Run the hub: take in OTLP and events, keep them, show them, and pass them on.

    It listens on 127.0.0.1 and ::1 where OTLP clients look by default: 4318 for HTTP, 4317 for gRPC. Beyond this
    machine it asks for HANDSPAN_TOKEN. Until anything real has come, the page shows a demo, which lives in memory
    alone. --forward takes http://, https://, grpc:// and grpcs://. Ctrl-C ends it.

    \b
    Examples:
      handspan up
      handspan up --forward http://collector:4318
      handspan up --listen 127.0.0.1:4319 --no-grpc     beside a collector that has 4317 and 4318
    """
    from handspan.commands.up import Asked  # noqa: PLC0415 (see above)
    from handspan.commands.up import up as run  # noqa: PLC0415 (see above)

    run(
        Asked(
            listen=listen,
            grpc=not no_grpc,
            forward=forward or [],
            hosts=allow_host or [],
            origins=allow_origin or [],
            demo=not no_demo,
        ),
        # Whoever reads it reads on, and this line is not to wait for the end.
        lambda line: print(line, flush=True),  # noqa: T201 (a command prints its result)
    )


@app.command()
def replay(
    path: Annotated[str, typer.Argument(metavar="PATH", show_default=False)],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URL",
            help="An OTLP endpoint, or a file (- is stdout) [default: OTEL_EXPORTER_OTLP_ENDPOINT, or port 4318 here].",
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option("--speed", min=0.01, metavar="TIMES", help="In its own time, or so many times as fast."),
    ] = None,
    same_ids: Annotated[
        bool, typer.Option("--same-ids", help="With the ids and times of the recording, as the same trace again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was sent as a line of JSON.")] = False,
) -> None:
    """Send a recorded story to an OTLP endpoint.

    PATH is what `handspan show` takes. The story is told anew: its sessions get ids of their own, and it ends now, so
    that another replay is another trace; with --speed it begins now and is told as it happened. OTEL_EXPORTER_OTLP_*
    (headers, certificates, protocol) mean what they mean to the OpenTelemetry SDK. What agents wrote is left out,
    unless HANDSPAN_CONTENT is redacted or full.

    \b
    Examples:
      handspan replay events.jsonl --to http://localhost:4318
      handspan replay tests/golden/cao/07_handoff --speed 1
      handspan demo --save - | handspan replay - --to - > otlp.jsonl
    """
    from handspan.commands.replay import Replay  # noqa: PLC0415 (see above)
    from handspan.commands.replay import replay as tell  # noqa: PLC0415 (see above)

    if same_ids and speed is not None:
        raise typer.BadParameter("--same-ids keeps the times of the recording, --speed makes others: choose one.")
    said = tell(Replay(path=path, to=to, speed=speed, same_ids=same_ids, as_json=as_json))
    # What was told stands on stdout already, if it was told there.
    _complain(said) if to == "-" else _say(said)


@app.command()
def config(
    as_json: Annotated[bool, typer.Option("--json", help="Print every setting as a line of JSON instead.")] = False,
) -> None:
    """Print every setting in force, its value, and where it came from.

    What may be secret is hidden. Every value that is wrong is named on stderr, and then the exit code is 2.

    \b
    Example:
      HANDSPAN_SETTLE=5s handspan config --json
    """
    from handspan.commands.config import report  # noqa: PLC0415 (see above)

    told = report(os.environ, as_json=as_json)
    for complaint in told.complaints:
        _complain(f"handspan: {complaint}")
    if told.lines:
        _say("\n".join(told.lines))
    raise typer.Exit(told.status)


# --- showing ---------------------------------------------------------------------------------------------------------


def _show(path: str, page: _Page, at: float | None, *, named: bool) -> str:
    """Shows one file; returns what there is to complain of, if anything."""
    from handspan.reading import NoStory, Telling, opened  # noqa: PLC0415 (see above)

    telling = Telling(at)
    refused: list[Refused] = []
    try:
        with opened(path, sys.stdin.buffer) as (name, lines):
            if named:
                _say(f"{name}:")
            page.print(_accepted(telling.signals(lines), name, refused), telling)
    except NoStory as nothing:
        return str(nothing)
    if telling.events == 0:
        return (
            f"{name} is empty: write events into it, one JSON object a line, or name another file."
            if not refused and telling.now is None
            else f"{name} tells of no session: `handspan schema` says what a line must hold."
        )
    lines_are = "line is no event and was" if len(refused) == 1 else "lines are no events and were"
    listed = "what is listed above" if len(refused) <= _LISTED else f"the first {_LISTED}, listed above, and the rest"
    return f"{name}: {len(refused)} {lines_are} left out; mend {listed}." if refused else ""


def _accepted(told: Iterable[Signal | Refused], name: str, refused: list[Refused]) -> Iterator[Signal]:
    from handspan.sources.jsonl import Refused  # noqa: PLC0415 (see above)

    for one in told:
        if isinstance(one, Refused):
            refused.append(one)
            if len(refused) <= _LISTED:
                _complain(f"{name}:{one.line}: {one.field}: {one.problem}")
        else:
            yield one


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """How signals are printed."""

    width: int | None
    colour: bool | None
    markers: bool
    form: Literal["drawing", "text", "json"]

    def print(self, signals: Iterable[Signal], telling: Telling) -> None:
        if self.form == "json":
            for signal in signals:
                _say(json.dumps({"signal": type(signal).__name__.lower(), **dataclasses.asdict(signal)}))
        elif self.form == "text":
            self._print_text(signals)
        else:
            self._draw(signals, telling)

    def _print_text(self, signals: Iterable[Signal]) -> None:
        from handspan.show.cells import clean  # noqa: PLC0415 (see above)
        from handspan.transcript import describe  # noqa: PLC0415 (see above)

        for line in describe(signals).splitlines():
            _say(clean(line))

    def _draw(self, signals: Iterable[Signal], telling: Telling) -> None:
        from handspan.show.waterfall import draw  # noqa: PLC0415 (see above)
        from handspan.signals import Log, Span  # noqa: PLC0415 (see above)

        # Nothing is drawn from counts, and of a long file they are the most.
        kept = [signal for signal in signals if isinstance(signal, Log | Span)]
        lines = draw(
            kept,
            # Narrower than this there is no room for bars: then lines wrap.
            width=self.width or max(_NARROWEST, shutil.get_terminal_size((_WIDTH, 0)).columns),
            colour=_coloured() if self.colour is None else self.colour,
            ascii=codecs.lookup(sys.stdout.encoding).name != "utf-8",
            markers=self.markers,
            now=telling.now,
        )
        if kept and not lines:
            lines = ["None of this belongs to a session, so there is nothing to draw: --signals prints it."]
        _say("\n".join(lines)) if lines else None


def _coloured() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def _say(text: str) -> None:
    print(text)  # noqa: T201 (a command prints its result)


def _complain(text: str) -> None:
    from handspan.show.cells import clean  # noqa: PLC0415 (see above)

    print(clean(text), file=sys.stderr)  # noqa: T201 (a command says what is wrong)


# --- the boundary ----------------------------------------------------------------------------------------------------


def main() -> None:
    """Runs a command, and ends every error that a command may end with."""
    stdout: object = sys.stdout
    if stdout is None:
        _complain("handspan: there is nowhere to write to. Give it an output.")
        sys.exit(1)
    if isinstance(stdout, io.TextIOWrapper):
        # A name that the output's encoding lacks must not end the command.
        cast("io.TextIOWrapper[io.BufferedWriter]", stdout).reconfigure(errors="backslashreplace")
    sys.exit(_run())


def _run() -> int:
    try:
        try:
            return _status()
        finally:
            # Now, as Python would complain of a closed pipe when it ends.
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # A full disk, or an output that was closed: Python would complain of it again when it ends.
        sys.stdout = None
        _complain(f"handspan: the output could not be written: {error.strerror}. Write it to another place.")
        return 1
    except Failure as failure:
        _complain(f"handspan: {failure}")
        return 1
    except Exception:  # a fault of ours, which the user can only report
        traceback.print_exc()
        _complain("handspan: this is a fault in Handspan; please report it with the lines above.")
        return 3


def _status() -> int:
    try:
        app(prog_name="handspan")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return 0
