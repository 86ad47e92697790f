"""``stake``: put up a stake, see it, take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.options.amounts import asset_option, parse_amount, parse_part, show_amount, show_time
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.participants import checked_address
from twopm_zk.cli.output import Steps, emit, json_option
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.chain.stakes import QueuedWithdrawal, StakeAccount, StakePosition

STAND_IN = 2
"""rETH's number in a deployment with stand-ins."""

shares_option = click.option(
    "--shares", is_flag=True, help="AMOUNT is a whole number of shares, as `stake show --json` has them."
)


@click.group()
def stake() -> None:
    """Stake stETH, wstETH or rETH, delegate it, and take it back.

    Amounts are tokens. Out of the pool: `unstake`, and after the exit delay `withdraw`. Back from EigenLayer into the
    pool: `undelegate`, and after EigenLayer's delay `complete`.

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

    Transfers of stETH round down: up to 3 wei more are sent, where the account has them, so that AMOUNT arrives.

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
@click.argument("amount")
@asset_option
@shares_option
@chain_options
@json_option
def unstake(amount: str, asset: int, shares: bool, connection: Connection, as_json: bool) -> None:
    """Start the exit of AMOUNT tokens, or of `all`; `stake withdraw` takes them out after the delay.

    \b
    Examples:
      twopm-zk stake unstake 0.5
      twopm-zk stake unstake all --asset 2
      twopm-zk stake unstake 500000000000000000000000 --shares
    """
    account = _account(connection)
    part = parse_part(amount, shares, lambda tokens: account.active_shares(asset, tokens))
    receipt = account.staking.unstake(asset, part)
    available = receipt.event("Unstaked")["availableAt"]
    document = {"shares": part, "available_at": available, **describe_receipt(receipt)}
    emit(
        as_json,
        document,
        f"On their way out until {show_time(available)}.\n"
        f"Then: twopm-zk stake withdraw --asset {asset}\nTransaction {receipt.transaction}",
    )


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
@click.argument("amount")
@asset_option
@shares_option
@click.option(
    "--operator",
    metavar="ADDRESS",
    help="EigenLayer's operator that you mean: nothing is delegated where it is another one. Default: the present one, "
    "which is shown.",
)
@chain_options
@json_option
def delegate(
    amount: str, asset: int, shares: bool, operator: str | None, connection: Connection, as_json: bool
) -> None:
    """Delegate AMOUNT staked tokens, or `all`, through EigenLayer to the network's operator.

    A stake that is delegated already stays with its operator, and what you add goes to the same.

    \b
    Examples:
      twopm-zk stake delegate 0.5
      twopm-zk stake delegate all --asset 2
      twopm-zk stake delegate 0.5 --operator 0x7099...79C8
    """
    account = _account(connection)
    expected = checked_address(operator) if operator else account.operator
    part = parse_part(amount, shares, lambda tokens: account.active_shares(asset, tokens))
    Steps(quiet=as_json).note(f"To operator {expected}.")
    receipt = account.staking.delegate(asset, part, expected)
    document = {"shares": part, "operator": expected, **describe_receipt(receipt)}
    emit(as_json, document, f"Delegated.\nTransaction {receipt.transaction}")


@stake.command()
@click.argument("amount")
@asset_option
@shares_option
@chain_options
@json_option
def undelegate(amount: str, asset: int, shares: bool, connection: Connection, as_json: bool) -> None:
    """Ask EigenLayer for AMOUNT delegated tokens back, or for `all`; `stake complete` brings them home after its delay.

    \b
    Examples:
      twopm-zk stake undelegate 0.5
      twopm-zk stake undelegate all --asset 2
    """
    account = _account(connection)
    part = parse_part(amount, shares, lambda tokens: account.deposit_shares(asset, tokens))
    receipt = account.staking.undelegate(asset, part)
    newest = max((entry for entry in account.queued() if entry.asset == asset), key=lambda entry: entry.start_block)
    document = {"deposit_shares": part, **_queued_document(newest), **describe_receipt(receipt)}
    emit(
        as_json,
        document,
        f"{show_amount(newest.tokens)} tokens of asset {asset} are on their way from EigenLayer, until block "
        f"{newest.ready_block}, about {show_time(newest.ready_at)}.\n"
        f"Then: twopm-zk stake complete\nTransaction {receipt.transaction}",
    )


@stake.command()
@click.option("--asset", type=click.IntRange(0), help="Number of the token; default: all.")
@chain_options
@json_option
def complete(asset: int | None, connection: Connection, as_json: bool) -> None:
    """Bring withdrawals from EigenLayer whose delay is over back into the pool, as active stake.

    \b
    Example:
      twopm-zk stake complete
    """
    account = _account(connection)
    queued = [entry for entry in account.queued() if asset in (None, entry.asset)]
    ready = [entry for entry in queued if entry.ready]
    if not ready:
        wait = "none is on its way"
        if queued:
            first = min(queued, key=lambda entry: entry.ready_block)
            wait = f"the next one can be from block {first.ready_block}, about {show_time(first.ready_at)}"
        raise InputError(
            f"no withdrawal from EigenLayer can be completed: {wait}",
            hint="`twopm-zk stake undelegate AMOUNT` starts one; `twopm-zk stake show` has what is on its way.",
        )
    done = []
    for entry in ready:
        receipt = account.complete(entry)
        received = receipt.event("Undelegated")["received"]
        done.append({"asset": entry.asset, "received": received, **describe_receipt(receipt)})
    lines = [f"{show_amount(entry['received'])} tokens of asset {entry['asset']} are staked again." for entry in done]
    emit(as_json, {"completed": done}, "\n".join(lines))


@stake.command()
@click.option("--account", help="Whose stake to show; default: the account that signs.")
@chain_options
@json_option
def show(account: str | None, connection: Connection, as_json: bool) -> None:
    """Show the stake of an account: in wei of ETH, in tokens and shares, and what is on its way, with dates.

    \b
    Example:
      twopm-zk stake show
    """
    from twopm_zk.chain.deployment import NOBODY
    from twopm_zk.chain.stakes import StakeAccount

    network = connection.network(signing=account is None)
    user = network.chain.address if account is None else checked_address(account)
    found = StakeAccount(network, user)
    positions, queued = [found.position(asset) for asset in range(found.asset_count)], found.queued()
    value, operator = network.staking.stake_of(user), network.staking.operator_for(user)
    document = {
        "account": user,
        "stake_wei": value,
        "operator": operator,
        "assets": {str(p.asset): _position_document(p) for p in positions},
        "withdrawals": [_queued_document(entry) for entry in queued],
    }
    lines = [f"{user}: {show_amount(value)} ETH"]
    for position in positions:
        lines += _position_lines(position)
    if operator != NOBODY:
        lines.append(f"  operator at EigenLayer: {operator}")
    lines += [_queued_line(entry) for entry in queued]
    emit(as_json, document, "\n".join(lines))


def _account(connection: Connection) -> StakeAccount:
    from twopm_zk.chain.stakes import StakeAccount

    network = connection.network()
    return StakeAccount(network, network.chain.address)


def _position_document(position: StakePosition) -> dict[str, Any]:
    return {
        "active": position.active_shares,
        "exiting": position.exiting_shares,
        "availableAt": position.available_at,
        "active_tokens": str(position.active),
        "exiting_tokens": str(position.exiting),
        "delegated_tokens": str(position.delegated),
        "deposit_shares": position.deposit_shares,
        "slashed": position.slashed,
    }


def _position_lines(position: StakePosition) -> list[str]:
    lines = [f"  asset {position.asset}: {show_amount(position.active)} tokens staked"]
    if position.exiting_shares:
        when = show_time(position.available_at)
        lines.append(f"    {show_amount(position.exiting)} on their way out, to be withdrawn from {when}")
    if position.deposit_shares:
        part = ", a part of which is the treasury's after a slash" if position.slashed else ""
        lines.append(f"    {show_amount(position.delegated)} delegated through EigenLayer{part}")
    return lines


def _queued_document(entry: QueuedWithdrawal) -> dict[str, Any]:
    return {
        "asset": entry.asset,
        "tokens": str(entry.tokens),
        "ready": entry.ready,
        "ready_block": entry.ready_block,
        "ready_at": entry.ready_at,
    }


def _queued_line(entry: QueuedWithdrawal) -> str:
    state = "can be completed now: `twopm-zk stake complete`"
    if not entry.ready:
        state = f"can be completed from block {entry.ready_block}, about {show_time(entry.ready_at)}"
    return f"  {show_amount(entry.tokens)} tokens of asset {entry.asset} on their way from EigenLayer: {state}"
