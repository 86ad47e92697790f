"""``stake``: put up a stake, see it, take it back."""

from __future__ import annotations

import click

from twopm_zk.cli.options.amounts import WEI, asset_option, parse_amount
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.participants import checked_address
from twopm_zk.cli.output import emit, json_option
from twopm_zk.errors import InputError

STAND_IN = 2
"""rETH's number in a deployment with stand-ins."""


@click.group()
def stake() -> None:
    """Stake stETH, wstETH or rETH, delegate it, and take it back.

    \b
    Example:
      twopm-zk stake add 0.5 --asset 0
    """


@stake.command()
@click.argument("amount")
@asset_option
@click.option("--mint", is_flag=True, help="On a development chain: make the tokens first, stand-in rETH.")
@chain_options
@json_option
def add(amount: str, asset: int, mint: bool, connection: Connection, as_json: bool) -> None:
    """Stake AMOUNT of a token, approving it first where needed.

    \b
    Example:
      twopm-zk stake add 0.5 --asset 2
    """
    units = parse_amount(amount)
    network = connection.network()
    if mint:
        if not network.deployment.doubles or asset != STAND_IN:
            raise InputError(f"--mint makes stand-in rETH, asset {STAND_IN} of a deployment on a development chain")
        network.contract("RETHDouble").transact("deposit", value=2 * units)
    receipt = network.staking.stake(asset, units)
    event = receipt.event("Staked")
    emit(as_json, {"received": event["received"], "shares": event["shares"], **describe_receipt(receipt)})


@stake.command()
@click.argument("shares", type=click.IntRange(1))
@asset_option
@chain_options
@json_option
def unstake(shares: int, asset: int, connection: Connection, as_json: bool) -> None:
    """Start the exit of SHARES; `stake withdraw` takes them out after the delay.

    \b
    Example:
      twopm-zk stake unstake 500000000000000000
    """
    receipt = connection.network().staking.unstake(asset, shares)
    available = receipt.event("Unstaked")["availableAt"]
    emit(as_json, {"available_at": available, **describe_receipt(receipt)})


@stake.command()
@asset_option
@chain_options
@json_option
def withdraw(asset: int, connection: Connection, as_json: bool) -> None:
    """Withdraw what has finished its exit delay.

    \b
    Example:
      twopm-zk stake withdraw
    """
    receipt = connection.network().staking.withdraw(asset)
    emit(as_json, {"amount": receipt.event("Withdrawn")["amount"], **describe_receipt(receipt)})


@stake.command()
@click.argument("shares", type=click.IntRange(1))
@asset_option
@chain_options
@json_option
def delegate(shares: int, asset: int, connection: Connection, as_json: bool) -> None:
    """Delegate SHARES through EigenLayer to the network's operator.

    \b
    Example:
      twopm-zk stake delegate 500000000000000000
    """
    emit(as_json, describe_receipt(connection.network().staking.delegate(asset, shares)))


@stake.command()
@click.option("--account", help="Whose stake to show; default: the account that signs.")
@chain_options
@json_option
def show(account: str | None, connection: Connection, as_json: bool) -> None:
    """Show the stake of an account, in wei of ETH and in shares of each token.

    \b
    Example:
      twopm-zk stake show
    """
    network = connection.network(signing=account is None)
    user = network.chain.address if account is None else checked_address(account)
    count = int(network.staking.contract.call("assetCount"))
    assets = {str(asset): network.staking.position_of(user, asset) for asset in range(count)}
    lines = [f"{user}: {network.staking.stake_of(user) / WEI:g} ETH"]
    lines += [
        f"  asset {name}: {p['active']} active shares, {p['exiting']} on their way out" for name, p in assets.items()
    ]
    emit(as_json, {"account": user, "stake_wei": network.staking.stake_of(user), "assets": assets}, "\n".join(lines))
