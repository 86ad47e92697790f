"""Linear regression in the protocol's integers behind scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from twopm_zk.statements import Family
from twopm_zk.task.columns import Column
from twopm_zk.task.outcome import Outcome
from twopm_zk.task.parts.step_rule import NEWTON
from twopm_zk.task.scaling import Scaling
from twopm_zk.training.estimator_base import FederatedEstimator, label_of, own_column, refuse_weights
from twopm_zk.training.in_process import Proofs
from twopm_zk.training.scikit_learn import RegressorMixin, check_is_fitted, validate_data


class TwoPMLinearRegression(RegressorMixin, FederatedEstimator):  # type: ignore[misc]
    """Linear regression: ordinary least squares with ``alpha`` = 0, else pulled towards 0 as ridge regression is.

    The label is centred and scaled like a column: by ``label_scaling``, or by itself where that is None. With lambda =
    ``alpha`` what is minimised is half of the sum of squared residuals + alpha / 2 |w|^2, where residuals and weights
    are of scaled label and columns: scikit-learn's `Ridge` on the same scaled columns has the same ``alpha``, which
    here is a multiple of 2^-6. Other parameters are those of `TwoPMLogisticRegression`.

    After `fit`: ``coef_`` (columns,) and ``intercept_`` in the units of X and y, and the rest as there.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.0,
        rule: str = NEWTON,
        gradient_bound: float | None = None,
        decrement_bound: float = 0.01,
        max_iter: int = 100,
        weight_bound: float = 1024.0,
        scaling: Sequence[Scaling] | None = None,
        label_scaling: Scaling | None = None,
        nodes: int = 1,
        prove: Proofs = False,
        backend: str | None = None,
        scheduler: str | None = None,
    ) -> None:
        super().__init__(
            alpha=alpha,
            rule=rule,
            gradient_bound=gradient_bound,
            decrement_bound=decrement_bound,
            max_iter=max_iter,
            weight_bound=weight_bound,
            scaling=scaling,
            nodes=nodes,
            prove=prove,
            backend=backend,
            scheduler=scheduler,
        )
        self.label_scaling = label_scaling

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, **weights: object) -> TwoPMLinearRegression:
        """Train on ``X`` (rows, columns), an array or a DataFrame, and ``y`` (rows,) of reals.

        Raises ValueError for input that scikit-learn refuses, TypeError for ``weights`` (`sample_weight`), which only
        a specification can have, and the errors of `train`.
        """
        refuse_weights(weights)
        checked = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        rows: npt.NDArray[np.float64] = checked[0]
        values = self._codes(checked[1])
        column = own_column("label", values)
        if self.label_scaling is not None:
            column = Column("label", self.label_scaling.centre, self.label_scaling.scale)
        *slopes, intercept = self._train(rows, values, label_of(y), **_gaussian(column)).values()
        self.coef_ = np.array(slopes)
        self.intercept_ = float(intercept)
        return self

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The mean of the label for each row, (rows,)."""
        check_is_fitted(self)
        rows: npt.NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        found: npt.NDArray[np.float64] = rows @ self.coef_ + self.intercept_
        return found

    def _codes(self, y: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.asarray(y, dtype=np.float64)


def _gaussian(label: Column) -> dict[str, Any]:
    """What a specification of the gaussian family has beside others."""
    return {"family": Family.GAUSSIAN, "outcome": Outcome(scale=label)}
