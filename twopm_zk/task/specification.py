"""The public specification of a training task: all that its participants have to agree on before it starts.

Its hash is part of every model commitment (through the task key), so that a proof made under another
specification is of another statement. The hash is keccak256 of the canonical JSON (RFC 8785) of `TaskSpec.document`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import SpecError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.numbers.sigmoid import MAX_ERROR
from twopm_zk.privacy.advice import advice
from twopm_zk.privacy.plan import LEAST_BITS, Plan, Schedule
from twopm_zk.privacy.sensitivity import RowLimits
from twopm_zk.privacy.terms import Privacy
from twopm_zk.statements import Collection
from twopm_zk.statements.family import DISPERSION, Family
from twopm_zk.statements.policy import LAMBDA_BITS, Policy
from twopm_zk.statements.rounds import BOUND_FRAC_BITS, MAX_UPDATES
from twopm_zk.task.canonical import Json, canonical
from twopm_zk.task.checks import check_privacy, require
from twopm_zk.task.columns import SPREAD
from twopm_zk.task.instances import Sizes, TaskInstances, choose_instances, sizes_of
from twopm_zk.task.parts.data import DataTerms
from twopm_zk.task.parts.data_spec import DataSpec
from twopm_zk.task.parts.descent import Descent
from twopm_zk.task.parts.penalty import CIRCUIT_UNIT, penalty_on_grid, penalty_unit
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import BFGS, BOEHNING_LINDSAY, GRADIENT, Collects, StepRule, default_rule

VERSION = 2
_MAX_COUNT = (1 << 32) - 1
_LEAST_DECREMENT, _MOST_DECREMENT = 1e-6, 1e6
_LOOSEST_LOG2 = -6
_PRIVATE_TARGET = 2.0**-2
_NOISE_REACH = 4
PRIVATE_ROUNDS = 5
"""`rounds.maximum` of a file with `privacy` that names none: noise grows with the root of the number of rounds."""
_MAX_SECONDS = 30 * 24 * 3600
_MIN_SAFE_NODES = 3
SECONDS = ("collecting_seconds", "ready_seconds", "sharing_seconds", "disputing_seconds", "aggregating_seconds")
"""Durations of the phases of a round."""


_DEFAULT_RULE = StepRule()


@dataclass(frozen=True, kw_only=True)
class TaskSpec(DataSpec):
    """A validated specification. Reals are in the units that people use; ``*_units`` are the integers of the circuits.

    Raises SpecError that names the key of the file and its limits.
    """

    penalty: float = 1.0
    """lambda of the summed loss: sum of log-losses + lambda / 2 |w|^2, the intercept left out; a multiple of 2^-12."""
    weight_bound: float = 1024.0
    """Largest |w| after scaling; below 2048 with lambda = 0, which is the format's own."""
    step: StepRule = _DEFAULT_RULE
    """Where none is given, BFGS; Newton's in the gaussian family, whose information is the same at all weights; with
    ``privacy`` the gradient's, by the specification's ranges and `Privacy.clip` alone."""
    decrement_bound: float = 0.01
    """Training goes on until the Newton decrement, the distance to the optimum in standard errors, is at most this."""
    gradient_bound: float | None = None
    """Largest component of the gradient per row that the contract certifies; None for what `gradient_target` says."""
    maximum_rounds: int = 30
    """Most times that weights move; the certificate takes one more collection of updates."""
    minimum_nodes: int = 3
    minimum_rows: int = 30
    """Of all nodes together; proven in every round."""
    minimum_node_rows: int = 8
    """A node with fewer does not take part."""
    maximum_updates: int = 1024
    """Of a round."""
    maximum_node_updates: int = 64
    """Of one node in a round."""
    collecting_seconds: int = 3600
    ready_seconds: int = 1800
    sharing_seconds: int = 3 * 24 * 3600
    """Long: a node that is ready and does not share in time loses its stake, and what it knows of is given away."""
    disputing_seconds: int = 24 * 3600
    aggregating_seconds: int = 3600
    statistics: Statistics = field(default_factory=Statistics)
    privacy: Privacy | None = None
    """None for exact sums."""
    descent: Descent | None = None
    """The certified task whose weights this one begins with, and without whose data; None for one that begins at 0."""
    instances: TaskInstances | None = None
    """None for training without proofs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step is _DEFAULT_RULE:
            object.__setattr__(self, "step", default_rule(self.family, private=self.privacy is not None))
        if self.privacy is not None and self.step.rule == BFGS:
            raise SpecError(
                "`step.rule` is 'bfgs', which learns from differences of gradients: with `privacy` these are noise",
                hint="Take 'gradient', or for many rows 'boehning-lindsay' or 'newton'.",
            )
        if self.family is Family.GAUSSIAN and self.step.rule == BOEHNING_LINDSAY:
            raise SpecError("`step.rule` is 'boehning-lindsay', a bound of the logistic family", hint="Take 'newton'.")
        if self.descent is not None and self.family is Family.LOGISTIC and self.step.collects is Collects.FIRST:
            raise SpecError(
                f"`step.rule` is {self.step.rule!r}, whose step matrix takes the information at weights of 0; with "
                "`descent` a task begins elsewhere",
                hint="Take 'newton', or `step.curvature` 'ranges'.",
            )
        unit = penalty_unit(self.family)
        require("lambda", self.penalty, 0, ((1 << LAMBDA_BITS) - 1) / unit)
        if self.penalty * unit % 1:
            nearest = penalty_on_grid(self.penalty, self.family)
            power = unit.bit_length() - 1
            raise SpecError(f"`lambda` is {self.penalty:g}; it must be a multiple of 2^-{power}, such as {nearest!r}")
        require("weight_bound", self.weight_bound, 1 / WEIGHTS.one, WEIGHTS.bias / WEIGHTS.one)
        if self.weight_bound * WEIGHTS.one % 1:
            raise SpecError(f"`weight_bound` is {self.weight_bound:g}; it must be a multiple of 2^-{WEIGHTS.frac_bits}")
        if not self.penalty and self.weight_bound >= WEIGHTS.bias / WEIGHTS.one:
            raise SpecError(
                "`lambda` is 0 and `weight_bound` is no bound: a small gradient would certify nothing",
                hint=f"Give a `weight_bound` below {WEIGHTS.bias / WEIGHTS.one:g}, or a `lambda` above 0.",
            )
        if self.privacy is not None:
            weighted = not self.frequencies.trivial
            check_privacy(self.privacy, minimum_nodes=self.minimum_nodes, weighted=weighted)
        require("decrement_bound", self.decrement_bound, _LEAST_DECREMENT, _MOST_DECREMENT)
        require("gradient_bound", self.gradient_target, 2.0**-BOUND_FRAC_BITS, 1, below=True)
        for key, value, low, high in (
            ("rounds.maximum", self.maximum_rounds, 1, _MAX_COUNT - 1),
            *((f"rounds.{name}", getattr(self, name), 1, _MAX_SECONDS) for name in SECONDS),
            ("maximum.updates", self.maximum_updates, 1, MAX_UPDATES),
            ("maximum.updates_per_node", self.maximum_node_updates, 1, 65535),
            ("minimum.nodes", self.minimum_nodes, 1, 65535),
            ("minimum.rows", self.minimum_rows, 1, _MAX_COUNT),
            ("minimum.rows_per_node", self.minimum_node_rows, 1, _MAX_COUNT),
        ):
            require(key, value, low, high)
        if self.maximum_updates < self.minimum_nodes:
            raise SpecError(f"`minimum.nodes` is {self.minimum_nodes}; `maximum.updates` is {self.maximum_updates}")
        if self.instances is not None:
            self._check_instances(self.instances)

    def _check_instances(self, chosen: TaskInstances) -> None:
        if chosen.information and not self.collects_information:
            raise SpecError(f"`instances.information` is given; {self._rule}")
        if chosen.evaluate and not self.statistics.evaluates:
            raise SpecError("`instances.evaluate` is given; `statistics` asks for no evaluation")
        sizes = self.sizes
        if self.maximum_updates > sizes.most_updates:
            raise SpecError(
                f"`maximum.updates` is {self.maximum_updates}; with so much noise sums of more than "
                f"{sizes.most_updates} have no room"
            )
        if self.noise is None:
            if sizes.noise:
                raise SpecError("`instances` have noise; there is no `privacy`")
            return
        for collection, key in self._collected(chosen):
            bits, needed = sizes.noise.get(collection, 0), self.noise.bits(collection)
            if bits < needed:
                raise SpecError(
                    f"`instances.{key}` take noise of less than 2^{bits} units; `privacy` needs 2^{needed}"
                    if bits
                    else f"`instances.{key}` take no noise; `privacy` needs room for 2^{needed} units"
                )

    @staticmethod
    def _collected(chosen: TaskInstances) -> list[tuple[Collection, str]]:
        """What is collected by these instances, and their key in the file."""
        found = [(Collection.GRADIENT, "step")]
        found += [(Collection.INFORMATION, "information")] if chosen.information else []
        return found + ([(Collection.EVALUATION, "evaluate")] if chosen.evaluate else [])

    @property
    def _rule(self) -> str:
        asked = str(self.statistics.information).lower()
        rule = f"`step.rule` is {self.step.rule!r}, `step.curvature` {self.step.curvature!r}"
        return f"{rule}, and `statistics.information` {asked}"

    @property
    def collects(self) -> Collects:
        """When information is collected for step matrices: what is the same at all weights, once."""
        if self.family is Family.GAUSSIAN and self.step.collects is Collects.EVERY_ROUND:
            return Collects.FIRST
        return self.step.collects

    @property
    def final_information(self) -> bool:
        """Whether information is collected at the certified weights: where none from before is of them."""
        if not self.statistics.information or self.collects is Collects.EVERY_ROUND:
            return False
        return self.family is not Family.GAUSSIAN or self.collects is Collects.NEVER

    @property
    def collects_information(self) -> bool:
        """Whether there is any round of information."""
        return self.collects is not Collects.NEVER or self.final_information

    @property
    def round_instances(self) -> TaskInstances:
        """Instances that prove every round. Raises SpecError where there are none, or none of information."""
        if self.instances is None:
            raise SpecError("a task without `instances` cannot be proven", hint="Name them in the specification.")
        if self.collects_information and not self.instances.information:
            raise SpecError(f"`instances.information` is missing; {self._rule}")
        if self.statistics.evaluates and not self.instances.evaluate:
            raise SpecError("`instances.evaluate` is missing; `statistics` asks for an evaluation")
        return self.instances

    @cached_property
    def sizes(self) -> Sizes:
        """Shapes of circuits and of the padded data."""
        if self.instances is None:
            return Sizes.free(len(self.columns), self.format, self.family)
        return sizes_of(self.instances, len(self.columns), self.format, self.family)

    def provable(self, *, rows: int | None = None, rounds: bool = True) -> TaskSpec:
        """This specification with instances: its own, or the smallest for batches of ``rows``, or of as many as usual.

        Without ``rounds`` they need to prove the certificate only, and what `statistics` asks for at its weights.
        """
        if self.instances is not None:
            return self
        return replace(self, instances=self.smallest_instances(rows=rows, rounds=rounds))

    def smallest_instances(self, *, rows: int | None = None, rounds: bool = True) -> TaskInstances:
        """The smallest for batches of ``rows``, or of as many as usual, with room for the noise of `privacy`.

        Without ``rounds`` as in `provable`.
        """
        find = partial(
            choose_instances,
            len(self.columns),
            self.format,
            rows=rows,
            family=self.family,
            information=self.collects_information if rounds else self.statistics.information,
            evaluate=self.statistics.evaluates,
        )
        if self.privacy is None:
            return find()
        sized = find(noise=dict.fromkeys(Collection, LEAST_BITS))  # their rows say how much noise a whole node takes
        plan = self._plan(max(find_instance(name).parameters["ROWS"] for name in sized.step))
        return find(noise={collection: plan.bits(collection) for collection, _ in self._collected(sized)})

    @property
    def gradient_target(self) -> float:
        """``gradient_bound``, or a power of two that follows from ``decrement_bound``, lambda and ``minimum_rows``.

        A decrement d leaves no component of the gradient above d sqrt(H_jj), and H_jj is about n v + lambda for a
        column of standard deviation 1, with a variance v of 1/4, or 1/DISPERSION. Never below what a column with root
        mean square ``SPREAD`` can reach: weights in units of 2^-20 and a sigmoid within MAX_ERROR leave up to SPREAD
        (MAX_ERROR + (SPREAD p + 1) v 2^-21).

        With noise, never below four standard deviations of what it has at the optimum, and never below
        `_PRIVATE_TARGET`: few rounds of the default rule do not get nearer. A certificate has the smallest bound that
        holds, whatever the target.
        """
        if self.gradient_bound is not None:
            return self.gradient_bound
        rows, gaussian = self.minimum_rows, self.family is Family.GAUSSIAN
        variance = 1 / DISPERSION if gaussian else 1 / 4
        decrement = self.decrement_bound / self.decrement_scale
        implied = decrement * math.sqrt(variance / rows + self.circuit_penalty / rows**2)
        rounding = (SPREAD * len(self.columns) + 1) * variance / (2 * WEIGHTS.one)
        reachable = SPREAD * ((0 if gaussian else MAX_ERROR) + rounding)
        if self.noise is None:
            return 2.0 ** min(math.ceil(math.log2(max(implied, reachable))), _LOOSEST_LOG2)
        noisy = _NOISE_REACH * self.noise.rough_gradient_noise(self.minimum_nodes) / rows
        return 2.0 ** min(math.ceil(math.log2(max(implied, noisy, _PRIVATE_TARGET))), -1)

    @property
    def honest(self) -> int:
        """How many nodes of a set are counted on to add their noise; all of them where there is none."""
        return self.minimum_nodes if self.privacy is None else self.privacy.honest_of(self.minimum_nodes)

    @property
    def row_limits(self) -> RowLimits:
        """What any row can be at most, with `privacy.clip` if there is one."""
        unit = 1 / self.format.one  # half of it is rounding, and computed columns may leave their range by a little
        label = self.label_column.magnitude(self.format) + unit
        magnitudes = tuple(column.magnitude(self.format) + unit for column in self.columns)
        return RowLimits(self.family, magnitudes, label, None if self.privacy is None else self.privacy.clip)

    @cached_property
    def data_terms(self) -> DataTerms:
        """What DataHub knows the rows of training by."""
        return self._terms(held_out=False)

    @cached_property
    def held_out_terms(self) -> DataTerms:
        """What DataHub knows rows by that are kept out of training, to evaluate its weights on them."""
        return self._terms(held_out=True)

    def _terms(self, *, held_out: bool) -> DataTerms:
        sizes, clip = self.sizes, None if self.privacy is None else self.privacy.clip
        document = self.schema_document(rows=[shape.rows for shape in sizes.steps], width=sizes.width, clip=clip)
        return DataTerms.of(document, self.provenance, held_out=held_out)

    @cached_property
    def noise(self) -> Plan | None:
        """How much noise each node adds to what; None for a task of exact sums.

        Asking it for multipliers or magnitudes imports an accountant, which takes seconds.
        """
        return None if self.privacy is None else self._plan(self.sizes.largest.rows)

    def _plan(self, batch_rows: int) -> Plan:
        assert self.privacy is not None  # noqa: S101 - asked for only where there is one
        collects = self.collects
        every = self.maximum_rounds + 1 if collects is Collects.EVERY_ROUND else int(collects)
        schedule = Schedule(
            gradients=self.maximum_rounds + 1,
            information=every + self.final_information,
            evaluations=self.statistics.evaluation + self.statistics.held_out,
        )
        updates = self.maximum_node_updates if self.privacy.unit == "node" else 1
        rows = updates * batch_rows if self.privacy.unit == "node" else 1
        width = len(self.columns) if self.instances is None else self.sizes.width
        return Plan(self.privacy, self.row_limits, width, schedule, self.honest, rows, updates)

    @property
    def penalty_units(self) -> int:
        """lambda of the circuits' loss in units of 2^-12."""
        return int(self.penalty * penalty_unit(self.family))

    @property
    def circuit_penalty(self) -> float:
        """lambda of the circuits' loss, which is that of people over the dispersion."""
        return self.penalty_units / CIRCUIT_UNIT

    @property
    def decrement_scale(self) -> float:
        """Standard errors to a unit of the circuits' Newton decrement.

        In the gaussian family they depend on the variance of the residuals, which only an evaluation tells: this is for
        a standard deviation of an eighth of the scaled label's unit.
        """
        return DISPERSION if self.family is Family.GAUSSIAN else 1.0

    @property
    def weight_bound_units(self) -> int:
        """The weight bound in units of 2^-20."""
        return int(self.weight_bound * WEIGHTS.one)

    @property
    def gradient_bound_units(self) -> int:
        """The target in units of 2^-32, rounded down."""
        return int(self.gradient_target * (1 << BOUND_FRAC_BITS))

    def policy(self, task_key: int) -> Policy:
        """The policy of the first round, before any step matrix."""
        return Policy(task_key, 0, 0, self.penalty_units, self.weight_bound_units, self.minimum_rows, 0)

    def warnings(self) -> list[str]:
        """What is allowed and may still be unwise."""
        found = [text for column in self.columns for text in column.warnings(self.format)]
        if self.minimum_nodes < _MIN_SAFE_NODES:
            found.append(f"`minimum.nodes` is {self.minimum_nodes}: with fewer than 3, a node learns another's update")
        if self.minimum_node_rows <= len(self.columns) + 1:
            found.append(
                f"`minimum.rows_per_node` is {self.minimum_node_rows}: all other nodes together could tell so few rows "
                f"from a sum of {len(self.columns) + 1} numbers"
            )
        if self.outcome.positive is not None and not self.outcome.negative:
            found.append("`label.negative` is not given: each node's one other value counts as 0, whatever it is")
        if not self.frequencies.trivial:
            found.append(
                f"a row stands for up to {self.frequencies.most} rows, and is proven as often: `minimum.rows` counts "
                "them all, and standard errors are those of frequencies"
            )
        if self.family is Family.GAUSSIAN:
            found.append(
                "`family` is 'gaussian': a linear regression goes on only over the same rows of the same nodes; one "
                "that drops out stops the others until it is back"
            )
        if self.noise is not None:
            found += advice(self.noise, minimum_nodes=self.minimum_nodes, minimum_rows=self.minimum_rows)
            if self.step.collects is not Collects.NEVER or self.step.rule != GRADIENT:
                rule = f"`step.rule` is {self.step.rule!r}, `step.curvature` {self.step.curvature!r}"
                found.append(f"{rule}: with `privacy` it learns from noise, and 'gradient' with 'ranges' serves better")
        if not self.penalty and self.family is Family.LOGISTIC:
            found.append(
                "`lambda` is 0: separable data have no optimum, and a certificate then says no more than "
                "`weight_bound` does"
            )
        return found

    @property
    def document(self) -> dict[str, Json]:
        """The specification as JSON, every default written out: what is hashed, and what files hold."""
        document: dict[str, Json] = {
            "version": VERSION,
            "name": self.name,
            **self.rows_document,
            **self.terms_document,
            "lambda": self.penalty,
            "weight_bound": self.weight_bound,
            "decrement_bound": self.decrement_bound,
            "gradient_bound": self.gradient_target,
            "step": self.step.document,
            "rounds": {
                "maximum": self.maximum_rounds,
                **{name: getattr(self, name) for name in SECONDS},
            },
            "maximum": {
                "updates": self.maximum_updates,
                "updates_per_node": self.maximum_node_updates,
            },
            "minimum": {
                "nodes": self.minimum_nodes,
                "rows": self.minimum_rows,
                "rows_per_node": self.minimum_node_rows,
            },
            **self.statistics.document,
        }
        if self.privacy is not None:
            terms = self.privacy
            document["privacy"] = {
                "epsilon": terms.epsilon,
                "delta": terms.delta,
                "unit": terms.unit,
                "honest": self.honest,
                **({} if terms.clip is None else {"clip": terms.clip}),
            }
        if self.descent is not None:
            document["descent"] = self.descent.document
        if self.instances is not None:
            document["instances"] = self.instances.document
        return document

    @cached_property
    def spec_hash(self) -> bytes:
        """keccak256 of the canonical document: the ``specHash`` of the contracts."""
        from eth_hash.auto import keccak

        return keccak(canonical(self.document))

    @property
    def local_task_key(self) -> int:
        """The task key of training without a chain; a contract's binds chain, address and task as well."""
        return int.from_bytes(self.spec_hash) % FIELD_ORDER
