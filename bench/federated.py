"""Accuracy of federated learning by its rules, and what a round costs by the number of parameters.

python bench/federated.py [--seeds 3]

Digits of scikit-learn in ten parts, dealt at random or by digit (two slices of the sorted images for each node), the
network of examples/digits.py; 540 images that no node has are judged. Beside it: one node that has everything, the
mean of nodes alone, and FedAvg in doubles. Writes bench/results/federated.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from twopm_zk.federated import (
    AggregationRule,
    FederatedSpec,
    MaskedUpdate,
    federate,
    first_result,
    masked_size,
    next_result,
)
from twopm_zk.federated.masks import masked_words
from twopm_zk.numbers.discrete_gaussian import sample
from twopm_zk.privacy.terms import Privacy

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "bench" / "results" / "federated.md"
NODES, ROUNDS, SHOWN, JUDGED = 10, 30, (1, 5, 10, 20, 30), 540
SIZES = (2410, 100_000, 1_000_000, 10_000_000)
SPEC = FederatedSpec(
    title="Digits",
    shapes=((64, 32), (32,), (32, 10), (10,)),
    clip=2.0,
    fit={"epochs": 3, "batch": 16, "rate": 0.1},
    maximum_rounds=ROUNDS,
    locations=("memory://updates",),
)
RULES = {
    "FedAvg": AggregationRule(),
    "FedProx, `proximal` = 0.1": AggregationRule(proximal=0.1),
    "FedProx, `proximal` = 1": AggregationRule(proximal=1.0),
    "FedAvg, `momentum` = 0.75": AggregationRule(momentum=0.75),
    "FedAvg, `momentum` = 0.875": AggregationRule(momentum=0.875),
    "`momentum` = 0.75, `server_rate` = 0.5": AggregationRule(server_rate=0.5, momentum=0.75),
}
NOISY = "FedAvg with noise, `epsilon` = 10 (one division)"
INTRO = """<!-- written by bench/federated.py -->
# Federated learning

## Accuracy

Means over {seeds} divisions of scikit-learn's digits into {nodes} nodes of 125 or 126 images, a fifth of which each
holds out, and {judged} to judge by; the network of `examples/digits.py` (2,410 parameters), {epochs} epochs a round,
`clip` = 2. In per cent of the images that are judged, after so many rounds."""


def example():
    found = importlib.util.spec_from_file_location("digits", ROOT / "examples" / "digits.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


EXAMPLE, DATA = example(), load_digits()


def divided(seed, by_digit):
    """Rows to judge by, and those of each node."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(DATA.target))
    judged, rest = order[:JUDGED], order[JUDGED:]
    if not by_digit:
        return judged, np.array_split(rest, NODES)
    slices = np.array_split(rest[np.argsort(DATA.target[rest], kind="stable")], 2 * NODES)
    dealt = random.permutation(2 * NODES)
    return judged, [
        random.permutation(np.concatenate([slices[one], slices[other]]))
        for one, other in zip(dealt[::2], dealt[1::2], strict=True)
    ]


def model_of(rows, folder):
    path = Path(folder) / "part.npz"
    np.savez(path, x=DATA.data[rows], y=DATA.target[rows])
    return EXAMPLE.Digits(path)


def accuracy(parameters, judged):
    return 100 * float((EXAMPLE.predict(parameters, DATA.data[judged] / 16) == DATA.target[judged]).mean())


def in_doubles(models, judged):
    """FedAvg without integers and without a clip."""
    parameters, found = models[0].parameters(), []
    for number in range(1, ROUNDS + 1):
        config = {**SPEC.fit, "round": number}
        made = [model.fit([array.copy() for array in parameters], config) for model in models]
        total = sum(examples for _, examples, _ in made)
        columns = zip(*(arrays for arrays, _, _ in made), strict=True)
        weights = [examples / total for _, examples, _ in made]
        parameters = [sum(w * array for w, array in zip(weights, column, strict=True)) for column in columns]
        found.append(accuracy(parameters, judged))
    return found


def by_rule(spec, models, judged):
    return [accuracy(result.arrays(spec), judged) for result in federate(spec, models) if not result.is_first]


def alone(model, judged):
    parameters, found = model.parameters(), []
    for number in range(1, ROUNDS + 1):
        parameters, _, _ = model.fit(parameters, {**SPEC.fit, "round": number})
        found.append(accuracy(parameters, judged))
    return found


def measured(seed, by_digit, folder):
    judged, parts = divided(seed, by_digit)
    models = [model_of(rows, folder) for rows in parts]
    found = {name: by_rule(replace(SPEC, rule=rule), models, judged) for name, rule in RULES.items()}
    if seed == 0:  # nothing is learnt, and drawing takes longer than all others together
        private = replace(SPEC, weighting="equal", privacy=Privacy(10.0, 1e-5, "node"))
        found[NOISY] = by_rule(private, models, judged)
    found["FedAvg in doubles"] = in_doubles(models, judged)
    found["each node alone, mean"] = list(np.mean([alone(model, judged) for model in models], axis=0))
    found["all images at one node"] = alone(model_of(np.concatenate(parts), folder), judged)
    return found


def table(title, found):
    lines = [f"\n### {title}\n", "| | " + " | ".join(map(str, SHOWN)) + " |", "|---|" + "---:|" * len(SHOWN)]
    for name in found[0]:
        means = np.mean([one[name] for one in found if name in one], axis=0)
        lines.append(f"| {name} | " + " | ".join(f"{means[number - 1]:.1f}" for number in SHOWN) + " |")
    return lines


def seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def cost(size):
    """Of a round of ten nodes with a model of so many parameters, in seconds of one core."""
    spec = replace(SPEC, shapes=((size,),))
    random = np.random.default_rng(0)
    rows = [np.append(random.integers(-99, 99, size), 1).view(np.uint64) for _ in range(2)]
    first = first_result(spec, [np.zeros(size)])
    shared = [MaskedUpdate(spec.layout, rows[index % 2]) for index in range(NODES)]
    one = seconds(lambda: masked_words("0x01", rows[0], {"0x02": bytes(32)}))
    noise = seconds(lambda: sample(1 << 34, 3000)) / 3000 * size
    encode = seconds(lambda: shared[0].hash)
    result = seconds(lambda: next_result(spec, first, shared).hash)
    return size, masked_size(spec), one, encode, result, noise


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    lines = [INTRO.format(seeds=seeds, nodes=NODES, judged=JUDGED, epochs=SPEC.fit["epochs"])]
    with tempfile.TemporaryDirectory() as folder:
        for title, by_digit in (("Images dealt at random", False), ("Images dealt by digit", True)):
            found = [measured(seed, by_digit, folder) for seed in range(seeds)]
            lines += table(title, found)
    lines += [
        "\n## What a round costs\n",
        "In seconds of one core: masks are for each node that one has masks with, a result is that of ten nodes, and\n"
        "noise is drawn only where there is `privacy` (estimated from 3,000 draws).\n",
        "| parameters | stored by a node, MB | mask with one node | encode and hash | result | noise |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for size in SIZES:
        parameters, stored, *times = cost(size)
        shown = " | ".join(f"{float(f'{value:.2g}'):g}" for value in times)
        lines.append(f"| {parameters:,} | {stored / 1e6:.3g} | {shown} |")
    TABLE.write_text("\n".join(lines) + "\n")
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
