"""Optimisers, training in process, results, and the estimators."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twopm_zk.training.estimator import TwoPMLogisticRegression
    from twopm_zk.training.linear_estimator import TwoPMLinearRegression

__all__ = ["TwoPMLinearRegression", "TwoPMLogisticRegression"]
_MODULES = {"TwoPMLinearRegression": "linear_estimator", "TwoPMLogisticRegression": "estimator"}


def __getattr__(name: str) -> object:
    """An estimator, whose module takes scikit-learn, once somebody asks for it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
