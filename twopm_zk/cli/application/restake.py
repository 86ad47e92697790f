"""``operator register-avs``, ``allocate``, ``deregister``, ``show``, ``reward``: to be backed by restaked stake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.options.amounts import asset_option, show_time
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.fees import show_fee
from twopm_zk.cli.options.participants import checked_address, open_view
from twopm_zk.cli.output import emit, json_option

if TYPE_CHECKING:
    from twopm_zk.chain.networks.restaking import Allocation, RestakedOperator, WaitingReward
    from twopm_zk.participants.task_view import ChainView


@click.command("register-avs")
@click.option("--metadata-uri", default="", help="Where EigenLayer's users find what this operator is.")
@chain_options
@json_option
def register_avs(connection: Connection, metadata_uri: str, as_json: bool) -> None:
    """Join the network's operator set at EigenLayer, as an operator of EigenLayer: made one where it is none yet.

    From then on what is allocated stands behind this account's answers, and its own stake does no more. What
    its requests earn from then on goes to EigenLayer, which divides it between the operator and its delegators.

    \b
    Example:
      twopm-zk operator register-avs --metadata-uri https://ask.example/operator.json
    """
    operator = _operator(open_view(connection))
    receipts = operator.register(metadata_uri=metadata_uri)
    document = {"operator": operator.address, "sent": [describe_receipt(receipt) for receipt in receipts]}
    text = f"{operator.address} is in the operator set" + ("." if receipts else " already.")
    emit(as_json, document, f"{text}\nThen: twopm-zk operator allocate --asset N --share PERCENT")


@click.command()
@asset_option
@click.option(
    "--share", type=click.FloatRange(0, 100), required=True, help="Percent of what is delegated in the asset."
)
@chain_options
@json_option
def allocate(connection: Connection, asset: int, share: float, as_json: bool) -> None:
    """Let a share of what is delegated to this operator in an asset stand behind its answers.

    What is taken away counts as stake no more, and can be slashed for EigenLayer's delay. One change of an asset waits
    for the one before.

    \b
    Examples:
      twopm-zk operator allocate --asset 2 --share 50
      twopm-zk operator allocate --asset 2 --share 0
    """
    operator = _operator(open_view(connection))
    receipt = operator.allocate(asset, share)
    found = operator.allocation(asset)
    document = {**_allocation(found), **describe_receipt(receipt)}
    emit(as_json, document, f"{_allocation_line(found)}\nTransaction {receipt.transaction}")


@click.command()
@chain_options
@json_option
def deregister(connection: Connection, as_json: bool) -> None:
    """Leave the operator set: what is allocated backs nothing new, and can be slashed for EigenLayer's delay.

    Take no more requests first: twopm-zk operator withdraw --network N.

    \b
    Example:
      twopm-zk operator deregister
    """
    operator = _operator(open_view(connection))
    receipt = operator.deregister()
    emit(as_json, {"operator": operator.address, **describe_receipt(receipt)})


@click.command()
@click.argument("account", metavar="[OPERATOR]", required=False)
@chain_options
@json_option
def show(connection: Connection, account: str | None, as_json: bool) -> None:
    """Show what stands behind an operator, by default this account: stake, allocations, and fees on their way.

    \b
    Examples:
      twopm-zk operator show
      twopm-zk operator show 0x7099...79C8
    """
    named = checked_address(account) if account else None
    view = open_view(connection, signing=named is None)
    address = named or view.address
    stakes = view.network.stakes
    backing = stakes.backing_of(address)
    document: dict[str, Any] = {
        "operator": address,
        "stake": str(backing.value),
        "restaked": backing.restaked,
        "obligations": str(stakes.obligations_of(address)),
        "allocations": [],
        "rewards": [],
    }
    lines = [f"{address}: {backing.sentence}"]
    if stakes.restakes:
        operator = _operator(view, address)
        allocations, waiting = operator.allocations(), list(operator.rewards())
        document["allocations"] = [_allocation(one) for one in allocations]
        document["rewards"] = [_reward(one) for one in waiting]
        if operator.slashable and not backing.restaked:
            lines.append("It has left the operator set, and what it has allocated can still be slashed.")
        lines += [_allocation_line(one) for one in allocations if one.magnitude or one.pending]
        lines += [_reward_line(view, one) for one in waiting]
    emit(as_json, document, "\n".join(lines))


@click.command()
@click.option("--operator", "account", metavar="ADDRESS", help="Whose fees; default: this account's.")
@chain_options
@json_option
def reward(connection: Connection, account: str | None, as_json: bool) -> None:
    """Hand an operator's fees to EigenLayer, for it and those who delegate to it. Anybody may, for any operator.

    They are for all whole days (UTC) in the operator set that no reward was for yet.

    \b
    Examples:
      twopm-zk operator reward
      twopm-zk operator reward --operator 0x7099...79C8
    """
    named = checked_address(account) if account else None
    view = open_view(connection)
    operator = _operator(view, named)
    documents, lines = [], []
    for waiting in operator.rewards():
        if waiting.period is None:
            lines.append(_reward_line(view, waiting))
            continue
        holder = view.network.contract(waiting.contract)
        receipt = operator.stakes.reward(holder.address, operator.address, token=waiting.token)
        documents.append({**_reward(waiting), **describe_receipt(receipt)})
        lines.append(f"{_amount(view, waiting)} for {_days(*waiting.period)} are EigenLayer's to divide.")
    emit(as_json, {"operator": operator.address, "rewarded": documents}, "\n".join(lines) or "No fees are waiting.")


COMMANDS = (register_avs, allocate, deregister, show, reward)


def _operator(view: ChainView, account: str | None = None) -> RestakedOperator:
    from twopm_zk.chain.networks.restaking import RestakedOperator

    return RestakedOperator(view.network, account)


def _allocation(found: Allocation) -> dict[str, Any]:
    return {
        "asset": found.asset,
        "share": round(found.share, 4),
        "pending_share": round(100 * found.pending / found.greatest, 4) if found.greatest else 0.0,
        "effect_block": found.effect_block or None,
    }


def _allocation_line(found: Allocation) -> str:
    text = f"  asset {found.asset}: {found.share:g} % of what is delegated"
    if found.pending:
        change = 100 * found.pending / found.greatest
        text += f", and {change:+g} % from block {found.effect_block} on"
    return text


def _reward(waiting: WaitingReward) -> dict[str, Any]:
    return {
        "contract": waiting.contract,
        "currency": "token" if waiting.token else "eth",
        "amount": str(waiting.amount),
        "period": None if waiting.period is None else list(waiting.period),
    }


def _reward_line(view: ChainView, waiting: WaitingReward) -> str:
    when = (
        "until a whole day in the operator set is over" if waiting.period is None else f"for {_days(*waiting.period)}"
    )
    return f"  {_amount(view, waiting)} wait to be handed to EigenLayer, {when}"


def _amount(view: ChainView, waiting: WaitingReward) -> str:
    return str(show_fee(waiting.amount, view.networks, token=waiting.token))


def _days(start: int, end: int) -> str:
    return f"{show_time(start)} to {show_time(end)}"
