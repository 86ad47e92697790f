"""No public object shows a private value where it is printed: in a log, a traceback, a failed assertion."""

import inspect
import re
from dataclasses import is_dataclass

import numpy as np
import pytest

import twopm_zk as zk
from twopm_zk.numbers.pedersen import GRADIENT, INFORMATION
from twopm_zk.proving.prover import ProofJob

MARK = 7351
"""In every private number here, and in nothing public."""
PUBLIC = {
    "Certificate",
    "Circuit",
    "Collection",
    "Column",
    "CsvOptions",
    "Frequencies",
    "Input",
    "Outcome",
    "Format",
    "InformationShape",
    "Instance",
    "Keys",
    "Policy",
    "PredictShape",
    "Proof",
    "Round",
    "RoundShape",
    "Scaling",
    "Statement",
    "StepMatrix",
    "StepRule",
    "StepShape",
    "TaskInstances",
    "TaskSpec",
    "TrainingResult",
    "TrainingWarning",
    "TwoPMLinearRegression",
    "TwoPMLogisticRegression",
    "TwopmError",
    "VerificationKey",
}
"""Classes that hold nothing private; `Statement` is a protocol."""


@pytest.fixture
def private(tiny, tiny_keys, tiny_proof, monkeypatch):
    """An object of every public class that holds something private."""
    opened = zk.Opening(GRADIENT, (MARK, MARK, MARK, MARK), MARK, MARK)
    policy = zk.Policy(1, 2, 3, 4, 5, 6, 0)
    matrix = zk.StepMatrix(4, (1,) * 10)
    shape = zk.StepShape(2, 1, zk.Format(16, 12))
    rows = zk.Rows.padded(shape, np.array([[MARK], [-MARK]]), [0, 1])
    step = zk.StepStatement(shape, 0, (1, 2), rows, MARK, zk.Opening(GRADIENT, (MARK, MARK), MARK, MARK))
    same = zk.InformationShape(2, 1, zk.Format(16, 12))
    information = zk.InformationStatement(same, 0, (1, 2), rows, MARK, zk.Opening(INFORMATION, (MARK,) * 3, MARK, MARK))
    inputs = {"a": MARK, "b": MARK}
    objects = [
        zk.Witness(tiny("multiplier"), [1, MARK, MARK, MARK]),
        opened,
        opened.tally,
        rows,
        step,
        information,
        zk.PreparedStep(zk.find_instance("step-48x3"), step),
        zk.AggregateStatement(opened, policy, matrix, (0, 0, 0, 0)),
        zk.CertifyStatement(opened, policy, (0, 0, 0, 0), 1),
        zk.PredictStatement(zk.PredictShape(1, zk.Format(16, 12)), 0, (1, 2), (MARK,), MARK),
        zk.Table(("x",), np.array([[float(MARK)]]), np.array([1.0])),
        tiny_proof("multiplier"),
        zk.Prover(),
        ProofJob(tiny_keys("multiplier"), inputs),
    ]
    return {type(one).__name__: one for one in objects}


@pytest.mark.prover
def test_no_public_object_shows_a_private_value(private):
    shown = [name for name, one in private.items() if re.search(rf"(?<!\d){MARK}(?!\d)", f"{one!r} {one}")]
    assert shown == []


@pytest.mark.prover
def test_every_public_class_is_looked_at(private):
    classes = {name for name in zk.__all__ if inspect.isclass(getattr(zk, name))}
    assert classes - PUBLIC == private.keys() - {"ProofJob"}


def test_every_path_that_a_public_function_takes_may_be_a_str():
    """By its annotation, which strict type checking compares with the body."""
    narrow = []
    for name in zk.__all__:
        found = getattr(zk, name)
        functions = [found]
        if inspect.isclass(found):
            made = [] if is_dataclass(found) else ["__init__"]  # nobody makes `Keys` by hand
            functions = [member for key, member in vars(found).items() if not key.startswith("_") or key in made]
        for function in functions:
            for parameter, kind in getattr(inspect.unwrap(function), "__annotations__", {}).items():
                words = str(kind).replace("|", " ").split()
                if parameter != "return" and "Path" in words and "str" not in words:
                    narrow.append(f"{name}: {parameter}: {kind}")
    assert narrow == []
