"""Entries of the cache whose proving key is compact: what is in them, and what is made when it is asked for."""

import shutil
from types import SimpleNamespace

import pytest

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import CacheError, FileFormatError, StoreError, ToolMissingError
from twopm_zk.plonk import keys as keys_module
from twopm_zk.plonk.compact_key import most_bytes, read_compact_key
from twopm_zk.plonk.keys import existing_keys, setup
from twopm_zk.plonk.proving import prove
from twopm_zk.plonk.ptau import insecure_ptau
from twopm_zk.plonk.zkey import section_sizes
from twopm_zk.system import extension

pytestmark = [
    pytest.mark.prover,
    pytest.mark.skipif(extension.unavailable() is not None, reason="the native prover is not built"),
]


@pytest.fixture
def circuit(source, fresh_keys):
    return compile_circuit(source("three"))


@pytest.fixture
def keys(circuit):
    return setup(circuit, backend="native")


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_an_entry_holds_a_compact_key_and_a_zkey_only_where_asked(circuit, keys, tiny_keys, tiny_inputs):
    assert names(keys.folder) == {"circuit.key", "keys.json", "verification_key.json"}
    assert prove(keys, tiny_inputs["three"], backend="native").verification_key == keys.verification_key
    assert "circuit.zkey" not in names(keys.folder)
    assert keys.zkey.read_bytes() == tiny_keys("three").zkey.read_bytes()
    assert names(keys.folder) == {"circuit.key", "circuit.zkey", "keys.json", "verification_key.json"}
    assert setup(circuit, backend="snarkjs") == keys == existing_keys(circuit)


@pytest.mark.slow
def test_snarkjs_proves_with_keys_of_the_native_prover_and_the_other_way(circuit, keys, tiny_inputs):
    for name in ("snarkjs", "native"):
        result = prove(keys, tiny_inputs["three"], backend=name)
        assert result.backend == name
    shutil.rmtree(keys.folder)
    theirs = setup(circuit, backend="snarkjs")
    assert names(theirs.folder) == {"circuit.zkey", "keys.json", "verification_key.json"}
    assert prove(theirs, tiny_inputs["three"], backend="native").verification_key == keys.verification_key
    assert setup(circuit, backend="native") == theirs
    assert "circuit.key" in names(theirs.folder)


@pytest.mark.slow
def test_without_the_native_prover_a_compact_key_has_no_zkey_until_snarkjs_makes_it(circuit, keys, monkeypatch):
    monkeypatch.setattr(extension, "unavailable", lambda: "not built")
    with monkeypatch.context() as without_tools:
        without_tools.setenv("TWOPM_ZK_NODE_MODULES", str(circuit.folder))
        assert setup(circuit) == keys  # whoever has keys need not prove
        with pytest.raises(ToolMissingError):
            setup(circuit, backend="snarkjs")
    with pytest.raises(ToolMissingError, match=r"only the native prover makes a \.zkey of them: not built"):
        _ = keys.zkey
    assert setup(circuit).zkey.is_file()


def test_keys_of_another_circuit_or_ptau_or_cut_short_are_named(source, circuit, keys, tiny_inputs):
    sound = keys.proving_key.read_bytes()
    other = setup(compile_circuit(source("fifty")), backend="native")
    larger = setup(circuit, ptau=insecure_ptau(8), backend="native")
    for content, message in [
        (other.proving_key.read_bytes(), "was made from another R1CS than that of 'three'"),
        (larger.proving_key.read_bytes(), "was made from another ptau than its entry says"),
        (sound[:-8], "is truncated or damaged"),
        (b"2pmPREP2" + sound[8:], "is not a compact key of this version"),
        (b"", "is not a compact key"),
    ]:
        keys.proving_key.write_bytes(content)
        with pytest.raises(FileFormatError, match=message):
            prove(keys, tiny_inputs["three"], backend="native")
        with pytest.raises(CacheError, match=message) as caught:
            setup(circuit, backend="native")
        assert "Remove" in caught.value.hint
    flipped = bytearray(sound)
    flipped[5000] ^= 1
    keys.proving_key.write_bytes(flipped)
    with pytest.raises(FileFormatError, match="checksum"):
        prove(keys, tiny_inputs["three"], backend="native")


def test_entries_of_the_old_form_are_not_looked_at(circuit, keys):
    old = keys.folder.with_name(keys.folder.name.removeprefix(f"v{keys_module.FORMAT}-"))
    shutil.copytree(keys.folder, old)
    (old / "circuit.key").rename(old / "circuit.zkey.prepared")
    shutil.rmtree(keys.folder)
    assert existing_keys(circuit) is None
    assert setup(circuit, backend="native").folder == keys.folder


def test_a_key_says_what_it_was_made_from(circuit, keys):
    head = read_compact_key(keys.proving_key)
    assert (head.r1cs_digest, head.ptau_digest) == (circuit.r1cs_digest, keys.ptau_digest)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["predict-3", "step-48x3"])
def test_a_compact_key_is_a_tenth_of_what_it_replaces(fresh_keys, name):
    circuit = compile_circuit(find_instance(name))
    keys = setup(circuit, backend="native")
    size = keys.proving_key.stat().st_size
    sizes = {"public": len(circuit.public), "power": circuit.power, "gates": circuit.gates}
    zkey = sum(section_sizes(additions=0, **sizes).values())
    prepared = (2 * 8 + 3 * 9) * 32 + 128 << circuit.power  # columns, their values, points
    assert size < (zkey + prepared) / 10
    assert size <= most_bytes(power=circuit.power, gates=circuit.gates)


def test_a_compact_key_or_a_zkey_larger_than_the_disk_is_refused(source, circuit, keys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000))
    with pytest.raises(StoreError, match="the proving key of 'three'"):
        _ = keys.zkey
    assert "circuit.zkey" not in names(keys.folder)
    with pytest.raises(StoreError, match="the proving key of 'fifty'"):
        setup(compile_circuit(source("fifty")), backend="native")
