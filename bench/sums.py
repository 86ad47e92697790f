"""The protocol of sums beside the version before it: gates, gas, limits, and with --times seconds.

Run: git worktree add --detach PATH a6d4419
     python bench/sums.py --before PATH [--times] [--proofs 15] [--demos 3]

Writes bench/results/sums.md. Everything that both versions have is measured in both by the same code, in turn, each in
processes of its own. Times need a quiet machine; without --times they are left out of the page.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from pipeline import cpu_model, step_inputs

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results" / "sums.md"
GATES = 1 << 15
NOTES = """Gas as receipts say: three nodes of 11, 11 and 10 rows, `examples/one_round.py` of each version. Gas of
`submitUpdate` does not depend on the size of the instance: gas a row is its largest value in later rounds over the
rows of the largest instance. The node that is ready last pays for the start of sharing; the first share of a task pays
for new storage, the last one of a round for its end. `proceed` costs more the more sums it opens; here 10. Two rows are
not measured but follow from the protocol, and have tests:

* what a coordinator sees: `test_the_attack_on_exact_openings_gives_nothing_back_from_all_that_is_seen`,
  tests/participants/test_privacy.py
* silence: `test_a_node_that_is_silent_before_it_is_ready_falls_out_and_nobody_proves_again`,
  tests/participants/test_faults.py"""


# In a process of either version


def sizes(step: str, aggregate: str) -> dict[str, int]:
    """Gates, rows and limits."""
    from twopm_zk import compile_circuit, find_instance, instances
    from twopm_zk.statements.rounds import MAX_UPDATES

    instance = find_instance(step)
    same = {name: value for name, value in instance.parameters.items() if name != "ROWS"}
    rows = instance.parameters["ROWS"]
    while compile_circuit(replace(instance, parameters=instance.parameters | {"ROWS": rows + 1})).gates <= GATES:
        rows += 1
    others = (one.parameters for one in instances().values() if one.template == instance.template)
    return {
        "rows": rows,
        "largest": max(one["ROWS"] for one in others if same.items() <= one.items()),
        "aggregate": compile_circuit(find_instance(aggregate)).gates,
        "updates": MAX_UPDATES,
    }


def gas(examples: str) -> dict[str, int]:
    """Of the transactions of examples/one_round.py, by name."""
    sys.path.append(examples)
    import one_round as example

    from twopm_zk.chain import Chain, DevelopmentNode

    with DevelopmentNode() as node:
        network, keys = example.deploy(Chain(node.url, private_key=node.private_keys[0]))
        story = example.Story(network, keys, node.private_keys[1:6])
        story.prepare()
        story.open()
        story.collect("first round")
        story.accept()
        story.collect("later round")
        story.certify()
    return {name: receipt.gas_used for name, receipt in story.receipts.items()}


def proceed() -> int:
    """Gas of opening a round's information; nothing is proven of it, so that the proofs before may be anything."""
    sys.path.append(str(ROOT / "tests"))
    from support.people_stage import Stage
    from support.people_world import SPEC, Party, World

    from twopm_zk.chain import DevelopmentNode
    from twopm_zk.chain.tasks import Phase
    from twopm_zk.task.parts.step_rule import StepRule

    with DevelopmentNode() as node, tempfile.TemporaryDirectory() as folder:
        party = Party(World(node), Path(folder), spec=replace(SPEC, step=StepRule("bfgs")))
        stage = Stage(party).begin()
        stage.until(Phase.COLLECTING, when=lambda state: state.round == 1)
        sent = next(news for news in party.news["coordinator"] if news.kind == "submitted")
        stage.close()
    assert sent.values["name"] == "proceed"
    return int(sent.values["gas"])


def prove(step: str) -> None:
    """A proof and its seconds for each line of input, with the key loaded."""
    from twopm_zk import calculate_witness, compile_circuit, find_instance, setup
    from twopm_zk.plonk.backends import get_backend

    instance = find_instance(step)
    circuit, backend = compile_circuit(instance), get_backend("native")
    keys = setup(circuit)
    key = keys.proving_key if hasattr(keys, "proving_key") else keys.zkey  # versions before compact keys
    with tempfile.TemporaryDirectory() as folder:
        witness = Path(folder) / "step.wtns"
        calculate_witness(circuit, step_inputs(instance)).write(witness)
        backend.prove(key, witness)
        for _ in sys.stdin:
            started = time.perf_counter()
            backend.prove(key, witness)
            print(time.perf_counter() - started, flush=True)


# From outside


@dataclass(frozen=True)
class Version:
    """A checkout, and its instances for 3 features and 2^15 gates."""

    path: Path
    step: str
    aggregate: str

    @property
    def environment(self) -> dict[str, str]:
        """Its own package, the npm packages of this checkout."""
        modules = {"TWOPM_ZK_NODE_MODULES": str(ROOT / "node_modules")}
        return {**os.environ, **modules, "PYTHONPATH": str(self.path)}

    def command(self, work: Callable[..., Any], *arguments: str) -> list[str]:
        return [sys.executable, str(Path(__file__).resolve()), "--work", work.__name__, *arguments]

    def ask(self, work: Callable[..., Any], *arguments: str) -> Any:
        """What one of the functions above returns in this version."""
        done = subprocess.run(
            self.command(work, *arguments), env=self.environment, stdout=subprocess.PIPE, text=True, check=True
        )
        return json.loads(done.stdout.splitlines()[-1])

    def demo(self, out: str) -> float:
        """Seconds of the demonstration."""
        started = time.perf_counter()
        command = [sys.executable, str(self.path / "cli.py"), "demo", "--json", "--out", out]
        subprocess.run(command, env=self.environment, cwd=self.path, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started


def checked_out(path: Path) -> Version:
    """The version before; it needs the native module, whose sources are the same."""
    if not list((path / "twopm_zk").glob("_native*.so")):
        for built in (ROOT / "twopm_zk").glob("_native*.so"):
            shutil.copy(built, path / "twopm_zk")
    return Version(path.resolve(), "step-128x3", "aggregate-16x3")


def figures(before: Version, now: Version) -> list[str]:
    """The rows of what needs no quiet machine."""
    versions = before, now
    found = [one.ask(sizes, one.step, one.aggregate) for one in versions]
    spent = [one.ask(gas, str(one.path / "examples")) for one in versions]
    opened = now.ask(proceed)

    def size(name: str) -> list[str]:
        return [f"{one[name]:,}" for one in found]

    def gas_of(name: str) -> list[list[int]]:
        return [[value for key, value in one.items() if key.startswith(name)] for one in spent]

    def shown(name: str) -> list[str]:
        return [span(values) for values in gas_of(name)]

    later = gas_of("submitUpdate, later")
    per_row = [f"{max(values) / one['largest']:,.0f}" for values, one in zip(later, found, strict=True)]
    largest = " and ".join(size("largest"))
    rows = [
        ["what a coordinator learns", "every update", "the sum, see below", "the sum"],
        ["rows of 3 features in 2^15 gates", *size("rows"), "at least 112"],
        ["gates of `aggregate` for 3 features", *size("aggregate"), "at most 16,384"],
        ["updates that it can open", "16, more by folding", "any number", "any number"],
        ["`submitUpdate`, first round, gas", *shown("submitUpdate, first"), ""],
        ["`submitUpdate`, later rounds, gas", *shown("submitUpdate, later"), "at most 400,000"],
        [f"gas a row, largest instance ({largest} rows)", *per_row, "at most 450"],
        ["`ready`, first round, gas", *shown("ready, first"), ""],
        ["`ready`, later rounds, gas", *shown("ready, later"), "at most 60,000"],
        ["`share`, first round, gas", *shown("share, first"), ""],
        ["`share`, later rounds, gas", *shown("share, later"), "at most 90,000"],
        ["`acceptWeights`, first move, gas", *shown("acceptWeights"), ""],
        ["`certify`, gas", *shown("certify"), ""],
        ["`proceed`, gas", "–", f"{opened:,}", ""],
        ["updates in a round", *size("updates"), "2^20 = 1,048,576"],
        [
            "proofs that others repeat for a node that is silent before it is ready",
            "all of theirs",
            "0, see below",
            "0",
        ],
    ]
    return [line(row) for row in rows]


def times(before: Version, now: Version, proofs: int, demos: int) -> list[str]:
    """The rows of what does."""
    versions = before, now
    with ExitStack() as stack:
        provers = [
            stack.enter_context(
                subprocess.Popen(
                    one.command(prove, one.step),
                    env=one.environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for one in versions
        ]
        proven = [[prove_once(prover) for prover in provers] for _ in range(proofs)]
    with tempfile.TemporaryDirectory() as out:
        for one in versions:
            one.demo(out)  # makes what is missing
        shows = [[one.demo(out) for one in versions] for _ in range(demos)]
    proof, demo = ([median(values) for values in zip(*rounds, strict=True)] for rounds in (proven, shows))
    return [
        line([f"proof of `{before.step}` and `{now.step}`", *(f"{value:.3f} s" for value in proof), ""]),
        line(["`twopm-zk demo`, warm", *(f"{value:.1f} s" for value in demo), "no slower"]),
    ]


def prove_once(prover: subprocess.Popen[str]) -> float:
    assert prover.stdin is not None
    assert prover.stdout is not None
    prover.stdin.write("\n")
    prover.stdin.flush()
    return float(prover.stdout.readline())


def span(values: Sequence[int]) -> str:
    """From the smallest to the largest."""
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of the version before, a6d4419")
    parser.add_argument("--times", action="store_true", help="measure seconds too; needs a quiet machine")
    parser.add_argument("--proofs", type=int, default=15, help="of which the median counts")
    parser.add_argument("--demos", type=int, default=3, help="likewise")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the page goes")
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        name, *arguments = options.work
        found = {one.__name__: one for one in (sizes, gas, proceed, prove)}[name](*arguments)
        if found is not None:
            print(json.dumps(found))
        return
    if options.before is None:
        parser.error("--before is needed")
    before, now = checked_out(options.before), Version(ROOT, "step-119x3", "aggregate-3")
    lines = [line(["figure", "before", "now", "target"]), "|---|---:|---:|---|", *figures(before, now)]
    if options.times:
        load = os.getloadavg()[0]
        lines += times(before, now, options.proofs, options.demos)
        lines += [
            "",
            f"Times on {os.cpu_count()} cores ({cpu_model()}), Python {platform.python_version()}, in turn; load",
        ]
        lines += [f"before: {load:.1f} (0 is idle). Proofs by the native prover with its key loaded, the median of"]
        lines += [
            f"{options.proofs}; the demonstration after one that makes what is missing, the median of {options.demos}."
        ]
    lines += ["", NOTES]
    page = "\n".join(["<!-- written by bench/sums.py -->", "# Sums beside the version before", "", *lines]) + "\n"
    options.out.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
