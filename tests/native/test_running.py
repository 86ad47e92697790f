"""Long calls: progress, Ctrl-C, threads, forks, and keys that are loaded once."""

import os
import shutil
import signal
import threading
import time

import pytest

from twopm_zk.plonk.backends.native import NativeBackend

pytestmark = pytest.mark.prover


@pytest.fixture
def folder(made, tmp_path):
    """A key and a witness that a test may spoil."""
    for name in ("circuit.zkey", "circuit.key", "circuit.wtns"):
        shutil.copy(made(200, public=3, terms=3) / name, tmp_path / name)
    return tmp_path


def prove(folder, backend=None, progress=None):
    backend = backend or NativeBackend()
    proof, public = backend.prove(folder / "circuit.key", folder / "circuit.wtns", progress)
    assert backend.verify(backend.export_verification_key(folder / "circuit.key"), public, proof)


def test_progress_names_every_round_in_order(extension, folder):
    stages = []
    extension.ProvingKey(folder / "circuit.zkey", None, lambda *stage: stages.append(stage))
    assert any("Lagrange points" in name for name, _ in stages)
    stages.clear()
    key = extension.ProvingKey(folder / "circuit.key")
    _, _, profile = key.prove(folder / "circuit.wtns", lambda *stage: stages.append(stage))
    fractions = [fraction for _, fraction in stages]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert [f"round {i}" for i in range(1, 6) if any(f"round {i}" in name for name, _ in stages)] == [
        f"round {i}" for i in range(1, 6)
    ]
    assert [name for name, _ in profile] == [name for name, _ in stages]
    assert all(seconds >= 0 for _, seconds in profile)


def test_an_exception_of_the_listener_ends_the_call(extension, folder):
    def refuse(stage, fraction):
        raise LookupError(stage)

    with pytest.raises(LookupError):
        extension.ProvingKey(folder / "circuit.zkey", None, refuse)


@pytest.mark.slow
def test_ctrl_c_stops_within_a_moment_and_leaves_nothing(extension, tmp_path):
    def interrupt():
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    path = tmp_path / "large.ptau"
    thread = threading.Thread(target=interrupt)
    thread.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        extension.write_insecure_ptau(21, path)
    elapsed = time.monotonic() - start
    thread.join()
    assert elapsed < 8  # a whole one takes many times that


def test_other_threads_run_meanwhile(extension, tmp_path):
    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.wait(0.005):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    extension.write_insecure_ptau(14, tmp_path / "some.ptau")
    stop.set()
    thread.join()
    assert len(ticks) >= 5


@pytest.mark.slow
def test_one_key_proves_from_several_threads(extension, backend, folder):
    key = extension.ProvingKey(folder / "circuit.key")
    verification_key = key.verification_key()
    results = []

    def work():
        proof, public, _ = key.prove(folder / "circuit.wtns")
        results.append(extension.verify(verification_key, public, proof))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process")
def test_a_forked_process_proves_too(backend, folder):
    prove(folder, backend)
    child = os.fork()
    if child == 0:
        try:
            prove(folder, backend)
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_key_is_loaded_once_per_process_and_again_when_it_changes(folder, made):
    backend = NativeBackend()
    first = backend.proving_key(folder / "circuit.key")
    assert backend.proving_key(folder / "circuit.key") is first
    shutil.copy(made(40, public=3, terms=3) / "circuit.key", folder / "circuit.key")
    assert backend.proving_key(folder / "circuit.key") is not first


@pytest.mark.slow
@pytest.mark.parametrize("kept", [None, 0])
def test_a_key_of_either_form_proves_what_the_other_verifies(extension, folder, kept):
    compact, zkey = (extension.ProvingKey(folder / name, kept=kept) for name in ("circuit.key", "circuit.zkey"))
    assert compact.verification_key() == zkey.verification_key()
    assert (compact.gates, compact.power) == (zkey.gates, zkey.power)
    for one, other in ((compact, zkey), (zkey, compact)):
        proof, public, _ = one.prove(folder / "circuit.wtns")
        assert extension.verify(other.verification_key(), public, proof)


def test_a_key_keeps_what_it_is_told_to(extension, folder):
    for kept, computed in ((0, False), (10**9, True)):
        stages = []
        extension.ProvingKey(folder / "circuit.key", kept, lambda name, _, stages=stages: stages.append(name))
        assert ("preparing the key: cosets" in stages) == computed


def test_digests_are_those_of_hashlib(extension, folder):
    import hashlib

    content = (folder / "circuit.zkey").read_bytes()
    assert extension.blake2b_512(folder / "circuit.zkey") == hashlib.blake2b(content).hexdigest()
