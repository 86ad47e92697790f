"""A whole federation in one process: to try a model, and to know what a task of it would come to.

Nodes have no keys here and so no masks, which cancel anyway: the integers of every result are those of the same task
over a chain, as long as models train the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from twopm_zk.errors import InputError
from twopm_zk.federated.aggregate import next_result
from twopm_zk.federated.masks import MaskedUpdate
from twopm_zk.federated.model import Model, train
from twopm_zk.federated.results import RoundResult, first_result
from twopm_zk.federated.specification import FederatedSpec
from twopm_zk.federated.updates import update_of


def federate(spec: FederatedSpec, models: Sequence[Model], *, rounds: int | None = None) -> Iterator[RoundResult]:
    """The results of ``rounds`` rounds, all that the specification has by default, the first one being what training
    starts from: the first model's parameters.

    Every model is one node, which takes part in every round. InputError where the specification allows fewer or more.
    """
    if not spec.minimum_nodes <= len(models) <= spec.maximum_nodes:
        raise InputError(
            f"{len(models)} models are given; the specification has {spec.minimum_nodes} to {spec.maximum_nodes} nodes"
        )
    rounds = spec.maximum_rounds if rounds is None else rounds
    if not 0 <= rounds <= spec.maximum_rounds:
        raise InputError(f"{rounds} rounds are asked for; the specification has {spec.maximum_rounds}")
    return _rounds(spec, models, rounds)


def _rounds(spec: FederatedSpec, models: Sequence[Model], rounds: int) -> Iterator[RoundResult]:
    result = first_result(spec, models[0].parameters())
    yield result
    for _ in range(rounds):
        result = next_result(spec, result, (_shared(spec, result, model) for model in models))
        yield result


def _shared(spec: FederatedSpec, before: RoundResult, model: Model) -> MaskedUpdate:
    trained = train(model, spec, before.arrays(spec), round=before.round + 1)
    return MaskedUpdate(spec.layout, update_of(spec, before, trained).words.view(np.uint64))
