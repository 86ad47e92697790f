import pytest

from twopm_zk.chain import Chain, compile_contract, compile_source, verify_on_chain
from twopm_zk.errors import CompileError, InputError, TransactionError
from twopm_zk.numbers.field import FIELD_ORDER

NAME = "PlonkVerifier"


@pytest.fixture(scope="module")
def verifier(chain, three):
    return chain.deploy(compile_source(three.solidity, NAME))


@pytest.fixture(scope="module")
def checked(chain, verifier):
    return chain.deploy(compile_contract("CheckedPlonkVerifier"), verifier.address)


def test_a_proof_is_accepted_by_its_contract(node, three):
    result = verify_on_chain(three.solidity, NAME, three.proof, three.public, node=node)
    assert result.accepted
    assert result.reason == ""
    assert 250_000 < result.gas < 310_000
    assert result.chain_id == 31337


@pytest.mark.slow
def test_a_node_is_started_where_none_is_given(two):
    assert verify_on_chain(two.solidity, NAME, two.proof, two.public).accepted


@pytest.mark.parametrize("position", range(3))
def test_a_changed_public_input_is_rejected(node, three, position):
    public = list(three.public)
    public[position] += 1
    result = verify_on_chain(three.solidity, NAME, three.proof, public, node=node)
    assert (result.accepted, result.reason) == (False, "InvalidProof")


@pytest.mark.parametrize("position", range(24))
def test_a_changed_word_of_the_proof_is_rejected(checked, three, position):
    proof = list(three.proof)
    proof[position] ^= 1
    with pytest.raises(TransactionError) as caught:
        checked.call("requireProof", proof, three.public)
    assert caught.value.error == "InvalidProof"


def test_an_aliased_public_input_verifies_in_the_generated_contract_but_not_in_ours(verifier, checked, aliased):
    assert verifier.call("verifyProof", aliased.proof, aliased.public, gas=1_000_000) is True
    with pytest.raises(TransactionError) as caught:
        checked.call("requireProof", aliased.proof, aliased.public)
    assert caught.value.error == "NotAFieldElement"
    assert caught.value.values == {"value": 2 + FIELD_ORDER}


@pytest.mark.parametrize("position", range(3))
def test_every_public_input_is_checked_to_be_a_field_element(checked, three, position):
    public = list(three.public)
    public[position] = FIELD_ORDER
    with pytest.raises(TransactionError) as caught:
        checked.call("requireProof", three.proof, public)
    assert (caught.value.error, caught.value.values) == ("NotAFieldElement", {"value": FIELD_ORDER})


@pytest.mark.parametrize("position", range(2))
def test_an_aliased_public_input_is_rejected_for_any_number_of_inputs(node, two, position):
    public = list(two.public)
    public[position] += FIELD_ORDER
    result = verify_on_chain(two.solidity, NAME, two.proof, public, node=node)
    assert (result.accepted, result.reason) == (False, "NotAFieldElement")


def test_the_largest_field_element_is_checked_as_a_proof_not_as_a_range(checked, three):
    with pytest.raises(TransactionError) as caught:
        checked.call("requireProof", three.proof, [FIELD_ORDER - 1, *three.public[1:]])
    assert caught.value.error == "InvalidProof"


def test_two_public_inputs_are_verified_with_explicit_gas(node, two):
    assert verify_on_chain(two.solidity, NAME, two.proof, two.public, node=node).accepted
    changed = [two.public[0], two.public[1] + 1]
    assert not verify_on_chain(two.solidity, NAME, two.proof, changed, node=node).accepted


def test_gas_estimation_is_wrong_for_the_generated_contract_and_right_for_ours(chain, verifier, checked, three):
    arguments = (three.proof, three.public)
    bare = chain.web3.eth.estimate_gas(
        {"from": chain.address, "to": verifier.address, "data": verifier.encode("verifyProof", *arguments)}
    )
    assert verifier.call("verifyProof", *arguments, gas=bare) is False
    assert verifier.call("verifyProof", *arguments, gas=1_000_000) is True
    assert checked.transact("requireProof", *arguments).gas_used > 250_000


def test_a_verifier_without_code_accepts_nothing(chain, three):
    empty = chain.deploy(compile_contract("CheckedPlonkVerifier"), "0x" + "11" * 20)
    with pytest.raises(TransactionError):
        empty.call("requireProof", three.proof, three.public)


def test_what_does_not_fit_the_types_is_an_input_error(node, three):
    with pytest.raises(InputError, match="24 numbers"):
        verify_on_chain(three.solidity, NAME, three.proof[:23], three.public, node=node)
    with pytest.raises(InputError, match="takes 3 public inputs, not 2"):
        verify_on_chain(three.solidity, NAME, three.proof, three.public[:2], node=node)
    with pytest.raises(InputError, match="256-bit"):
        verify_on_chain(three.solidity, NAME, [-1, *three.proof[1:]], three.public, node=node)


def test_another_contract_name_is_a_compile_error(node, three):
    with pytest.raises(CompileError, match="no contract 'Other'"):
        verify_on_chain(three.solidity, "Other", three.proof, three.public, node=node)


def test_a_chain_without_a_key_verifies_by_calls(node, checked, three):
    reader = Chain(node.url).contract(checked.artifact, checked.address)
    assert reader.call("requireProof", three.proof, three.public) is None
    with pytest.raises(InputError, match="private key"):
        reader.transact("requireProof", three.proof, three.public)
