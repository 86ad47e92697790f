"""Proofs of keys and witnesses that were made elsewhere."""

import shutil
from pathlib import Path

import pytest

from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import CircuitError, FileFormatError, InputError, ProvingError, WitnessError
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.proving import prove_files, verify
from twopm_zk.plonk.zkey import ZkeySection, read_zkey
from twopm_zk.system import programs
from twopm_zk.system.paths import npm_package

pytestmark = [pytest.mark.prover, pytest.mark.slow]
BACKENDS = ["snarkjs", "native"]


@pytest.fixture(params=BACKENDS)
def backend(request):
    _, reason = find_backend(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def elsewhere(tiny, tiny_keys, tiny_inputs, tmp_path):
    """``elsewhere(name)``: a proving key and a witness by snarkjs, in a folder of somebody's own."""

    def made(name):
        shutil.copy(tiny_keys(name).zkey, tmp_path / f"{name}.zkey")
        calculate_witness(tiny(name), tiny_inputs[name]).write(tmp_path / f"{name}.wtns")
        return str(tmp_path / f"{name}.zkey"), str(tmp_path / f"{name}.wtns")

    return made


@pytest.mark.parametrize("name", ["multiplier", "three", "fifty"])
def test_files_from_elsewhere_give_a_proof_that_snarkjs_accepts(elsewhere, tiny_proof, tmp_path, backend, name):
    zkey, wtns = elsewhere(name)
    before = sorted(tmp_path.iterdir())
    result = prove_files(zkey, wtns, backend=backend)
    assert sorted(tmp_path.iterdir()) == before  # nothing is left beside them
    assert result.public == tiny_proof(name).public
    assert verify(result.verification_key, result.public, result.proof)
    result.save(str(tmp_path / "out"))
    cli = npm_package("snarkjs") / "build" / "cli.cjs"
    files = [tmp_path / "out" / f"{part}.json" for part in ("verification_key", "public", "proof")]
    assert programs.run([programs.node(), cli, "plonk", "verify", *files], timeout=60).code == 0


def test_a_witness_of_another_circuit_is_refused_by_its_number_of_wires(elsewhere, backend):
    zkey, wtns = elsewhere("multiplier")[0], elsewhere("three")[1]
    with pytest.raises(WitnessError, match=r"has \d+ values, the circuit of '.*' has 4 wires"):
        prove_files(zkey, wtns, backend=backend)


def test_a_witness_that_the_circuit_refuses_is_refused(tiny, elsewhere, backend):
    zkey, wtns = elsewhere("multiplier")
    calculate_witness(tiny("multiplier"), {"a": 3, "b": 14}).replace("main.product", 43).write(wtns)
    with pytest.raises(WitnessError):
        prove_files(zkey, wtns, backend=backend)


def test_a_damaged_key_gives_no_proof(elsewhere, backend):
    zkey, wtns = elsewhere("multiplier")
    with Path(zkey).open("r+b") as file:
        file.seek(read_zkey(zkey).file.section(ZkeySection.TAU_G1).offset + 64)
        file.write(b"\1")
    with pytest.raises((ProvingError, FileFormatError)):
        prove_files(zkey, wtns, backend=backend)


def test_files_that_are_none_are_named(elsewhere, tmp_path):
    zkey, wtns = elsewhere("multiplier")
    with pytest.raises(FileFormatError, match="is not a zkey file"):
        prove_files(wtns, wtns)
    with pytest.raises(FileFormatError, match="is not a wtns file"):
        prove_files(zkey, zkey)
    with pytest.raises(InputError, match="cannot be read"):
        prove_files(zkey, tmp_path / ("9" * 5000))


def test_snarkjs_says_by_name_that_it_needs_a_public_input(elsewhere):
    with pytest.raises(CircuitError, match="without public inputs"):
        prove_files(*elsewhere("hidden"), backend="snarkjs")
