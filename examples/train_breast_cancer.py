"""Three hospitals train on scikit-learn's breast-cancer data: 569 rows, 30 features, lambda = 1.

python examples/train_breast_cancer.py [--rule newton] [--prove final|all] [--scheduler processes:2]
python examples/train_breast_cancer.py --chain --curvature ranges [--table breast-cancer.md] [--held-out 119]

With --chain the hospitals and a coordinator train over a development chain with every proof, and an auditor checks it
all again: each hospital proves its batches in every round, and shares their sum under masks. Rows after the first
--rows are held out, or the last --held-out of them: at the end the hospitals prove how well the weights predict them.
With --features 8 they use the first eight features only, in a quarter as many gates.

Boehning and Lindsay's rule would need hundreds of moves here: the classes are nearly separable. Newton's rule needs
seven, BFGS about twenty. Both take information, whose proofs are large for 30 features (2^19 gates): BFGS can start
from the specification's ranges instead (--curvature ranges), which takes more moves.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from twopm_zk.demo.on_chain import ChainTraining, train_over_chain
from twopm_zk.participants.news import News
from twopm_zk.proving.executors import executor_for
from twopm_zk.rows.tables import Table
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.columns import choose_column
from twopm_zk.task.instances import BATCH_ROWS
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.in_process import train

NODES = 3
TITLE = """<!-- written by examples/train_breast_cancer.py --chain --table -->
# Breast cancer over a chain, with every proof

{rows} rows, {features} features, lambda = 1, three nodes, curvature from ranges; `{step}` and `{aggregate}`."""


def deal(table: Table) -> list[Table]:
    """The rows of each node."""
    return [Table(table.names, table.features[k::NODES], table.labels[k::NODES]) for k in range(NODES)]


def load(
    rows: int | None = None, held_out: int | None = None, features: int | None = None
) -> tuple[Table, Table, TaskSpec]:
    """The first rows, or all, to train on, the rest or the last ``held_out`` of it, and constants as published.

    Those are rounded means, deviations and ranges. With ``features`` the data have the first ones only.
    """
    data = load_breast_cancer()
    names = tuple(str(name) for name in data.feature_names[:features])
    cells, labels = data.data[:, :features], data.target.astype(np.int64)
    rows = len(labels) if rows is None else rows
    table = Table(names, cells[:rows], labels[:rows])
    first = rows if held_out is None else max(rows, len(labels) - held_out)
    apart = Table(names, cells[first:], labels[first:])
    columns = tuple(
        choose_column(
            name,
            mean=float(f"{values.mean():.2g}"),
            sd=float(f"{values.std():.2g}"),
            low=0.0,
            high=float(f"{values.max() * 1.2:.2g}"),
        )
        for name, values in zip(names, cells.T, strict=True)
    )
    minimum = min(500, table.rows)
    spec = TaskSpec(columns=columns, label="benign", penalty=1.0, minimum_rows=minimum, maximum_rounds=300)
    return table, apart, spec


def compare(table: Table, spec: TaskSpec, coefficients: Mapping[str, float]) -> None:
    """Print how far the weights are from scikit-learn's."""
    scaled = table.scaled(spec.scaling).features
    peer = LogisticRegression(C=1 / spec.penalty, tol=1e-10, max_iter=10_000).fit(scaled, table.labels)
    scales = np.array([column.scale for column in spec.columns])
    ours = np.array([coefficients[name] for name in table.names]) * scales
    print(f"Largest difference to scikit-learn's weights: {np.abs(ours - peer.coef_[0]).max():.1e}")


PROVEN = ("submitUpdate", "acceptWeights", "certify")
"""Functions of HLRContract that take a proof."""


def tell(who: str, news: News) -> None:
    """What the coordinator says of a gradient."""
    if who == "coordinator" and news.kind == "gradient":
        print(news.text, flush=True)


def table_of(done: ChainTraining) -> str:
    """What every round took."""
    lines = [
        "| round | collects | gradient per row | proofs | seconds | gas |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    record = done.record
    before = sum(one.gas for one in record.before)
    proofs, gas = 0, before
    bounds = {one.round: one.bound_per_row for one in done.findings.attempts}
    for one_round in record.rounds:
        made = sum(one.what.partition(".")[2] in PROVEN for one in one_round.transactions)
        spent = sum(one.gas for one in one_round.transactions)
        proofs, gas = proofs + made, gas + spent
        bound = bounds[one_round.number]
        cells = [f"{one_round.number}", one_round.collects, "" if bound is None else f"{bound:.2e}", f"{made}"]
        cells.append(f"{sum(one_round.seconds.values()):.1f}")
        lines.append(f"| {' | '.join(cells)} | {spent:,} |")
    lines += [
        "",
        f"{len(record.rounds)} rounds: {proofs} proofs, {done.seconds:.0f} s, {gas:,} gas ({before:,} of it before the "
        f"first round). The auditor checked {done.findings.proofs} proofs again, from the chain alone.",
    ]
    return "\n".join(lines)


def print_auc(summary: Summary, apart: Table, spec: TaskSpec, coefficients: Mapping[str, float]) -> None:
    """What is public of how well the weights predict, beside what the rows themselves say."""
    assert summary.held_out is not None
    assert summary.held_out.content is not None
    found = summary.held_out.content.histogram.auc
    print(
        f"AUC over {apart.rows} held-out rows: {found.value:.4f}, by their sums between {found.low:.4f} and "
        f"{found.high:.4f}; by the rows themselves it is {exact_auc(apart, spec, coefficients):.4f}"
    )


def exact_auc(table: Table, spec: TaskSpec, coefficients: Mapping[str, float]) -> float:
    """The area under the ROC curve by the rows themselves, which nobody but their owners can compute."""
    odds = table.features @ np.array([coefficients[name] for name in table.names]) + coefficients["intercept"]
    return float(roc_auc_score(table.labels, odds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", default="bfgs", choices=["boehning-lindsay", "bfgs", "newton"])
    parser.add_argument("--curvature", default="information", choices=["information", "ranges"])
    parser.add_argument("--prove", choices=["final", "all"], help="prove the certificate only, or every round")
    parser.add_argument("--scheduler", help="processes:N, or the address of a dask scheduler")
    parser.add_argument("--chain", action="store_true", help="train over a development chain, with every proof")
    parser.add_argument("--gradient-bound", type=float, default=2.5e-5, help="of the certificate, per row")
    parser.add_argument("--decrement-bound", type=float, default=0.01, help="standard errors from the optimum")
    parser.add_argument("--table", type=Path, help="with --chain: write the table to a file")
    parser.add_argument("--rows", type=int, help="train on the first rows only (default: all 569)")
    parser.add_argument("--held-out", type=int, help="with --rows: hold out the last rows only (default: the rest)")
    parser.add_argument("--batch", type=int, default=BATCH_ROWS, help="with --chain: rows of a proof, or more")
    parser.add_argument("--features", type=int, help="the first features only (default: all 30)")
    options = parser.parse_args()

    table, apart, spec = load(options.rows, options.held_out, options.features)
    bounds = {"gradient_bound": options.gradient_bound, "decrement_bound": options.decrement_bound}
    spec = replace(spec, step=StepRule(options.rule, curvature=options.curvature), **bounds)
    tables = deal(table)
    spec = replace(spec, statistics=Statistics(held_out=apart.rows > 0))
    if options.chain:
        spec = spec.provable(rows=options.batch)
        owners = [f"hospital {number + 1}" for number in range(NODES)]
        done = train_over_chain(spec, tables, owners=owners, held_out=deal(apart) if apart.rows else (), tell=tell)
        coefficients, text = done.findings.coefficients, table_of(done)
        assert coefficients is not None
        print(f"\n{text}\n\n{done.findings.summary}\n")
        if options.table:
            assert spec.instances is not None
            names = {"step": spec.instances.step[0], "aggregate": spec.instances.aggregate}
            title = TITLE.format(rows=table.rows, features=len(spec.columns), **names)
            options.table.write_text(f"{title}\n\n{text}\n")
        if apart.rows:
            assert done.findings.summary is not None
            print_auc(done.findings.summary, apart, spec, coefficients)
        compare(table, spec, coefficients)
        return
    started = time.perf_counter()
    result = train(
        tables,
        spec,
        held_out=deal(apart) if apart.rows else (),
        prove="final" if options.prove == "final" else options.prove == "all",
        executor=executor_for(options.scheduler),
        progress=print,
    )
    print(f"\n{result.moves} rounds, {len(result.proofs)} proofs, {time.perf_counter() - started:.1f} s")
    print(f"Certificate: {result.certificate}.")
    if apart.rows:
        print_auc(result.summary(), apart, spec, result.coefficients)
    compare(table, spec, result.coefficients)


if __name__ == "__main__":
    main()
