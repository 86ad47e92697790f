"""Proofs that no verifier may accept, in one table, beside one that all do: three public inputs, eight rows.

All but one are made here, from the circuit `tests/circuits/seven.circom` and by the prover in plain integers; a name
says what is wrong, the source who asks for it to be refused.
"""

import json
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from py_ecc.optimized_bn128 import G2, normalize
from soundness.plonk_forger import BLINDING, FORGERIES, without
from soundness.plonk_judges import Candidate
from support.reference_prover import ROUNDS, Prover, challenge

from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.numbers.bn254 import G1Point, G2Point
from twopm_zk.numbers.field import BASE_FIELD_ORDER as P
from twopm_zk.numbers.field import FIELD_ORDER as R
from twopm_zk.plonk.proof import KEY_POINTS, PROOF_EVALUATIONS, PROOF_POINTS
from twopm_zk.plonk.transcript import Challenges

VECTORS = Path(__file__).parents[1] / "vectors"
PAPER = "ePrint 2019/953, section 8.3"
FROZEN = "frozen heart, ePrint 2023/691"
ALIAS = "no generated verifier compares public inputs with the order: verifier/proofs/ProofCheck.sol"
EIP = "EIP-196: coordinates are reduced, points are on the curve"
POINT_AT = {name: 2 * index for index, name in enumerate(PROOF_POINTS)}
EVALUATION_AT = {name: 18 + index for index, name in enumerate(PROOF_EVALUATIONS)}


class Vectors:
    """The table, for the development keys of tests/circuits/seven.circom."""

    def __init__(self, circuit, keys, inputs, folder):
        self.circuit, self.keys, self.folder = circuit, keys, folder
        self.key = keys.verification_key
        self.prover = self.prover_of(inputs)
        self.honest = self.candidate("honest", self.prover.inputs, *self.prover.prove(BLINDING))

    def prover_of(self, inputs):
        witness = self.folder / "seven.wtns"
        calculate_witness(self.circuit, inputs).write(witness)
        return Prover(self.keys.zkey, witness)

    def candidate(self, name, public, points, evaluations, source=""):
        words = [coordinate for point in PROOF_POINTS for coordinate in points[point]]
        words += [evaluations[evaluation] for evaluation in PROOF_EVALUATIONS]
        return Candidate(name, self.key, tuple(public), tuple(words), source)

    def changed(self, name, source, words=None, **parts):
        fields = {"key": self.key, "public": self.honest.public, **parts}
        return Candidate(name, fields["key"], tuple(fields["public"]), self.honest.at(words or {}).words, source)

    @cached_property
    def forged(self):
        """Proofs of a false statement by name, each accepted where its transcript is used."""
        return {name: self._forgery(name) for name in FORGERIES}

    def _forgery(self, name):
        attack, rounds = FORGERIES[name]
        run = attack(self.prover, rounds)
        assert tuple(run.inputs) != self.honest.public
        return self.candidate(f"forged for {name}", run.inputs, *run.proof(), FROZEN)

    def frozen(self):
        """True statements proven for transcripts that lack one part; a verifier that lacks it too would accept."""
        for name in ("beta", "gamma", "alpha", "xi", "v"):
            for part in ROUNDS[name]:
                proof = self.prover.prove(BLINDING, without(name, part))
                yield self.candidate(f"{name} without {part}", self.prover.inputs, *proof, FROZEN)
            for first, second in pairwise(ROUNDS[name]):
                parts = [{first: second, second: first}.get(part, part) for part in ROUNDS[name]]
                proof = self.prover.prove(BLINDING, ROUNDS | {name: tuple(parts)})
                yield self.candidate(f"{name} with {second} before {first}", self.prover.inputs, *proof, PAPER)

    def well_formed(self):
        """Every number is one of its kind, and the proof is still none."""
        words = self.honest.words
        for name, at in POINT_AT.items():
            yield self.changed(f"{name} negated", PAPER, {at + 1: P - words[at + 1]})
        for name, at in EVALUATION_AT.items():
            yield self.changed(f"{name} and one", PAPER, {at: (words[at] + 1) % R})
        for first, second in (("A", "B"), ("B", "C"), ("Z", "T1"), ("T1", "T2"), ("T2", "T3"), ("Wxi", "Wxiw")):
            a, b = POINT_AT[first], POINT_AT[second]
            swap = {a: words[b], a + 1: words[b + 1], b: words[a], b + 1: words[a + 1]}
            yield self.changed(f"{first} and {second} swapped", PAPER, swap)
        for a in (18, 21, 22):
            names = PROOF_EVALUATIONS[a - 18 : a - 16]
            yield self.changed(" and ".join(names) + " swapped", PAPER, {a: words[a + 1], a + 1: words[a]})
        public = self.honest.public
        for i in range(3):
            wrong = (*public[:i], (public[i] + 1) % R, *public[i + 1 :])
            yield self.changed(f"public input {i} and one", PAPER, public=wrong)
        yield self.changed("public inputs swapped", PAPER, public=(public[1], public[0], public[2]))
        yield self.changed("public inputs all zero", PAPER, public=(0, 0, 0))
        generator = dict(enumerate((1, 2) * 9 + (0,) * 6))
        yield self.changed("generators and zeros", "a proof that is no secret", generator)
        yield self.changed("generators, zeros and no inputs", "a proof that is no secret", generator, public=(0, 0, 0))
        x = next(x for x in range(R, P) if pow(x**3 + 3, (P - 1) // 2, P) == 1)
        between = {0: x, 1: pow(x**3 + 3, (P + 1) // 4, P)}
        yield self.changed("A's x from the order of the scalars on", "verifiers of snarkjs refuse such points", between)
        yield self.other_key("plonk_three")

    def other_key(self, name):
        saved = json.loads((VECTORS / f"{name}.json").read_text())
        public, words = (tuple(map(int, saved[part])) for part in ("publicInputs", "proof"))
        return Candidate(f"the proof of {name} under this key", self.key, public, words, saved["source"])

    def malformed(self):
        """Some number or point is none, or is written in another way than the one."""
        words = self.honest.words
        for name, at in POINT_AT.items():
            x, y = words[at : at + 2]
            yield self.changed(f"{name} off the curve", EIP, {at + 1: (y + 1) % P})
            yield self.changed(f"{name} at infinity", EIP, {at: 0, at + 1: 0})
            yield self.changed(f"{name}'s x and the order", EIP, {at: x + P})
            yield self.changed(f"{name}'s y and the order", EIP, {at + 1: y + P})
            yield self.changed(f"{name}'s coordinates swapped", EIP, {at: y, at + 1: x})
        for name, at in EVALUATION_AT.items():
            yield self.changed(f"{name} and the order", "a second spelling of a proof", {at: words[at] + R})
        public = self.honest.public
        for i in range(3):
            wrong = (*public[:i], public[i] + R, *public[i + 1 :])
            yield self.changed(f"public input {i} and the order", ALIAS, public=wrong)
        yield self.aliased()
        for name, value in (("zeros", 0), ("ones", 1), ("the order", R), ("the largest words", 2**256 - 1)):
            yield self.changed(f"nothing but {name}", "a proof that is no secret", dict.fromkeys(range(24), value))
        yield self.changed("nothing at all", "a proof that is no secret", dict.fromkeys(range(24), 0), public=(0, 0, 0))
        yield self.changed("words one place on", "calldata", dict(enumerate((*words[1:], 0))))
        yield self.infinite()

    def aliased(self):
        """A transcript that absorbed a public input and the order, which the generated contract alone accepts."""
        public = (*self.honest.public[:2], self.honest.public[2] + R)
        rounds = ROUNDS | {"beta": tuple("alias" if part == "public" else part for part in ROUNDS["beta"])}
        proof = self.prover.prove(BLINDING, rounds, alias=public)
        return self.candidate("public input and the order, as absorbed", public, *proof, ALIAS)

    def infinite(self):
        """A true statement about zeros, its wire a not blinded: the equations hold with A at infinity."""
        prover = self.prover_of({"a": 0, "b": 0, "c": 0, "d": 0})
        proof = prover.prove([0, 0, 0, *BLINDING[3:]])
        assert proof[0]["A"] == (0, 0)
        return self.candidate("A at infinity in a true statement", prover.inputs, *proof, EIP)

    def lengths(self):
        """Questions of another length, which Solidity's types do not let anybody ask."""
        public = self.honest.public
        for wrong in ((), public[:2], (*public, 0)):
            yield self.changed(f"{len(wrong)} public inputs", PAPER, public=wrong)

    def other_keys(self):
        """The honest proof under keys of which one part is another."""
        for name in KEY_POINTS:
            x, y = getattr(self.key, name)
            if (x, y) != (0, 0):
                yield self.changed(f"the key's {name} negated", PAPER, key=self.key_with(name, G1Point(x, P - y)))
        x, y, *_ = normalize(G2)
        generator = G2Point(tuple(map(int, x.coeffs)), tuple(map(int, y.coeffs)))
        for name, value in (("k1", 5), ("k2", 7), ("X_2", generator), ("w", pow(self.key.w, 3, R))):
            yield self.changed(f"the key's {name} another", PAPER, key=self.key_with(name, value))

    def key_with(self, name, value):
        return replace(self.key, **{name: value})


def weak_challenges(rounds):
    """`twopm_zk.plonk.transcript.challenges` for a transcript with these rounds."""

    def challenges(key, public, proof):
        said = {name: tuple(getattr(key, name)) for name in KEY_POINTS} | {"public": tuple(public)}
        said |= {name: tuple(getattr(proof, name)) for name in PROOF_POINTS}
        said |= {name: getattr(proof, name) for name in PROOF_EVALUATIONS}
        left = dict(rounds)
        while left:
            name = next(name for name, parts in left.items() if all(part in said for part in parts))
            said[name] = challenge(*(said[part] for part in left.pop(name)))
        return Challenges(*(said[name] for name in ROUNDS))

    return challenges
