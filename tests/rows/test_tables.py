"""Tables, weights and public constants: what is accepted, and what each refusal says."""

import json

import numpy as np
import pytest

from twopm_zk.errors import DataError, InputError, RangeError
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.rows.tables import SPECTOR_SCALING, load_spector, read_scaling, read_table, read_weights
from twopm_zk.task.scaling import Scaling

NAMES = ("GPA", "TUCE")


def write(tmp_path, text, name="rows.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_spector_is_the_published_table():
    table = load_spector()
    assert table.names == ("GPA", "TUCE", "PSI")
    assert table.features.shape == (32, 3)
    assert int(table.labels.sum()) == 11


def test_spector_is_exact_under_its_public_constants():
    scaled = load_spector().scaled(SPECTOR_SCALING)
    restored = FEATURES.dequantize(scaled.quantized(FEATURES).ravel()).reshape(scaled.features.shape)
    np.testing.assert_allclose(restored, scaled.features, atol=1e-12)


def test_label_may_stand_in_any_column(tmp_path):
    table = read_table(write(tmp_path, "a,y,b\n1,0,2\n3,1,4\n"), label="y")
    assert table.names == ("a", "b")
    assert table.features.tolist() == [[1, 2], [3, 4]]
    assert table.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("GPA,y\n", "has no rows"),
        ("GPA,y\n,1\n", "column 'GPA', row 1 is empty"),
        ("GPA,y\n2,1\nsecret,1\n", "column 'GPA', row 2 is not a number"),
        ("GPA,y\nnan,1\n", "column 'GPA', row 1 is not finite"),
        ("GPA,y\ninf,1\n", "column 'GPA', row 1 is not finite"),
        ("GPA,y\n1,0\n1,0.5\n", "label 'y', row 2 is neither 0 nor 1"),
        ("GPA,y\n1,2\n", "label 'y', row 1 is neither 0 nor 1"),
        ("GPA,y\n1\n", "row 1 has 1 cells, the header has 2"),
        ("GPA,GPA,y\n1,1,1\n", "column 'GPA' appears more than once"),
        ("GPA,TUCE\n1,1\n", "there is no column 'y'"),
        ("y\n1\n", "there is no feature column"),
    ],
)
def test_bad_tables_are_refused_by_place(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_table(write(tmp_path, text), label="y")


def test_a_cell_never_appears_in_a_message(tmp_path):
    for cell in ("secret-cell", "1e999", "123456.789"):
        with pytest.raises(InputError) as caught:
            read_table(write(tmp_path, f"GPA,y\n{cell},1\n"), label="y").quantized(FEATURES)
        assert cell not in str(caught.value)


def test_a_value_outside_the_range_names_column_and_row_and_suggests_constants(tmp_path):
    table = read_table(write(tmp_path, "a,b,y\n1,2,0\n1,8.5,1\n"), label="y")
    with pytest.raises(RangeError, match=r"column 'b', row 2 is outside \[-8, 7.99976\]") as caught:
        table.quantized(FEATURES)
    assert "public constants" in caught.value.hint
    assert (caught.value.kind, caught.value.facts) == ("column-outside", {"column": "b"})
    scaled = table.scaled({"b": Scaling(centre=4, scale=2)})
    assert scaled.quantized(FEATURES)[:, 1].tolist() == [-4096, 9216]


def test_missing_binary_and_directory_inputs_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "none.csv", label="y")
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path, label="y")
    binary = tmp_path / "x.csv"
    binary.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(DataError, match="not a CSV file"):
        read_table(binary, label="y")


@pytest.mark.parametrize("content", [{"GPA": 1, "TUCE": 2, "intercept": 3}, [1, 2, 3]])
def test_weights_are_an_object_or_a_list_with_the_intercept_last(tmp_path, content):
    assert read_weights(write(tmp_path, json.dumps(content), "w.json"), NAMES) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[" * 33 + "]" * 33, "is nested more than 32 deep"),
        ("[" * 100_000, "is nested more than 32 deep"),
        ("3", "neither an object nor a list"),
        ("[1, 2]", "have 2 numbers, 2 columns and the intercept need 3"),
        ('{"GPA": 1, "TUCE": 2}', "no weight for 'intercept'"),
        ('{"GPA": 1, "TUCE": 2, "intercept": 1, "X": 1}', "a weight for 'X', which is no column"),
        ('[1, 2, "3"]', "weight 3 .* is not a finite number"),
        ("[1, 2, NaN]", "weight 3 .* is not a finite number"),
        ("[1, 2, true]", "weight 3 .* is not a finite number"),
    ],
)
def test_bad_weights_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_weights(write(tmp_path, text, "w.json"), NAMES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "not an object"),
        ({"X": {}}, "names 'X', which is no column"),
        ({"GPA": 3}, "not an object of `centre` and `scale`"),
        ({"GPA": {"center": 3}}, "not an object of `centre` and `scale`"),
        ({"GPA": {"scale": 0}}, "scale of 'GPA' is 0"),
        ({"GPA": {"scale": "1"}}, "scale of 'GPA' is not a finite number"),
    ],
)
def test_bad_scaling_is_refused(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_scaling(write(tmp_path, json.dumps(content), "s.json"), NAMES)


def test_scaling_constants_default_to_none(tmp_path):
    path = write(tmp_path, '{"GPA": {"centre": 3}}', "s.json")
    assert read_scaling(path, NAMES) == {"GPA": Scaling(3.0, 1.0)}
