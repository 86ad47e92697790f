"""No verifier accepts a false proof, and none accepts what another refuses."""

import json
import random
import secrets

import pytest
from soundness.plonk_changes import changed, changed_text, compact
from soundness.plonk_forger import FORGERIES
from soundness.plonk_judges import Contracts, holds, native, native_text, python, same_numbers, snarkjs
from soundness.plonk_vectors import Vectors, weak_challenges

from twopm_zk.errors import ProofFormatError
from twopm_zk.plonk import verifier
from twopm_zk.plonk.proof import Proof, public_from_json
from twopm_zk.plonk.proving import verify
from twopm_zk.plonk.solidity import proof_from_calldata
from twopm_zk.system.parsing import read_json

pytestmark = [pytest.mark.prover, pytest.mark.chain, pytest.mark.slow]
JUDGES = ("python", "native", "snarkjs", "contract")


@pytest.fixture(scope="module")
def vectors(tiny, tiny_keys, tiny_inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    return Vectors(tiny("seven"), tiny_keys("seven"), tiny_inputs["seven"], folder)


@pytest.fixture(scope="module")
def contracts(chain, node):
    return Contracts(chain, node.url)


@pytest.fixture
def ask(request, tmp_path):
    """``ask(judge, candidates)``: the answers of a judge to all of them."""

    def answers(judge, candidates):
        if judge == "snarkjs":
            return snarkjs(candidates, tmp_path)
        if judge == "contract":
            return request.getfixturevalue("contracts").accept(candidates)
        if judge == "native":
            request.getfixturevalue("native")
        return [{"python": python, "native": native}[judge](candidate) for candidate in candidates]

    return answers


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_a_proof_where_its_transcript_is_used_and_nowhere_else(vectors, tally, monkeypatch, name):
    forged = vectors.forged[name]
    assert python(forged) is False
    monkeypatch.setattr(verifier, "challenges", weak_challenges(FORGERIES[name][1]))
    assert verify(forged.key, list(forged.public), proof_from_calldata(forged.words)) is True
    tally.attacks("PLONK: false statements forged for weak transcripts", tried=1, refused=1)


@pytest.mark.parametrize("judge", JUDGES)
def test_no_vector_is_accepted_and_the_honest_proof_is(vectors, ask, tally, amount, judge):
    candidates = [*vectors.forged.values(), *vectors.well_formed()]
    if judge != "contract":
        candidates += vectors.other_keys()
    if amount(False, True):
        candidates += vectors.frozen()
    if judge == "python":
        candidates = candidates[:: amount(5, 1)]  # a seventh of a second each
    step = amount(2, 1) if judge == "snarkjs" else 1
    candidates += list(vectors.malformed())[::-step]  # the last one in any case
    if judge in ("python", "native"):
        candidates += vectors.lengths()
    *found, honest = ask(judge, [*candidates, vectors.honest])
    answers = dict(zip((c.name for c in candidates), found, strict=True))
    assert len(answers) == len(candidates), "two vectors of one name"
    accepted = {name for name, answer in answers.items() if answer}
    if judge == "snarkjs":
        same = {c.name for c in candidates if c.name in accepted and same_numbers(c)}
        assert "A at infinity in a true statement" in same
        assert not any("public input" in name for name in same)
        ignored = {"the key's w another"}  # it has its own
        candidates = [c for c in candidates if c.name not in same | ignored]
        accepted -= same | ignored
    tally.attacks(f"PLONK: vectors, {judge}", tried=len(candidates), refused=len(candidates) - len(accepted))
    assert honest


@pytest.mark.full
def test_contracts_of_other_keys_refuse_the_honest_proof(vectors, ask, tally):
    candidates = list(vectors.other_keys())
    refused = ask("contract", candidates).count(False)
    tally.attacks("PLONK: vectors, contract", tried=len(candidates), refused=refused)


def numbers(quick, full):
    """Numbers of batches, of which a quick run has few."""
    return [pytest.param(i, marks=[pytest.mark.full] if i >= quick else []) for i in range(full)]


def generator(batch, amount):
    """The same changes in every quick run, others in every full one."""
    seed = amount(batch, secrets.randbits(64))
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.mark.parametrize("batch", numbers(1, 12))
def test_random_changes_of_a_proof_are_refused_by_all(vectors, ask, tally, amount, batch):
    candidates = changed(generator(batch, amount), vectors.honest, amount(15, 250))
    candidates = [c for c in candidates if (c.words, c.public) != (vectors.honest.words, vectors.honest.public)]
    answers = {judge: ask(judge, candidates) for judge in amount(("python", "native", "contract"), JUDGES)}
    if "snarkjs" in answers:
        accepted = [c for c, answer in zip(candidates, answers.pop("snarkjs"), strict=True) if answer]
        assert [c for c in accepted if not same_numbers(c)] == []
    split = [c for c, *one in zip(candidates, *answers.values(), strict=True) if len(set(one)) > 1]
    accepted = [c for c, answer in zip(candidates, answers["python"], strict=True) if answer]
    refused = len(candidates) - len(accepted)
    print([*split, *accepted][:3])
    tally.attacks("PLONK: random changes", tried=len(candidates), refused=refused, disagreements=len(split))


@pytest.mark.parametrize("batch", numbers(1, 12))
def test_files_with_random_bytes_are_read_alike_by_python_and_native(vectors, native, tally, amount, tmp_path, batch):
    """Each of proof.json and public.json; what both accept says the same as before."""
    rng = generator(batch, amount)
    honest = vectors.honest
    texts = compact(honest.proof_json()), json.dumps([str(value) for value in honest.public])
    path = tmp_path / "changed.json"

    def in_python(proof, public):
        rows = []
        for text in (proof, public):
            path.write_bytes(text.encode(errors="surrogateescape"))
            rows.append(read_json(path, what="file", error=ProofFormatError))
        return holds(honest.key, tuple(public_from_json(rows[1])), Proof.from_json(rows[0]))

    tried = amount(60, 1000)
    split = []
    for _ in range(tried):
        which = rng.random() < 0.8
        proof, public = (
            changed_text(rng, text) if chosen else text for text, chosen in zip(texts, (which, not which), strict=True)
        )
        try:
            ours = in_python(proof, public)
        except ProofFormatError:
            ours = False
        try:
            theirs = native_text(honest.key, public, proof)
        except UnicodeEncodeError:
            theirs = False  # what is no UTF-8 does not get there
        if ours != theirs:
            split.append((proof, public))
    print(split[:3])
    tally.inputs("PLONK: files with random bytes", tried=tried, handled=tried, disagreements=len(split))
