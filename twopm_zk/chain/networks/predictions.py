"""InferenceContract: proven predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twopm_zk.chain.networks.registry import NetworkEntry
from twopm_zk.chain.networks.requests import RequestsClient
from twopm_zk.chain.rpc import Receipt


class Inference(RequestsClient):
    """InferenceContract, with the fees that it holds."""

    def offer(self, network: int, verifier_id: int) -> Receipt:
        """Offer predictions of a network's model."""
        return self.contract.transact("offer", network, verifier_id)

    def offer_of(self, network: int, operator: str) -> int:
        """The registry's number of the verifier that an operator offers; 0 for none."""
        return int(self.contract.call("offerOf", network, operator))

    def ask(
        self,
        network: NetworkEntry,
        operator: str,
        verifier_id: int,
        input_commitments: Sequence[int],
        *,
        maximum_fee: int | None = None,
        once: bool = False,
    ) -> list[int]:
        """Ask for predictions, one for each input, and pay for them; the numbers of the requests.

        ``network`` is as it was read: no more than its fee is paid, or than ``maximum_fee`` for an input. Where fees
        are in the token, the contract is allowed to take them first. ``once`` as `RpcConnection.send` has it.
        """
        fee = network.terms.fee
        amount = fee * len(input_commitments)
        self.allow(network, amount)
        receipt = self.contract.transact(
            "ask",
            network.id,
            operator,
            verifier_id,
            list(input_commitments),
            fee if maximum_fee is None else maximum_fee,
            value=0 if network.token else amount,
            once=once,
        )
        return [int(event["id"]) for event in receipt.events if event.name == "Asked"]

    def answer(self, request: int, prediction: int, proof: Sequence[int]) -> Receipt:
        """Answer with a proven prediction, in units of 2^-16: of a gaussian model plus 2^31 units."""
        return self.contract.transact("answer", request, prediction, list(proof))

    def request(self, request: int) -> dict[str, Any]:
        """All that is known of a request."""
        return dict(self.contract.call("requestOf", request))
