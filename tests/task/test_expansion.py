"""What specifications say of columns: categories, missing cells, transforms, labels, weights, and formulas expanded."""

import json
from dataclasses import replace

import pytest
from support.small_tasks import SPECTOR

from twopm_zk.errors import SpecError
from twopm_zk.task.columns import Column
from twopm_zk.task.outcome import Frequencies
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.specification_file import parse_spec, read_spec, write_spec

AGE = {"name": "age", "low": 0, "high": 120, "unit": 1}
BMI = {"name": "bmi", "low": 10, "high": 80, "unit": 0.5}
WARD = {"name": "ward", "categories": ["A", "B", "C"]}


def document(*features, **changes):
    return {"label": "y", "lambda": 1, "features": list(features or [AGE])} | changes


def names(*features, **changes):
    return list(parse_spec(document(*features, **changes)).features)


def test_a_specification_without_any_of_the_new_keys_keeps_its_hash():
    # as it was before there were categories, transforms, classes, weights, families and formulas
    known = "afded893c9c7bc2f5683d396b44f1e820dd5483c4a605d7f3cfe8fe3a38033b0"
    spec = read_spec(SPECTOR)
    plain = replace(spec, statistics=Statistics(), instances=replace(spec.instances, evaluate=()))
    assert plain.spec_hash.hex() == known


FULL = document(
    AGE | {"missing": 60},
    BMI,
    WARD | {"missing": "A"},
    {"name": "crp", "low": 0, "high": 500, "transform": "log1p", "winsorise": [0, 300]},
    label={"name": "y", "positive": "yes", "negative": ["no"]},
    formula="y ~ age*ward + bmi + crp + age:bmi + I(bmi**2)",
    weights="n",
    class_weights={"yes": 5},
)


def test_a_formula_is_stored_as_the_columns_that_it_makes():
    spec = parse_spec(FULL)
    assert list(spec.features) == [
        *("age", "age[missing]", "bmi", "ward[B]", "ward[C]", "ward[missing]", "crp"),
        *("age:bmi", "age:ward[B]", "age:ward[C]", "bmi**2"),
    ]
    assert "formula" not in spec.document
    assert spec.data_columns == ("age", "bmi", "ward", "crp", "y", "n")
    products = {column.name: column.product for column in spec.columns if column.product}
    assert products["age:ward[B]"] == (("age", 1), ("ward[B]", 1))
    assert products["bmi**2"] == (("bmi", 2),)


def test_what_is_stored_reads_back_as_the_same_specification(tmp_path):
    gaussian = document(AGE, family="gaussian", label={"name": "y", "low": 0, "high": 50, "unit": 1})
    for given in (FULL, document(AGE, WARD), document(BMI, AGE, formula="age:bmi"), gaussian):
        spec = parse_spec(given)
        write_spec(spec, tmp_path / "spec.json")
        again = read_spec(tmp_path / "spec.json")
        assert (again.spec_hash, again.columns, again.inputs) == (spec.spec_hash, spec.columns, spec.inputs)
        assert (again.outcome, again.frequencies, again.family) == (spec.outcome, spec.frequencies, spec.family)


def test_every_new_key_changes_the_hash():
    base = document(AGE, WARD)
    others = [
        document(AGE | {"missing": 60}, WARD),
        document(AGE | {"missing": 61}, WARD),
        document(AGE | {"winsorise": [10, 100]}, WARD),
        document(AGE | {"transform": "log1p"}, WARD),
        document(AGE, WARD | {"missing": "A"}),
        document(AGE, WARD | {"categories": ["B", "A", "C"]}),
        document(AGE, WARD | {"categories": ["A", "B"]}),
        base | {"formula": "age*ward"},
        base | {"formula": "age + ward + I(age**2)"},
        base | {"label": {"name": "y", "positive": "yes"}},
        base | {"label": {"name": "y", "positive": "yes", "negative": ["no"]}},
        base | {"weights": "n"},
        base | {"class_weights": {"1": 2}},
        base | {"family": "gaussian", "label": {"name": "y", "low": 0, "high": 1}},
        base | {"family": "gaussian", "label": {"name": "y", "low": 0, "high": 2}},
    ]
    hashes = {parse_spec(other).spec_hash for other in [base, *others]}
    assert len(hashes) == len(others) + 1


def test_the_order_of_a_formula_and_of_its_terms_does_not_matter():
    one = parse_spec(document(AGE, BMI, WARD, formula="y ~ age + bmi + ward + bmi:age + age:ward"))
    other = parse_spec(document(AGE, BMI, WARD, formula="ward*age + age:bmi + bmi + bmi"))
    assert one.spec_hash == other.spec_hash


def test_ranges_of_products_follow_by_interval_arithmetic():
    signed = {"name": "z", "low": -3, "high": 2}
    spec = parse_spec(document(AGE, signed, WARD, formula="age*z + age*ward + I(z**2) + I(z**3) + z:ward"))
    ends = {column.name: (column.low, column.high) for column in spec.columns}
    assert ends["age:z"] == (-360, 240)
    assert ends["z**2"] == (0, 9)
    assert ends["z**3"] == (-27, 8)
    assert ends["age:ward[B]"] == (0, 120)
    assert ends["z:ward[C]"] == (-3, 2)


def test_constants_of_a_product_may_be_given():
    given = {"name": "age:bmi", "centre": 3000, "scale": 1000}
    spec = parse_spec(document(AGE, BMI, given, formula="age + bmi + age:bmi"))
    assert spec.columns[-1] == Column("age:bmi", 3000, 1000, product=(("age", 1), ("bmi", 1)))
    by_hand = parse_spec(document(AGE, BMI, given | {"product": [["age", 1], ["bmi", 1]]}))
    assert by_hand.spec_hash == spec.spec_hash


def test_dummies_and_indicators_are_exact_and_count_as_features():
    spec = parse_spec(document(AGE | {"missing": 60}, WARD))
    for name in ("age[missing]", "ward[B]", "ward[C]"):
        column = next(one for one in spec.columns if one.name == name)
        assert (column.low, column.high, column.loses(spec.format)) == (0, 1, 0)
    assert len(spec.columns) == 4
    assert spec.provable().instances.aggregate == "aggregate-8"
    assert list(spec.coefficients((1 << 20,) * 9)) == [*spec.features, "intercept"]


def test_class_weights_go_by_the_values_of_the_label_or_by_class():
    label = {"name": "y", "positive": "yes", "negative": ["no"]}
    for weights in ({"yes": 5}, {"positive": 5}, {"yes": 5, "no": 1}):
        assert parse_spec(document(label=label, class_weights=weights)).frequencies == Frequencies(None, 1, 5)
    assert parse_spec(document(class_weights={"0": 2, "1": 3})).frequencies == Frequencies(None, 2, 3)


@pytest.mark.parametrize(
    ("features", "changes", "message"),
    [
        ([WARD | {"categories": ["A"]}], {}, "'ward': `categories` has 1 values; allowed: 2 to"),
        ([WARD | {"categories": []}], {}, "'ward': `categories` is empty"),
        ([WARD | {"categories": ["A", "B", "A"]}], {}, "`categories` has 'A' more than once"),
        ([WARD | {"categories": [1, "1"]}], {}, "`categories` has '1' more than once"),
        ([WARD | {"categories": ["A", True]}], {}, "a value is neither a text nor a number"),
        ([WARD | {"categories": ["A", " "]}], {}, "a value is empty"),
        ([WARD | {"low": 0, "high": 1}], {}, "`categories` go with no `low`"),
        ([WARD | {"unit": 1}], {}, "`categories` take no constants"),
        ([WARD | {"missing": "D"}], {}, "`missing` is 'refuse', or one of the `categories`"),
        ([WARD | {"categories": ["A", "missing"], "missing": "A"}], {}, "an indicator of missing cells have one name"),
        ([AGE | {"missing": "mean"}], {}, "`missing` is 'refuse', or the number"),
        ([AGE | {"missing": 121}], {}, "`missing` is 121, outside `low` to `high`"),
        ([AGE | {"missing": True}], {}, "`missing` is 'refuse', or the number"),
        ([AGE | {"missing": 10**400}], {}, "`missing` is 'refuse', or the number"),
        ([AGE | {"winsorise": [0, 10**400]}], {}, "`winsorise` is two numbers"),
        ([WARD | {"categories": [1, 10**400]}], {}, "a value is neither a text nor a number"),
        ([], {"label": {"name": "y", "positive": 10**400}}, "`label.positive` is neither"),
        ([AGE | {"transform": "sqrt"}], {}, "`transform` is 'sqrt'; allowed: log1p"),
        ([{"name": "a", "mean": 0, "sd": 1, "transform": "log1p"}], {}, "`log1p` takes `low` and `high`"),
        ([{"name": "a", "low": -2, "high": 1, "transform": "log1p"}], {}, "a low end above"),
        ([AGE | {"winsorise": [10]}], {}, "`winsorise` is two numbers"),
        ([AGE | {"winsorise": [10, "b"]}], {}, "`winsorise` is two numbers"),
        ([AGE | {"winsorise": [20, 10]}], {}, "`winsorise` is two ends within"),
        ([AGE | {"winsorise": [-1, 10]}], {}, "`winsorise` is two ends within"),
        ([AGE | {"product": [["b", 1.5]]}], {}, "`product` is a list of pairs"),
        ([{"name": "p", "centre": 0, "scale": 1, "product": [["b", 0]]}], {}, "powers in `product` are 1 to 6"),
        ([{"name": "p", "centre": 0, "scale": 1, "product": [["b", 7]]}], {}, "powers in `product` are 1 to 6"),
        ([{"name": "z", "low": 0, "high": 1e100}], {"formula": "z + I(z**6)"}, "is beyond what a number holds"),
        ([AGE, WARD, {"name": "p", "centre": 0, "scale": 1, "product": [["ward", 1]]}], {}, "'ward' is a category"),
        ([], {"label": {"name": "y", "negative": ["no"]}}, "`label.negative` is given without"),
        ([], {"label": {"name": "y", "positive": "no", "negative": ["no"]}}, "have a value more than once"),
        ([], {"label": {"name": "y", "positive": []}}, "`label.positive` is neither a text nor a number"),
        ([], {"label": {"name": "y", "low": 0, "high": 1}}, "and the family is logistic"),
        ([], {"label": {"positive": "yes"}}, "`label.name` is missing"),
        ([], {"label": {"name": "y", "positiv": "yes"}}, r"`label.positiv` is no key.*\n.*`positive`"),
        ([], {"family": "gaussian"}, "`label` needs `centre` and `scale`"),
        ([], {"family": "gaussian", "label": {"name": "y"}}, "give `low` and `high`"),
        ([], {"family": "gaussian", "label": {"name": "y", "low": 0, "high": 1, "positive": 1}}, "of logistic tasks"),
        ([], {"family": "gaussian", "label": {"name": "y", "centre": 0, "scale": 0}}, "label, 'y': `scale` is 0"),
        ([], {"family": "poisson"}, "`family` is 'poisson'; allowed: logistic, gaussian\nA log link fits these"),
        ([], {"weights": "age"}, "`weights` is 'age', which is also a feature"),
        ([], {"weights": "y"}, "no name of a column of its own"),
        ([], {"weights": 3}, "`weights` is not a text"),
        ([], {"class_weights": {"1": 0}}, "`class_weights` has 0; allowed: whole numbers from 1"),
        ([], {"class_weights": {"1": 1.5}}, "`class_weights.1` is not a whole number.*\n.*a weight counts rows"),
        ([], {"class_weights": {"yes": 2}}, "`class_weights.yes` is no class"),
        (
            [],
            {"family": "gaussian", "label": {"name": "y", "low": 0, "high": 1}, "class_weights": {"1": 2}},
            "no classes",
        ),
        ([], {"offset": "logtime"}, "`offset` is refused: a coefficient fixed at 1 would need a column of its own"),
        ([AGE | {"offset": True}], {}, r"`features\[0\].offset` is refused"),
        ([], {"inputs": [{"name": "b", "missing": 1}]}, "`inputs` has 'b', which no feature uses"),
        (
            [AGE | {"missing": 1}],
            {"inputs": [{"name": "age", "missing": 2}]},
            "described in `features` and in `inputs`",
        ),
        *(
            ([*features], {"formula": formula} if formula else {}, "`features` has 'ward\\[B\\]', and 'ward' makes")
            for features in (
                [WARD, {"name": "ward[B]", "low": 0, "high": 9}],
                [{"name": "ward[B]", "low": 0, "high": 9}, WARD],
            )
            for formula in (None, "ward", "ward + `ward[B]`")
        ),
        (
            [AGE | {"missing": 1}, {"name": "age[missing]", "low": 0, "high": 1}],
            {},
            "`features` has 'age\\[missing\\]', and 'age' makes",
        ),
        ([WARD], {"inputs": [{"name": "ward[B]", "missing": 1}]}, "`features` has 'ward\\[B\\]', and 'ward' makes"),
        (
            [{"name": "ward[B]", "low": 0, "high": 1}],
            {"inputs": [WARD, {"name": "ward[B]", "low": 0, "high": 9, "missing": 1}]},
            "'ward\\[B\\]' is a column made of 'ward', and a column of its own",
        ),
        (
            [WARD | {"name": "a", "categories": ["x", "b][c"]}, WARD | {"name": "a[b]", "categories": ["x", "c"]}],
            {},
            "more than once|a column made of",
        ),
        (
            [AGE, {"name": "ward[B]", "low": 0, "high": 1, "product": [["ward[C]", 1], ["age", 1]]}],
            {"inputs": [WARD]},
            "'ward\\[B\\]' is a column made of 'ward', and a product",
        ),
        ([], {"formula": "z ~ age"}, "`formula` is of 'z', `label` is 'y'"),
        ([], {"formula": "age + b"}, "`formula` names 'b', which is not in `features`"),
        ([AGE, AGE], {"formula": "age"}, "`features` has 'age' more than once"),
        ([AGE, {"name": "p", "product": [["age", 2]]}], {"formula": "age"}, "'p': `product` goes without a `formula`"),
        (
            [{"name": name, "categories": list(range(100))} for name in "abcd"],
            {"formula": "a*b*c*d"},
            r"`features` make 99999999 columns; allowed: 1000",
        ),
        ([AGE, BMI], {"formula": "age"}, "`features` has 'bmi', which `formula` does not use"),
        ([AGE, WARD], {"formula": "age:ward + ward"}, "has a product with 'ward' and not age itself"),
        ([AGE, WARD], {"formula": "age + I(ward**2)"}, "takes a power of 'ward', which is a category"),
        ([AGE, {"name": "z", "mean": 0, "sd": 1}], {"formula": "age*z"}, "takes the range of 'z', which has no `low`"),
    ],
)
def test_each_mistake_is_named(features, changes, message):
    with pytest.raises(SpecError, match=f"(?s){message}"):
        parse_spec(document(*features, **changes))


def test_a_json_file_with_every_new_key_has_the_hash_of_its_toml(tmp_path):
    (tmp_path / "spec.json").write_text(json.dumps(FULL))
    assert read_spec(tmp_path / "spec.json").spec_hash == parse_spec(FULL).spec_hash


def test_a_task_whose_rows_count_more_than_once_is_warned_of():
    assert any(
        "a row stands for up to 5 rows" in text for text in parse_spec(document(class_weights={"1": 5})).warnings()
    )


def test_a_label_whose_other_value_is_not_named_is_warned_of():
    def warned(label):
        return any("`label.negative` is not given" in text for text in parse_spec(document(label=label)).warnings())

    assert warned({"name": "y", "positive": "yes"})
    assert not warned({"name": "y", "positive": "yes", "negative": ["no"]})
    assert not warned("y")
