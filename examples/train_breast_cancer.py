"""Three hospitals train on scikit-learn's breast-cancer data: 569 rows, 30 features, lambda = 1.

python examples/train_breast_cancer.py [--rule bfgs] [--prove final|all] [--scheduler processes:2]

Boehning and Lindsay's rule would need hundreds of rounds here: the classes are nearly separable. Newton's rule needs
seven, and shows the coordinator each hospital's Hessian; BFGS shows it nothing more and needs about twenty.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from twopm_zk.datasets import Table
from twopm_zk.federated import StepRule, TaskSpec, choose_column, executor_for, train

NODES = 3


def load() -> tuple[Table, TaskSpec]:
    """The data, and constants as one would find them in a publication: rounded means, deviations and ranges."""
    data = load_breast_cancer()
    names = tuple(str(name) for name in data.feature_names)
    table = Table(names, data.data, data.target.astype(np.int64))
    columns = tuple(
        choose_column(
            name,
            mean=float(f"{values.mean():.2g}"),
            sd=float(f"{values.std():.2g}"),
            low=0.0,
            high=float(f"{values.max() * 1.2:.2g}"),
        )
        for name, values in zip(names, data.data.T, strict=True)
    )
    return table, TaskSpec(columns=columns, label="benign", penalty=1.0, minimum_rows=500, maximum_rounds=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", default="newton", choices=["boehning-lindsay", "bfgs", "newton"])
    parser.add_argument("--prove", choices=["final", "all"], help="prove the certificate only, or every round")
    parser.add_argument("--scheduler", help="processes:N, or the address of a dask scheduler")
    options = parser.parse_args()

    table, spec = load()
    spec = replace(spec, step=StepRule(options.rule))
    started = time.perf_counter()
    result = train(
        [Table(table.names, table.features[k::NODES], table.labels[k::NODES]) for k in range(NODES)],
        spec,
        prove="final" if options.prove == "final" else options.prove == "all",
        executor=executor_for(options.scheduler),
        progress=print,
    )
    print(f"\n{result.moves} rounds, {len(result.proofs)} proofs, {time.perf_counter() - started:.1f} s")
    print(f"Certificate: {result.certificate}.")

    scaled = table.scaled(spec.scaling).features
    peer = LogisticRegression(C=1 / spec.penalty, tol=1e-10, max_iter=10_000).fit(scaled, table.labels)
    scales = np.array([column.scale for column in spec.columns])
    ours = np.array([result.coefficients[name] for name in table.names]) * scales
    print(f"Largest difference to scikit-learn's weights: {np.abs(ours - peer.coef_[0]).max():.1e}")


if __name__ == "__main__":
    main()
