"""Blocks, logs and receipts are parsed once; an answer that is none is an error of the endpoint."""

import pytest

from twopm_zk.chain.rpc import EndpointError, answers

HASH = "0x" + "ab" * 32
ADDRESS = "0x" + "0d" * 20
BLOCK = {"number": "0x10", "hash": HASH, "parentHash": HASH, "timestamp": "0x2", "baseFeePerGas": "0x7"}
LOG = {
    "address": ADDRESS,
    "topics": [HASH],
    "data": "0x",
    "blockNumber": "0x10",
    "transactionHash": HASH,
    "logIndex": "0x0",
}
RECEIPT = {"status": "0x1", "blockNumber": "0x10", "gasUsed": "0x5208", "logs": [LOG], "contractAddress": None}
SENT = {"hash": HASH, "from": ADDRESS, "to": None, "input": "0x01"}
PARSERS = [
    (answers.block_header, BLOCK),
    (lambda answer: answers.logs([answer]), LOG),
    (answers.mined, RECEIPT),
    (answers.transaction, SENT),
]


@pytest.mark.parametrize(("parse", "answer"), PARSERS)
def test_an_answer_is_parsed_and_one_that_lacks_or_spoils_a_field_is_the_endpoints_error(parse, answer):
    assert answers.parsed("that", parse, answer) == parse(answer)
    needed = answer.keys() - {"baseFeePerGas", "contractAddress", "to"}
    spoilt = [{name: value for name, value in answer.items() if name != field} for field in needed]
    spoilt += [{**answer, field: "rubbish"} for field in answer]
    for other in [*spoilt, [], 5, "0x", True]:
        with pytest.raises(EndpointError, match="answers with something else than that"):
            answers.parsed("that", parse, other)


@pytest.mark.parametrize("text", ["-0x5", "0x-5", "1_0", "0x1_0", " 0x5\n", "0x5\n", "10", "0x", "0x ", "0x\u0665", 5])
def test_a_number_that_python_alone_would_read_is_the_endpoints_error(text):
    with pytest.raises(EndpointError):
        answers.parsed("a number", answers.number, text)


@pytest.mark.parametrize("text", ["0x 12", "0x12 ", "0x12\n", "0x1 2", "12", "0x123", "0X12", b"0x12"])
def test_data_with_anything_but_hexadecimal_digits_are_the_endpoints_error(text):
    with pytest.raises(EndpointError):
        answers.parsed("data", answers.data, text)


def test_numbers_and_data_may_have_small_and_large_digits_and_leading_zeros():
    assert [answers.number(text) for text in ("0x0", "0xaB", "0x0010")] == [0, 171, 16]
    assert [answers.data(text) for text in ("0x", "0xaB01")] == [b"", bytes([171, 1])]


@pytest.mark.parametrize("text", ["0x", "0x12", HASH + "00"])
def test_a_hash_has_32_bytes(text):
    with pytest.raises(EndpointError):
        answers.parsed("a block", answers.block_header, {**BLOCK, "hash": text})


def test_a_block_without_a_fee_a_log_and_a_receipt_have_their_values():
    bare = answers.block_header({name: value for name, value in BLOCK.items() if name != "baseFeePerGas"})
    assert (bare.number, bare.time, bare.base_fee, bare.parent) == (16, 2, None, bytes.fromhex(HASH[2:]))
    found = answers.mined({**RECEIPT, "status": "0x0", "contractAddress": ADDRESS})
    assert (found.succeeded, found.gas_used, found.contract) == (False, 21_000, found.logs[0].address)
    assert found.logs[0].topics == (bytes.fromhex(HASH[2:]),)
    assert answers.transaction(SENT).to is None
