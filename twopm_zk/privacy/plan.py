"""How much noise each collection of a task takes, and what all of them cost together.

The cost of a release is 1 / (2 multiplier^2) of zero-concentrated differential privacy, of which the releases of a
task are given shares: information `INFORMATION_SHARE` in all, each evaluation `EVALUATION_SHARE`, and the gradients
what is left, every one the same. An update whose sums are of several sizes (`sensitivity.Block`) gives each size an
equal part of its share: the standard deviation of a block is its own sensitivity times multiplier sqrt(blocks).

The sum over a set of nodes is published. Its noise is counted on to be that of ``honest`` nodes, so each adds
1/sqrt(honest) of the standard deviation that the sum needs. A node adds it to the first of its updates in a round:
once, however many batches it has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from twopm_zk.errors import SpecError
from twopm_zk.numbers import discrete_gaussian
from twopm_zk.privacy import accounting
from twopm_zk.privacy.sensitivity import Block, RowLimits
from twopm_zk.privacy.terms import Privacy
from twopm_zk.statements.family import DISPERSION, Family
from twopm_zk.statements.types import Collection

INFORMATION_SHARE = 0.2
EVALUATION_SHARE = 0.1
LEAST_BITS, MOST_BITS = 2, 16
"""Of NOISE, the template parameter: circuits accept noise of a magnitude below 2^NOISE units of a sum, which are whole
ones or, in an evaluation, about what a row can add to it."""
REACH = 8
"""So many standard deviations of a node's noise have room below that."""
_REACHED = math.erfc(REACH / math.sqrt(2))
"""A bound on the probability that one number is beyond them: proposition 25 of Canonne, Kamath and Steinke 2020."""
EXPECTED_Z = 16.0
"""Log-odds that evaluations have room for, where the weights are not known yet; a unit's more of deviations."""


@dataclass(frozen=True)
class Schedule:
    """How often a task publishes a sum of each kind, at most."""

    gradients: int
    information: int = 0
    evaluations: int = 0

    def times(self, collection: Collection) -> int:
        """Of one kind."""
        return (self.gradients, self.information, self.evaluations)[collection]


@dataclass(frozen=True)
class NoiseBlock:
    """The noise of one node on some sums of an update."""

    places: tuple[int, ...]
    """Which sums of the update."""
    sensitivity: float
    """How far one unit of privacy moves them all, in whole units."""
    sigma: float
    """Standard deviation on each of them, in whole units."""
    frac_bits: int
    below: int
    """The magnitude that circuits refuse, in units of 2^-frac_bits."""

    @property
    def sigma_squared(self) -> int:
        """The variance in squares of the unit 2^-frac_bits: a whole number, as `Plan` chooses it."""
        return round(Fraction(self.sigma) ** 2 * (1 << (2 * self.frac_bits)))


@dataclass(frozen=True)
class Noise:
    """The noise of one node on an update."""

    sums: int
    """Of the update, those of padding too, which have no noise."""
    blocks: tuple[NoiseBlock, ...]

    @property
    def sigmas(self) -> tuple[float, ...]:
        """The standard deviation on each sum in whole units, 0 for padding."""
        found = [0.0] * self.sums
        for block in self.blocks:
            for place in block.places:
                found[place] = block.sigma
        return tuple(found)

    def draw(self) -> tuple[int, ...]:
        """Noise for each sum, in the unit of its integers. It is secret, and for one update only.

        A draw that a circuit would refuse is drawn anew; the plan's delta has room for what that changes.
        """
        found = [0] * self.sums
        for block in self.blocks:
            drawn = discrete_gaussian.sample(block.sigma_squared, len(block.places), below=block.below)
            for place, value in zip(block.places, drawn, strict=True):
                found[place] = value
        return tuple(found)


@dataclass(frozen=True)
class Plan:
    """The noise of all collections of a task."""

    privacy: Privacy
    limits: RowLimits
    width: int
    """Columns of an update, padding included, the intercept left out."""
    schedule: Schedule
    honest: int
    rows: int = 1
    """Rows of one unit of privacy, at most."""
    updates: int = 1
    """Updates that they are in."""

    @cached_property
    def delta_of_noise(self) -> float:
        """What is left of delta for the noise itself, once draws that are drawn anew have their part of it.

        Raises SpecError where that is most of it.
        """
        redrawn = (1 + math.exp(self.privacy.epsilon)) * sum(self.redrawn(kind) for kind in self.releases)
        if redrawn > self.privacy.delta / 2:
            raise SpecError(
                f"`privacy.delta` is {self.privacy.delta:g}; noise that is cut off takes {redrawn:.2g} of it alone",
                hint="Give a larger `privacy.delta`, or a smaller `privacy.epsilon`.",
            )
        return self.privacy.delta - redrawn

    def redrawn(self, collection: Collection) -> float:
        """A bound on the probability that honest nodes' noise on one sum of this kind is drawn anew."""
        return self.honest * sum(block.sums for block in self._blocks(collection)) * _REACHED

    def share(self, collection: Collection) -> float:
        """What part of the cost one release of this kind has."""
        information = INFORMATION_SHARE if self.schedule.information else 0.0
        if collection is Collection.INFORMATION:
            return information / self.schedule.information
        if collection is Collection.EVALUATION:
            return EVALUATION_SHARE
        return (1 - information - EVALUATION_SHARE * self.schedule.evaluations) / self.schedule.gradients

    def multiplier(self, collection: Collection) -> float:
        """Standard deviation of the sum's noise over its sensitivity, of each release of this kind."""
        one = accounting.calibrate(self.privacy.epsilon, self.delta_of_noise)
        return one / math.sqrt(self.share(collection))

    def bits(self, collection: Collection) -> int:
        """NOISE of the circuits of this kind: at any weights, for evaluations at those with log-odds of `EXPECTED_Z`.

        Raises SpecError where it is beyond what circuits have.
        """
        found = max(_bits(self._sigma(block, collection), block) for block in self._blocks(collection))
        if found > MOST_BITS:
            raise SpecError(
                f"`privacy` asks for noise of up to 2^{found} whole units on a sum of {collection.name.lower()}; "
                f"circuits have room for 2^{MOST_BITS}",
                hint="Give a larger `privacy.epsilon`, a smaller `privacy.clip`, more `privacy.honest` nodes, or fewer "
                "rounds; where the unit is a node, a smaller `maximum.updates_per_node`.",
                kind="too-much-noise",
            )
        return max(found, LEAST_BITS)

    def noise(self, collection: Collection, weights: Sequence[int]) -> Noise:
        """What each node adds to its first update at integer ``weights`` (padded, intercept last).

        Raises SpecError where weights are so large that the noise has no room in the circuits, or that rows within the
        specification could be without a proof. Neither depends on rows: nobody takes part then.
        """
        z, bits = self.limits.largest_z(weights), self.bits(collection)
        if self.limits.family is Family.GAUSSIAN and z + self.limits.label >= DISPERSION:
            raise SpecError(
                f"at these weights a row may be {DISPERSION} or more from what they expect of it, and would have no "
                "proof: that a node has one would tell of its rows",
                hint="Give the label a larger scale, or a smaller `privacy.clip`.",
                kind="noise-without-room",
            )
        blocks, places = self._blocks(collection, z), self._places(collection)
        made, first = [], 0
        for block in blocks:
            sigma = self._sigma(block, collection)
            if _bits(sigma, block) > bits:
                raise SpecError(
                    f"at these weights rows may have log-odds of {z:.3g}: the noise of their evaluation has no room in "
                    "the circuits",
                    hint="Give a smaller `weight_bound`, or a smaller `privacy.clip`.",
                    kind="noise-without-room",
                )
            made.append(
                NoiseBlock(
                    places[first : first + block.sums],
                    block.sensitivity(self.rows, self.updates),
                    sigma,
                    block.frac_bits,
                    1 << (bits + block.noise_unit + block.frac_bits),
                )
            )
            first += block.sums
        return Noise(collection.sums(self.width + 1, self.limits.family), tuple(made))

    def at_any_weights(self, collection: Collection) -> list[tuple[float, float]]:
        """For each size of sums, how far a unit of privacy moves them, and the standard deviation of a node's noise.

        In whole units, at the weights that need most; of evaluations see `bits`.
        """
        blocks = self._blocks(collection)
        return [(one.sensitivity(self.rows, self.updates), self._sigma(one, collection)) for one in blocks]

    def sigma_of_sum(self, collection: Collection, weights: Sequence[int], nodes: int) -> tuple[float, ...]:
        """Standard deviation of the noise on each sum of ``nodes`` nodes, all honest, in whole units; 0 for padding."""
        return tuple(sigma * math.sqrt(nodes) for sigma in self.noise(collection, weights).sigmas)

    def rough_gradient_noise(self, nodes: int) -> float:
        """`sigma_of_sum` of a gradient at any weights, up to a third too large: by `Privacy.rough_multiplier`."""
        (block,) = self._blocks(Collection.GRADIENT)
        multiplier = self.privacy.rough_multiplier / math.sqrt(self.share(Collection.GRADIENT))
        return block.sensitivity(self.rows, self.updates) * multiplier * math.sqrt(nodes / self.honest)

    @property
    def releases(self) -> tuple[Collection, ...]:
        """All that the task may publish."""
        return tuple(kind for kind in Collection for _ in range(self.schedule.times(kind)))

    def epsilon(self, releases: Iterable[Collection] | None = None) -> float:
        """What these releases have spent at the task's delta, or all that there may be."""
        chosen = self.releases if releases is None else releases
        return accounting.epsilon((self.multiplier(one) for one in chosen), self.delta_of_noise)

    def _blocks(self, collection: Collection, z: float | None = None) -> tuple[Block, ...]:
        """What moves by how much where no |z| exceeds ``z``; without it at any weights, see `bits`."""
        if collection is Collection.GRADIENT:
            return self.limits.gradient(math.inf if z is None else z)
        if collection is Collection.INFORMATION:
            return self.limits.information()
        return self.limits.evaluation(EXPECTED_Z if z is None else z)

    def _sigma(self, block: Block, collection: Collection) -> float:
        """Of one node, in whole units; never so small that the sum of several is no discrete Gaussian any more."""
        blocks = len(self._blocks(collection))
        needed = block.sensitivity(self.rows, self.updates) * self.multiplier(collection) * math.sqrt(blocks)
        unit = 2.0**-block.frac_bits
        sigma = max(needed / math.sqrt(self.honest), accounting.LEAST_SIGMA * unit)
        return math.sqrt(math.ceil((sigma / unit) ** 2)) * unit

    def _places(self, collection: Collection) -> tuple[int, ...]:
        """Which sums of an update have noise: all but those of padding, which are 0 for everybody."""
        used = [*range(self.limits.columns), self.width]
        if collection is Collection.GRADIENT:
            return tuple(used)
        if collection is Collection.EVALUATION:
            return tuple(range(collection.sums(self.width + 1, self.limits.family)))
        pairs = [(j, k) for j in range(self.width + 1) for k in range(j, self.width + 1)]
        return tuple(index for index, (j, k) in enumerate(pairs) if j in used and k in used)


def _bits(sigma: float, block: Block) -> int:
    """The smallest n for which 2^n of what circuits measure noise by are `REACH` standard deviations, and one unit of
    the lattice more."""
    return math.ceil(math.log2(REACH * sigma + 2.0**-block.frac_bits) - block.noise_unit)
