from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from handspan import __version__, cli
from handspan.demo import story
from handspan.events import to_line
from handspan.schema import json_schema
from handspan.show.waterfall import draw
from handspan.testing import Story, play
from handspan.transcript import describe

COMMAND = [sys.executable, "-c", "from handspan.cli import main; main()"]
# Nothing of the machine's: no colour, no width, UTF-8.
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONUTF8": "1"}
RECORDING = Path(__file__).parent / "golden" / "cao" / "07_handoff"
DEMO = "".join(f"{to_line(event)}\n" for event in story())


def run(*args: str | Path, stdin: str | bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *map(str, args)],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        env=ENVIRONMENT | environment,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def ok(*args: str | Path, stdin: str | bytes = b"", **environment: str) -> str:
    done = run(*args, stdin=stdin, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def lines(drawn: list[str]) -> str:
    return "\n".join(drawn) + "\n"


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_alone_it_prints_help() -> None:
    assert ok() == ok("--help") == ok("-h")
    assert "handspan show events.jsonl" in ok()


def test_version() -> None:
    assert ok("--version") == f"handspan {__version__}\n"


def test_schema() -> None:
    assert json.loads(ok("schema")) == json_schema()


def test_config() -> None:
    told = ok("config", HOME="/home/ann", HANDSPAN_STATE_DIR="/süß/\udcff")
    assert told.splitlines()[:2] == [
        r"HANDSPAN_STATE_DIR        /süß/\udcff     environment",
        "HANDSPAN_CONTENT          off             default",
    ]
    told = ok("config", "--json", HOME="/home/ann", HANDSPAN_CONTENT="full")
    assert [json.loads(line)["value"] for line in told.splitlines()[:2]] == ["/home/ann/.local/state/handspan", "full"]


def test_config_that_is_wrong() -> None:
    done = run("config", HANDSPAN_CONTENT="\x1b", HANDSPAN_CALLBACK="x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "handspan: HANDSPAN_STATE_DIR is not set, nor is HOME, where its default lies: set one of them.",
        r"handspan: HANDSPAN_CONTENT is '\x1b': it must be off, redacted or full.",
    ]


def test_config_that_is_unknown() -> None:
    done = run("config", HOME="/home/ann", HANDSPAN_CALLBACK="x")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 12)
    assert done.stderr == (
        "handspan: HANDSPAN_CALLBACK is no setting and is ignored: did you mean HANDSPAN_CALLBACK_URL?\n"
    )


def test_demo() -> None:
    assert ok("demo") == lines(draw(play(story()), width=110))
    assert ok("demo", "--width", "60", "--markers", "--colour") == lines(
        draw(play(story()), width=60, markers=True, colour=True)
    )


def test_what_demo_saves_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    assert ok("demo", "--save", file) == f"{len(story())} events are in {file}; to see them: handspan show {file}\n"
    assert ok("demo", "--save", "-") == file.read_text() == DEMO
    assert ok("show", file) == ok("show", "-", stdin=DEMO) == ok("demo")


def test_a_recording_of_cao_is_shown() -> None:
    assert ok("show", RECORDING).startswith("cao-s5 · cao session · 2026-11-20 10:36:13 UTC · ")
    assert "✉ handoff → developer [m1]" in ok("show", RECORDING / "facts.jsonl")


def test_the_live_view() -> None:
    live = ok("show", "--at", "400", "-", stdin=DEMO)
    assert live == (Path(__file__).parent / "golden" / "waterfall" / "demo_at_400.txt").read_text()
    assert live.startswith("checkout · demo session · 2026-11-20 10:00:00 UTC · running for 6m40s\n")


def test_signals_as_text() -> None:
    assert ok("show", "--signals", "-", stdin=DEMO) == describe(play(story()))


def test_signals_as_json() -> None:
    told = [json.loads(line) for line in ok("show", "--json", "-", stdin=DEMO).splitlines()]
    assert len(told) == len(play(story()))
    assert {
        kind: sorted(next(one for one in told if one["signal"] == kind))
        for kind in ("span", "log", "count", "observation")
    } == {
        "span": [
            "attributes",
            "dropped_events",
            "dropped_links",
            "end",
            "error",
            "events",
            "kind",
            "links",
            "name",
            "parent_span_id",
            "resource",
            "signal",
            "span_id",
            "start",
            "trace_id",
        ],
        "log": ["at", "attributes", "body", "name", "resource", "severity", "signal", "span_id", "trace_id", "uid"],
        "count": ["labels", "name", "signal", "trace_id", "value"],
        "observation": ["labels", "name", "signal", "trace_id", "value"],
    }


def test_sessions_in_one_file_are_blocks_and_files_are_told_apart(tmp_path: Path) -> None:
    one, two = Story("one").at(0).session().end().events, Story("two").at(1).session().end().events
    (tmp_path / "a").write_text("".join(f"{to_line(event)}\n" for event in [*one, *two]))
    (tmp_path / "b").write_text(f"{to_line(one[0])}\n")
    shown = ok("show", tmp_path / "a", tmp_path / "b").splitlines()
    assert [line.partition(" ")[0] for line in shown if line.endswith(":") or " · story session · " in line] == [
        f"{tmp_path}/a:", "one", "two", f"{tmp_path}/b:", "one",
    ]  # fmt: skip


def test_what_belongs_to_no_session() -> None:
    event = Story("").at(0).notice("lonely").events[0]
    assert (
        ok("show", "-", stdin=to_line(event))
        == "None of this belongs to a session, so there is nothing to draw: --signals prints it.\n"
    )


# --- the terminal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "environment", "colour"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
        (["--colour"], {"NO_COLOR": "1"}, True),
        (["--no-color"], {"FORCE_COLOR": "1"}, False),
    ],
    ids=str,
)
def test_colour(args: list[str], environment: dict[str, str], colour: bool) -> None:
    assert ok("demo", *args, **environment) == lines(draw(play(story()), width=110, colour=colour))


def test_a_terminal_has_colour_and_says_how_wide_it_is() -> None:
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    us, them = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "demo"], stdout=them, env=ENVIRONMENT | {"TERM": "xterm", "COLUMNS": "70"}, check=False
    )
    os.close(them)
    got = b""
    while done.returncode == 0:
        try:
            got += os.read(us, 65_536)
        except OSError:  # all is read, and nobody writes any more
            break
    assert got.decode().replace("\r\n", "\n") == lines(draw(play(story()), width=70, colour=True))


def test_the_width_is_the_terminal_s() -> None:
    assert ok("demo", COLUMNS="77") == lines(draw(play(story()), width=77))


def test_ascii_where_the_output_is_not_utf_8() -> None:
    assert ok("demo", PYTHONUTF8="0", PYTHONIOENCODING="latin-1") == lines(draw(play(story()), width=110, ascii=True))


def test_what_the_output_can_t_hold_is_written_out() -> None:
    assert "1 \\xb5s" in ok("show", "--signals", "-", stdin=DEMO, PYTHONUTF8="0", PYTHONIOENCODING="ascii")


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_bad_lines_are_listed_and_everything_else_is_shown() -> None:
    done = run("show", "-", stdin=b"{}\n" + DEMO.encode() + b'\xff\n{"type":"\x1b[2J"}\n')
    assert done.returncode == 1
    assert done.stdout == ok("demo")
    first, second, third, last = done.stderr.splitlines()
    assert first.startswith("stdin:1: type: is missing; one of session_started, ")
    assert second == f"stdin:{len(story()) + 2}: event: is not UTF-8 (byte 1 of the line)"
    assert third.startswith(f"stdin:{len(story()) + 3}: event: is not JSON: Invalid control character")
    assert last == "handspan: stdin: 3 lines are no events and were left out; mend what is listed above."


def failed(*args: str | Path, stdin: str | bytes = b"") -> str:
    done = run(*args, stdin=stdin)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_what_can_t_be_shown_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    assert [
        failed("show", "-"),
        failed("show", "-", stdin="\n \n"),
        failed("show", tmp_path),
        failed("show", tmp_path / "gone"),
        failed("show", tmp_path / "binary"),
        failed("demo", "--save", tmp_path / "gone" / "x"),
    ] == [
        "handspan: stdin is empty: write events into it, one JSON object a line, or name another file.\n",
        "handspan: stdin is empty: write events into it, one JSON object a line, or name another file.\n",
        f"handspan: {tmp_path} holds no story. Name a folder with facts.jsonl or events.jsonl in it, or a file.\n",
        f"handspan: {tmp_path}/gone does not exist. Name a file of events, a folder of a recording, or - for stdin.\n",
        f"handspan: {tmp_path}/binary is no text: `handspan schema` says what a file of events must hold.\n",
        f"handspan: {tmp_path}/gone/x can't be written (No such file or directory): name another file.\n",
    ]


def test_a_file_without_events_says_where_to_read_about_them() -> None:
    assert failed("show", "-", stdin="hello\n").splitlines() == [
        "stdin:1: event: is not JSON: Expecting value at character 1",
        "handspan: stdin tells of no session: `handspan schema` says what a line must hold.",
    ]


def test_a_file_that_can_t_be_read_hides_no_other(tmp_path: Path) -> None:
    done = run("show", tmp_path / "gone", "-", stdin=DEMO)
    assert (done.returncode, done.stdout) == (1, "stdin:\n" + ok("demo"))


@pytest.mark.parametrize(
    "args",
    [
        ["bogus"],
        ["show"],
        ["show", "--width", "59", "-"],
        ["show", "--width", "1001", "-"],
        ["show", "--at", "-1", "-"],
        ["show", "--at", "inf", "-"],
        ["show", "--at", "nan", "-"],
        ["show", "--signals", "--json", "-"],
        ["demo", "extra"],
        ["config", "settle"],
    ],
    ids=" ".join,
)
def test_wrong_usage(args: list[str]) -> None:
    done = run(*args, stdin=DEMO)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: handspan")


# More than a buffer holds, so that printing fails, and less, so that only the last flush does.
@pytest.mark.parametrize("args", [["show", "--json", "-"], ["--version"]], ids=["printing", "flushing"])
def test_a_reader_that_goes_away_is_no_error_to_speak_of(args: list[str]) -> None:
    pipe = subprocess.PIPE
    process = subprocess.Popen([*COMMAND, *args], stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT)
    assert process.stdout
    process.stdout.close()
    _, complaint = process.communicate(DEMO.encode())
    assert (process.returncode, complaint) == (1, b"")


def test_control_c() -> None:
    process = subprocess.Popen(
        [*COMMAND, "show", "--json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        # What a shell starts in the background ignores it, and so do the children of that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 (no thread of ours runs)
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(DEMO.encode())
    process.stdin.flush()
    process.stdout.read(1)  # it is at work
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate()
    assert (process.returncode, complaint) == (130, b"")


def test_control_c_while_the_output_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_status", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130


def test_a_fault_of_ours_asks_for_a_report(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> int:
        raise ZeroDivisionError("really")

    monkeypatch.setattr(cli, "_status", broken)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    complaint = capsys.readouterr().err.splitlines()
    assert complaint[0] == "Traceback (most recent call last):"
    assert complaint[-2:] == [
        "ZeroDivisionError: really",
        "handspan: this is a fault in Handspan; please report it with the lines above.",
    ]


def test_help_starts_without_what_only_commands_need() -> None:
    source = "import sys; from handspan import cli; print(*sorted(m for m in sys.modules if m.startswith(('handspan', 'rich'))))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stdout.split() == ["handspan", "handspan.cli", "handspan.commands", "handspan.commands.spool"]


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("> /dev/full", "the output could not be written: No space left on device. Write it to another place."),
        (">&-", "there is nowhere to write to. Give it an output."),
    ],
)
def test_an_output_that_takes_nothing_is_said_in_one_sentence(output: str, problem: str) -> None:
    program = Path(sys.executable).with_name("handspan")
    done = subprocess.run(
        ["sh", "-c", f"{shlex.quote(str(program))} demo {output}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, f"handspan: {problem}\n")
