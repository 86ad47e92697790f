"""Whatever bytes a reader is given, it answers or raises its own error: no crash, no endless work, nothing else."""

import importlib.metadata
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from soundness.inputs import readers
from soundness.inputs.mutation import mutated

from twopm_zk.plonk.backends import find_backend

BESIDE = Path(sys.prefix) / "fuzzer"
NAMES = tuple(sorted(readers.READERS()))
SLOW = {"task.specification_file:read_spec", "task.specification_file:parse_spec"}
"""Readers that take more than a hundredth of a second for a valid input."""


def native_is_missing():
    return find_backend("native")[1]


@pytest.mark.slow
def test_every_reader_of_the_package_is_in_the_register():
    known = set(readers.READERS()) | set(readers.READ_ELSEWHERE)
    assert readers.found() <= known
    assert readers.native() <= known
    assert set(readers.READ_ELSEWHERE) <= readers.found(), "what is no reader any more"
    assert not set(readers.READERS()) & set(readers.READ_ELSEWHERE)


@pytest.mark.slow
def test_a_reader_that_is_new_would_be_noticed():
    assert {"system.parsing:parse_json", "plonk.proof:Proof.from_json", "rows.csv_file:read_csv"} <= readers.found()


@pytest.mark.parametrize("name", NAMES)
def test_examples_and_changes_of_them_are_read_or_refused_with_an_error_that_was_meant(name, amount, tally):
    reader, chance = readers.READERS()[name], random.Random(name)
    if (reason := native_is_missing()) and ("_native" in name or name in NATIVE_EXAMPLES):
        pytest.skip(reason)
    seeds = reader.seeds()
    assert any(reads(reader, seed) for seed in seeds), "no example is valid"
    full = 3000 if name.startswith("_native") else 400  # as it was built here, with its vectors
    tried = amount(3, 40) if name in SLOW else amount(25, full)
    for _ in range(tried):
        content = mutated(chance.choice(seeds), reader.kind, chance)
        try:
            reads(reader, content)
        except Exception as error:
            pytest.fail(f"{type(error).__name__} for {content[:2000].hex()}: {error}")
    tally.inputs("inputs: changes of valid examples", tried=tried, handled=tried)


def reads(reader, content):
    try:
        reader.call(content)
    except reader.errors:
        return False
    return True


NATIVE_EXAMPLES = {"plonk.zkey:read_zkey", "plonk.ptau:read_ptau", "plonk.compact_key:read_compact_key"}


@pytest.mark.full
@pytest.mark.parametrize("half", [0, 1])
def test_what_reaches_new_branches_is_changed_again(half, tmp_path, tally):
    path = [str(BESIDE), *sys.path]
    if not list(importlib.metadata.distributions(name="atheris", path=path)):
        pytest.skip("atheris is not installed: make setup, or no wheel for this Python and processor")
    if reason := native_is_missing():  # which makes examples
        pytest.skip(reason)
    names = [name for name in NAMES if not name.startswith("_native")][half::2]
    for name in names:
        folder = tmp_path / name / "corpus"
        folder.mkdir(parents=True)
        for number, seed in enumerate(readers.READERS()[name].seeds()):
            (folder / str(number)).write_bytes(seed)
    finished = subprocess.run(
        [sys.executable, Path(__file__).with_name("fuzz.py"), tmp_path, "3", *names],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(BESIDE), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]
    assert [one["name"] for one in found] == list(names), finished.stderr[-3000:]
    assert not [one for one in found if one["wrong"]]
    assert all(one["branches"] for one in found)
    tried = sum(one["tried"] for one in found)
    tally.inputs("inputs: fuzzed by coverage", tried=tried, handled=tried)
