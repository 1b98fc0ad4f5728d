from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from handspan.hub import protocol
from handspan.hub.guards import Allowed, Guards
from tests.hub.served import served
from tests.hub.test_guards import echo

if TYPE_CHECKING:
    import socket

ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def until_closed(connection: socket.socket) -> float:
    begun = time.monotonic()
    connection.settimeout(5)
    while connection.recv(4_096):
        pass
    return time.monotonic() - begun


def test_a_deadline_is_ten_seconds() -> None:
    assert protocol.Punctual.header_seconds == protocol.HEADER_SECONDS == 10


def test_who_says_nothing_is_hung_up_on() -> None:
    with served(Guards(echo, Allowed()), header_seconds=0.2) as http, http.connect() as connection:
        assert until_closed(connection) < 3


def test_who_never_comes_to_an_end_is_hung_up_on() -> None:
    with served(Guards(echo, Allowed()), header_seconds=0.3) as http, http.connect() as connection:
        for byte in ASK[:4]:
            connection.sendall(bytes([byte]))
        assert until_closed(connection) < 3


def test_a_second_request_has_a_deadline_of_its_own() -> None:
    with served(Guards(echo, Allowed()), header_seconds=0.3) as http, http.connect() as connection:
        connection.sendall(ASK + ASK[:9])
        assert b"200 OK" in connection.recv(4_096)
        connection.sendall(ASK[9:-2])
        # Sooner than keep-alive, which is five seconds.
        assert until_closed(connection) < 3


def test_who_is_in_time_is_left_alone() -> None:
    with served(Guards(echo, Allowed()), header_seconds=0.2) as http, http.connect() as connection:
        for _ in range(3):
            connection.sendall(ASK[:9])
            connection.sendall(ASK[9:])
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(4_096)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            # Longer than the deadline of a request that has begun.
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            connection.settimeout(5)
