"""Tables of pandas, polars and Arrow, and Parquet files, give the rows that a CSV file gives."""

import tomllib
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from support.hospital import SPECIFICATION, write_export

from twopm_zk.errors import DataError, ToolMissingError
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.coding import code
from twopm_zk.rows.parquet_limits import check_parquet
from twopm_zk.rows.sources import cells_of, read_cells, several
from twopm_zk.task.columns import Column
from twopm_zk.task.specification import TaskSpec
from twopm_zk.task.specification_file import parse_spec
from twopm_zk.training.in_process import train

SPEC = parse_spec(tomllib.loads(SPECIFICATION))


@pytest.fixture
def export(tmp_path):
    return write_export(tmp_path / "export.csv", 120)


def frame_of(path):
    return pd.read_csv(path, sep=";", decimal=",")


def parquet_of(path):
    library = pytest.importorskip("pyarrow.parquet")
    table = pytest.importorskip("pyarrow").Table.from_pandas(frame_of(path))
    library.write_table(table, path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


FORMS = {
    "path": lambda path: path,
    "text": str,
    "pandas": frame_of,
    "pandas with missing values of its own": lambda path: frame_of(path).convert_dtypes(),
    "polars": lambda path: pytest.importorskip("polars").read_csv(path, separator=";", decimal_comma=True),
    "polars, lazy": lambda path: pytest.importorskip("polars").scan_csv(path, separator=";", decimal_comma=True),
    "arrow": lambda path: pytest.importorskip("pyarrow").Table.from_pandas(frame_of(path)),
    "parquet": parquet_of,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_rows_gives_the_same_batches(export, form):
    wanted, found = prepare(export, SPEC), prepare(FORMS[form](export), SPEC)
    assert found.rows == wanted.rows == 120
    for one, other in zip(found.batches, wanted.batches, strict=True):
        assert np.array_equal(one.features, other.features)
        assert np.array_equal(one.labels, other.labels)


def test_training_takes_frames_and_files_and_one_frame_is_one_owner(export):
    frame = frame_of(export)
    alone, together = train(frame, SPEC), train([frame[::2], frame[1::2]], SPEC)
    assert alone.coefficients == pytest.approx(together.coefficients, abs=1e-3)
    assert set(alone.coefficients) == {*SPEC.features, "intercept"}
    assert train(str(export), SPEC).coefficients == alone.coefficients
    assert len(several(frame)) == len(several(str(export))) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pd.DataFrame({"a": [[1], [2]]}), "column 'a' holds things that are neither numbers nor texts"),
        (pd.DataFrame({"a": []}), "the table has no rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns 1 and 2 have the same name"),
        (3, "rows cannot be taken from a 'int'"),
        (object(), "rows cannot be taken from a 'object'"),
    ],
)
def test_what_is_no_table_of_cells_is_refused(data, message):
    with pytest.raises(DataError, match=message):
        cells_of(data, label="y")


PLAIN = TaskSpec(columns=(Column("a"), Column("b")), label="y")


def test_cells_of_decimals_and_numpy_scalars_are_numbers_and_texts():
    cells = [Decimal("1.5"), np.float32(2), np.int64(3), Fraction(1, 2), np.str_("4.5"), None, Decimal("NaN"), 10**400]
    frame = pd.DataFrame({"a": pd.Series(cells, dtype=object), "y": pd.Series([np.True_] * len(cells), dtype=object)})
    found = cells_of(frame, label="y")
    assert found.column("a").tolist()[:6] == [1.5, 2.0, 3.0, 0.5, "4.5", None]
    assert found.column("a")[7] == np.inf
    assert [type(cell) for cell in found.column("y")] == [bool] * len(cells)
    problems = code(found, replace(PLAIN, columns=(Column("a"),), instances=None)).problems
    assert [(one.kind, one.rows) for one in problems] == [("missing", (6, 7)), ("not-finite", (8,))]


def test_columns_of_a_frame_that_nobody_named_may_repeat():
    frame = pd.DataFrame([[9, 1, 9, 2, 0], [8, 3, 8, 4, 1]], columns=["id", "a", "id", "b", "y"])
    found = cells_of(frame, label="y", wanted=PLAIN.data_columns)
    assert [found.column(name).tolist() for name in "aby"] == [[1, 3], [2, 4], [0, 1]]
    assert len(several(frame)) == 1
    twice = frame.set_axis(["a", "a", "id", "b", "y"], axis=1)
    with pytest.raises(DataError, match="column 'a' appears more than once"):
        cells_of(twice, label="y", wanted=PLAIN.data_columns)


def test_a_parquet_file_without_a_reader_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 and so on")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolMissingError, match="takes pyarrow or polars") as caught:
        read_cells(tmp_path / "rows.parquet")
    assert caught.value.kind == "no-parquet-reader"
    assert "optional extra `parquet`" in caught.value.hint


def test_a_file_that_only_begins_like_parquet_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 and so on")
    with pytest.raises(DataError, match="is not a Parquet file"):
        read_cells(tmp_path / "rows.parquet")


@pytest.mark.parametrize("reader", ["pyarrow", "polars"])
@pytest.mark.parametrize("keeps_schema", [True, False])
def test_a_small_parquet_file_of_much_text_is_refused_before_it_is_read(tmp_path, monkeypatch, reader, keeps_schema):
    """One text of a kilobyte, 1,100 times: more than a megabyte, as its reader would have it."""
    library, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pytest.importorskip(reader)
    monkeypatch.setattr("twopm_zk.rows.frames._READERS", (reader,))
    monkeypatch.setattr("twopm_zk.rows.frames.frame_cells", None)  # takes the memory
    monkeypatch.setattr("twopm_zk.rows.parquet_limits.MAX_BYTES", 1 << 20)
    path = tmp_path / "texts.parquet"
    texts = library.DictionaryArray.from_arrays(library.array([0] * 1100, library.int32()), ["x" * 1000])
    table = library.table({"a": texts, "b": range(1100)})
    parquet.write_table(table, path, compression="zstd", store_schema=keeps_schema)
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="holds more than 1 MiB of text"):
        read_cells(path)


@pytest.mark.parametrize("reader", ["pyarrow", "polars"])
def test_parquet_text_is_counted_to_the_byte_in_columns_that_are_wanted(tmp_path, monkeypatch, reader):
    pytest.importorskip(reader)
    path = tmp_path / "rows.parquet"
    frame = pd.DataFrame({"a": ["é" * 500, None] * 100, "b": range(200), "other": ["x" * 9999] * 200})
    frame.to_parquet(path)
    monkeypatch.setattr("twopm_zk.rows.parquet_limits.MAX_BYTES", 100_000)
    check_parquet(path, reader, ["a", "b"])
    monkeypatch.setattr("twopm_zk.rows.parquet_limits.MAX_BYTES", 99_999)
    with pytest.raises(DataError, match="of text"):
        check_parquet(path, reader, ["a", "b"])


@pytest.mark.parametrize("reader", ["pyarrow", "polars"])
@pytest.mark.parametrize("cell", [[1, 2], {"b": 1}])
def test_columns_of_a_parquet_file_that_hold_no_cells_are_refused_before_they_are_read(tmp_path, reader, cell):
    pytest.importorskip(reader)
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": [cell], "b": [1.5]}).to_parquet(path)
    check_parquet(path, reader, ["b"])
    with pytest.raises(DataError, match="column 'a' holds things that are neither numbers nor texts"):
        check_parquet(path, reader, ["a", "b"])


def test_the_columns_of_a_parquet_file_hold_so_many_cells_together(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": range(50), "b": range(50)}).to_parquet(path)
    monkeypatch.setattr("twopm_zk.rows.parquet_limits.MAX_CELLS", 99)
    check_parquet(path, "pyarrow", ["a"])
    with pytest.raises(DataError, match="has 100 cells; at most 99"):
        check_parquet(path, "pyarrow", ["a", "b"])


def test_a_small_parquet_file_of_many_rows_is_refused_before_they_are_read(tmp_path, monkeypatch):
    library, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "zeros.parquet"
    parquet.write_table(library.table({"a": np.zeros(101, np.int64)}), path)
    monkeypatch.setattr("twopm_zk.rows.cells.MAX_CELLS", 100)
    monkeypatch.setattr("narwhals.scan_parquet", None)  # reads them all
    with pytest.raises(DataError, match="there are 101 rows"):
        read_cells(path)
