"""scikit-learn's interface."""

import pickle
import sys
import warnings

import numpy as np
import pytest
from support.small_tasks import make_table

sklearn = pytest.importorskip("sklearn")

from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from twopm_zk.errors import RangeError, SpecError, ToolMissingError  # noqa: E402
from twopm_zk.task.scaling import Scaling  # noqa: E402
from twopm_zk.training.estimator import TwoPMLogisticRegression  # noqa: E402
from twopm_zk.training.estimator_base import ColumnWarning  # noqa: E402
from twopm_zk.training.linear_estimator import TwoPMLinearRegression  # noqa: E402


@parametrize_with_checks([TwoPMLogisticRegression(), TwoPMLogisticRegression(rule="bfgs", nodes=2)])
def test_estimator_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture
def data():
    drawn = make_table(300, 3, steep=2.0)
    return drawn.features, np.array(["no", "yes"])[drawn.labels]


def test_weights_are_those_of_scikit_learn_on_scaled_columns(data):
    X, y = data
    ours = TwoPMLogisticRegression(alpha=0.5, scaling=[Scaling()] * 3, gradient_bound=1e-6).fit(X, y)
    peer = LogisticRegression(C=2.0, tol=1e-10, max_iter=1000).fit(X, y)
    assert ours.coef_ == pytest.approx(peer.coef_, abs=1e-3)
    assert ours.intercept_ == pytest.approx(peer.intercept_, abs=1e-3)
    assert ours.predict_proba(X) == pytest.approx(peer.predict_proba(X), abs=1e-3)
    assert ours.score(X, y) == pytest.approx(peer.score(X, y), abs=0.01)
    assert list(ours.classes_) == ["no", "yes"]
    assert ours.n_features_in_ == 3
    assert ours.n_iter_ == ours.training_.moves
    assert ours.certificate_.bound_per_row <= 1e-6


def test_any_number_of_nodes_gives_the_same_model_but_for_its_last_places(data):
    X, y = data
    models = [TwoPMLogisticRegression(nodes=nodes).fit(X, y) for nodes in (1, 2, 7)]
    for model in models[1:]:
        assert model.coef_ == pytest.approx(models[0].coef_, abs=4 * 2.0**-20)
        assert model.n_iter_ == models[0].n_iter_


def test_public_constants_are_used_and_have_to_fit(data):
    X, y = data
    narrow = [Scaling(scale=0.25)] * 3
    with pytest.raises(RangeError, match="column 'x"):
        TwoPMLogisticRegression(scaling=narrow).fit(X, y)
    with pytest.raises(ValueError, match="scaling has 3 entries, X has 2 columns"):
        TwoPMLogisticRegression(scaling=narrow).fit(X[:, :2], y)
    with pytest.raises(SpecError, match=r"`lambda` is -0.1"):
        TwoPMLogisticRegression(alpha=-0.1).fit(X, y)


@pytest.mark.slow
def test_any_alpha_is_brought_to_the_grid_of_the_protocol_and_said(data):
    X, y = data
    found = GridSearchCV(TwoPMLogisticRegression(), {"alpha": [0.01, 0.1, 1, 10]}, cv=3, error_score="raise").fit(X, y)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    fitted = {alpha: TwoPMLogisticRegression(alpha=alpha).fit(X, y) for alpha in (0, 1e-9, 0.1, 1)}
    assert [model.alpha_ for model in fitted.values()] == [0, 2**-12, 410 / 4096, 1]
    assert [model.alpha for model in fitted.values()] == [0, 1e-9, 0.1, 1]
    assert fitted[0.1].training_.spec.penalty == fitted[0.1].alpha_


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_columns_of_any_size_are_scaled(data, factor):
    X, y = data
    near = TwoPMLogisticRegression().fit(X, y).predict(X)
    far = TwoPMLogisticRegression().fit(X * factor + 3 * factor, y).predict(X * factor + 3 * factor)
    assert (near == far).mean() > 0.99


@pytest.mark.parametrize("estimator", [TwoPMLogisticRegression, TwoPMLinearRegression])
def test_a_column_that_its_scale_rounds_coarsely_is_said_by_name(data, estimator):
    """A step is 2^-12 of the scale: 5% of a standard deviation of 1 at a scale of 205."""
    X, y = data
    X, y = X / X.std(axis=0), y == "yes"
    with warnings.catch_warnings():
        warnings.simplefilter("error", ColumnWarning)
        estimator(scaling=[Scaling(), Scaling(scale=195.0), Scaling()]).fit(X, y)
        estimator(alpha=1.0).fit(np.column_stack([X, np.full(300, 0.1)]), y)
        # whole steps lose nothing, however large they are
        estimator(alpha=1.0, scaling=[Scaling(scale=4096.0)] * 2).fit(np.rint(X[:, :2]), y)
    with pytest.warns(ColumnWarning, match=r"column 'x1' is rounded by up to 3% of its standard deviation") as caught:
        estimator(scaling=[Scaling(), Scaling(scale=220.0), Scaling()]).fit(X, y)
    assert [one.filename for one in caught if one.category is ColumnWarning] == [__file__]


def test_a_label_that_its_scale_rounds_coarsely_is_said_too(data):
    X = data[0]
    with pytest.warns(ColumnWarning, match="column 'y' is rounded by up to"):
        TwoPMLinearRegression(label_scaling=Scaling(scale=4096.0)).fit(X, X[:, 0] + 0.1)


def test_names_of_a_data_frame_reach_the_specification(data):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=["age", "dose", "weight"])
    model = TwoPMLogisticRegression().fit(frame, y)
    assert model.training_.spec.features == ("age", "dose", "weight")


@pytest.mark.parametrize(
    ("names", "kept", "said"),
    [
        (
            ["age", "intercept", "weight"],
            ("age", "x1", "weight"),
            "'intercept' is called 'x1': every model has an inter",
        ),
        (["x1", "intercept", "x1_2"], ("x1", "x1_3", "x1_2"), "'intercept' is called 'x1_3'"),
        (["age", " ", "weight"], ("age", "x1", "weight"), "' ' is called 'x1': it is empty"),
        (["age", "a\tb", "weight"], ("age", "x1", "weight"), "is called 'x1': it is empty or cannot be printed"),
        (["\u00e9", "age", "e\u0301"], ("\u00e9", "age", "x2"), "is called 'x2': another column has this name"),
    ],
)
def test_a_name_that_cannot_be_kept_is_said_and_the_others_stay(data, names, kept, said):
    pandas = pytest.importorskip("pandas")
    X, y = data
    with pytest.warns(ColumnWarning, match=said) as caught:
        model = TwoPMLogisticRegression().fit(pandas.DataFrame(X, columns=names), y)
    assert model.training_.spec.features == kept
    assert (len(caught), caught[0].filename) == (1, __file__)
    assert model.summary(pandas.DataFrame(X, columns=names), y).held_out.content.rows == 300


@pytest.mark.parametrize("names", [["age", "y", "weight"], ["y", "age", "y_2"]])
@pytest.mark.parametrize("label", [None, "y", "intercept"])
@pytest.mark.filterwarnings("error")
def test_columns_keep_their_names_whatever_the_label_is_called(data, names, label):
    pandas = pytest.importorskip("pandas")
    X, y = data
    model = TwoPMLogisticRegression().fit(pandas.DataFrame(X, columns=names), pandas.Series(y, name=label))
    assert model.training_.spec.features == tuple(names)
    assert model.training_.spec.label == ("y_2" if "y_2" not in names else "y_3")


def test_its_summary_has_names_of_columns_and_of_the_label_and_judges_rows_that_were_held_out(data):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame, label = pandas.DataFrame(X, columns=["age", "dose", "weight"]), pandas.Series(y, name="ill")
    model = TwoPMLogisticRegression(alpha=0).fit(frame[:200], label[:200])
    assert list(model.feature_names_in_) == ["age", "dose", "weight"]
    summary = model.summary(frame[200:], label[200:])
    assert list(summary.params.index) == ["age", "dose", "weight", "intercept"]
    assert summary.params["age"] == pytest.approx(model.coef_[0, 0])
    assert summary.label == "ill"
    assert summary.held_out.content.rows == 100
    half = summary.held_out.content.histogram.at_threshold(0.5)
    assert half.accuracy == pytest.approx(model.score(frame[200:], label[200:]))
    low, high = model.conf_int(0.1).loc["dose"]
    assert low < summary.params["dose"] < high
    with pytest.raises(ValueError, match="need both X and y"):
        model.summary(frame)
    with pytest.raises(ValueError, match="y has 1 value that training had not"):
        model.summary(frame, np.where(label == "yes", "perhaps", "no"))


def test_held_out_rows_and_labels_of_different_number_are_counted_against_each_other(data):
    X, y = data
    model = TwoPMLogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match="2 rows against 49 labels"):
        model.summary(X[:2], y[:49])
    assert model.summary(X[:49], y[:49, None]).held_out.content.rows == 49


@pytest.mark.parametrize("estimator", [TwoPMLogisticRegression, TwoPMLinearRegression])
@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_weights_are_refused_with_the_place_where_they_go(data, estimator, name):
    X, y = data
    y = y == "yes"
    with pytest.raises(TypeError, match=f"takes no `{name}`: weights are whole numbers here, .* `weights` names"):
        estimator().fit(X, y, **{name: np.ones(300)})
    with pytest.raises(TypeError, match="unexpected keyword argument 'weight'"):
        estimator().fit(X, y, weight=np.ones(300))
    assert estimator().fit(X, y, **{name: None}).n_features_in_ == 3
    assert not sklearn.utils.validation.has_fit_parameter(estimator(), "sample_weight")


@pytest.mark.parametrize("name", ["dose", "intercept", "", None, 3])
def test_a_label_whose_name_cannot_be_used_is_called_y(data, name):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=["age", "dose", "weight"])
    model = TwoPMLogisticRegression().fit(frame, pandas.Series(y, name=name))
    assert model.summary().label == "y"
    assert model.training_.spec.features == ("age", "dose", "weight")


def test_frames_of_polars_have_their_names_too(data):
    polars = pytest.importorskip("polars")
    X, y = data
    frame = polars.DataFrame(X, schema=["age", "dose", "weight"])
    model = TwoPMLogisticRegression().fit(frame, polars.Series("ill", y))
    assert model.summary().label == "ill"
    assert list(model.summary().params.index) == ["age", "dose", "weight", "intercept"]
    assert model.score(frame, y) > 0.7


def test_a_notebook_shows_the_summary_below_the_diagram(data):
    model = TwoPMLogisticRegression()
    assert "simpletable" not in model._repr_html_()
    page = model.fit(*data)._repr_html_()
    assert "Logit Regression Results" in page
    assert "TwoPMLogisticRegression" in page
    assert "Logit Regression Results" in model._repr_mimebundle_()["text/html"]


def test_it_says_when_it_did_not_converge(data):
    with pytest.warns(ConvergenceWarning, match="not converged"):
        TwoPMLogisticRegression(max_iter=1).fit(*data)


def test_it_works_in_the_tools_around_it_and_survives_pickling(data):
    X, y = data
    assert cross_val_score(TwoPMLogisticRegression(), X, y, cv=3).mean() > 0.7
    model = TwoPMLogisticRegression().fit(X, y)
    assert (pickle.loads(pickle.dumps(model)).predict(X) == model.predict(X)).all()  # noqa: S301 (our own bytes)


def test_the_estimators_are_names_of_the_room_of_training():
    """As a specification of them says: twopm_zk.training.TwoPMLogisticRegression."""
    from twopm_zk import training

    assert training.TwoPMLogisticRegression is TwoPMLogisticRegression
    assert training.TwoPMLinearRegression is TwoPMLinearRegression
    with pytest.raises(AttributeError, match="has no attribute 'TwoPM'"):
        getattr(training, "TwoPM")  # noqa: B009


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    for module in ("estimator", "estimator_base", "scikit_learn"):
        monkeypatch.delitem(sys.modules, f"twopm_zk.training.{module}")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    import twopm_zk

    with pytest.raises(
        ToolMissingError, match=r"need the package scikit-learn\nRun `pip install 'twopm-zk\[sklearn\]'`"
    ):
        twopm_zk.TwoPMLogisticRegression  # noqa: B018


@pytest.mark.prover
@pytest.mark.slow
def test_its_certificate_can_be_proven():
    drawn = make_table(60, 3)
    model = TwoPMLogisticRegression(prove="final").fit(drawn.features, drawn.labels)
    assert model.certificate_.proof is not None
    plain = TwoPMLogisticRegression().fit(drawn.features, drawn.labels)
    assert plain.coef_.tolist() == model.coef_.tolist()
