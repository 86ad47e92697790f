"""How much noise nodes add to their updates, so that all results together tell little of any one node's data.

Two neighbouring runs differ in all data of one node. Its quantised change is within clip of 0 in L2 before it is
rounded, so that the two changes are apart by at most

    sensitivity = 2 clip + sqrt(parameters) 2^-frac_bits

Each round publishes one sum, of noise multiplier m; m is the smallest of which all rounds together stay within
(epsilon, delta), by the accountant that all of this project uses (`privacy.accounting`). The noise is that of
``honest`` nodes, so each adds 1/sqrt(honest) of the standard deviation that a sum needs, from the discrete Gaussian.
The weights of a private sum are equal, and nothing else is summed.

Bounds of sums come from a multiplier in closed form that is a little larger (`Privacy.rough_multiplier`), so that no
release of an accountant ever changes which sums are refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from twopm_zk.numbers import discrete_gaussian
from twopm_zk.privacy import accounting
from twopm_zk.privacy.spent import Spent
from twopm_zk.privacy.terms import Privacy

REACH = 16
"""Noise of so many standard deviations of a node's is drawn anew: a chance below 10^-50 for each number."""


@dataclass(frozen=True)
class NoisePlan:
    """The noise of one node on each parameter of an update, in units of 2^-frac_bits."""

    privacy: Privacy
    parameters: int
    frac_bits: int
    rounds: int
    honest: int
    sensitivity: float
    """How far all data of one node move a sum, in L2, in units of parameters."""

    @classmethod
    def of(
        cls, privacy: Privacy, *, parameters: int, clip: float, frac_bits: int, rounds: int, minimum_nodes: int
    ) -> NoisePlan:
        """The plan of a specification."""
        sensitivity = 2 * clip + math.sqrt(parameters) * 2.0**-frac_bits
        honest = privacy.honest_of(minimum_nodes)
        return cls(privacy, parameters, frac_bits, rounds, honest, sensitivity)

    @property
    def multiplier(self) -> float:
        """Standard deviation of a sum's noise over the sensitivity."""
        return accounting.calibrate(self.privacy.epsilon, self.delta_of_noise, self.rounds)

    @property
    def delta_of_noise(self) -> float:
        """What is left of delta for the noise itself, once draws that are drawn anew have their part of it: nearly all.

        A part is (1 + e^epsilon) times the chance that the noise of an honest node in some round is drawn anew.
        """
        redrawn = discrete_gaussian.tail(self._most, self.parameters, self.below) * self.honest * self.rounds
        return self.privacy.delta - (1 + math.exp(self.privacy.epsilon)) * redrawn

    @property
    def sigma_squared(self) -> int:
        """Variance of one node's noise on each parameter, in squares of the unit."""
        return self._variance(self.multiplier)

    @property
    def sigma(self) -> float:
        """Standard deviation of one node's noise on each parameter, in units of parameters."""
        return math.sqrt(self.sigma_squared) * 2.0**-self.frac_bits

    @property
    def below(self) -> int:
        """The magnitude of noise, in units, that is drawn anew."""
        return REACH * (math.isqrt(self._most) + 1)

    @property
    def _most(self) -> int:
        """What `sigma_squared` is at most, in closed form."""
        rough = replace(self.privacy, delta=self.privacy.delta / 2).rough_multiplier
        return self._variance(rough * math.sqrt(self.rounds))

    def _variance(self, multiplier: float) -> int:
        """Never so small that the sum of several is no discrete Gaussian any more."""
        needed = self.sensitivity * multiplier * 2.0**self.frac_bits / math.sqrt(self.honest)
        return math.ceil(max(needed, accounting.LEAST_SIGMA) ** 2)

    def draw(self) -> tuple[int, ...]:
        """Noise for each parameter, in units. It is secret, and for one round only: drawn once, however often the round
        is attempted, for the average of several draws has less of it."""
        return discrete_gaussian.sample(self.sigma_squared, self.parameters, below=self.below)

    def epsilon(self, releases: int) -> float:
        """What so many published sums have spent, at the specification's delta."""
        return accounting.epsilon([self.multiplier] * releases, self.delta_of_noise)

    def spent(self, releases: int, *, nodes: int) -> Spent:
        """What was promised and what was spent, where so many sums were published, each of ``nodes`` nodes or more.

        Every sum counts that nodes have shared, whatever was made of it, those of one attempt that shared anew too.
        """
        return Spent(
            self.privacy.epsilon,
            self.privacy.delta,
            "node",
            self.honest,
            nodes,
            self.rounds,
            releases,
            self.epsilon(releases),
        )
