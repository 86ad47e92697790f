"""A chain with everything deployed, people with accounts, and proofs that are hashes of their public inputs."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from support.quick_chain import CalledChain, QuickChain

from twopm_zk.chain import compile_source
from twopm_zk.chain.deployer import deploy_all
from twopm_zk.chain.deployment import GeneratedVerifier, Terms, family_of
from twopm_zk.chain.network import Network
from twopm_zk.circuit.instances import find_instance
from twopm_zk.cli.network.deploy import DEFAULT_INSTANCES
from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.node.node import Node
from twopm_zk.node.store import NodeStore
from twopm_zk.numbers.bn254 import INFINITY, G1Point
from twopm_zk.participants.task_view import ChainView
from twopm_zk.plonk.proof import PROOF_EVALUATIONS, PROOF_POINTS, Proof
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.rows.tables import SPECTOR_SCALING, Table, load_spector
from twopm_zk.task.columns import Column
from twopm_zk.task.instances import TaskInstances
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification import TaskSpec

GAUSSIAN_INSTANCES = (
    "step-55x8-gaussian",
    "information-55x8-gaussian",
    "evaluate-55x8-gaussian",
    "aggregate-8",
    "certify-8",
    "predict-8-gaussian",
)
DOUBLE = """contract {contract} {{
    function verifyProof(uint256[24] calldata proof, uint256[3] calldata inputs) external pure returns (bool) {{
        return proof[0] == uint256(keccak256(abi.encode(bytes32("{name}"), inputs)));
    }}
}}
"""
PRIVATE_INSTANCES = ("step-45x3-noise5",)
"""What support.private_task takes."""
USUAL_INSTANCES = (*DEFAULT_INSTANCES, *GAUSSIAN_INSTANCES, *PRIVATE_INSTANCES)
OTHER_INSTANCES = (
    *("step-49x3-gaussian", "information-49x3-gaussian", "evaluate-49x3-gaussian", "predict-3-gaussian"),
    *("step-52x8", "step-270x8", "information-52x8", "information-270x8", "predict-8"),
)
TOGETHER = (USUAL_INSTANCES, OTHER_INSTANCES)
"""The doubles of these are in one source each, since solc takes longer to start than to compile any of them."""
SPEC = TaskSpec(
    columns=tuple(Column(name, constants.centre, constants.scale) for name, constants in SPECTOR_SCALING.items()),
    label="GRADE",
    penalty=1.0,
    name="grades",
    gradient_bound=0.02,
    decrement_bound=1e6,  # tasks here end by the gradient alone, after few rounds
    instances=TaskInstances(("step-48x3",), "aggregate-3", "certify-3", ("information-48x3",), "predict-3"),
    step=StepRule("boehning-lindsay"),
)


def fake_proof(name, public):
    digest = keccak(encode(["bytes32", "uint256[3]"], [name.encode().ljust(32, b"\0"), list(public)]))
    first = G1Point(int.from_bytes(digest, "big"), 0)
    points = dict.fromkeys(PROOF_POINTS, INFINITY) | {"A": first}
    return Proof(**points, **dict.fromkeys(PROOF_EVALUATIONS, 0))


class DoubleProver:
    """Counts what it proves, and takes as long as it is told."""

    def __init__(self):
        self.made = []

    def prove(self, statements, *, keep=None):
        results = []
        for instance, said in statements:
            name = instance if isinstance(instance, str) else instance.name
            self.made.append((name, tuple(said.public)))
            results.append(ProofResult(fake_proof(name, said.public), list(said.public), None))
        return kept(results, keep)


def kept(results, keep):
    """The results, after ``keep`` got each."""
    for index, result in enumerate(results if keep is not None else ()):
        keep(index, result)
    return results


class DoubleKeys:
    """What an auditor needs, for the doubles."""

    name = "double"

    def __init__(self, insecure=()):
        self._insecure = insecure

    def prepare(self, instances, progress):
        self.prepared = list(instances)

    def code(self, instance):
        made = double_verifier(instance)
        return bytes.fromhex(compile_source(made.solidity, made.contract_name).runtime)

    def verify(self, instance, public, proof):
        return proof[0] == fake_proof(instance, public).A.x

    def insecure(self, instance):
        return instance in self._insecure


def double_contract(name):
    return "".join(part.capitalize() for part in name.split("-")) + "Double"


def double_source(name):
    """Solidity in which the double of an instance is a contract."""
    names = next((names for names in TOGETHER if name in names), (name,))
    contracts = (DOUBLE.format(contract=double_contract(one), name=one) for one in names)
    return "\n".join(("// SPDX-License-Identifier: Apache-2.0", "pragma solidity 0.8.37;", *contracts))


def double_verifier(name):
    instance = find_instance(name)
    parameters = instance.parameters
    return GeneratedVerifier(
        name=name,
        statement=instance.template.lower(),
        size=parameters.get("ROWS", 0),
        features=parameters["FEATURES"],
        frac_bits=parameters.get("X_FRAC", 0),
        solidity=double_source(name),
        contract_name=double_contract(name),
        insecure=True,
        family=family_of(instance),
        noise=instance.noise,
    )


def tables(sizes):
    """Spector-Mazzeo in parts of these sizes."""
    table, start, parts = load_spector(), 0, []
    for size in sizes:
        part = slice(start, start + size)
        parts.append(Table(table.names, table.features[part], table.labels[part]))
        start += size
    return parts


class World:
    def __init__(self, node, *, verifiers=None):
        self.node = node
        self.chain = QuickChain(node.url, private_key=node.private_keys[0])
        made = verifiers if verifiers is not None else [double_verifier(name) for name in USUAL_INSTANCES]
        self.deployment = deploy_all(self.chain, verifiers=made, treasury=node.accounts[9], terms=Terms())
        self._views = {}

    def view(self, number):
        """As the account with this number; the same one again, which has compared the contracts already."""
        if (number, id(self.deployment)) not in self._views:
            chain = CalledChain(self.node.url, private_key=self.node.private_keys[number])
            self._views[number, id(self.deployment)] = ChainView(Network(chain, self.deployment))
        view = self._views[number, id(self.deployment)]
        view.chain.forget_nonces()  # the chain may have been set back since
        return view


def collect(news):
    return lambda item: news.append(item)


class Party:
    """A coordinator (account 1) and nodes (accounts 2, 3, ...) with their stores in a folder."""

    def __init__(self, world, folder, *, spec=SPEC, sizes=(11, 11, 10), settings=None, prover=DoubleProver):
        self.world, self.folder, self.spec, self.sizes = world, folder, spec, sizes
        self.settings = settings or CoordinatorSettings(poll=0.05, straggler_seconds=3600)
        self.make_prover = prover
        self.coordinator_view = world.view(1)
        self.news = {}
        self.tables = tables(sizes)

    @property
    def coordinator_address(self):
        return self.coordinator_view.address

    def coordinator(self, **changes):
        news = self.news.setdefault("coordinator", [])
        options = {"prover": self.make_prover(), "settings": self.settings, "notify": collect(news), **changes}
        store = options.pop("store", None) or CoordinatorStore(self.folder / "coordinator.db")
        return Coordinator(self.coordinator_view, self.spec, store, **options)

    def node(self, number, **changes):
        news = self.news.setdefault(number, [])
        options = {
            "prover": self.make_prover(),
            "coordinator": self.coordinator_address,
            "table": self.tables[number],
            "notify": collect(news),
            "poll": 0.05,
            **changes,
        }
        store = options.pop("store", None) or NodeStore(self.folder / f"node{number}.db")
        return Node(self.world.view(2 + number), options.pop("spec", self.spec), store, **options)

    def kinds(self, who):
        return [item.kind for item in self.news.get(who, [])]


class Running:
    """Loops in threads; ``wait`` until all are done, and raise what one of them raised."""

    def __init__(self, *participants):
        self.participants = participants
        self.errors = []
        self.threads = [threading.Thread(target=self._run, args=(p,), daemon=True) for p in participants]

    def _run(self, participant):
        try:
            participant.run()
        except BaseException as error:
            self.errors.append(error)
            for other in self.participants:
                other.loop.stop()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def wait(self, timeout=60):
        until = time.monotonic() + timeout
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))
        if self.errors:
            raise self.errors[0]
        assert not [t for t in self.threads if t.is_alive()], "participants are still running"

    def __exit__(self, *exception):
        for participant in self.participants:
            participant.loop.stop()
        for thread in self.threads:
            thread.join(20)
        for participant in self.participants:
            participant.store.close()


__all__ = ["SPEC", "DoubleProver", "Party", "Running", "SimpleNamespace", "World", "np", "replace"]
