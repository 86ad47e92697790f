"""An auditor believes nobody: other contracts, and tasks in which something goes wrong, on a real chain."""

import time
from dataclasses import replace

import pytest
from eth_utils.crypto import keccak
from support.audits import SOON, train
from support.histories import failed_checks
from support.people_world import DoubleKeys, DoubleProver, Party, Running, World, double_verifier, fake_proof, kept

from twopm_zk.auditor.audit import audit
from twopm_zk.chain import Chain, compile_contract
from twopm_zk.chain.abi import signature
from twopm_zk.chain.deployment import GeneratedVerifier
from twopm_zk.chain.network import Network
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, add, negate
from twopm_zk.participants.task_view import ChainView
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.sharing import Sharer
from twopm_zk.task.parts.step_rule import StepRule

pytestmark = pytest.mark.slow

ONE_MOVE = replace(SOON, gradient_bound=0.1)

YES = """contract Yes{number} {{
    function verifyProof(uint256[24] calldata, uint256[3] calldata) external pure returns (bool) {{ return true; }}
}}
"""
FIVE = "\n".join(
    ["// SPDX-License-Identifier: Apache-2.0", "pragma solidity 0.8.37;", *(YES.format(number=n) for n in range(5))]
)


def run_until(party, nodes, round_number):
    """People at work until a round of the task has begun."""
    coordinator = party.coordinator()
    with Running(coordinator, *nodes) as running:
        until = time.monotonic() + 180
        while coordinator.task is None or coordinator.view.state(coordinator.task).round < round_number:
            assert time.monotonic() < until, [item.text for item in party.news["coordinator"]]
            assert not running.errors, running.errors
            time.sleep(0.2)
    return coordinator.task


class JunkProver(DoubleProver):
    """Proofs of nothing."""

    def prove(self, statements, *, keep=None):
        made = super().prove(statements)
        return kept([ProofResult(fake_proof("junk", [0, 0, 0]), result.public, None) for result in made], keep)


def test_contracts_that_say_yes_to_everything_are_found(world, tmp_path):
    """Somebody deploys verifiers that accept anything, and all take part with proofs of nothing."""
    names = ("step-48x3", "information-48x3", "aggregate-3", "certify-3", "predict-3")
    liars = [
        replace_fields(double_verifier(name), solidity=FIVE, contract_name=f"Yes{number}")
        for number, name in enumerate(names)
    ]
    party = Party(World(world.node, verifiers=liars), tmp_path, spec=ONE_MOVE, prover=JunkProver)
    train(party)
    report = audit(party.world.view(8), 1, keyring=DoubleKeys())
    assert not report.sound
    assert failed_checks(report) == {"verifiers", "update proofs", "aggregate proofs", "certificate"}


def replace_fields(verifier, **changes):
    fields = {name: getattr(verifier, name) for name in verifier.__dataclass_fields__}
    return GeneratedVerifier(**fields | changes)


def test_a_task_that_goes_on_is_sound_and_not_certified(party):
    party.spec = replace(SOON, gradient_bound=1e-7, step=StepRule("boehning-lindsay"))
    task = run_until(party, [party.node(number) for number in range(3)], 2)
    report = audit(party.world.view(8), task, keyring=DoubleKeys())
    assert report.sound, report.failed
    assert not report.certified


def test_a_member_that_leaves_and_joins_again_within_one_block_spoils_no_audit(party):
    party.spec = ONE_MOVE
    train(party)
    node, view = party.world.node, party.world.view(2)
    before = view.identity.member_since(view.address)
    node.rpc("evm_setAutomine", False)
    try:
        for function, arguments in (("leave", ()), ("join", ("", b"\x07" * 32))):
            data = "0x" + view.identity.contract.encode(function, *arguments).hex()
            call = {"from": view.address, "to": view.identity.address, "data": data, "gas": hex(500_000)}
            node.rpc("eth_sendTransaction", call)
        node.rpc("evm_mine")
    finally:
        node.rpc("evm_setAutomine", True)
    assert 0 < before < view.identity.member_since(view.address)
    report = audit(party.world.view(8), 1, keyring=DoubleKeys())
    assert report.sound, report.failed


class ThroughWallet(Chain):
    """Its account is a contract: moves and certificates are proposed first, and in no calldata when they are made."""

    def __init__(self, chain):
        self.__dict__.update(chain.__dict__)
        self.wallet = chain.deploy(compile_contract("WalletDouble"))
        self.later = {
            keccak(signature(entry).encode())[:4]
            for entry in compile_contract("HLRContract").abi
            if entry.get("name") in ("acceptWeights", "certify", "proceed")
        }

    @property
    def address(self):
        return self.wallet.address

    def send(self, what, *, to=None, data=b"", value=0, gas=None, once=False):
        if data[:4] not in self.later:
            return self.wallet.transact("forward", to, data)
        self.wallet.transact("propose", to, data)
        return self.wallet.transact("confirm")


def test_a_coordinator_that_is_a_wallet_of_several_owners_trains_and_the_audit_is_sound(world, tmp_path):
    party = Party(world, tmp_path, spec=ONE_MOVE)
    chain = ThroughWallet(world.view(1).chain)
    party.coordinator_view = ChainView(Network(chain, world.deployment))
    train(party)
    report = audit(world.view(8), 1, keyring=DoubleKeys(), spec=party.spec)
    assert report.sound, report.failed
    assert report.certified
    assert world.view(8).state(1).coordinator == chain.address


def test_a_node_that_shares_rubbish_is_found_and_the_audit_says_why_it_is_out(world, tmp_path, monkeypatch):
    party = Party(world, tmp_path, spec=replace(ONE_MOVE, minimum_rows=20), sizes=(8, 8, 8, 8))
    liar, victim = world.view(5).address, world.view(2).address
    vector, claims = Sharer.vector, Sharer.claims

    def rubbish(sharer, generators, opening):
        first, *rest = vector(sharer, generators, opening)
        return ((first + (sharer.address == liar)) % SUBGROUP_ORDER, *rest)

    def lies(sharer, generators):
        found = claims(sharer, generators)
        if sharer.address == liar:
            higher = int(victim, 16) > int(liar, 16)
            found[victim] = add(found[victim], generators[0] if higher else negate(generators[0]))
        return found

    monkeypatch.setattr(Sharer, "vector", rubbish)
    monkeypatch.setattr(Sharer, "claims", lies)
    task = run_until(party, [party.node(number) for number in range(4)], 1)
    report = audit(party.world.view(8), task, keyring=DoubleKeys(), spec=party.spec)
    assert report.passed, report.failed
    first = report.attempts[0]
    assert first.left_out == [(liar, "lied")]
    assert set(first.counted) == {party.world.view(2 + number).address for number in range(3)}
    assert report.counts["disputes"]
    assert any("do not open the sum" in note for note in report.notes)
