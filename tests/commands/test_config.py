from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from handspan import otel_env
from handspan.commands.config import OTEL, Report, report

if TYPE_CHECKING:
    from pathlib import Path

HOME = {"HOME": "/home/ann"}
PASSWORD = "tell-" + "nobody"
OF_OTEL = "OTEL_EXPORTER_OTLP_"


def wider(text: str) -> int:
    """How many of the characters take two cells, of those that are used here."""
    return sum(char in "大きな" for char in text)


def test_nothing_set() -> None:
    assert report(HOME, as_json=False) == Report(
        [
            "HANDSPAN_STATE_DIR        /home/ann/.local/state/handspan  default",
            "HANDSPAN_CONTENT          off                              default",
            "HANDSPAN_CALLBACK_URL     none                             default",
            "HANDSPAN_SETTLE           2s                               default",
            "HANDSPAN_STUCK_AFTER      10m                              default",
            "HANDSPAN_IDLE_AFTER       24h                              default",
            "HANDSPAN_SPOOL_MAX_BYTES  512MiB                           default",
            "HANDSPAN_SPOOL_MAX_AGE    7d                               default",
            "HANDSPAN_LISTEN           localhost:4318                   default",
            "HANDSPAN_TOKEN            none                             default",
            "HANDSPAN_FORWARD          none                             default",
            "HANDSPAN_CONFIG           none                             default",
        ],
        (),
        0,
    )


@pytest.fixture
def everything(tmp_path: Path) -> dict[str, str]:
    """Something from everywhere, and a secret wherever there may be one."""
    file = tmp_path / "config.toml"
    file.write_text('state_dir = "/大きな/\\u200b"\nspool_max_age = 3600\nsettle = "1s"\nsettel = "1s"\n')
    return {
        **HOME,
        "HANDSPAN_CONFIG": str(file),
        "HANDSPAN_SETTLE": "5s",
        "HANDSPAN_TOKEN": PASSWORD * 2,
        "HANDSPAN_FORWARD": f"https://u:{PASSWORD}@col:4318 grpc://col:4317",
        "CAO_EVENT_CALLBACK_URL": f"https://u:{PASSWORD}@hooks.example/services/{PASSWORD}?{PASSWORD}",
        "OTEL_SERVICE_NAME": "mine\x1b[2J\udcff",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://u:{PASSWORD}@col:4318/base?key={PASSWORD}",
        "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={PASSWORD}",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": f"{PASSWORD}=",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "",
        "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "3",
        "OTEL_EXPORTER_OTLP_HEADER": PASSWORD,
    }


def test_something_from_everywhere_as_a_table(everything: dict[str, str]) -> None:
    file = everything["HANDSPAN_CONFIG"]
    told = report(everything, as_json=False)
    lines = [
        ("HANDSPAN_STATE_DIR", r"/大きな/\u200b", f"file {file}:state_dir"),
        ("HANDSPAN_CONTENT", "off", "default"),
        ("HANDSPAN_CALLBACK_URL", "https://***@hooks.example/***", "environment CAO_EVENT_CALLBACK_URL"),
        ("HANDSPAN_SETTLE", "5s", "environment"),
        ("HANDSPAN_STUCK_AFTER", "10m", "default"),
        ("HANDSPAN_IDLE_AFTER", "24h", "default"),
        ("HANDSPAN_SPOOL_MAX_BYTES", "512MiB", "default"),
        ("HANDSPAN_SPOOL_MAX_AGE", "3600", f"file {file}:spool_max_age"),
        ("HANDSPAN_LISTEN", "localhost:4318", "default"),
        ("HANDSPAN_TOKEN", "***", "environment"),
        ("HANDSPAN_FORWARD", "https://***@col:4318 grpc://col:4317", "environment"),
        ("HANDSPAN_CONFIG", file, "environment"),
        ("OTEL_SERVICE_NAME", r"mine\x1b[2J\udcff", "environment"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://***@col:4318/base?***", "environment"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "***", "environment"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "***", "environment"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "3", "environment"),
        ("OTEL_EXPORTER_OTLP_HEADER", "***", "not used by Handspan"),
    ]
    # The path of the file is as long as the machine has it.
    wide = max(len(value) for _, value, _ in lines if len(value) <= 50)
    assert told == Report(
        [f"{name:31}  {value:{wide - wider(value)}}  {origin}" for name, value, origin in lines],
        (f"{file}:'settel' is no setting and is ignored: did you mean settle?",),
        0,
    )


def test_something_from_everywhere_as_json(everything: dict[str, str]) -> None:
    file = everything["HANDSPAN_CONFIG"]
    told = report(everything, as_json=True)
    assert [tuple(json.loads(line).values()) for line in told.lines] == [
        ("HANDSPAN_STATE_DIR", "/大きな/\u200b", "file", f"{file}:state_dir"),
        ("HANDSPAN_CONTENT", "off", "default", None),
        ("HANDSPAN_CALLBACK_URL", "https://***@hooks.example/***", "environment", "CAO_EVENT_CALLBACK_URL"),
        ("HANDSPAN_SETTLE", "5s", "environment", "HANDSPAN_SETTLE"),
        ("HANDSPAN_STUCK_AFTER", "10m", "default", None),
        ("HANDSPAN_IDLE_AFTER", "24h", "default", None),
        ("HANDSPAN_SPOOL_MAX_BYTES", "512MiB", "default", None),
        ("HANDSPAN_SPOOL_MAX_AGE", "3600", "file", f"{file}:spool_max_age"),
        ("HANDSPAN_LISTEN", "localhost:4318", "default", None),
        ("HANDSPAN_TOKEN", "***", "environment", "HANDSPAN_TOKEN"),
        ("HANDSPAN_FORWARD", "https://***@col:4318 grpc://col:4317", "environment", "HANDSPAN_FORWARD"),
        ("HANDSPAN_CONFIG", file, "environment", "HANDSPAN_CONFIG"),
        ("OTEL_SERVICE_NAME", "mine\x1b[2J\udcff", "environment", "OTEL_SERVICE_NAME"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://***@col:4318/base?***", "environment", f"{OF_OTEL}ENDPOINT"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "***", "environment", f"{OF_OTEL}HEADERS"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "***", "environment", f"{OF_OTEL}LOGS_HEADERS"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "3", "environment", f"{OF_OTEL}LOGS_TIMEOUT"),
        ("OTEL_EXPORTER_OTLP_HEADER", "***", "unused", f"{OF_OTEL}HEADER"),
    ]
    assert json.loads(told.lines[1]) == {
        "setting": "HANDSPAN_CONTENT",
        "value": "off",
        "from": "default",
        "where": None,
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_is_told(everything: dict[str, str], as_json: bool) -> None:
    told = report(everything, as_json=as_json)
    assert PASSWORD not in "\n".join((*told.lines, *told.complaints))


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_wrong_is_all_that_is_told(as_json: bool) -> None:
    environment = {**HOME, "HANDSPAN_CONTENT": "all", "OTEL_SDK_DISABLED": "no", "HANDSPAN_X": "1"}
    assert report(environment, as_json=as_json) == Report(
        [],
        (
            "HANDSPAN_CONTENT is 'all': it must be off, redacted or full.",
            "OTEL_SDK_DISABLED is 'no': it must be true or false.",
        ),
        2,
    )


@pytest.mark.parametrize(("length", "columns"), [(50, True), (51, False)])
def test_a_long_value_leaves_the_columns_of_the_others_alone(length: int, columns: bool) -> None:
    long = "/" * 2 + "x" * (length - 2)
    lines = report({"HANDSPAN_STATE_DIR": long}, as_json=False).lines
    assert lines[0] == f"HANDSPAN_STATE_DIR        {long}  environment"
    assert lines[1] == f"HANDSPAN_CONTENT          {'off':{50 if columns else 14}}  default"


class Asked(Mapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, held: dict[str, str]) -> None:
        self.held = held
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self.held[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("nobody has to look at all of it")

    def __len__(self) -> int:
        return len(self.held)


def test_the_variables_that_are_honoured_are_those_that_are_asked_for() -> None:
    certificates = {f"{OF_OTEL}CLIENT_CERTIFICATE": "/x"}
    asked = [Asked({**certificates, f"{OF_OTEL}PROTOCOL": protocol}) for protocol in ("grpc", "http/protobuf")]
    for environment in asked:
        otel_env.read(environment)
    assert set[str]().union(*(environment.names for environment in asked)) == set(OTEL)
    assert len(OTEL) == len(set(OTEL))
