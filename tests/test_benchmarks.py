from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import core, crash, encoding, hub_index, stages
from benchmarks.core import Memory, Report, Speed, as_markdown, main
from handspan.hub.index import Index, sessions
from handspan.hub.record import Entry
from handspan.testing import BEGIN

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_quick_form_measures_everything_and_writes_it_where_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quick", "--output", str(tmp_path / "results")]) == 0
    written = (tmp_path / "results" / "core.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == written
    result = json.loads((tmp_path / "results" / "core.json").read_text(encoding="utf-8"))
    assert [speed["size"] for speed in result["speeds"]] == [100, 1_000]
    assert all(0 < speed["least"] <= speed["median"] <= speed["most"] for speed in result["speeds"])
    assert result["ratio"] == result["speeds"][1]["median"] / result["speeds"][0]["median"]
    # A terminal and a message are some hundred bytes, whatever the machine.
    assert all(100 < memory[kind] < 20_000 for memory in result["memories"] for kind in ("process", "dump"))


def test_a_quick_run_replaces_no_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(core, "RESULTS", tmp_path / "results")
    assert main(["--quick"]) == 0
    assert not (tmp_path / "results").exists()


def test_a_stream_has_sessions_of_the_size_asked_for() -> None:
    events = core.stream(100)
    first = [next(events) for _ in range(100)]
    assert len({event.session for event in first}) == 1
    assert [event.at for event in first] == sorted(event.at for event in first)
    assert next(events).session != first[0].session


def test_the_report_as_it_is_printed() -> None:
    report = Report(
        python="CPython 3.14.0",
        machine="Linux x86_64",
        cores=8,
        block=20_000,
        speeds=[
            Speed(size=100, blocks=10, median=100.0, least=90.0, most=130.0),
            Speed(size=1_000_000, blocks=50, median=120.0, least=99.94, most=1_500.0),
        ],
        memories=[Memory(what="open terminal, in a turn", process=2_345, dump=678)],
    )
    assert as_markdown(report) == (
        """\
# The core: speed and memory

Written by `python -m benchmarks.core`; what is measured, and how, stands at the top of `benchmarks/core.py`.

CPython 3.14.0 on Linux x86_64, one of 8 cores. Blocks of 20,000 events.

| events in a session | events per second | µs per event, median | fastest block | slowest block | blocks |
|--:|--:|--:|--:|--:|--:|
| 100 | 10,000 | 100.0 | 90.0 | 130.0 | 10 |
| 1,000,000 | 8,333 | 120.0 | 99.9 | 1500.0 | 50 |

An event in a session of 1,000,000 costs 1.20 times one in a session of 100.

| one more | bytes in the process (tracemalloc) | bytes in a dump (JSON) |
|---|--:|--:|
| open terminal, in a turn | 2,345 | 678 |
"""
    )


def test_a_dozen_kills_cost_nothing() -> None:
    result = crash.campaign(kills=12, size=300, seed=7)
    assert (result.lost, result.invented, result.changed) == (0, 0, 0)
    assert (result.kills, result.events) == (12, 300)
    assert result.records > 300


def test_the_encoder_beside_the_others() -> None:
    found = encoding.microseconds(events=100, rounds=1)
    assert all(time > 0 for time in found.values())
    assert list(
        encoding.lines({**dict.fromkeys(found, 10.0), encoding.PROTOBUF: 30.0, encoding.SDK_REQUESTS: 55.0})
    ) == [
        "| | µs per record |",
        "|---|--:|",
        "| `Encoder.record` | 10.0 |",
        "| the same bytes by protobuf's classes | 30.0 |",
        "| whole requests: `Encoder.record`, `request` | 10.0 |",
        "| whole requests by the SDK's encoder | 55.0 |",
        "",
        (
            "By hand a record is 3.0 times as fast as by protobuf's classes, "
            "a request 5.5 times as fast as by the SDK's encoder."
        ),
    ]


def test_a_stage_is_timed_without_the_stages_in_it_and_without_the_clock() -> None:
    watch = stages.Stopwatch()
    watch.seconds.update(rules=0.5, encoding=0.25)
    watch.laps.update(rules=2_000, encoding=1_000)
    assert stages.table(watch, cost=0.000_05, events=1_000) == (
        """\
| stage | µs per event | share |
|---|--:|--:|
| rules | 400.0 | 66.7% |
| encoding | 200.0 | 33.3% |
| together | 600.0 | |"""
    )


def test_every_stage_of_an_event_is_seen_and_none_is_timed_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    before = [getattr(owner, name) for owner, name, _ in stages.STAGES]
    assert stages.main(["--events", "300"]) == 0
    assert [getattr(owner, name) for owner, name, _ in stages.STAGES] == before
    table = capsys.readouterr().out
    assert [stage for _, _, stage in stages.STAGES if f"| {stage} |" not in table] == []


def test_a_copied_session_is_another_of_the_same_size() -> None:
    index = Index(":memory:")
    played = hub_index.played("s000000", 1)
    bodies = [*played.bodies, *hub_index.copied(played, 1), *hub_index.copied(played, 2)]
    index.fill([Entry(seq, BEGIN, kind, "protobuf", body) for seq, (kind, body) in enumerate(bodies, 1)])
    with index.reading() as connection:
        found = sessions.listed(connection, limit=9)["sessions"]
        counted = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("spans", "logs")]  # noqa: S608 # ours
    assert sorted(each["id"] for each in found) == ["s000000", "s000001", "s000002"]
    assert counted == [3 * played.spans, 3 * played.logs]
