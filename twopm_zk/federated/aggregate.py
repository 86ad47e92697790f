"""From a round's masked updates to its result, in exact integers: whoever recomputes it finds the same hash.

    sum       of the masked updates modulo 2^64, read as signed: masks cancel
    average   sum 2^(32 - frac_bits) / weight, half up
    next      what the rule makes of it: `rule.AggregationRule.moved`

A sum that updates within their bounds cannot have is refused: then somebody handed in rubbish, and no honest node
confirms anything. Whose it was, masks hide.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import InputError
from twopm_zk.federated.masks import MaskedUpdate
from twopm_zk.federated.results import RoundResult
from twopm_zk.federated.specification import LOSS_BOUND, LOSS_FRAC_BITS, PARAMETER_FRAC_BITS, FederatedSpec

Words = npt.NDArray[np.int64]
_LIMB = 24
_STRETCH = 1 << 14
"""So many products of two limbs add up below 2^62."""


def sum_of(spec: FederatedSpec, masked: Iterable[MaskedUpdate]) -> tuple[Words, int]:
    """The sum of all masked updates of a set, modulo 2^64 and read as signed, and how many they are.

    They may be read one after the other: only one is held at a time. InputError for one of another layout.
    """
    total, nodes = np.zeros(spec.words, dtype=np.uint64), 0
    for one in masked:
        _check_layout(spec, one.layout, "a masked update")
        total += one.words
        nodes += 1
    return total.view(np.int64), nodes


def next_result(spec: FederatedSpec, previous: RoundResult, masked: Iterable[MaskedUpdate]) -> RoundResult:
    """The result that follows from ``previous`` by the masked updates of all nodes of a set, in any order.

    InputError of kind ``spoilt-sum`` for a sum that no updates within the specification's bounds have.
    """
    _check_layout(spec, previous.layout, "the result before")
    total, nodes = sum_of(spec, masked)
    changes, tail = total[: spec.parameters], dict(zip(spec.tail, map(int, total[spec.parameters :]), strict=True))
    weight, loss, evaluated = tail["weight"], tail.get("loss", 0), tail.get("evaluated", 0)
    _check_tail(spec, nodes, weight, loss, evaluated)
    _check_changes(spec, changes, weight)
    average = _divided(changes, weight, PARAMETER_FRAC_BITS - spec.frac_bits)
    parameters, velocity = spec.rule.moved(previous.parameters, previous.velocity, average)
    return RoundResult(spec.layout, previous.round + 1, previous.hash, parameters, velocity, weight, loss, evaluated)


def _check_layout(spec: FederatedSpec, layout: bytes, what: str) -> None:
    if layout != spec.layout:
        raise InputError(f"{what} is of another specification: its integers stand for something else")


def _check_tail(spec: FederatedSpec, nodes: int, weight: int, loss: int, evaluated: int) -> None:
    most = nodes * spec.maximum_examples
    if not 1 <= nodes <= spec.maximum_nodes:
        raise InputError(f"a sum is of {nodes} nodes; the specification allows 1 to {spec.maximum_nodes}")
    least = nodes if spec.weighting == "examples" else nodes * spec.maximum_weight
    if not least <= weight <= nodes * spec.maximum_weight:
        raise _spoilt(f"its weight is {weight}; {nodes} nodes have {least} to {nodes * spec.maximum_weight}")
    if not 0 <= evaluated <= most or not 0 <= loss <= evaluated * LOSS_BOUND << LOSS_FRAC_BITS:
        raise _spoilt("the losses are not those of so many examples")


def _check_changes(spec: FederatedSpec, changes: Words, weight: int) -> None:
    """Every node's weighted change has a norm of at most its weight times the bound, and so has their sum. With noise
    that is known of each coordinate alone."""
    if spec.noise is None:
        bound = weight * spec.norm_bound
        if sum_of_squares(changes) > bound * bound:
            raise _spoilt("its norm is beyond what changes within `update.clip` add up to")
        return
    bound = weight * spec.coordinate_bound
    if max(int(changes.max()), -int(changes.min())) > bound:
        raise _spoilt("a coordinate is beyond what changes within `update.clip`, and their noise, add up to")


def sum_of_squares(words: Words) -> int:
    """The exact sum of the squares of integers of 64 bits."""
    low = (1 << _LIMB) - 1
    limbs = (words & low, words >> _LIMB & low, words >> 2 * _LIMB)
    total = 0
    for i, one in enumerate(limbs):
        for j, other in enumerate(limbs[i:], start=i):
            products = sum(
                int(np.dot(one[first : first + _STRETCH], other[first : first + _STRETCH]))
                for first in range(0, words.size, _STRETCH)
            )
            total += products * (2 if i != j else 1) << _LIMB * (i + j)
    return total


def _divided(sums: Words, weight: int, shift: int) -> Words:
    """sums 2^shift / weight, half up. The specification keeps weight 2^(shift + 1) below 2^63."""
    quotient, rest = np.divmod(sums, weight)
    return (quotient << shift) + ((rest << shift) + weight // 2) // weight


def _spoilt(reason: str) -> InputError:
    return InputError(f"the sum of the updates is spoilt: {reason}", kind="spoilt-sum")
