"""Everybody who says whether a proof holds, asked the same question: 24 numbers of a proof, and public inputs.

They agree where each accepts or none does. A proof that is not well formed raises ProofFormatError in Python, is an
error of kind "proof" in the native verifier, and makes the contract return false or revert: all of these are a no.
Another number of public inputs is a question for Python and Rust alone: Solidity's type has the length.

snarkjs, as the page runs it, reads numbers modulo their order and takes points at infinity. It therefore says yes to
more spellings of a proof, and `same_numbers` says to which: to none of a false statement.
"""

import json
import subprocess
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import httpx

from twopm_zk.chain.compiler import compile_contract, compile_source
from twopm_zk.chain.verification import VERIFY_GAS
from twopm_zk.errors import ProofFormatError
from twopm_zk.numbers.bn254 import G1Point, is_on_g1
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.plonk.proof import PROOF_EVALUATIONS, PROOF_POINTS, Proof, VerificationKey
from twopm_zk.plonk.proving import verify
from twopm_zk.plonk.solidity import export_verifier, proof_from_calldata
from twopm_zk.system import programs
from twopm_zk.system.paths import npm_package

SNARKJS_VERIFY = Path(__file__).parents[1] / "support" / "snarkjs_verify.mjs"
BATCH = 50
"""Calls in one request to the node."""


@dataclass(frozen=True)
class Candidate:
    """What is put before the judges."""

    name: str
    key: VerificationKey
    public: tuple[int, ...]
    words: tuple[int, ...]
    """Nine points and six evaluations, as in calldata."""
    source: str = ""

    def at(self, changes):
        """With other words, by index."""
        words = list(self.words)
        for index, value in changes.items():
            words[index] = value % 2**256
        return replace(self, words=tuple(words))

    def proof_json(self):
        """As snarkjs writes it, whatever the numbers are."""
        points = dict(zip(PROOF_POINTS, zip(self.words[:18:2], self.words[1:18:2], strict=True), strict=True))
        row = {name: ["0", "1", "0"] if p == (0, 0) else [str(p[0]), str(p[1]), "1"] for name, p in points.items()}
        row |= dict(zip(PROOF_EVALUATIONS, map(str, self.words[18:]), strict=True))
        return row | {"protocol": "plonk", "curve": "bn128"}


def python(candidate):
    try:
        return holds(candidate.key, candidate.public, proof_from_calldata(candidate.words))
    except ProofFormatError:
        return False


@cache
def holds(key, public, proof):
    """What the Python verifier says, asked once: it takes a quarter of a second."""
    return verify(key, list(public), proof)


def native(candidate):
    public = json.dumps([str(value) for value in candidate.public])
    return native_text(candidate.key, public, json.dumps(candidate.proof_json()))


def native_text(key, public, proof):
    from twopm_zk import _native

    try:
        return _native.verify(json.dumps(key.to_json()), public, proof)
    except _native.NativeError as error:
        if error.args[0] != "proof":
            raise
        return False


def snarkjs(candidates, folder):
    """Answers to all of them, from one process."""
    asked = [[c.key.to_json(), [str(value) for value in c.public], c.proof_json()] for c in candidates]
    (folder / "proofs.json").write_text(json.dumps(asked))
    command = [programs.node(), SNARKJS_VERIFY, npm_package("snarkjs"), folder / "proofs.json"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60 + len(asked))
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def same_numbers(candidate):
    """Whether a proof holds with every number reduced, points at infinity among them."""
    orders = [BASE_FIELD_ORDER] * 18 + [FIELD_ORDER] * 6
    words = [word % order for word, order in zip(candidate.words, orders, strict=True)]
    points = [G1Point(*words[i : i + 2]) for i in range(0, 18, 2)]
    if not all(point == (0, 0) or is_on_g1(*point) for point in points):
        return False
    try:
        return holds(candidate.key, candidate.public, Proof(*points, *words[18:]))
    except ProofFormatError:
        return False


class Contracts:
    """Generated verifiers on a development node, each behind the check that ours have of public inputs."""

    def __init__(self, chain, url):
        self.chain, self.url = chain, url
        self.addresses = {}

    def address(self, key):
        if key not in self.addresses:
            generated = self.chain.deploy(compile_source(export_verifier(key), "PlonkVerifier"))
            checked = self.chain.deploy(compile_contract("CheckedPlonkVerifier"), generated.address)
            self.addresses[key] = checked
        return self.addresses[key]

    def accept(self, candidates):
        """Answers to all of them, by calls that leave no trace."""
        answers = []
        for start in range(0, len(candidates), BATCH):
            calls = [self.call(i, c) for i, c in enumerate(candidates[start : start + BATCH])]
            replies = httpx.post(self.url, json=calls, timeout=120).json()
            assert len(replies) == len(calls)
            for reply in sorted(replies, key=lambda reply: reply["id"]):
                assert ("result" in reply) or "revert" in reply["error"]["message"], reply
                answers.append("result" in reply)
        return answers

    def call(self, number, candidate):
        contract = self.address(candidate.key)
        selector = contract.encode("requireProof", [0] * 24, [0] * 3)[:4]
        data = f"0x{selector.hex()}" + "".join(f"{word:064x}" for word in (*candidate.words, *candidate.public))
        parameters = [{"to": contract.address, "data": data, "gas": hex(VERIFY_GAS)}, "latest"]
        return {"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": parameters}
