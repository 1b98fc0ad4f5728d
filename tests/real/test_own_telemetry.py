"""CAO's own telemetry, its extra `[otel]`, beside Handspan's: neither changes the other."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from handspan import names
from tests.real.stage import WITH_OWN, WITHOUT_HANDSPAN, Stage, stage
from tests.real.test_plugin import TOLD, held_against

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.real.sink import Sink

SCENARIO = "assign_with_callback"
# All that CAO itself tells of it. The rest of its spans are FastAPI's, which tells of every request.
DISPATCHES = {"execute_tool send_message:assign": 1, "execute_tool send_message:send_message": 1}


@pytest.fixture(scope="module")
def stages(cao: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Stage]]:
    """One with Handspan, which tells of it what it always does, and one without, in which the same has happened."""
    if not any(cao.glob("lib/python*/site-packages/cli_agent_orchestrator/telemetry")):
        pytest.skip("this CAO has no telemetry of its own")
    folder = tmp_path_factory.mktemp("own")
    with (
        stage(cao, folder / "both", WITH_OWN) as both,
        stage(cao, folder / "alone", {**WITH_OWN, **WITHOUT_HANDSPAN}) as alone,
        ThreadPoolExecutor() as pool,
    ):
        list(pool.map(_play, (both, alone)))
        for made in (both, alone):
            made.sink.until("what CAO tells", lambda sink: dispatches(sink) == DISPATCHES)
        held_against(both, SCENARIO, both.played(SCENARIO), TOLD[SCENARIO])
        # A server that stops sends what it has.
        both.server.stop()
        alone.server.stop()
        yield both, alone


def _play(made: Stage) -> None:
    made.played(SCENARIO)


def dispatches(sink: Sink) -> Mapping[str, int]:
    return Counter(span.name for span in sink.others_spans() if span.name.startswith("execute_tool"))


def requests(sink: Sink) -> set[str]:
    """What is told of requests that change something: how often a status is asked for is chance."""
    return {span.name for span in sink.others_spans() if re.match("POST|DELETE", span.name)}


def test_what_cao_tells_of_itself_is_the_same(stages: tuple[Stage, Stage]) -> None:
    both, alone = (made.sink for made in stages)
    assert dispatches(both) == dispatches(alone) == DISPATCHES
    assert requests(both) == requests(alone)


def test_without_handspan_nothing_of_it_is_there(stages: tuple[Stage, Stage]) -> None:
    _, alone = stages
    assert (alone.sink.spans(), alone.sink.logs()) == ([], [])


def test_no_span_is_told_twice(stages: tuple[Stage, Stage]) -> None:
    both, _ = stages
    ids = [span.span_id for span in both.sink.spans()] + [span.span_id.hex() for span in both.sink.others_spans()]
    assert len(ids) == len(set(ids))


def test_a_message_links_to_the_span_that_cao_named(stages: tuple[Stage, Stage]) -> None:
    both, _ = stages
    own = {
        (span.trace_id.hex(), span.span_id.hex())
        for span in both.sink.others_spans()
        if span.name.startswith("execute_tool")
    }
    linked = [
        (link.trace_id, link.span_id)
        for span in both.sink.spans()
        for link in span.links
        if link.type == names.LINK_UPSTREAM
    ]
    assert sorted(linked) == sorted(own)


def test_without_the_extra_nobody_but_handspan_tells_anything(stage: Stage) -> None:
    """A global provider would have FastAPI tell of every request."""
    stage.played(SCENARIO)
    assert stage.sink.others_spans() == []
