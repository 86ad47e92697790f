"""How a task begins: who has registered data for it, and what HLRContract is told of the specification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twopm_zk.chain.network import Network
from twopm_zk.chain.rounds import TaskConfig, TrainingConfig
from twopm_zk.errors import InputError, TrainingError
from twopm_zk.federated import FederatedSpec
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.rounds.attested import attested, open_dataset
from twopm_zk.participants.rounds.descent import starting_weights
from twopm_zk.participants.rounds.view import RoundsView
from twopm_zk.participants.task_view import ChainView, dataset_of, generators_of, held_out_dataset_of
from twopm_zk.statements import Collection
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class Stakes:
    """Wei of ETH: what a node has at stake, and what it loses where it spoils a sum that others have shared."""

    minimum: int = 0
    penalty: int = 0

    def __post_init__(self) -> None:
        if self.penalty > self.minimum:
            raise InputError(
                f"a penalty of {self.penalty} wei is more than the {self.minimum} that nodes have at stake"
            )


@dataclass(frozen=True)
class Registered:
    """Who has registered data of the specification's data set, and who of them can take part."""

    ready: tuple[str, ...]
    waiting: tuple[str, ...]
    """Without membership, without a key to share with, or without the stake."""
    unattested: tuple[str, ...] = ()
    """Whose data no issuer has attested to, where the specification asks for that."""

    def sentence(self, wanted: int) -> str:
        """How many of the ``wanted`` nodes are there, and who."""
        text = f"{len(self.ready)} of {wanted} nodes have registered their data"
        text += f": {', '.join(self.ready)}" if self.ready else ""
        text += f"; registered, and not ready: {', '.join(self.waiting)}" if self.waiting else ""
        return text + (f"; not attested: {', '.join(self.unattested)}" if self.unattested else "")

    def require(self, wanted: int) -> None:
        """Raise TrainingError unless as many nodes as ``wanted`` can begin."""
        if len(self.ready) < wanted:
            raise TrainingError(self.sentence(wanted), hint="Wait until all have registered.", kind="not-enough-nodes")


def wanted_nodes(spec: TaskSpec | FederatedSpec, nodes: int = 0) -> int:
    """How many nodes to wait for: ``nodes``, or the specification's minimum for 0. InputError for fewer than that."""
    if nodes and nodes < spec.minimum_nodes:
        raise InputError(
            f"{nodes} nodes to wait for are fewer than the minimum of {spec.minimum_nodes} in the specification",
            hint="A task goes on with its minimum of nodes at least: wait for more, or agree on another specification.",
        )
    return nodes or spec.minimum_nodes


def registered(view: RoundsView[Any], spec: TaskSpec | FederatedSpec, *, stakes: Stakes) -> Registered:
    """Who is there for a task of the specification, as the chain shows it."""

    def is_ready(node: str) -> bool:
        if view.member(node) is None or not any(view.identity.aggregation_key_of(node)):
            return False
        return not stakes.minimum or view.stake_of(node) >= stakes.minimum

    dataset = spec.data_terms.id
    there = view.registrations(dataset, before=view.block() + 1)
    nodes = sorted(attested(view, dataset, there))
    ready = tuple(node for node in nodes if is_ready(node))
    waiting = tuple(node for node in nodes if node not in ready)
    return Registered(ready, waiting, tuple(sorted(there.keys() - set(nodes))))


def create_task(view: ChainView, spec: TaskSpec, *, stakes: Stakes) -> int:
    """Create a task, and open its data sets where nobody has; its number. Nodes that register before its first round
    opens can take part."""
    require_verifiers(view, spec)
    for terms in (spec.data_terms, *([spec.held_out_terms] if spec.statistics.held_out else [])):
        open_dataset(view, terms)
    training = training_config(spec, view.network, initial_weights=starting_weights(view, spec))
    return view.hlr.create_task(task_config(spec, stakes=stakes), training)


def task_config(spec: TaskSpec, *, stakes: Stakes) -> TaskConfig:
    """The rules of the rounds of a specification's task."""
    return TaskConfig(
        spec_hash=spec.spec_hash,
        dataset=dataset_of(spec),
        minimum_stake=stakes.minimum,
        penalty=stakes.penalty,
        minimum_nodes=spec.minimum_nodes,
        maximum_updates=spec.maximum_updates,
        maximum_batches=spec.maximum_node_updates,
        collect_seconds=spec.collecting_seconds,
        ready_seconds=spec.ready_seconds,
        share_seconds=spec.sharing_seconds,
        dispute_seconds=spec.disputing_seconds,
        aggregate_seconds=spec.aggregating_seconds,
        maximum_rounds=spec.maximum_rounds,
    )


def training_config(spec: TaskSpec, network: Network, *, initial_weights: Sequence[int] = ()) -> TrainingConfig:
    """What a task of the specification trains, from zeros where no ``initial_weights`` are given.

    Raises SpecError for a task that cannot be proven, InputError where an instance of it has no verifier in the
    deployment.
    """
    chosen = spec.round_instances
    asked, weights = spec.statistics, spec.sizes.width + 1
    generators = generators_of(spec)
    return TrainingConfig(
        features=spec.sizes.width,
        penalty=spec.penalty_units,
        weight_bound=spec.weight_bound_units,
        min_rows=spec.minimum_rows,
        gradient_target=spec.gradient_bound_units,
        step_verifiers=[network.verifier_id(name) for name in chosen.step],
        information_verifiers=[network.verifier_id(name) for name in chosen.information],
        information=int(spec.collects),
        aggregate_verifier=network.verifier_id(chosen.aggregate),
        certify_verifier=network.verifier_id(chosen.certify),
        gradient_generators=generators[Collection.GRADIENT],
        information_generators=generators[Collection.INFORMATION],
        family=spec.family.number,
        evaluate_verifiers=[network.verifier_id(name) for name in chosen.evaluate],
        evaluation_generators=generators[Collection.EVALUATION],
        final_information=spec.final_information,
        evaluation=asked.evaluation,
        held_out_dataset=held_out_dataset_of(spec) if asked.held_out else bytes(32),
        initial_weights=list(initial_weights) or [0] * weights,
    )
