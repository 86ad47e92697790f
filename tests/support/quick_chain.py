"""A connection to a development node that signs by itself: a transaction is two requests, and nothing is estimated.

What a contract refuses is refused as the library's own connection has it, before a transaction is sent; that connection
itself is what tests/chain is about, and participants and processes use.
"""

from web3._utils.error_formatters_utils import raise_contract_logic_error_on_revert
from web3.exceptions import ContractLogicError

from twopm_zk.chain import Chain
from twopm_zk.chain.connection import _as_sent
from twopm_zk.chain.rpc import answers

GAS = 25_000_000
"""Of every transaction that names none: less than a block's, and more than any takes."""
FEES = {"maxPriorityFeePerGas": 10**9, "maxFeePerGas": 10**11}


class QuickChain(Chain):
    def fees(self):
        return FEES

    def _estimate(self, what, parameters):
        """Not one: the same call, once, which is refused as the transaction would be."""
        sent = _as_sent({**parameters, "gas": GAS})
        try:
            self._ask("data", answers.data, "eth_call", sent, "latest", refused=raise_contract_logic_error_on_revert)
        except ContractLogicError as error:
            raise self._reverted(what, error) from error
        return GAS

    def _submit(self, what, parameters, once=False):
        """The receipt comes with the answer; `_wait` takes it from there."""
        sent = _as_sent(parameters) | {name: hex(parameters[name]) for name in FEES}
        return self._ask("a receipt", dict, "eth_sendTransactionSync", sent), None

    def _wait(self, what, mined, nonce, parameters):
        receipt, name = answers.mined(mined), mined["transactionHash"]
        if not receipt.succeeded:
            raise self._failed(what, name, receipt, parameters)
        return self._decoded(name, receipt)
