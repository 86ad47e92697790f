"""Encoded values of strangers are decoded or are none: lengths and pointers cost no more than their bytes."""

import pytest
from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError

from twopm_zk.chain.abi import decode_inputs, decode_values


def test_values_that_point_to_one_place_again_and_again_are_refused():
    pointers, size = 2000, 100_000  # 164 KB that would become 200 MB
    ends = (32 * pointers).to_bytes(32, "big") * pointers
    data = b"".join(n.to_bytes(32, "big") for n in (32, pointers)) + ends + size.to_bytes(32, "big") + bytes(size)
    items = [{"type": "bytes[]", "name": "parts"}]
    with pytest.raises(DecodingError, match="again and again"):
        decode_values(items, data)
    assert decode_inputs({"inputs": items}, data) is None


@pytest.mark.parametrize("kind", ["bytes", "string", "uint256[]", "bytes[]"])
def test_a_length_that_no_machine_has_is_no_encoding(kind):
    data = (32).to_bytes(32, "big") + b"\xff" * 32 + bytes(64)
    with pytest.raises(DecodingError):
        decode_values([{"type": kind, "name": "it"}], data)


@pytest.mark.parametrize(
    ("kind", "value"), [("uint256[][]", [[]] * 1000), ("bytes[]", [b""] * 1000), ("string[][]", [["a"] * 3] * 50)]
)
def test_nested_values_are_read_whatever_their_sizes(kind, value):
    assert len(decode_values([{"type": kind, "name": "it"}], encode([kind], [value]))[0]) == len(value)
