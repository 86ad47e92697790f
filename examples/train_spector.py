"""Three schools train on the Spector-Mazzeo data; the weights match the published table.

python examples/train_spector.py [--rule bfgs] [--prove] [--scheduler processes:2]
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from twopm_zk.proving.executors import executor_for
from twopm_zk.rows.tables import Table, load_spector
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification_file import read_spec
from twopm_zk.training.in_process import train

PUBLISHED = {"GPA": 2.826, "TUCE": 0.0952, "PSI": 2.379, "intercept": -13.021}


def split(table: Table, nodes: int) -> list[Table]:
    """Deal the rows out; any other split gives the same weights but for their last places."""
    return [Table(table.names, table.features[k::nodes], table.labels[k::nodes]) for k in range(nodes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", default="boehning-lindsay", choices=["boehning-lindsay", "bfgs", "newton"])
    parser.add_argument("--prove", action="store_true", help="prove and verify every step")
    parser.add_argument("--scheduler", help="processes:N, or the address of a dask scheduler")
    options = parser.parse_args()

    spec = replace(read_spec(Path(__file__).with_name("spector.toml")), step=StepRule(options.rule))
    for warning in spec.warnings():
        print("note:", warning)
    started = time.perf_counter()
    result = train(
        split(load_spector(), 3),
        spec,
        prove=options.prove,
        executor=executor_for(options.scheduler),
        progress=print,
    )
    print(f"\n{'':<10} {'trained':>10} {'published':>10} {'difference':>10}")
    for name, published in PUBLISHED.items():
        value = result.coefficients[name]
        print(f"{name:<10} {value:>10.5f} {published:>10} {value / published - 1:>10.3%}")
    proofs = f", {len(result.proofs)} proofs" if options.prove else ""
    print(f"\n{result.moves} rounds{proofs}, {time.perf_counter() - started:.1f} s")
    print(f"Certificate: {result.certificate}.")


if __name__ == "__main__":
    main()
