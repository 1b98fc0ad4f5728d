"""`handspan spool`: its options and help. What it does is in the files spool_*.py, which only a command imports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

# As many as are kept.
_MOST = 10_000

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # as in cli.py
)

Name = Annotated[
    str | None,
    typer.Option(
        "--spool",
        metavar="NAME",
        show_default=False,
        help="Which one, by the name of its folder [default: the only one there is].",
    ),
]
Numbers = Annotated[
    list[int] | None,
    typer.Argument(metavar="N", min=1, show_default=False, help="As `handspan spool list` has it."),
]
Json = Annotated[bool, typer.Option("--json", help="Print lines of JSON instead; times are nanoseconds since 1970.")]


@app.callback(invoke_without_command=True)
def spool(context: typer.Context) -> None:
    """See what waits to leave and what was rejected, and send it again or drop it.

    A spool is the folder <source>-<instance> in HANDSPAN_STATE_DIR: an engine keeps in it what happened until it has
    left. All of this works while one runs and while none does. Without a command it is `status`.

    \b
    Examples:
      handspan spool
      handspan spool list --limit 5
      handspan spool retry --all
    """
    if context.invoked_subcommand is None:
        status(as_json=False)


@app.command()
def status(*, as_json: Json = False) -> None:
    """Show every spool: who uses it, what it holds, and since when what waits.

    Spools that can't be read are named on stderr, and then the exit code is 1.

    \b
    Example:
      handspan spool status --json
    """
    from handspan.commands.spool_status import pages  # noqa: PLC0415 (as in cli.py)

    _say(pages(os.environ, as_json=as_json))


@app.command("list")
def list_(
    *,
    name: Name = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=_MOST, metavar="RECORDS", help="So many at most, the newest.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """List what destinations rejected, and why; the newest last.

    \b
    Examples:
      handspan spool list
      handspan spool list --spool cao-3f9a2c --json
    """
    from handspan.commands.spool_rejected import listed  # noqa: PLC0415 (as in cli.py)

    _say(listed(os.environ, name, limit, as_json=as_json))


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="N", min=1, show_default=False)],
    *,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Show a rejected record, and the answer that refused it.

    \b
    Example:
      handspan spool show 12
    """
    from handspan.commands.spool_rejected import shown  # noqa: PLC0415 (as in cli.py)

    _say(shown(os.environ, name, number, as_json=as_json))


@app.command()
def retry(
    numbers: Numbers = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that was rejected.")] = False,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Have rejected records sent again, when what was wrong is mended.

    They are sent while nothing else waits, by what uses the spool now or next, and stay in the list until they are
    taken. What is refused once more, stays there with the answer.

    \b
    Examples:
      handspan spool retry 12 13
      handspan spool retry --all
    """
    from handspan.commands.spool_rejected import retried  # noqa: PLC0415 (as in cli.py)

    _say(retried(os.environ, name, _asked(numbers, every=every), as_json=as_json))


@app.command()
def drop(
    numbers: Numbers = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that was rejected.")] = False,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Forget rejected records for ever.

    \b
    Examples:
      handspan spool drop 12
      handspan spool drop --all
    """
    from handspan.commands.spool_rejected import dropped  # noqa: PLC0415 (as in cli.py)

    _say(dropped(os.environ, name, _asked(numbers, every=every), as_json=as_json))


def _asked(numbers: list[int] | None, *, every: bool) -> list[int] | None:
    """These numbers, or None for all."""
    if bool(numbers) == every:
        raise typer.BadParameter("name records by their numbers, or all of them with --all.")
    return None if every else sorted(set(numbers or ()))


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201 (a command prints its result)
