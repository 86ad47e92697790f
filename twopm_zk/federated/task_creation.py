"""From a specification and a deployment to the arguments of ``HLRContract.createTask``, and the first step matrix."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from twopm_zk.chain.network import Network, TaskConfig, TrainingConfig
from twopm_zk.errors import SpecError
from twopm_zk.federated.chain_view import dataset_of
from twopm_zk.federated.messages import Enrolment
from twopm_zk.federated.optimiser import Optimiser, moment_curvature, range_curvature
from twopm_zk.federated.spec import BFGS, NEWTON, TaskSpec


def first_optimiser(spec: TaskSpec, enrolments: Iterable[Enrolment]) -> Optimiser:
    """As it stands before the first round, from what all enrolled nodes have."""
    known = list(enrolments)
    if spec.step.curvature == "ranges":
        return Optimiser(spec, range_curvature(spec, sum(enrolment.rows for enrolment in known)))
    moments = [enrolment.moments for enrolment in known if enrolment.moments is not None]
    return Optimiser(spec, moment_curvature(spec, list(accumulate(moments))[-1]))


def task_config(spec: TaskSpec, *, minimum_stake: int = 0) -> TaskConfig:
    """The rules of its rounds; ``minimum_stake`` in wei of ETH. SpecError for a task that cannot be proven."""
    if spec.sizes.capacity is None:
        raise SpecError("a task without `instances` cannot be proven", hint="Name them in the specification.")
    return TaskConfig(
        spec_hash=spec.spec_hash,
        dataset=dataset_of(spec),
        minimum_stake=minimum_stake,
        minimum_nodes=spec.minimum_nodes,
        maximum_updates=spec.sizes.capacity,
        collect_seconds=spec.collecting_seconds,
        aggregate_seconds=spec.aggregating_seconds,
        maximum_rounds=spec.maximum_rounds,
    )


def training_config(spec: TaskSpec, network: Network, *, matrix_hash: int) -> TrainingConfig:
    """What it trains. InputError where an instance of the specification has no verifier in the deployment."""
    chosen = spec.instances
    if chosen is None:
        raise SpecError("a task without `instances` cannot be proven", hint="Name them in the specification.")
    fold = network.verifier_id(chosen.fold) if chosen.segments > 1 and chosen.fold else 0
    return TrainingConfig(
        features=spec.sizes.width,
        slots=spec.sizes.round.slots,
        segments=chosen.segments,
        penalty=spec.penalty_units,
        weight_bound=spec.weight_bound_units,
        min_rows=spec.minimum_rows,
        gradient_target=spec.gradient_bound_units,
        matrix_hash=matrix_hash,
        step_verifiers=[network.verifier_id(name) for name in chosen.step],
        aggregate_verifier=network.verifier_id(chosen.aggregate),
        certify_verifier=network.verifier_id(chosen.certify),
        initial_weights=[0] * (spec.sizes.width + 1),
        fold_verifier=fold,
        matrix_replaceable=spec.step.rule in (BFGS, NEWTON),
    )
