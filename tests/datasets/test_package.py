"""A package: what an owner puts in comes out, and what somebody else wrote is parsed before it is believed."""

import json
import stat
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.data_sets import OWNER, SPEC, openings_of, write_all, write_part

from twopm_zk.datasets.openings import MAX_BATCHES, MAX_HEADER, BatchOpening, Openings
from twopm_zk.datasets.package import Package, write_package
from twopm_zk.errors import DataError, FileFormatError, InputError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.cells import MAX_BYTES, CsvOptions
from twopm_zk.task.parts.statistics import Statistics

MAGIC = b"2PMZDATA"


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("rows") / "rows.csv", times=2)


@pytest.fixture(scope="module")
def openings(rows):
    return openings_of(rows)


@pytest.fixture
def package(openings, rows, tmp_path):
    target = tmp_path / "data.package"
    target.touch(0o600)
    return write_package(openings, rows, target)


def framed(header, rows=b"x"):
    return MAGIC + len(header).to_bytes(4, "big") + header + rows


def refuse(path, content, match):
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=match) as raised:
        Package.read(path)
    assert "98765" not in str(raised.value)


def test_what_is_packed_is_read_to_the_byte_and_opens_its_commitments(package, openings, rows):
    found = Package.read(package.path)
    assert found.openings == openings
    assert len(openings.batches) == 2
    with found.rows() as path:
        assert path.read_bytes() == rows.read_bytes()
    batches = found.check(SPEC)
    assert [batch.commitment for batch in batches] == [opening.commitment for opening in openings.batches]
    assert [batch.salt for batch in batches] == [opening.salt for opening in openings.batches]
    again = prepare(rows, SPEC).batches
    assert all(np.array_equal(one.features, other.features) for one, other in zip(batches, again, strict=True))


def test_the_rows_are_read_as_their_owner_read_them(tmp_path):
    """An export with semicolons and a decimal comma, of which its owner has said so."""
    path = write_part(tmp_path / "rows.csv")
    path.write_text(path.read_text().replace(",", ";").replace(".", ","))
    options = CsvOptions(delimiter=";", decimal=",")
    found = openings_of(path, csv=options)
    target = tmp_path / "package"
    write_package(found, path, target)
    assert Package.read(target).openings.csv == options
    assert Package.read(target).check(SPEC)


def test_a_tab_separates_cells_too(openings):
    given_tab = replace(openings, csv=CsvOptions(delimiter="\t"))
    assert Openings.parse(given_tab.encode()) == given_tab


def test_other_rows_or_another_salt_open_nothing(package, openings, rows, tmp_path):
    text = rows.read_text()
    changed = tmp_path / "rows.csv"
    changed.write_text(text.replace("\n2.66,", "\n2.67,", 1))
    salted = replace(openings.batches[1], salt=openings.batches[1].salt ^ 1)
    swapped = tuple(
        replace(one, salt=other.salt) for one, other in zip(openings.batches, openings.batches[::-1], strict=True)
    )
    same_file = {"size": openings.size, "sha256": openings.sha256}
    for wrong, file in (
        (replace(openings_of(changed), batches=openings.batches), changed),
        (replace(openings, batches=(openings.batches[0], salted), **same_file), rows),
        (replace(openings, batches=swapped), rows),
    ):
        write_package(wrong, file, package.path)
        with pytest.raises(DataError, match="do not open its commitment") as raised:
            Package.read(package.path).check(SPEC)
        assert raised.value.kind == "other-commitments"
        assert "2.67" not in str(raised.value)


def test_batches_that_the_rows_are_not_cut_into_are_refused(package, openings, rows):
    for batches in (openings.batches[:1], (openings.batches[0], replace(openings.batches[1], rows=3))):
        write_package(replace(openings, batches=batches), rows, package.path)
        with pytest.raises(DataError, match="are cut into other batches"):
            Package.read(package.path).check(SPEC)


def test_the_package_of_another_data_set_is_refused(package):
    other = replace(SPEC, name="other grades")
    with pytest.raises(DataError, match=r"is of data set 0x.*asks for 0x") as raised:
        package.check(other)
    assert raised.value.kind == "other-data-set"


def test_held_out_rows_are_another_data_set(openings, rows, tmp_path):
    spec = replace(
        SPEC, statistics=Statistics(held_out=True), instances=replace(SPEC.instances, evaluate=("evaluate-48x3",))
    )
    held_out = replace(openings, held_out=True, dataset=spec.held_out_terms.id)
    write_package(held_out, rows, tmp_path / "held-out")
    assert Package.read(tmp_path / "held-out").check(spec)
    write_package(replace(held_out, held_out=False), rows, tmp_path / "held-out")
    with pytest.raises(DataError, match="is of data set"):
        Package.read(tmp_path / "held-out").check(spec)


def test_a_file_that_changes_while_it_is_packed_is_refused(openings, rows, tmp_path):
    changed = tmp_path / "rows.csv"
    for content in (rows.read_bytes() + b"\n", rows.read_bytes()[:-1], rows.read_bytes().replace(b"0", b"1")):
        changed.write_bytes(content)
        with pytest.raises(DataError, match="have changed while they were read"):
            write_package(openings, changed, tmp_path / "target")


def test_truncated_longer_and_damaged_packages_are_refused(package, openings, tmp_path):
    content, path = package.path.read_bytes(), tmp_path / "other"
    for length in (0, 5, 11):
        refuse(path, content[:length], "no package of a data set")
    refuse(path, content[:40], "truncated: it ends in its header")
    refuse(path, content[:-1], "fewer bytes of rows")
    refuse(path, content + b"x", "more bytes of rows")
    refuse(path, content[:-2] + b"x\n", "have another hash")
    refuse(path, b"x" + content[1:], "no package of a data set")
    # a header that claims more than it may is not read
    refuse(path, MAGIC + (MAX_HEADER + 1).to_bytes(4, "big") + b"x", f"claims a header of {MAX_HEADER + 1} bytes")
    with pytest.raises(InputError, match="cannot be read"):
        Package.read(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read"):
        Package.read("a\0b")
    with pytest.raises(InputError, match="cannot be read"):
        Package.read(tmp_path)


def changed(openings, **changes):
    document = json.loads(openings.encode()) | changes
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


TRICKS = {
    "a name": {"name": "../../.ssh/authorized_keys"},
    "an absolute name": {"path": "/etc/passwd"},
    "a missing key": {"salts": None},
    "another format": {"format": "twopm-zk data package 2"},
    "another kind of file": {"kind": "pickle"},
    "a kind that is a path": {"kind": "../csv"},
    "a kind that is compressed": {"kind": "csv.gz"},
    "no rows": {"size": 0},
    "too many rows": {"size": MAX_BYTES + 1},
    "a size as text": {"size": "98765"},
    "a fraction": {"size": 98765.5},
    "too many batches": {"count": MAX_BATCHES + 1},
    "fewer batches than are said": {"count": 3},
    "no batches": {"count": 0, "places": [], "rows": [], "salts": [], "commitments": []},
    "a place twice": {"places": ["0", "0"]},
    "a commitment twice": {"commitments": ["98765", "98765"]},
    "a commitment of nothing": {"commitments": ["0", "98765"]},
    "a salt beyond the field": {"salts": ["98765", str(1 << 254)]},
    "a salt that is negative": {"salts": ["98765", "-98765"]},
    "a batch of no rows": {"rows": ["0", "98765"]},
    "held out by halves": {"held_out": 2},
    "held out as a text": {"held_out": "yes"},
    "a short hash": {"sha256": "00" * 31},
    "an address without its checksum": {"owner": OWNER.address.lower()},
    "a delimiter of two signs": {"csv": {"delimiter": "98", "quote": "", "encoding": "", "decimal": ""}},
    "a decimal sign that is none": {"csv": {"delimiter": "", "quote": "", "encoding": "", "decimal": "x"}},
    "an encoding as long as a book": {"csv": {"delimiter": "", "quote": "", "encoding": "98765" * 9, "decimal": ""}},
    "a list for an object": {"csv": []},
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_header_of_somebody_elses_making_is_refused(openings, tmp_path, trick):
    refuse(tmp_path / "package", framed(changed(openings, **TRICKS[trick])), "the header of the package is none")


def test_an_encoding_that_decompresses_or_runs_is_none(openings, rows, tmp_path):
    """Python's codecs know zlib and more; what a header names is taken for text alone."""
    content = rows.read_bytes()
    for encoding in ("zlib", "bz2", "hex", "rot13", "unknown"):
        found = replace(openings, csv=CsvOptions(encoding=encoding))
        target = tmp_path / "package"
        write_package(found, rows, target)
        with pytest.raises(DataError):
            Package.read(target).check(SPEC)
    assert rows.read_bytes() == content


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_any_bytes_as_a_header_are_refused_with_one_error(content):
    with pytest.raises(FileFormatError):
        Openings.parse(content)


def test_more_than_a_package_takes_is_not_written(openings):
    with pytest.raises(DataError, match=f"takes {MAX_BATCHES} batches"):
        replace(openings, batches=openings.batches * (MAX_BATCHES // 2 + 1)).encode()
    with pytest.raises(DataError, match="takes"):
        replace(openings, size=MAX_BYTES + 1).encode()


def test_a_header_has_room_for_all_batches(openings):
    largest = BatchOpening((1 << 256) - 1, 1 << 32, FIELD_ORDER - 1, FIELD_ORDER - 1)
    one, hundred = (len(replace(openings, batches=(largest,) * count).encode()) for count in (1, 101))
    assert one + (hundred - one) * MAX_BATCHES / 100 < MAX_HEADER


def test_rows_are_in_no_file_that_has_a_name(package, tmp_path):
    before = set(tmp_path.iterdir())
    with package.rows() as path:
        assert set(tmp_path.iterdir()) == before
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_no_repr_shows_rows_or_salts(package):
    text = repr(package) + repr(package.openings)
    for opening in package.openings.batches:
        assert str(opening.salt) not in text
    assert "2.66" not in text
