"""Training in the protocol's integers behind scikit-learn's interface, for people who know that one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import ToolMissingError
from twopm_zk.proving.executors import executor_for
from twopm_zk.rows.tables import Table
from twopm_zk.task.columns import Column, choose_column
from twopm_zk.task.scaling import Scaling
from twopm_zk.task.specification import INTERCEPT, NEWTON, StepRule, TaskSpec, penalty_on_grid
from twopm_zk.training.in_process import Proofs, train
from twopm_zk.training.results import TrainingWarning

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ToolMissingError(
        "the estimator needs the package scikit-learn", hint="Run `pip install 'twopm-zk[sklearn]'`."
    ) from error

_LABEL = "label"


class TwoPMLogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Binary logistic regression: minimises the summed log-loss plus alpha / 2 |w|^2, w of the scaled columns.

    ``alpha`` is the lambda of a task, rounded to a multiple of 2^-12, which is above 0 where ``alpha`` is; it may be 0.
    ``rule``, ``gradient_bound`` and ``decrement_bound`` are as in `TaskSpec`; ``max_iter`` is the most rounds.
    ``scaling`` holds one public (centre, scale) for each column; None takes them from X, which is right where X is
    yours alone. ``nodes`` deals the rows out to so many nodes: the result is the same but for last places. ``prove`` is
    False, True, or "final" for the certificate only; ``backend`` and ``scheduler`` then say how.

    After `fit`: ``alpha_``, the lambda that was used, ``coef_``, ``intercept_``, ``classes_``, ``n_features_in_``,
    ``n_iter_``, ``certificate_`` and ``training_``, the whole `TrainingResult`. Predictions are made in floating point
    with the trained weights; they differ from what ``predict`` proves by less than 1e-4 where a row fits the format.
    """

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

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> TwoPMLogisticRegression:
        """Train on ``X`` (rows, columns) and ``y`` (rows,) of two classes.

        Raises ValueError for input that scikit-learn refuses or other than two classes, and the errors of `train`.
        """
        checked = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        rows: npt.NDArray[np.float64] = checked[0]
        check_classification_targets(checked[1])
        self.classes_, codes = np.unique(checked[1], return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(
                "Only binary classification is supported. The target has "
                f"{len(self.classes_)} class{'' if len(self.classes_) == 1 else 'es'}."
            )
        self.alpha_ = penalty_on_grid(self.alpha)
        spec = TaskSpec(
            columns=self._columns(rows),
            label=_LABEL,
            penalty=self.alpha_,
            weight_bound=self.weight_bound,
            step=StepRule(self.rule),
            gradient_bound=self.gradient_bound,
            decrement_bound=self.decrement_bound,
            maximum_rounds=self.max_iter,
            minimum_nodes=1,
            minimum_rows=len(rows),
            minimum_node_rows=1,
        )
        tables = [
            Table(spec.features, rows[k :: self.nodes], codes[k :: self.nodes].astype(np.int64))
            for k in range(self.nodes)
        ]
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
            warnings.warn(str(warning.message), kind, stacklevel=2)
        *slopes, intercept = self.training_.coefficients.values()
        self.coef_ = np.array([slopes])
        self.intercept_ = np.array([intercept])
        self.n_iter_ = max(1, self.training_.moves)
        return self

    def decision_function(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Log-odds of the second class, (rows,)."""
        check_is_fitted(self)
        rows: npt.NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        odds: npt.NDArray[np.float64] = rows @ self.coef_[0] + self.intercept_[0]
        return odds

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Probability of each class, (rows, 2), in the order of ``classes_``."""
        half = np.tanh(self.decision_function(X) / 2) / 2
        return np.column_stack([0.5 - half, 0.5 + half])

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The more likely class of each row."""
        second = self.decision_function(X) > 0
        chosen: npt.NDArray[Any] = self.classes_[second.astype(int)]
        return chosen

    def _columns(self, X: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        names = [str(name) for name in getattr(self, "feature_names_in_", [])]
        reserved = {INTERCEPT, _LABEL}
        if len(set(names) - reserved) != X.shape[1] or not all(n.strip() and n.isprintable() for n in names):
            names = [f"x{index}" for index in range(X.shape[1])]
        if self.scaling is None:
            return tuple(_own_column(name, X[:, index]) for index, name in enumerate(names))
        if len(self.scaling) != X.shape[1]:
            raise ValueError(f"scaling has {len(self.scaling)} entries, X has {X.shape[1]} columns")
        constants = zip(names, self.scaling, strict=True)
        return tuple(Column(name, known.centre, known.scale) for name, known in constants)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _own_column(name: str, values: npt.NDArray[np.float64]) -> Column:
    """Constants from the column itself."""
    low, high, sd = float(values.min()), float(values.max()), float(values.std())
    if not low < high or not sd:
        return Column(name, centre=low)
    chosen = choose_column(name, mean=float(values.mean()), sd=sd, low=low, high=high)
    return replace(chosen, low=None, high=None)
