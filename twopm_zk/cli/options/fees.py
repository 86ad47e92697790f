"""Fees as people write them: in ETH, or in the token that a network takes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from twopm_zk.errors import InputError
from twopm_zk.system.files import shown

if TYPE_CHECKING:
    from twopm_zk.chain.networks import FeeToken, Networks

_ETH_DECIMALS = 18


def currency(networks: Networks, *, token: bool) -> tuple[str, int]:
    """Symbol and decimals of what a fee is in. InputError for a token where the deployment has none."""
    if not token:
        return "ETH", _ETH_DECIMALS
    found = require_token(networks)
    return found.symbol or found.address, found.decimals


def require_token(networks: Networks) -> FeeToken:
    """The deployment's token. InputError where it has none."""
    if networks.token is None:
        raise InputError(
            "the deployment has no token for fees: they are in ETH",
            hint="`twopm-zk deploy --fee-token ADDRESS` names one for a new deployment.",
        )
    return networks.token


def parse_fee(text: str, networks: Networks, *, token: bool) -> int:
    """An amount as wei, or as units of the token; 0 for none."""
    symbol, decimals = currency(networks, token=token)
    try:
        amount = Decimal(text) * 10**decimals
    except ArithmeticError:
        raise InputError(f"{shown(text)} is not an amount") from None
    if not amount.is_finite() or not 0 <= amount < 2**128 or amount != int(amount):
        raise InputError(f"{shown(text)} is not an amount of {symbol} with at most {decimals} decimals")
    return int(amount)


def show_fee(units: int, networks: Networks, *, token: bool) -> str:
    """An amount with its symbol, such as 0.001 ETH. A token's symbol is what it says of itself."""
    symbol, decimals = currency(networks, token=token)
    whole, part = divmod(units, 10**decimals)
    digits = f"{whole}.{part:0{decimals}}".rstrip("0").rstrip(".") if decimals else str(whole)
    return f"{digits} {''.join(char for char in symbol if char.isprintable())[:20]}"
