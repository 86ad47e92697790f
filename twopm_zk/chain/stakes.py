"""One account's stake in tokens, and the way back from EigenLayer.

The contracts count in shares: those of the pool for what is staked here, those of EigenLayer's strategy for what is
delegated. A person thinks in tokens; both are converted here, rounded so that the tokens asked for are reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.deployment import NOBODY
from twopm_zk.chain.network import Network
from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import InputError

_VIRTUAL = 10**6
"""StakingContract's VIRTUAL."""
_DUST = 3
"""Wei by which rounding may put all that an account has below what was asked for."""
_BLOCKS_BACK = 100


@dataclass(frozen=True)
class QueuedWithdrawal:
    """A withdrawal from EigenLayer on its way: when it can be completed, and the tokens that it would give now."""

    asset: int
    tokens: int
    start_block: int
    ready_block: int
    """The first block in which it can be completed."""
    ready_at: int
    """That block's time, as far as it can be told: seconds since 1970."""
    ready: bool
    withdrawal: Mapping[str, Any]


@dataclass(frozen=True)
class StakePosition:
    """What an account has of one asset; tokens in wei."""

    asset: int
    active: int
    active_shares: int
    exiting: int
    exiting_shares: int
    available_at: int
    """When the exiting shares can be withdrawn, in seconds since 1970."""
    delegated: int
    deposit_shares: int
    """EigenLayer's, behind ``delegated``."""
    slashed: bool
    """Whether a part of what is delegated belongs to the treasury."""


class StakeAccount:
    """An account's stake in every asset of a network."""

    def __init__(self, network: Network, user: str) -> None:
        self.network, self.user, self.staking = network, user, network.staking
        self._contract = network.staking.contract

    @cached_property
    def asset_count(self) -> int:
        """How many assets can be staked."""
        return int(self._contract.call("assetCount"))

    @property
    def operator(self) -> str:
        """EigenLayer's operator for what the account delegates now; InputError where there is none."""
        present = self.staking.operator_for(self.user)
        if present == NOBODY:
            raise InputError("the network has no operator at EigenLayer to delegate to", kind="no-restaking")
        return present

    def position(self, asset: int) -> StakePosition:
        """What the account has of an asset."""
        found = self.staking.position_of(self.user, asset)
        deposit_shares, delegated = self._delegated(asset)
        return StakePosition(
            asset=asset,
            active=self._tokens(asset, found["active"]),
            active_shares=found["active"],
            exiting=self._tokens(asset, found["exiting"]),
            exiting_shares=found["exiting"],
            available_at=found["availableAt"],
            delegated=delegated,
            deposit_shares=deposit_shares,
            slashed=found["vaultSlashed"] != 0,
        )

    def active_shares(self, asset: int, tokens: int | None) -> int:
        """The pool's shares that are worth so many tokens, or all; InputError where the account has fewer."""
        position = self.position(asset)
        if tokens is None:
            return _all(position.active_shares, asset, "active")
        entry = self._contract.call("assetAt", asset)
        token = Contract(self.network.chain, compile_contract("IERC20"), entry["token"])
        pool = int(token.call("balanceOf", self._contract.address)) + 1
        shares = -(-tokens * (int(self._contract.call("totalShares", asset)) + _VIRTUAL) // pool)
        return _within(shares, position.active_shares, tokens, position.active, asset, "active")

    def deposit_shares(self, asset: int, tokens: int | None) -> int:
        """EigenLayer's deposit shares that are worth so many tokens, or all; InputError where fewer are delegated."""
        position = self.position(asset)
        if tokens is None:
            return _all(position.deposit_shares, asset, "delegated")
        shares = -(-tokens * position.deposit_shares // max(position.delegated, 1))
        return _within(shares, position.deposit_shares, tokens, position.delegated, asset, "delegated")

    def queued(self) -> list[QueuedWithdrawal]:
        """Withdrawals from EigenLayer that are not completed."""
        if self._vault == NOBODY:
            return []
        chain, now = self.network.chain, self.network.chain.block
        withdrawals, shares = self._delegation.call("getQueuedWithdrawals", self._vault)
        delay = int(self._delegation.call("minWithdrawalDelayBlocks"))
        strategies = {self._contract.call("assetAt", asset)["strategy"]: asset for asset in range(self.asset_count)}
        pace, time = self._seconds_a_block(now), chain.time
        found = []
        for withdrawal, part in zip(withdrawals, shares, strict=True):
            if len(withdrawal["strategies"]) != 1 or withdrawal["strategies"][0] not in strategies:
                continue
            ready = withdrawal["startBlock"] + delay + 1
            tokens = int(self._strategy(withdrawal["strategies"][0]).call("sharesToUnderlyingView", part[0]))
            found.append(
                QueuedWithdrawal(
                    asset=strategies[withdrawal["strategies"][0]],
                    tokens=tokens,
                    start_block=withdrawal["startBlock"],
                    ready_block=ready,
                    ready_at=int(time + max(0, ready - now) * pace),
                    ready=now + 1 >= ready,
                    withdrawal=withdrawal,
                )
            )
        return found

    def complete(self, queued: QueuedWithdrawal) -> Receipt:
        """Bring a withdrawal home as active stake."""
        return self.staking.complete_undelegation(queued.asset, queued.withdrawal, user=self.user)

    def _tokens(self, asset: int, shares: int) -> int:
        return int(self._contract.call("sharesToAmount", asset, shares)) if shares else 0

    @cached_property
    def _vault(self) -> str:
        return str(self._contract.call("vaultOf", self.user))

    def _delegated(self, asset: int) -> tuple[int, int]:
        """Deposit shares and the tokens behind them."""
        strategy = str(self._contract.call("assetAt", asset)["strategy"])
        if NOBODY in (self._vault, strategy):
            return 0, 0
        manager = self._delegation
        withdrawable, deposited = manager.call("getWithdrawableShares", self._vault, [strategy])
        tokens = self._strategy(strategy).call("sharesToUnderlyingView", withdrawable[0])
        return int(deposited[0]), int(tokens)

    @cached_property
    def _delegation(self) -> Contract:
        address = str(self._contract.call("DELEGATION_MANAGER"))
        return Contract(self.network.chain, compile_contract("IDelegationManager"), address)

    def _strategy(self, address: str) -> Contract:
        return Contract(self.network.chain, compile_contract("IStrategy"), address)

    def _seconds_a_block(self, now: int) -> float:
        """The pace of the chain, by its last blocks."""
        back = min(now - self.network.deployment.block, _BLOCKS_BACK)
        if not back:
            return 1.0
        return max(0.0, (self.network.chain.time - self.network.chain.time_of(now - back)) / back)


def _all(shares: int, asset: int, what: str) -> int:
    if not shares:
        raise InputError(f"the account has nothing of asset {asset} that is {what}", kind="too-few-shares")
    return shares


def _within(shares: int, most: int, tokens: int, held: int, asset: int, what: str) -> int:
    if shares > most:
        if not most or tokens > held + _DUST:
            raise InputError(
                f"the account has {held} wei of asset {asset} that are {what}, fewer than {tokens}",
                kind="too-few-shares",
            )
        return most
    return shares
