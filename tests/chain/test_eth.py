"""Answers of EVM nodes, which may be anything."""

import pytest

from twopm_zk.chain import Chain
from twopm_zk.chain.eth import Eth
from twopm_zk.chain.rpc import EndpointError, RpcError, RpcProvider
from twopm_zk.errors import ChainError, TransactionError

NONSENSE = [None, True, 5, -1.5, "", "0x", "zz", "0xzz", [], [None], {}, {"number": "0x1"}, [{"topics": []}]]
ZERO = "0x" + "00" * 20
ASKED = {
    "chain_id": (),
    "block_number": (),
    "block": ("latest",),
    "transactions_in": (1,),
    "code": (ZERO,),
    "balance": (ZERO,),
    "transaction_count": (ZERO,),
    "gas_price": (),
    "priority_fee": (),
    "call": ({"to": ZERO},),
    "estimate_gas": ({"to": ZERO},),
    "send": (b"",),
    "transaction": (ZERO,),
    "receipt": (ZERO,),
    "logs": (ZERO, [], 0, 1),
}
MEANT = {  # what is an answer after all
    "code": ["", "0x"],
    "call": ["", "0x"],
    "send": ["", "0x"],
    "transaction": [None],
    "receipt": [None],
    "logs": [[], {}, ""],
}


@pytest.fixture
def answers(monkeypatch):
    """``answers(document)``: what the endpoint says to every request."""

    def answering(document):
        monkeypatch.setattr(RpcProvider, "_answered", lambda *_: document)

    return answering


@pytest.mark.parametrize("method", ASKED)
def test_an_answer_without_the_form_of_one_is_as_none(answers, method):
    for nonsense in NONSENSE:
        answers({"result": nonsense})
        if nonsense in MEANT.get(method, ()):
            getattr(Eth("http://localhost"), method)(*ASKED[method])
            continue
        with pytest.raises((EndpointError, RpcError), match=r"something else than an EVM node|no such block"):
            getattr(Eth("http://localhost"), method)(*ASKED[method])


def test_every_method_is_asked_above():
    assert {name for name in vars(Eth) if not name.startswith("_")} == set(ASKED)


@pytest.mark.parametrize(
    "error", [{"code": -32601, "message": "no"}, {"code": -32000}, {"message": "no", "data": {"a": 1}}, "no"]
)
def test_a_refusal_is_told_in_the_nodes_words(answers, error):
    answers({"result": "0x1", "error": error})
    with pytest.raises(RpcError, match=r"no|code -32000") as caught:
        Eth("http://localhost").chain_id()
    assert not caught.value.reverted
    with pytest.raises(ChainError, match="no EVM node answers"):
        Chain("http://localhost")


def test_an_error_that_is_none_is_no_refusal(answers):
    answers({"result": "0x5", "error": None})
    assert Chain("http://localhost").chain_id == 5


@pytest.mark.parametrize(
    "error",
    [
        {"code": 3, "message": "VM error", "data": "0x"},
        {"code": -32000, "message": "execution reverted"},
        {"code": -32015, "message": "VM execution error.", "data": "Reverted 0x08c379a0"},
        {"code": -32603, "message": "Internal", "data": "0x12345678"},
    ],
)
def test_nodes_have_several_ways_to_say_that_a_contract_refuses(answers, error):
    answers({"result": "0x1"})
    chain = Chain("http://localhost")
    answers({"error": error})
    with pytest.raises(TransactionError, match="a call reverted"):
        chain.call("a call", ZERO, b"")


def test_a_block_that_is_not_there_is_a_refusal(node):
    eth = Eth(node.url)
    with pytest.raises(RpcError, match="no such block"):
        eth.block(10**6)
    assert eth.block(0).number == 0
    assert eth.transaction("0x" + "11" * 32) is None
    assert eth.receipt("0x" + "11" * 32) is None


def test_the_transactions_of_a_block_are_those_that_were_sent(node, chain):
    receipt = chain.send("a transfer", to=node.accounts[5], value=7, data=b"hello")
    (sent,) = chain.eth.transactions_in(receipt.block)
    assert (sent.hash, sent.sender, sent.data) == (receipt.transaction, chain.address, b"hello")
    assert sent.recipient.lower() == node.accounts[5].lower()
    assert chain.eth.transaction(receipt.transaction) == sent
