"""`handspan up` as a user's shell starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import urllib3

from handspan.hub.record import Record
from tests.hub import requests
from tests.receivers import free_port

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

ANY = "0.0.0.0"  # noqa: S104 (refused without a token)
TOKEN = "open-" + "sesame-" * 3


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from handspan.cli import main; main()", "up", *arguments]


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"PYTHONPATH": ":".join(sys.path), "HOME": str(folder), "HANDSPAN_STATE_DIR": str(folder / "state"), **more}


@contextlib.contextmanager
def up(folder: Path, *arguments: str, **more: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A hub that is ready, and the line that it says."""
    with subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(folder, **more)
    ) as child:
        assert child.stdout
        try:
            yield child, child.stdout.readline()
        finally:
            if child.poll() is None:
                child.kill()


def failing(folder: Path, *arguments: str, **more: str) -> str:
    """What is said where it can't be done."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, env=environment(folder, **more), check=False, timeout=30
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_it_says_where_the_page_is_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    port = free_port()
    with up(tmp_path, "--listen", f"localhost:{port}", "--no-grpc") as (child, said):
        assert (
            said
            == f"Handspan shows what your agents do at http://127.0.0.1:{port}/ and keeps it in {tmp_path}/state.\n"
        )
        with urllib3.PoolManager(retries=False) as pool:
            for host in ("127.0.0.1", "localhost"):
                body = requests.spans_in_protobuf(host)
                kind = {"content-type": "application/x-protobuf"}
                assert pool.request("POST", f"http://{host}:{port}/v1/traces", body=body, headers=kind).status == 200
        begun = time.monotonic()
        child.send_signal(signal.SIGTERM)
        assert child.communicate(timeout=5) == ("", "")
        assert (child.returncode, time.monotonic() - begun < 2) == (0, True)
    with contextlib.closing(Record(tmp_path / "state" / "record.db")) as record:
        kept = [entry.body for entry in record.after(0, 9)]
    assert kept == [requests.spans_in_protobuf("127.0.0.1"), requests.spans_in_protobuf("localhost")]


def test_what_the_command_line_does_not_say_the_settings_do(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    more = {"HANDSPAN_LISTEN": listen, "HANDSPAN_TOKEN": TOKEN, "HANDSPAN_FORWARD": f"http://{listen}"}
    said = failing(tmp_path, "--no-grpc", **more)
    assert said == f"handspan: {listen} is the hub itself: name another endpoint with --forward.\n"
    with up(tmp_path, "--no-grpc", "--forward", "http://127.0.0.1:9", **more) as (_, line):
        assert f"http://{listen}/#token=<your token>" in line
        with urllib3.PoolManager(retries=False) as pool:
            asked = [
                pool.request("GET", f"http://{listen}/metrics", headers=h).status
                for h in ({}, {"authorization": f"Bearer {TOKEN}"})
            ]
    assert asked == [401, 200]


def test_hosts_and_origins_that_are_named_may_ask(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    allowing = ("--allow-host", "Hub.lan", "--allow-origin", "http://Friend.example")
    with up(tmp_path, "--no-grpc", "--listen", listen, *allowing) as _, urllib3.PoolManager(retries=False) as pool:
        asked = [
            pool.request("GET", f"http://{listen}/healthz", headers=headers).status
            for headers in ({"host": "hub.lan"}, {"origin": "http://friend.example"}, {"host": "other.lan"})
        ]
    assert asked == [200, 200, 403]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        said = failing(tmp_path, "--listen", listen, "--no-grpc")
    assert said.endswith(
        f"(process {os.getpid()}) listens on {listen} already: end it, or name another address with --listen.\n"
    )
    assert not (tmp_path / "state").exists()


def test_grpc_s_port_that_is_taken(tmp_path: Path) -> None:
    try:
        other = socket.create_server(("127.0.0.1", 4317))
    except OSError:
        other = None
    with other or contextlib.nullcontext():
        said = failing(tmp_path, "--listen", f"127.0.0.1:{free_port()}")
    assert said.endswith(" listens on 127.0.0.1:4317 already: end it, or go without gRPC with --no-grpc.\n")


def test_a_state_directory_that_another_hub_has(tmp_path: Path) -> None:
    with up(tmp_path, "--listen", f"127.0.0.1:{free_port()}", "--no-grpc") as (first, _):
        said = failing(tmp_path, "--listen", f"127.0.0.1:{free_port()}", "--no-grpc")
        assert said == (
            f"handspan: another hub (process {first.pid}) keeps its record in {tmp_path}/state: end it, or name another"
            " folder with HANDSPAN_STATE_DIR.\n"
        )


@pytest.mark.parametrize(
    ("arguments", "more", "said"),
    [
        (["--listen", "here"], {}, "--listen here is no host:port: name an IP address or localhost, and a port."),
        (
            ["--listen", f"{ANY}:0"],
            {},
            ("whoever reaches this machine could read what your agents do: set HANDSPAN_TOKEN to a long random text, or"
            " listen on localhost."),
        ),
        (
            ["--forward", "collector:4317"],
            {},
            ("--forward takes http://host:port, https://host, grpc://host:port or grpcs://host:port, several with spaces"
            " between."),
        ),
        ([], {"HANDSPAN_TOKEN": "short"}, ("HANDSPAN_TOKEN must be at least 16 printable characters without spaces; what"
         " it is may be secret, and is not repeated.")),
        (["--listen", "192.0.2.1:4318"], {"HANDSPAN_TOKEN": "t" * 16}, ("192.0.2.1:4318 can't be listened on (Cannot assign"
         " requested address): mend that, or name another address with --listen.")),
    ],
)  # fmt: skip
def test_what_can_t_be_done_is_said(tmp_path: Path, arguments: list[str], more: dict[str, str], said: str) -> None:
    assert failing(tmp_path, "--no-grpc", *arguments, **more) == f"handspan: {said}\n"


def test_a_record_that_can_t_be_used_is_kept_beside(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "record.db").write_bytes(b"garbage" * 1_000)
    with up(tmp_path, "--listen", f"127.0.0.1:{free_port()}", "--no-grpc") as (child, _):
        child.send_signal(signal.SIGINT)
        _, complained = child.communicate(timeout=5)
    path = tmp_path / "state" / "record.db.unusable-1"
    assert complained == f"handspan: The record could not be used. It is kept as {path}, and a new one was begun.\n"


def test_a_state_directory_that_can_t_be_written(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    said = failing(tmp_path, "--listen", f"127.0.0.1:{free_port()}", "--no-grpc")
    assert said.startswith(f"handspan: {tmp_path}/state can't be written (")
    assert said.endswith("): name another folder with HANDSPAN_STATE_DIR.\n")
