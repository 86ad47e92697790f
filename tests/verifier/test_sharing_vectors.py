"""What contracts compute of keys, masks and pair points, against the vectors that the library is tested with."""

import json
from pathlib import Path

import pytest

from twopm_zk.chain import compile_contract
from twopm_zk.chain.contracts import Contract

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "sharing.json").read_text())
MEMBERS = {member["account"]: member for member in VECTORS["members"]}
PAIRS = [(pair["low"], pair["high"]) for pair in VECTORS["pairs"]]


def numbers(values):
    return [int(value, 16) for value in values]


@pytest.fixture(scope="module")
def deployed(chain):
    return chain.deploy(compile_contract("PointProofs"))


@pytest.fixture
def proofs(chain, node, deployed):
    """The library at the address that the vectors' proofs of possession are bound to."""
    node.rpc("anvil_setCode", VECTORS["identity"], "0x" + chain.code(deployed.address).hex())
    return Contract(chain, deployed.artifact, VECTORS["identity"])


@pytest.fixture(scope="module")
def pairs(chain, deployed):
    return chain.deploy(compile_contract("PointProofsDouble"), libraries={"PointProofs": deployed.address})


def generators():
    return [coordinate for point in VECTORS["generators"] for coordinate in numbers(point)]


def keys(account):
    member = MEMBERS[account]
    return (numbers(member["lasting"]), *numbers(member["round"]))


def flat(proof):
    return numbers([*proof["T"], proof["challenge"], proof["response"]])


@pytest.mark.parametrize("account", MEMBERS)
def test_the_contract_takes_the_proofs_of_possession_for_their_accounts_only(proofs, refused, account):
    member = MEMBERS[account]
    proof = numbers([*member["lasting"], *member["possession"]])
    proofs.call("requirePossession", account, *proof)
    other = next(other for other in MEMBERS if other != account)
    with refused("NotInPossession"):
        proofs.call("requirePossession", other, *proof)


@pytest.mark.parametrize("account", MEMBERS)
def test_the_contract_commits_to_openings_as_nodes_do(proofs, account):
    point = proofs.call("commit", numbers(MEMBERS[account]["opening"]), generators())
    assert [point["x"], point["y"]] == numbers(MEMBERS[account]["point"])


@pytest.mark.parametrize("pair", VECTORS["pairs"], ids=[f"{low[:4]}-{high[:4]}" for low, high in PAIRS])
def test_the_contract_derives_the_truth_of_a_pair_from_what_either_reveals(pairs, pair):
    reveal = pair["reveal"]
    digest = next(entry["digest"] for entry in VECTORS["digests"] if entry["after"] == "all are ready")
    point = pairs.call(
        "pairPoint",
        digest,
        reveal["revealer"],
        reveal["other"],
        keys(reveal["revealer"]),
        keys(reveal["other"]),
        [flat(reveal["lasting"]), flat(reveal["round"])],
        generators(),
    )
    assert [point["x"], point["y"]] == numbers(pair["truth"])
