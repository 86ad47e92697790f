"""How the average of changes moves the parameters, in exact integers.

    velocity  momentum velocity + average
    next      parameters + server_rate (velocity, or average where there is no momentum)

FedAvg (McMahan et al. 2017) has a server rate of 1 and no momentum. Products are rounded half up from 2^-16.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import RangeError, SpecError
from twopm_zk.task.checks import require

RULE_FRAC_BITS = 16
"""Server rate and momentum are multiples of 2^-16."""
Words = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AggregationRule:
    """How the average of changes moves the parameters: FedAvg (McMahan et al. 2017), with momentum at the server
    (FedAvgM, Hsu et al. 2019) and a proximal term at the nodes (FedProx, Li et al. 2020)."""

    name: str = "fedavg"
    server_rate: float = 1.0
    """What the average, or the velocity, is multiplied by; a multiple of 2^-16."""
    momentum: float = 0.0
    """velocity = momentum * velocity + average; a multiple of 2^-16. 0 for FedAvg."""
    proximal: float = 0.0
    """FedProx' mu: `Model.fit` gets it as ``config["proximal_mu"]``, and nobody else uses it."""

    def __post_init__(self) -> None:
        if self.name != "fedavg":
            raise SpecError(f"`rule.name` is {self.name!r}; allowed: fedavg")
        require("rule.server_rate", self.server_rate, 2.0**-RULE_FRAC_BITS, 16)
        require("rule.momentum", self.momentum, 0, 1, below=True)
        require("rule.proximal", self.proximal, 0, 1e6)
        for key in ("server_rate", "momentum"):
            if getattr(self, key) * 2**RULE_FRAC_BITS % 1:
                nearest = round(getattr(self, key) * 2**RULE_FRAC_BITS) / 2**RULE_FRAC_BITS
                raise SpecError(
                    f"`rule.{key}` is {getattr(self, key):.12g}; it must be a multiple of 2^-{RULE_FRAC_BITS}, such as "
                    f"{nearest!r}"
                )

    @property
    def rate_units(self) -> int:
        """The server rate in units of 2^-16."""
        return int(self.server_rate * 2**RULE_FRAC_BITS)

    @property
    def momentum_units(self) -> int:
        """The momentum in units of 2^-16."""
        return int(self.momentum * 2**RULE_FRAC_BITS)

    def moved(self, parameters: Words, velocity: Words, average: Words) -> tuple[Words, Words]:
        """Parameters and velocity after a round, all in one unit; a velocity is empty where there is no momentum.

        RangeError where a product leaves 2^61.
        """
        if self.momentum_units:
            velocity = average = times(velocity, self.momentum_units) + average
        return parameters + times(average, self.rate_units), velocity


def times(words: Words, units: int) -> Words:
    """words units / 2^16, half up. RangeError where one is not below 2^61."""
    largest = max(int(words.max(initial=0)), -int(words.min(initial=0)))
    if largest * units >> RULE_FRAC_BITS >= 1 << 61:
        raise RangeError("a step of a round is beyond 2^61 units", kind="result-out-of-range")
    high, low = words >> RULE_FRAC_BITS, words & ((1 << RULE_FRAC_BITS) - 1)
    return high * units + ((low * units + (1 << (RULE_FRAC_BITS - 1))) >> RULE_FRAC_BITS)
