"""Federated training in one process, in exactly the integers of the protocol, with or without its proofs.

Every node computes the exact updates of its batches, their sum moves the weights as ``aggregate`` proves, and the
last round is certified. Nothing is rounded per node: any split of the rows gives the same weights in every round.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import accumulate
from typing import Literal

import numpy as np

from twopm_zk.errors import DataError, DivergenceError, InputError, TrainingError
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.plonk.proving import Verifier
from twopm_zk.proving.executors import InProcess
from twopm_zk.proving.prover import Prover
from twopm_zk.rows.batches import NodeData, prepare
from twopm_zk.rows.moments import Moments
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Update
from twopm_zk.statements.rounds import BOUND_BITS
from twopm_zk.system.progress import Progress
from twopm_zk.task.specification import NEWTON, TaskSpec
from twopm_zk.training.optimiser import (
    Optimiser,
    decrement,
    hessian,
    moment_curvature,
    range_curvature,
    real_gradient,
    real_weights,
)
from twopm_zk.training.results import Certificate, Round, TrainingResult, TrainingWarning
from twopm_zk.training.round_proofs import RoundProof, RoundProver
from twopm_zk.training.stopping import find_obstacles, shortcomings, stands_still

Proofs = bool | Literal["final"]
_MOST_ROWS = 128  # of a batch, where the specification names no instances


def train(
    parties: Table | Sequence[Table],
    spec: TaskSpec,
    *,
    prove: Proofs = False,
    backend: str | None = None,
    executor: Callable[[], Executor] | None = None,
    verifier: Verifier = "python",
    progress: Progress | None = None,
) -> TrainingResult:
    """Train on the (unscaled) tables of one or more nodes.

    With ``prove`` every update, fold, aggregation and the certificate is proven, and verified by ``verifier``;
    with ``"final"`` only the last round is, which certifies the weights however they were found. Proofs go through
    ``backend``, on what ``executor`` makes (see `executors.executor_for`), and need ``spec.instances``: without any,
    the smallest that fit are taken.

    Raises DataError and RangeError for data that cannot be used, SpecError, DivergenceError where a weight leaves
    its bound, TrainingError where no certificate is possible, and the errors of proving.
    """
    tables = [parties] if isinstance(parties, Table) else list(parties)
    if prove:
        rows = min(max(table.rows for table in tables), _MOST_ROWS) if tables else 1
        spec = spec.provable(rows=rows, updates=sum(-(-table.rows // rows) for table in tables) or 1)
    nodes = [prepare(table, spec, name=f"node {number}") for number, table in enumerate(tables, start=1)]
    _check_parties(nodes, spec)
    training = _Training(nodes, spec, progress)
    if not prove:
        return training.run(None, proven_rounds=False)
    with Prover(executor or InProcess, backend=backend, verifier=verifier, progress=progress) as prover:
        return training.run(RoundProver(prover, spec), proven_rounds=prove is True)


def _check_parties(nodes: Sequence[NodeData], spec: TaskSpec) -> None:
    if len(nodes) < spec.minimum_nodes:
        raise InputError(f"{len(nodes)} nodes; `minimum.nodes` is {spec.minimum_nodes}")
    rows = sum(node.rows for node in nodes)
    if rows < spec.minimum_rows:
        raise DataError(f"{rows} rows in all; `minimum.rows` is {spec.minimum_rows}")
    updates = sum(len(node.batches) for node in nodes)
    if spec.sizes.capacity is not None and updates > spec.sizes.capacity:
        raise InputError(
            f"{updates} batches of up to {spec.sizes.largest.rows} rows; a round has room for {spec.sizes.capacity}",
            hint="Raise `instances.segments`, or take instances with more rows or slots.",
        )


class _Training:
    def __init__(self, nodes: Sequence[NodeData], spec: TaskSpec, progress: Progress | None) -> None:
        self.spec, self.progress = spec, progress
        self.nodes = len(nodes)
        self.batches = [batch for node in nodes for batch in node.batches]
        moments = list(accumulate(node.moments for node in nodes))[-1]
        if spec.step.curvature == "moments":
            curvature = moment_curvature(spec, moments)
        else:
            curvature = range_curvature(spec, moments.rows)
        self.optimiser = Optimiser(spec, curvature)
        self.policy = spec.policy(spec.local_task_key, self.optimiser.matrix.hash)

    def run(self, prover: RoundProver | None, *, proven_rounds: bool) -> TrainingResult:
        """Rounds until the target, the last allowed move, or weights that stand still."""
        spec, shape = self.spec, self.spec.sizes.round
        weights: tuple[int, ...] = (0,) * shape.weights
        rounds: list[Round] = []
        while True:
            started = time.perf_counter()
            updates = tuple(batch.update(weights) for batch in self.batches)
            total = list(accumulate(updates))[-1]
            if not rounds:
                check_classes(spec, total)
            policy = self.policy
            bound = shape.smallest_bound(policy, weights, total)
            distance = self._learn(weights, shape.regularised(policy, weights, total))
            matrix = self.optimiser.matrix
            moved = shape.next_weights(policy, matrix, weights, total)
            certifiable = bound <= spec.gradient_bound_units
            near = distance <= spec.decrement_bound or stands_still([*(r.decrement for r in rounds), distance])
            last = (certifiable and near) or len(rounds) == spec.maximum_rounds or moved == weights
            proofs: tuple[RoundProof, ...] = ()
            if not last:
                check_weights(spec, moved, round_number=len(rounds) + 1)
                if prover is not None and proven_rounds:
                    proofs = prover.prove_move(policy, matrix, weights, self.batches)
            elif bound >= 1 << BOUND_BITS:
                raise TrainingError(
                    f"after {len(rounds)} rounds the gradient is still more than 1 per row: nothing can be certified",
                    hint="Raise `rounds.maximum`, or scale the features better.",
                )
            elif prover is not None:
                proofs = prover.prove_certificate(policy, weights, self.batches)
            rounds.append(
                Round(
                    len(rounds),
                    weights,
                    spec.coefficients(weights),
                    total.rows,
                    bound,
                    distance,
                    matrix,
                    updates,
                    proofs,
                    time.perf_counter() - started,
                )
            )
            self._say(rounds[-1], last=last)
            if last:
                return self._result(rounds, proven=prover is not None)
            self.policy = policy.next_round(matrix_hash=matrix.hash)
            weights = moved

    def _learn(self, weights: Sequence[int], gradient: Sequence[int]) -> float:
        """The decrement at these weights; exact where the optimiser's own knowledge does not exceed the limit."""
        spec, newton = self.spec, self.spec.step.rule == NEWTON
        self.optimiser.observe(weights, gradient, self._weighted_moments(weights) if newton else None)
        estimate = self.optimiser.decrements[-1]
        if newton or estimate > spec.decrement_bound:
            return estimate
        return decrement(real_gradient(spec, gradient), hessian(spec, self._weighted_moments(weights)))

    def _weighted_moments(self, weights: Sequence[int]) -> Moments:
        return list(accumulate(batch.weighted_moments(weights) for batch in self.batches))[-1]

    def _result(self, rounds: list[Round], *, proven: bool) -> TrainingResult:
        spec, last = self.spec, rounds[-1]
        arrived = last.gradient_bound <= spec.gradient_bound_units and last.decrement <= spec.decrement_bound
        features = np.vstack([batch.features[:, : len(spec.columns)] for batch in self.batches])
        labels = np.concatenate([batch.labels for batch in self.batches])
        total = list(accumulate(last.updates))[-1]
        gradient = real_gradient(spec, spec.sizes.round.regularised(self.policy, last.weights, total))
        weights = real_weights(spec, last.weights)
        found = find_obstacles(spec, features, labels, weights, gradient, arrived=arrived)
        for text in shortcomings(spec, rounds, found):
            warnings.warn(text, TrainingWarning, stacklevel=4)
        converged = arrived and not found.separating
        certificate = Certificate(
            last.weights,
            last.gradient_bound,
            spec.minimum_rows,
            spec.penalty,
            spec.weight_bound,
            last.rows,
            self.nodes,
            last.proofs[-1] if proven else None,
        )
        return TrainingResult(spec, tuple(rounds), certificate, converged)

    def _say(self, done: Round, *, last: bool) -> None:
        if self.progress is not None:
            end = ", certified" if last and done.proofs else ""
            self.progress(f"round {done.number}: gradient at most {done.bound_per_row:.2e} per row{end}")


def check_classes(spec: TaskSpec, total: Update) -> None:
    """DataError where all labels are the same: the first update, at weights of zero, tells."""
    shape = spec.sizes.round
    half = total.rows << (shape.gradient_frac_bits - 1)
    if abs(total.gradient[-1]) == half:
        raise DataError(
            f"label {spec.label!r} is the same in all {total.rows} rows: there is nothing to tell apart",
            hint="Training needs rows of both classes.",
        )


def check_weights(spec: TaskSpec, weights: Sequence[int], *, round_number: int) -> None:
    """DivergenceError for the first weight outside the specification's bound, which no proof could accept."""
    for index, weight in enumerate(weights):
        if abs(weight) > spec.weight_bound_units or not WEIGHTS.holds(weight):
            raise DivergenceError(
                f"the weight of {spec.weight_name(index)} leaves the bound {spec.weight_bound:g} "
                f"in round {round_number}",
                hint=f"Raise `lambda`, which is {spec.penalty:g}; the classes may be separable.",
            )
