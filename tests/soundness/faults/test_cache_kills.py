"""kill -9 of whoever fills a cache before, halfway through and after every write: what is found there later is whole,
and the same as where nobody was killed."""

import pytest
from conftest import CIRCUITS, INPUTS, link_to_usual_cache
from soundness.faults.mortal import Mortal
from support.deaths import MOMENTS, read_journal

from twopm_zk.auditor.keys import DerivedKeys
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.plonk.keys import setup
from twopm_zk.plonk.proving import prove, verify

pytestmark = pytest.mark.slow

PART = "faults: whoever fills a cache killed at every write"
CIRCUIT = CIRCUITS / "multiplier.circom"
INSTANCE = "predict-3"


@pytest.fixture
def killed(tmp_path, forks):
    """Look until all is done, however often it dies, with an empty cache but for circom's own machine code."""
    made = []

    def ended(role, **options):
        link_to_usual_cache(tmp_path / "cache", "programs")
        mortal = Mortal(tmp_path, forks, role=role, name=role, **options)
        made.append(mortal)
        while not mortal.finished:
            mortal.look()
        assert mortal.unseen == []
        assert not list((tmp_path / "cache").rglob(".*"))  # nothing that was begun is left
        return mortal

    yield ended
    for mortal in made:
        mortal.close()


def test_keys_are_the_same_wherever_their_maker_was_killed(killed, tmp_path, monkeypatch, tally, amount):
    instances = amount((), (INSTANCE,))
    usual, codes = setup(compile_circuit(CIRCUIT)), [DerivedKeys().code(name) for name in instances]
    options = {"circuit": str(CIRCUIT), "inputs": INPUTS["multiplier"], "instances": instances}
    mortal = killed("keys", moments=amount(("halfway",), MOMENTS), **options)
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path / "cache"))
    circuit = compile_circuit(CIRCUIT)
    keys = setup(circuit)
    assert keys.folder.is_relative_to(tmp_path)
    assert circuit.r1cs_digest == usual.circuit.r1cs_digest
    assert keys.verification_key_file.read_bytes() == usual.verification_key_file.read_bytes()
    assert keys.zkey.read_bytes() == usual.zkey.read_bytes()
    proven = prove(keys, INPUTS["multiplier"])
    key = keys.verification_key
    assert verify(key, proven.public, proven.proof)
    assert not verify(key, [proven.public[0] + 1, *proven.public[1:]], proven.proof)
    assert [DerivedKeys().code(name) for name in instances] == codes
    tally.faults(PART, tried=len(mortal.deaths), survived=len(mortal.deaths))


def test_what_a_gateway_keeps_of_an_audit_is_whole_or_not_there(killed, tmp_path, tally):
    mortal = killed("audits")
    (path,) = (tmp_path / "cache" / "audits").iterdir()
    assert path.is_file()
    # until it had its name the task was audited again, and then no more
    assert mortal.deaths[-1][1:] == ["the first name of ...", 1, "after"]
    assert len(read_journal(mortal.path, "made")) == len(mortal.deaths)
    tally.faults(PART, tried=len(mortal.deaths), survived=len(mortal.deaths))
