"""What a traceback or a log may show of people's objects: no row, salt, gradient, key, or number of somebody's rows."""

import dataclasses
import importlib
import pkgutil
from types import SimpleNamespace

import numpy as np
import pytest

import twopm_zk
from twopm_zk.coordinator.assessment import Move, RoundAssessment
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.node.sharing_part import _Held
from twopm_zk.node.store import NodeStore, StoredBatch, StoredUpdate
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.numbers.pedersen import GRADIENT
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.prediction.store import OperatorStore, UserStore
from twopm_zk.rows.batches import Batch
from twopm_zk.rows.tables import Table
from twopm_zk.sharing import SecretKey, SharedPoints
from twopm_zk.statements import Opening, StepMatrix, StepShape, Tally

SECRET = 987654321
BATCH = Batch(StepShape(32, 3, FEATURES), np.full((2, 3), SECRET), np.array([0, 1]), salt=SECRET)
OPENING = Opening(GRADIENT, (SECRET,) * 4, SECRET, SECRET)
OBJECTS = {
    "tally": Tally(GRADIENT, (SECRET,) * 4, SECRET),
    "opening": OPENING,
    "batch": BATCH,
    "stored batch": StoredBatch(0, False, 0, BATCH),
    "stored update": StoredUpdate(0, 1, OPENING, False, (SECRET,) * 24),
    "held": _Held(OPENING, frozenset({1}), noisy=False),
    "secret key": SecretKey(SECRET),
    "shared points": SharedPoints(Point(SECRET, 1), Point(1, SECRET)),
    "table": Table(("x",), np.array([[float(SECRET)]]), np.array([1])),
    "input": PredictionInput((SECRET,), SECRET),
    "assessment": RoundAssessment(None, (), OPENING, move=Move(StepMatrix(2, (SECRET, 2, 3)), (SECRET,))),
}
PRIVATE = {
    *("salt", "blinding", "gradient", "hessian", "moments", "marks", "labels", "cells", "sums", "items"),
    *("opening", "openings", "opened", "scalar", "secret", "lasting_secret", "private_key"),
}
"""Names of fields that hold something private wherever they are."""
PUBLIC = {
    ("symbols", "Symbols", "labels"),
    ("demonstration", "Course", "opened"),
    ("history", "DataSetHistory", "opened"),  # when
    ("ledger", "LedgerEntry", "contributions"),  # a hash of points that are on the chain
    ("distance", "_Known", "gradient"),  # a sum over all nodes, which is public
    ("public_sums", "SumsAtTheEnd", "gradient"),  # the same
    ("pedersen", "Place", "scalar"),  # the number of a scalar in a vector
    ("plan", "Noise", "sums"),  # how many there are
    ("sensitivity", "Block", "sums"),  # the same
    ("report", "FederatedRecord", "sums"),  # the same
}


@pytest.mark.parametrize("name", OBJECTS)
def test_a_repr_shows_nothing_private(name):
    text = repr(SimpleNamespace(of=OBJECTS[name]))
    assert str(SECRET) not in text
    assert f"{SECRET:e}"[:4] not in text


@pytest.mark.parametrize("kind", [NodeStore, CoordinatorStore, OperatorStore, UserStore])
def test_a_store_shows_nothing_of_its_content(kind):
    assert kind.__repr__ is object.__repr__


def test_no_dataclass_shows_a_field_whose_name_says_that_it_is_private():
    shown = set()
    for module in pkgutil.walk_packages(twopm_zk.__path__, "twopm_zk."):
        if not module.name.endswith("_native"):
            for kind in vars(importlib.import_module(module.name)).values():
                if isinstance(kind, type) and dataclasses.is_dataclass(kind):
                    place = kind.__module__.rpartition(".")[2], kind.__name__
                    shown |= {(*place, f.name) for f in dataclasses.fields(kind) if f.repr and f.name in PRIVATE}
    assert shown - PUBLIC == set()
