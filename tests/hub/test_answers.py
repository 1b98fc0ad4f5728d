from __future__ import annotations

from handspan.hub import answers, wire
from handspan.hub.answers import JSON, PROTOBUF, Refusal


def test_an_otlp_client_gets_a_status_in_its_own_encoding() -> None:
    full = Refusal(429, "later", 3)
    of_protobuf = answers.refused(full, "/v1/logs", PROTOBUF)
    of_json = answers.refused(full, "/v1/logs", "application/json; charset=utf-8")
    of_neither = answers.refused(Refusal(415, "no"), "/v1/logs", "text/plain")
    assert [
        (r.status_code, bytes(r.body), r.headers["content-type"], r.headers.get("retry-after"))
        for r in (of_protobuf, of_json, of_neither)
    ] == [
        (429, wire.status("protobuf", 8, "later"), PROTOBUF, "3"),
        (429, wire.status("json", 8, "later"), JSON, "3"),
        (415, wire.status("json", 3, "no"), JSON, None),
    ]


def test_anybody_else_gets_a_sentence() -> None:
    response = answers.refused(Refusal(403, "no"), "/api/sessions", PROTOBUF)
    assert (response.status_code, response.body, response.headers["content-type"]) == (403, b'{"error": "no"}', JSON)


def test_the_encodings_of_otlp() -> None:
    kinds = (PROTOBUF, " Application/JSON ;charset=utf-8", "text/plain", "")
    assert [answers.encoding_of(kind) for kind in kinds] == ["protobuf", "json", None, None]
