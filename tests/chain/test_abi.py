"""Encoded values of strangers are decoded or are none: lengths and pointers cost no more than their bytes."""

import itertools
import json

import pytest
from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple

from twopm_zk.chain.abi import decode_inputs, decode_values, encode_values
from twopm_zk.chain.compiler import compiled_dir
from twopm_zk.errors import InputError


def test_values_that_point_to_one_place_again_and_again_are_refused():
    pointers, size = 2000, 100_000  # 164 KB that would become 200 MB
    ends = (32 * pointers).to_bytes(32, "big") * pointers
    data = b"".join(n.to_bytes(32, "big") for n in (32, pointers)) + ends + size.to_bytes(32, "big") + bytes(size)
    items = [{"type": "bytes[]", "name": "parts"}]
    with pytest.raises(DecodingError, match="again and again"):
        decode_values(items, data)
    assert decode_inputs({"inputs": items}, data) is None


def compiled(name):
    """The contracts of one file that comes compiled."""
    return json.loads((compiled_dir() / f"{name}.json").read_text())["contracts"]


def value_of(item, length):
    """A value of an ABI's type, whose arrays, bytes and text have a length."""
    kind = item["type"]
    if kind.endswith("]"):
        of, _, given = kind[:-1].rpartition("[")
        return [value_of(item | {"type": of}, length)] * int(given or length)
    if kind == "tuple":
        return tuple(value_of(part, length) for part in item["components"])
    if kind.startswith("bytes"):
        return bytes(int(kind[5:] or length))
    simple = {"string": "x" * length, "bool": True, "address": "0x" + "11" * 20}
    return simple.get(kind, 0)


@pytest.mark.parametrize("name", sorted(path.stem for path in compiled_dir().glob("*.json")))
def test_all_values_that_our_contracts_take_and_give_are_read(name):
    """eth_abi reads a structure in a structure twice as often as what is around it."""
    entries = [entry for contract in compiled(name).values() for entry in contract["abi"]]
    for entry, key, length in itertools.product(entries, ("inputs", "outputs"), (0, 1, 20)):
        if items := entry.get(key):
            values = [value_of(item, length) for item in items]
            assert len(decode_values(items, encode([collapse_if_tuple(item) for item in items], values))) == len(items)


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


def test_what_is_decoded_once_belongs_to_who_asked():
    items = [{"type": "tuple", "name": "it", "components": [{"type": "uint256[]", "name": "parts"}]}]
    data = encode(["(uint256[])"], [([1, 2],)])
    first = decode_values(items, data)
    first[0]["parts"].append(3)
    first[0]["more"] = 4
    assert decode_values(items, data) == [{"parts": [1, 2]}]


@pytest.mark.parametrize("place", range(3))
def test_an_argument_that_does_not_fit_is_named_and_not_shown(place):
    items = [
        {"type": "uint8", "name": "first"},
        {"type": "tuple", "name": "second", "components": [{"type": "address", "name": "who"}]},
        {"type": "bytes32[]", "name": ""},
    ]
    values = [255, {"who": "0x" + "11" * 20}, [b"\x02" * 32]]
    assert encode_values("Some.function", items, values) == encode(
        ["uint8", "(address)", "bytes32[]"], [255, ("0x" + "11" * 20,), [b"\x02" * 32]]
    )
    values[place] = (256, {"whose": "0x" + "11" * 20}, [b"\x02" * 31])[place]
    name, kind = (("first", "uint8"), ("second", "(address)"), ("number 3", "bytes32[]"))[place]
    with pytest.raises(InputError) as caught:
        encode_values("Some.function", items, values)
    assert str(caught.value) == f"Some.function: argument {name} does not fit {kind}"
