"""Doubles and interfaces against what others publish of their contracts: Lido's ABIs, and EigenLayer's.

Rocket Pool publishes no package with its ABIs: what RETHDouble and IRETH have is compared with nothing.
"""

import importlib.metadata
import json
import sys
from functools import cache
from pathlib import Path

import pytest

from twopm_zk.chain import compile_contract
from twopm_zk.chain.abi import hash_of, signature
from twopm_zk.chain.development.eigenlayer import FOLDER, MISSING, PACKAGE, PUBLISHED, published
from twopm_zk.system import paths, programs

ROOT = Path(__file__).parents[2]
LIDO = ROOT / "node_modules" / "@lido-sdk" / "contracts" / "dist" / "cjs" / "generated" / "factories"
PRINT = "const m = require(process.argv[1]); console.log(JSON.stringify(Object.values(m)[0].abi))"
eigenlayer = pytest.mark.skipif(published() is None, reason=MISSING)
OF_EIGENLAYER = sorted(path.stem for path in (paths.verifier_dir() / "interfaces" / "eigenlayer").glob("I*.sol"))
OWN_ABI = ("IEigenLayerErrors", "IAVSRegistrar")
"""What the package has no ABI of by that name."""
OURS = {"StETHDouble": {"rebase"}, "StrategyDouble": {"strategyManager"}}
"""Functions of a double that the published contract does not have."""


@cache
def lido(name):
    """The ABI of one of npm's files, which are no JSON: Node reads them."""
    return json.loads(programs.run([programs.node(), "-e", PRINT, LIDO / f"{name}__factory.js"], timeout=60).output)


def of_eigenlayer(interface):
    """The ABI that PyPI's package has of an interface of ours."""
    name = interface.removeprefix("I") if interface.removeprefix("I") in PUBLISHED else interface
    package = next(iter(importlib.metadata.distributions(name=PACKAGE, path=[*sys.path, str(FOLDER)])))
    files = package.files
    path = next(file for file in files if file.parts[-2:] == ("ABI", f"{name}.json"))
    return json.loads(Path(str(path.locate())).read_text())["abi"]


def functions(abi):
    """What a caller relies on, by signature: results, and whether ether is taken and state is changed."""
    return {
        signature(entry): (
            [shape(output) for output in entry["outputs"]],
            {"pure": "view"}.get(entry["stateMutability"], entry["stateMutability"]),
        )
        for entry in abi
        if entry["type"] == "function"
    }


def shape(value):
    """A type with those of its components, whatever they are called."""
    return (value["type"], [shape(part) for part in value.get("components", [])])


def events(abi):
    return {
        signature(entry): [part["indexed"] for part in entry["inputs"]] for entry in abi if entry["type"] == "event"
    }


def assert_part_of(ours, theirs, *, but=()):
    """Every function and event of ``ours`` is in ``theirs``, with the same types."""
    published_functions, published_events = functions(theirs), events(theirs)
    for name, found in functions(ours).items():
        if name.partition("(")[0] not in but:
            assert published_functions.get(name) == found, name
    for name, found in events(ours).items():
        assert published_events.get(name) == found, name


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("StETHDouble", "StethAbi"), ("WstETHDouble", "WstethAbi"), ("IWstETH", "WstethAbi")],
)
def test_what_we_have_of_lidos_tokens_is_what_lido_publishes(name, theirs):
    assert_part_of(compile_contract(name).abi, lido(theirs), but=OURS.get(name, ()))


def test_a_function_with_another_result_or_parameter_would_be_found():
    for entry in ("function wrap(uint256) returns (uint128)", "function wrap(uint128) returns (uint256)"):
        kind, result = entry.split(" returns ")
        made = [
            {
                "type": "function",
                "name": "wrap",
                "stateMutability": "nonpayable",
                "inputs": [{"type": kind.partition("(")[2].strip(")"), "name": ""}],
                "outputs": [{"type": result.strip("()"), "name": ""}],
            }
        ]
        with pytest.raises(AssertionError, match=r"wrap\(uint"):
            assert_part_of(made, lido("WstethAbi"))


@eigenlayer
@pytest.mark.parametrize("name", [name for name in OF_EIGENLAYER if name not in OWN_ABI])
def test_our_interfaces_to_eigenlayer_are_part_of_what_is_published(name):
    assert_part_of(compile_contract(name).abi, of_eigenlayer(name))


@eigenlayer
def test_the_registrar_is_what_eigenlayer_calls():
    """The selectors are in the code that calls them."""
    code = published()["AllocationManager"].runtime
    for entry in compile_contract("IAVSRegistrar").abi:
        selector = int.from_bytes(hash_of(signature(entry))[:4], "big")
        while selector % 2 == 0:
            selector //= 2  # the compiler shifts a shorter constant by more
        assert f"{selector:x}" in code, entry["name"]


@eigenlayer
def test_our_strategies_are_called_as_published_ones_are():
    assert_part_of(compile_contract("StrategyDouble").abi, of_eigenlayer("IStrategy"), but=OURS["StrategyDouble"])


@eigenlayer
def test_the_errors_that_we_can_read_are_those_that_eigenlayer_has():
    def errors(abi):
        return {signature(entry) for entry in abi if entry["type"] == "error"}

    there = set().union(*(errors(artifact.abi) for artifact in published().values()))
    of_strategies = {  # of StrategyBase, which is not published
        "OnlyStrategyManager()",
        "OnlyUnderlyingToken()",
        "NewSharesZero()",
        "TotalSharesExceedsMax()",
        "WithdrawalAmountExceedsTotalDeposits()",
        "MaxPerDepositExceedsMax()",
        "BalanceExceedsMaxTotalDeposits()",
    }
    assert errors(compile_contract("IEigenLayerErrors").abi) - there - of_strategies == set()
