"""Formulas: sums and products of names, and nothing else; nothing in them is evaluated."""

import sys

import pytest

from twopm_zk.errors import SpecError
from twopm_zk.task.formula import parse_formula


@pytest.mark.parametrize(
    ("text", "label", "terms"),
    [
        ("y ~ age + bmi", "y", [{"age": 1}, {"bmi": 1}]),
        ("age + bmi + age:bmi", None, [{"age": 1}, {"bmi": 1}, {"age": 1, "bmi": 1}]),
        ("y ~ age*bmi", "y", [{"age": 1}, {"bmi": 1}, {"age": 1, "bmi": 1}]),
        ("y ~ 1 + age", "y", [{"age": 1}]),
        ("y ~ I(age**2) + age^3 + bmi**2", "y", [{"age": 2}, {"age": 3}, {"bmi": 2}]),
        ("y ~ age:I(age**2)", "y", [{"age": 3}]),
        ("y ~ (a + b):c", "y", [{"a": 1, "c": 1}, {"b": 1, "c": 1}]),
        ("y ~ `blood pressure` + I(`blood pressure`**2)", "y", [{"blood pressure": 1}, {"blood pressure": 2}]),
        ("gro\u0308\u00dfe ~ u\u0308", "gr\u00f6\u00dfe", [{"\u00fc": 1}]),
        ("y ~ poly", "y", [{"poly": 1}]),  # a name, as long as nobody calls it
    ],
)
def test_sums_products_and_powers_are_taken_apart(text, label, terms):
    found = parse_formula(text)
    assert found.label == label
    assert {frozenset(term.items()) for term in found.terms} == {frozenset(term.items()) for term in terms}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y ~ poly(age, 2)", "'poly\\(age, 2\\)' is refused: its columns would be made from the rows\nWrite powers"),
        ("y ~ bs(age, df=4)", "made from the rows"),
        ("y ~ scale(age)", "its constants would come from the rows"),
        ("y ~ center(age)", "its constants would come from the rows"),
        ("y ~ C(ward)", "its levels would come from the rows\nList the `categories`"),
        ("y ~ log(age)", "nothing in a formula is evaluated\nGive the column `transform"),
        ("y ~ offset(age)", "A coefficient fixed at 1"),
        ("y ~ age - 1", "there is always an intercept"),
        ("y ~ -1 + age", "there is always an intercept"),
        ("y ~ 0 + age", "there is always an intercept"),
        ("y ~ age - bmi", "there is always an intercept"),
        ("y ~ age/bmi", "'/' is refused"),
        ("y ~ age %in% bmi", "is refused"),
        ("y ~ {age + 1}", "nothing in a formula is evaluated"),
        ("y ~ I(age + 1)", "nothing in a formula is evaluated"),
        ("y ~ I(age**0.5)", "nothing in a formula is evaluated"),
        ("y ~ age**7", "a power of 'age' is no whole number from 1 to 6"),
        ("y ~ age**n", "a power of 'age' is no whole number"),
        ("y ~ age**0", "a power of 'age' is no whole number"),
        ("y ~ I(age**4):I(age**3)", "a power above 6"),
        ("y ~ age*2", "'2' is refused"),
        ("y ~ .", "is refused"),
        ("y ~ 'age'", "is refused"),
        ("y | z ~ age", "is refused"),
        ("I(y**2) ~ age", "no single name on the left"),
        ("y + z ~ age", "no single name on the left"),
        ("y ~ a ~ b", "cannot be read"),
        ("y ~", "names no column"),
        ("", "names no column"),
        ("y ~ (age", "cannot be read"),
        ("a" * 10_001, "has 10001 characters"),
        ("y ~ a*b*c*d*e", "crosses more than 4 columns"),
        ("y ~ " + " + ".join(f"x{k}" for k in range(301)), "more than 300 names"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text, message):
    with pytest.raises(SpecError, match=message):
        parse_formula(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {path}')",
        "y ~ __import__('os').system('touch {path}')",
        "y ~ I(__import__('os').system('touch {path}')**2)",
        "y ~ {{__import__('os').system('touch {path}')}}",
        "y ~ [__import__('os').system('touch {path}')]",
        "y ~ `age` + open('{path}', 'w')",
        "exec(\"open('{path}', 'w')\") ~ age",
        "y ~ age.__class__.__mro__",
    ],
)
def test_nothing_in_a_formula_is_evaluated(text, tmp_path):
    path = tmp_path / "made"
    filled = text.format(path=path)
    if "open" in filled or "system" in filled:
        with pytest.raises(SpecError):
            parse_formula(filled)
    else:
        assert parse_formula(filled).terms == ({"age.__class__.__mro__": 1},)  # a name, which no column has
    assert not path.exists()


@pytest.mark.slow
def test_a_specification_without_a_formula_needs_no_formulaic(tmp_path):
    import subprocess

    code = (
        "import sys; from twopm_zk.task.specification_file import parse_spec;"
        "parse_spec({'label': 'y', 'lambda': 1, 'features': [{'name': 'a', 'centre': 0, 'scale': 1}]});"
        "print('formulaic' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "False"
