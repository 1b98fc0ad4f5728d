from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handspan.hub.index import arrows, sessions
from handspan.testing import BEGIN, SECOND, Story, play
from tests.recorded import indexed, recording
from tests.stories import three_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handspan.signals import Signal


def told(signals: Iterable[Signal]) -> list[str]:
    """The arrows of the first session, one a line, with the names of spans and seconds since its start."""
    with indexed(signals).reading() as connection:
        (uid,) = connection.execute("SELECT uid FROM sessions ORDER BY id LIMIT 1").fetchone()
        detail = sessions.detailed(connection, uid)
    assert detail is not None
    spans = {each["id"]: each["name"] for each in detail["spans"]}
    begin = int(detail["session"]["start"])
    return [line(arrow, spans, begin) for arrow in detail["arrows"]]


def line(arrow: dict[str, Any], spans: dict[str, str], begin: int) -> str:
    ends = [
        f"{end.get('terminal', '?')} {spans.get(end['span'], '?')} +{(int(end['at']) - begin) / SECOND:.3f}"
        for end in (arrow["from"], arrow["to"])
    ]
    return f"{arrow['type']}: {' -> '.join(ends)}{'' if arrow['delivered'] else ' (not delivered)'}"


def test_of_a_real_assignment() -> None:
    assert told(recording("11_assign")) == [
        "assign: eb698320 send developer +6.101 -> 69092084 invoke_agent developer +9.995",
        "callback: 69092084 send code_supervisor +11.304 -> eb698320 invoke_agent code_supervisor +11.420",
    ]


def test_of_a_real_handoff_while_it_runs() -> None:
    assert told(recording("07_handoff", 8)) == ["handoff: a0a1bb1f ? +6.776 -> 522644cc ? +6.776 (not delivered)"]


def test_of_real_messages() -> None:
    assert told(recording("06_send_message_busy")) == [
        "send: 7b032760 send reviewer +8.836 -> cd38f221 invoke_agent reviewer +8.836",
        "send: 7b032760 send reviewer +11.515 -> cd38f221 invoke_agent reviewer +13.504",
        "send: 7b032760 send reviewer +13.746 -> cd38f221 invoke_agent reviewer +14.311",
        "send: 7b032760 send reviewer +17.920 -> cd38f221 invoke_agent reviewer +18.008",
    ]


def test_over_the_parts_of_a_long_session() -> None:
    assert told(play(three_parts())) == [
        "send: ? send supervisor +5.000 -> sup invoke_agent supervisor +5.000",
        "assign: sup send developer +10.000 -> dev invoke_agent developer +14.000",
        "send: sup send developer +82800.000 -> dev invoke_agent developer +108060.000",
        "send: dev send unknown +169200.000 -> ghost send unknown +169200.000 (not delivered)",
        "callback: dev send supervisor +212400.000 -> sup invoke_agent supervisor +212400.100",
        "continuation: sup assign developer +86400.000 -> sup assign developer +86400.000",
        "continuation: dev invoke_agent developer +86400.000 -> dev invoke_agent developer +86400.000",
        "continuation: ? session three-parts +86400.000 -> ? session three-parts +86400.000",
        "continuation: dev terminal developer +86400.000 -> dev terminal developer +86400.000",
        "continuation: sup terminal supervisor +86400.000 -> sup terminal supervisor +86400.000",
        "continuation: dev waiting_for_input +86400.000 -> dev waiting_for_input +86400.000",
        "continuation: sup assign developer +172800.000 -> sup assign developer +172800.000",
        "continuation: dev invoke_agent developer +172800.000 -> dev invoke_agent developer +172800.000",
        "continuation: ? session three-parts +172800.000 -> ? session three-parts +172800.000",
        "continuation: dev terminal developer +172800.000 -> dev terminal developer +172800.000",
        "continuation: sup terminal supervisor +172800.000 -> sup terminal supervisor +172800.000",
    ]


def test_only_what_has_changed_after_a_position() -> None:
    story = Story("s").at(0).session().terminal("a").at(1).sent("m", "a").at(2).sent("n", "a")
    index = indexed(play(story.events))
    with index.reading() as connection:
        assert [arrow["sent"] for arrow in arrows.arrows(connection, 1, 0)] == [
            str(BEGIN + SECOND),
            str(BEGIN + 2 * SECOND),
        ]
        assert arrows.arrows(connection, 1, index.position) == []


def test_a_sender_of_another_session_has_no_lane_here() -> None:
    story = Story("s").at(0).session().terminal("a").at(1).typed("m", "a", "b", sender_session="other")
    assert told(play(story.events)) == ["send: ? send a +1.000 -> a send a +1.000"]
