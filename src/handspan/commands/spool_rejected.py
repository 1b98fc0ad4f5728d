"""`handspan spool list`, `show`, `retry` and `drop`: what destinations rejected."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from handspan import names
from handspan.commands import Failure
from handspan.commands.spool_visit import chosen, settings_of, visiting, when
from handspan.otlp import read, request
from handspan.show.captions import count
from handspan.show.cells import cells, clean, clip, fit
from handspan.signals import Span
from handspan.spool import lock, rejected
from handspan.transcript import describe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from handspan.otlp import Record
    from handspan.signals import Log
    from handspan.spool.rejected import Kept

    Environment = Mapping[str, str]

# Of an answer the first words tell enough to choose by; `show` has all of it.
_WIDEST = 80


def _folder(environment: Environment, name: str | None) -> Path:
    return chosen(settings_of(environment).state_dir, name)


# --- list ------------------------------------------------------------------------------------------------------------


def listed(environment: Environment, name: str | None, limit: int, *, as_json: bool) -> Iterator[str]:
    with visiting(_folder(environment, name)) as db:
        total, newest = rejected.count(db), rejected.newest(db, limit)
    if as_json:
        yield from (json.dumps(dataclasses.asdict(kept)) for kept in newest)
    elif newest:
        if total > len(newest):
            yield f"{count(total - len(newest), 'older record')} not listed: --limit {total} lists all."
        yield from _table([("number", "rejected", "destination", "bytes", "why"), *map(_row, newest)])
    else:
        yield "Nothing was rejected."


def _row(kept: Kept) -> tuple[str, ...]:
    why = f"to be sent again; {kept.why}" if kept.again else kept.why
    return (
        str(kept.number),
        when(kept.at),
        clean(f"{kept.destination} {kept.kind}"),
        f"{kept.size:,}",
        clip(clean(why), _WIDEST),
    )


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(fit(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


# --- show ------------------------------------------------------------------------------------------------------------


def shown(environment: Environment, name: str | None, number: int, *, as_json: bool) -> Iterator[str]:
    folder = _folder(environment, name)
    with visiting(folder) as db:
        found = rejected.one(db, number)
    if found is None:
        raise _unknown(folder, [number])
    kept, record = found
    if as_json:
        yield json.dumps({"spool": folder.name, **dataclasses.asdict(kept), **_fields(record)})
    else:
        yield from (clean(line) for line in _page(folder.name, kept, record))


def _signals(record: Record) -> list[Span] | list[Log]:
    """Raises ValueError for what is none of ours."""
    body = request([record])
    if record.kind == "traces":
        return read("traces", body)
    return read("logs", body)


def _fields(record: Record) -> dict[str, object]:
    try:
        (signal,) = _signals(record)
    except ValueError as error:
        return {"signal": None, "problem": str(error)}
    return {"signal": type(signal).__name__.lower(), "record": dataclasses.asdict(signal)}


def _page(name: str, kept: Kept, record: Record) -> Iterator[str]:
    yield f"record {kept.number} of {name}: {kept.size:,} bytes of {kept.kind} for {kept.destination}"
    yield f"rejected {when(kept.at)}{', to be sent again' if kept.again else ''}"
    yield f"answer   {kept.why}"
    try:
        signals = _signals(record)
    except ValueError as error:
        yield f"It can't be decoded: {error}."
        return
    for signal in signals:
        at = signal.start if isinstance(signal, Span) else signal.at
        yield f"happened {when(at)}, in session {signal.attributes.get(names.SESSION_ID) or 'none'}"
    yield ""
    yield from describe(signals).splitlines()


# --- retry and drop --------------------------------------------------------------------------------------------------


def retried(
    environment: Environment, name: str | None, numbers: Sequence[int] | None, *, as_json: bool
) -> Iterator[str]:
    """`numbers` is None for all."""
    folder = _folder(environment, name)
    number = _change(folder, numbers, rejected.ask_again)
    holder = _holder(folder)
    if as_json:
        yield json.dumps({"spool": folder.name, "retried": number, "held_by": holder})
    elif not number:
        yield "Nothing was rejected."
    else:
        by = f"by {holder}, when nothing else waits" if holder else "when something runs that uses this spool"
        yield clean(f"{_are(number)} sent again {by}.")


def dropped(
    environment: Environment, name: str | None, numbers: Sequence[int] | None, *, as_json: bool
) -> Iterator[str]:
    """`numbers` is None for all."""
    folder = _folder(environment, name)
    number = _change(folder, numbers, rejected.drop)
    if as_json:
        yield json.dumps({"spool": folder.name, "dropped": number})
    else:
        yield f"{_are(number)} dropped." if number else "Nothing was rejected."


def _change(
    folder: Path, numbers: Sequence[int] | None, change: Callable[[sqlite3.Connection, Sequence[int] | None], None]
) -> int:
    """All of it or, where a number is none's, nothing; how many records it was."""
    with visiting(folder, writes=True) as db:
        number = rejected.count(db) if numbers is None else len(numbers)
        if unknown := rejected.unknown(db, numbers or ()):
            raise _unknown(folder, unknown)
        change(db, numbers)
    return number


def _holder(folder: Path) -> str | None:
    try:
        return lock.holder(folder / "lock")
    except OSError:
        # Who that is, is only said beside it.
        return None


def _are(number: int) -> str:
    return f"{count(number, 'record')} {'is' if number == 1 else 'are'}"


def _unknown(folder: Path, numbers: Sequence[int]) -> Failure:
    named = ", ".join(map(str, numbers[:10]))
    return Failure(f"{folder.name} has no rejected record {named}: `handspan spool list` shows which there are.")
