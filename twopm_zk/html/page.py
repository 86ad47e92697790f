"""The whole document, and its one style sheet: light and dark, phones, and paper."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from twopm_zk.html.elements import Html, element, joined

_STYLE = Path(__file__).with_name("page.css").read_text()
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_OWN_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
POLICY = f"{_OWN_POLICY}; frame-ancestors 'none'"
"""The Content-Security-Policy to serve such a page with: its own style sheet, and nothing else."""


def page(title: str, *content: str) -> str:
    """A whole document. Its own policy lets a browser run no script and load nothing, wherever it comes from."""
    head = joined(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_OWN_POLICY),
        element("meta", name="viewport", content="width=device-width,initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Html(_STYLE)),
    )
    body = element("body", element("main", *content))
    return f"<!doctype html>{element('html', element('head', head), body, lang='en')}\n"
