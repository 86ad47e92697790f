"""What a model is asked and what is taken of its answers, and models by name."""

import math
from pathlib import Path

import numpy as np
import pytest
from support import federated_models
from support.federated import Fixed, small_spec

from twopm_zk.errors import InputError
from twopm_zk.federated import Model, federate, from_numpy_client, load_model, train
from twopm_zk.federated.model import arrays_of, flat

FILE = Path(federated_models.__file__)
SPEC = small_spec(
    update={"clip": 100.0, "evaluate": True}, rule={"proximal": 0.5}, fit={"epochs": 2, "rate": 0.1, "name": "sgd"}
)
ARRAYS = [np.zeros((2, 3)), np.ones(4)]


class Answers:
    """A model that answers what the test says."""

    def __init__(self, fit=None, evaluate=(0.5, 3, {})):
        self.answers = (([np.zeros((2, 3)), np.zeros(4)], 5, {}) if fit is None else fit, evaluate)

    def parameters(self):
        return ARRAYS

    def fit(self, parameters, config):
        return self.answers[0]

    def evaluate(self, parameters, config):
        return self.answers[1]


def test_a_model_gets_the_settings_the_round_and_the_parameters_before():
    model = Fixed(SPEC, 0.25, examples=9, loss=0.75, evaluated=4)
    made = train(model, SPEC, ARRAYS, round=3)
    config = {"epochs": 2, "rate": 0.1, "name": "sgd", "round": 3, "proximal_mu": 0.5}
    assert [(what, seen) for what, seen, _ in model.seen] == [("evaluate", config), ("fit", config)]
    for _, _, arrays in model.seen:
        assert all((one == other).all() for one, other in zip(arrays, ARRAYS, strict=True))
    assert (made.parameters == np.concatenate([np.zeros(6), np.ones(4)]) + 0.25).all()
    assert (made.examples, made.loss, made.evaluated, made.metrics) == (9, 0.75, 4, {"kept": "here"})


def test_what_is_not_asked_for_is_not_computed():
    model, spec = Fixed(SPEC, 0.25), small_spec()
    train(model, spec, ARRAYS, round=1)
    assert [(what, seen) for what, seen, _ in model.seen] == [("fit", {"round": 1})]


def test_a_model_may_train_in_place():
    class InPlace(Answers):
        def fit(self, parameters, config):
            for array in parameters:
                array += 1
            return parameters, 1, {}

        def evaluate(self, parameters, config):
            parameters[0][:] = 99
            return 0.0, 1, {}

    arrays = [array.copy() for array in ARRAYS]
    made = train(InPlace(), SPEC, arrays, round=1)
    assert (made.parameters == np.concatenate([np.ones(6), np.full(4, 2.0)])).all()
    assert all((one == other).all() for one, other in zip(arrays, ARRAYS, strict=True))


GOOD = [np.zeros((2, 3)), np.zeros(4)]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"fit": GOOD}, "`fit` returned no three values"),
        ({"fit": 5}, "`fit` returned no three values"),
        ({"fit": (GOOD, 0, {})}, "`fit` returned 0 examples"),
        ({"fit": (GOOD, -1, {})}, "that `fit` returned is no integer from 0 on"),
        ({"fit": (GOOD, 1.0, {})}, "that `fit` returned is no integer"),
        ({"fit": (GOOD, True, {})}, "that `fit` returned is no integer"),
        ({"fit": (GOOD[:1], 1, {})}, r"that `fit` returned have the shapes \[2, 3\]; the specification has"),
        ({"fit": ([*GOOD, np.zeros(1)], 1, {})}, "have the shapes"),
        ({"fit": ([GOOD[0], GOOD[1].reshape(2, 2)], 1, {})}, "have the shapes"),
        ({"fit": ([GOOD[0], GOOD[1] + math.nan], 1, {})}, "hold a number that is not finite"),
        ({"fit": ([GOOD[0], GOOD[1] + math.inf], 1, {})}, "hold a number that is not finite"),
        ({"fit": ([GOOD[0], ["a"] * 4], 1, {})}, "are no arrays of real numbers"),
        ({"evaluate": (0.5, 3)}, "`evaluate` returned no three values"),
        ({"evaluate": (math.nan, 3, {})}, "the loss that `evaluate` returned"),
        ({"evaluate": (math.inf, 3, {})}, "the loss that `evaluate` returned"),
        ({"evaluate": (-0.1, 3, {})}, "the loss that `evaluate` returned"),
        ({"evaluate": ("low", 3, {})}, "the loss that `evaluate` returned"),
        ({"evaluate": (0.5, -3, {})}, "that `evaluate` returned is no integer"),
    ],
)
def test_answers_that_are_none_are_refused(answers, message):
    with pytest.raises(InputError, match=message):
        train(Answers(**answers), SPEC, ARRAYS, round=1)


def test_a_node_that_holds_nothing_out_adds_no_loss():
    made = train(Answers(evaluate=(math.nan, 0, {})), SPEC, ARRAYS, round=1)
    assert (made.loss, made.evaluated) == (0.0, 0)


def test_a_loss_beyond_what_a_sum_holds_counts_as_the_most_it_holds():
    assert train(Answers(evaluate=(1e9, 3, {})), SPEC, ARRAYS, round=1).loss == 1024.0


def test_metrics_that_are_none_are_dropped():
    assert train(Answers(fit=(GOOD, 5, None)), SPEC, ARRAYS, round=1).metrics == {}


def test_arrays_in_one_row_and_back():
    arrays = [np.arange(6).reshape(2, 3), np.arange(4) / 8]
    again = arrays_of(SPEC, flat(SPEC, arrays))
    assert all((one == other).all() and one.shape == other.shape for one, other in zip(again, arrays, strict=True))
    with pytest.raises(InputError, match="9 parameters are given; the specification has 10"):
        arrays_of(SPEC, np.zeros(9))


def test_a_message_about_many_arrays_is_short():
    with pytest.raises(InputError, match=r"\.\.\. \(500 arrays\)"):
        flat(SPEC, [np.zeros(1)] * 500)


def test_a_model_is_made_from_a_file_or_a_module():
    for place in (f"{FILE}:Model", "support.federated_models:Model"):
        model = load_model(place, {"scale": "2.5"})
        assert isinstance(model, Model)
        assert train(model, SPEC, ARRAYS, round=1).parameters[0] == 2.5
    assert load_model(f"{FILE}:Model").scale == 1.0


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("model.py", "names no model: it is FILE.py:Name"),
        (":Model", "names no model"),
        ("a:b c", "names no model"),
        ("nowhere.py:Model", "there is no file 'nowhere.py'"),
        ("no_such_package.module:Model", "cannot be imported: ModuleNotFoundError"),
        (f"{FILE}:Nothing", "has no class or function 'Nothing'"),
        (f"{FILE}:NUMBER", "has no class or function 'NUMBER'"),
        (f"{FILE}:Broken", "could not be made: ValueError: no such data"),
        (f"{FILE}:Other", "makes no model: it needs parameters, fit and evaluate"),
    ],
)
def test_a_name_of_no_model_is_refused(place, message):
    with pytest.raises(InputError, match=message) as raised:
        load_model(place)
    assert raised.value.kind == "not-a-model"


def test_arguments_that_a_model_does_not_take_are_refused():
    with pytest.raises(InputError, match="could not be made: TypeError"):
        load_model(f"{FILE}:Model", {"depth": "3"})


def test_a_file_that_cannot_be_run_says_why(tmp_path):
    (tmp_path / "model.py").write_text("import no_such_package_anywhere\n")
    with pytest.raises(InputError, match="cannot be imported: ModuleNotFoundError"):
        load_model(f"{tmp_path}/model.py:Model")


def test_a_client_of_flower_trains_as_a_model():
    model = load_model(f"{FILE}:Client")
    assert isinstance(model, Model)
    made = train(model, SPEC, ARRAYS, round=1)
    assert (made.examples, made.loss, made.evaluated) == (5, 0.25, 2)
    *_, last = federate(SPEC, [from_numpy_client(federated_models.Client()) for _ in range(3)], rounds=2)
    assert (last.values == 2).all()
    assert last.mean_loss == 0.25
