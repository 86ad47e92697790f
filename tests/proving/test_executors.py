"""Where proofs are made, workers that die, and keys that travel."""

import os
import signal
import threading
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from twopm_zk.circuit.instances import Instance
from twopm_zk.errors import InputError, ProvingError, WitnessError, WorkerError
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.plonk.backends.interface import AT_ONCE
from twopm_zk.plonk.proving import ProofResult, verify
from twopm_zk.proving import prover as prover_module
from twopm_zk.proving.executors import InProcess, executor_for
from twopm_zk.proving.prover import MissingFiles, ProofJob, Prover, run_job
from twopm_zk.statements import Rows, StepShape, StepStatement


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        ("threads", "no scheduler 'threads'"),
        ("processes:0", "asks for '0' processes"),
        ("processes:x", "asks for 'x' processes"),
        ("tcp://", "no scheduler 'tcp://'"),
        ("http://127.0.0.1:8786", "no scheduler 'http:"),
        ("tcp://10.0.0.7:8786", "not encrypted, and rows would travel"),
        ("tcp://example.org:8786", "not encrypted, and rows would travel"),
    ],
)
def test_schedulers_that_are_unknown_or_unsafe_are_refused(scheduler, message):
    with pytest.raises(InputError, match=message):
        executor_for(scheduler)


@pytest.mark.parametrize(
    "scheduler", ["tls://10.0.0.7:8786", "tcp://127.0.0.1:8786", "tcp://localhost:1", "tcp://[::1]:1"]
)
def test_encrypted_and_local_schedulers_are_accepted(scheduler):
    assert callable(executor_for(scheduler))


def test_plain_text_to_another_machine_needs_a_word():
    assert callable(executor_for("tcp://10.0.0.7:8786", allow_plaintext=True))


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named():
    pytest.importorskip("distributed")
    from twopm_zk.proving.executors import DaskExecutor

    with pytest.raises(InputError, match=r"no dask scheduler answers at 'tcp://127.0.0.1:9'"):
        DaskExecutor("tcp://127.0.0.1:9", timeout=0.5)


def test_in_process_calls_return_or_raise_through_their_future():
    with InProcess() as executor:
        assert executor.submit(pow, 2, 5).result() == 32
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()


def test_what_runs_in_process_ends_when_nobody_waits_for_it():
    executor, begun = InProcess(), threading.Event()

    def endless():
        while True:
            executor.progress("another stage")
            begun.set()

    running = executor.submit(endless)
    waiting = [executor.submit(endless) for _ in range(2 * AT_ONCE)]
    assert begun.wait(20)
    executor.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(CancelledError):
        running.result(20)
    assert waiting[-1].cancelled()


def test_a_witness_is_made_while_another_proof_is():
    """Two calls are under way at once, so each can wait for the other."""
    meeting = threading.Barrier(2)
    with InProcess() as executor:
        assert sorted(future.result(20) for future in [executor.submit(meeting.wait, 20) for _ in range(2)]) == [0, 1]


@dataclass(frozen=True)
class Said:
    """A statement of a circuit that does not exist."""

    public: tuple = (1, 2, 3)

    def circuit_inputs(self):
        return {"secret": 123456789}


class Scripted(Executor):
    """Answers each submission with the next entry of a script: a result, or an exception to raise."""

    def __init__(self, script):
        self.script, self.calls = script, []

    def submit(self, fn, /, *args, **kwargs):
        self.calls.append(args)
        answer = self.script.pop(0)
        future = Future()
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


PROOF = ProofResult(None, [1, 2, 3], None)
DEATH = BrokenProcessPool("gone")


@pytest.fixture
def scripted(monkeypatch):
    """``scripted(script, valid=True)``: a prover whose keys, proofs and workers are stand-ins."""
    keys = SimpleNamespace(circuit=SimpleNamespace(name="toy"), verification_key=None)
    monkeypatch.setattr(Prover, "keys", lambda self, instance: keys)
    monkeypatch.setattr(Prover, "_with_files", staticmethod(lambda job: (job, {"keys/circuit.zkey": b"key"})))

    def build(script, *, valid=True, retries=2):
        monkeypatch.setattr(prover_module, "verify", lambda *args, **kwargs: valid)
        made, said = [], []

        def make():
            made.append(Scripted(script))
            return made[-1]

        return Prover(make, retries=retries, progress=said.append), made, said

    return build


def test_proofs_come_back_in_order(scripted):
    prover, made, said = scripted([PROOF, PROOF])
    assert prover.prove([("toy", Said()), ("toy", Said())]) == [PROOF, PROOF]
    assert len(made) == 1
    assert said[-1] == "proven toy, 2 of 2"


def test_a_dead_worker_costs_only_the_proofs_it_had(scripted):
    prover, made, said = scripted([PROOF, DEATH, PROOF, PROOF])
    assert len(prover.prove([("toy", Said()), ("toy", Said())])) == 2
    assert [len(executor.calls) for executor in made] in ([2, 1], [2, 2])
    assert any("a worker died" in text for text in said)


def test_workers_that_keep_dying_end_in_an_error(scripted):
    prover, made, _ = scripted([DEATH] * 3)
    with pytest.raises(WorkerError, match="died 3 times in a row on proofs of toy"):
        prover.prove([("toy", Said())])
    assert len(made) == 3


def test_a_refused_witness_is_no_death(scripted):
    prover, made, _ = scripted([WitnessError("circuit 'toy' refuses these inputs")])
    with pytest.raises(WitnessError, match="refuses"):
        prover.prove([("toy", Said())])
    assert len(made) == 1


def test_files_are_sent_once_to_a_worker_that_lacks_them(scripted):
    prover, made, _ = scripted([MissingFiles("toy"), PROOF])
    assert prover.prove([("toy", Said())]) == [PROOF]
    assert [len(call) for call in made[0].calls] == [1, 2]
    prover, _, _ = scripted([MissingFiles("toy")] * 2)
    with pytest.raises(WorkerError, match="still lacks the keys of 'toy'"):
        prover.prove([("toy", Said())])


def test_a_false_proof_or_one_of_another_statement_is_refused(scripted):
    prover, _, _ = scripted([PROOF], valid=False)
    with pytest.raises(ProvingError, match="does not verify"):
        prover.prove([("toy", Said())])
    prover, _, _ = scripted([PROOF])
    with pytest.raises(ProvingError, match="does not verify"):
        prover.prove([("toy", Said(public=(1, 2, 4)))])


def test_one_failure_fails_its_statement_and_keeps_the_others(scripted):
    prover, made, _ = scripted([PROOF, WitnessError("refused"), PROOF])
    kept = {}
    with pytest.raises(WitnessError, match="refused") as failure:
        prover.prove([("toy", Said())] * 3, keep=kept.setdefault)
    assert kept == {0: PROOF, 2: PROOF}
    assert failure.value.__notes__ == ["This was statement 1 of 3, counted from 0."]
    assert len(made[0].calls) == 3


def test_a_false_proof_is_not_kept(scripted):
    other = replace(PROOF, public=[1, 2, 4])
    prover, _, _ = scripted([other, PROOF])
    kept = {}
    with pytest.raises(ProvingError, match="does not verify"):
        prover.prove([("toy", Said())] * 2, keep=kept.setdefault)
    assert kept == {1: PROOF}


def test_an_interrupt_ends_the_proofs_that_are_under_way(scripted):
    prover, made, _ = scripted([PROOF, PROOF])
    ended = []

    def interrupt(index, result):
        made[0].shutdown = lambda **how: ended.append(how)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prover.prove([("toy", Said())] * 2, keep=interrupt)
    assert ended == [{"wait": False, "cancel_futures": True}]


def test_inputs_stay_out_of_the_repr_of_a_job():
    assert "123456789" not in repr(ProofJob(None, Said().circuit_inputs()))


# From here on with real proofs, of the smallest step there is.

SIZES = {"ROWS": 1, "FEATURES": 1, "X_BITS": 16, "X_FRAC": 12, "FAMILY": 0, "NOISE": 0}
SMALLEST = Instance("step-1x1-test", "step.circom", "Step", SIZES)


@cache  # the blinding is drawn once
def statement(x=300, weights=(1 << 20, -5)):
    shape = StepShape(1, 1, FEATURES)
    return StepStatement(shape, 7, weights, Rows.padded(shape, np.array([[x]]), [1]), salt=1)


class Unprovable:
    """A statement with a label that no row may have."""

    public = statement().public

    def circuit_inputs(self):
        return {**statement().circuit_inputs(), "marks": [2]}


@pytest.mark.slow
@pytest.mark.prover
def test_proofs_of_a_batch_are_verified_and_blinded_each_for_itself():
    kept = {}
    with Prover() as prover, pytest.raises(WitnessError, match="step-1x1-test") as failure:
        prover.prove([(SMALLEST, said) for said in (statement(), Unprovable(), statement())], keep=kept.setdefault)
    assert failure.value.__notes__ == ["This was statement 1 of 3, counted from 0."]
    assert kept.keys() == {0, 2}
    assert kept[0].public == kept[2].public == list(statement().public)
    assert kept[0].proof.A != kept[2].proof.A
    assert all(verify(one.verification_key, one.public, one.proof) for one in kept.values())


@pytest.mark.slow
@pytest.mark.prover
def test_another_process_proves_the_same_statement():
    with Prover(executor_for("processes:1")) as prover:
        (result,) = prover.prove([(SMALLEST, statement())])
    assert result.public == list(statement().public)


@pytest.mark.slow
@pytest.mark.prover
def test_proving_goes_on_after_a_worker_was_killed():
    context = get_context("spawn")

    def make(made=[]):  # noqa: B006 (one list for all calls)
        made.append(ProcessPoolExecutor(1, mp_context=context))
        if len(made) == 1:
            os.kill(made[0].submit(os.getpid).result(), signal.SIGKILL)
        return made[-1]

    said = []
    with Prover(make, progress=said.append) as prover:
        (result,) = prover.prove([(SMALLEST, statement())])
    assert result.public == list(statement().public)
    assert any("a worker died" in text for text in said)


@pytest.mark.slow
@pytest.mark.prover
def test_a_worker_without_keys_asks_for_them_checks_them_and_keeps_them(tmp_path, monkeypatch):
    prover = Prover()
    job, files = prover._with_files(ProofJob(prover.keys(SMALLEST), statement().circuit_inputs()))
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path / "elsewhere"))
    assert run_job(job) == MissingFiles(SMALLEST.name)
    (name,) = {"keys/circuit.key", "keys/circuit.zkey"} & files.keys()
    for forged in (
        files | {name: files[name][:-1] + b"\0"},
        files | {"keys/../../escape": b""},
        {key: value for key, value in files.items() if key != name},
    ):
        with pytest.raises(WorkerError, match="not the ones of the job"):
            run_job(job, forged)
    assert not list(tmp_path.rglob("circuit.*key"))
    assert run_job(job, files).public == list(statement().public)
    assert run_job(job).public == list(statement().public)
    assert not Path(tmp_path / "escape").exists()


@pytest.mark.prover
@pytest.mark.slow
def test_dask_workers_with_an_empty_cache_prove(tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address=None,
        worker_class=distributed.Nanny,
        env={"TWOPM_ZK_CACHE": str(tmp_path / "worker")},
    ) as cluster:
        said = []
        with Prover(executor_for(cluster.scheduler_address), progress=said.append) as prover:
            results = prover.prove([(SMALLEST, statement(x)) for x in (1, -2)])
    assert [result.public for result in results] == [list(statement(x).public) for x in (1, -2)]
    assert any("needs the keys" in text for text in said)
    assert list((tmp_path / "worker").rglob("circuit.*key"))
