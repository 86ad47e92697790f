"""A development node that is called without signing or waiting: a transaction a millisecond, views by the hundred.

Blocks are a second apart, so that a history is the same each time. What a transaction was refused with is asked for
only when it was refused.
"""

import http.client
import json
from dataclasses import dataclass

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.rpc import answers

GAS = 8_000_000
FEES = {"maxFeePerGas": hex(10**11), "maxPriorityFeePerGas": "0x1"}


@dataclass(frozen=True)
class Outcome:
    """What became of a transaction: the error that refused it, or None, and what it emitted."""

    error: str | None
    events: tuple[DecodedEvent, ...]
    gas: int
    block: int
    time: int

    def named(self, name):
        return [event.values for event in self.events if event.name == name]


class View:
    """A question to a contract, encoded once; its answer is a word, or a dict of words for a struct without lists."""

    def __init__(self, contract, function, *arguments):
        entry = contract._function(function)
        self.what = f"{contract.artifact.name}.{function}{arguments}"
        self.asked = {"to": contract.address, "data": "0x" + contract.encode(function, *arguments).hex()}
        outputs = entry["outputs"]
        if len(outputs) == 1 and outputs[0]["type"] != "tuple":
            self.names = None
        else:
            self.names = [part["name"] for part in (outputs[0]["components"] if len(outputs) == 1 else outputs)]

    def read(self, answer):
        words = [int(answer[start : start + 64], 16) for start in range(2, len(answer), 64)]
        if self.names is None:
            return words[0]
        assert len(words) == len(self.names), self.what
        return dict(zip(self.names, words, strict=True))


class Caller:
    """Sends as any of the node's own accounts."""

    def __init__(self, node, registry):
        self.connection = http.client.HTTPConnection(node.url.removeprefix("http://"), timeout=60)
        self.registry = registry
        self.sent = 0

    def _post(self, body):
        self.connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(self.connection.getresponse().read())

    def rpc(self, method, *parameters):
        answer = self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def begin(self):
        """From now on blocks are a second apart."""
        self.rpc("anvil_setBlockTimestampInterval", 1)

    def snapshot(self):
        return self.rpc("evm_snapshot")

    def revert(self, snapshot):
        """Back to it, without a transaction that is mined already, but still on anvil's list of what to mine next."""
        self.rpc("anvil_dropAllTransactions")
        self.rpc("evm_revert", snapshot)

    def end(self):
        self.rpc("anvil_removeBlockTimestampInterval")

    def now(self):
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def wait_until(self, time):
        self.rpc("evm_setNextBlockTimestamp", time)
        self.rpc("evm_mine")

    def send(self, sender, contract, function, *arguments, value=0):
        transaction = {
            "from": sender,
            "to": contract.address,
            "data": "0x" + contract.encode(function, *arguments).hex(),
            "value": hex(value),
            "gas": hex(GAS),
            **FEES,
        }
        self.sent += 1
        mined = self.rpc("eth_sendTransactionSync", transaction)
        receipt = answers.mined(mined)
        time = int(self.rpc("eth_getBlockByNumber", hex(receipt.block), False)["timestamp"], 16)
        error = None if receipt.succeeded else self._why(transaction, receipt.block, time)
        events = tuple(event for log in receipt.logs if (event := self.registry.event(log)))
        return Outcome(error, events, receipt.gas_used, receipt.block, time)

    def _why(self, transaction, block, time):
        """The name of the error, from the same call on the block before, at the same time."""
        then = {"time": hex(time), "number": hex(block)}
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [transaction, hex(block - 1), {}, then]}
        answer = self._post(body)
        data = answer.get("error", {}).get("data") or "0x"
        found = self.registry.error(bytes.fromhex(data[2:]))
        return found[0] if found else data[:10]

    def ask(self, views):
        """The answers of all of them in one request, in their order."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": [view.asked, "latest"]}
            for number, view in enumerate(views)
        ]
        if not body:
            return []
        found = {answer["id"]: answer for answer in self._post(body)}
        for number, view in enumerate(views):
            assert "result" in found[number], f"{view.what}: {found[number]}"
        return [view.read(found[number]["result"]) for number, view in enumerate(views)]

    def balances(self, addresses):
        """Wei of ETH of each."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": "eth_getBalance", "params": [address, "latest"]}
            for number, address in enumerate(addresses)
        ]
        found = {answer["id"]: int(answer["result"], 16) for answer in self._post(body)}
        return [found[number] for number in range(len(addresses))]
