"""Numbers of any length in text of users, files and peers."""

import pytest

from twopm_zk.errors import InputError, SpecError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.system.parsing import MAX_DIGITS, parse_json, parse_natural


@pytest.mark.parametrize("digits", [MAX_DIGITS + 1, 5000, 100_000])
@pytest.mark.parametrize("form", ["%s", "[%s]", '{"a": [1, %s]}', "-%s"])
def test_an_integer_of_too_many_digits_is_refused_and_not_quoted(digits, form):
    with pytest.raises(SpecError, match="it holds an integer of more than 100 digits") as caught:
        parse_json((form % ("9" * digits)).encode(), what="it", error=SpecError)
    assert "99" not in str(caught.value)


def test_integers_of_the_largest_size_that_means_anything_are_read():
    assert parse_json(str(2**256 - 1).encode(), what="it") == 2**256 - 1


@pytest.mark.parametrize("text", ["", "-1", "1_0", " 1", "٣", "9" * 5000, str(FIELD_ORDER), "0x1", "1e3"])
def test_what_is_no_natural_number_below_the_limit_is_refused_and_not_quoted(text):
    with pytest.raises(InputError, match=f"it is not a natural number below {FIELD_ORDER}$"):
        parse_natural(text, what="it", limit=FIELD_ORDER)


@pytest.mark.parametrize("value", [0, 1, FIELD_ORDER - 1])
def test_natural_numbers_below_the_limit_are_read(value):
    assert parse_natural(str(value), what="it", limit=FIELD_ORDER) == value
