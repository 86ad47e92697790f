"""What stands behind operators: ServiceManager, and what an operator does at EigenLayer to be backed by restaked stake.

An operator of the operator set is backed by what it has allocated to the set, any other one by its active shares with
StakingContract, never by both; see docs/restaking.md and verifier/interfaces/IServiceManager.sol. EigenLayer counts
magnitudes: parts of all that is delegated to an operator in one strategy, `UNIT` at first, fewer after each slash.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.contracts import Contract, ContractClient
from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import InputError, TransactionError

OPERATOR_SET = 1
"""Of the ServiceManager, which is the AVS."""
UNIT = 10**18
_NOBODY = "0x" + "00" * 20
_TIMING = ("NoWholePeriod", "TooLongAgo")


@dataclass(frozen=True)
class Backing:
    """What stands behind an operator."""

    value: int
    """Wei of ETH."""
    restaked: bool
    """It is allocated at EigenLayer; otherwise it is the operator's own, with StakingContract."""

    @property
    def sentence(self) -> str:
        """For whoever asks."""
        where = "allocated at EigenLayer" if self.restaked else "of its own, with StakingContract"
        return f"{self.value / UNIT:.6g} ETH at stake, {where}"


@dataclass(frozen=True)
class Allocation:
    """What an operator has allocated to the operator set of one asset, in magnitudes."""

    asset: int
    strategy: str
    magnitude: int
    """Can be slashed now."""
    pending: int
    """What will be added to it, or taken from it, with `effect_block`."""
    effect_block: int
    """0 where nothing is pending."""
    greatest: int
    """All that there is: `UNIT` less what was slashed, here or by others."""

    @property
    def share(self) -> float:
        """Percent of what is delegated to the operator."""
        return 100 * self.magnitude / self.greatest if self.greatest else 0.0


@dataclass(frozen=True)
class Membership:
    """An operator's present or last time in the operator set, seconds since 1970."""

    since: int
    """0 where it never was in it."""
    until: int
    """0 for as long as it is in it."""


@dataclass(frozen=True)
class WaitingReward:
    """Fees of an operator that can be handed to EigenLayer."""

    contract: str
    """The name of ours that holds them."""
    token: bool
    amount: int
    period: tuple[int, int] | None
    """From when to when its restakers share them, seconds since 1970; None as long as no whole day is over."""


class ServiceManager(ContractClient):
    """ServiceManager, the AVS; where there is no EigenLayer, StakingContract's stakes under another name."""

    @cached_property
    def restakes(self) -> bool:
        """Whether the deployment knows EigenLayer's operator sets."""
        return bool(self.contract.call("ALLOCATION_MANAGER") != _NOBODY)

    @cached_property
    def rewards_coordinator(self) -> str:
        """EigenLayer's, where rewards are claimed; the zero address where there is none."""
        return str(self.contract.call("REWARDS_COORDINATOR"))

    def backing_of(self, operator: str) -> Backing:
        """What stands behind an operator, and where that is."""
        return Backing(self.stake_of(operator), bool(self.contract.call("isRestaked", operator)))

    def stake_of(self, operator: str) -> int:
        """What stands behind an operator, in wei of ETH."""
        return int(self.contract.call("stakeOf", operator))

    def obligations_of(self, operator: str) -> int:
        """Wei of ETH that an operator's open requests of all contracts need as its stake."""
        return int(self.contract.call("obligationsOf", operator))

    def reach_of(self, operator: str) -> int:
        """Wei of ETH that a slash could reach at EigenLayer now, also of what is leaving."""
        return int(self.contract.call("reachOf", operator))

    def membership_of(self, operator: str) -> Membership:
        """When an operator was in the operator set."""
        found = self.contract.call("membershipOf", operator)
        return Membership(found["since"], found["until"])

    def held_for(self) -> int:
        """How long EigenLayer holds what leaves, in seconds."""
        return int(self.contract.call("heldFor"))

    def reward(self, holder: str, operator: str, *, token: bool) -> Receipt:
        """Hand an operator's restaked fees of one of our contracts to EigenLayer. Anyone may."""
        return self.contract.transact("reward", holder, operator, token)

    def period_of(self, holder: str, operator: str, *, token: bool) -> tuple[int, int] | None:
        """What the next reward is for, seconds since 1970; None where no whole day is over, or all too long ago."""
        try:
            start, end = self.contract.call("periodOf", holder, operator, token)
        except TransactionError as error:
            if error.error not in _TIMING:
                raise
            return None
        return int(start), int(end)


class RestakedOperator:
    """An operator's account at EigenLayer, as far as our operator set is concerned.

    ``network`` is a `twopm_zk.chain.network.Network`. Raises InputError where the deployment has no EigenLayer.
    """

    def __init__(self, network: Any, operator: str | None = None) -> None:
        self.network, self.stakes = network, network.stakes
        if not self.stakes.restakes:
            raise InputError(
                f"the deployment on chain {network.deployment.chain_id} has no operator set of EigenLayer",
                kind="no-operator-set",
            )
        self.address: str = operator or network.chain.address

    @property
    def known(self) -> bool:
        """Whether the account is an operator of EigenLayer."""
        return bool(self._delegation.call("isOperator", self.address))

    @property
    def member(self) -> bool:
        """Whether it is in our operator set."""
        return bool(self._allocation.call("isMemberOfOperatorSet", self.address, self._set))

    @property
    def slashable(self) -> bool:
        """Whether it is in our operator set, or left it less than EigenLayer's delay ago."""
        return bool(self._allocation.call("isOperatorSlashable", self.address, self._set))

    def register(self, *, metadata_uri: str = "") -> list[Receipt]:
        """Register as EigenLayer's operator where it is none yet, then for our operator set; what was sent.

        Anybody can delegate to it, and what it allocates later counts at once. Raises TransactionError where it
        delegates to another operator, or left the set less than EigenLayer's delay ago.
        """
        sent = []
        if not self.known:
            sent.append(self._delegation.transact("registerAsOperator", _NOBODY, 0, metadata_uri))
        if not self._allocation.call("getAllocationDelay", self.address)[0] and not sent:
            sent.append(self._allocation.transact("setAllocationDelay", self.address, 0))
        if not self.member:
            sent.append(
                self._allocation.transact(
                    "registerForOperatorSets", self.address, (self.stakes.address, [OPERATOR_SET], b"")
                )
            )
        return sent

    def allocate(self, asset: int, share: float) -> Receipt:
        """Let ``share`` percent (0 to 100) of what is delegated in an asset stand behind the operator's answers.

        Raises InputError for an asset without a strategy, TransactionError with EigenLayer's error.
        """
        if not 0 <= share <= 100:
            raise InputError(f"{share:g} percent is not from 0 to 100")
        found = self.allocation(asset)
        magnitude = int(found.greatest * share / 100) if share < 100 else found.greatest
        parameters = [(self._set, [found.strategy], [magnitude])]
        return self._allocation.transact("modifyAllocations", self.address, parameters)

    def deregister(self) -> Receipt:
        """Leave the operator set; what is allocated can be slashed for EigenLayer's delay."""
        return self._allocation.transact(
            "deregisterFromOperatorSets", (self.address, self.stakes.address, [OPERATOR_SET])
        )

    def allocation(self, asset: int) -> Allocation:
        """What is allocated of one asset."""
        strategy = self.network.staking.contract.call("assetAt", asset)["strategy"]
        if strategy == _NOBODY:
            raise InputError(f"asset {asset} has no strategy at EigenLayer", kind="no-strategy")
        found = self._allocation.call("getAllocation", self.address, self._set, strategy)
        return Allocation(
            asset=asset,
            strategy=strategy,
            magnitude=found["currentMagnitude"],
            pending=found["pendingDiff"],
            effect_block=found["effectBlock"],
            greatest=int(self._allocation.call("getMaxMagnitude", self.address, strategy)),
        )

    def allocations(self) -> list[Allocation]:
        """What is allocated of each asset that EigenLayer has a strategy for."""
        staking = self.network.staking.contract
        assets = [
            asset
            for asset in range(staking.call("assetCount"))
            if staking.call("assetAt", asset)["strategy"] != _NOBODY
        ]
        return [self.allocation(asset) for asset in assets]

    def rewards(self) -> Iterator[WaitingReward]:
        """Fees that wait to be handed to EigenLayer, of each of our contracts in each currency."""
        for name in ("InferenceContract", "ConversationContract"):
            holder = self.network.contract(name)
            for token in (False, True):
                if amount := int(holder.call("restakedFees", self.address, token)):
                    period = self.stakes.period_of(holder.address, self.address, token=token)
                    yield WaitingReward(name, token, amount, period)

    @property
    def _set(self) -> tuple[str, int]:
        return self.stakes.address, OPERATOR_SET

    @cached_property
    def _allocation(self) -> Contract:
        return self._eigenlayer("IAllocationManager", "ALLOCATION_MANAGER")

    @cached_property
    def _delegation(self) -> Contract:
        return self._eigenlayer("IDelegationManager", "DELEGATION_MANAGER")

    def _eigenlayer(self, interface: str, getter: str) -> Contract:
        address = str(self.stakes.contract.call(getter))
        return Contract(self.network.chain, compile_contract(interface), address)
