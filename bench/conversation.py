"""What exactness costs a language model: tokens a second and memory beside float32, and how far the two agree.

Run: python bench/conversation.py [--rounds N] [--out bench/results/conversation.md]

Both models read the same file and take turns in one process, so that other work on the machine slows both; the best of
several rounds counts. Text is the descriptions of data sets that scikit-learn brings.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from twopm_zk.conversation.gguf_file import open_gguf
from twopm_zk.conversation.model import CONTEXT, ConversationModel, installed_file
from twopm_zk.conversation.network import read_shape

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))
RESULTS = ROOT / "bench" / "results" / "conversation.md"
PROMPT, ANSWER = 256, 16
POSITIONS, SAME = 1024, 2000
TEXTS = "breast_cancer", "california_housing", "covtype", "digits", "iris", "kddcup99", "wine_data"
KERNELS = ({"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "2"}, {"OPENBLAS_CORETYPE": "Haswell"})


def tokens(model: ConversationModel, count: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The first tokens of English that comes with a package, which is not imported: that would take memory."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.submodule_search_locations is not None
    folder = Path(package.submodule_search_locations[0]) / "datasets" / "descr"
    text = "\n".join((folder / f"{name}.rst").read_text() for name in TEXTS)
    found = np.array(model.vocabulary.encode(text)[:count], np.intp)
    assert len(found) == count
    return found


def reference() -> Any:
    from support.float_model import FloatModel

    file = open_gguf(installed_file())
    return FloatModel(file, read_shape(file), CONTEXT)


def speed(rounds: int, threads: int) -> list[float]:
    """Seconds for a prompt and an answer, exact and in float32, and then seconds of CPU: the best of all rounds."""
    model, rough = ConversationModel.load(threads=threads), reference()
    prompt = tokens(model, PROMPT)
    best = [float("inf")] * 8

    def timed(place: int, run: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        best[place] = min(best[place], time.perf_counter() - wall)
        best[place + 4] = min(best[place + 4], time.process_time() - cpu)

    def one_round() -> None:
        cache = model.network.new_cache()
        rough.forget()
        singles = [prompt[i : i + 1] for i in range(ANSWER)]
        timed(0, lambda: model.network.advance(prompt, cache))
        timed(1, lambda: rough.advance(prompt))
        timed(2, lambda: [model.network.logits(model.network.advance(token, cache)) for token in singles])
        timed(3, lambda: [rough.logits(rough.advance(token)) for token in singles])

    for _ in range(rounds):
        one_round()
    return best


def agreement() -> list[float]:
    """Next tokens that agree, perplexity exact and in float32, and the largest difference of a logit."""
    model, rough = ConversationModel.load(), reference()
    text = tokens(model, POSITIONS + 1)
    hidden, floats = model.network.advance(text[:-1], model.network.new_cache()), rough.advance(text[:-1])
    equal, largest, losses = 0, 0.0, np.zeros(2)
    for start in range(0, POSITIONS, 64):
        part = slice(start, start + 64)
        sums, frac_bits = model.network.logits(hidden[part])
        both = sums * 2.0 ** -frac_bits[:, None].astype(float), rough.logits(floats[part]).astype(float)
        equal += int((both[0].argmax(1) == both[1].argmax(1)).sum())
        largest = max(largest, float(np.abs(both[0] - both[1]).max()))
        for place, logits in enumerate(both):
            top = logits.max(1)
            of_next = logits[np.arange(len(logits)), text[1:][part]]
            losses[place] += (np.log(np.exp(logits - top[:, None]).sum(1)) + top - of_next).sum()
    return [equal, *np.exp(losses / POSITIONS), largest]


def memory(kind: str) -> list[float]:
    """The most memory of a process in MB: after loading, after PROMPT tokens and one more, with a full context."""
    model: Any = ConversationModel.load() if kind == "exact" else reference()
    found = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]
    for size in (PROMPT, CONTEXT - 1):
        given, last = np.arange(size), np.arange(1)
        if kind == "exact":
            model.vocabulary.encode("with the tokenizer")
            cache = model.network.new_cache()
            model.network.advance(given, cache)
            model.network.logits(model.network.advance(last, cache))
        else:
            model.forget()
            model.advance(given)
            model.logits(model.advance(last))
        found.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return found


def same(threads: int) -> list[str]:
    """A digest of all logits after SAME positions."""
    model = ConversationModel.load(threads=threads)
    hidden = model.network.advance(tokens(model, SAME), model.network.new_cache())
    total = hashlib.sha256()
    for start in range(0, SAME, 64):
        for part in model.network.logits(hidden[start : start + 64]):
            total.update(part.tobytes())
    return [total.hexdigest()]


def apart(*words: str, **environment: str) -> list[str]:
    """What this script measures in a process of its own."""
    command = [sys.executable, __file__, "--work", *words]
    finished = subprocess.run(command, env=os.environ | environment, check=True, stdout=subprocess.PIPE, text=True)
    return finished.stdout.split()


def speed_rows(rounds: int, threads: int) -> list[str]:
    measured = list(map(float, apart("speed", str(rounds), str(threads), OPENBLAS_NUM_THREADS=str(threads))))
    rows = []
    for place, name, size in ((0, "prompt", PROMPT), (2, "answer", ANSWER)):
        (wall, float_wall), (cpu, float_cpu) = measured[place : place + 2], measured[place + 4 : place + 6]
        of = f"{name}, {threads} thread{'s' * (threads > 1)}"
        target = "at least 0.45"
        rows.append(row(f"tokens a second, {of}", f"{size / wall:.1f}", f"{size / float_wall:.1f}", wall, float_wall))
        rows[-1] += f" {target} |"
        if threads == 1:
            rows.append(
                row(f"tokens a second of CPU, {of}", f"{size / cpu:.1f}", f"{size / float_cpu:.1f}", cpu, float_cpu)
            )
            rows[-1] += " |"
    return rows


def row(name: str, exact: str, rough: str, cost: float, rough_cost: float) -> str:
    return f"| {name} | {exact} | {rough} | {rough_cost / cost:.2f} |"


def page(rounds: int) -> str:
    load = os.getloadavg()[0]
    speeds = [*speed_rows(rounds, 1), *speed_rows(rounds, 2)]
    exact, rough = ([float(word) for word in apart("memory", kind)] for kind in ("exact", "float32"))
    equal, perplexity, float_perplexity, largest = map(float, apart("agreement"))
    digests = {apart("same", str(threads), **kernel)[0] for threads, kernel in zip((1, 2, 2), KERNELS, strict=True)}
    when = ("after loading", f"after {PROMPT} tokens", f"with a full context, {CONTEXT:,} tokens")
    lines = [
        "<!-- written by bench/conversation.py -->",
        "# Exact integers beside float32",
        "",
        "| figure | exact | float32 | exact / float32 | target |",
        "|---|---:|---:|---:|---|",
        *speeds,
        *(
            f"| most memory, {name} | {mine:.0f} MB | {theirs:.0f} MB | {mine / theirs:.2f} | at most 600 MB |"
            for name, mine, theirs in zip(when, exact, rough, strict=True)
        ),
        f"| next tokens that agree | {equal:,.0f} of {POSITIONS:,} | | {equal / POSITIONS:.2%} | at least 99.9% |",
        f"| perplexity | {perplexity:.5f} | {float_perplexity:.5f} | {perplexity / float_perplexity:.6f} "
        "| within 0.1% |",
        f"| largest difference of a logit | {largest:.4f} | | | |",
        f"| different results at {SAME:,} positions: 1 thread, 2 threads, another kernel of BLAS | {len(digests) - 1} "
        "| | | 0 |",
        "",
        f"SmolLM2-135M-Instruct, Q4_1, {os.cpu_count()} cores that other programs shared (load before {load:.1f},",
        f"after {os.getloadavg()[0]:.1f}; 0 is idle), Python {platform.python_version()}, numpy {np.__version__}.",
        f"Speed: a prompt of {PROMPT} tokens, then {ANSWER} tokens one at a time, the models in turn in one process,",
        f"the best of {rounds} rounds. Threads are those of BLAS and of the exact model itself. Seconds of CPU leave",
        "out what other programs had, so that they say more on a busy machine. The float32 model is",
        "`tests/support/float_model.py`: products by BLAS, all heads at once, keys and values kept in place.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="of which the best counts")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the page goes")
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        name, *arguments = options.work
        if name == "memory":
            print(*memory(*arguments))
        else:
            print(*{"speed": speed, "agreement": agreement, "same": same}[name](*map(int, arguments)))
        return
    written = page(options.rounds)
    options.out.write_text(written)
    print(written)


if __name__ == "__main__":
    main()
