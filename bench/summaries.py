"""Standard errors, coefficients and fit beside statsmodels, over public data sets that come with packages.

python bench/summaries.py [--out bench/results/summaries.md]

Everything is in the circuits' integers, without proofs: what is proven over a chain are the same sums. Columns are
scaled by constants from their own range, as an estimator does where the rows are one owner's.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import statsmodels.api as sm
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from twopm_zk.numbers.fixed_point import FEATURES, Format
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Family
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.columns import Column, choose_column
from twopm_zk.task.outcome import Outcome
from twopm_zk.task.parts.step_rule import NEWTON, StepRule
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.in_process import train

WIDE = Format(24, 20)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """A data set; a label of 0 and 1 asks for logistic regression."""

    name: str
    features: Floats
    label: Floats
    format: Format = FEATURES

    @property
    def logistic(self) -> bool:
        return set(np.unique(self.label)) <= {0.0, 1.0}


def data_sets() -> Iterator[Data]:
    """Seven of logistic regression, eight of linear."""
    spector, fair = sm.datasets.spector.load_pandas(), sm.datasets.fair.load_pandas()
    yield Data("Spector-Mazzeo", spector.exog.to_numpy(float), spector.endog.to_numpy(float))
    yield Data("Fair's affairs", fair.exog.to_numpy(float), (fair.endog.to_numpy(float) > 0).astype(float))
    cancer = load_breast_cancer()
    yield Data("breast cancer, 3 columns", cancer.data[:, [1, 4, 9]], cancer.target.astype(float))
    iris = load_iris()
    two = iris.target > 0
    yield Data("iris, versicolor or virginica", iris.data[two], (iris.target[two] == 2).astype(float))
    election = sm.datasets.anes96.load_pandas().data
    columns = ["logpopul", "selfLR", "age", "educ", "income"]
    yield Data("election of 1996", election[columns].to_numpy(float), election["vote"].to_numpy(float))
    health = sm.datasets.randhie.load_pandas().data.iloc[:5000]
    columns = ["lncoins", "idp", "lpi", "fmde", "physlm", "disea", "hlthg", "hlthf"]
    yield Data("health insurance", health[columns].to_numpy(float), (health["mdvis"].to_numpy(float) > 0).astype(float))
    credit = sm.datasets.ccard.load_pandas()
    columns = ["AVGEXP", "AGE", "INCOME"]
    yield Data("home owners", credit.data[columns].to_numpy(float), credit.data["OWNRENT"].to_numpy(float))
    diabetes = load_diabetes(scaled=False)
    yield Data("diabetes", diabetes.data, diabetes.target)
    for name, title in (("ccard", "credit cards"), ("engel", "Engel's food expenditure"), ("copper", "copper market")):
        found = getattr(sm.datasets, name).load_pandas()
        yield Data(title, found.exog.to_numpy(float), found.endog.to_numpy(float))
    for name, title in (("statecrime", "crime by state"), ("stackloss", "stack loss")):
        found = getattr(sm.datasets, name).load_pandas()
        yield Data(title, found.exog.to_numpy(float), found.endog.to_numpy(float))
    longley = sm.datasets.longley.load_pandas()
    for format in (FEATURES, WIDE):
        yield Data("Longley", longley.exog.to_numpy(float), longley.endog.to_numpy(float), format)


def column_of(name: str, values: Floats, format: Format) -> Column:
    """Constants from the column's own range."""
    return choose_column(name, low=float(values.min()), high=float(values.max()), format=format)


def ours(data: Data) -> Summary:
    """Trained by three nodes."""
    names = [f"x{index}" for index in range(data.features.shape[1])]
    columns = tuple(column_of(name, x, data.format) for name, x in zip(names, data.features.T, strict=True))
    family = Family.LOGISTIC if data.logistic else Family.GAUSSIAN
    outcome = Outcome() if data.logistic else Outcome(scale=column_of("y", data.label, data.format))
    spec = TaskSpec(
        columns=columns,
        label="y",
        family=family,
        outcome=outcome,
        penalty=0.0,
        format=data.format,
        step=StepRule(NEWTON),
        minimum_rows=len(data.label),
        minimum_node_rows=1,
        maximum_updates=1 << 20,
    )
    label = data.label.astype(np.int64) if data.logistic else data.label
    tables = [Table(tuple(names), data.features[k::3], label[k::3]) for k in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return train(tables, spec).summary()


def theirs(data: Data) -> object:
    """statsmodels' fit of the same rows."""
    design = sm.add_constant(data.features)
    model: Callable[..., object] = sm.Logit if data.logistic else sm.OLS
    fitted = model(data.label, design)
    return fitted.fit(disp=0, maxiter=200) if data.logistic else fitted.fit()  # type: ignore[attr-defined]


def row_of(data: Data) -> list[str]:
    """One line of the table."""
    found, peer = ours(data), theirs(data)
    order = [*range(1, data.features.shape[1] + 1), 0]
    params, bse = np.asarray(peer.params)[order], np.asarray(peer.bse)[order]  # type: ignore[attr-defined]
    own, errors = found.params.to_numpy(), found.bse.to_numpy()
    fit = (
        f"{abs(found.llf - peer.llf):.1e}"  # type: ignore[attr-defined]
        if data.logistic
        else f"{abs(found.rsquared - peer.rsquared):.1e}"  # type: ignore[attr-defined]
    )
    share = None if found.inference.content is None else found.inference.content.error_share
    worst = "" if share is None else f"{share:.2%}"
    return [
        data.name,
        f"{len(data.label):,} x {data.features.shape[1]}",
        "logistic" if data.logistic else "linear",
        str(data.format.bits),
        f"{np.max(np.abs(own - params) / bse):.1e}",
        f"{np.max(np.abs(own / params - 1)):.3%}",
        f"{np.max(np.abs(errors / bse - 1)):.3%}",
        worst,
        fit,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the page here too")
    options = parser.parse_args()
    head = [
        *("data", "rows", "family", "bits", "coefficient, in standard errors", "coefficient", "standard error"),
        *("at most", "log likelihood, or R2"),
    ]
    lines = [
        "# Beside statsmodels",
        "",
        "Largest differences of `python bench/summaries.py`, trained in circuits' integers without proofs; `at most`",
        "is what the summary itself says of its standard errors.",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
    ]
    for data in data_sets():
        lines.append(f"| {' | '.join(row_of(data))} |")
        print(lines[-1], flush=True)
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
