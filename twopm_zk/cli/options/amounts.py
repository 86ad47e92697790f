"""Amounts of tokens and ETH as people write them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import click

from twopm_zk.errors import InputError

WEI = 10**18


def parse_amount(text: str) -> int:
    """A decimal number of tokens (18 decimals) as an integer."""
    try:
        amount = Decimal(text) * WEI
    except InvalidOperation:
        raise InputError(f"{text!r} is not an amount") from None
    if not amount.is_finite() or amount <= 0 or amount != int(amount) or amount >= 2**128:
        raise InputError(f"{text!r} is not a positive amount with at most 18 decimals")
    return int(amount)


def parse_stake(text: str) -> int:
    """A minimum in ETH as wei; none is 0."""
    return 0 if text == "0" else parse_amount(text)


asset_option = click.option(
    "--asset", type=click.IntRange(0), default=0, show_default=True, help="Number of the token, see `stake show`."
)
