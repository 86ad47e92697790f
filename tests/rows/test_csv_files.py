"""CSV files as people have them: what is detected, what is said, and what is refused."""

import pandas as pd
import pytest

from twopm_zk.errors import DataError
from twopm_zk.rows import cells as limits
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.rows.check import check_rows
from twopm_zk.rows.coding import code
from twopm_zk.rows.sources import read_cells
from twopm_zk.rows.tables import read_table
from twopm_zk.task.columns import Column
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.in_process import train

SPEC = TaskSpec(columns=(Column("a"), Column("b")), label="y")


def write(tmp_path, content):
    path = tmp_path / "rows.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def numbers(tmp_path, content, **options):
    coded = code(read_cells(write(tmp_path, content), wanted=SPEC.data_columns, options=CsvOptions(**options)), SPEC)
    return coded.problems or coded.features.tolist()


@pytest.mark.parametrize(
    ("text", "delimiter", "decimal"),
    [
        ("a,b,y\n1.5,2,0\n", ",", "."),
        ("a;b;y\n1,5;2;0\n", ";", ","),
        ("a;b;y\n1.5;2;0\n", ";", "."),
        ("a\tb\ty\n1,5\t2\t0\n", "\t", ","),
        ("a|b|y\n1.5|2|0\n", "|", "."),
        ("sep=;\r\na;b;y\r\n1,5;2;0\r\n", ";", ","),
        ("sep=;\ra;b;y\r1,5;2;0\r", ";", ","),
        ("SEP=|\na|b|y\n1.5|2|0\n", "|", "."),
        ('"sep=;"\r\n"a";"b";"y"\r\n"1,5";"2";"0"\r\n', ";", ","),
        ("'a';'b';'y'\r'1,5';'2';'0'\r", ";", ","),
        ('"a";"b";"y"\n"1,5";"2";"0"\n', ";", ","),
        ("'a';'b';'y'\n'1,5';'2';'0'\n", ";", ","),
        # more commas than semicolons in a remark that nobody reads
        ("a;b;y;remark\n1,5;2;0;one, two, three, four\n", ";", ","),
        ('a,b,y,remark\n1.5,2,0,"x;y;z;"\n', ",", "."),
        ("a;b;y;\n1,5;2;0;\n", ";", ","),
    ],
)
def test_delimiter_quoting_and_decimal_sign_are_detected(tmp_path, text, delimiter, decimal):
    dialect = read_cells(write(tmp_path, text), wanted=SPEC.data_columns).dialect
    assert (dialect.delimiter, dialect.decimal) == (delimiter, decimal)
    assert numbers(tmp_path, text) == [[1.5, 2.0]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8", "cp1252"])
def test_encodings_and_byte_order_marks_are_detected_and_said(tmp_path, encoding):
    path = write(tmp_path, "gr\u00f6\u00dfe;y\n1;0\n".encode(encoding))
    cells = read_cells(path)
    assert cells.names == ("gr\u00f6\u00dfe", "y")
    assert ("byte order mark" in cells.dialect.sentence) == (encoding in ("utf-8-sig", "utf-16"))
    assert "semicolons" in cells.dialect.sentence


def test_what_is_known_of_a_file_overrides_what_would_be_detected(tmp_path):
    assert numbers(tmp_path, "a,b,y\n1,2,0\n", delimiter=",") == [[1.0, 2.0]]
    assert numbers(tmp_path, 'a,b,y\n"1,5",2,0\n', decimal=",") == [[1.5, 2.0]]
    assert read_cells(write(tmp_path, b"\xe4;y\n1;0\n"), options=CsvOptions(encoding="cp850")).names[0] == "\u00f5"
    assert numbers(tmp_path, "a:b:y\n1:2:0\n", delimiter=":") == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": "::"}, "the delimiter of a CSV file is one character"),
        ({"quote": "\n"}, "the quote of a CSV file is one character"),
        ({"decimal": "'"}, "a point or a comma"),
        ({"encoding": "utf-99"}, "there is no encoding 'utf-99'"),
        ({"encoding": "ascii"}, "is not a CSV file in ascii"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, message):
    with pytest.raises(DataError, match=message):
        read_cells(write(tmp_path, "\u00e4,y\n1,0\n"), options=CsvOptions(**options))


def test_a_comma_that_may_stand_between_thousands_is_no_decimal_comma(tmp_path):
    (problem,) = numbers(tmp_path, "a;b;y\n1,234;2;0\n12,500;3;1\n")
    assert problem.sentence == "column 'a' is not a number in 2 rows: 1, 2"
    assert "decimal comma, or one between thousands" in problem.hint
    assert numbers(tmp_path, "a;b;y\n1,234;2;0\n0,5;3;1\n") == [[1.234, 2.0], [0.5, 3.0]]
    (problem,) = numbers(tmp_path, "a;b;y\n1.234,5;2;0\n0,5;3;1\n")
    assert problem.rows == (1,)


def test_a_point_that_may_stand_between_thousands_is_no_decimal_point(tmp_path):
    for text in ("a;b;y\n2.500;2;0\n1.250;3;1\n", "a\tb\ty\n2.500\t2\t0\n1.250\t3\t1\n"):
        (problem,) = numbers(tmp_path, text)
        assert problem.sentence == "column 'a' is not a number in 2 rows: 1, 2"
        assert "decimal point, or one between thousands" in problem.hint
        assert numbers(tmp_path, text, decimal=".") == [[2.5, 2.0], [1.25, 3.0]]
    assert numbers(tmp_path, "a;b;y\n2.500;2;0\n0.250;3;1\n") == [[2.5, 2.0], [0.25, 3.0]]
    assert numbers(tmp_path, "a,b,y\n2.500,2,0\n1.250,3,1\n") == [[2.5, 2.0], [1.25, 3.0]]
    (problem,) = numbers(tmp_path, "a;b;y\n2.500;0,5;0\n")
    assert (problem.column, problem.rows) == ("a", (1,))
    assert "without signs between thousands, and with a decimal comma" in problem.hint


@pytest.mark.parametrize("cell", ["1.234,5", "1'234", "1,234.5", "1 234", "1\u00a0234,5", "1.234.567"])
@pytest.mark.parametrize("other", ["7", "0,5", "0.5"])
def test_numbers_with_signs_between_thousands_are_refused_with_advice(tmp_path, cell, other):
    (problem,) = numbers(tmp_path, f"a;b;y\n{cell};{other};0\n")
    assert (problem.kind, problem.column, problem.rows) == ("not-a-number", "a", (1,))
    assert "without signs between thousands" in problem.hint
    (problem,) = numbers(tmp_path, f"a;b;y\nsecret;{other};0\n")
    assert problem.hint is None


def test_commas_that_separate_cells_are_never_taken_for_decimal_commas(tmp_path):
    (problem,) = numbers(tmp_path, 'a,b,y\n"0,5",2,0\n')
    assert problem.kind == "not-a-number"


def test_rows_longer_or_shorter_than_the_header_are_named_and_empty_cells_at_the_end_are_not(tmp_path):
    problems = numbers(tmp_path, "a,b,y\n1,2\n1,2,0,\n1,2,0,9\n1,2\n1,2,1\n")
    assert [problem.sentence for problem in problems] == [
        "the table has 2 cells, not the 3 of the header in 2 rows: 1, 4",
        "row 3 has 4 cells, not the 3 of the header",
    ]


def test_blank_lines_are_no_rows(tmp_path):
    assert numbers(tmp_path, "a,b,y\n\n1,2,0\n\n3,4,1\n") == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("blank", ["", ";;", ";;;;;", "   ", " ; ;", '""', "\t"])
def test_blank_records_are_no_rows_and_row_numbers_are_those_of_the_file(tmp_path, blank):
    text = f"{blank}\na;b;y\n1,5;2;0\n{blank}\n3;4;1\n{blank}\n{blank}\n"
    assert numbers(tmp_path, text) == [[1.5, 2.0], [3.0, 4.0]]
    wrong = text.replace("3;4;1", "3;x;1\n3;4")
    assert [(one.kind, one.rows) for one in numbers(tmp_path, wrong)] == [("ragged", (4,)), ("not-a-number", (3,))]
    found = check_rows(read_cells(tmp_path / "rows.csv", wanted=SPEC.data_columns), SPEC)
    assert (found.rows, found.used) == (3, 1)


def test_columns_that_nobody_asked_for_may_be_anything(tmp_path):
    text = "id,id,,a,b,y\nx,y,\u200b,1,2,0\n"
    assert numbers(tmp_path, text) == [[1.0, 2.0]]
    with pytest.raises(DataError, match="columns 1 and 2 have the same name"):
        read_table(write(tmp_path, text), label="y")
    with pytest.raises(DataError, match="column 'a' appears more than once"):
        numbers(tmp_path, "a,a,b,y\n1,1,2,0\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no rows"),
        (b"a,b,y\n", "has no rows"),
        (b"a,b,y\n1,\x00,0\n", "is not a CSV file in utf-8 or cp1252"),
        (bytes(range(256)), "is not a CSV file"),
        (b"PK\x03\x04\x14\x00\x06\x00", "\nIt is a spreadsheet or an archive: save its rows as CSV"),
        (b'a,b,y\n"1,2,0\n', "line 2, unexpected end of data"),
        (b'a,b,y\n"1"x,2,0\n', "line 2, ',' expected after '\"'"),
        (b"a,b,y\n" + b"1" * 200_000 + b",2,0\n", "field larger than field limit"),
    ],
)
def test_what_is_no_csv_file_is_refused(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_cells(write(tmp_path, content))


def test_files_are_read_within_limits(tmp_path, monkeypatch):
    monkeypatch.setattr("twopm_zk.rows.csv_file.MAX_BYTES", 20)
    with pytest.raises(DataError, match="the most that is read"):
        numbers(tmp_path, "a,b,y\n" + "1,2,0\n" * 10)
    monkeypatch.undo()
    monkeypatch.setattr(limits, "MAX_CELLS", 2_000)
    with pytest.raises(DataError, match="at most 2000 cells are read"):
        numbers(tmp_path, "a,b,y\n" + "1,2,0\n" * 10_000)
    monkeypatch.setattr(limits, "MAX_COLUMNS", 2)
    with pytest.raises(DataError, match="there are 3 columns; at most 2 are read"):
        numbers(tmp_path, "a,b,y\n1,2,0\n")


def test_no_message_shows_a_cell(tmp_path):
    for text in ('a,b,y\n"secret"x,2,0\n', "a,b,y\nsecret,2,0\n", "a,b,y\n1,2,secret\n", "a;b;y\n1,234;secret;0\n"):
        with pytest.raises(DataError) as caught:
            read_table(write(tmp_path, text), label="y")
        assert "secret" not in str(caught.value)


HEADERLESS = ["81,17;01.02.2020;63,5;Meier;3", "81,18;02.02.2020;63,5;Meier;3"]


@pytest.mark.parametrize(
    "lines", [HEADERLESS, ["81,17;81,17;Meier;Meier", "1;1;Huber;Huber"], ["Meier,63.5", "Huber,18"]]
)
def test_no_message_shows_a_cell_of_a_file_without_a_header(tmp_path, lines):
    path = write(tmp_path, "\n".join(lines))
    for read in (
        lambda: read_cells(path, wanted=SPEC.data_columns),
        lambda: read_table(path, label="y"),
        lambda: prepare(path, SPEC, name="hospital"),
        lambda: prepare(pd.read_csv(path, sep=";"), SPEC),
        lambda: read_table(pd.read_csv(path, sep=";"), label="y"),
        lambda: train([path], SPEC),
    ):
        with pytest.raises(DataError, match=r"is there a header\?|columns 1 and 2 have the same name") as caught:
            read()
        said = f"{caught.value} {caught.value.facts}"
        assert not [cell for cell in ("81,17", "01.02", "63,5", "63.5", "Meier") if cell in said]


def test_a_column_that_is_missing_is_named_beside_those_there_are_but_for_numbers_and_dates(tmp_path):
    odd = "63,5;2020-01-02;Jan-20;Mon, 02 Jan 2020;JAN2020;-1;nan;1e5;12:30;;x1;gr\u00f6\u00dfe"
    cells = read_cells(write(tmp_path, f"a;{odd};y\n1;{odd};0\n"), wanted=SPEC.data_columns)
    with pytest.raises(DataError, match="there is no column 'b'") as caught:
        cells.column("b")
    assert caught.value.hint == "Columns are: a, x1, gr\u00f6\u00dfe, y and 10 more."
