"""The document around all: its policy is that of its own style sheet, which has every colour for light and dark."""

import base64
import hashlib
import re

from support.html_pages import parsed

from twopm_zk.html import POLICY, element, page

MADE = page("A <b>title</b>", element("p", "text"))
STYLE = re.search("<style>(.*?)</style>", MADE, re.DOTALL).group(1)


def test_the_document_is_whole_and_its_title_is_escaped():
    assert "A <b>title</b>text" in parsed(MADE).text
    assert "<title>A &lt;b&gt;title&lt;/b&gt;</title>" in MADE


def test_the_policy_allows_this_style_sheet_and_nothing_else():
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert POLICY.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert f"style-src &#x27;sha256-{digest}&#x27;" in MADE


def test_every_colour_that_is_used_is_there_for_light_and_for_dark_and_dark_is_for_screens():
    light, dark = (
        set(re.findall(r"(--\w+):", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
    )
    assert light == dark
    assert set(re.findall(r"var\((--\w+)\)", STYLE)) <= light
    assert "@media screen and (prefers-color-scheme: dark)" in STYLE
    rules = re.sub(r":root \{.*?\}", "", STYLE, flags=re.DOTALL)
    assert not re.search(
        r":\s*#[0-9a-f]{3}|fill:\s*(?!var|none|currentColor)|stroke:\s*(?!var|none|currentColor)", rules
    )
