"""The measurement of Solidity coverage, on a contract of which it is known what is covered."""

import json
from pathlib import Path

import pytest
from support.solidity_coverage import FIRST, MARKERS, executed, instrument, report, table

from twopm_zk.chain import Chain, DevelopmentNode, compile_source
from twopm_zk.errors import TransactionError

UNIT = "verifier/Tiny.sol"
SOURCE = """// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;
function half(uint256 x) pure returns (uint256) { if (x % 2 == 1) revert(); return x / 2; }
library Sums {
    function upTo(uint256 n) internal pure returns (uint256 sum) {
        for (uint256 i = 1; i <= n; ++i)
            sum += i;
    }
}
contract Base {
    constructor() {}
}
contract Tiny is Base {
    uint256 public state;
    modifier small(uint256 x) {
        require(x < 100, "large");
        _;
    }
    function pick(uint256 x, bool flag) external pure returns (uint256) {
        if (x == 0) return 0;
        else if (x == 1 && (flag || x > 5)) { return 10; }
        else return x > 2 ? Sums.upTo(x) : half(x);
    }
    function set(uint256 x) external small(x) {
        if (!(x == 7 || x == 8))
            state =
                x;
        else revert();
        unchecked { ++state; }
    }
    function wait_(bool a) external pure returns (bool b) {
        while (a && b) {
            b = false;
        }
        return a;
    }
    function spend() external {
        for (uint256 i = 0; i < 5; ++i) state += i;
    }
    function careless() external {
        (bool done, ) = address(this).call{gas: 60_000}(abi.encodeCall(this.spend, ()));
        if (!done) {
            state = 99;
        }
    }
}
"""
LINES = {3, 6, 7, 11, 16, 17, 20, 21, 22, 25, 26, 28, 29, 32, 33, 35, 38, 41, 42, 43}
CONDITIONS = {
    3: ["x % 2 == 1"],
    6: ["i <= n"],
    16: ["x < 100"],
    20: ["x == 0"],
    21: ["x == 1", "flag", "x > 5"],
    22: ["x > 2"],
    25: ["x == 7", "x == 8"],
    32: ["a", "b"],
    38: ["i < 5"],
    42: ["!done"],
}


@pytest.fixture(scope="module")
def measure():
    """``measure(act)``: the coverage of what ``act(contract)`` does with the contract on a node of its own."""
    marked, points = instrument({UNIT: SOURCE}, first=2 * FIRST)  # not the numbers of a run that measures this one
    artifact = compile_source(marked[UNIT], "Tiny", unit=UNIT)

    def run(act):
        with DevelopmentNode() as node:
            act(Chain(node.url, private_key=node.private_keys[0]).deploy(artifact))
            return report(points, executed(node.log.read_text()))[UNIT]

    return run


def missed(found):
    """Numbers of lines, and (line, condition, outcome)."""
    lines = {int(place.rpartition(":")[2]) for place in found["missedLines"]}
    branches = set()
    for entry in found["missedBranches"]:
        place, _, what = entry.partition(" ")
        condition, outcome = what.split(" is never ")
        branches.add((int(place.rpartition(":")[2]), condition, outcome == "true"))
    return lines, branches


@pytest.mark.slow
def test_marked_sources_keep_their_lines():
    marked, points = instrument({UNIT: SOURCE})
    assert marked[UNIT].removesuffix(MARKERS).count("\n") == SOURCE.count("\n")
    assert {point.line for point in points.values()} == LINES


def test_deployment_covers_the_constructor_and_nothing_else(measure):
    found = measure(lambda tiny: None)
    everything = {(line, text, hit) for line, texts in CONDITIONS.items() for text in texts for hit in (True, False)}
    assert missed(found) == (LINES - {11}, everything)
    assert (found["linesHit"], found["lines"]) == (1, len(LINES))
    assert (found["branchesHit"], found["branches"]) == (0, len(everything))


def test_calls_transactions_and_what_reverts_are_counted(measure):
    def act(tiny):
        assert [tiny.call("pick", *x) for x in ((0, False), (2, False), (3, False), (1, True))] == [0, 1, 6, 10]
        tiny.transact("set", 3)
        assert tiny.call("state") == 4
        with pytest.raises(TransactionError, match="large"):  # refused while its gas is estimated
            tiny.transact("set", 100)
        with pytest.raises(TransactionError, match="without a reason"):  # mined, and failed
            tiny.transact("set", 8, gas=200_000)
        assert tiny.call("wait_", True) is True

    found = measure(act)
    assert missed(found) == (
        {33, 38, 41, 42, 43, 3},
        {
            (3, "x % 2 == 1", True),
            (21, "flag", False),
            (21, "x > 5", True),
            (21, "x > 5", False),
            (25, "x == 7", True),
            (32, "a", False),
            (32, "b", True),
            (38, "i < 5", True),
            (38, "i < 5", False),
            (42, "!done", True),
            (42, "!done", False),
        },
    )
    assert (found["linesHit"], found["branchesHit"]) == (len(LINES) - 6, found["branches"] - 11)


def test_the_gas_that_an_estimate_tries_out_covers_nothing(measure):
    """With too little gas the inner call fails: an estimate gets there, and no transaction with enough gas."""

    def act(tiny):
        parameters = {"from": tiny.chain.address, "to": tiny.address, "data": tiny.encode("careless")}
        tiny.chain.web3.eth.estimate_gas(parameters)
        tiny.transact("careless", gas=1_000_000)

    lines, branches = missed(measure(act))
    assert 43 in lines
    assert {entry for entry in branches if entry[0] in (38, 42)} == {(42, "!done", True)}


def test_the_documented_figures_are_the_measured_ones():
    root = Path(__file__).parents[2]
    text = (root / "docs" / "contracts.md").read_text()
    for unit, found in json.loads((root / "bench" / "results" / "solidity.json").read_text()).items():
        figures = f"{found['linesHit']}/{found['lines']} | {found['branchesHit']}/{found['branches']}"
        assert f"| `{unit.removeprefix('verifier/')}` | {figures} |" in text


def test_the_table_names_what_is_missed(measure):
    printed = table({UNIT: measure(lambda tiny: tiny.transact("set", 3))})
    assert f"all{'':39}{'6/20':>9}{'3/28':>12}" in printed
    assert f"\n{UNIT}:33\n" in printed
    assert f"\n{UNIT}:25 x == 7 is never true\n" in printed
