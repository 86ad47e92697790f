"""Models of bundled data, ours and statsmodels', side by side."""

from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm

from twopm_zk.numbers.fixed_point import FEATURES, Format
from twopm_zk.numbers.pedersen import INFORMATION
from twopm_zk.rows.tables import Table
from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.inference import DISPERSION
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.summarise import Model, summarise
from twopm_zk.task.columns import choose_column
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.in_process import train

FINE = Format(24, 20)


@dataclass(frozen=True)
class Data:
    """A frame of columns and a Series of labels, as statsmodels takes them."""

    features: object
    label: object
    units: object = None
    """What columns are recorded in: with these, scaling loses nothing."""

    @property
    def peer_design(self):
        return sm.add_constant(self.features, prepend=False).rename(columns={"const": "intercept"})


def spector():
    from statsmodels.datasets import spector

    data = spector.load_pandas()
    return Data(data.exog, data.endog)


def fair():
    """6,366 answers to a survey, and whether there was an affair (Fair 1978)."""
    from statsmodels.datasets import fair

    data = fair.load_pandas()
    return Data(data.exog.drop(columns=["occupation_husb"]), (data.endog > 0).astype(int).rename("affair"))


def breast_cancer():
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    units = {"mean radius": 0.001, "mean texture": 0.01, "mean smoothness": 0.00001}
    return Data(data.data[list(units)], data.target.rename("benign"), units)


def longley():
    """16 years of six columns that all but depend on each other (Longley 1967)."""
    from statsmodels.datasets import longley

    data = longley.load_pandas()
    return Data(data.exog, data.endog)


def diabetes():
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True, scaled=False)
    return Data(data.data, data.target.rename("progression"))


def columns_of(features, format=FEATURES, units=None):
    """Constants as one would find them published: rounded means and deviations, and the ends."""
    return tuple(
        choose_column(
            str(name),
            mean=float(f"{values.mean():.3g}"),
            sd=float(f"{values.std():.2g}"),
            low=float(values.min()),
            high=float(values.max()),
            unit=(units or {}).get(name),
            format=format,
        )
        for name, values in features.items()
    )


def logistic_spec(data, **changes):
    settings = {"penalty": 0.0, "decrement_bound": 1e-3, "minimum_nodes": 1, "minimum_node_rows": 1, "minimum_rows": 30}
    rules = settings | {"step": StepRule("newton")} | changes
    return TaskSpec(columns=columns_of(data.features, units=data.units), label=str(data.label.name), **rules)


def logistic_summary(data):
    """By training in process."""
    spec = logistic_spec(data)
    table = Table(spec.features, data.features.to_numpy(dtype=float), data.label.to_numpy().astype(np.int64))
    return train(table, spec).summary()


def gaussian_summary(data, *, format=FINE):
    """Least squares over rounded rows, and the summary by the sums that circuits prove of them."""
    columns = columns_of(data.features, format)
    label = columns_of(data.label.to_frame(), format)[0]
    cells = [format.quantize((data.features[c.name] - c.centre) / c.scale, name=c.name) for c in columns]
    rows = np.column_stack(cells)
    design = np.column_stack([rows.astype(float) / format.one, np.ones(len(rows))])
    scaled = format.quantize((data.label - label.centre) / label.scale, name="label").astype(float) / format.one
    weights = np.linalg.lstsq(design, scaled, rcond=None)[0]
    slopes = {c.name: w * label.scale / c.scale for c, w in zip(columns, weights, strict=False)}
    intercept = label.centre + label.scale * weights[-1] - sum(slopes[c.name] * c.centre for c in columns)
    known = Provenance(False, len(rows), 1)
    unit = 1 << INFORMATION.frac_bits
    information = np.round(design.T @ design / DISPERSION * unit) / unit
    sums = GaussianEvaluation.of(design @ weights, scaled)
    evaluation = GaussianEvaluation.scaled(
        sums.rows, sums.total, sums.total_squares, sums.residual_squares, centre=label.centre, scale=label.scale
    )
    model = Model(
        family="gaussian",
        label=str(data.label.name),
        coefficients={**slopes, "intercept": intercept},
        scaling=tuple(c.scaling for c in columns),
    )
    return summarise(
        model, known, information=Part.of(information, known), evaluation=Part.of(evaluation, known), converged=True
    )


def peer(data, family):
    """statsmodels' own fit."""
    if family == "logistic":
        return sm.Logit(data.label, data.peer_design).fit(method="newton", tol=1e-12, disp=0)
    return sm.OLS(data.label, data.peer_design).fit()
