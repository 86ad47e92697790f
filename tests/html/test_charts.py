"""Charts: drawn within their frame, named and described, and coloured by the page's own variables alone."""

import math
import re

import pytest
from support.html_pages import Page

from twopm_zk.html import Bar, Interval, Series, bars, figure, forest, lines

NUMBER = r"-?\d+(?:\.\d+)?"
ATTACK = '"><script>x</script>'


def line_chart(*points, **settings):
    return lines("key", "Title", [Series("name", points)], across="round", up="gradient", **settings)


CHARTS = {
    "lines": line_chart((0, 1.0), (1, 0.5), (2, 0.1), limit=("target", 0.3), marked=2),
    "logarithmic lines": line_chart((0, 0.1), (1, 0.0), (2, 1e-9), logarithmic=True, limit=("target", 1e-3)),
    "a logarithmic line of zeros": line_chart((0, 0.0), (1, 0.0), logarithmic=True),
    "a single point": line_chart((3, -13.0)),
    "a small chart": line_chart((0, -13.0), (9, -13.0002), small=True, marked=9),
    "a thousand rounds": line_chart(*((n, math.sin(n)) for n in range(1000)), marked=999),
    "twenty lines": lines(
        "key", "Title", [Series(f"s{n}", [(0, n), (1, -n)]) for n in range(20)], across="round", up="value"
    ),
    "intervals": forest(
        "key",
        "Title",
        [
            Interval("age", 1.0, -0.5, 2.5, "1 (−0.5 to 2.5)"),
            Interval("dose", -4e5, -5e5, -3e5, "−4e5"),
            Interval("none", 0.0, math.nan, math.nan, "0"),
        ],
        across="coefficient",
    ),
    "bars": bars("key", "Title", ["a", "b"], [Bar("0", [1.0, 2.0]), Bar("1", [0.0, 0.0])], across="seconds"),
    "bars of nothing": bars("key", "Title", ["a"], [Bar("0", [0.0])], across="seconds"),
}


@pytest.fixture(params=CHARTS.values(), ids=CHARTS)
def chart(request):
    return request.param


def test_a_chart_is_as_wide_as_there_is_room_with_a_name_and_a_description(chart):
    page = Page()
    page.feed(chart)
    assert page.open == []
    (svg,) = page.every("svg")
    assert not {"width", "height"} & set(svg)
    assert (svg["role"], svg["aria-labelledby"], svg["aria-describedby"]) == ("img", "key-title", "key-desc")
    assert page.ids == ["key-title", "key-desc"]
    assert len(page.charts["key"]) > 10


def test_all_of_a_chart_is_within_its_frame(chart):
    width, height = map(float, re.search(rf'viewBox="0 0 ({NUMBER}) ({NUMBER})"', chart).groups())
    assert "nan" not in re.sub(r"<(title|desc).*?</\1>", "", chart)
    across = [float(n) for n in re.findall(rf' (?:x|x1|x2|cx)="({NUMBER})"', chart)]
    down = [float(n) for n in re.findall(rf' (?:y|y1|y2|cy)="({NUMBER})"', chart)]
    for points in re.findall(r'points="([^"]*)"', chart):
        pairs = [point.split(",") for point in points.split()]
        across += [float(x) for x, _ in pairs]
        down += [float(y) for _, y in pairs]
    assert 0 <= min(across) <= max(across) <= width
    assert 0 <= min(down) <= max(down) <= height


def test_a_chart_names_no_colour_and_takes_all_of_them_from_the_page(chart):
    assert not re.search(r"(?i)fill=|stroke=|color=|style=|#[0-9a-f]{3}", chart)
    assert re.search(r'class="[^"]*\bs0\b', chart)


def test_a_chart_says_in_words_what_it_shows_and_marks_one_point():
    said = CHARTS["lines"]
    assert "gradient, by round. name: 1 at 0, 0.1 at 2. target: 0.3." in said
    assert said.count('class="dot full"') == 1
    assert said.count('class="dot"') == 2


def test_many_points_have_no_dots_but_the_marked_one():
    assert CHARTS["a thousand rounds"].count("<circle") == 1


def test_a_long_name_is_cut_in_the_drawing_and_whole_in_the_description():
    name = "a very long name of a column " * 3
    made = forest("key", "Title", [Interval(name, 1.0, 0.0, 2.0, "1")], across="coefficient")
    assert f">{name[:33]}…</text>" in made
    assert f"{name}: 1" in made


def test_names_in_charts_are_escaped():
    made = [
        lines("key", ATTACK, [Series(ATTACK, [(0, 1.0)])], across=ATTACK, up=ATTACK, limit=(ATTACK, 1.0)),
        forest("key", ATTACK, [Interval(ATTACK, 1.0, 0.0, 2.0, ATTACK)], across=ATTACK),
        bars("key", ATTACK, [ATTACK], [Bar(ATTACK, [1.0])], across=ATTACK),
        figure("", ATTACK, legend=[ATTACK]),
    ]
    assert [text for text in made if "<script" in text] == []
