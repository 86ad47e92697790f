"""Accuracy and AUC of training with noise against epsilon, beside training without, and beside diffprivlib.

python bench/privacy.py [--local PYTHON] [--seeds 20]

Noise is the plan's own, drawn exactly and added to the integers that are proven over a chain; three nodes, two of them
counted on. Rows that are held out, 30 in 100, are judged. PYTHON is an interpreter whose environment has diffprivlib,
which takes another scikit-learn than ours: without it that column stays as it was. Writes bench/results/privacy.md,
.json and docs/images/privacy.svg.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from statsmodels.datasets import fair, randhie

from twopm_zk.errors import TrainingError
from twopm_zk.privacy.terms import Privacy
from twopm_zk.rows.batches import quantized_rows
from twopm_zk.rows.tables import Table
from twopm_zk.task.columns import choose_column
from twopm_zk.task.parts.step_rule import BOEHNING_LINDSAY, GRADIENT, NEWTON, StepRule
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.in_process import train

ROOT = Path(__file__).parents[1]
JSON = ROOT / "bench" / "results" / "privacy.json"
TABLE = ROOT / "bench" / "results" / "privacy.md"
PLOT = ROOT / "docs" / "images" / "privacy.svg"
EPSILONS = (1.0, 3.0, 10.0)
NODES, DELTA = 3, 1e-6
DEFAULT = StepRule(GRADIENT, curvature="ranges")
RULES = (StepRule(BOEHNING_LINDSAY), StepRule(NEWTON))
ROUNDS_WITH_INFORMATION = 5
INTRO = """<!-- written by bench/privacy.py -->
# Accuracy against epsilon

Medians of {seeds} splits into 70% to train on and 30% to judge by, delta {delta:g}, a row as the unit, {nodes} nodes
of which two are counted on, rule `gradient`, lambda = 1. Columns are scaled by means and standard deviations of two
digits, taken as public. Without noise rows are as long as they are, and training goes on to the optimum. diffprivlib's
LogisticRegression has all rows in one place and a delta of 0; its rows are shortened to the same norm."""
LOCAL = """
import json, sys, warnings
import numpy as np
from diffprivlib.models import LogisticRegression

warnings.simplefilter("ignore")
epsilon, paths, found = float(sys.argv[1]), sys.argv[2:], []
for seed, path in enumerate(paths):
    rows = np.load(path)
    norm, strength = float(rows["norm"]), float(1 / rows["penalty"])
    model = LogisticRegression(epsilon=epsilon, data_norm=norm, C=strength, max_iter=1000, random_state=seed)
    model.fit(rows["features"], rows["labels"])
    found.append([*map(float, model.coef_[0]), float(model.intercept_[0])])
print(json.dumps(found))
"""
"""What runs in the other environment: one owner holds all rows, epsilon is pure."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """Rows of a data set whose label is 0 or 1, and the norm that its rows are shortened to."""

    name: str
    rows: Table
    clip: float
    rounds: int
    source: str


def data_sets() -> list[Data]:
    cancer = load_breast_cancer()
    names = tuple(str(name) for name in cancer.feature_names)
    rand, affairs = randhie.load_pandas().data, fair.load_pandas().data
    visits = rand.drop(columns="mdvis")
    some = affairs.drop(columns="affairs")
    return [
        Data("breast cancer", Table(names, cancer.data, cancer.target), 3.0, 5, "scikit-learn"),
        Data(
            "extramarital affairs",
            Table(tuple(some.columns), some.to_numpy(float), (affairs["affairs"] > 0).to_numpy(int)),
            3.0,
            10,
            "statsmodels, Fair (1978): whether there was any",
        ),
        Data(
            "RAND health insurance",
            Table(tuple(visits.columns), visits.to_numpy(float), (rand["mdvis"] > 0).to_numpy(int)),
            3.0,
            10,
            "statsmodels: whether a person saw a doctor in a year",
        ),
    ]


def spec_of(data: Data, epsilon: float | None, rows: int, rule: StepRule = DEFAULT) -> TaskSpec:
    """Constants as published: means and deviations of two digits, and ends that are wider than the data."""
    columns = tuple(
        choose_column(
            name,
            mean=float(f"{values.mean():.2g}"),
            sd=float(f"{values.std():.2g}"),
            low=float(min(0.0, values.min() * 1.2)),
            high=float(f"{values.max() * 1.2:.2g}"),
        )
        for name, values in zip(data.rows.names, data.rows.features.T, strict=True)
    )
    privacy = None if epsilon is None else Privacy(epsilon, DELTA, clip=data.clip)
    common: dict[str, Any] = {"columns": columns, "label": "y", "minimum_rows": rows, "privacy": privacy}
    if privacy is None:
        return TaskSpec(**common)
    return TaskSpec(**common, step=rule, maximum_rounds=data.rounds, gradient_bound=0.99)


def split(rows: Table, seed: int) -> tuple[Table, Table]:
    order = np.random.default_rng(seed).permutation(rows.rows)
    cut = int(0.7 * rows.rows)
    parts = (order[:cut], order[cut:])
    train_rows, test_rows = (Table(rows.names, rows.features[part], rows.labels[part]) for part in parts)
    return train_rows, test_rows


def scores(z: Floats, labels: npt.NDArray[np.int64]) -> tuple[float, float]:
    return float(((z > 0) == labels).mean()), float(roc_auc_score(labels, z))


def ours(data: Data, epsilon: float | None, seed: int, rule: StepRule = DEFAULT) -> tuple[float, float]:
    """Accuracy and AUC on the rows that are held out, which nobody shortens; no better than chance without weights."""
    rows, apart = split(data.rows, seed)
    spec = spec_of(data, epsilon, rows.rows, rule)
    parts = [Table(rows.names, rows.features[k::NODES], rows.labels[k::NODES]) for k in range(NODES)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = train(parts, spec)
        except TrainingError:  # the weights leave their bound
            return 0.5, 0.5
    found = result.coefficients
    slopes = np.array([found[name] for name in rows.names])
    return scores(apart.features @ slopes + found["intercept"], apart.labels)


def local(data: Data, epsilon: float, seeds: int, python: str) -> list[tuple[float, float]]:
    """The same of diffprivlib, on the same rows of the same seeds, shortened as ours are."""
    judged = []
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{seed}.npz" for seed in range(seeds)]
        for seed, path in enumerate(paths):
            rows, apart = split(data.rows, seed)
            spec = spec_of(data, epsilon, rows.rows)
            features, labels = quantized_rows(rows, spec, name="rows")
            real = features[:, : len(spec.columns)] / spec.format.one
            np.savez(path, features=real, labels=labels, norm=spec.row_limits.norm, penalty=spec.penalty)
            judged.append((apart.scaled(spec.scaling).features, apart.labels))
        command = [python, "-c", LOCAL, str(epsilon), *map(str, paths)]
        said = subprocess.run(command, check=True, capture_output=True, text=True)
    found = (np.array(weights) for weights in json.loads(said.stdout))
    return [scores(x @ w[:-1] + w[-1], y) for w, (x, y) in zip(found, judged, strict=True)]


def summary(found: list[tuple[float, float]]) -> dict[str, float]:
    accuracy, auc = np.array(found).T
    return {
        "accuracy": float(np.median(accuracy)),
        "auc": float(np.median(auc)),
        "auc_low": float(np.quantile(auc, 0.25)),
        "auc_high": float(np.quantile(auc, 0.75)),
    }


def measured(seeds: int, python: str | None, before: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {"seeds": seeds, "delta": DELTA, "nodes": NODES, "data": {}}
    for data in data_sets():
        started = time.perf_counter()
        old = before.get("data", {}).get(data.name, {}).get("local", {})
        exact = summary([ours(data, None, seed) for seed in range(seeds)])
        noisy = {f"{e:g}": summary([ours(data, e, seed) for seed in range(seeds)]) for e in EPSILONS}
        beside = old if python is None else {f"{e:g}": summary(local(data, e, seeds, python)) for e in EPSILONS}
        document["data"][data.name] = {
            "rows": data.rows.rows,
            "columns": len(data.rows.names),
            "positives": float(data.rows.labels.mean()),
            "clip": data.clip,
            "rounds": data.rounds,
            "source": data.source,
            "without_noise": exact,
            "with_noise": noisy,
            "local": beside,
        }
        print(data.name, f"{time.perf_counter() - started:.0f} s", json.dumps(document["data"][data.name]))
    return document


def by_rule(document: dict[str, Any], seeds: int) -> dict[str, Any]:
    """AUC by rule: the one above, and rules that collect information, which need few rounds."""
    found: dict[str, Any] = {}
    for data in data_sets():
        few = replace(data, rounds=ROUNDS_WITH_INFORMATION)
        auc = {"gradient, ranges": {e: one["auc"] for e, one in document["data"][data.name]["with_noise"].items()}}
        for rule in RULES:
            medians = {f"{e:g}": summary([ours(few, e, seed, rule) for seed in range(seeds)])["auc"] for e in EPSILONS}
            auc[f"{rule.rule}, {rule.curvature}"] = medians
        found[data.name] = auc
        print(data.name, auc)
    return found


def table(document: dict[str, Any]) -> str:
    intro = INTRO.format(**{key: document[key] for key in ("seeds", "delta", "nodes")})
    lines = [
        *intro.splitlines(),
        "",
        "| data | epsilon | accuracy | AUC (quartiles) | without noise | diffprivlib |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in document["data"].items():
        what = f"{name}, {one['rows']:,} x {one['columns']}, norm {one['clip']:g}, {one['rounds']} rounds"
        for epsilon, found in one["with_noise"].items():
            beside = one["local"].get(epsilon)
            quartiles = f"{found['auc']:.3f} ({found['auc_low']:.3f} to {found['auc_high']:.3f})"
            cells = [what, epsilon, f"{found['accuracy']:.3f}", quartiles, _both(one["without_noise"])]
            cells.append("not measured" if beside is None else _both(beside))
            lines.append(f"| {' | '.join(cells)} |")
    sources = "; ".join(f"{name}: {one['source']}" for name, one in document["data"].items())
    shares = "; ".join(f"{n} {max(o['positives'], 1 - o['positives']):.3f}" for n, o in document["data"].items())
    lines += ["", f"Sources: {sources}.", f"Accuracy of the more frequent class alone: {shares}.", ""]
    said = "AUC as above; with information there are five rounds. 0.5: weights out of bounds."
    lines += ["## Rules with noise", "", said, ""]
    lines += ["| data | rule, curvature | " + " | ".join(f"epsilon {e:g}" for e in EPSILONS) + " |"]
    lines += ["|---|---|---|---|---|"]
    for name, rules in document["rules"].items():
        for rule, by_epsilon in rules.items():
            lines.append(f"| {name} | {rule} | " + " | ".join(f"{auc:.3f}" for auc in by_epsilon.values()) + " |")
    return "\n".join([*lines, ""])


def _both(found: dict[str, float]) -> str:
    return f"{found['accuracy']:.3f}, {found['auc']:.3f}"


def plot(document: dict[str, Any]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "twopm-zk"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(document["data"]), figsize=(11, 3.2), layout="constrained")
    for axis, (name, one) in zip(axes, document["data"].items(), strict=True):
        x = [float(e) for e in one["with_noise"]]
        noisy = one["with_noise"].values()
        axis.fill_between(x, [f["auc_low"] for f in noisy], [f["auc_high"] for f in noisy], alpha=0.2)
        axis.plot(x, [f["auc"] for f in noisy], "o-", label="gradient, three nodes")
        axis.plot(x, [*document["rules"][name]["newton, information"].values()], "^-", label="newton, three nodes")
        if one["local"]:
            axis.plot(x, [f["auc"] for f in one["local"].values()], "s--", label="diffprivlib, one place")
        axis.axhline(one["without_noise"]["auc"], color="black", lw=0.8, label="without noise")
        axis.set(xscale="log", xticks=x, xlabel="epsilon", ylabel="AUC", title=f"{name}, {one['rows']:,} rows")
        axis.set_xticklabels([f"{v:g}" for v in x])
        axis.minorticks_off()
    axes[0].legend(loc="lower right", fontsize=8)
    figure.savefig(PLOT, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--local", help="a Python whose environment has diffprivlib")
    parser.add_argument("--seeds", type=int, default=20)
    chosen = parser.parse_args()
    before = json.loads(JSON.read_text()) if JSON.exists() else {}
    document = measured(chosen.seeds, chosen.local, before)
    document["rules"] = by_rule(document, chosen.seeds)
    JSON.write_text(json.dumps(document, indent=1) + "\n")
    TABLE.write_text(table(document))
    plot(document)


if __name__ == "__main__":
    main()
