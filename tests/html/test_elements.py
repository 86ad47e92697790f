"""Text is escaped unless it is HTML already, and whatever is done to HTML makes text of it."""

import pytest

from twopm_zk.html import Html, banner, cards, definitions, details, element, figure, items, joined, paragraph, section
from twopm_zk.html import table as made_table

ATTACK = "</td><script>alert(1)</script>&\"'"
SAFE = "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#x27;"


def test_text_and_values_of_attributes_are_escaped():
    made = element("p", ATTACK, title=ATTACK, hidden=True, lang=None, class_="a b", data_x=1.50)
    assert made == f'<p title="{SAFE}" hidden class="a b" data-x="1.5">{SAFE}</p>'


def test_what_no_file_can_hold_is_replaced():
    made = element("p", "a\ud800b", title="\udfff")
    assert made == '<p title="?">a?b</p>'
    made.encode()


def test_html_is_left_as_it_is_and_never_escaped_twice():
    inner = element("b", "x < y")
    assert element("p", inner, " & ", inner) == "<p><b>x &lt; y</b> &amp; <b>x &lt; y</b></p>"
    assert joined(joined(ATTACK)) == SAFE


@pytest.mark.parametrize("spoilt", [lambda html: html + "<i>", lambda html: f"{html}<i>", lambda html: html.upper()])
def test_html_that_was_changed_by_other_means_is_text(spoilt):
    assert "<" not in joined(spoilt(Html("<b>")))


def test_elements_without_an_end_have_none():
    assert joined(element("meta", charset="utf-8"), element("br")) == '<meta charset="utf-8"><br>'


@pytest.mark.parametrize(
    "part",
    [
        lambda text: made_table(text, [text], [[text]]),
        lambda text: banner(text, text, bad=True),
        lambda text: cards({text: text}),
        lambda text: definitions({text: text}),
        lambda text: details(text, text),
        lambda text: figure(text, text, legend=[text]),
        lambda text: items([text]),
        lambda text: paragraph(text),
        lambda text: section(text, text),
    ],
)
def test_every_part_escapes_its_texts(part):
    assert "<script" not in part(ATTACK)
    assert SAFE in part(ATTACK)


def test_a_part_without_content_is_nothing():
    assert (paragraph("", ""), section("title", "", Html())) == ("", "")


def test_a_table_has_headers_for_its_columns_and_rows_and_scrolls_by_keyboard():
    made = made_table("name", ["a", "b"], [["x", "1"], ["y", "2"]])
    assert made.count('scope="col"') == made.count('scope="row"') == 2
    assert made.startswith('<div class="scroll" role="region" aria-label="name" tabindex="0">')
    with pytest.raises(ValueError, match="zip"):
        made_table("name", ["a", "b"], [["x"]])
