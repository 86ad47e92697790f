"""Statements to verified proofs, on any executor.

A worker gets the whole input of a proof, for ``step`` the rows themselves: it belongs to the owner of the rows, and
so does every machine between (a dask scheduler passes on what it is sent). Keys are named by digests of their
content; a worker that lacks one asks for it once, checks what it gets, and keeps it in its own cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, as_completed
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance, find_instance
from twopm_zk.errors import ProvingError, WorkerError
from twopm_zk.plonk.compact_key import COMPACT_KEY
from twopm_zk.plonk.keys import Keys, setup
from twopm_zk.plonk.proving import ProofResult, Verifier, prove, verify
from twopm_zk.plonk.zkey import ZKEY
from twopm_zk.proving.executors import InProcess
from twopm_zk.proving.statement_prover import Keep
from twopm_zk.statements import Signals, Statement
from twopm_zk.system.files import StrPath, digest_of, locked, replacing, require_space
from twopm_zk.system.paths import cached
from twopm_zk.system.progress import Progress

_CIRCUIT_FILES = ("circuit.json", "circuit.r1cs", "circuit.sym", "circuit.wasm")
_KEY_FILES = ("keys.json", "verification_key.json")
_PROVING_KEYS = (COMPACT_KEY, ZKEY)
"""One of them goes along."""


@dataclass(frozen=True)
class ProofJob:
    """One proof to make, as it travels to a worker. The inputs are private."""

    keys: Keys
    inputs: Signals = field(repr=False)
    backend: str | None = None
    files: dict[str, str] = field(default_factory=dict, repr=False)
    """Digest of each file of circuit and keys, where they travel with it."""


@dataclass(frozen=True)
class MissingFiles:
    """A worker's answer where it has no copy of the circuit or its keys."""

    circuit: str


def run_job(
    job: ProofJob, files: dict[str, bytes] | None = None, *, progress: Progress | None = None
) -> ProofResult | MissingFiles:
    """What a worker does. ``files`` are put into its cache first, each after a check of its digest."""
    circuit = job.keys.circuit
    folder = _key_folder(job.keys)
    # the same keys where they are the same folder: they hold their parsed verification key
    keys = job.keys if job.keys.folder == folder else replace(job.keys, folder=folder)
    folders = {"circuit": circuit.folder, "keys": keys.folder}
    if files is not None:
        _install(job, folders, files)
    if not all(folder.is_dir() for folder in folders.values()):
        return MissingFiles(circuit.name)
    return prove(keys, job.inputs, backend=job.backend, progress=progress)


def _key_folder(keys: Keys) -> Path:
    """Where the keys are in the cache of this machine."""
    return cached("keys", keys.circuit.r1cs_digest) / keys.folder.name


def _paths(keys: Keys, backend: str | None) -> dict[str, Path]:
    """What a worker with this backend, None for its own choice, needs."""
    proving_key = keys.zkey if backend == "snarkjs" else keys.proving_key
    paths = {f"circuit/{name}": keys.circuit.folder / name for name in _CIRCUIT_FILES}
    return paths | {f"keys/{name}": keys.folder / name for name in (proving_key.name, *_KEY_FILES)}


def _install(job: ProofJob, folders: dict[str, Path], files: dict[str, bytes]) -> None:
    known = [
        {*(f"circuit/{name}" for name in _CIRCUIT_FILES), *(f"keys/{name}" for name in (key, *_KEY_FILES))}
        for key in _PROVING_KEYS
    ]
    if files.keys() not in known or any(_digest(files[name]) != job.files.get(name) for name in files):
        raise WorkerError(f"the files of {job.keys.circuit.name!r} that a worker got are not the ones of the job")
    for part, folder in folders.items():
        with locked(folder):
            if folder.is_dir():
                continue
            require_space(folder, sum(map(len, files.values())), what=f"the keys of {job.keys.circuit.name!r}")
            with replacing(folder) as temporary:
                temporary.mkdir()
                for name, content in files.items():
                    if name.startswith(f"{part}/"):
                        (temporary / name.removeprefix(f"{part}/")).write_bytes(content)


def _digest(content: bytes) -> str:
    """What `digest_of` says of a file with this content."""
    return digest_of(hashlib.sha256(content).digest())


@dataclass
class _Batch:
    """Proofs that were asked for together, and how far they are."""

    jobs: Sequence[ProofJob]
    publics: Sequence[list[int]] = field(repr=False)
    verifier: Verifier
    keep: Keep | None
    done: dict[int, ProofResult] = field(default_factory=dict, repr=False)
    failed: dict[int, Exception] = field(default_factory=dict, repr=False)
    shipped: set[int] = field(default_factory=set)
    """Those whose worker asked for the files of circuit and keys."""

    @property
    def waiting(self) -> list[int]:
        """Neither proven nor failed."""
        return [index for index in range(len(self.jobs)) if index not in self.done and index not in self.failed]

    @property
    def progress(self) -> int:
        """Grows with everything that a worker has answered."""
        return len(self.done) + len(self.failed) + len(self.shipped)

    def accept(self, index: int, result: ProofResult) -> None:
        """Take a proof that verifies; the failure of its statement is noted where it does not."""
        keys = self.jobs[index].keys
        valid = result.public == self.publics[index]
        if not valid or not verify(keys.verification_key, result.public, result.proof, verifier=self.verifier):
            message = f"a worker returned a proof of {keys.circuit.name!r} that does not verify"
            self.failed[index] = ProvingError(message)
            return
        self.done[index] = replace(result, verification_key=keys.verification_key)
        if self.keep is not None:
            self.keep(index, self.done[index])


class Prover:
    """Proves statements on an executor, and verifies every proof here.

    ``make_executor`` is called again when the executor breaks (a worker process that was killed); the proofs that
    were not finished then start over, at most ``retries`` times in a row without any progress.
    """

    def __init__(
        self,
        make_executor: Callable[[], Executor] = InProcess,
        *,
        backend: str | None = None,
        verifier: Verifier = "python",
        retries: int = 2,
        ptau: StrPath | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._make = make_executor
        self._executor: Executor | None = None
        self._backend, self._verifier, self._retries = backend, verifier, retries
        self._ptau, self._progress = ptau, progress
        self._keys: dict[str, Keys] = {}

    def keys(self, instance: Instance | str) -> Keys:
        """Keys of an instance: made, or found in the cache, once."""
        known = find_instance(instance) if isinstance(instance, str) else instance
        if known.name not in self._keys:
            circuit = compile_circuit(known, progress=self._progress)
            self._keys[known.name] = setup(circuit, ptau=self._ptau, backend=self._backend, progress=self._progress)
        return self._keys[known.name]

    def prove(
        self, statements: Sequence[tuple[Instance | str, Statement]], *, keep: Keep | None = None
    ) -> list[ProofResult]:
        """A verified proof of each statement, in order.

        ``keep`` gets each with its index as soon as it is verified, in the order in which they are made, in the
        caller's thread. Where one statement fails the others are proven and kept all the same, and the error of the
        first that failed is raised: WitnessError and the other errors of `plonk.prove` as they are, with a note that
        gives the index; WorkerError where workers keep dying; ProvingError where a proof comes back that is of
        something else or false.
        """
        jobs = [
            ProofJob(self.keys(instance), statement.circuit_inputs(), self._backend)
            for instance, statement in statements
        ]
        batch = _Batch(jobs, [list(statement.public) for _, statement in statements], self._verifier, keep)
        try:
            self._run(batch)
        except BaseException:
            self._drop()  # else its threads would go on, with proofs that nobody waits for
            raise
        if batch.failed:
            index = min(batch.failed)
            batch.failed[index].add_note(f"This was statement {index} of {len(jobs)}, counted from 0.")
            raise batch.failed[index]
        return [batch.done[index] for index in range(len(jobs))]

    def _run(self, batch: _Batch) -> None:
        failures = 0
        while batch.waiting:
            before = batch.progress
            try:
                self._round(batch)
            except Exception as error:
                if not _died(error):
                    raise
                self._drop()
                failures = failures + 1 if batch.progress == before else 0
                if failures > self._retries:
                    names = ", ".join(sorted({batch.jobs[index].keys.circuit.name for index in batch.waiting}))
                    raise WorkerError(
                        f"workers died {failures} times in a row on proofs of {names}",
                        hint="Look at their memory: a proof of 2^16 gates takes about 150 MB, of 2^18 about 500.",
                    ) from error
                self._say(f"a worker died; {len(batch.waiting)} proofs start again")

    def _round(self, batch: _Batch) -> None:
        """Submit what is not done; files go along with the jobs whose worker asked for them."""
        executor = self._executor = self._executor or self._make()
        work: Callable[..., ProofResult | MissingFiles] = run_job
        if isinstance(executor, InProcess):
            work = partial(run_job, progress=executor.progress)
        futures: dict[Future[ProofResult | MissingFiles], int] = {}
        for index in batch.waiting:
            job = batch.jobs[index]
            arguments = self._with_files(job) if index in batch.shipped else (job,)
            futures[executor.submit(work, *arguments)] = index
        for future in as_completed(futures):
            index = futures[future]
            name = batch.jobs[index].keys.circuit.name
            try:
                answer = future.result()
            except Exception as error:
                if _died(error):
                    raise
                batch.failed[index] = error
                continue
            if not isinstance(answer, MissingFiles):
                batch.accept(index, answer)
                self._say(f"proven {name}, {len(batch.done)} of {len(batch.jobs)}")
            elif index in batch.shipped:
                raise WorkerError(f"a worker still lacks the keys of {answer.circuit!r} after it got them")
            else:
                batch.shipped.add(index)
                self._say(f"a worker needs the keys of {answer.circuit}")

    @staticmethod
    def _with_files(job: ProofJob) -> tuple[ProofJob, dict[str, bytes]]:
        files = {name: path.read_bytes() for name, path in _paths(job.keys, job.backend).items()}
        return replace(job, files={name: _digest(content) for name, content in files.items()}), files

    def _say(self, text: str) -> None:
        if self._progress is not None:
            self._progress(text)

    def _drop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def close(self) -> None:
        """End the workers."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def __enter__(self) -> Prover:
        return self

    def __exit__(self, *exception: object) -> None:
        if exception[0] is None:
            self.close()
        else:
            self._drop()


def _died(error: Exception) -> bool:
    """Whether an error is the worker's death, and not its answer."""
    dask = type(error).__module__.partition(".")[0] == "distributed"
    return dask or isinstance(error, BrokenExecutor | CancelledError | ConnectionError)
