"""Three owners train one adapter together: how much likelier it makes conversations that none of them trained on.

Run: python bench/adapter.py [--rounds N] [--hidden FILE] [--out bench/results/adapter.md]

Owners are packages (bench/docstrings.py): what does a function do, and the first sentence of its docstring. Every
fifth conversation is held out. Rounds go through `federated.in_process`, in the same integers as over a chain.
``--hidden`` keeps hidden states in a file, which take most of the time and are the same on every machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from docstrings import PACKAGES, conversations

from twopm_zk.conversation.adapter import Adapter
from twopm_zk.conversation.arithmetic import Activations
from twopm_zk.conversation.model import ConversationModel
from twopm_zk.conversation.training import RANK, AdapterModel, Examples, examples_of
from twopm_zk.federated import FederatedSpec, RoundResult, federate

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results" / "adapter.md"
COUNT, EVERY, RATE, CLIP = 80, 5, 1e-3, 4.0
ASKED = "scipy.fligner"


def owners(model: ConversationModel, path: Path | None) -> list[AdapterModel]:
    """A model of each package, from hidden states in a file where it is there."""
    known: dict[str, Any] = dict(np.load(path)) if path is not None and path.exists() else {}
    for package in PACKAGES:
        if package + "h" not in known:
            said = conversations(package, COUNT)
            found = examples_of(model, said)
            lengths = [len(model.vocabulary.answer(one[1]["content"])) for one in said]
            known |= {package + "h": found.hidden, package + "t": found.tokens, package + "l": lengths}
    if path is not None:
        np.savez(path, **known)
    output, made = model.network.output_weights(), []
    for package in PACKAGES:
        hidden, tokens, lengths = (known[package + part] for part in "htl")
        held = (np.repeat(np.arange(COUNT), lengths) + 1) % EVERY == 0
        made.append(AdapterModel(output, Examples(hidden[~held], tokens[~held]), Examples(hidden[held], tokens[held])))
    return made


def specification(model: AdapterModel, rounds: int) -> FederatedSpec:
    return FederatedSpec(
        title="an adapter of docstrings",
        shapes=tuple(array.shape for array in model.parameters()),
        clip=CLIP,
        frac_bits=20,
        fit={"epochs": 1, "learning_rate": RATE},
        maximum_rounds=rounds,
        locations=("memory://adapter",),
    )


def alone(model: AdapterModel, rounds: int) -> list[Any]:
    """As many epochs of one owner by itself."""
    parameters = model.parameters()
    for number in range(rounds):
        parameters, _, _ = model.fit(parameters, {"epochs": 1, "learning_rate": RATE, "round": number})
    return parameters


def exact_loss(model: ConversationModel, adapter: Adapter, examples: Examples) -> float:
    """The mean loss that the integers of an answer have, of hidden states that are integers times powers of two."""
    top = np.abs(examples.hidden).max(1, keepdims=True)
    exponents = np.frexp(top)[1].astype(np.int64) - 19
    states = adapter.apply(Activations(np.rint(np.ldexp(examples.hidden.astype(float), -exponents)), exponents))
    lost = 0.0
    for start in range(0, len(examples), 64):
        sums, frac_bits = model.network.logits(states[start : start + 64])
        logits = sums * 2.0 ** -frac_bits[:, None].astype(float)
        of_tokens = logits[np.arange(len(logits)), examples.tokens[start : start + 64]]
        top = logits.max(1)
        lost += float((np.log(np.exp(logits - top[:, None]).sum(1)) + top - of_tokens).sum())
    return lost / len(examples)


def answer(model: ConversationModel) -> str:
    """A verified answer of a function that is in nobody's training set."""
    reply = model.chat([{"role": "user", "content": f"What does {ASKED} do?"}], seed=bytes(32), max_tokens=32)
    text = "".join(reply)
    assert model.verify(reply.transcript), "an answer was not verified"
    return text.replace("\n", " ").replace("|", "/")


def page(rounds: int, path: Path | None) -> str:
    load, began = os.getloadavg()[0], time.process_time()
    model = ConversationModel.load()
    models = owners(model, path)
    spec = specification(models[0], rounds)
    results: list[RoundResult] = list(federate(spec, models))
    together = results[-1].arrays(spec)
    own = [alone(one, rounds) for one in models]
    lines = [
        "<!-- written by bench/adapter.py -->",
        "# An adapter that three owners trained together",
        "",
        "Mean loss of held-out tokens in nats, and the share of them that is the likeliest.",
        "",
        "| held out by | tokens | the model as it is | own adapter | the others' adapters | together |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for place, (package, owner) in enumerate(zip(PACKAGES, models, strict=True)):
        losses = [owner.evaluate(parameters, {}) for parameters in (models[0].parameters(), own[place], together)]
        others = [owner.evaluate(parameters, {})[0] for number, parameters in enumerate(own) if number != place]
        cells = [f"{loss:.3f} ({metrics['accuracy']:.1%})" for loss, _, metrics in losses]
        lines.append(f"| {package} | {losses[0][1]} | {cells[0]} | {cells[1]} | {np.mean(others):.3f} | {cells[2]} |")
    adapter = Adapter.from_parameters(
        results[-1].parameters, width=model.network.shape.width, digest=results[-1].hash.hex()
    )
    exact = exact_loss(model, adapter, models[0]._held_out)
    lines += [
        "",
        f"In the integers that answers are made of, the last number of {PACKAGES[0]} is {exact:.4f} (in float32",
        f"{models[0].evaluate(together, {})[0]:.4f}).",
        "",
        f'To "What does {ASKED} do?", which nobody trained on, the model says (32 tokens, verified):',
        "",
        f"* as it is: {answer(model)}",
        f"* with the adapter: {answer(model.with_adapter(adapter))}",
        "",
        f"Rank {RANK}, {spec.parameters:,} parameters, {rounds} rounds of one epoch over",
        f"{COUNT * (EVERY - 1) // EVERY} conversations of each owner, Adam at {RATE:g}, changes clipped to a norm",
        f"of {CLIP:g} and rounded to 2^-{spec.frac_bits}. An owner's own adapter has as many epochs.",
        f"{time.process_time() - began:.0f} s of CPU on {os.cpu_count()} cores that other programs shared (load before",
        f"{load:.1f}), Python {platform.python_version()}, numpy {np.__version__}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hidden", type=Path, help="a .npz in which hidden states are kept for the next run")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the page goes")
    options = parser.parse_args()
    written = page(options.rounds, options.hidden)
    options.out.write_text(written)
    print(written)


if __name__ == "__main__":
    main()
