"""The harness sees bugs that are planted in every template; what lives has a reason.

A mutant is killed by the first of these that differs from the circuit as it is: promises that its constraints keep,
outputs for valid inputs (those of the circuit as it is, which tests/statements hold to their twins in Python), values
that a single signal takes, signals that the inputs determine, signals that are free to first order.
"""

import re
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from soundness.circuits import harness
from soundness.circuits.gadgets import GADGETS
from soundness.circuits.mutants import all_mutants

from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import CompileError, WitnessError
from twopm_zk.system.paths import cache_dir

pytestmark = [pytest.mark.circuit, pytest.mark.slow]

SIGN_ALONE = "what it checks is the sign of a difference: one more bit is as far from the field's order"
LIVES = {
    "lib/sigmoid.circom: RoundedMagnitude: rounding half up: (1 << (DROPPED - 1)) - 1;": (
        "13 |z| is never half way, a power of two: no z has two results, and none another"
    ),
    "lib/rows.circom: Rows: mark of any square root: active[i] * marks[i] === marks[i]": (
        "the square is 0 or 1 all the same, and 1 has no other roots than 1 and -1 in a field"
    ),
    "lib/evaluation.circom: RowScore: a bit too wide: RangeCheck(INPUT + 1)(2 * (clipped - from) - minus);": SIGN_ALONE,
    "lib/evaluation.circom: RowScore: a bit too wide: RangeCheck(INPUT)(to - active - clipped);": SIGN_ALONE,
}
"""Mutants that nothing kills, by name, and why that is no fault."""
QUICK = (
    r".*: RangeCheck: unreduced digit: .*",
    r".*: RangeCheck: dropped constraint: top .*",
    r".*: BoundedNoise: dropped check: .*",
    r".*: ModelCommitment: swapped tag: .*",
    r".*: PedersenPoint: missing start point: .*",
    r".*: PedersenCommitment: dropped check: .*",
)
"""An unreduced digit, no booleanity, no range check, a swapped tag, no start point, any sign of x."""


@cache
def outputs(name):
    """Public inputs of a gadget's examples, by the circuit as it is."""
    circuit = harness.honest(name)
    return [calculate_witness(circuit, inputs).public for inputs in GADGETS[name].examples()]


def killer(mutant, gadget, tree):
    """The first check that a mutant fails on a gadget; none, or circom where it is no circuit."""
    try:
        circuit = harness.compiled(gadget, tree=tree)
    except CompileError:
        return "circom"
    if harness.promises(gadget, circuit):
        return "promises"
    try:
        witnesses = [calculate_witness(circuit, inputs) for inputs in gadget.examples()]
    except WitnessError:
        return "outputs"
    if [witness.public for witness in witnesses] != outputs(gadget.name):
        return "outputs"
    if any(map(partial(harness.inner_twin, gadget), witnesses, gadget.examples())):
        return "outputs"
    checks = harness.CHECKS.items()
    found = (name for name, check in checks if any(check(gadget, circuit, witness) for witness in witnesses))
    return next(found, "")


@pytest.fixture
def judged(monkeypatch, tmp_path):
    """``judged(mutant)``: its killers by gadget, up to the first; in a cache of its own, which is removed."""
    programs = cache_dir() / "programs"

    def judge(mutant):
        for name in mutant.targets():
            outputs(name)
        verdicts = {}
        with TemporaryDirectory(dir=tmp_path) as folder, monkeypatch.context() as here:
            tree, cache = Path(folder) / "circuits", Path(folder) / "cache"
            tree.mkdir()
            cache.mkdir()
            (cache / "programs").symlink_to(programs)
            mutant.write(tree)
            here.setenv("TWOPM_ZK_CACHE", str(cache))
            for name in mutant.targets():
                verdicts[name] = killer(mutant, GADGETS[name], tree)
                if verdicts[name] not in ("", "circom"):
                    break
        return verdicts

    return judge


def tallied(mutants, judged, tally):
    alive, circuits, killed = {}, 0, 0
    for mutant in mutants:
        verdicts = judged(mutant)
        if set(verdicts.values()) == {"circom"}:
            continue  # no circuit
        circuits += 1
        if set(verdicts.values()) <= {"", "circom"}:
            alive[mutant.name] = verdicts
        else:
            killed += 1
    unexplained = sorted(name for name in alive if name not in LIVES)
    assert not unexplained, "\n".join(unexplained)
    if circuits:
        tally.mutants("circuits: bugs planted", tried=circuits, killed=killed, explained=len(alive))


@pytest.mark.parametrize("chosen", QUICK)
def test_the_six_usual_bugs_are_seen(chosen, judged, tally):
    (mutant, *_) = [each for each in all_mutants() if re.fullmatch(chosen, each.name)]
    tallied([mutant], judged, tally)


TEMPLATES = sorted({mutant.template for mutant in all_mutants()})


@pytest.mark.full
@pytest.mark.parametrize("template", TEMPLATES)
def test_bugs_in_a_template_are_seen(template, judged, tally):
    rest = [each for each in all_mutants() if each.template == template]
    tallied([each for each in rest if not any(re.fullmatch(chosen, each.name) for chosen in QUICK)], judged, tally)


def test_reasons_are_of_mutants_that_there_are():
    assert set(LIVES) <= {mutant.name for mutant in all_mutants()}
