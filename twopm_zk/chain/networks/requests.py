"""What is asked of operators for a fee, whatever it is: accepted, given back, slashed; and the fees that are held."""

from __future__ import annotations

from collections.abc import Sequence

from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.contracts import Contract, ContractClient
from twopm_zk.chain.networks.registry import NetworkEntry
from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import InputError

_NOTHING = (0, "0x" + "00" * 32)
"""Offered, as either contract says it."""


class RequestsClient(ContractClient):
    """What InferenceContract and ConversationContract share; see verifier/interfaces/IRequests.sol and IFees.sol."""

    def withdraw_offer(self, network: int) -> Receipt:
        """Take no new requests."""
        return self.contract.transact("withdrawOffer", network)

    def offers(self, network: int, operator: str) -> bool:
        """Whether an operator offers to answer in a network."""
        return self.contract.call("offerOf", network, operator) not in _NOTHING

    def accept(self, requests: Sequence[int]) -> Receipt:
        """Accept requests, all or none, as their operator."""
        return self.contract.transact("accept", list(requests))

    def refund(self, request: int) -> Receipt:
        """Give the user its fee back: nobody has accepted, or what was accepted cannot be answered any more."""
        return self.contract.transact("refund", request)

    def slash_late(self, request: int) -> Receipt:
        """Slash an operator that accepted and is late, and give the user its fee back."""
        return self.contract.transact("slashLate", request)

    def request_count(self) -> int:
        """How many requests there are; the last one's number."""
        return int(self.contract.call("requestCount"))

    def obligations_of(self, operator: str) -> int:
        """Wei of ETH that an operator's open requests of this contract need as its stake; see also ServiceManager's."""
        return int(self.contract.call("obligationsOf", operator))

    def owed_to(self, account: str, *, token: bool) -> int:
        """What an account can withdraw, in ETH or in the token."""
        return int(self.contract.call("owedTo", account, token))

    def claimable(self, network: int, account: str) -> int:
        """What a data owner has earned in a network and not claimed."""
        return int(self.contract.call("claimable", network, account))

    def claim(self, network: int, account: str | None = None) -> Receipt:
        """Move what a data owner has earned to what it is owed."""
        return self.contract.transact("claim", network, account or self.contract.chain.address)

    def withdraw(self, *, token: bool, receiver: str | None = None) -> Receipt:
        """Pay all that this account is owed."""
        return self.contract.transact("withdraw", token, receiver or self.contract.chain.address)

    def allow(self, network: NetworkEntry, amount: int) -> None:
        """Let the contract take so many units of the token, where the network's fees are in it. Raises InputError where
        the account holds fewer."""
        if not network.token or not amount:
            return
        chain = self.contract.chain
        token = Contract(chain, compile_contract("IERC20"), self.contract.call("TOKEN"))
        held = int(token.call("balanceOf", chain.address))
        if held < amount:
            raise InputError(
                f"{chain.address} holds {held} units of the fees' token, {amount - held} fewer than {amount}",
                kind="too-few-fee-tokens",
            )
        if token.call("allowance", chain.address, self.address) < amount:
            token.transact("approve", self.address, amount)
