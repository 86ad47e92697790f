"""Tables, weights and public constants: what is accepted, and what each refusal says."""

import json

import numpy as np
import pytest

from twopm_zk.errors import DataError, InputError, RangeError
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.rows.tables import SPECTOR_SCALING, Table, load_spector, read_scaling, read_table, read_weights
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
        ("GPA,y\n,1\n", "column 'GPA', row 1 has no value"),
        ("GPA,y\nNA,1\n", "column 'GPA', row 1 has no value"),
        ("GPA,y\n2,1\nsecret,1\n", "column 'GPA', row 2 is not a number"),
        ("GPA,y\nnan,1\n", "column 'GPA', row 1 has no value"),
        ("GPA,y\n-Infinity,1\n", "column 'GPA', row 1 is not finite"),
        ("GPA,y\n1e999,1\n", "column 'GPA', row 1 is not finite"),
        ("GPA,y\n2_0,1\n", "column 'GPA', row 1 is not a number"),
        ("GPA,y\n0x10,1\n", "column 'GPA', row 1 is not a number"),
        ("GPA,y\n\u0663,1\n", "column 'GPA', row 1 is not a number"),
        (",GPA,y\n0,2,1\n", "column 1 has no name"),
        ("GPA, ,y\n0,2,1\n", "column 2 has no name"),
        ("G\u200bPA,y\n0,1\n", "column 1 has a name that cannot be printed"),
        ("gr\u00f6\u00dfe,gro\u0308\u00dfe,y\n0,1,1\n", "columns 1 and 2 have the same name"),
        ("GPA,y\ninf,1\n", "column 'GPA', row 1 is not finite"),
        ("GPA,y\n1,0\n1,0.5\n", "label 'y', row 2 is neither 0 nor 1"),
        ("GPA,y\n1,2\n", "label 'y', row 1 is neither 0 nor 1"),
        ("GPA,y\n1\n", "row 1 has 1 cells, not the 2 of the header"),
        ("GPA,GPA,y\n1,1,1\n", "columns 1 and 2 have the same name"),
        ("GPA,TUCE\n1,1\n", "there is no column 'y' among 2: is there a header"),
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


def test_numbers_are_read_as_people_write_them(tmp_path):
    table = read_table(write(tmp_path, "a,y\n +1.5e-3,0\n.5,1\n-2.,0\n1E2 ,1\n"), label="y")
    assert table.features[:, 0].tolist() == [0.0015, 0.5, -2, 100]


COMPOSED, DECOMPOSED = "gr\u00f6\u00dfe", "gro\u0308\u00dfe"


def test_two_spellings_of_a_name_that_look_the_same_are_the_same(tmp_path):
    table = read_table(write(tmp_path, f"{DECOMPOSED},{DECOMPOSED}2\n1,0\n"), label=f"{COMPOSED}2")
    assert table.names == (COMPOSED,)
    assert Table((DECOMPOSED,), table.features, table.labels).names == (COMPOSED,)
    assert table.scaled({DECOMPOSED: Scaling(1.0)}).features.tolist() == [[0]]
    weights = {DECOMPOSED: 2, "intercept": 1}
    assert read_weights(write(tmp_path, json.dumps(weights), "w.json"), table.names) == [2, 1]
    assert read_scaling(write(tmp_path, json.dumps({DECOMPOSED: {}}), "s.json"), table.names) == {COMPOSED: Scaling()}
    with pytest.raises(DataError, match="twice, in two spellings"):
        read_weights(write(tmp_path, json.dumps(weights | {COMPOSED: 3}), "w.json"), table.names)


@pytest.mark.parametrize(
    ("names", "features", "labels", "message"),
    [
        (("a", "b", "c"), np.zeros((4, 2)), np.zeros(4), "3 names and 4 labels has features of 4 rows and 2 columns"),
        (("a",), np.zeros((4, 1)), np.zeros(3), "1 names and 3 labels has features of 4 rows and 1 columns"),
        (("a",), np.zeros(4), np.zeros(4), "features of 1 dimensions and labels of 1"),
        (("a",), np.zeros((4, 1)), np.zeros((4, 1)), "features of 2 dimensions and labels of 2"),
        (("a",), [["x"]], [1], "not an array of numbers"),
        (("a",), [[1.0]], ["no"], "it needs numbers"),
    ],
)
def test_a_table_needs_a_name_for_each_column_and_a_label_for_each_row(names, features, labels, message):
    with pytest.raises(DataError, match=message):
        Table(names, features, labels)


def test_paths_may_be_texts(tmp_path):
    assert read_table(str(write(tmp_path, "a,y\n1,0\n")), label="y").rows == 1
    assert read_weights(str(write(tmp_path, "[1, 2, 3]", "w.json")), NAMES) == [1, 2, 3]
    assert read_scaling(str(write(tmp_path, "{}", "s.json")), NAMES) == {}


def test_missing_binary_and_directory_inputs_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "none.csv", label="y")
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path, label="y")
    binary = tmp_path / "x.csv"
    binary.write_bytes(b"\xff\x00a\x81")
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
        (f"[1, 2, 1{'0' * 400}]", "holds an integer of more than 100 digits"),
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
