from __future__ import annotations

import queue
import sqlite3
from typing import TYPE_CHECKING

import pytest

from handspan.hub import wire
from handspan.hub.answers import Refusal
from tests.hub import requests
from tests.hub.keeping import keeping

if TYPE_CHECKING:
    from pathlib import Path


def test_a_request_is_answered_once_it_is_kept(tmp_path: Path) -> None:
    with keeping(tmp_path) as hub:
        whole = hub.keeper.take("traces", "json", body := requests.in_json(requests.ONE["traces"]))
        part = requests.traces(requests.span("good"), requests.span(traceId=""))
        in_part = hub.keeper.take("traces", "json", requests.in_json(part))
        nothing = hub.keeper.take("logs", "protobuf", b"")
        assert whole.committed
        assert in_part.committed
        assert (whole.committed.result(5), in_part.committed.result(5), nothing.committed) == (1, 2, None)
        why = "a span has no valid trace id: it must be 16 bytes, not all zero"
        assert [hub.keeper.done(one, None) for one in (whole, in_part, nothing)] == [
            b"{}",
            wire.answer("traces", "json", 1, why),
            b"",
        ]
        assert hub.kept == [("traces", "json", body), ("traces", "protobuf", requests.spans_in_protobuf("good"))]
        assert hub.counted == {("traces", "kept"): 1, ("traces", "kept_in_part"): 1, ("logs", "kept"): 1}


def test_what_can_t_be_read_is_refused(tmp_path: Path) -> None:
    with keeping(tmp_path) as hub:
        with pytest.raises(Refusal) as refusal:
            hub.keeper.take("traces", "protobuf", b"nonsense")
        assert (refusal.value.status, refusal.value.after) == (400, None)
        assert (hub.kept, hub.counted) == ([], {("traces", "unreadable"): 1})


@pytest.mark.parametrize(
    ("error", "status", "after"), [(queue.Full(), 429, 1), (sqlite3.OperationalError("disk full"), 503, 5)]
)
def test_what_could_not_be_kept_may_come_again(tmp_path: Path, error: Exception, status: int, after: int) -> None:
    with keeping(tmp_path) as hub:
        taken = hub.keeper.take("traces", "protobuf", requests.spans_in_protobuf("a"))
        with pytest.raises(Refusal) as refusal:
            hub.keeper.done(taken, error)
        assert (refusal.value.status, refusal.value.after) == (status, after)
        assert hub.counted == {("traces", "not_kept"): 1}


def test_a_fault_is_no_refusal(tmp_path: Path) -> None:
    with keeping(tmp_path) as hub, pytest.raises(ZeroDivisionError):
        hub.keeper.done(hub.keeper.take("traces", "protobuf", b""), ZeroDivisionError())
