"""How a task begins: who has enrolled, what HLRContract is told of the specification, and the first step matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from twopm_zk.chain.network import Network, TaskConfig, TrainingConfig
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.errors import InputError, SpecError, TrainingError
from twopm_zk.participants.messages import Enrolment
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.task_view import ChainView, dataset_of
from twopm_zk.task.specification import BFGS, NEWTON, TaskSpec
from twopm_zk.training.optimiser import Optimiser, moment_curvature, range_curvature


@dataclass(frozen=True)
class Enrolled:
    """Who has told the coordinator of their data: address and what they told, and who among them can begin."""

    enrolments: dict[str, Enrolment]
    ready: tuple[str, ...]

    @property
    def waiting(self) -> tuple[str, ...]:
        """Enrolled, and not yet a member, or without their data on the chain, or without the stake."""
        return tuple(node for node in self.enrolments if node not in self.ready)

    def sentence(self, wanted: int) -> str:
        """How many of the ``wanted`` nodes are there, and who."""
        text = f"{len(self.ready)} of {wanted} nodes have enrolled and registered their data"
        text += f": {', '.join(self.ready)}" if self.ready else ""
        return text + (f"; enrolled, and not ready: {', '.join(self.waiting)}" if self.waiting else "")

    def require(self, wanted: int) -> None:
        """Raise TrainingError unless as many nodes as ``wanted`` can begin."""
        if len(self.ready) < wanted:
            raise TrainingError(
                self.sentence(wanted),
                hint="Take in enrolments until all have enrolled.",
                kind="not-enough-nodes",
            )


def wanted_nodes(spec: TaskSpec, nodes: int = 0) -> int:
    """How many nodes to wait for: ``nodes``, or the specification's minimum for 0. InputError for fewer than that."""
    if nodes and nodes < spec.minimum_nodes:
        raise InputError(
            f"{nodes} nodes to wait for are fewer than the minimum of {spec.minimum_nodes} in the specification",
            hint="A task goes on with its minimum of nodes at least: wait for more, or agree on another specification.",
        )
    return nodes or spec.minimum_nodes


def enrolled(view: ChainView, spec: TaskSpec, store: CoordinatorStore, *, minimum_stake: int = 0) -> Enrolled:
    """The enrolments in a coordinator's store, compared with the chain."""
    enrolments = store.enrolments(spec.spec_hash, spec.sizes.round)
    registered = view.registrations(dataset_of(spec), before=view.block() + 1) if enrolments else {}

    def is_ready(node: str) -> bool:
        if view.member(node) is None or len(registered.get(node, ())) < enrolments[node].batches:
            return False
        return not minimum_stake or view.stake_of(node) >= minimum_stake

    return Enrolled(enrolments, tuple(node for node in enrolments if is_ready(node)))


def create_task(
    view: ChainView, spec: TaskSpec, store: CoordinatorStore, found: Enrolled, *, minimum_stake: int = 0
) -> int:
    """Create the task for who has enrolled, its step matrix in the store before its hash is on the chain."""
    require_verifiers(view, spec)
    matrix = first_optimiser(spec, found.enrolments.values()).matrix
    store.add_matrix(matrix)
    config = task_config(spec, minimum_stake=minimum_stake)
    return view.hlr.create_task(config, training_config(spec, view.network, matrix_hash=matrix.hash))


def first_optimiser(spec: TaskSpec, enrolments: Iterable[Enrolment]) -> Optimiser:
    """The optimiser as it stands before the first round, from what all enrolled nodes have."""
    known = list(enrolments)
    if spec.step.curvature == "ranges":
        return Optimiser(spec, range_curvature(spec, sum(enrolment.rows for enrolment in known)))
    moments = [enrolment.moments for enrolment in known if enrolment.moments is not None]
    return Optimiser(spec, moment_curvature(spec, list(accumulate(moments))[-1]))


def task_config(spec: TaskSpec, *, minimum_stake: int = 0) -> TaskConfig:
    """The rules of the rounds of a specification's task; ``minimum_stake`` in wei of ETH.

    Raises SpecError for a task that cannot be proven.
    """
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
    """What a task of the specification trains.

    Raises InputError where an instance of it has no verifier in the deployment.
    """
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
