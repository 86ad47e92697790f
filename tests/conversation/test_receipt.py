"""Receipts: what an operator has signed is found, and everything else is told apart from it."""

import json
from dataclasses import fields, replace

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from support.conversations import USER, kept, read_small, small_model

from twopm_zk.conversation.receipt import FIELDS, Finding, KeptAnswer, Receipt, verify_receipt
from twopm_zk.conversation.sampling import Sampling
from twopm_zk.conversation.transcript import Execution, Transcript
from twopm_zk.errors import InputError

SEED = bytes(range(32))
TYPE = (
    "Receipt(uint256 networkId,uint256 requestId,address user,address operator,bytes32 model,bytes32 adapter,"
    "bytes32 transcript,uint96 penalty,uint48 issued)"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return read_small(small_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def transcript(model):
    asked = Execution(model.digest, (1, 50, 60, 70, 2), Sampling(SEED, 700), 12)
    return Transcript(asked, tuple(model.tokens(asked)))


def test_an_honest_receipt_is_found_honest(model, transcript):
    found = verify_receipt(kept(transcript), model)
    assert found == Finding(signed=True, committed=True, difference=None)
    assert found.honest
    assert not found.provable


def test_the_type_is_the_one_that_the_contract_has():
    assert f"Receipt({','.join(f'{kind} {name}' for name, kind in FIELDS.items())})" == TYPE


def test_what_is_signed_is_the_hash_that_is_computed_by_hand(transcript):
    receipt = kept(transcript).signed.receipt

    def word(value):
        return value.to_bytes(32, "big") if isinstance(value, int) else bytes(12) + bytes.fromhex(value[2:])

    values = [value if isinstance(value, bytes) else word(value) for value in receipt.message.values()]
    domain = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    parts = [keccak(domain), keccak(b"twopm-zk conversation"), keccak(b"1")]
    separator = keccak(b"".join([*parts, word(receipt.chain_id), word(receipt.contract)]))
    assert receipt.hash == keccak(b"\x19\x01" + separator + keccak(keccak(TYPE.encode()) + b"".join(values)))


def test_a_signature_of_somebody_else_is_none_of_the_operator(model, transcript):
    found = verify_receipt(kept(transcript, signer=USER), model)
    assert (found.signed, found.honest, found.provable) == (False, False, False)


@pytest.mark.parametrize("signature", [bytes(65), b"\xff" * 65, b"\x01" * 64 + b"\x1b"])
def test_what_is_no_signature_at_all_is_not_taken_for_one(transcript, signature):
    assert not replace(kept(transcript).signed, signature=signature).signed


@pytest.mark.parametrize("name", [one.name for one in fields(Receipt)])
def test_a_receipt_that_was_changed_anywhere_is_not_signed_any_more(transcript, name):
    signed = kept(transcript).signed
    value = getattr(signed.receipt, name)
    other = (
        value + 1 if isinstance(value, int) else b"\1" * 32 if isinstance(value, bytes) else Account.create().address
    )
    assert not replace(signed, receipt=replace(signed.receipt, **{name: other})).signed


def test_a_receipt_of_another_chain_or_contract_has_another_hash(transcript):
    here = kept(transcript).signed
    for changes in ({"chain_id": 1}, {"contract": USER.address}):
        there = kept(transcript, **changes).signed
        assert there.signed
        assert there.receipt.hash != here.receipt.hash
        assert not replace(there, signature=here.signature).signed


def test_an_altered_transcript_is_not_the_one_that_was_signed(model, transcript):
    answer = list(transcript.answer)
    answer[4] = 100 if answer[4] != 100 else 101
    altered = replace(transcript, answer=tuple(answer))
    found = verify_receipt(replace(kept(transcript), transcript=altered), model)
    assert found == Finding(signed=True, committed=False, difference=4)
    assert not found.provable  # it is the user who has changed it


def test_a_signed_answer_that_does_not_follow_is_held_against_its_operator(model, transcript):
    answer = list(transcript.answer)
    answer[7] = 100 if answer[7] != 100 else 101
    found = verify_receipt(kept(replace(transcript, answer=tuple(answer))), model)
    assert found == Finding(signed=True, committed=True, difference=7)
    assert found.provable


@pytest.mark.parametrize("name", ["model", "adapter"])
def test_a_receipt_that_names_another_model_than_its_transcript_commits_to_nothing(transcript, name):
    assert not kept(transcript, **{name: b"\7" * 32}).committed


def test_a_kept_answer_is_read_back_as_it_was_written(transcript):
    whole = kept(transcript)
    assert KeptAnswer.from_document(json.loads(json.dumps(whole.to_json()))) == whole


def test_the_receipt_alone_shows_nothing_of_what_was_said(transcript):
    document = json.dumps(kept(transcript).signed.to_json())
    assert SEED.hex() not in document
    assert "50, 60" not in document
    assert SEED.hex() not in repr(kept(transcript))


@pytest.mark.parametrize(
    ("where", "changes", "said"),
    [
        ((), {"format": "other"}, "no receipt"),
        ((), {"more": 1}, "and no others"),
        ((), {"signature": "00"}, "130 hex digits"),
        ((), {"signature": 5}, "130 hex digits"),
        ((), {"receipt": []}, "and no others"),
        ((), {"transcript": {}}, "no transcript"),
        (("receipt",), {"user": USER.address.lower()}, "user is no address"),
        (("receipt",), {"operator": 5}, "operator is no text"),
        (("receipt",), {"model": "zz" * 32}, "model has 64 hex digits"),
        (("receipt",), {"network": 1}, "network is no natural number in decimal"),
        (("receipt",), {"request": "01"}, "request is no natural number in decimal"),
        (("receipt",), {"chain_id": str(1 << 256)}, "chain_id is a natural number below"),
        (("receipt",), {"penalty": str(1 << 96)}, "penalty is a natural number below"),
        (("receipt",), {"issued": True}, "issued is a natural number"),
        (("receipt",), {"issued": 1 << 48}, "issued is a natural number"),
        (("receipt",), {"issued": -1}, "issued is a natural number"),
    ],
)
def test_a_document_that_is_no_kept_answer_is_refused(transcript, where, changes, said):
    document = json.loads(json.dumps(kept(transcript).to_json()))
    inner = document
    for key in where:
        inner = inner[key]
    inner |= changes
    with pytest.raises(InputError, match=said):
        KeptAnswer.from_document(document)


def test_the_commitment_of_a_question_changes_with_each_of_its_parts(transcript):
    asked = transcript.execution
    others = [
        replace(asked, prompt=(*asked.prompt, 5)),
        replace(asked, max_tokens=13),
        replace(asked, model="00" * 32),
        replace(asked, adapter="11" * 32),
        replace(asked, sampling=Sampling(bytes(32), 700)),
        replace(asked, sampling=Sampling(SEED, 701)),
    ]
    commitments = {one.commitment for one in [asked, *others]}
    assert len(commitments) == 7
    assert transcript.digest not in commitments
