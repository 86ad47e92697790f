"""Fuzzes readers with Atheris, which is libFuzzer guided by the branches that inputs reach in our Python code.

    python fuzz.py FOLDER SECONDS READER...

Each reader begins from the files in FOLDER/READER. An input is a change of one that reached something new: half of
the changes are `mutation.mutated`, half libFuzzer's own. Prints a line of JSON for each reader: its name, how many
inputs were tried, how many branches they reached, and what went wrong, with the input in hex: an exception that is no
error of the reader's, `LONGEST` seconds for one input, or a process larger than `MEGABYTES`.
"""

import contextlib
import json
import os
import random
import re
import sys
from pathlib import Path

LONGEST, MEGABYTES = 30, 3000


def main(folder, seconds, *names):
    import atheris

    with atheris.instrument_imports(include=["twopm_zk"]):
        from soundness.inputs.readers import READERS

        readers = READERS()
        for name in names:
            if name.startswith("task."):  # what they import takes longer than they do
                readers[name].call(readers[name].seeds()[0])
    for name in names:
        output = Path(folder) / name / "output"
        child = os.fork()  # libFuzzer ends the process; what is imported and instrumented is so once for all of them
        if not child:
            fuzz(atheris, readers[name], output.parent, seconds)
        print(
            json.dumps({"name": name, **result(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), output)}), flush=True
        )


def fuzz(atheris, reader, folder, seconds):
    """Does not return."""
    from soundness.inputs.mutation import MOST, mutated

    descriptor = os.open(folder / "output", os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)

    def read(content):
        with contextlib.suppress(*reader.errors):
            reader.call(content)

    def change(content, most, seed):
        chance = random.Random(seed)
        return atheris.Mutate(content, most) if chance.random() < 0.5 else mutated(content, reader.kind, chance)[:most]

    limits = (f"-max_total_time={seconds} -seed=1 -max_len={MOST} -timeout={LONGEST} -rss_limit_mb={MEGABYTES}").split()
    options = [*limits, "-print_final_stats=1", f"-artifact_prefix={folder}/wrong-", str(folder / "corpus")]
    atheris.Setup([sys.argv[0], *options], read, custom_mutator=change)
    atheris.Fuzz()


def result(code, output):
    """What a fuzzer that has ended with ``code`` printed."""
    text = output.read_text(errors="replace")
    tried, branches = (re.findall(pattern, text) for pattern in (r"executed_units: +([0-9]+)", r"cov: ([0-9]+)"))
    wrong = [path.read_bytes()[:2000].hex() for path in output.parent.glob("wrong-*")]
    found = {"tried": int(tried[-1]) if tried else 0, "branches": int(branches[-1]) if branches else 0}
    return found | {"wrong": None if code == 0 and tried else [code, wrong, text[-3000:]]}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(*sys.argv[1:])
