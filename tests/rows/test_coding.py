"""Cells become numbers as a specification says: categories, missing cells, transforms, labels, weights, products."""

import numpy as np
import pandas as pd
import pytest

from twopm_zk.errors import DataError
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.coding import code
from twopm_zk.rows.sources import cells_of
from twopm_zk.task.outcome import MAX_WEIGHT
from twopm_zk.task.specification_file import parse_spec

AGE = {"name": "age", "low": 0, "high": 120, "unit": 1}
CRP = {"name": "crp", "low": 0, "high": 500}
WARD = {"name": "ward", "categories": ["A", "B", "C"]}


def spec_of(*features, **changes):
    base = {"label": "y", "lambda": 1, "minimum": {"nodes": 1, "rows": 1, "rows_per_node": 1}}
    return parse_spec(base | {"features": list(features)} | changes)


def coded(spec, **columns):
    rows = len(next(iter(columns.values())))
    frame = {"y": [k % 2 for k in range(rows)]} | columns
    return code(cells_of(pd.DataFrame(frame), label="y"), spec)


def by_name(spec, found):
    assert found.problems == ()
    return dict(zip(spec.features, found.features.T.tolist(), strict=True))


def test_a_category_becomes_a_dummy_column_for_each_level_but_the_first():
    spec = spec_of(WARD)
    assert by_name(spec, coded(spec, ward=["A", " B", "C", "B"])) == {"ward[B]": [0, 1, 0, 1], "ward[C]": [0, 0, 1, 0]}


@pytest.mark.parametrize("cells", [[1, 2, 3], [1.0, 2.0, 3.0], ["1", "2.0", "03"], ["+1", "2", "3"]])
def test_categories_that_are_numbers_are_found_however_they_are_written(cells):
    spec = spec_of({"name": "stage", "categories": [1, 2, 3]})
    assert by_name(spec, coded(spec, stage=cells)) == {"stage[2]": [0, 1, 0], "stage[3]": [0, 0, 1]}


def test_a_text_that_is_a_category_is_never_taken_for_another_one():
    spec = spec_of({"name": "code", "categories": ["01", "1", "NA"]})
    assert by_name(spec, coded(spec, code=["01", "1", "NA"])) == {"code[1]": [0, 1, 0], "code[NA]": [0, 0, 1]}


def test_a_missing_cell_stands_for_the_constant_and_is_marked():
    spec = spec_of(AGE | {"missing": 60}, WARD | {"missing": "C"})
    assert by_name(spec, coded(spec, age=[20, None, 30], ward=["A", "B", None])) == {
        "age": [20, 60, 30],
        "age[missing]": [0, 1, 0],
        "ward[B]": [0, 1, 0],
        "ward[C]": [0, 0, 1],
        "ward[missing]": [0, 0, 1],
    }


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "NaN", "null", ".", "<NA>", "#NULL!", None])
def test_what_programs_write_for_a_missing_cell_is_missing(cell):
    spec = spec_of(AGE | {"missing": 60}, WARD | {"missing": "A"})
    found = by_name(spec, coded(spec, age=["20", cell], ward=["B", cell]))
    assert (found["age[missing]"], found["ward[missing]"]) == ([0, 1], [0, 1])
    refused = coded(spec_of(AGE, WARD), age=["20", cell], ward=["B", cell])
    assert [(one.kind, one.column, one.rows) for one in refused.problems] == [
        ("missing", "age", (2,)),
        ("missing", "ward", (2,)),
    ]


@pytest.mark.parametrize("cell", ["-", "none"])
def test_what_may_be_a_class_or_a_zero_is_no_missing_cell(cell):
    found = coded(spec_of(AGE | {"missing": 60}, WARD | {"missing": "A"}), age=["20", cell], ward=["B", cell])
    assert [(one.kind, one.column) for one in found.problems] == [("not-a-number", "age"), ("category", "ward")]
    found = coded(spec_of(AGE, label={"name": "y", "positive": "+"}), age=[20, 30], y=["+", cell])
    assert (found.problems, found.labels.tolist()) == ((), [1, 0])


def test_values_are_held_between_public_ends_and_then_enter_as_a_logarithm():
    spec = spec_of(CRP | {"winsorise": [1, 100], "transform": "log1p"})
    found = by_name(spec, coded(spec, crp=[0.0, 50.0, 400.0]))["crp"]
    assert found == pytest.approx(np.log1p([1, 50, 100]))
    (problem,) = coded(spec, crp=[0.0, 501.0, 400.0]).problems
    assert problem.sentence == "column 'crp', row 2 is outside the specification's range, 0 to 500"
    free = spec_of({"name": "crp", "winsorise": [1, 100]})
    assert by_name(free, coded(free, crp=[-7.0, 1e9]))["crp"] == [1, 100]


def test_a_formula_makes_the_columns_that_formulaic_makes_of_the_same_rows():
    from formulaic import model_matrix

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 90, 40).astype(float),
            "crp": rng.integers(0, 300, 40).astype(float),
            "ward": rng.choice(["A", "B", "C"], 40),
        }
    )
    spec = spec_of(AGE, CRP, WARD, formula="y ~ age*ward + crp + age:crp + I(age**2)")
    found = by_name(spec, coded(spec, **frame))
    terms = "1 + age*C(ward, contr.treatment('A')) + crp + age:crp + I(age**2)"
    wanted = model_matrix(terms, frame).drop(columns="Intercept")
    renamed = {
        name: name.replace("C(ward, contr.treatment('A'))[T.", "ward[").replace("I(age ** 2)", "age**2")
        for name in wanted.columns
    }
    wanted = wanted.rename(columns=renamed)
    assert set(wanted.columns) == set(found)
    for name in found:
        assert found[name] == wanted[name].tolist(), name


def test_batches_hold_the_expanded_columns_scaled_by_their_own_constants():
    spec = spec_of(AGE, WARD, formula="y ~ age*ward")
    frame = pd.DataFrame({"age": [20, 60, 100], "ward": ["A", "B", "C"], "y": [0, 1, 0]})
    (batch,) = prepare(frame, spec).batches
    real = batch.features / spec.format.one
    scales = np.array([(column.centre, column.scale) for column in spec.columns])
    back = real * scales[:, 1] + scales[:, 0]
    assert spec.features == ("age", "ward[B]", "ward[C]", "age:ward[B]", "age:ward[C]")
    assert back.tolist() == [[20, 0, 0, 0, 0], [60, 1, 0, 60, 0], [100, 0, 1, 0, 100]]


def test_a_product_beyond_its_own_constants_is_beyond_the_format():
    narrow = {"name": "age:crp", "centre": 0, "scale": 1}
    spec = spec_of(AGE, CRP, narrow, formula="y ~ age + crp + age:crp")
    (problem,) = coded(spec, age=[1, 2], crp=[1, 400]).problems
    assert problem.sentence.startswith("column 'age:crp', row 2 is outside the specification's range, -8")


def test_a_product_beyond_a_range_that_was_given_for_it_is_refused():
    given = {"name": "age:crp", "low": 0, "high": 1000}
    spec = spec_of(AGE, CRP, given, formula="y ~ age + crp + age:crp")
    assert coded(spec, age=[10, 2], crp=[100, 500]).problems == ()
    (problem,) = coded(spec, age=[10, 3], crp=[100, 500]).problems
    assert problem.sentence == "column 'age:crp', row 2 is outside the specification's range, 0 to 1000"


LABEL = {"name": "y", "positive": "yes"}


@pytest.mark.parametrize(
    ("label", "cells", "wanted"),
    [
        ("y", [1, 0, 1], [1, 0, 1]),
        ("y", ["1", "0", "1.0"], [1, 0, 1]),
        ("y", [True, False, True], [1, 0, 1]),
        (LABEL, ["yes", "no", "yes "], [1, 0, 1]),
        (LABEL, ["yes", "yes", "yes"], [1, 1, 1]),
        (LABEL, ["nein", "nein", "nein"], [0, 0, 0]),
        (LABEL | {"negative": ["no", "unclear"]}, ["yes", "no", "unclear"], [1, 0, 0]),
        ({"name": "y", "positive": 2}, [1, 2, 1], [0, 1, 0]),
        ({"name": "y", "positive": 2, "negative": [1]}, ["1", "2.0", "1"], [0, 1, 0]),
    ],
)
def test_labels_are_read_as_the_specification_says(label, cells, wanted):
    spec = spec_of(AGE, label=label)
    found = coded(spec, age=[20, 30, 40], y=cells)
    assert found.problems == ()
    assert found.labels.tolist() == wanted


@pytest.mark.parametrize(
    ("label", "cells", "sentence"),
    [
        ("y", ["yes", "no", "no"], "label 'y' is not a number in 3 rows: 1, 2, 3"),
        ("y", [0, 2, 1], "label 'y', row 2 is neither 0 nor 1"),
        ("y", [0, None, 1], "label 'y', row 2 has no value"),
        (LABEL, ["yes", "no", "unclear"], "label 'y', row 3 has a value besides 'yes' and one other"),
        (LABEL, ["yes", "no", " YES"], "label 'y', row 3 is 'yes' in other capital or small letters"),
        (LABEL, ["yes", "Yes", "yes"], "label 'y', row 2 is 'yes' in other capital or small letters"),
        (
            LABEL | {"negative": ["no"]},
            ["yes", "no", "Yes"],
            "label 'y', row 3 is 'yes' in other capital or small letters",
        ),
        (LABEL, ["yes", "no", "NA"], "label 'y', row 3 has no value"),
        (LABEL | {"negative": ["no"]}, ["yes", "no", "No"], "label 'y', row 3 is neither 'yes' nor 'no'"),
    ],
)
def test_labels_that_are_none_are_refused(label, cells, sentence):
    found = coded(spec_of(AGE, label=label), age=[20, 30, 40][: len(cells)], y=cells)
    assert [problem.sentence for problem in found.problems] == [sentence]
    assert ("takes `positive`" in str(found.problems[0].hint)) == ("not a number" in sentence)


def test_a_real_valued_label_is_scaled_and_quantised_as_a_feature_is():
    spec = spec_of(AGE, family="gaussian", label={"name": "y", "low": 0, "high": 200, "unit": 1})
    frame = pd.DataFrame({"age": [20, 30], "y": [37, 120]})
    (batch,) = prepare(frame, spec).batches
    column = spec.label_column
    assert (batch.labels / spec.format.one * column.scale + column.centre).tolist() == [37, 120]
    with pytest.raises(DataError, match="label 'y', row 2 is outside the specification's range, 0 to 200"):
        prepare(frame.replace(120, 201), spec)


def test_a_row_of_weight_k_is_k_rows():
    spec = spec_of(AGE, weights="n", label=LABEL, class_weights={"yes": 3})
    frame = pd.DataFrame({"age": [20, 30, 40], "n": [1, 2, 4], "y": ["no", "yes", "no"]})
    node = prepare(frame, spec)
    (batch,) = node.batches
    assert node.rows == 1 + 2 * 3 + 4
    assert batch.labels.tolist() == [0] + [1] * 6 + [0] * 4
    assert np.unique(batch.features, axis=0, return_counts=True)[1].tolist() == [1, 6, 4]
    by_hand = prepare(frame.loc[[0, *[1] * 6, *[2] * 4]].assign(n=1), spec_of(AGE, weights="n", label=LABEL))
    assert np.array_equal(by_hand.batches[0].features, batch.features)


@pytest.mark.parametrize("weight", [0, -1, 1.5, MAX_WEIGHT + 1, "two", None, float("inf")])
def test_a_weight_that_counts_no_rows_is_refused(weight):
    spec = spec_of(AGE, weights="n")
    (problem,) = coded(spec, age=[20, 30], n=[1, weight]).problems
    assert (problem.column, problem.rows) == ("n", (2,))


def test_the_minimum_of_a_node_counts_its_rows_and_not_their_weights():
    spec = spec_of(AGE, weights="n", minimum={"nodes": 1, "rows": 1, "rows_per_node": 3})
    with pytest.raises(DataError, match=r"node has 2 rows; `minimum\.rows_per_node` is 3"):
        prepare(pd.DataFrame({"age": [20, 30], "n": [9, 9], "y": [0, 1]}), spec)


def test_the_first_problem_is_raised_and_the_others_are_counted():
    spec = spec_of(AGE, WARD)
    frame = pd.DataFrame({"age": [200, 20, 300], "ward": ["A", "D", "B"], "y": [0, 1, 1]})
    with pytest.raises(DataError) as caught:
        prepare(frame, spec, name="hospital")
    assert caught.value.message == "hospital: column 'ward', row 2 has none of the categories A, B, C"
    assert caught.value.hint == "There are 1 more problems."
    assert (caught.value.kind, caught.value.facts["problem"]) == ("rows-refused", "category")
    assert "200" not in str(caught.value)


def test_no_private_cell_is_in_a_problem_or_a_repr():
    spec = spec_of(AGE, WARD, label=LABEL)
    found = coded(spec, age=["secret-1", "7777"], ward=["secret-2", "A"], y=["secret-3", "secret-4"])
    shown = repr(found) + " ".join(problem.sentence + str(problem.hint) for problem in found.problems)
    assert len(found.problems) >= 3
    assert "secret" not in shown
    assert "7777" not in shown
