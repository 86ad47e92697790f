"""Connections to a development node with fewer requests for each transaction.

What the library's own connection does with estimates, fees, nonces and receipts is what tests/chain is about; commands
and processes of tests have it too.
"""

from web3._utils.error_formatters_utils import raise_contract_logic_error_on_revert
from web3.exceptions import ContractLogicError

from twopm_zk.chain import Chain
from twopm_zk.chain.connection import _as_sent
from twopm_zk.chain.rpc import answers

GAS = 25_000_000
"""Of every transaction that names none: less than a block's, and more than any takes."""
FEES = {"maxPriorityFeePerGas": 10**9, "maxFeePerGas": 10**11}


class CalledChain(Chain):
    """Calls what it is about to send, in place of an estimate, for which a node executes it many times."""

    def fees(self):
        return FEES

    def _estimate(self, what, parameters):
        sent = _as_sent({**parameters, "gas": GAS})
        try:
            self._ask("data", answers.data, "eth_call", sent, "latest", refused=raise_contract_logic_error_on_revert)
        except ContractLogicError as error:
            raise self._reverted(what, error) from error
        return GAS


class QuickChain(CalledChain):
    """Has the node take transactions without a signature, and answer with the receipt."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._known = set()

    def _submit(self, what, parameters, once=False):
        if self.address not in self._known:
            self.web3.provider.make_request("anvil_impersonateAccount", [self.address])
            self._known.add(self.address)
        sent = _as_sent(parameters) | {name: hex(parameters[name]) for name in FEES}
        return self._ask("a receipt", dict, "eth_sendTransactionSync", sent), None

    def _wait(self, what, mined, nonce, parameters):
        receipt, name = answers.mined(mined), mined["transactionHash"]
        if not receipt.succeeded:
            raise self._failed(what, name, receipt, parameters)
        return self._decoded(name, receipt)
