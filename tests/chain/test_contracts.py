import time

import pytest
import requests

from twopm_zk.chain import Chain, DevelopmentNode, compile_source
from twopm_zk.errors import ChainError, DeploymentError, InputError, TransactionError

SOURCE = """
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

contract Inner {
    error Refused(address who, uint256[2] pair, bytes32 label);
    function refuse() external view { revert Refused(msg.sender, [uint256(1), 2], "label"); }
}

contract Box {
    struct Item { uint256 size; address owner; Part[] parts; }
    struct Part { uint64 a; bytes b; }
    error TooLarge(uint256 size, uint256 limit);
    event Put(address indexed owner, uint256 indexed size, string label);
    event Odd(string indexed label, uint256 value);
    uint256 public size;
    Inner public immutable INNER;
    constructor(Inner inner, uint256 limit) { INNER = inner; if (limit == 0) revert TooLarge(1, limit); }
    function put(uint256 value, string calldata label) external payable {
        if (value > 100) revert TooLarge(value, 100);
        size = value;
        emit Put(msg.sender, value, label);
    }
    function odd(uint256 n) external { for (uint256 i; i < n; ++i) emit Odd("x", i); }
    function item() external view returns (Item memory found) {
        found.size = size;
        found.owner = msg.sender;
        found.parts = new Part[](2);
        found.parts[1] = Part(7, hex"0102");
    }
    function pair() external pure returns (uint256, bytes32) { return (1, bytes32(uint256(2))); }
    function require_(bool ok) external pure { require(ok, "said no"); }
    function divide(uint256 by) external pure returns (uint256) { return 1 / by; }
    function silent() external pure { assembly { revert(0, 0) } }
    function relay() external view { INNER.refuse(); }
    function refuse() external view { (bool ok, bytes memory data) = address(INNER).staticcall(
        abi.encodeCall(Inner.refuse, ())); ok; assembly { revert(add(data, 32), mload(data)) } }
    function drained() external { while (gasleft() > 1000) size += 1; }
    function onlyOnce() external { if (size == 5) revert TooLarge(5, 5); size = 5; }
}
"""


@pytest.fixture(scope="module")
def inner(chain):
    return chain.deploy(compile_source(SOURCE, "Inner"))


@pytest.fixture(scope="module")
def box(chain, inner):
    return chain.deploy(compile_source(SOURCE, "Box"), inner.address, 1)


def answered(chain, monkeypatch, method, answer):
    """Let requests of one method be answered by ``answer``, which is given the endpoint's own answer to ask for."""
    request = chain.web3.manager.request_blocking

    def asked(name, parameters, *others):
        def real():
            return request(name, parameters, *others)

        return answer(real, *parameters) if name == method else real()

    monkeypatch.setattr(chain.web3.manager, "request_blocking", asked)


def count_of(chain):
    return chain.web3.eth.get_transaction_count(chain.address)


def test_results_come_with_names_and_readable_values(chain, box):
    box.transact("put", 9, "first")
    found = box.call("item")
    assert found == {
        "size": 9,
        "owner": chain.address,
        "parts": [{"a": 0, "b": "0x"}, {"a": 7, "b": "0x0102"}],
    }
    assert box.call("pair") == (1, "0x" + "00" * 31 + "02")


def test_a_custom_error_has_its_name_and_values(box):
    for act in (box.call, box.transact):
        with pytest.raises(TransactionError, match=r"Box\.put reverted: TooLarge\(size=101, limit=100\)") as caught:
            act("put", 101, "")
        assert caught.value.error == "TooLarge"
        assert caught.value.values == {"size": 101, "limit": 100}


def test_an_error_of_a_contract_further_down_is_decoded(box):
    for function in ("relay", "refuse"):
        with pytest.raises(TransactionError) as caught:
            box.call(function)
        assert caught.value.error == "Refused"
        assert caught.value.values == {
            "who": box.address,
            "pair": [1, 2],
            "label": "0x" + b"label".hex().ljust(64, "0"),
        }


def test_an_error_nobody_knows_is_shown_in_hexadecimal(node, box):
    stranger = Chain(node.url)
    with pytest.raises(TransactionError, match="unknown error 0x") as caught:
        stranger.contract(box.artifact, box.address).call("refuse")
    assert caught.value.error is None


def test_messages_panics_and_silence_are_told_apart(box):
    with pytest.raises(TransactionError, match="said no"):
        box.call("require_", False)
    with pytest.raises(TransactionError, match=r"Panic\(code=18\)"):
        box.call("divide", 0)
    with pytest.raises(TransactionError, match="without a reason"):
        box.call("silent")


def test_a_constructor_that_reverts_is_decoded(chain, inner, box):
    with pytest.raises(TransactionError, match=r"constructor of Box reverted: TooLarge\(size=1, limit=0\)"):
        chain.deploy(box.artifact, inner.address, 0)


def test_a_mined_failure_is_replayed_for_its_error(box):
    with pytest.raises(TransactionError, match=r"TooLarge\(size=101"):
        box.transact("put", 101, "", gas=100_000)


def test_running_out_of_gas_is_told_as_such(box):
    with pytest.raises(TransactionError, match="ran out of its 60000 gas"):
        box.transact("drained", gas=60_000)


def test_a_transaction_may_write_a_word_more_than_when_it_was_estimated(box, chain, monkeypatch):
    answered(chain, monkeypatch, "eth_estimateGas", lambda real, *_: hex(int(real(), 16) - 22_100))
    assert box.transact("put", 7, "").gas_used > 22_100


def test_value_sent_to_what_takes_none_is_refused(box):
    with pytest.raises(TransactionError):
        box.transact("odd", 1, value=1)
    assert box.transact("put", 1, "", value=1).gas_used > 0


def test_wrong_arguments_and_unknown_functions_are_input_errors(box):
    for call in (("nothing",), ("put", 1), ("put", -1, ""), ("put", 2**256, ""), ("divide", "x"), ("put", 1, 1)):
        with pytest.raises(InputError, match=rf"Box\.{call[0]}"):
            box.call(*call)


def test_events_of_a_receipt_and_of_any_block_are_decoded(chain, box):
    first = box.transact("put", 1, "one")
    box.transact("put", 2, "two")
    assert first.event("Put")["label"] == "one"
    with pytest.raises(KeyError):
        first.event("Odd")
    assert [event["size"] for event in box.events("Put")] == [1, 2]
    assert [event["label"] for event in box.events("Put", from_block=first.block + 1)] == ["two"]
    assert [event["label"] for event in box.events("Put", size=1, owner=chain.address)] == ["one"]
    assert box.events("Put", owner="0x" + "11" * 20) == []
    with pytest.raises(InputError, match="no indexed argument 'label'"):
        box.events("Put", label="one")
    with pytest.raises(InputError, match="no event 'Nothing'"):
        box.events("Nothing")


def test_events_come_in_order_though_the_node_refuses_large_ranges(chain, box, monkeypatch):
    first, *_ = [box.transact("odd", 2).block for _ in range(3)]

    def picky(real, query):
        if int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= 2:
            raise ValueError("block range is too wide")
        return real()

    answered(chain, monkeypatch, "eth_getLogs", picky)
    assert [event["value"] for event in box.events("Odd", from_block=first)] == [0, 1] * 3


def test_accounts_take_turns_without_losing_a_nonce(node, chain, box):
    other = box.signing_as(node.private_keys[1])
    for value in range(3):
        box.transact("put", value, "")
        other.transact("put", value, "")
    owners = [event["owner"] for event in box.events("Put")]
    assert len(set(owners)) == 2
    assert owners[1].lower() == node.accounts[1]


def test_a_nonce_used_elsewhere_is_asked_for_again(node, chain, box):
    box.transact("put", 1, "")
    Chain(node.url, private_key=node.private_keys[0]).contract(box.artifact, box.address).transact("put", 2, "")
    box.transact("put", 3, "")
    assert box.call("size") == 3


def test_a_lost_connection_sends_the_same_transaction_again(chain, box, monkeypatch):
    sent, before = [], count_of(chain)

    def flaky(real, raw):
        sent.append(raw)
        result = real()
        if len(sent) == 1:
            raise requests.ConnectionError("gone after it arrived")
        return result

    answered(chain, monkeypatch, "eth_sendRawTransaction", flaky)
    receipt = box.transact("put", 4, "")
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert receipt.event("Put")["size"] == 4
    assert count_of(chain) == before + 1


def test_a_transaction_that_is_not_mined_in_time_says_so():
    with DevelopmentNode(block_time=60) as slow:
        chain = Chain(slow.url, private_key=slow.private_keys[0], timeout=0.5)
        begun = time.monotonic()
        with pytest.raises(TransactionError, match="was not mined within"):
            chain.send("a transfer", to=slow.accounts[1], value=1, gas=21_000)
        assert time.monotonic() - begun < 5


def test_an_account_without_money_is_told(chain, box):
    poor = box.signing_as("0x" + "01" * 32)
    with pytest.raises(TransactionError, match=r"(?i)insufficient funds"):
        poor.transact("put", 1, "", gas=100_000)


def test_no_node_and_no_contract_are_errors_of_the_chain(chain, box):
    with pytest.raises(ChainError, match="no EVM node answers"):
        Chain("http://127.0.0.1:9")
    with pytest.raises(DeploymentError, match="no contract at"):
        chain.contract(box.artifact, "0x" + "11" * 20)


def test_a_bad_private_key_is_never_shown(node):
    with pytest.raises(InputError) as caught:
        Chain(node.url, private_key="0xsecretsecret")
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
