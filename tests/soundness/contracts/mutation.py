"""Mutants of the contracts: one small change each, and whether the tests that belong to the contract notice.

A mutant that does not compile, or is too large for a chain, says nothing and is left out; one that the tests pass has
survived, and is either explained in survivors.json or a missing test.

Three of four are drawn from what decides: guards, comparisons, and arithmetic on stakes and fees; the rest from all
others. A run may be cut into parts that go on beside each other, and goes on where it was cut off: with --kept FILE,
what was killed before is not tried again as long as its contract is the same.

Run: python tests/soundness/contracts/mutation.py --mutants 40 --seed 1 [--only staking/Pool.sol] [--minutes 10]
     [--part 1/2] [--kept build/mutants.jsonl]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[3]
if __name__ == "__main__":  # a script is not told where tests are
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from soundness.contracts.mutants import Mutant, mutants  # noqa: E402

SURVIVORS = Path(__file__).with_name("survivors.json")
SECONDS = 900.0
"""For the tests of one mutant: one that takes longer, perhaps for a busy machine, says nothing."""

EDGES = "../soundness/contracts/test_deadlines"
RESTAKED = "../soundness/contracts/test_restaking"
TESTS = {
    "staking/Assets.sol": ("staking", "delegation"),
    "staking/Pool.sol": ("staking", "delegation", EDGES),
    "staking/StakingContract.sol": ("staking", "delegation"),
    "staking/Delegations.sol": ("delegation",),
    "staking/StakeVault.sol": ("delegation",),
    "staking/OperatorSet.sol": ("restaking", RESTAKED),
    "staking/RestakedRewards.sol": ("restaked_rewards", RESTAKED),
    "staking/ServiceManager.sol": ("restaking", "restaked_rewards", RESTAKED),
    "inference/Fees.sol": ("fees", "inference", "restaked_rewards"),
    "inference/Requests.sol": ("inference", "fees", "restaking", "restaked_rewards", EDGES),
    "inference/InferenceContract.sol": ("inference", "fees", "restaked_rewards", EDGES),
    "inference/ConversationContract.sol": ("paid_conversations", "receipts", "conversation_fees", EDGES),
    "registry/CertificateResolver.sol": ("certificates",),
    "registry/DataHub.sol": ("data_hub",),
    "registry/DataAccess.sol": ("data_access",),
    "registry/NetworkRegistry.sol": ("networks", "fees", "credits"),
    "registry/IdentityContract.sol": ("identity", "sharing"),
    "registry/VerifierRegistry.sol": ("hlr", "inference"),
    "rounds/Configs.sol": ("hlr", "hfl"),
    "rounds/Departures.sol": ("sharing", "hfl", EDGES),
    "rounds/Disputes.sol": ("disputes", "sharing", EDGES),
    "rounds/Graph.sol": ("graph", "large_sets"),
    "rounds/HFLContract.sol": ("hfl", "credits", EDGES),
    "rounds/HLRContract.sol": ("hlr", "statistics", "credits", EDGES),
    "rounds/HLRTasks.sol": ("hlr", "statistics"),
    "rounds/Phases.sol": ("hlr", "sharing", EDGES),
    "rounds/PointSharing.sol": ("sharing", "disputes", EDGES),
    "rounds/PublicHash.sol": ("hlr",),
    "rounds/Rounds.sol": ("hlr", "hfl", EDGES),
    "rounds/Seats.sol": ("sharing", "large_sets"),
    "rounds/Sets.sol": ("sharing", "hfl", EDGES),
    "rounds/Sharing.sol": ("sharing", "hfl", EDGES),
    "proofs/BabyJubjub.sol": ("baby_jubjub",),
    "proofs/CheckedPlonkVerifier.sol": ("../chain/test_verification",),
    "proofs/PointProofs.sol": ("point_proofs",),
    "proofs/ProofCheck.sol": ("hlr", "inference", "../chain/test_verification"),
}
"""Files of tests/verifier that belong to a contract, those that notice most first; "test_" and ".py" left out."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: "killed" by a test, "survived", or "unfit": it is no contract for a chain."""

    mutant: Mutant
    verdict: str
    by: str
    seconds: float


def tried(mutant: Mutant, changed: str, folder: Path, tests: Sequence[str] = ()) -> Outcome:
    """The tests of its contract against a mutant, in a process of its own that is made from this one."""
    begun, output = time.monotonic(), folder / "output"
    source = folder / "mutant.sol"
    source.write_text(changed)
    child = os.fork()
    if child == 0:
        os._exit(_test(mutant, source, output, tests))
    code = None
    while code is None:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
        elif time.monotonic() - begun > SECONDS:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return Outcome(mutant, "unfit", "time", time.monotonic() - begun)
        else:
            time.sleep(0.1)
    said = output.read_text(errors="replace")
    by = (re.findall(r"^(?:FAILED|ERROR) \S*?([^/\s]+::\S+|\S+)", said, re.MULTILINE) or [""])[0]
    if code == 0:
        verdict = "survived"
    elif re.search(r"^E .*(?:CompileError|chains take \d+)", said, re.MULTILINE):
        verdict = "unfit"
    elif code == 1 and by:
        verdict = "killed"
    else:
        raise RuntimeError(f"pytest ended with {code}:\n{said[-2000:]}")
    return Outcome(mutant, verdict, by, time.monotonic() - begun)


def _test(mutant: Mutant, source: Path, output: Path, tests: Sequence[str]) -> int:
    import pytest

    from twopm_zk.chain import compiler
    from twopm_zk.system import paths

    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    ours, cached = compiler._our_path, paths.cached
    unit = f"verifier/{mutant.file}"
    compiler._our_path = lambda name: source if name == unit else ours(name)
    paths.cached = lambda kind, digest: (source.parent if kind == "contracts" else cached(kind, "")) / digest
    names = (name if "/" in name else f"test_{name}" for name in TESTS[mutant.file])
    files = tests or [f"tests/verifier/{name}.py" for name in names]
    return int(pytest.main(["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", "--tb=short", *files]))


def sample(files: Iterable[str], count: int, seed: int) -> list[tuple[Mutant, str]]:
    """So many mutants with their sources: from each contract in turn, by chance, three of four that decide."""
    draw, waiting = random.Random(seed), {}
    for file in files:
        text = (ROOT / "verifier" / file).read_text()
        found = sorted(set(mutants(file, text)))
        draw.shuffle(found)
        waiting[file] = {kind: [(m, text) for m in found if m.decides is kind] for kind in (True, False)}
    chosen: list[tuple[Mutant, str]] = []
    turn = 0
    while len(chosen) < count and any(any(kinds.values()) for kinds in waiting.values()):
        order = list(waiting)
        draw.shuffle(order)
        for file in order:
            decides = turn % 4 != 3
            turn += 1
            rest = waiting[file][decides] or waiting[file][not decides]
            if rest and len(chosen) < count:
                chosen.append(rest.pop())
    return chosen


def explained() -> dict[tuple[str, ...], str]:
    """Survivors that were looked at, with why no test notices them."""
    known = json.loads(SURVIVORS.read_text()) if SURVIVORS.is_file() else []
    return {tuple(entry[key] for key in ("file", "function", "was", "becomes")): entry["why"] for entry in known}


class Kept:
    """Mutants that were killed, or unfit, in runs before, by what they change in which source."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path and path.is_file() else []
        self.known = {tuple(json.loads(line)) for line in lines}

    @staticmethod
    def _of(mutant: Mutant, text: str) -> tuple[str, ...]:
        return mutant.file, sha256(mutant.applied(text).encode()).hexdigest()

    def __contains__(self, one: tuple[Mutant, str]) -> bool:
        return self._of(*one) in self.known

    def add(self, mutant: Mutant, text: str) -> None:
        """One line, so that parts can write to one file."""
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(json.dumps(self._of(mutant, text)) + "\n")


def run(
    files: Sequence[str],
    *,
    count: int,
    seed: int,
    minutes: float,
    part: tuple[int, int] = (1, 1),
    kept: Path | None = None,
    tests: Sequence[str] = (),
    told: Callable[[str], None] = lambda line: None,
) -> tuple[list[Outcome], list[tuple[str, ...]]]:
    """Try a part of a sample; returns what became of each, and the survivors that nobody has explained."""
    os.chdir(ROOT)
    import support.rounds_task
    import support.staking_world  # noqa: F401 - for the processes that are made from this one

    until, known, before = time.monotonic() + 60 * minutes, explained(), Kept(kept)
    outcomes, unexplained = [], []
    for mutant, text in sample(files, count, seed)[part[0] - 1 :: part[1]]:
        if time.monotonic() > until:
            break
        if (mutant, text) in before:
            continue
        with tempfile.TemporaryDirectory() as folder:
            outcome = tried(mutant, mutant.applied(text), Path(folder), tests)
        place = mutant.place(text)
        outcomes.append(outcome)
        if outcome.verdict != "survived":
            before.add(mutant, text)
        elif place not in known:
            unexplained.append(place)
        told(json.dumps([outcome.verdict, mutant.operator, *place, outcome.by, round(outcome.seconds)]))
    return outcomes, unexplained


def _part(text: str) -> tuple[int, int]:
    number, parts = map(int, text.split("/"))
    if not 1 <= number <= parts:
        raise ValueError(text)
    return number, parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--part", type=_part, default=(1, 1), help="which of how many parts, as 1/2")
    parser.add_argument("--kept", type=Path, help="a file of what was killed before, which is not tried again")
    parser.add_argument("--only", action="append", choices=sorted(TESTS), help="contracts; all of them by default")
    parser.add_argument("--tests", action="append", default=[], help="files of tests, in place of the contracts' own")
    chosen = parser.parse_args()
    outcomes, unexplained = run(
        chosen.only or list(TESTS),
        count=chosen.mutants,
        seed=chosen.seed,
        minutes=chosen.minutes,
        part=chosen.part,
        kept=chosen.kept,
        tests=chosen.tests,
        told=lambda line: print(line, flush=True),
    )
    counts = Counter((outcome.mutant.file, outcome.verdict) for outcome in outcomes)
    for file in dict.fromkeys(outcome.mutant.file for outcome in outcomes):
        print(file, {verdict: counts[file, verdict] for verdict in ("killed", "survived", "unfit")})
    sys.exit(f"{len(unexplained)} survivors are not in {SURVIVORS.name}" if unexplained else 0)


if __name__ == "__main__":
    main()
