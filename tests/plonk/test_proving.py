import json
import re
import stat
import sys
from dataclasses import replace

import pytest

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.witness import calculate_witness, read_witness
from twopm_zk.errors import CircuitError, FileFormatError, InputError, ProofFormatError, ProvingError, WitnessError
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.backends.snarkjs import SnarkjsBackend
from twopm_zk.plonk.keys import Keys, setup
from twopm_zk.plonk.proving import load_proof, prove, verify
from twopm_zk.plonk.zkey import read_zkey
from twopm_zk.system import programs
from twopm_zk.system.paths import npm_package

pytestmark = pytest.mark.prover


class SpyBackend(SnarkjsBackend):
    """Notes what it is given, and returns a proof made earlier."""

    def __init__(self, result=None):
        self.result = result

    def prove(self, key, wtns, progress=None):
        self.mode = stat.S_IMODE(wtns.stat().st_mode)
        if self.result is None:
            raise AssertionError("the prover was called")
        return self.result.proof, self.result.public

    def verify(self, vk, public, proof):
        return True


@pytest.mark.slow
def test_a_saved_proof_is_accepted_by_snarkjs_itself(tiny_proof, tmp_path):
    tiny_proof("three").save(tmp_path / "out")
    command = [programs.node(), npm_package("snarkjs") / "build" / "cli.cjs", "plonk", "verify"]
    files = [tmp_path / "out" / f"{name}.json" for name in ("verification_key", "public", "proof")]
    assert programs.run([*command, *files], timeout=60).code == 0
    public = json.loads(files[1].read_text())
    files[1].write_text(json.dumps([*public[:-1], "6"]))
    assert programs.run([*command, *files], timeout=60).code == 1


def test_a_saved_proof_can_be_loaded(tiny_proof, tmp_path):
    result = tiny_proof("three")
    result.save(tmp_path)
    loaded = load_proof(tmp_path)
    assert (loaded.proof, loaded.public) == (result.proof, result.public)
    assert loaded.verification_key == result.verification_key


@pytest.mark.parametrize("name", ["proof.json", "public.json", "verification_key.json"])
def test_a_folder_that_lacks_a_file_or_holds_half_of_one_is_refused(tiny_proof, tmp_path, name):
    tiny_proof("three").save(tmp_path)
    path = tmp_path / name
    path.write_text(path.read_text()[:-5])
    with pytest.raises(ProofFormatError, match="JSON"):
        load_proof(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        load_proof(tmp_path)


@pytest.mark.slow
def test_times_and_backend_are_told(tiny_proof):
    result = tiny_proof("multiplier")
    assert result.backend == "snarkjs"
    assert result.prove_seconds > 0
    assert result.witness_seconds > 0


@pytest.mark.slow
def test_a_witness_may_be_given_or_read_from_a_file(tiny, tiny_keys, tiny_proof, tmp_path):
    witness = calculate_witness(tiny("multiplier"), {"a": 3, "b": 14})
    witness.write(tmp_path / "w.wtns")
    backend = SpyBackend(tiny_proof("multiplier"))
    for given in (witness, read_witness(tmp_path / "w.wtns", tiny("multiplier"))):
        assert prove(tiny_keys("multiplier"), given, backend=backend).public == [42]
        assert backend.mode == 0o600


def test_a_witness_of_another_circuit_is_refused_before_proving(tiny, tiny_keys):
    witness = calculate_witness(tiny("multiplier"), {"a": 3, "b": 14})
    with pytest.raises(WitnessError, match="is of circuit 'multiplier', the keys are of 'three'"):
        prove(tiny_keys("three"), witness, backend=SpyBackend())


def test_a_forged_witness_is_refused_before_proving(tiny, tiny_keys, tmp_path):
    forged = calculate_witness(tiny("multiplier"), {"a": 3, "b": 14}).replace("main.product", 43)
    with pytest.raises(WitnessError, match="breaks constraint"):
        prove(tiny_keys("multiplier"), forged, backend=SpyBackend())
    forged.write(tmp_path / "forged.wtns")
    with pytest.raises(WitnessError, match="breaks constraint"):
        prove(tiny_keys("multiplier"), read_witness(tmp_path / "forged.wtns", tiny("multiplier")), backend=SpyBackend())


def test_a_backend_that_checks_the_witness_is_left_to_it_and_the_signals_are_named(tiny, tiny_keys):
    class Checking(SpyBackend):
        checks_witness = True

        def prove(self, key, wtns, progress=None):
            raise WitnessError("gate 1 does not hold")

    witness = calculate_witness(tiny("multiplier"), {"a": 3, "b": 14}, check=False)
    with pytest.raises(WitnessError, match=r"breaks constraint 0, over .*main\.product"):
        prove(tiny_keys("multiplier"), witness.replace("main.product", 43), backend=Checking())
    with pytest.raises(WitnessError, match="gate 1 does not hold"):
        prove(tiny_keys("multiplier"), witness, backend=Checking())


def test_wrong_inputs_are_refused_before_proving(tiny_keys):
    with pytest.raises(InputError):
        prove(tiny_keys("multiplier"), {"a": 3}, backend=SpyBackend())


@pytest.mark.slow
def test_a_truncated_proving_key_is_refused_before_proving(source, fresh_keys):
    keys = setup(compile_circuit(source("multiplier")), backend="snarkjs")
    keys.zkey.write_bytes(keys.zkey.read_bytes()[:-64])
    with pytest.raises(FileFormatError, match="truncated"):
        prove(keys, {"a": 3, "b": 14}, backend=SpyBackend())


@pytest.mark.slow
def test_a_damaged_proving_key_gives_an_error_and_no_proof(source, fresh_keys):
    keys = setup(compile_circuit(source("multiplier")), backend="snarkjs")
    content = bytearray(keys.zkey.read_bytes())
    content[read_zkey(keys.zkey).file.section(14).offset + 64] ^= 1  # tauG1, which every commitment uses
    keys.zkey.write_bytes(content)
    with pytest.raises(ProvingError, match="does not verify"):
        prove(keys, {"a": 3, "b": 14}, backend="snarkjs")


def test_a_prover_that_answers_for_other_public_inputs_is_caught(tiny_keys, tiny_proof):
    lying = SpyBackend(replace(tiny_proof("multiplier"), public=[43]))
    with pytest.raises(ProvingError, match="does not verify"):
        prove(tiny_keys("multiplier"), {"a": 3, "b": 14}, backend=lying)


def test_snarkjs_refuses_circuits_without_public_inputs_by_name(tiny_keys, tiny_inputs):
    assert tiny_keys("hidden").verification_key.public == 0
    with pytest.raises(CircuitError, match="without public inputs"):
        prove(tiny_keys("hidden"), tiny_inputs["hidden"], backend="snarkjs")


@pytest.mark.slow
def test_private_inputs_reach_no_message_log_or_argument(tiny, tiny_keys, monkeypatch, capfd, caplog):
    secret, seen = 918273645, []
    true = programs.run

    def spy(command, **options):
        finished = true(command, **options)
        seen.extend([*map(str, command), finished.output])
        return finished

    monkeypatch.setattr(programs, "run", spy)
    prove(tiny_keys("multiplier"), {"a": secret, "b": 2}, backend="snarkjs", progress=seen.append)
    captured = capfd.readouterr()
    assert len(seen) > 5
    assert not [text for text in (*seen, captured.out, captured.err, caplog.text) if str(secret) in text]


def test_an_unknown_verifier_or_backend_is_an_input_error(tiny_keys, tiny_proof):
    result = tiny_proof("multiplier")
    with pytest.raises(InputError, match="no verifier 'magic'"):
        verify(result.verification_key, result.public, result.proof, verifier="magic")
    with pytest.raises(InputError, match="no backend 'magic'"):
        prove(tiny_keys("multiplier"), {"a": 1, "b": 1}, backend="magic")


def test_the_backend_can_be_chosen_by_environment(monkeypatch):
    monkeypatch.setenv("TWOPM_ZK_BACKEND", "snarkjs")
    assert get_backend().name == "snarkjs"
    assert get_backend("snarkjs").name == "snarkjs"
    monkeypatch.setenv("TWOPM_ZK_BACKEND", "magic")
    with pytest.raises(InputError, match="magic"):
        get_backend()
    monkeypatch.delenv("TWOPM_ZK_BACKEND")
    assert get_backend().name in ("native", "snarkjs")


def test_keys_and_witness_do_not_print_values(tiny, tiny_keys):
    assert isinstance(tiny_keys("multiplier"), Keys)
    witness = calculate_witness(tiny("multiplier"), {"a": 987654321, "b": 2})
    assert not re.search("987654321|1975308642", repr(witness))


def test_interrupted_proving_leaves_no_witness_behind(tiny_keys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    class Interrupted(SpyBackend):
        def prove(self, key, wtns, progress=None):
            assert wtns.is_file()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove(tiny_keys("multiplier"), {"a": 1, "b": 2}, backend=Interrupted())
    assert not list(tmp_path.iterdir())
    assert sys.exc_info() == (None, None, None)


@pytest.mark.slow
def test_points_of_a_damaged_key_that_stay_on_the_curve_are_caught_by_verifying(source, fresh_keys):
    keys = setup(compile_circuit(source("multiplier")), backend="snarkjs")
    content, start = bytearray(keys.zkey.read_bytes()), read_zkey(keys.zkey).file.section(14).offset
    content[start + 64 : start + 128] = content[start + 128 : start + 192]
    keys.zkey.write_bytes(content)
    with pytest.raises(ProvingError, match="does not verify"):
        prove(keys, {"a": 3, "b": 14}, backend="snarkjs")
