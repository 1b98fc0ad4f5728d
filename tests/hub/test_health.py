from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families  # pyright: ignore[reportUnknownVariableType]

from handspan import names, otlp
from handspan.hub.answers import PROTOBUF
from handspan.hub.app import application
from handspan.hub.events_door import NDJSON, PATH
from handspan.hub.health import health
from tests.hub.hubs import running
from tests.hub.served import served
from tests.hub.test_events_door import LINES
from tests.hub.test_pushed import AT, counter
from tests.test_exposition import everything

if TYPE_CHECKING:
    from pathlib import Path


def test_a_hub_lives_and_is_ready_or_says_why_not(tmp_path: Path) -> None:
    troubles: list[str] = []
    with served(application([health(lambda: troubles, list)], tmp_path)) as http:
        answers = [http.ask("GET", path) for path in ("/healthz", "/readyz")]
        troubles.append("it is too late")
        answers.append(http.ask("GET", "/readyz"))
    assert [(one.status, one.json()) for one in answers] == [
        (200, {"alive": True}),
        (200, {"ready": True, "troubles": []}),
        (503, {"ready": False, "troubles": ["it is too late"]}),
    ]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text")],
)
def test_metrics_in_the_form_that_is_asked_for(tmp_path: Path, accept: str, kind: str) -> None:
    with served(application([health(list, everything)], tmp_path)) as http:
        answer = http.ask("GET", "/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith(kind)
    assert f"# TYPE {names.DELIVERY_SECONDS} histogram".encode() in answer.data


def test_the_hub_s_own_metrics_and_what_others_pushed_are_told_apart(tmp_path: Path) -> None:
    encoder = otlp.Encoder()
    with running(tmp_path) as hub:
        for instance, value in (("one", 1), ("two", 2)):
            body = otlp.request([encoder.metric(counter(value, instance), AT)])
            assert hub.http.post("/v1/metrics", body, PROTOBUF).status == 200
        assert hub.http.post(PATH, LINES, NDJSON[0]).status == 202
        text = hub.http.ask("GET", "/metrics").data.decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    pushed = {
        (s.labels["instance"], s.value) for s in samples if s.name == names.EVENTS and s.labels["source"] == "cao"
    }
    own = {s.labels["instance"] for s in samples if s.name == names.EVENTS and s.labels["source"] != "cao"}
    received = [(s.labels["outcome"], s.value) for s in samples if s.name == names.RECEIVED]
    (held,) = (s.value for s in samples if s.name == names.RECORD_BYTES)
    assert pushed == {("one", 1), ("two", 2)}
    assert len(own) == 1
    assert received == [("kept", 2)]
    assert held > 4_096
