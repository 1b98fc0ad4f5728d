"""What arrives goes on: over outages and restarts, to several places at their own pace."""

from __future__ import annotations

import contextlib
import gzip
from typing import TYPE_CHECKING

from handspan.hub.forward import Forward
from handspan.hub.onward import Onward
from handspan.spool import database
from tests.hub import requests
from tests.hub.keeping import Keeping, until
from tests.hub.test_onward import choosing
from tests.receivers import free_port, http_receiver

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.receivers import HttpReceiver


@contextlib.contextmanager
def forwarding(folder: Path, *urls: str) -> Generator[tuple[Keeping, Forward]]:
    hub = Keeping(folder)
    targets = [Onward(url) for url in urls]
    forward = Forward(hub.record, targets, hub.tally)
    forward.start()
    try:
        yield hub, forward
    finally:
        forward.stop(5)
        hub.record.close()
        for target in targets:
            target.close()


def keep(hub: Keeping, *names: str) -> None:
    for name in names:
        hub.record.append("traces", "protobuf", requests.spans_in_protobuf(name)).result(5)


def came(receiver: HttpReceiver) -> list[bytes]:
    return [gzip.decompress(request.body) for request in receiver.requests]


def bodies(*names: str) -> list[bytes]:
    return [requests.spans_in_protobuf(name) for name in names]


def test_what_arrives_goes_on_to_every_target(tmp_path: Path) -> None:
    with http_receiver() as one, http_receiver() as two, forwarding(tmp_path, one.url, two.url) as (hub, _):
        keep(hub, "a", "b")
        hub.record.append("logs", "json", requests.in_json(requests.ONE["logs"])).result(5)
        for url in (one.url, two.url):
            until(hub.record, (url, "traces"), 2)
        assert [body for body in came(one) if body in bodies("a", "b")] == bodies("a", "b")
        assert [body for body in came(two) if body in bodies("a", "b")] == bodies("a", "b")
        assert hub.counted[one.url, "traces", "taken"] == 2


def test_a_target_goes_on_after_a_restart_where_it_was(tmp_path: Path) -> None:
    with http_receiver() as receiver:
        with forwarding(tmp_path, receiver.url) as (hub, _):
            keep(hub, "a")
            until(hub.record, (receiver.url, "traces"), 1)
        with forwarding(tmp_path, receiver.url) as (hub, _):
            keep(hub, "b")
            until(hub.record, (receiver.url, "traces"), 2)
        assert came(receiver) == bodies("a", "b")


def test_what_arrived_while_a_target_was_away_is_sent_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with http_receiver() as near:
        with forwarding(tmp_path, url, near.url) as (hub, forward):
            keep(hub, "a", "b")
            # It holds up nobody but itself.
            until(hub.record, (near.url, "traces"), 2)
            assert hub.record.places()[url, "traces"] == 0
            assert [trouble.partition(": ")[0] for trouble in forward.troubles()] == [url]
        with http_receiver() as away, forwarding(tmp_path, away.url, near.url) as (hub, _):
            # Another address is another target: it gets what arrives from now on.
            keep(hub, "c")
            until(hub.record, (away.url, "traces"), 3)
            assert came(away) == bodies("c")


def test_what_a_target_will_never_take_is_kept_beside_and_blocks_nothing(tmp_path: Path) -> None:
    with (
        choosing(lambda names: 400 if "poison" in names else 200) as (url, asked),
        forwarding(tmp_path, url) as (hub, _),
    ):
        keep(hub, "poison", "good")
        until(hub.record, (url, "traces"), 2)
        assert [names for names in asked if names != ["poison"]] == [["good"]]
        assert (hub.counted[url, "traces", "rejected"], hub.counted[url, "traces", "taken"]) == (1, 1)
        with contextlib.closing(database.reader(hub.record.path)) as db:
            rejected = db.execute("SELECT target, kind, encoding, body, why FROM rejected").fetchall()
    assert rejected == [(url, "traces", "protobuf", *bodies("poison"), "HTTP 400 Bad Request")]


def test_a_hub_that_passes_nothing_on_has_nothing_to_stop(tmp_path: Path) -> None:
    with forwarding(tmp_path) as (hub, forward):
        keep(hub, "a")
        assert forward.troubles() == []
        assert hub.record.places() == {}


def test_one_that_was_never_started_is_stopped(tmp_path: Path) -> None:
    hub = Keeping(tmp_path)
    Forward(hub.record, [Onward("http://127.0.0.1:1")], hub.tally).stop(1)
    hub.record.close()
