"""Pages that are one file, taken apart: balanced tags, unique ids, nothing that runs or loads, tables and charts."""

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "col"}
RUNS_OR_LOADS = {
    "script",
    "iframe",
    "object",
    "embed",
    "link",
    "img",
    "image",
    "use",
    "form",
    "input",
    "base",
    "foreignobject",
}
URL = re.compile(r"(?i)\b(?:https?|data|javascript|ftp|blob):|url\(|@import")


class Page(HTMLParser):
    """Raises AssertionError where a page is not what it has to be."""

    def __init__(self):
        super().__init__()
        self.open, self.elements, self.ids, self.pieces = [], [], [], []
        self.tables, self.charts = {}, {}
        self._row = self._chart = None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert tag not in RUNS_OR_LOADS, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in ("style", "src", "srcset", "xlink:href"), name
            if name == "href":
                assert value.startswith("#"), value
        self.elements.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag in VOID:
            return
        self.open.append(tag)
        if attributes.get("role") == "region":
            self.tables[attributes["aria-label"]] = self._table = []
        elif tag == "tr":
            self._row = []
            if "div" in self.open:
                self._table.append(self._row)
        elif tag in ("td", "th") and self._row is not None:
            self._row.append("")
        elif tag == "svg" and attributes.get("role") == "img":
            self._chart = attributes["aria-describedby"].removesuffix("-desc")
            self.charts[self._chart] = ""

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag]
        self.open.pop()
        if tag == "tr":
            self._row = None

    def handle_data(self, data):
        if "style" in self.open:
            assert not URL.search(data)
            return
        self.pieces.append(data)
        if self._row:
            self._row[-1] += data
        if self.open[-1:] == ["desc"]:
            self.charts[self._chart] += data

    @property
    def text(self):
        return " ".join("".join(self.pieces).split())

    def every(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def table(self, name):
        return self.tables[name]


def parsed(page):
    """The page, which is whole, has every id once, and can neither run nor load anything."""
    assert page.startswith("<!doctype html><html")
    found = Page()
    found.feed(page.removeprefix("<!doctype html>"))
    found.close()
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    policies = [one["content"] for one in found.every("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert [policy.startswith("default-src 'none'; style-src 'sha256-") for policy in policies] == [True]
    for svg in found.every("svg"):
        assert "width" not in svg
        assert svg["viewBox".lower()]
        assert svg.get("aria-hidden") == "true" or {svg["aria-labelledby"], svg["aria-describedby"]} <= set(found.ids)
    return found
