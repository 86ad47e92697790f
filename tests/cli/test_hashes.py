"""Hashes and commitments as people copy them: hexadecimal from what is printed, decimal from JSON documents."""

import pytest

from twopm_zk.cli.network.node import parse_hash
from twopm_zk.errors import InputError
from twopm_zk.numbers.field import FIELD_ORDER


@pytest.mark.parametrize("number", [0, 10, FIELD_ORDER - 1])
def test_a_hash_is_read_as_it_is_printed_and_as_documents_have_it(number):
    assert parse_hash(hex(number)) == parse_hash(str(number)) == number


@pytest.mark.parametrize("text", ["", "0x", "-1", "1f", "0xg", "1.0", "٣", "9" * 5000, "0x" + "f" * 5000])
def test_what_is_no_hash_is_refused(text):
    with pytest.raises(InputError, match="neither hexadecimal"):
        parse_hash(text)
