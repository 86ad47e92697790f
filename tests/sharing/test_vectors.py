"""The vectors that contracts are compared with: what the tool writes, and once more by hand."""

import importlib.util
import json

import pytest
from eth_utils.crypto import keccak
from support.chain_fixtures import VECTORS

from twopm_zk.numbers.baby_jubjub import BASE, SUBGROUP_ORDER, Point, add, multiply, negate
from twopm_zk.system import paths


@pytest.fixture(scope="module")
def file():
    return json.loads((VECTORS / "sharing.json").read_text())


def number(text):
    return int(text, 16)


def point(texts):
    return Point(*map(number, texts))


def words(*values):
    """`abi.encode` of values that take one word each."""
    return b"".join((number(value) if isinstance(value, str) else value).to_bytes(32, "big") for value in values)


def named(text, *values):
    """`abi.encode` of a text and such values: the text's place, the values, its length and its bytes."""
    head = (32 * (1 + len(values))).to_bytes(32, "big") + words(*values)
    return head + len(text).to_bytes(32, "big") + text.encode().ljust(-(-len(text) // 32) * 32, b"\0")


def scalar(digest):
    return int.from_bytes(digest, "big") % SUBGROUP_ORDER


def combination(base, response, power, challenge):
    return add(multiply(base, response), negate(multiply(power, challenge)))


def test_the_tool_writes_the_same_file_again():
    place = paths.source_root() / "tools" / "sharing_vectors.py"
    spec = importlib.util.spec_from_file_location("sharing_vectors", place)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert json.loads(tool.FILE.read_text()) == tool.vectors()


def test_keys_and_proofs_of_possession_by_hand(file):
    for member in file["members"]:
        x, y, challenge, response = map(number, (*member["lasting"], *member["possession"]))
        assert keccak(words(x, y)) == words(member["keyHash"])
        assert (
            multiply(Point(x, y), 8) == point(member["lastingKey"]) == multiply(BASE, number(member["lastingSecret"]))
        )
        R = combination(BASE, response, point(member["lastingKey"]), challenge)
        said = named("twopm-zk key possession", file["identity"], file["chainId"], member["account"], x, y, R.x, R.y)
        assert scalar(keccak(said)) == challenge
    assert len(file["members"]) == 4


def test_digests_by_hand(file):
    place = [file[name] for name in ("chainId", "contract", "task", "round", "attempt", "blockHash")]
    made = [keccak(words(*place))]
    leaves = [
        keccak(words(member["account"], member["keyHash"], *member["round"], *member["point"]))
        for member in file["members"]
    ]
    assert leaves == [words(member["leaf"]) for member in file["members"]]
    root = keccak(keccak(leaves[0] + leaves[1]) + keccak(leaves[2] + leaves[3]))
    made.append(keccak(words(as_number(made[-1]), 4, as_number(root))))
    made.append(keccak(words(as_number(made[-1]), file["members"][0]["account"], 0)))
    made.append(keccak(words(as_number(made[-1]), 1)))
    assert made == [words(step["digest"]) for step in file["digests"]]


def as_number(digest):
    return int.from_bytes(digest, "big")


def test_seeds_masks_and_truths_by_hand(file):
    digest = file["digests"][1]["digest"]
    generators = [point(texts) for texts in file["generators"]]
    assert len(file["pairs"]) == 6
    for pair in file["pairs"]:
        seed = keccak(words(digest, pair["low"], pair["high"], *pair["sharedLasting"], *pair["sharedRound"]))
        assert seed == words(pair["seed"])
        mask = [scalar(keccak(words(pair["seed"], 2 * i)) + keccak(words(pair["seed"], 2 * i + 1))) for i in range(3)]
        assert mask == list(map(number, pair["mask"]))
        total = Point(0, 1)
        for generator, one in zip(generators, mask, strict=True):
            total = add(total, multiply(generator, one))
        assert total == point(pair["truth"])


def test_shares_and_claims_by_hand(file):
    mask_of = {frozenset((pair["low"], pair["high"])): list(map(number, pair["mask"])) for pair in file["pairs"]}
    truth_of = {frozenset((pair["low"], pair["high"])): point(pair["truth"]) for pair in file["pairs"]}
    shares = {share["account"]: list(map(number, share["vector"])) for share in file["shares"]}
    for member in file["members"]:
        account = member["account"]
        wanted = list(map(number, member["opening"]))
        for pair, mask in mask_of.items():
            if account in pair:
                (other,) = pair - {account}
                sign = 1 if number(account) < number(other) else -1
                wanted = [(a + sign * b) % SUBGROUP_ORDER for a, b in zip(wanted, mask, strict=True)]
        assert shares[account] == wanted
    assert [claim["account"] for claim in file["claims"]] == [member["account"] for member in file["members"]]
    for claim in file["claims"]:
        assert claim["others"] == sorted(claim["others"], key=number)
        assert len(claim["others"]) == 3
        for other, claimed in zip(claim["others"], map(point, claim["points"]), strict=True):
            assert claimed == truth_of[frozenset((claim["account"], other))]


def test_reveals_by_hand(file):
    members = {member["account"]: member for member in file["members"]}
    for pair in file["pairs"]:
        reveal = pair["reveal"]
        me, other = members[reveal["revealer"]], members[reveal["other"]]
        for name, key, shared in (("lasting", "lastingKey", "sharedLasting"), ("round", "roundKey", "sharedRound")):
            challenge, response = number(reveal[name]["challenge"]), number(reveal[name]["response"])
            S = multiply(point(reveal[name]["T"]), 8)
            assert point(pair[shared]) == S
            A1 = combination(BASE, response, point(me[key]), challenge)
            A2 = combination(point(other[key]), response, S, challenge)
            said = named("twopm-zk shared point", *point(me[key]), *point(other[key]), *S, *A1, *A2)
            assert scalar(keccak(said)) == challenge
