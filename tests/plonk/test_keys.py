import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.ptau_files import write_ptau

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.errors import (
    CacheError,
    CircuitTooSmallError,
    FileFormatError,
    InsecureKeyError,
    PtauError,
    PtauTooSmallError,
    StoreError,
    ToolError,
)
from twopm_zk.plonk import keys as keys_module
from twopm_zk.plonk.backends.snarkjs import SnarkjsBackend
from twopm_zk.plonk.ceremonies import CEREMONIES, ceremony_file
from twopm_zk.plonk.keys import existing_keys, setup
from twopm_zk.plonk.ptau import accept_ptau, blake2b_of, insecure_ptau, read_ptau

pytestmark = pytest.mark.prover


@pytest.fixture(scope="module")
def own_ptau(tmp_path_factory):
    """A file of power 4 of a ceremony that nobody has published."""
    return write_ptau(tmp_path_factory.mktemp("ptau") / "own.ptau", 4, 1234567)


class CountingBackend(SnarkjsBackend):
    """snarkjs that counts its setups."""

    def __init__(self):
        self.setups = 0

    def setup(self, *arguments, **options):
        self.setups += 1
        super().setup(*arguments, **options)


def test_development_keys_say_that_they_are_insecure(tiny, tiny_keys):
    keys = tiny_keys("multiplier")
    metadata = json.loads((keys.folder / "keys.json").read_text())
    assert keys.insecure
    assert metadata["insecure"] is True
    assert "insecure" in keys.ptau_origin
    assert metadata["r1cs_digest"] == tiny("multiplier").r1cs_digest
    assert keys.ptau_digest == blake2b_of(insecure_ptau(3))


@pytest.mark.slow
def test_the_second_setup_is_found_in_the_cache(source, fresh_keys):
    circuit, backend = compile_circuit(source("multiplier")), CountingBackend()
    assert existing_keys(circuit) is None
    first = setup(circuit, backend=backend)
    assert setup(circuit, backend=backend) == first == existing_keys(circuit)
    assert backend.setups == 1


def test_the_verification_key_is_written_as_snarkjs_writes_it(tiny_keys):
    keys = tiny_keys("three")
    text = keys.verification_key_file.read_text()
    assert json.loads(text) == keys.verification_key.to_json()
    assert text == json.dumps(json.loads(text), indent=1)


def test_a_ptau_of_exactly_the_power_is_enough_and_one_less_is_not(tiny):
    circuit = tiny("three")
    assert circuit.power == 6
    assert setup(circuit, ptau=insecure_ptau(6), backend="snarkjs").insecure
    with pytest.raises(PtauTooSmallError) as caught:
        setup(circuit, ptau=insecure_ptau(5), backend="snarkjs")
    assert re.fullmatch(r"'three' needs 45 gates; ptau '.*' of power 5 covers 32", caught.value.message)
    assert caught.value.kind == "needs-ceremony"
    assert (caught.value.facts["power"], caught.value.facts["gates"]) == (6, 45)
    assert caught.value.facts["ceremony"] == "powersOfTau28_hez_final_08.ptau"


@pytest.mark.parametrize(("power", "name"), [(3, "_08"), (9, "_09"), (27, "_27"), (28, "")])
def test_the_ceremony_file_of_a_power_is_one_that_was_published(power, name):
    assert ceremony_file(power) == f"powersOfTau28_hez_final{name}.ptau"
    assert ceremony_file(power) in CEREMONIES.values()


def test_a_circuit_beyond_development_files_is_told_of_a_ceremony(tiny):
    large = replace(tiny("three"), gates=2**23, power=23)
    with pytest.raises(PtauTooSmallError, match="'three' needs 8388608 gates; a development ptau") as caught:
        setup(large, backend="snarkjs")
    assert caught.value.kind == "needs-ceremony"
    assert caught.value.facts["ceremony"] == "powersOfTau28_hez_final_23.ptau"


@pytest.mark.slow
def test_a_proving_key_larger_than_the_disk_is_refused_before_anything_is_written(source, fresh_keys, monkeypatch):
    circuit = compile_circuit(source("fifty"))
    key = 50 * 5 * 32 * 2**circuit.power  # the polynomials of the public inputs alone
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=key))
    with pytest.raises(StoreError, match=r"of 50 public inputs and 2\^\d+ gates, takes \S+ GB, and \S+ GB are free"):
        setup(circuit, backend="snarkjs")
    assert existing_keys(circuit) is None
    many = replace(circuit, public=circuit.public * 3)
    with pytest.raises(StoreError, match="150 public inputs") as caught:
        setup(many, backend="snarkjs")
    assert "Hash outputs" in caught.value.hint
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * key))
    keys = setup(circuit, backend="snarkjs")
    assert key < keys.zkey.stat().st_size < 2 * key


@pytest.mark.parametrize(("name", "gates"), [("one_gate", 1), ("empty", 0)])
def test_circuits_of_less_than_two_gates_are_refused_by_name(source, fresh_keys, name, gates):
    circuit = compile_circuit(source(name))
    with pytest.raises(CircuitTooSmallError, match=f"'{name}' has {gates} gate"):
        setup(circuit, backend="snarkjs")
    assert existing_keys(circuit) is None


def test_a_circuit_beyond_every_ptau_is_refused(tiny):
    with pytest.raises(PtauTooSmallError, match="largest ptau"):
        setup(replace(tiny("three"), gates=2**28 + 1, power=29), backend="snarkjs")


@pytest.mark.slow
def test_an_accepted_ptau_is_known_from_then_on_wherever_it_lies(source, fresh_keys, tmp_path, own_ptau):
    circuit, ptau = compile_circuit(source("multiplier")), own_ptau
    assert setup(circuit, ptau=ptau, backend="snarkjs").insecure
    accepted = setup(circuit, ptau=str(ptau), ptau_digest=blake2b_of(ptau).upper(), backend="snarkjs")
    shutil.copy(ptau, tmp_path / "ours.ptau")
    again = setup(circuit, ptau=tmp_path / "ours.ptau", backend="snarkjs")
    assert again == accepted
    assert again.ptau_origin == "a digest named by the user"
    with pytest.raises(PtauError, match="not the digest that was given"):
        accept_ptau(insecure_ptau(5), blake2b_of(ptau))
    assert setup(circuit, ptau=insecure_ptau(5), backend="snarkjs").insecure


def test_a_ptau_without_a_contribution_is_refused_for_its_tau(tiny, tmp_path):
    whole = bytearray(insecure_ptau(4).read_bytes())
    section = read_ptau(insecure_ptau(4)).file.section(2)
    whole[section.offset : section.offset + section.size] = whole[section.offset : section.offset + 64] * 31
    (tmp_path / "one.ptau").write_bytes(whole)
    with pytest.raises(PtauError, match=r"the tau of ptau '.*' is 1: nobody has contributed"):
        setup(tiny("multiplier"), ptau=tmp_path / "one.ptau", backend="snarkjs")


@pytest.mark.slow
def test_keys_of_an_unknown_ptau_are_insecure_and_kept_from_trusted_ones(source, fresh_keys, monkeypatch, own_ptau):
    circuit, ptau = compile_circuit(source("multiplier")), own_ptau
    unknown = setup(circuit, ptau=ptau, backend="snarkjs")
    assert unknown.insecure
    assert "unknown origin" in unknown.ptau_origin
    named = setup(circuit, ptau=ptau, ptau_digest=blake2b_of(ptau), backend="snarkjs")
    assert not named.insecure
    assert named.folder != unknown.folder
    assert existing_keys(circuit) == named
    monkeypatch.setitem(CEREMONIES, blake2b_of(ptau), "powersOfTau28_test.ptau")
    ceremony = setup(circuit, ptau=ptau, backend="snarkjs")
    assert not ceremony.insecure
    assert ceremony.ptau_origin == "powersOfTau28_test.ptau"


@pytest.mark.slow
def test_a_development_file_is_insecure_whoever_trusts_it(source, fresh_keys, tmp_path):
    circuit, copy = compile_circuit(source("multiplier")), tmp_path / "ceremony.ptau"
    shutil.copy(insecure_ptau(4), copy)
    assert setup(circuit, ptau=copy, backend="snarkjs").ptau_origin == keys_module.INSECURE
    with pytest.raises(InsecureKeyError, match="everybody knows its secret"):
        setup(circuit, ptau=copy, ptau_digest=blake2b_of(copy), backend="snarkjs")
    assert setup(circuit, ptau=copy, backend="snarkjs").insecure


def test_a_ptau_that_is_not_the_one_named_is_refused(tiny):
    with pytest.raises(PtauError, match="not the digest"):
        setup(tiny("multiplier"), ptau=insecure_ptau(4), ptau_digest="0" * 128, backend="snarkjs")


def test_a_truncated_ptau_is_refused(tiny, tmp_path):
    path = tmp_path / "cut.ptau"
    path.write_bytes(insecure_ptau(4).read_bytes()[:-100])
    with pytest.raises(FileFormatError, match="truncated"):
        setup(tiny("multiplier"), ptau=path, backend="snarkjs")


@pytest.mark.slow
def test_truncated_cached_keys_are_named_with_the_way_out(source, fresh_keys):
    circuit = compile_circuit(source("multiplier"))
    keys = setup(circuit, backend="snarkjs")
    keys.zkey.write_bytes(keys.zkey.read_bytes()[:-1])
    with pytest.raises(CacheError, match=r"Remove '.*'; it is made again"):
        setup(circuit, backend="snarkjs")
    (keys.folder / "keys.json").write_text("{")
    with pytest.raises(CacheError, match="damaged"):
        existing_keys(circuit)


def test_a_failed_setup_leaves_nothing(source, fresh_keys):
    class Failing(SnarkjsBackend):
        def setup(self, r1cs, ptau, key, progress=None):
            key.write_bytes(b"half")
            raise ToolError("killed")

    with pytest.raises(ToolError, match="killed"):
        setup(compile_circuit(source("multiplier")), backend=Failing())
    assert not [path for path in (fresh_keys / "keys").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_keys_of_another_circuit_from_a_backend_are_refused(source, tiny, fresh_keys):
    other = compile_circuit(source("fifty"))

    class Confused(SnarkjsBackend):
        def setup(self, r1cs, ptau, key, progress=None):
            super().setup(other.r1cs, insecure_ptau(other.power), key, progress)

    with pytest.raises(ToolError, match="50 public inputs"):
        setup(compile_circuit(source("multiplier")), backend=Confused())
    assert existing_keys(compile_circuit(source("multiplier"))) is None


SCRIPT = """
import sys, pathlib
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.plonk.keys import setup
print("ready", flush=True)
keys = setup(compile_circuit(pathlib.Path(sys.argv[1])), backend="snarkjs",
             progress=lambda line: print(line, flush=True))
print(keys.folder.name, flush=True)
"""


def started(path, cache):
    environment = os.environ | {"TWOPM_ZK_CACHE": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path)],
        env=environment,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_at_once_make_one_whole_entry(source, fresh_keys):
    both = [started(source("fifty"), fresh_keys) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    folders = {out.splitlines()[-1] for out, _ in outputs}
    assert len(folders) == 1
    circuit = compile_circuit(source("fifty"))
    assert existing_keys(circuit).folder.name in folders
    assert sum("Setup Finished" in out for out, _ in outputs) == 1
    leftovers = [path for path in fresh_keys.rglob("*") if path.name.endswith(".tmp")]
    assert not leftovers


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "moment"),
    [
        pytest.param(signal.SIGINT, "insecure development ptau", marks=pytest.mark.slow),
        (signal.SIGINT, "Plonk constraints"),
        pytest.param(signal.SIGINT, "Reading r1cs", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "insecure development ptau", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "Reading r1cs", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_setup_leaves_no_partial_files_and_no_process(source, fresh_cache, number, moment):
    process = started(source("fifty"), fresh_cache)
    for line in process.stdout:
        if moment in line:
            break
    else:
        pytest.fail(process.stderr.read())
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode != 0
    names = [path.name for path in fresh_cache.rglob("*")]
    assert not [name for name in names if name.endswith(".tmp") or name in ("circuit.zkey", "keys.json")]
    deadline = time.monotonic() + 30
    while alive := [pid for pid in Path("/proc").glob("[0-9]*") if str(fresh_cache) in _command_line(pid)]:
        assert time.monotonic() < deadline, [_command_line(pid) for pid in alive]
        time.sleep(0.05)
    # and the next one works
    assert setup(compile_circuit(source("fifty")), backend="snarkjs").zkey.is_file()


def _command_line(pid):
    try:
        return (pid / "cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.slow
def test_progress_says_what_is_being_done(source, fresh_cache):
    lines = []
    setup(compile_circuit(source("multiplier")), backend="snarkjs", progress=lines.append)
    assert any("insecure development ptau" in line for line in lines)
    assert any("Plonk constraints: 2" in line for line in lines)
    assert keys_module.INSECURE
