"""Stories to look at: a long one, and one whose every name is an attack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan.testing import Story

if TYPE_CHECKING:
    from handspan.events import Event

_WORKERS = 24
_SPANS_A_ROUND = 6  # question, its receipt, the worker's turn, answer, its receipt, the supervisor's turn


def busy(spans: int) -> list[Event]:
    """A supervisor that asks its workers in turn, until there are about so many spans."""
    story = Story("busy", name="busy").at(0).session().terminal("sup", "supervisor").status("sup", "ready")
    for n in range(_WORKERS):
        story.at(1 + n / 100).delegation(f"w{n}", "assign", "sup").terminal(f"w{n}", f"worker {n}", creator="sup")
        story.status(f"w{n}", "ready")
    for turn in range(spans // _SPANS_A_ROUND):
        worker, begin = f"w{turn % _WORKERS}", 5 + turn * 4.0
        story.at(begin).sent(f"q{turn}", worker, "sup").at(begin + 0.2).status(worker, "working")
        story.delivered(f"q{turn}", worker).at(begin + 2.5).sent(f"a{turn}", "sup", worker).status(worker, "ready")
        story.at(begin + 2.7).status("sup", "working").delivered(f"a{turn}", "sup")
        story.at(begin + 3.6).status("sup", "ready")
    return story.events


HOSTILE_ID = "'/../<b>&?#"
ATTACK = '<img src=x onerror="document.title=`broken`"><script>document.title=`broken`</script>'
BACKWARDS = "\u202egnp.sdnif\u202c שלום \u2066"
ENDLESS = "abcdefghij" * 1_000


def hostile() -> list[Event]:
    """A session, agents and texts whose names are markup, run from right to left, or never end."""
    story = Story(HOSTILE_ID, name=ATTACK).at(0).session()
    for n, agent in enumerate((ATTACK, BACKWARDS, ENDLESS, "javascript:alert(1)", "\n\t\x07")):
        story.at(1 + n).terminal(f"t{n}", agent, cli=ATTACK, model=ENDLESS, tmux_session="a; rm -rf ~\n")
        story.at(1.5 + n).status(f"t{n}", "ready").at(2 + n).status(f"t{n}", "working")
    story.at(10).sent(ATTACK, "t1", "t0", text=ATTACK).at(10.5).delivered(ATTACK, "t1")
    story.at(11).notice(ATTACK, text=ATTACK, terminal="t0").status("t0", "waiting")
    return story.at(12).gone("t2", "exited", error=ATTACK).events
