"""Which addresses are reached from everywhere, and that a client with that rule connects to no others."""

import socket
import ssl

import httpcore
import httpx
import pytest

from twopm_zk.system.public_addresses import is_public, public_transport

PRIVATE = (
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1"),
    "0.0.0.0",  # noqa: S104 - to connect to
    *("255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1"),
    *("ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("2002:7f00:1::", "2002:a00:1::", "2001:0:7f00:1::"),
)
PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_this_machine_and_its_network_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_other_addresses_are(address):
    assert is_public(address)


@pytest.fixture
def client():
    with httpx.Client(transport=public_transport(ssl.create_default_context()), timeout=2) as made:
        yield made


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def accepted(server):
    with pytest.raises(TimeoutError):
        server.accept()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_nothing_connects_to_this_machine_however_it_is_written(client, listening, host):
    with pytest.raises(httpx.ConnectError):
        client.get(f"http://{host}:{listening.getsockname()[1]}/")
    accepted(listening)


def test_a_name_with_one_private_address_among_others_is_refused(client, monkeypatch):
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("1.1.1.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(httpx.ConnectError, match="not public"):
        client.get("http://two-faced.example/")


def test_a_name_is_looked_up_once_and_its_address_connected_to(client, monkeypatch):
    looked, connected = [], []

    def look(host, port, **_):
        looked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", port))]

    def connect(self, host, *_, **__):
        connected.append(host)
        raise httpcore.ConnectError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", look)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with pytest.raises(httpx.ConnectError):
        client.get("http://rebinding.example/")
    assert (looked, connected) == (["rebinding.example"], ["1.1.1.1"])


def test_a_redirection_to_a_private_address_is_not_followed_either(client):
    assert client.follow_redirects is False
