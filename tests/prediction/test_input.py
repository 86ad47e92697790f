"""A user's input: checked against the specification's ranges before anything is sent."""

from dataclasses import replace

import pytest
from support.small_tasks import spector_spec

from twopm_zk.cli.application.predict import _answers
from twopm_zk.errors import ChainError, InputError, RangeError
from twopm_zk.prediction.requests import quantized_row
from twopm_zk.task.columns import Column
from twopm_zk.task.instances import TaskInstances
from twopm_zk.task.specification_file import parse_spec

CHOSEN = TaskInstances(("step-48x3",), "aggregate-3", "certify-3", ("information-48x3",), "predict-3")
SPEC = spector_spec(instances=CHOSEN)
ROW = {"GPA": 3.0, "TUCE": 22, "PSI": 1}


def test_a_row_is_scaled_by_the_specification():
    assert quantized_row(SPEC, ROW) == (0, 0, 2048)


def test_a_value_outside_the_specification_is_refused_with_the_range_in_its_own_unit():
    with pytest.raises(RangeError, match="the input's 'GPA' is outside the specification's range, 2 to 4") as caught:
        quantized_row(SPEC, ROW | {"GPA": 4.5})
    assert caught.value.kind == "input-out-of-range"
    assert "scaling" not in str(caught.value)
    free = replace(SPEC, columns=(Column("GPA", 3.0, 0.5), *SPEC.columns[1:]))
    with pytest.raises(RangeError, match=r"range, -1\.\d+ to 6\.99994"):
        quantized_row(free, ROW | {"GPA": 7.5})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "is not a number"),
        ("3", "is not a number"),
        ([3], "is not a number"),
        (float("inf"), "is not finite"),
        (None, "has no value"),
        (float("nan"), "is not finite"),
    ],
)
def test_what_is_no_number_is_refused_by_name(value, message):
    with pytest.raises(InputError, match=f"the input's 'GPA' {message}"):
        quantized_row(SPEC, ROW | {"GPA": value})


def test_a_number_beyond_what_a_double_holds_is_refused():
    with pytest.raises(InputError, match="the input's 'GPA' is not finite"):
        quantized_row(SPEC, ROW | {"GPA": 10**400})


def test_names_of_the_input_are_compared_in_one_unicode_form():
    named = replace(SPEC, columns=(Column("\u00fc", 3.0, 0.64), *SPEC.columns[1:]))
    assert quantized_row(named, {"u\u0308": 3.0, "TUCE": 22, "PSI": 1}) == (0, 0, 2048)


WARDED = parse_spec(
    {
        "label": "y",
        "lambda": 1,
        "features": [
            {"name": "age", "low": 0, "high": 120, "unit": 1, "centre": 60, "scale": 32, "missing": 60},
            {"name": "ward", "categories": ["A", "B", 3]},
        ],
        "formula": "age*ward",
    }
).provable(rows=20)


def test_a_person_gives_the_columns_of_the_data_and_not_their_dummies():
    one = WARDED.format.one
    shape = [column.scale for column in WARDED.columns]
    products = [
        round((value - c.centre) / c.scale * one) for value, c in ((76, WARDED.columns[4]), (0, WARDED.columns[5]))
    ]
    assert len(shape) == 6
    found = quantized_row(WARDED, {"age": 76, "ward": "B"})
    assert found[:6] == (one // 2, 0, one, 0, *products)
    assert quantized_row(WARDED, {"age": 76, "ward": 3})[2:4] == (0, one)
    assert quantized_row(WARDED, {"age": None, "ward": "A"})[:2] == (0, one)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"age": 76, "ward": "D"}, "the input's 'ward' has none of the categories A, B, 3"),
        ({"age": 76, "ward": None}, "the input's 'ward' has no value"),
        ({"age": 76, "ward[B]": 1}, "the input has no 'ward'"),
        ({"age": 76, "ward": "B", "id": 7}, "the input has 'id', which is no feature"),
        ({"age": 121, "ward": "B"}, "the input's 'age' is outside the specification's range, 0 to 120"),
    ],
)
def test_a_row_that_the_specification_does_not_read_is_refused_by_the_name_of_its_column(row, message):
    with pytest.raises(InputError) as caught:
        quantized_row(WARDED, row)
    assert message in str(caught.value)


def test_the_answers_that_came_are_told_although_another_one_did_not():
    """They are paid for."""

    class Client:
        def wait(self, request, *, timeout, poll):
            if request == 2:
                raise ChainError("late", kind="operator-late")
            return f"answer {request}"

    answers, failure = _answers(Client(), [1, 2, 3], timeout=1.0, poll=0.1)
    assert answers == ["answer 1", "answer 3"]
    assert failure.kind == "operator-late"
