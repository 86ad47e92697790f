"""What both estimators are: a table of one owner, dealt out to nodes, trained in the protocol's integers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from twopm_zk.numbers.fixed_point import Format
from twopm_zk.proving.executors import executor_for
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Family
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.checks import INTERCEPT
from twopm_zk.task.columns import Column, choose_column, same_name
from twopm_zk.task.parts.penalty import penalty_on_grid
from twopm_zk.task.parts.step_rule import NEWTON, StepRule
from twopm_zk.task.scaling import Scaling
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.in_process import Proofs, train
from twopm_zk.training.results import TrainingWarning
from twopm_zk.training.scikit_learn import (
    BaseEstimator,
    ConvergenceWarning,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

if TYPE_CHECKING:
    import pandas as pd

_LABEL = "y"
_COARSE = 0.05
"""Least step of a column, in standard deviations of its values, that is worth a warning."""
_WEIGHTS = ("sample_weight", "class_weight")


class ColumnWarning(UserWarning):
    """A column could not be taken as it was given."""


class FederatedEstimator(BaseEstimator):  # type: ignore[misc]
    """The parameters of both estimators, and what they give after `fit`."""

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        rule: str = NEWTON,
        gradient_bound: float | None = None,
        decrement_bound: float = 0.01,
        max_iter: int = 100,
        weight_bound: float = 1024.0,
        scaling: Sequence[Scaling] | None = None,
        nodes: int = 1,
        prove: Proofs = False,
        backend: str | None = None,
        scheduler: str | None = None,
    ) -> None:
        self.alpha = alpha
        self.rule = rule
        self.gradient_bound = gradient_bound
        self.decrement_bound = decrement_bound
        self.max_iter = max_iter
        self.weight_bound = weight_bound
        self.scaling = scaling
        self.nodes = nodes
        self.prove = prove
        self.backend = backend
        self.scheduler = scheduler

    def summary(self, X: npt.ArrayLike | None = None, y: npt.ArrayLike | None = None) -> Summary:
        """The summary of the fit: prints as statsmodels' does, and has its attributes.

        With ``X`` and ``y``, rows that were held out, it says too how well the model fits these.
        """
        check_is_fitted(self)
        if X is None or y is None:
            if X is not None or y is not None:
                raise ValueError("held-out rows need both X and y")
            found: Summary = self.training_.summary()
            return found
        rows: npt.NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        labels = column_or_1d(y)
        if len(rows) != len(labels):
            raise ValueError(
                f"held-out rows and labels differ in number: {len(rows)} rows against {len(labels)} labels"
            )
        return self.training_.summary(Table(self.training_.spec.features, rows, self._codes(labels)))

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Confidence intervals of the coefficients at level 1 - ``alpha``; ``intercept`` is the last row."""
        return self.summary().conf_int(alpha)

    def _codes(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Labels as the task has them."""
        raise NotImplementedError

    def _train(
        self, rows: npt.NDArray[np.float64], codes: npt.NDArray[Any], label: str, **family: Any
    ) -> dict[str, float]:
        """Train, and the coefficients; ``family`` are settings of the specification that the family takes."""
        self.alpha_ = penalty_on_grid(self.alpha, family.get("family", Family.LOGISTIC))
        names, renamed = _names_of([str(name) for name in getattr(self, "feature_names_in_", [])], rows.shape[1])
        spec = TaskSpec(
            columns=self._columns(rows, names),
            label=_free(_LABEL if label in names else label, names),
            penalty=self.alpha_,
            weight_bound=self.weight_bound,
            step=StepRule(self.rule),
            gradient_bound=self.gradient_bound,
            decrement_bound=self.decrement_bound,
            maximum_rounds=self.max_iter,
            minimum_nodes=1,
            minimum_rows=len(rows),
            minimum_node_rows=1,
            **family,
        )
        made = [*zip(spec.columns, rows.T, strict=True), (spec.label_column, codes)]
        for text in [*renamed, *filter(None, (_coarseness(*one, spec.format) for one in made))]:
            warnings.warn(text, ColumnWarning, stacklevel=3)
        tables = [Table(spec.features, rows[k :: self.nodes], codes[k :: self.nodes]) for k in range(self.nodes)]
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", TrainingWarning)
            self.training_ = train(
                tables,
                spec,
                prove=self.prove,
                backend=self.backend,
                executor=executor_for(self.scheduler),
            )
        self.certificate_ = self.training_.certificate
        for warning in said:
            kind = ConvergenceWarning if issubclass(warning.category, TrainingWarning) else warning.category
            warnings.warn(str(warning.message), kind, stacklevel=3)
        self.n_iter_ = max(1, self.training_.moves)
        return self.training_.coefficients

    def _columns(self, X: npt.NDArray[np.float64], names: Sequence[str]) -> tuple[Column, ...]:
        if self.scaling is None:
            return tuple(own_column(name, X[:, index]) for index, name in enumerate(names))
        if len(self.scaling) != X.shape[1]:
            raise ValueError(f"scaling has {len(self.scaling)} entries, X has {X.shape[1]} columns")
        constants = zip(names, self.scaling, strict=True)
        return tuple(Column(name, known.centre, known.scale) for name, known in constants)

    def _html_repr(self) -> str:
        """scikit-learn's diagram, and the summary below it once there is one."""
        shown = str(super()._html_repr())
        if not hasattr(self, "training_"):
            return shown
        return f"<div>{shown}{self.summary()._repr_html_()}</div>"


def refuse_weights(given: Mapping[str, object]) -> None:
    """TypeError for what `fit` does not take, which for weights says where they go."""
    for name, value in given.items():
        if name not in _WEIGHTS:
            raise TypeError(f"fit() got an unexpected keyword argument {name!r}")
        if value is not None:
            raise TypeError(
                f"fit() takes no `{name}`: weights are whole numbers here, and a specification's: `weights` names a "
                "column of how many rows a row stands for, `class_weights` says so by class"
            )


def label_of(y: object) -> str:
    """The name of a Series of labels, such as of a column of a DataFrame; ``y`` where there is none."""
    name = getattr(y, "name", None)
    return same_name(name) if isinstance(name, str) and _is_name(name) else _LABEL


def own_column(name: str, values: npt.NDArray[np.float64]) -> Column:
    """Constants from the column itself, which is right where it is nobody else's."""
    low, high, sd = float(values.min()), float(values.max()), float(values.std())
    if not low < high or not sd:
        return Column(name, centre=low)
    chosen = choose_column(name, mean=float(values.mean()), sd=sd, low=low, high=high)
    return replace(chosen, low=None, high=None)


def _coarseness(column: Column, values: npt.NDArray[np.float64], format: Format) -> str | None:
    """A sentence for a column whose values are rounded to steps too large for their standard deviation."""
    steps = (values - column.centre) / column.scale * format.one
    if steps.min() == steps.max():
        return None
    share = float(np.abs(steps - np.rint(steps)).max() / steps.std())
    if share <= _COARSE / 2:
        return None
    return (
        f"column {column.name!r} is rounded by up to {share:.0%} of its standard deviation, so figures may be off; "
        "a smaller scale, or rows without values far from all others, would keep its values apart"
    )


def _names_of(given: Sequence[str], columns: int) -> tuple[list[str], list[str]]:
    """The names of so many ``columns``, and a sentence for each that could not be kept; x0, x1 where none are given."""
    if not given:
        return [f"x{index}" for index in range(columns)], []
    spelt = [same_name(name) for name in given]
    names, renamed = list(spelt), []
    for index, name in enumerate(spelt):
        if not _is_name(name) or name in spelt[:index]:
            names[index] = _free(f"x{index}", [*spelt, *names])
            renamed.append(f"column {given[index]!r} is called {names[index]!r}: {_why_not(name)}")
    return names, renamed


def _free(name: str, taken: Sequence[str]) -> str:
    """This name, or with the first number behind it that makes it one of its own."""
    numbered = (f"{name}_{number}" for number in count(2))
    return next(one for one in chain([name], numbered) if one not in taken)


def _is_name(name: str) -> bool:
    return bool(name.strip()) and name.isprintable() and name != INTERCEPT


def _why_not(name: str) -> str:
    if name == INTERCEPT:
        return "every model has an intercept of its own"
    return "another column has this name" if _is_name(name) else "it is empty or cannot be printed"
