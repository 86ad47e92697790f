"""The documentation site builds without a warning, every link in it leads somewhere, and docstrings read as written."""

import ast
import importlib.util
import re
from copy import copy
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from docutils.core import Publisher, publish_doctree
from docutils.parsers.rst import Parser
from docutils.readers.standalone import Reader
from docutils.writers.null import Writer

ROOT = Path(__file__).parents[2]


def tool():
    spec = importlib.util.spec_from_file_location("build_docs", ROOT / "tools" / "build_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build_docs = tool()


class Page(HTMLParser):
    """What a page links to, and the places in it that can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.places = set(), {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value is not None:
                self.links.add(value)
            elif name == "id":
                self.places.add(value)


def broken_links(site):
    found = {path: Page(path) for path in site.rglob("*.html")}
    broken = []
    for path, page in found.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file() or (target in found and unquote(parts.fragment) not in found[target].places):
                broken.append(f"{path.relative_to(site)}: {link}")
    return sorted(broken)


@pytest.mark.slow
def test_the_site_builds_without_warnings_and_has_no_broken_links(tmp_path):
    site = tmp_path.resolve() / "site"
    assert build_docs.build(site, tmp_path / "work") == 0
    assert broken_links(site) == []
    assert 'id="twopm_zk.prove"' in (site / "reference" / "public.html").read_text()
    assert "--dry-run" in (site / "commands" / "certify.html").read_text()


def test_a_link_to_a_page_or_a_place_that_is_not_there_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#here">x</a><a href="b.html#there">x</a><a href="c.html">x</a>')
    (tmp_path / "b.html").write_text('<p id="here"><a href="https://example.org/nowhere">x</a></p>')
    assert broken_links(tmp_path) == ["a.html: b.html#there", "a.html: c.html"]


def words(text):
    return re.sub(r"[`\s]|^::$|^[*-] ", "", text, flags=re.MULTILINE)


@cache
def settings():
    """What docutils would put together for each text again, which takes it twice as long as to read one."""
    strict = {"report_level": 1, "halt_level": 1, "file_insertion_enabled": False, "traceback": True}
    return Publisher(reader=Reader(), parser=Parser(), writer=Writer()).get_settings(**strict)


def shown(text):
    return publish_doctree(build_docs.plain_text(text), settings=copy(settings())).astext()


@pytest.mark.parametrize(
    "text",
    [
        "Code as in `a_b`, ``x[i]`` and `f(*args)`s, and a_ trailing_ word_, |w|, *stars*, **kwargs and 2 * 3.",
        "1. is no list, and neither is\n\n(a) this.\n\nA. nor this\n\n.. note:: or this\n\n:field: or this\n\n-----",
        "The formula is\n\n    w' = w - P G   (|w| < 2^16)\n\nwith P of the round:\n    indented at once.\n",
        "* an item of\n  two lines\n* another, with `code`\n- and a third",
        "\b\nExamples:\n  twopm-zk prove step --out proof\n  twopm-zk verify proof",
        "::\n\n    Root\n    ├── Leaf   a | b\n    └── Leaf\n\nMore.",
    ],
)
def test_plain_text_reads_on_the_site_as_it_was_written(text):
    assert words(shown(text)) == words(text.replace("\b", ""))


@pytest.mark.slow
def test_every_docstring_reads_on_the_site_as_it_was_written():
    docstrings = {}  # many are the same
    for path in (ROOT / "twopm_zk").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                docstrings[text.partition("\f")[0].replace("\b", "")] = path
    assert len(docstrings) > 1000
    for docstring, path in docstrings.items():
        assert words(shown(docstring)) == words(docstring), f"{path}: {docstring}"
