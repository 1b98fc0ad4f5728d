from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import pytest

from handspan.addresses import Address, addresses
from handspan.hub import listening
from handspan.hub.listening import Taken, holder, is_own, listen

ANY = "0.0.0.0"  # noqa: S104 (never bound)


def test_both_loopbacks_have_the_same_port() -> None:
    sockets = listen(addresses("localhost:0"))
    with contextlib.ExitStack() as opened:
        for one in sockets:
            opened.enter_context(one)
        hosts = [one.getsockname()[0] for one in sockets]
        assert hosts == ["127.0.0.1", "::1"][: len(hosts)]
        assert len({one.getsockname()[1] for one in sockets}) == 1


def test_a_port_that_is_taken_is_said_with_who_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        who = (Path("/proc/self/comm").read_text()).strip()
        with pytest.raises(Taken) as taken:
            listen(addresses(f"127.0.0.1:{port}"))
        assert str(taken.value) == f"{who} (process {os.getpid()}) listens on 127.0.0.1:{port} already: end it"
        # What was opened before it is closed again.
        with socket.create_server(("127.0.0.1", 0)) as free:
            other = free.getsockname()[1]
        with pytest.raises(Taken):
            listen([Address("127.0.0.1", other), Address("127.0.0.1", port)])
        socket.create_server(("127.0.0.1", other)).close()


def test_an_address_of_another_machine_can_t_be_listened_on() -> None:
    with pytest.raises(Taken, match=r"192\.0\.2\.1:0 can't be listened on \("):
        listen([Address("192.0.2.1", 0)])


def test_who_listens_is_known_where_the_system_tells(tmp_path: Path) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as one:
        assert str(holder(one.getsockname()[1])).endswith(f"(process {os.getpid()})")
    with socket.socket() as unbound:
        unbound.bind(("127.0.0.1", 0))
        assert holder(unbound.getsockname()[1]) is None
    assert holder(1, tmp_path) is None


def test_a_process_that_ends_meanwhile_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    line = "   0: 0100007F:10DE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1\n"
    # The other is a connection from that port, and not somebody who listens there.
    connected = line.replace("10DE", "10DF").replace(" 0A ", " 01 ")
    (tmp_path / "net" / "tcp").write_text("  sl  local_address rem_address   st\n" + line + connected)
    (tmp_path / "1").mkdir()
    for number, comm in (("2", None), ("3", "hub\n")):
        (tmp_path / number / "fd").mkdir(parents=True)
        (tmp_path / number / "fd" / "7").symlink_to("socket:[4242]")
        if comm:
            (tmp_path / number / "comm").write_text(comm)
    assert (holder(4318, tmp_path), holder(4319, tmp_path)) == ("hub (process 3)", None)


@pytest.mark.parametrize(
    ("host", "where", "own"),
    [
        ("localhost", "localhost:4318", True),
        ("127.0.0.1", "localhost:4318", True),
        ("::1", "localhost:4318", True),
        (ANY, "127.0.0.1:4318", True),
        ("127.0.0.1", "127.0.0.1:4319", False),
        ("127.0.0.2", "127.0.0.1:4318", False),
        ("localhost", f"{ANY}:4318", True),
        ("192.0.2.1", f"{ANY}:4318", False),
        ("192.0.2.1", "192.0.2.1:4318", True),
        ("no.such.host.invalid", "localhost:4318", False),
    ],
)
def test_where_an_address_leads(host: str, where: str, own: bool) -> None:
    assert is_own(host, 4318, addresses(where)) is own


def test_this_machine_s_own_name_leads_to_any_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_own", lambda: {"192.0.2.1"})
    assert is_own("192.0.2.1", 4318, addresses(f"{ANY}:4318"))
