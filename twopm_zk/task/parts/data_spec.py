"""The part of a specification that says what rows are: its columns, how cells are read, and who attests to them.

Nothing here is of training: tasks that agree on this part, on the sizes of their batches and on how long a row may be
have one data set (`data.DataTerms`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.statements.family import Family
from twopm_zk.task.canonical import Json
from twopm_zk.task.checks import INTERCEPT, check_column, check_columns, check_format, check_inputs
from twopm_zk.task.columns import Column, same_name
from twopm_zk.task.inputs import Input
from twopm_zk.task.outcome import Frequencies, Outcome, family_named
from twopm_zk.task.parts.data import Provenance, check_name
from twopm_zk.task.scaling import Scaling


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """What rows are. Raises SpecError that names the key of the file and its limits."""

    columns: tuple[Column, ...]
    """Those of the model, in the order of the weights."""
    label: str
    """The label's column in the data."""
    inputs: tuple[Input, ...] = ()
    """How cells are read of which columns are made; a column without one is the number of its own name."""
    family: Family = Family.LOGISTIC
    outcome: Outcome = field(default_factory=Outcome)
    """How the label's cells are read."""
    frequencies: Frequencies = field(default_factory=Frequencies)
    """How many rows a row stands for."""
    format: Format = FEATURES
    name: str = ""
    data_name: str | None = None
    """The data set's, where that is not the task's: tasks share the data of one name that they read alike."""
    provenance: Provenance | None = None
    """None where nobody has to attest to an owner's data."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", same_name(self.label))
        object.__setattr__(self, "family", family_named(self.family))
        if self.data_name is not None:
            object.__setattr__(self, "data_name", None if self.data_name == self.name else check_name(self.data_name))
        check_format(self.format)
        check_columns(self.columns, self.label, self.format)
        check_inputs(self.columns, self.inputs, self.label, self.frequencies.column)
        self.outcome.check(self.family, self.label)
        if self.outcome.scale is not None:
            check_column(self.label_column, self.format, of="label")

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns, in the order of the weights."""
        return tuple(column.name for column in self.columns)

    @property
    def label_column(self) -> Column:
        """The label as a column: 0 and 1 as they are, or a real value with its constants."""
        if self.outcome.scale is None:
            return Column(self.label, 0.0, 1.0, 0.0, 1.0, 1.0)
        return replace(self.outcome.scale, name=self.label)

    @property
    def sources(self) -> tuple[Input, ...]:
        """The columns of the data that features are made of, in the order in which the model first takes them."""
        owner = {factor: one for one in self.inputs for factor in one.factors}
        used = (name for column in self.columns for name, _ in column.factors)
        return tuple(dict.fromkeys(owner.get(name) or Input(name) for name in used))

    @property
    def data_columns(self) -> tuple[str, ...]:
        """Names of all columns of the data that are read; others are ignored."""
        weights = () if self.frequencies.column is None else (self.frequencies.column,)
        return (*(one.name for one in self.sources), self.label, *weights)

    @property
    def scaling(self) -> dict[str, Scaling]:
        """Public constants, as tables take them."""
        return {column.name: column.scaling for column in self.columns}

    def coefficients(self, weights: Sequence[int]) -> dict[str, float]:
        """Integer weights (padded, intercept last) as coefficients of the unscaled columns, ``intercept`` last.

        In the unscaled label's unit where it is a number.
        """
        label = self.label_column
        units = [weight / WEIGHTS.one * label.scale for weight in weights]
        slopes = {c.name: unit / c.scale for c, unit in zip(self.columns, units[:-1], strict=False)}
        shift = math.fsum(slopes[c.name] * c.centre for c in self.columns)
        return {**slopes, INTERCEPT: label.centre + units[-1] - shift}

    def expected(self, predicted: float) -> float:
        """What a prediction says: a probability as it is, and a scaled label in its own unit."""
        label = self.label_column
        return label.centre + label.scale * predicted if self.family is Family.GAUSSIAN else predicted

    def weight_name(self, index: int) -> str:
        """What weight ``index`` belongs to, for messages."""
        return repr(self.features[index]) if index < len(self.columns) else "the intercept"

    @property
    def rows_document(self) -> dict[str, Json]:
        """How a row is read and scaled, as JSON: keys of the specification."""
        document: dict[str, Json] = {
            "label": self.outcome.document(self.label),
            "features": [column.document for column in self.columns],
            "format": {"bits": self.format.bits, "frac_bits": self.format.frac_bits},
        }
        if self.family is not Family.LOGISTIC:
            document["family"] = self.family.value
        if self.inputs:
            document["inputs"] = [one.document for one in self.inputs]
        return document | self.frequencies.document

    @property
    def terms_document(self) -> dict[str, Json]:
        """The tables ``[data]`` and ``[provenance]`` as JSON, where they say something."""
        named: dict[str, Json] = {} if self.data_name is None else {"data": {"name": self.data_name}}
        return named if self.provenance is None else named | {"provenance": self.provenance.document}

    def schema_document(self, *, rows: Sequence[int], width: int, clip: float | None) -> dict[str, Json]:
        """All that batches follow from, as JSON: of at most ``rows`` each, in sizes from few to many, padded to
        ``width`` columns, no row longer than ``clip``."""
        document: dict[str, Json] = {
            "name": self.name if self.data_name is None else self.data_name,
            **self.rows_document,
            "batches": {"rows": list(rows), "columns": width},
        }
        return document if clip is None else document | {"clip": clip}
