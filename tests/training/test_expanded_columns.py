"""Training on categories, products, transforms and weights finds what statsmodels finds with the same formula."""

import numpy as np
import pandas as pd
import pytest

from twopm_zk.task.specification_file import parse_spec
from twopm_zk.training.in_process import train


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    rows = 600
    found = pd.DataFrame(
        {
            "age": rng.integers(20, 90, rows).astype(float),
            "crp": np.round(rng.gamma(1.5, 40, rows), 1),
            "ward": rng.choice(["A", "B", "C"], rows),
            "n": rng.integers(1, 4, rows),
        }
    )
    odds = (found.age - 55) / 25 + 0.3 * np.log1p(found.crp) - 1 + 0.7 * (found.ward == "C")
    return found.assign(died=np.where(rng.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no"))


def spec_of(**changes):
    return parse_spec(
        {
            "label": {"name": "died", "positive": "yes", "negative": ["no"]},
            "lambda": 0,
            "weight_bound": 64,
            "formula": "died ~ age*ward + crp",
            "features": [
                {"name": "age", "low": 0, "high": 120, "unit": 1},
                {"name": "crp", "low": 0, "high": 5000, "transform": "log1p"},
                {"name": "ward", "categories": ["A", "B", "C"]},
            ],
            "minimum": {"nodes": 1, "rows": 100, "rows_per_node": 20},
            "rounds": {"maximum": 60},
            "decrement_bound": 1e-3,
        }
        | changes
    )


def wanted(frame, weights=None):
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    model = smf.glm(
        "y ~ age*C(ward) + np.log1p(crp)",
        frame.assign(y=(frame.died == "yes").astype(int)),
        family=sm.families.Binomial(),
        freq_weights=weights,
    )
    names = {"Intercept": "intercept", "np.log1p(crp)": "crp"}
    names |= {f"C(ward)[T.{level}]": f"ward[{level}]" for level in "BC"}
    names |= {f"age:C(ward)[T.{level}]": f"age:ward[{level}]" for level in "BC"}
    return model.fit().params.rename(names).to_dict()


def test_a_formula_gives_the_coefficients_of_statsmodels_under_the_names_of_its_columns(frame):
    found = train([frame[::2], frame[1::2]], spec_of()).coefficients
    assert found == pytest.approx(wanted(frame), rel=0.02, abs=2e-3)


def test_weights_give_the_coefficients_of_frequencies(frame):
    found = train(frame, spec_of(weights="n", class_weights={"yes": 2})).coefficients
    times = frame.n * np.where(frame.died == "yes", 2, 1)
    assert found == pytest.approx(wanted(frame, times), rel=0.02, abs=2e-3)
