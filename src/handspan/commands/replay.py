"""`handspan replay`: a recorded story, told again to any OTLP endpoint."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from handspan import config, destinations, replaying
from handspan.commands import Failure
from handspan.engine import Engine
from handspan.otlp import Encoder
from handspan.reading import NoStory, Telling, opened
from handspan.scrub import Scrubber
from handspan.secret_key import key_or_another
from handspan.senders.file import File
from handspan.sources.jsonl import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handspan.config import Settings
    from handspan.events import Event
    from handspan.otel_env import Otel
    from handspan.senders import Sender
    from handspan.signals import Log

    Said = tuple[int, Event]

_SECOND = 1_000_000_000
_ENDPOINT = re.compile("OTEL_EXPORTER_OTLP_([A-Z]+_)?ENDPOINT")
# How long a receiver may be away before a replay is given up. Unlike an engine's, its spool does not stay.
PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What is to be told again, and how."""

    path: str
    to: str | None
    # None: at once. Else so many times as fast as it happened.
    speed: float | None
    same_ids: bool
    as_json: bool


@dataclass(slots=True)
class _Traces:
    """The traces of what was told, in the order in which they began."""

    ids: dict[str, None] = field(default_factory=dict[str, None])

    def hear(self, logs: Sequence[Log]) -> None:
        self.ids.update(dict.fromkeys(log.trace_id for log in logs if log.trace_id))


def replay(asked: Replay, patience: float = PATIENCE) -> str:
    """Tell the story, wait until it has arrived, and say what was sent where. Raises Failure."""
    said, refused = _read(asked.path)
    settings = _settings(asked.to)
    senders = _destinations(asked.to, settings.otel)
    where = " and ".join(dict.fromkeys(sender.name for sender in senders.values()))
    traces = _Traces()
    # What goes wrong is said once, at the end.
    logging.getLogger("handspan").addHandler(logging.NullHandler())
    with tempfile.TemporaryDirectory(prefix="handspan-replay-") as folder:
        engine = _engine(Path(folder), senders, settings, traces, _clock(asked, said))
        engine.start()
        _tell(engine, asked, said)
        arrived, troubles = _wait(engine, patience)
        engine.close()
    if not arrived:
        why = troubles[0] if troubles else "it is slow"
        raise Failure(f"{where} has not taken all of it within {patience:.0f} s ({why}). See to it, and try again.")
    return _report(asked, len(said), refused, where, list(traces.ids))


def _wait(engine: Engine, patience: float) -> tuple[bool, list[str]]:
    """Whether all has arrived in time, and if not, why. Raises BrokenPipeError: such a reader does not come back."""
    until = time.monotonic() + patience
    while not engine.flush(min(1.0, patience)):
        troubles = engine.troubles()
        if any(os.strerror(errno.EPIPE) in trouble for trouble in troubles):
            raise BrokenPipeError
        if time.monotonic() >= until:
            return False, troubles
    return True, []


def _read(path: str) -> tuple[list[Said], int]:
    try:
        with opened(path, sys.stdin.buffer) as (name, lines):
            told = list(Telling().said(lines))
    except NoStory as nothing:
        raise Failure(str(nothing)) from nothing
    said = [one for one in told if not isinstance(one, Refused)]
    if not said:
        raise Failure(f"{name} tells of no session: `handspan schema` says what a line must hold.")
    return said, len(told) - len(said)


def _settings(to: str | None) -> Settings:
    environment = dict(os.environ)
    if to and "://" in to:
        # Whatever else is said of where the kinds go.
        environment = {name: said for name, said in environment.items() if not _ENDPOINT.fullmatch(name)}
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = to
    try:
        return config.read(environment).settings
    except config.WrongSetting as wrong:
        raise Failure(str(wrong)) from wrong


def _destinations(to: str | None, otel: Otel) -> dict[str, Sender]:
    try:
        return {"file": File(to)} if to and "://" not in to else destinations.otlp(otel, ("traces", "logs"))
    except (ValueError, OSError) as error:
        raise Failure(f"{error}.") from error


def _clock(asked: Replay, said: list[Said]) -> replaying.StoryTime | None:
    return replaying.StoryTime(said[0][0]) if asked.speed is None else None


def _engine(
    folder: Path,
    senders: dict[str, Sender],
    settings: Settings,
    traces: _Traces,
    clock: replaying.StoryTime | None,
) -> Engine:
    return Engine(
        folder,
        senders,
        source="replay",
        encoder=Encoder(destinations.resource(settings.otel)),
        scrub=Scrubber(settings.content, key_or_another(settings.state_dir)),
        told=traces.hear,
        translate=clock.translate if clock else replaying.events_of,
        clock=clock or time.time_ns,
    )


def _tell(engine: Engine, asked: Replay, said: list[Said]) -> None:
    suffix = "" if asked.same_ids else f"~{secrets.token_hex(4)}"
    now = time.time_ns()
    if asked.speed is None:
        # At once, it ends now: what backends show first is the last hour.
        last = max(at for at, _ in said)
        when = replaying.shifted(0 if asked.same_ids else now - last - replaying.SETTLE * _SECOND)
    else:
        when = replaying.scaled(said[0][0], now, asked.speed)
    told = replaying.retold(said, suffix, when)
    # In a terminal, and nowhere else.
    with typer.progressbar(
        told, length=len(said), label="Telling", show_pos=True, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as progress:
        (replaying.at_once if asked.speed is None else replaying.in_time)(engine, progress)


def _report(asked: Replay, events: int, refused: int, where: str, traces: list[str]) -> str:
    if asked.as_json:
        return json.dumps({"events": events, "refused": refused, "to": where, "traces": traces})
    left_out = f" {refused} lines were no events and were left out." if refused else ""
    listed = "\n".join(f"  {trace}" for trace in traces)
    return f"{events} events were told to {where}.{left_out}\n{_plural(len(traces))}:\n{listed}"


def _plural(traces: int) -> str:
    return "The trace" if traces == 1 else f"The {traces} traces"
