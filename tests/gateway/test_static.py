"""Files that are served: by their whole names, compressed where that is accepted, and not sent twice."""

import gzip
import json

import pytest
from starlette.requests import Request

from twopm_zk.errors import ToolMissingError
from twopm_zk.gateway.responses import ASKED_AGAIN, FOR_GOOD, RefusedError
from twopm_zk.gateway.static import Page, Snarkjs


def request(**headers):
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": lines})


@pytest.fixture
def page(tmp_path):
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    script = b"let x = 1;\n" * 500
    (folder / "assets" / "app-1234.js").write_bytes(script)
    (folder / "assets" / "app-1234.js.gz").write_bytes(gzip.compress(script, 9))
    (folder / "assets" / "lone-5.css").write_text("a{}" * 1000)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "assets" / "link.txt").symlink_to(tmp_path / "secret.txt")
    return Page(folder)


def test_names_with_a_digest_are_kept_for_good_and_the_page_itself_is_asked_for_again(page):
    assert page.file("assets/app-1234.js").answer(request()).headers["cache-control"] == FOR_GOOD
    answer = page.file("index.html").answer(request())
    assert answer.headers["cache-control"] == ASKED_AGAIN
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("name", ["assets/app-1234.js", "assets/lone-5.css"])
@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("br", False),
        ("xgzip", False),
        ("", False),
    ],
)
def test_a_file_is_compressed_where_that_is_accepted(page, name, accepted, packed):
    answer = page.file(name).answer(request(accept_encoding=accepted))
    assert (answer.headers.get("content-encoding") == "gzip") == packed
    content = gzip.decompress(answer.body) if packed else answer.body
    assert answer.headers.get("x-content-length") == (str(len(content)) if packed else None)
    assert content == page.file(name).content
    assert answer.headers["vary"] == "Accept-Encoding"


def test_what_the_browser_has_is_not_sent_again(page):
    file = page.file("index.html")
    for known in (file.etag, f'"other", W/{file.etag}'):
        assert file.answer(request(if_none_match=known)).status_code == 304
    assert file.answer(request(if_none_match='"other"')).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "assets/../../secret.txt",
        "../secret.txt",
        "assets/link.txt",
        "/etc/passwd",
        "assets",
        "assets/",
        "assets/app-1234.js.gz",
    ],
)
def test_nothing_else_on_the_disk_is_served(page, name):
    with pytest.raises(RefusedError) as caught:
        page.file(name)
    assert caught.value.status == 404


def test_a_page_that_was_not_built_is_said(tmp_path):
    with pytest.raises(RefusedError, match="was not built"):
        Page(tmp_path / "nowhere").file("index.html")


def test_snarkjs_is_served_unmodified_with_its_licence(tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "snarkjs.min.js").write_text("1;" * 2000)
    (tmp_path / "package.json").write_text(json.dumps({"version": "0.7.6"}))
    answer = Snarkjs(lambda: tmp_path).file().answer(request())
    assert answer.body == b"1;" * 2000
    assert answer.headers["x-license"] == "GPL-3.0"
    assert answer.headers["content-type"].startswith("text/javascript")


def test_without_npms_packages_there_is_no_snarkjs_and_the_answer_says_why():
    def missing():
        raise ToolMissingError("npm package 'snarkjs' is not installed", kind="not-installed")

    with pytest.raises(RefusedError, match="install") as caught:
        Snarkjs(missing).file()
    assert (caught.value.status, caught.value.kind) == (404, "not-installed")
