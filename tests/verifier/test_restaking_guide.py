"""The commands of docs/restaking.md, line by line, in the order of the people, to a reward that is claimed."""

import json
import shlex

import pytest
from support.eigen_rewards import Distribution, divided
from support.guides import sections
from support.market import DAY, Market
from support.restaking import RETH, EigenWorld
from support.rounds_world import ETH

from twopm_zk.chain import compile_contract
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.development.eigenlayer import published
from twopm_zk.cli import main

pytestmark = pytest.mark.skipif(published() is None, reason="EigenLayer's contracts are not installed (PyPI eigensdk)")

OPERATORS, RESTAKERS = (sections("restaking")[name] for name in ("For operators", "For restakers"))


@pytest.fixture
def run(world, tmp_path, monkeypatch, capsys):
    """``run(person, line)``: what a command has printed."""
    path = tmp_path / "deployment.json"
    world.deployment.write(path)
    monkeypatch.setenv("TWOPM_ZK_DEPLOYMENT", str(path))
    monkeypatch.setenv("TWOPM_ZK_RPC_URL", world.node.url)

    def command(person, line, *more, code=0):
        monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", person.key)
        monkeypatch.setattr("sys.argv", [*shlex.split(line), *more])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.out + printed.err

    return command


@pytest.mark.slow
def test_every_command_of_the_guide_works_in_the_order_of_the_people(world, certified, people, run):
    eigen, dan, cleo = EigenWorld(world), people.dan, people.cleo
    done = []

    def follow(person, lines):
        done.extend(lines)
        return [run(person, line) for line in lines]

    joined, allocated, shown = follow(dan, OPERATORS[:3])
    assert "is in the operator set" in joined
    assert "asset 2: 50 %" in allocated
    assert "0 ETH at stake, allocated at EigenLayer" in shown
    world.staking.transact("setOperator", dan.address)
    cleo.use(world.reth).transact("deposit", value=4 * ETH)
    restaked = follow(cleo, RESTAKERS[:4])
    assert dan.address in restaked[1]
    assert json.loads(run(dan, "twopm-zk operator show --json"))["stake"] == str(eigen.stake(dan))
    assert eigen.stake(dan) == pytest.approx(0.5 * 0.5 * 1.1 * ETH, rel=1e-6)

    market = Market(world, certified, fee=10**15, share=0, operatorStake=ETH // 5)
    market.answered()
    assert "wait to be handed to EigenLayer, until a whole day" in run(dan, "twopm-zk operator show")
    assert "until a whole day" in run(dan, "twopm-zk operator reward")
    world.node.advance(3 * DAY)
    (rewarded, taken, left) = follow(dan, OPERATORS[3:])
    assert "0.001 ETH for" in rewarded
    assert "EigenLayer's to divide" in rewarded
    assert "-50 % from block" in taken
    assert dan.address in left
    assert "can still be slashed" in run(cleo, f"twopm-zk operator show {dan.address}")
    assert "No fees are waiting." in run(dan, "twopm-zk operator reward")

    vault = world.staking.call("vaultOf", cleo.address)
    weth = Contract(world.chain, compile_contract("IERC20"), eigen.stakes.call("WETH"))
    tree = Distribution(weth.address, divided(10**15, dan.address, vault))
    (event,) = eigen.stakes.events("Rewarded")
    period = event["end"]
    index = eigen.rewards.transact("submitRoot", tree.root, period - 1).event("DistributionRootSubmitted")["rootIndex"]
    eigen.mine(1)
    cleo.use(eigen.rewards).transact("processClaim", tree.claim(vault, index), cleo.address)
    assert weth.call("balanceOf", cleo.address) == 9 * 10**14
    follow(cleo, RESTAKERS[4:])
    assert sorted(done) == sorted([*OPERATORS, *RESTAKERS])


def test_what_cannot_be_done_is_said_with_what_to_do(world, people, run):
    run(people.dan, "twopm-zk operator allocate --asset 2 --share 101", code=2)
    printed = run(people.dan, "twopm-zk operator deregister", code=8)
    assert "NotMemberOfSet" in printed
    assert "twopm-zk operator register-avs" in printed
    run(people.dan, "twopm-zk operator register-avs")
    run(people.dan, "twopm-zk operator allocate --asset 2 --share 10")
    printed = run(people.dan, "twopm-zk operator allocate --asset 2 --share 10", code=8)
    assert "SameMagnitude" in printed
    run(people.dan, "twopm-zk operator deregister")
    printed = run(people.dan, "twopm-zk operator register-avs", code=8)
    assert "AlreadyMemberOfSet" in printed
    assert "can still be slashed" in printed
    printed = run(people.ada, "twopm-zk stake claimer", code=8)
    assert "NoVault" in printed
    assert world.staking.call("positionOf", people.ada.address, RETH)["active"] > 0
