"""Which senders an environment asks for, and under which names."""

from __future__ import annotations

import platform

import pytest

from handspan import destinations, otel_env


def made(environment: dict[str, str]) -> dict[str, tuple[str, set[str]]]:
    senders = destinations.otlp(otel_env.read(environment, "http/protobuf"))
    found = {name: (sender.name, set[str](sender.kinds)) for name, sender in senders.items()}
    for sender in senders.values():
        sender.close()
    return found


def test_what_nothing_is_said_about_goes_to_port_4318_here() -> None:
    assert made({}) == {"otlp": ("otlp_http http://localhost:4318", {"traces", "logs", "metrics"})}


def test_another_address_is_the_same_destination() -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    assert made(environment) == {"otlp": ("otlp_http http://127.0.0.1:9", {"traces", "logs", "metrics"})}


def test_grpc_where_it_is_asked_for() -> None:
    environment = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    assert made(environment) == {"otlp": ("otlp_grpc 127.0.0.1:9", {"traces", "logs", "metrics"})}


def test_signals_that_go_by_different_protocols_are_two_destinations() -> None:
    assert made({"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc"}) == {
        "otlp": ("otlp_http http://localhost:4318", {"traces", "metrics"}),
        "otlp_grpc": ("otlp_grpc localhost:4317", {"logs"}),
    }


def test_every_resource_names_the_host_and_what_the_user_adds() -> None:
    otel = otel_env.read({"OTEL_RESOURCE_ATTRIBUTES": "team=blue,host.name=mine"}, "http/protobuf")
    assert destinations.resource(otel) == {"host.name": "mine", "ip": "127.0.0.1", "team": "blue"}
    assert destinations.resource(otel_env.read({}))["host.name"] == platform.node()


def test_only_the_kinds_that_are_wanted() -> None:
    (sender,) = destinations.otlp(otel_env.read({}, "http/protobuf"), ("logs",)).values()
    assert sender.kinds == {"logs"}


def test_a_certificate_that_is_not_there_is_said_when_the_sender_is_made() -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "nowhere.pem",
    }
    with pytest.raises(OSError, match=r"nowhere\.pem"):
        made(environment)
