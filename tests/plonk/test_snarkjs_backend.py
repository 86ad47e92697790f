import json

import pytest

from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import FileFormatError, PtauError, PtauTooSmallError, ToolError, WitnessError
from twopm_zk.plonk.backends import snarkjs
from twopm_zk.plonk.backends.snarkjs import SnarkjsBackend
from twopm_zk.plonk.ptau import insecure_ptau
from twopm_zk.plonk.zkey import read_zkey, root_of_unity
from twopm_zk.system import programs
from twopm_zk.system.paths import npm_package

pytestmark = pytest.mark.prover


@pytest.fixture
def backend():
    return SnarkjsBackend()


def test_it_is_available(backend):
    assert backend.available() is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["multiplier", "three", "hidden", "zeros"])
def test_the_verification_key_is_the_one_that_snarkjs_exports(backend, tiny_keys, tmp_path, name):
    out = tmp_path / "key.json"
    cli = npm_package("snarkjs") / "build" / "cli.cjs"
    command = [programs.node(), cli, "zkey", "export", "verificationkey", tiny_keys(name).zkey, out]
    assert programs.run(command, timeout=60).code == 0
    exported = json.loads(out.read_text())
    assert backend.export_verification_key(tiny_keys(name).zkey).to_json() == exported
    assert exported["w"] == str(root_of_unity(exported["power"]))
    assert tiny_keys(name).verification_key_file.read_text() == out.read_text()


@pytest.mark.slow
def test_a_ptau_that_is_too_small_is_translated(backend, tiny, tmp_path):
    with pytest.raises(PtauTooSmallError) as caught:
        backend.setup(tiny("three").r1cs, insecure_ptau(5), tmp_path / "out.zkey")
    assert "circuit too big" in str(caught.value.__cause__)


@pytest.mark.slow
def test_an_unprepared_ptau_is_translated(backend, tiny, tmp_path):
    content = insecure_ptau(4).read_bytes()
    at = 12 + 12 + 44 + 12 + 31 * 64 + 12 + 256
    assert content[at : at + 4] == b"\x0c\0\0\0"
    path = tmp_path / "raw.ptau"
    path.write_bytes(content[:at] + b"\x1f\0\0\0" + content[at + 4 :])
    with pytest.raises(PtauError, match="prepare"):
        backend.setup(tiny("multiplier").r1cs, path, tmp_path / "out.zkey")


@pytest.mark.slow
def test_a_witness_that_does_not_satisfy_the_circuit_is_translated(backend, tiny, tiny_keys, tmp_path):
    forged = calculate_witness(tiny("multiplier"), {"a": 3, "b": 14}).replace("main.product", 43)
    forged.write(tmp_path / "forged.wtns")
    with pytest.raises(WitnessError, match="does not satisfy") as caught:
        backend.prove(tiny_keys("multiplier").zkey, tmp_path / "forged.wtns")
    assert isinstance(caught.value.__cause__, ToolError)


@pytest.mark.slow
def test_a_witness_of_another_circuit_is_translated(backend, tiny, tiny_keys, tiny_inputs, tmp_path):
    calculate_witness(tiny("fifty"), tiny_inputs["fifty"]).write(tmp_path / "other.wtns")
    with pytest.raises(WitnessError, match="another circuit"):
        backend.prove(tiny_keys("multiplier").zkey, tmp_path / "other.wtns")


@pytest.mark.parametrize("length", [0, 3, 100, -1])
def test_truncated_files_are_format_errors(backend, tiny, tiny_keys, tiny_inputs, tmp_path, length):
    keys, whole, cut = tiny_keys("multiplier"), tmp_path / "whole.wtns", tmp_path / "cut"
    calculate_witness(tiny("multiplier"), tiny_inputs["multiplier"]).write(whole)
    cut.write_bytes(keys.zkey.read_bytes()[:length])
    for work in (lambda: backend.prove(cut, whole), lambda: backend.export_verification_key(cut)):
        with pytest.raises(FileFormatError):
            work()
    cut.write_bytes(whole.read_bytes()[:length])
    with pytest.raises(FileFormatError):  # snarkjs itself may take zeros for what is missing, and prove
        backend.prove(keys.zkey, cut)


ZKEY_DAMAGE = {
    "not a PLONK": (12 + 12, b"\x01"),
    "another curve": (12 + 16 + 12 + 4, b"\0"),
    "in a domain of 7": (12 + 16 + 12 + 80, b"\x07"),
    "in a domain of 0": (12 + 16 + 12 + 80, b"\0\0\0\0"),
    "in a domain of 1": (12 + 16 + 12 + 80, b"\x01"),
    "section 3 has": (12 + 16 + 12 + 84, b"\x09"),
    "damaged: verification key": (12 + 16 + 12 + 92 + 64, b"\0\0\0"),
}


@pytest.mark.parametrize("message", ZKEY_DAMAGE)
def test_damage_in_the_head_of_a_key_is_named(tiny_keys, tmp_path, message):
    offset, content = ZKEY_DAMAGE[message]
    whole = bytearray(tiny_keys("multiplier").zkey.read_bytes())
    path = tmp_path / "damaged.zkey"
    # snarkjs writes the head last: find sections 1 and 2 by content, not by place.
    start = {1: whole.index(b"\x01\0\0\0\x04\0\0\0\0\0\0\0"), 2: whole.rindex(b"\x02\0\0\0\x1c\x03\0\0\0\0\0\0")}
    at = start[1] + 12 if offset == 24 else start[2] + 12 + (offset - 40)
    whole[at : at + len(content)] = content
    path.write_bytes(whole)
    with pytest.raises(FileFormatError, match=message):
        read_zkey(path).verification_key()


def test_an_unknown_failure_keeps_the_words_of_snarkjs(backend, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "run", lambda *_, **__: programs.Finished(99, "[ERROR] something new"))
    with pytest.raises(ToolError, match="something new"):
        backend.setup(tiny("multiplier").r1cs, insecure_ptau(3), tmp_path / "out.zkey")


def test_a_setup_that_ends_well_without_a_key_is_an_error(backend, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "run", lambda *_, **__: programs.Finished(0, "nothing to see"))
    with pytest.raises(ToolError, match="nothing to see"):
        backend.setup(tiny("multiplier").r1cs, insecure_ptau(3), tmp_path / "out.zkey")


def test_a_verifier_that_crashes_is_no_false_proof(backend, tiny_proof, monkeypatch):
    result = tiny_proof("multiplier")
    for finished in (programs.Finished(99, "JavaScript heap out of memory"), programs.Finished(0, "")):
        monkeypatch.setattr(programs, "run", lambda *_, finished=finished, **__: finished)
        with pytest.raises(ToolError):
            backend.verify(result.verification_key, result.public, result.proof)


def test_every_message_that_is_translated_is_one_that_snarkjs_has():
    text = (npm_package("snarkjs") / "build" / "cli.cjs").read_text()
    for words in ("circuit too big", "is not prepared", "is not divisible", "Invalid witness length", "is not plonk"):
        assert words in text
    assert len(snarkjs._MESSAGES) >= 5
