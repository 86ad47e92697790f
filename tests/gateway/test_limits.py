"""Token buckets, and by which address somebody goes."""

import pytest

from twopm_zk.errors import InputError
from twopm_zk.gateway import limits
from twopm_zk.gateway.limits import Buckets, Rate, address_name, client_address
from twopm_zk.gateway.responses import RefusedError
from twopm_zk.gateway.settings import GatewaySettings


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_bucket_empties_and_fills_again_and_says_when():
    clock = Clock()
    buckets = Buckets(Rate(0.5, 2), clock=clock)
    buckets.take("a", 2)
    with pytest.raises(RefusedError) as caught:
        buckets.take("a")
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "2")
    buckets.take("b")
    clock.now = 2.0
    buckets.take("a")
    clock.now = 1000.0
    with pytest.raises(RefusedError):
        buckets.take("a", 3)  # never more than fits


def test_being_refused_costs_nothing():
    clock = Clock()
    buckets = Buckets(Rate(1, 1), clock=clock)
    buckets.take("a")
    for _ in range(10):
        with pytest.raises(RefusedError):
            buckets.take("a")
    clock.now = 1.0
    buckets.take("a")


def test_there_are_so_many_buckets_and_no_more(monkeypatch):
    monkeypatch.setattr(limits, "_MOST_BUCKETS", 3)
    buckets = Buckets(Rate(1, 1), clock=Clock())
    for number in range(50):
        buckets.take(str(number))
    assert len(buckets) == 3


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("nonsense", "unknown"),
        ("", "unknown"),
    ],
)
def test_addresses_of_one_customer_share_a_bucket(address, name):
    assert address_name(address) == name


def test_a_forwarded_address_counts_only_where_a_proxy_is_trusted():
    assert client_address("9.9.9.9", "1.1.1.1", trusted=False) == "9.9.9.9"
    assert client_address("9.9.9.9", "", trusted=True) == "9.9.9.9"
    assert client_address("9.9.9.9", "1.1.1.1, 2.2.2.2", trusted=True) == "2.2.2.2"  # what our own proxy has added


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example/",
        "https://app.example:443",
        "HTTPS://app.example",
        "app.example",
        "*",
        "null",
        "file://x",
        "",
    ],
)
def test_an_origin_that_no_browser_would_send_is_refused(origin):
    with pytest.raises(InputError):
        GatewaySettings(allowed_origins=(origin,))


def test_a_server_on_this_machine_is_known_by_its_usual_names():
    assert GatewaySettings(allowed_origins=("https://a.example",)).origins(80)[:2] == (
        "http://127.0.0.1:80",
        "http://localhost:80",
    )
    assert GatewaySettings(origin="https://ask.example").origins(80) == ("https://ask.example",)
