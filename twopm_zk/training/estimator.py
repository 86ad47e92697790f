"""Training in the protocol's integers behind scikit-learn's interface, for people who know that one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from twopm_zk.training.estimator_base import FederatedEstimator, label_of, refuse_weights
from twopm_zk.training.scikit_learn import (
    ClassifierMixin,
    check_classification_targets,
    check_is_fitted,
    validate_data,
)


class TwoPMLogisticRegression(ClassifierMixin, FederatedEstimator):  # type: ignore[misc]
    """Binary logistic regression: minimises the summed log-loss plus alpha / 2 |w|^2, w of the scaled columns.

    ``alpha`` is the lambda of a task, rounded to a multiple of 2^-12, which is above 0 where ``alpha`` is; it may be 0.
    ``rule``, ``gradient_bound`` and ``decrement_bound`` are as in `TaskSpec`; ``max_iter`` is the most rounds.
    ``scaling`` holds one public (centre, scale) for each column; None takes them from X, which is right where X is
    yours alone. ``nodes`` deals the rows out to so many nodes: the result is the same but for last places. ``prove`` is
    False, True, or "final" for the certificate only; ``backend`` and ``scheduler`` then say how.

    After `fit`: ``alpha_``, the lambda that was used, ``coef_``, ``intercept_``, ``classes_``, ``n_features_in_``,
    ``feature_names_in_`` where X has names, ``n_iter_``, ``certificate_`` and ``training_``, the whole
    `TrainingResult`; `summary` and `conf_int` give standard errors, tests and intervals. Predictions are made in
    floating point with the trained weights; they differ from what ``predict`` proves by less than 1e-4 where a row fits
    the format.
    """

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, **weights: object) -> TwoPMLogisticRegression:
        """Train on ``X`` (rows, columns), an array or a DataFrame, and ``y`` (rows,) of two classes.

        Raises ValueError for input that scikit-learn refuses or other than two classes, TypeError for ``weights``
        (`sample_weight`, `class_weight`), which only a specification can have, and the errors of `train`.
        """
        refuse_weights(weights)
        checked = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        rows: npt.NDArray[np.float64] = checked[0]
        check_classification_targets(checked[1])
        self.classes_ = np.unique(checked[1])
        if len(self.classes_) != 2:
            raise ValueError(
                "Only binary classification is supported. The target has "
                f"{len(self.classes_)} class{'' if len(self.classes_) == 1 else 'es'}."
            )
        *slopes, intercept = self._train(rows, self._codes(checked[1]), label_of(y)).values()
        self.coef_ = np.array([slopes])
        self.intercept_ = np.array([intercept])
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

    def _codes(self, y: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        if unknown := [one for one in np.unique(y) if one not in self.classes_]:
            raise ValueError(f"y has {len(unknown)} value{'s' if len(unknown) > 1 else ''} that training had not")
        return np.asarray(np.searchsorted(self.classes_, y), dtype=np.int64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
