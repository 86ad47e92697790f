"""Fuzzes readers of the native module with libFuzzer, guided by the branches that inputs reach in Rust: native/fuzz.

A reader begins from its valid examples, from changes of them by `mutation.mutated`, and from a dictionary of the
values that `mutation` puts into them.
"""

import os
import random
import re
import subprocess
import tempfile
from pathlib import Path

from soundness.inputs import mutation
from soundness.inputs.fuzz import LONGEST, MEGABYTES, result

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "native" / "fuzz" / "build.sh"
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "native" / "target") / "fuzz" / "fuzz"
MISSING = 3
"""What the build ends with where Rust or crates are missing."""
WORD = 64
"""Bytes of the longest value in a dictionary of libFuzzer's."""
CHANGED = 200
"""How many changes of examples a reader begins from."""


def build():
    """Why the fuzzer cannot be built here, or None. A build that fails for any other reason raises."""
    finished = subprocess.run(["sh", BUILD], capture_output=True, text=True, check=False)
    if finished.returncode == MISSING:
        return finished.stderr.strip()
    assert not finished.returncode, finished.stderr[-3000:]
    return None


def names():
    """Names of the readers that the fuzzer knows."""
    return re.findall(r'\("(.+)", [a-z0-9_:]+\),', (BUILD.parent / "src" / "readers.rs").read_text())


def fuzzed(name, folder, seeds, *, files, seconds, limits=(), kind="bytes"):
    """What `fuzz.result` says after so many seconds with a reader; ``files`` has a sound one of each suffix.

    Inputs, and what was printed, are left in ``folder``.
    """
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    chance = random.Random(name)
    changed = [mutation.mutated(chance.choice(seeds), kind, chance) for _ in range(CHANGED if files else 0)]
    for number, content in enumerate([*seeds, *changed]):
        (corpus / f"{number:04}").write_bytes(content)
    (folder / "dictionary").write_text(dictionary())
    options = f"-max_total_time={seconds} -seed=1 -max_len={mutation.MOST} -timeout={LONGEST} -print_final_stats=1"
    options += f" -rss_limit_mb={MEGABYTES} -dict={folder / 'dictionary'} -artifact_prefix={folder}/wrong-"
    with tempfile.TemporaryDirectory(dir=_memory()) as beside, (folder / "output").open("wb") as output:
        for suffix, path in (files or {}).items():
            (Path(beside) / f"sound.{suffix}").write_bytes(path.read_bytes())
        environment = os.environ | {"READER": name, "FILES": beside, "RAYON_NUM_THREADS": "1"}
        command = [PROGRAM, *options.split(), *limits, corpus]
        finished = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False)
    return result(finished.returncode, folder / "output")


def _memory():
    """A folder in memory, where there is one: an input is a file, and takes as long as that takes."""
    memory = Path("/dev/shm")  # noqa: S108
    return memory if os.access(memory, os.W_OK) else None


def dictionary():
    """Values that decide, for libFuzzer to put anywhere."""
    orders = [order + more for order in (mutation.FIELD_ORDER, mutation.BASE_FIELD_ORDER) for more in (-1, 0, 1)]
    found = [order.to_bytes(32, "little") for order in orders]
    found += [word.to_bytes(8, "little") for word in mutation.WORDS]
    found += [(word & 0xFFFFFFFF).to_bytes(4, "little") for word in mutation.WORDS]
    found += [text.encode("utf-8", "surrogatepass") for text in mutation.TEXTS if text]
    entries = [re.sub("..", r"\\x\g<0>", content.hex()) for content in dict.fromkeys(found) if len(content) <= WORD]
    return "".join(f'"{entry}"\n' for entry in entries)
