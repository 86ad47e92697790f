"""Federated logistic regression: the task's specification, training in the protocol's integers, and its proofs.

>>> from twopm_zk.federated import read_spec, train                    # doctest: +SKIP
>>> result = train([hospital_a, hospital_b, hospital_c], read_spec(p)) # doctest: +SKIP
>>> result.coefficients, str(result.certificate)                       # doctest: +SKIP

Names load on first use: the estimator needs scikit-learn, which is optional.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twopm_zk.federated.columns import Column, choose_column
    from twopm_zk.federated.estimator import TwoPMLogisticRegression
    from twopm_zk.federated.executors import executor_for
    from twopm_zk.federated.prover import Prover
    from twopm_zk.federated.results import Certificate, Round, TrainingResult, TrainingWarning
    from twopm_zk.federated.sizes import TaskInstances, choose_instances
    from twopm_zk.federated.spec import StepRule, TaskSpec
    from twopm_zk.federated.spec_file import parse_spec, read_spec, write_spec
    from twopm_zk.federated.training import train

__all__ = [
    "Certificate",
    "Column",
    "Prover",
    "Round",
    "StepRule",
    "TaskInstances",
    "TaskSpec",
    "TrainingResult",
    "TrainingWarning",
    "TwoPMLogisticRegression",
    "choose_column",
    "choose_instances",
    "executor_for",
    "parse_spec",
    "read_spec",
    "train",
    "write_spec",
]

_MODULES = {
    "columns": ("Column", "choose_column"),
    "estimator": ("TwoPMLogisticRegression",),
    "executors": ("executor_for",),
    "prover": ("Prover",),
    "results": ("Certificate", "Round", "TrainingResult", "TrainingWarning"),
    "sizes": ("TaskInstances", "choose_instances"),
    "spec": ("StepRule", "TaskSpec"),
    "spec_file": ("parse_spec", "read_spec", "write_spec"),
    "training": ("train",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"twopm_zk.federated.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
