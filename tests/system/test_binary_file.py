import struct

import pytest

from twopm_zk.errors import FileFormatError, InputError
from twopm_zk.system.binary_file import open_binary_file


def container(*sections, kind=b"r1cs", version=1, count=None, tail=b""):
    head = kind + struct.pack("<II", version, len(sections) if count is None else count)
    body = b"".join(struct.pack("<IQ", number, len(content)) + content for number, content in sections)
    return head + body + tail


def opened(tmp_path, content):
    path = tmp_path / "file.r1cs"
    path.write_bytes(content)
    return open_binary_file(path, "r1cs", versions=(1,))


def test_sections_are_read_in_any_order(tmp_path):
    file = opened(tmp_path, container((7, b"seven"), (2, b""), (1, b"one")))
    assert (file.read(1), file.read(2), file.read(7)) == (b"one", b"", b"seven")
    assert file.read(7, offset=1, size=3) == b"eve"


def test_reading_outside_a_section_is_refused(tmp_path):
    file = opened(tmp_path, container((1, b"one"), (2, b"two")))
    with pytest.raises(FileFormatError, match="section 1 has 3 bytes"):
        file.read(1, offset=1, size=3)
    with pytest.raises(FileFormatError, match="no section 9"):
        file.read(9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a r1cs file"),
        (b"r1cs\x01\0\0", "not a r1cs file"),
        (container((1, b"x"), kind=b"ptau"), "not a r1cs file"),
        (container((1, b"x"), version=2), "version 2"),
        (container((1, b"x"), tail=b"!"), "1 bytes after"),
        (container((1, b"x"), count=2), "truncated"),
        (container((1, b"x"), (1, b"y")), "section 1 twice"),
        (container((1, b"x"), count=2**31), "claims"),
    ],
)
def test_what_is_no_whole_file_is_refused(tmp_path, content, message):
    with pytest.raises(FileFormatError, match=message):
        opened(tmp_path, content)


def test_every_truncation_is_noticed(tmp_path):
    whole = container((1, b"one"), (2, b"two"))
    opened(tmp_path, whole)
    for length in range(len(whole)):
        with pytest.raises(FileFormatError):
            opened(tmp_path, whole[:length])


def test_a_missing_file_and_a_folder_are_input_errors(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            open_binary_file(path, "r1cs", versions=(1,))
