"""All problems of rows at once, and a summary for the owner alone."""

import tomllib
from dataclasses import replace

import pandas as pd
import pytest
from support.hospital import SPECIFICATION, write_export

from twopm_zk.rows.check import check_rows
from twopm_zk.task.columns import Column
from twopm_zk.task.specification_file import parse_spec

SPEC = parse_spec(tomllib.loads(SPECIFICATION))


def frame(rows=200, **columns):
    base = {
        "age": [50] * rows,
        "crp": [10.0] * rows,
        "ward": ["surgery"] * rows,
        "readmitted": ["yes", "no"] * (rows // 2),
    }
    return pd.DataFrame(base | columns)


def test_all_problems_are_collected_with_their_rows():
    rows = frame(age=[500, "old", *[50] * 198], ward=["Surgery"] * 100 + ["surgery"] * 100)
    found = check_rows(rows.assign(readmitted=["maybe", *["yes", "no"] * 99, "no"]), SPEC)
    assert [problem.sentence for problem in found.problems] == [
        "column 'age', row 2 is not a number",
        "column 'age', row 1 is outside the specification's range, 0 to 120",
        "column 'ward' has none of the categories surgery, medicine, intensive care in 100 rows: "
        "1, 2, 3, 4, 5 and 95 more",
        "label 'readmitted', row 1 is neither 'yes' nor 'no'",
    ]
    assert (found.rows, found.used, found.batches) == (200, 100, 1)


def test_a_row_with_several_mistakes_is_told_of_each():
    plain = replace(SPEC, columns=tuple(Column(name, 0, 1, -4, 4) for name in "abc"), inputs=(), instances=None)
    rows = pd.DataFrame({"a": [5.0, 0.0], "b": [5.0, -6.0], "c": [7.0, 0.0], "readmitted": ["maybe", "no"]})
    found = [(one.column, one.rows) for one in check_rows(rows, plain).problems if one.rows]
    assert found == [("a", (1,)), ("b", (1, 2)), ("c", (1,)), ("readmitted", (1,))]


def test_a_column_that_is_not_there_is_one_problem_and_leaves_no_row_of_use():
    found = check_rows(frame().drop(columns="crp"), SPEC)
    assert [problem.kind for problem in found.problems] == ["no-column"]
    assert "there is no column 'crp'" in found.problems[0].sentence
    assert (found.used, found.summary) == (0, None)


def test_too_few_rows_are_a_problem_of_the_whole_table():
    (problem,) = check_rows(frame(10), SPEC).problems
    assert problem.sentence == "there are 10 rows; `minimum.rows_per_node` is 20"


def test_more_batches_than_a_node_may_have_are_a_problem():
    found = check_rows(frame(400), replace(SPEC, maximum_node_updates=1))
    assert [problem.kind for problem in found.problems] == ["too-many"]
    assert "take 2 batches of up to 270" in found.problems[0].sentence


def test_the_summary_is_in_the_units_of_the_data_and_out_of_every_repr(tmp_path):
    found = check_rows(write_export(tmp_path / "export.csv"), SPEC)
    assert (found.rows, found.used, found.problems) == (900, 900, ())
    columns = {column.name: column for column in found.summary.columns}
    own = pd.read_csv(tmp_path / "export.csv", sep=";", decimal=",")
    assert columns["crp"].most == own["crp"].max()  # before winsorising and the logarithm
    assert columns["age"].mean == pytest.approx(own["age"].mean())
    assert columns["age"].missing == own["age"].isna().sum()
    assert columns["ward[medicine]"].mean == pytest.approx((own["ward"] == "medicine").mean())
    assert found.summary.label.mean == pytest.approx((own["readmitted"] == "yes").mean())
    assert 0 < columns["crp"].fills < 1
    assert str(columns["crp"].most) not in repr(found) + repr(found.summary) + repr(columns["crp"])
