"""``fees``: what an account is owed for answers, for rows, and of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.fees import show_fee
from twopm_zk.cli.options.participants import checked_address, open_view
from twopm_zk.cli.output import emit, json_option

if TYPE_CHECKING:
    from twopm_zk.chain.networks import RequestsClient
    from twopm_zk.participants.task_view import ChainView

CURRENCIES = {"eth": False, "token": True}


@click.group()
def fees() -> None:
    """See and take what fees have earned: as an operator, as a data owner, or as a user whose fee or bond came back.

    A data owner's part is counted by its updates in the certified, or last accepted, round. `claim` moves it to what
    the account is owed, and `withdraw` pays that out.

    \b
    Example:
      twopm-zk fees show
    """


@fees.command()
@click.option("--account", help="Address; default: your own.")
@chain_options
@json_option
def show(connection: Connection, account: str | None, as_json: bool) -> None:
    """Show what an account is owed, and what it can claim in which network.

    \b
    Examples:
      twopm-zk fees show
      twopm-zk fees show --account 0x7099...79C8
    """
    named = checked_address(account) if account else None
    view = open_view(connection, signing=account is None)
    address = named or view.address
    owed = _owed(view, address)
    claims = [
        {"network": network, "amount": str(amount), "token": token} for network, token, amount in _claims(view, address)
    ]
    lines = [f"{address} can withdraw:"]
    lines += [f"  {_shown(view, int(units), CURRENCIES[name])}" for name, units in owed.items()]
    lines += [
        f"  network {one['network']}: {_shown(view, int(str(one['amount'])), bool(one['token']))} to claim"
        for one in claims
    ]
    emit(as_json, {"account": address, "owed": owed, "claims": claims}, "\n".join(lines))


@fees.command()
@click.option("--network", type=click.IntRange(1), help="The network's number; default: all.")
@chain_options
@json_option
def claim(connection: Connection, network: int | None, as_json: bool) -> None:
    """Claim what this account's updates have earned, to be withdrawn.

    \b
    Examples:
      twopm-zk fees claim
      twopm-zk fees claim --network 1
    """
    view = open_view(connection)
    chosen = [network] if network else [number for number, _, _ in _claims(view, view.address)]
    documents, lines = [], []
    for number in chosen:
        entry = view.networks.get(number)
        receipt = view.network.requests(entry.model).claim(number)
        amount = receipt.event("Claimed")["amount"]
        documents.append({"network": number, "amount": str(amount), **describe_receipt(receipt)})
        lines.append(f"Network {number}: {_shown(view, amount, entry.token)} can be withdrawn now.")
    emit(as_json, {"claimed": documents}, "\n".join(lines) or "There is nothing to claim.")


@fees.command()
@click.option("--to", "receiver", help="Address that is paid; default: this account.")
@chain_options
@json_option
def withdraw(connection: Connection, receiver: str | None, as_json: bool) -> None:
    """Pay out all that this account is owed, in ETH and in the token.

    \b
    Example:
      twopm-zk fees withdraw
    """
    named = checked_address(receiver) if receiver else None
    view = open_view(connection)
    to = named or view.address
    documents = []
    for name in _currencies(view):
        for holder in _holders(view):
            if units := holder.owed_to(view.address, token=CURRENCIES[name]):
                receipt = holder.withdraw(token=CURRENCIES[name], receiver=to)
                documents.append({"currency": name, "amount": str(units), **describe_receipt(receipt)})
    lines = [f"Paid {_shown(view, int(one['amount']), CURRENCIES[one['currency']])} to {to}." for one in documents]
    emit(as_json, {"receiver": to, "paid": documents}, "\n".join(lines) or "Nothing is owed to this account.")


def _holders(view: ChainView) -> tuple[RequestsClient, RequestsClient]:
    """The contracts that hold fees."""
    return view.network.inference, view.network.conversations


def _currencies(view: ChainView) -> tuple[str, ...]:
    """By name; the token only where the deployment has one."""
    return tuple(CURRENCIES) if view.networks.token else ("eth",)


def _owed(view: ChainView, account: str) -> dict[str, str]:
    """By the currency's name, over all contracts."""
    holders = _holders(view)
    owed = {name: [one.owed_to(account, token=CURRENCIES[name]) for one in holders] for name in _currencies(view)}
    return {name: str(sum(amounts)) for name, amounts in owed.items()}


def _claims(view: ChainView, account: str) -> list[tuple[int, bool, int]]:
    """Networks in which an account has something to claim, whether that is in the token, and how much."""
    found: list[tuple[int, bool, int]] = []
    for network in range(1, view.networks.count() + 1):
        entry = view.networks.get(network)
        if amount := view.network.requests(entry.model).claimable(network, account):
            found.append((network, entry.token, amount))
    return found


def _shown(view: ChainView, units: int, token: bool) -> Any:
    return show_fee(units, view.networks, token=token)
