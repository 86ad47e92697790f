"""Amounts of tokens and ETH as people write them."""

from __future__ import annotations

from decimal import Decimal

import click

from twopm_zk.errors import InputError
from twopm_zk.system.files import shown

WEI = 10**18


def parse_amount(text: str) -> int:
    """A decimal number of tokens (18 decimals) as an integer."""
    try:
        amount = Decimal(text) * WEI
    except ArithmeticError:  # no number, or one beyond all exponents
        raise InputError(f"{shown(text)} is not an amount") from None
    if not amount.is_finite() or not 0 < amount < 2**128 or amount != int(amount):
        raise InputError(f"{shown(text)} is not a positive amount with at most 18 decimals")
    return int(amount)


def parse_stake(text: str) -> int:
    """A minimum in ETH as wei; none is 0."""
    return 0 if text == "0" else parse_amount(text)


asset_option = click.option(
    "--asset", type=click.IntRange(0), default=0, show_default=True, help="Number of the token, see `stake show`."
)
