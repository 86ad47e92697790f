"""Tiny circuits, their keys and a proof of each, made once per session (and kept in the cache)."""

import signal
from functools import cache
from itertools import compress, groupby, islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.keys import setup
from twopm_zk.plonk.proving import prove
from twopm_zk.system.paths import cache_dir

# A shell starts background jobs with Ctrl-C ignored, and children inherit that: the tests of interruption need it.
signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST = (
    "tests/chain/test_compiled_contracts.py::test_what_comes_compiled_is_what_solc_makes",
    "tests/verifier/test_large_sets.py::",
    "tests/conversation/test_smollm2.py::",
    "tests/docs/test_site.py::test_the_site_builds",
    "tests/docs/test_training_docs.py::test_breast_cancer_trains",
    "tests/cli/test_pipeline.py::TestProvenStep::",
    "tests/verifier/test_one_round.py::",
    "tests/docs/test_training_docs.py::test_credit_cards_are_fitted_over_a_chain",
    "tests/docs/test_guides.py::",
    "tests/web/test_whole.py::",
    "tests/privacy/test_membership.py::",
    "tests/coordinator/test_retraining.py::",
    "tests/cli/test_people_commands.py::",
    "tests/training/test_proven_training.py::",
    "tests/docs/test_first_steps.py::",
    "tests/test_packaging.py::test_a_wheel_in_an_environment_of_its_own",
    "tests/participants/test_refusals.py::test_an_endpoint_that_drops_connections",
    "tests/training/test_stopping.py::test_all_thirty_columns",
    "tests/training/test_noisy_inference.py::test_intervals_cover",
    "tests/chain/test_rpc.py::test_a_whole_task",
    "tests/statements/test_thirty_features.py::",
    "tests/participants/test_linear_regression.py::test_who_falls_silent",
)
"""Tests of ten seconds and more, and files whose tests share what took as long, the longest first: they begin a run, so
that no worker ends it with one alone, and what is shared is made once."""
CIRCUITS = Path(__file__).parent / "circuits"
pytest_plugins = ["support.chain_fixtures", "support.people_fixtures"]
USUAL_CACHE = cache_dir()
INPUTS = {
    "multiplier": {"a": 3, "b": 14},
    "three": {"x": 5, "secret": -300, "pair": [7, "11"]},
    "fifty": {"x": list(range(49)), "y": -1},
    "zeros": {"x": 2, "y": 9},
    "hidden": {"a": 2, "b": 3, "c": 4},
    "seven": {"a": 6, "b": 4, "c": 3, "d": 8},
}


def pytest_addoption(parser):
    parser.addoption(
        "--solidity-coverage",
        nargs="?",
        const="",
        metavar="FILE.json",
        help="measure lines and branches of the contracts; use = before a file for the figures",
    )
    parser.addoption(
        "--every-contract",
        action="store_true",
        help="compile each contract that comes compiled again",
    )
    parser.addoption(
        "--cpu-times", action="store_true", help="durations in seconds of CPU, with those of processes that tests start"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Deal the longest tests out to the workers, each of which begins with an equal part of the list."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)

    def place(item):
        return next(place for place, name in enumerate(LONGEST) if item.nodeid.startswith(name))

    is_long = [item.nodeid.startswith(LONGEST) for item in items]
    longest = sorted(compress(items, is_long), key=place)
    others = iter([item for item, long in zip(items, is_long, strict=True) if not long])
    together = [list(same) for _, same in groupby(longest, key=place)]
    hands = [[item for same in together[worker::workers] for item in same] for worker in range(workers)]
    for hand in hands:
        hand += islice(others, max(0, len(items) // workers - len(hand)))
    items[:] = [item for hand in hands for item in hand] + list(others)


# `make test` draws the same examples each time: what fails comes of a change, not of chance or of a busy machine
settings.register_profile("repeated", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("drawn", settings.get_profile("repeated"), derandomize=False)


def pytest_configure(config):
    settings.load_profile("drawn" if config.getoption("--soundness", "quick") == "full" else "repeated")
    if config.getoption("--cpu-times"):
        from support.cpu_times import CpuTimes

        config.pluginmanager.register(CpuTimes(), "cpu-times")
    chosen = config.getoption("--solidity-coverage")
    if chosen is not None:
        if chosen and not chosen.endswith(".json"):
            raise pytest.UsageError(f"--solidity-coverage={chosen}: the file's name ends in .json")
        from support.solidity_coverage import SolidityCoverage

        config.pluginmanager.register(SolidityCoverage(Path(chosen) if chosen else None), "solidity-coverage")


@cache
def compiled_circuit(name):
    return compile_circuit(CIRCUITS / f"{name}.circom")


@cache
def circuit_keys(name):
    return setup(compiled_circuit(name), backend="snarkjs")


@cache
def circuit_proof(name, backend="snarkjs"):
    return prove(circuit_keys(name), INPUTS[name], backend=backend)


@pytest.fixture(scope="session")
def tiny():
    """``tiny(name)``: the compiled circuit of tests/circuits/."""
    return compiled_circuit


@pytest.fixture(scope="session")
def tiny_keys():
    """``tiny_keys(name)``: its development keys, set up by snarkjs."""
    return circuit_keys


@pytest.fixture(scope="session")
def tiny_proof():
    """``tiny_proof(name)``: a proof of it, made by snarkjs with INPUTS[name]."""
    return circuit_proof


@pytest.fixture(scope="session")
def tiny_inputs():
    """Inputs that each provable circuit accepts."""
    return INPUTS


@pytest.fixture
def source():
    """``source(name)``: path of a circuit in tests/circuits/."""
    return lambda name: CIRCUITS / f"{name}.circom"


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    """A cache for tests about building: empty but for circom's own machine code, which takes seconds to make."""
    folder = tmp_path / "cache"
    link_to_usual_cache(folder, "programs")
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(folder))
    return folder


def link_to_usual_cache(folder, *kinds):
    """What is usually cached of these kinds is in ``folder`` too, and what is made there of them is kept."""
    folder.mkdir(exist_ok=True)
    for kind in kinds:
        (USUAL_CACHE / kind).mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / kind).symlink_to(USUAL_CACHE / kind)


@pytest.fixture
def usual_cache():
    """``usual_cache(folder, *kinds)`` makes a cache that shares these kinds with the usual one."""
    return link_to_usual_cache


@pytest.fixture
def fresh_keys(fresh_cache):
    """An empty cache for keys only: compiled circuits and ptaus are those of the usual one."""
    link_to_usual_cache(fresh_cache, "circuits", "ptau")
    return fresh_cache


@pytest.fixture
def native():
    """The native backend; skips where it is not built."""
    from twopm_zk.plonk.backends import find_backend

    backend, reason = find_backend("native")
    if backend is None or reason:
        pytest.skip(f"native backend: {reason}")
    return get_backend("native")
