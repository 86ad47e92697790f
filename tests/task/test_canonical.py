"""Canonical JSON: RFC 8785's own examples."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twopm_zk.task.canonical import canonical, number


# RFC 8785, appendix B
@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_the_rfc_has_them(bits, text):
    import struct

    assert number(struct.unpack(">d", bytes.fromhex(bits))[0]) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_reads_back(value):
    assert float(number(value)) == value


def test_keys_are_sorted_and_nothing_is_put_between():
    value = {"b": [1, 2.5, True, None], "a": {"é": "x\n"}}
    assert canonical(value) == '{"a":{"é":"x\\n"},"b":[1,2.5,true,null]}'.encode()
    assert json.loads(canonical(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1])
def test_what_a_double_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match=r"double|finite"):
        canonical([value])
