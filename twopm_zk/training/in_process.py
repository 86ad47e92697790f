"""Federated training in one process, in exactly the integers of the protocol, with or without its proofs.

Every node computes the updates of its batches, their sum moves the weights as ``aggregate`` proves, and the last
round is certified. An update is rounded once, to units of 2^-48: with the same step matrices any split of the rows
gives the same weights, but for a rare last place. Matrices come from information, which is rounded to units of 2^-20:
then weights on the way differ by some units of 2^-20, and the optimum stays where it is.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import accumulate
from typing import Literal

import numpy as np

from twopm_zk.errors import DataError, DivergenceError, InputError, SpecError, TrainingError
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.plonk.proving import Verifier
from twopm_zk.privacy.spent import Spent
from twopm_zk.proving.executors import InProcess
from twopm_zk.proving.prover import Prover
from twopm_zk.rows.batches import NodeData, prepare, same_rows
from twopm_zk.rows.sources import RowData, cells_of, several
from twopm_zk.statements import Collection, Family, Tally
from twopm_zk.statements.rounds import BOUND_BITS
from twopm_zk.statistics.provenance import Provenance
from twopm_zk.system.progress import Progress
from twopm_zk.task.instances import batch_rows
from twopm_zk.task.parts.step_rule import NEWTON, Collects
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.final_sums import FinalSums, KnownSum
from twopm_zk.training.learner import Learner
from twopm_zk.training.noise import NoisyTraining, sum_noise
from twopm_zk.training.optimiser import decrement, hessian, real_gradient, real_weights
from twopm_zk.training.results import Certificate, Round, TrainingResult, TrainingWarning
from twopm_zk.training.round_proofs import RoundProof, RoundProver, Update
from twopm_zk.training.stopping import Obstacles, find_obstacles, shortcomings

Proofs = bool | Literal["final"]


def train(
    parties: RowData | Sequence[RowData],
    spec: TaskSpec,
    *,
    held_out: RowData | Sequence[RowData] = (),
    prove: Proofs = False,
    backend: str | None = None,
    executor: Callable[[], Executor] | None = None,
    verifier: Verifier = "python",
    progress: Progress | None = None,
) -> TrainingResult:
    """Train on the (unscaled) rows of one or more nodes: each a `Table`, a file, or a DataFrame.

    ``held_out`` are rows of the same kinds, that the weights are evaluated on; those of a node are not the ones that
    any node trains on.

    With ``prove`` every update, aggregation and the certificate is proven, and verified by ``verifier``; with
    ``"final"`` only the last round is, which certifies the weights however they were found. Either way the sums that
    ``spec.statistics`` asks for are proven at the final weights. Proofs go through ``backend``, on what ``executor``
    makes (see `executors.executor_for`), and need ``spec.instances``: without any, the smallest that fit are taken.

    Raises DataError and RangeError for data that cannot be used, InputError for another ``prove``, SpecError,
    DivergenceError where a weight leaves its bound, TrainingError where no certificate is possible, and the errors of
    proving.
    """
    prove = _known_proofs(prove)
    tables = [cells_of(data, label=spec.label, wanted=spec.data_columns) for data in several(parties)]
    if prove:
        most = batch_rows(spec.family, noise=spec.privacy is not None)
        rows = min(most, max(table.rows for table in tables)) if tables else 1
        spec = spec.provable(rows=rows, rounds=prove is True)
        if prove is True:
            _ = spec.round_instances
    nodes = [prepare(table, spec, name=f"node {number}") for number, table in enumerate(tables, start=1)]
    _check_parties(nodes, spec)
    others = enumerate(several(held_out), start=1)
    apart = [prepare(data, spec, name=f"held-out rows of node {number}") for number, data in others]
    _check_apart(nodes, apart)
    training = _Training(nodes, apart, spec, progress)
    if not prove:
        return training.run(None, proven_rounds=False)
    with Prover(executor or InProcess, backend=backend, verifier=verifier, progress=progress) as prover:
        return training.run(RoundProver(prover, spec), proven_rounds=prove is True)


def _known_proofs(prove: Proofs) -> Proofs:
    """What is to be proven. InputError for what neither is a truth value nor names the last round."""
    if isinstance(prove, bool | np.bool_):
        return bool(prove)
    if isinstance(prove, str) and prove == "final":
        return "final"
    raise InputError(f"`prove` is {prove!r}; allowed: True, False, and 'final' for the last round alone")


def _check_parties(nodes: Sequence[NodeData], spec: TaskSpec) -> None:
    if len(nodes) < spec.minimum_nodes:
        raise InputError(f"{len(nodes)} nodes; `minimum.nodes` is {spec.minimum_nodes}")
    rows = sum(node.rows for node in nodes)
    if rows < spec.minimum_rows:
        raise DataError(f"{rows} rows in all; `minimum.rows` is {spec.minimum_rows}")
    updates = sum(len(node.batches) for node in nodes)
    if updates > spec.maximum_updates:
        raise InputError(
            f"{updates} batches of up to {spec.sizes.largest.rows} rows; `maximum.updates` is {spec.maximum_updates}",
            hint="Raise it, or take instances with more rows.",
        )


def _check_apart(nodes: Sequence[NodeData], held_out: Sequence[NodeData]) -> None:
    """DataError for held-out rows that are all the rows of a node, which would be evaluated on its own training."""
    for number, apart in enumerate(held_out, start=1):
        for trained, node in enumerate(nodes, start=1):
            if same_rows(node.batches, apart.batches):
                raise DataError(
                    f"the held-out rows of node {number} are those that node {trained} trains on",
                    hint="Give rows of their own.",
                )


class _Training:
    def __init__(
        self, nodes: Sequence[NodeData], held_out: Sequence[NodeData], spec: TaskSpec, progress: Progress | None
    ) -> None:
        self.spec, self.progress = spec, progress
        self.nodes, self.held_out = nodes, held_out
        self.batches = [batch for node in nodes for batch in node.batches]
        self.learner = Learner(spec)
        self.policy = spec.policy(spec.local_task_key)

    def run(self, prover: RoundProver | None, *, proven_rounds: bool) -> TrainingResult:
        """Rounds until the target, the last allowed move, or weights that stand still."""
        spec, shape = self.spec, self.spec.sizes.round
        weights: tuple[int, ...] = (0,) * shape.weights
        rounds: list[Round] = []
        while True:
            started = time.perf_counter()
            information, proofs = self._information(weights, first=not rounds, prover=prover if proven_rounds else None)
            policy, updates = self.policy, self._updates(Collection.GRADIENT, weights, self.nodes)
            total = _total(updates)
            self.learner.take(Collection.GRADIENT, policy, weights, total, nodes=len(self.nodes))
            bound = shape.smallest_bound(policy, weights, total)
            distance = self._distance(weights, shape.regularised(policy, weights, total))
            matrix = self.learner.optimiser.matrix
            moved = shape.next_weights(policy, matrix, weights, total)
            certifiable = bound <= spec.gradient_bound_units
            near = self.learner.settled([*(r.decrement for r in rounds), distance])
            last = (certifiable and near) or len(rounds) == spec.maximum_rounds or moved == weights
            if not last:
                check_weights(spec, moved, round_number=len(rounds) + 1)
                if prover is not None and proven_rounds:
                    proofs += prover.prove_move(policy, matrix, weights, updates)
            elif bound >= 1 << BOUND_BITS:
                raise TrainingError(
                    f"after {len(rounds)} rounds the gradient is still more than 1 per row: nothing can be certified",
                    hint="Raise `rounds.maximum`, or scale the features better.",
                )
            elif prover is not None:
                proofs += prover.prove_certificate(policy, weights, updates)
            rounds.append(
                Round(
                    len(rounds),
                    weights,
                    spec.coefficients(weights),
                    total.rows,
                    bound,
                    distance,
                    matrix,
                    total,
                    information,
                    proofs,
                    time.perf_counter() - started,
                )
            )
            self._say(rounds[-1], last=last)
            if last:
                return self._result(rounds, prover, proven_rounds=proven_rounds)
            self.policy = policy.next_round(matrix_hash=matrix.hash)
            weights = moved

    def _updates(self, collection: Collection, weights: Sequence[int], nodes: Sequence[NodeData]) -> list[Update]:
        """One for each batch; where the task is private each node's first one carries its noise, drawn once."""
        noise = None if self.spec.noise is None else self.spec.noise.noise(collection, weights)
        return [
            Update(batch, tally if noise is None or number else tally.with_noise(noise.draw()))
            for node in nodes
            for number, batch in enumerate(node.batches)
            for tally in (batch.tally(collection, weights),)
        ]

    def _information(
        self, weights: Sequence[int], *, first: bool, prover: RoundProver | None
    ) -> tuple[Tally | None, tuple[RoundProof, ...]]:
        """The round before the one of the gradient, at the same weights, where there is one."""
        collects = self.spec.collects
        if collects is Collects.NEVER or (collects is Collects.FIRST and not first):
            return None, ()
        updates = self._updates(Collection.INFORMATION, weights, self.nodes)
        total = _total(updates)
        self.learner.take(Collection.INFORMATION, self.policy, weights, total, nodes=len(self.nodes))
        proofs = () if prover is None else prover.prove_sum(Collection.INFORMATION, self.policy, weights, updates)
        self.policy = self.policy.next_collection()
        return total, proofs

    def _distance(self, weights: Sequence[int], gradient: Sequence[int]) -> float:
        """The decrement at these weights; exact where the optimiser's own knowledge does not exceed the limit.

        With noise it is what the optimiser knows: rows themselves are asked nothing that has no noise.
        """
        spec, estimate = self.spec, self.learner.optimiser.decrements[-1]
        if spec.noise is not None or spec.step.rule == NEWTON or estimate > spec.decrement_bound:
            return estimate
        total = _total(self._updates(Collection.INFORMATION, weights, self.nodes))
        exact = decrement(real_gradient(spec, gradient), hessian(spec, total))
        return exact * spec.decrement_scale

    def _result(self, rounds: list[Round], prover: RoundProver | None, *, proven_rounds: bool) -> TrainingResult:
        spec, last = self.spec, rounds[-1]
        arrived = last.gradient_bound <= spec.gradient_bound_units and last.decrement <= self.learner.limit
        found = self._obstacles(last, arrived=arrived)
        for text in shortcomings(spec, rounds, found, limit=self.learner.limit):
            warnings.warn(text, TrainingWarning, stacklevel=4)
        converged = arrived and not found.separating
        certificate = Certificate(
            last.weights,
            last.gradient_bound,
            spec.minimum_rows,
            spec.penalty,
            spec.weight_bound,
            last.rows,
            len(self.nodes),
            last.proofs[-1] if prover is not None else None,
            prover is not None and prover.insecure,
        )
        sums, proofs = self._final_sums(rounds, prover, proven_rounds=proven_rounds)
        return TrainingResult(spec, tuple(rounds), certificate, converged, sums, proofs)

    def _obstacles(self, last: Round, *, arrived: bool) -> Obstacles:
        """What the rows say that stands in the way; nothing where they are asked nothing that has no noise."""
        spec = self.spec
        if spec.noise is not None:
            return Obstacles((), 0.0)
        features = np.vstack([batch.features[:, : len(spec.columns)] for batch in self.batches])
        labels = np.concatenate([batch.labels for batch in self.batches])
        gradient = real_gradient(spec, spec.sizes.round.regularised(self.policy, last.weights, last.gradient))
        weights = real_weights(spec, last.weights)
        return find_obstacles(spec, features, labels, weights, gradient, arrived=arrived)

    def _final_sums(
        self, rounds: list[Round], prover: RoundProver | None, *, proven_rounds: bool
    ) -> tuple[FinalSums, tuple[RoundProof, ...]]:
        """What is known at the final weights: proven where the specification asks for it, else computed.

        With noise nothing is computed that was not asked for: it would cost as much as what was.
        """
        spec, weights = self.spec, rounds[-1].weights
        proofs: list[RoundProof] = []
        kinds = [Collection.INFORMATION] * sum(one.information is not None for one in rounds)
        released = [(kind, len(self.nodes)) for kind in (*kinds, *[Collection.GRADIENT] * len(rounds))]
        known = None
        if spec.collects is Collects.EVERY_ROUND:
            known = rounds[-1].information
        elif spec.family is Family.GAUSSIAN:
            known = rounds[0].information

        def summed(collection: Collection, nodes: Sequence[NodeData], *, wanted: bool) -> KnownSum | None:
            if spec.noise is not None and not wanted:
                return None
            try:
                updates = self._updates(collection, weights, nodes)
            except SpecError as error:  # the noise has no room: what was trained stays
                text = f"no {collection.name.lower()} at the final weights: {error.message}"
                warnings.warn(text, TrainingWarning, stacklevel=5)
                return None
            proven = wanted and prover is not None
            if prover is not None and wanted:
                self.policy = self.policy.next_collection()
                proofs.extend(prover.prove_sum(collection, self.policy, weights, updates))
            total, noise = _total(updates), sum_noise(spec, collection, weights, len(nodes))
            provenance = Provenance(proven, total.rows, len(nodes), proven and rounds_insecure)
            released.append((collection, len(nodes)))
            return KnownSum(total, provenance, len(updates), noise)

        rounds_insecure = prover is not None and prover.insecure
        if known is not None and (proven_rounds or prover is None or spec.noise is not None):
            provenance = Provenance(proven_rounds, known.rows, len(self.nodes), proven_rounds and rounds_insecure)
            noise = sum_noise(spec, Collection.INFORMATION, weights, len(self.nodes))
            information: KnownSum | None = KnownSum(known, provenance, len(self.batches), noise)
        else:
            information = summed(Collection.INFORMATION, self.nodes, wanted=spec.statistics.information)
        evaluation = summed(Collection.EVALUATION, self.nodes, wanted=spec.statistics.evaluation)
        held_out = None
        if self.held_out:
            held_out = summed(Collection.EVALUATION, self.held_out, wanted=spec.statistics.held_out)
        if spec.noise is None:
            at_zero = _total(self._updates(Collection.INFORMATION, [0] * len(weights), self.nodes))
            return FinalSums(information, evaluation, held_out, at_zero), tuple(proofs)
        spent = Spent.of(spec.noise, [kind for kind, _ in released], nodes=min(nodes for _, nodes in released))
        noisy = NoisyTraining(rounds[-1].matrix, len(rounds) - 1, len(self.nodes), spent)
        return FinalSums(information, evaluation, held_out, noisy=noisy), tuple(proofs)

    def _say(self, done: Round, *, last: bool) -> None:
        if self.progress is not None:
            end = ", certified" if last and done.proofs else ""
            self.progress(f"round {done.number}: gradient at most {done.bound_per_row:.2e} per row{end}")


def _total(updates: Sequence[Update]) -> Tally:
    return list(accumulate(one.tally for one in updates))[-1]


def check_weights(spec: TaskSpec, weights: Sequence[int], *, round_number: int) -> None:
    """DivergenceError for the first weight outside the specification's bound, which no proof could accept."""
    for index, weight in enumerate(weights):
        if abs(weight) > spec.weight_bound_units or not WEIGHTS.holds(weight):
            raise DivergenceError(
                f"the weight of {spec.weight_name(index)} leaves the bound {spec.weight_bound:g} "
                f"in round {round_number}",
                hint=f"Raise `lambda`, which is {spec.penalty:g}; the classes may be separable.",
            )
