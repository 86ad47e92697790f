"""What training leaves behind: every round, the certificate, and the proofs of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from twopm_zk.rows.sources import RowData, several
from twopm_zk.statements import StepMatrix, Tally
from twopm_zk.statements.rounds import BOUND_FRAC_BITS
from twopm_zk.statistics.provenance import Provenance
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.final_sums import FinalSums, KnownSum, evaluate
from twopm_zk.training.round_proofs import RoundProof

_BOUND_UNIT = 1 << BOUND_FRAC_BITS


class TrainingWarning(UserWarning):
    """Training ended, and not as one would wish."""


@dataclass(frozen=True)
class Round:
    """What happened at one set of weights. The sums are what everybody sees of a task on a chain."""

    number: int
    weights: tuple[int, ...]
    """At which the updates were made: units of 2^-20, padded columns, intercept last."""
    coefficients: dict[str, float]
    """The same in the units of the unscaled columns."""
    rows: int
    gradient_bound: int
    """Smallest bound that can be certified here, in units of 2^-32 per row."""
    decrement: float
    """The distance to the optimum in standard errors: exact where it is at most the specification's limit."""
    matrix: StepMatrix = field(repr=False)
    gradient: Tally = field(repr=False)
    """The sum of all updates."""
    information: Tally | None = field(default=None, repr=False)
    """The sum of the information, where it was collected at these weights."""
    proofs: tuple[RoundProof, ...] = field(default=(), repr=False)
    seconds: float = 0.0

    @property
    def bound_per_row(self) -> float:
        """The gradient bound as a real."""
        return self.gradient_bound / _BOUND_UNIT


@dataclass(frozen=True)
class Certificate:
    """No component of the summed, regularised gradient exceeds ``gradient_bound`` (units of 2^-32) per row."""

    weights: tuple[int, ...]
    gradient_bound: int
    minimum_rows: int
    penalty: float
    weight_bound: float
    rows: int
    """How many rows the gradient is of."""
    nodes: int
    """How many nodes they belong to."""
    proof: RoundProof | None = field(default=None, repr=False)
    """None where training was not asked for proofs."""
    insecure_keys: bool = False
    """Whether the proof is under a development key."""

    @property
    def bound_per_row(self) -> float:
        """The bound as a real."""
        return self.gradient_bound / _BOUND_UNIT

    @property
    def claim(self) -> str:
        """What is certified of the weights, as the end of a sentence."""
        return (
            f"no component of the gradient with lambda = {self.penalty:g} "
            f"exceeds {self.bound_per_row:.3g} per row, and no weight {self.weight_bound:g}"
        )

    def __str__(self) -> str:
        owners = "1 node" if self.nodes == 1 else f"{self.nodes} nodes"
        text = f"over {self.rows} rows of {owners} ({self.minimum_rows} or more are proven), {self.claim}"
        if not self.penalty:
            text += "; lambda is 0, so the optimum is near only if the classes are not separable"
        return text if self.proof is not None else f"{text} (computed, not proven)"


@dataclass(frozen=True)
class TrainingResult:
    """A trained model and how it came about."""

    spec: TaskSpec
    rounds: tuple[Round, ...]
    """The last one is the certified one."""
    certificate: Certificate
    converged: bool
    """Whether the weights are as near to the optimum as the specification asks, and there is one."""
    sums: FinalSums = field(repr=False)
    """What the summary follows from, beside the certificate."""
    final_proofs: tuple[RoundProof, ...] = field(default=(), repr=False)
    """Of those sums that were proven after the certificate."""

    @property
    def weights(self) -> tuple[int, ...]:
        """Final integer weights."""
        return self.certificate.weights

    @property
    def coefficients(self) -> dict[str, float]:
        """Final coefficients of the unscaled columns, ``intercept`` last."""
        return self.spec.coefficients(self.weights)

    @property
    def moves(self) -> int:
        """How often the weights moved."""
        return len(self.rounds) - 1

    @property
    def proofs(self) -> tuple[RoundProof, ...]:
        """All proofs, in order."""
        return (*(proof for one in self.rounds for proof in one.proofs), *self.final_proofs)

    def summary(self, held_out: RowData | Sequence[RowData] | None = None) -> Summary:
        """Coefficients with standard errors, tests, and how well the model fits; prints as statsmodels' does.

        ``held_out`` are (unscaled) rows that training has not seen, those of each node apart: the summary then says too
        how well the model fits these, which is not proven. Raises DataError and RangeError for rows that training would
        refuse.
        """
        certificate, sums = self.certificate, self.sums
        proven = certificate.proof is not None
        insecure = proven and certificate.insecure_keys
        fit = Provenance(proven, certificate.rows, certificate.nodes, insecure, reason=certificate.claim)
        if held_out is not None:
            parties = several(held_out)
            total = evaluate(parties, self.spec, self.weights)
            sums = replace(sums, held_out=KnownSum(total, Provenance(False, total.rows, len(parties)), 1))
        return sums.summary(self.spec, self.weights, fit, converged=self.converged)
