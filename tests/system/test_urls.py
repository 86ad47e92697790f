"""What is shown of a URL."""

import pytest

from twopm_zk.system.urls import shown_url, without_secrets

KEY = "0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://mainnet.example/v3/{KEY}", "https://mainnet.example"),
        (f"https://mainnet.example:8443/?key={KEY}#{KEY}", "https://mainnet.example:8443"),
        (f"https://user:{KEY}@mainnet.example/", "https://mainnet.example"),
        (f"http://[::1]:8545/{KEY}", "http://[::1]:8545"),
        (f"//{KEY}", "a URL that is none"),
        (f"http://[{KEY}", "a URL that is none"),
        (f"http://h:{KEY}/", "a URL that is none"),
        ("http://a\x1b[31mb/", "a URL that is none"),
        ("", "a URL that is none"),
    ],
)
def test_scheme_host_and_port_of_a_url_are_shown_and_nothing_else(url, shown):
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "url", [f"https://h/v3/{KEY}", f"https://h/?key={KEY}", f"https://user:{KEY}@h/", f"https://{KEY}@h"]
)
def test_somebody_elses_words_are_shown_without_what_the_url_keeps_secret(url):
    assert KEY not in without_secrets(f"no access to {url}: project {KEY} over v3", url)
    assert without_secrets("the range is too wide", url) == "the range is too wide"
