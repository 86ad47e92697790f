"""How sets of a hundred to ten thousand nodes share a sum: seconds, memory, bytes and requests of each node, gas.

Run: python bench/scale.py [--nodes 100 --nodes 1000] [--masks 10000] [--quick]

A round of N nodes goes over real contracts on a development chain. Every node is the library's own, with a store of its
own, and looks at the chain when it is its turn; every one has an account, membership, a stake, a key and a registered
batch. Updates are proven by a stand-in (a thousand proofs would measure the prover, see bench/results/pipeline.md).
What is made of the sum is proven by `aggregate-3`, and verified by its generated contract. For memory, some nodes take
their turn in a process of their own.

Of ten thousand nodes the masks of single nodes are made, from the events and the proof that a node reads, without a
chain. Writes bench/results/scale.json and scale.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from eth_account import Account
from eth_utils.crypto import keccak
from pipeline import cpu_model

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))

from support.people_world import DoubleProver, double_verifier  # noqa: E402

from twopm_zk.chain import Chain, Deployment, DevelopmentNode, Network, compile_contract  # noqa: E402
from twopm_zk.chain.deployer import deploy_all  # noqa: E402
from twopm_zk.chain.deployment import GeneratedVerifier  # noqa: E402
from twopm_zk.chain.rpc import endpoint  # noqa: E402
from twopm_zk.chain.tasks import Phase  # noqa: E402
from twopm_zk.circuit.instances import find_instance  # noqa: E402
from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings  # noqa: E402
from twopm_zk.coordinator.store import CoordinatorStore  # noqa: E402
from twopm_zk.coordinator.task_creation import Stakes, create_task  # noqa: E402
from twopm_zk.node.node import Node  # noqa: E402
from twopm_zk.node.store import NodeStore  # noqa: E402
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER  # noqa: E402
from twopm_zk.numbers.pedersen import GRADIENT, vector_generators  # noqa: E402
from twopm_zk.participants.task_view import ChainView  # noqa: E402
from twopm_zk.plonk.keys import keys_of_instances  # noqa: E402
from twopm_zk.proving.prover import Prover  # noqa: E402
from twopm_zk.rows.tables import Table  # noqa: E402
from twopm_zk.sharing import Member, Place, PostedKey, SecretKey, Sharer, SharingSet, commit, graph, tree  # noqa: E402
from twopm_zk.task.columns import choose_column  # noqa: E402
from twopm_zk.task.parts.step_rule import StepRule  # noqa: E402
from twopm_zk.task.specification import TaskSpec  # noqa: E402

RESULTS = ROOT / "bench" / "results"
ETHER = 10**18
FEATURES = 3
ROWS_EACH = 2
DAY = 86_400
_SENT = {"ready": "ready", "shared": "share"}
"""Functions of the contract by the news of a call; the others' news has a name, or is of an update."""
CHILDREN = 3
"""Nodes that share in a process of their own."""


# --- what goes over the wire ---


@dataclass
class Traffic:
    """Bytes and requests of RPC by what they were for."""

    purpose: str = ""
    bytes: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    requests: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    methods: defaultdict[str, defaultdict[str, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )

    @contextmanager
    def counted(self, purpose: str) -> Iterator[None]:
        before, self.purpose = self.purpose, purpose
        try:
            yield
        finally:
            self.purpose = before

    def clear(self) -> None:
        for counts in (self.bytes, self.requests, self.methods):
            counts.clear()

    def each(self, purpose: str, nodes: int) -> dict[str, float]:
        return {"bytes": self.bytes[purpose] / nodes, "requests": self.requests[purpose] / nodes}


TRAFFIC = Traffic()


def count_traffic() -> None:
    """Let every request of this process be counted, body and answer, without HTTP's own headers."""
    once, limited = endpoint.RpcProvider._once, endpoint._limited

    def counted_once(self: Any, body: bytes) -> Any:
        TRAFFIC.requests[TRAFFIC.purpose] += 1
        TRAFFIC.bytes[TRAFFIC.purpose] += len(body)
        TRAFFIC.methods[TRAFFIC.purpose][json.loads(body)["method"]] += 1
        return once(self, body)

    def counted_answer(answer: Any) -> bytes:
        content = limited(answer)
        TRAFFIC.bytes[TRAFFIC.purpose] += len(content)
        return content

    endpoint.RpcProvider._once, endpoint._limited = counted_once, counted_answer  # type: ignore[method-assign]


# --- a round ---


def spec_of(nodes: int) -> TaskSpec:
    """Gradients alone, and a set of all nodes."""
    columns = tuple(choose_column(f"x{index}", mean=0.0, sd=1.0) for index in range(FEATURES))
    free = TaskSpec(
        columns=tuple(replace(column, low=-6.0, high=6.0) for column in columns),
        label="y",
        step=StepRule(curvature="ranges"),
        gradient_bound=2.0**-30,
        maximum_rounds=100,
        minimum_nodes=nodes,
        minimum_rows=nodes,
        minimum_node_rows=1,
        maximum_updates=1 << 20,
        maximum_node_updates=1,
        collecting_seconds=DAY,
        ready_seconds=DAY,
        sharing_seconds=DAY,
        aggregating_seconds=DAY,
    )
    found = free.provable(rows=48)
    assert found.instances is not None
    return replace(found, instances=replace(found.instances, predict=None))


def table_of(number: int) -> Table:
    """Rows of one node."""
    rng = np.random.default_rng(number)
    features = np.clip(rng.normal(size=(ROWS_EACH, FEATURES)), -6, 6)
    names = tuple(f"x{index}" for index in range(FEATURES))
    return Table(names, features, np.array([number % 2, (number + 1) % 2], dtype=np.int64))


def key_of(number: int) -> str:
    return "0x" + keccak(b"/".join((b"bench", b"scale")) + number.to_bytes(8, "big")).hex()


class Round:
    """One round of N nodes on a development chain."""

    def __init__(self, nodes: int, chain_node: DevelopmentNode, folder: Path) -> None:
        self.nodes, self.chain_node, self.folder = nodes, chain_node, folder
        self.spec = spec_of(nodes)
        self.seconds: dict[str, float] = {}
        self.gas: dict[str, list[int]] = defaultdict(list)
        owner = Chain(chain_node.url, private_key=chain_node.private_keys[0])
        chosen = self.spec.instances
        assert chosen is not None
        real = keys_of_instances([chosen.aggregate, chosen.certify], progress=print)
        verifiers = [double_verifier(name) for name in chosen.step]
        verifiers += [GeneratedVerifier.from_keys(find_instance(name), made) for name, made in real.items()]
        with TRAFFIC.counted("deployment"):
            self.deployment = deploy_all(owner, verifiers=verifiers, treasury=chain_node.accounts[9])
        self.deployment.write(folder / "deployment.json")
        with TRAFFIC.counted("check of the deployment"):
            self.views = {0: ChainView(Network(owner, self.deployment))}
        Deployment.check = lambda *_, **__: {}  # type: ignore[method-assign] # every node does this once: counted above
        self.coordinator = Coordinator(
            self.view_of(chain_node.private_keys[1]),
            self.spec,
            CoordinatorStore(folder / "coordinator.db"),
            prover=Prover(),
            settings=CoordinatorSettings(
                poll=0.01, straggler_seconds=1, stakes=Stakes(minimum=ETHER, penalty=ETHER // 10)
            ),
            notify=lambda news: self._note(news.kind, news.values),
        )
        self.task = 0

    def view_of(self, key: str) -> ChainView:
        return ChainView(Network(Chain(self.chain_node.url, private_key=key), self.deployment))

    def _note(self, kind: str, values: Any) -> None:
        if kind in ("ready", "shared", "submitted") and "gas" in values:
            self.gas[_SENT.get(kind) or str(values.get("name", "submitUpdate"))].append(int(values["gas"]))

    def node(self, number: int) -> Node:
        """A node as it starts, with what is in its store."""
        return Node(
            self.view_of(key_of(number)),
            self.spec,
            NodeStore(self.folder / f"node{number}.db"),
            prover=DoubleProver(),
            coordinator=self.coordinator.view.address,
            table=table_of(number),
            task=self.task or None,
            notify=lambda news: self._note(news.kind, news.values),
        )

    def everybody(self, purpose: str, work: Any, *, without: Sequence[int] = ()) -> None:
        """One turn of each node."""
        started, shown = time.monotonic(), time.monotonic()
        cpu = time.process_time()
        for number in range(self.nodes):
            if number in without:
                continue
            with TRAFFIC.counted("start of a process"):
                node = self.node(number)
            with TRAFFIC.counted(purpose):
                work(node)
            node.store.close()
            if time.monotonic() - shown > 20:
                shown = time.monotonic()
                print(f"    {purpose}: {number + 1} of {self.nodes}", flush=True)
        self.seconds[purpose] = time.monotonic() - started
        self.seconds[f"{purpose}, CPU of a node"] = (time.process_time() - cpu) / max(1, self.nodes - len(without))
        print(f"  {purpose}: {self.seconds[purpose]:.0f} s", flush=True)

    def run(self) -> dict[str, Any]:
        started = time.monotonic()
        for number in range(self.nodes):
            address = Account.from_key(key_of(number)).address
            self.chain_node.rpc("anvil_setBalance", address, hex(100 * ETHER))
        self.everybody("stake", lambda node: put_up_stake(node.view))
        self.everybody("membership, key, data", lambda node: node._register())
        self.task = create_task(self.coordinator.view, self.spec, stakes=self.coordinator.settings.stakes)
        self.coordinator.task = self.task
        self.coordinator.view.hlr.open_round(self.task)
        # the first look at a task reads its rules and verifiers
        self.everybody("update", lambda node: node.tick())
        self._until(Phase.READY)
        self.everybody("ready", lambda node: node.tick())
        children = list(range(0, self.nodes, max(1, self.nodes // CHILDREN)))[:CHILDREN]
        self.everybody("share", lambda node: node.tick(), without=children)
        alone = [self._alone(number) for number in children]
        assert self.coordinator.view.state(self.task).phase is Phase.SUMMED
        with TRAFFIC.counted("sum"):
            begun = time.monotonic()
            while self.coordinator.view.state(self.task).round == 0:
                self.coordinator.tick()
            self.seconds["sum opened, aggregate proven and accepted"] = time.monotonic() - begun
        state = self.coordinator.view.state(self.task)
        assert (state.round, state.moves) == (1, 1)
        phases = ("update", "ready", "share")
        return {
            "nodes": self.nodes,
            "seconds": time.monotonic() - started,
            "parts": self.seconds,
            "rpc": {name: TRAFFIC.each(name, self.nodes - (CHILDREN if name == "share" else 0)) for name in phases},
            "check": TRAFFIC.each("check of the deployment", 1),
            "coordinator": TRAFFIC.each("sum", 1),
            "methods": {name: dict(TRAFFIC.methods[name]) for name in phases},
            "alone": alone,
            "gas": {name: [min(values), fmean(values), max(values)] for name, values in self.gas.items()},
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }

    def _until(self, phase: Phase) -> None:
        with TRAFFIC.counted("coordinator"):
            while self.coordinator.view.state(self.task).phase is not phase:
                self.coordinator.tick()
                time.sleep(0.2)

    def _alone(self, number: int) -> dict[str, Any]:
        """A node that shares in a process of its own; its figures."""
        options = {"number": number, "url": self.chain_node.url, "folder": str(self.folder), "nodes": self.nodes}
        options |= {"task": self.task, "coordinator": self.coordinator.view.address}
        command = [sys.executable, str(Path(__file__).resolve()), "--alone", json.dumps(options)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return dict(json.loads(done.stdout.splitlines()[-1]))


def put_up_stake(view: ChainView) -> None:
    token = view.network.contract("RETHDouble")
    token.transact("deposit", value=4 * ETHER)
    view.staking.stake(2, 2 * ETHER)


def alone(options: dict[str, Any]) -> dict[str, Any]:
    """One turn of one node, in this process."""
    count_traffic()
    folder, number = Path(options["folder"]), options["number"]
    deployment = Deployment.read(folder / "deployment.json")
    Deployment.check = lambda *_, **__: {}  # type: ignore[method-assign]
    with TRAFFIC.counted("start of a process"):
        view = ChainView(Network(Chain(options["url"], private_key=key_of(number)), deployment))
        node = Node(
            view,
            spec_of(options["nodes"]),
            NodeStore(folder / f"node{number}.db"),
            prover=DoubleProver(),
            coordinator=options["coordinator"],
            task=options["task"],
        )
        node._registered = True
    before, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with TRAFFIC.counted("share"):
        node.tick()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    used = time.process_time() - cpu
    assert node.view.state(options["task"]).shared_once
    return {"before_mb": before / 1024, "peak_mb": after / 1024, "cpu": used, **TRAFFIC.each("share", 1)}


# --- masks alone ---


def masks(nodes: int, samples: int = 5) -> dict[str, Any]:
    """Seconds of CPU that a node of so large a set spends on its share, from what it reads on."""
    place = Place(chain_id=1, contract="0x" + "c0" * 20, task=1, round=0, attempt=0, identity="0x" + "1d" * 20)
    generators = vector_generators(GRADIENT, FEATURES + 1)
    opening = (1, 2, *[0] * (len(generators) - 2))
    point = commit(generators, opening)
    members, secrets = [], []
    found, opened = SharingSet.closed(place, bytes(32)), SharingSet.closed(place, bytes(32))
    for number in range(nodes):
        pair = SecretKey(10**9 + number), SecretKey(10**10 + number)
        secrets.append(pair)
        member = Member(f"0x{10**6 + number:040x}", pair[0].posted, pair[1].posted, point, number)
        members.append(member)
    leaves = [member.leaf for member in members]
    peaks: tree.Hashes = ()
    for number, leaf in enumerate(leaves):
        peaks = tree.appended(peaks, number, leaf)
    found = opened.begun_with(tree.root_of(peaks), nodes)
    seconds, counts, hashes = [], [], []
    for sample in range(samples):
        seat = sample * (nodes // samples) + 3
        near = graph.neighbour_seats(found.digest, nodes, nodes, seat)
        proof = proof_of(leaves, sorted(near | {seat}), 0)
        answers = [(members[other].address, members[other]) for other in sorted(near | {seat})]
        graph.positions.cache_clear()
        begun = time.process_time()
        # what a node does: find its neighbours, parse what they said, prove that they are in the set, mask
        wanted = graph.neighbour_seats(found.digest, nodes, nodes, seat) | {seat}
        known = [
            Member(
                address,
                PostedKey.parse(*said.lasting.eighth),
                PostedKey.parse(*said.round_key.eighth),
                said.point,
                said.seat,
            )
            for address, said in answers
        ]
        assert {member.seat for member in known} == wanted
        root = tree.proven_root(0, nodes, {member.seat: member.leaf for member in known}, proof)
        own = opened.begun_with(root, nodes, known)
        assert own.digest == found.digest
        vector = Sharer(own, members[seat].address, *secrets[seat]).vector(generators, opening)
        seconds.append(time.process_time() - begun)
        assert all(0 <= scalar < SUBGROUP_ORDER for scalar in vector)
        counts.append(len(near))
        hashes.append(len(proof))
    return {"nodes": nodes, "cpu": seconds, "neighbours": counts, "proof_hashes": hashes}


def proof_of(leaves: Sequence[bytes], wanted: Sequence[int], first: int) -> list[bytes]:
    """What the contract answers; see verifier/rounds/Seats.sol."""
    inside = [seat for seat in wanted if first <= seat < first + len(leaves)]
    if not inside:
        peaks: tree.Hashes = ()
        for number, leaf in enumerate(leaves):
            peaks = tree.appended(peaks, number, leaf)
        return [tree.root_of(peaks)]
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return [*proof_of(leaves[:half], inside, first), *proof_of(leaves[half:], inside, first + half)]


def tree_on_chain(nodes: int) -> dict[str, Any]:
    """Bytes and requests of asking a contract with so many leaves for a proof of a node's neighbours."""
    TRAFFIC.clear()
    with DevelopmentNode() as chain_node:
        chain = Chain(chain_node.url, private_key=chain_node.private_keys[0])
        library = chain.deploy(compile_contract("Seats"))
        double = chain.deploy(compile_contract("GraphDouble"), libraries={"Seats": library.address})
        leaves = [keccak(number.to_bytes(4, "big")) for number in range(nodes)]
        with TRAFFIC.counted("filling"):
            for start in range(0, nodes, 400):
                double.transact("add", leaves[start : start + 400])
        digest = keccak(b"a digest")
        wanted = sorted(graph.neighbour_seats(digest, nodes, nodes, 7) | {7})
        peaks: tree.Hashes = ()
        with TRAFFIC.counted("proof"):
            for number, first in enumerate(range(0, nodes, 4096)):
                size = min(4096, nodes - first)
                inside = {seat: leaves[seat] for seat in wanted if first <= seat < first + size}
                answer = double.call("proof", first, size, sorted(inside), gas=25_000_000)
                proof = [bytes.fromhex(text[2:]) for text in answer]
                peaks = tree.appended(peaks, number, tree.proven_root(first, size, inside, proof))
        assert double.call("root") == "0x" + tree.root_of(peaks).hex()
        return {"nodes": nodes, "neighbours": len(wanted) - 1, **TRAFFIC.each("proof", 1)}


# --- the page ---


def page(found: dict[str, Any]) -> str:
    """The page from what was measured."""
    rounds = [found["rounds"][name] for name in sorted(found["rounds"], key=int)]
    lines = ["<!-- written by bench/scale.py -->", "# Scale", "", "One round on a development chain, of N nodes.", ""]
    names = [f"{one['nodes']:,}" for one in rounds]
    lines += [f"| figure | {' | '.join(names)} | target |", f"|---|{'---:|' * len(rounds)}---|"]

    def row(name: str, values: Sequence[str], target: str = "") -> None:
        lines.append(f"| {name} | {' | '.join(values)} | {target} |")

    row(
        "the whole round, stakes and registration too, s",
        [f"{one['seconds']:.0f}" for one in rounds],
        "1,000 nodes: 1,800",
    )
    cpu = [sum(one["parts"][f"{part}, CPU of a node"] for part in ("update", "ready", "share")) for one in rounds]
    row("CPU of a node in a round, starting three times, s", [f"{value:.2f}" for value in cpu])
    for part in ("update", "ready", "share"):
        row(f"{part}: kB of a node", [f"{one['rpc'][part]['bytes'] / 1000:.0f}" for one in rounds])
        row(f"{part}: requests of a node", [f"{one['rpc'][part]['requests']:.0f}" for one in rounds])
    totals = [sum(part["bytes"] for part in one["rpc"].values()) / 1000 for one in rounds]
    row("kB of a node in a round", [f"{total:.0f}" for total in totals], "flat")
    row(
        "memory of a node that shares, in a process of its own, MB",
        [f"{max(a['peak_mb'] for a in one['alone']):.0f}" for one in rounds],
        "flat",
    )
    row(
        "of that for sharing, MB", [f"{max(a['peak_mb'] - a['before_mb'] for a in one['alone']):.0f}" for one in rounds]
    )
    row(
        "CPU of it to share, transaction included, s",
        [f"{fmean(a['cpu'] for a in one['alone']):.2f}" for one in rounds],
    )
    row(
        "sum opened by the coordinator, proven and accepted, s",
        [f"{one['parts']['sum opened, aggregate proven and accepted']:.1f}" for one in rounds],
    )
    row("what the coordinator reads for that, MB", [f"{one['coordinator']['bytes'] / 1e6:.1f}" for one in rounds])
    for name in ("ready", "share"):
        row(
            f"gas of `{name}`, first round: least / mean / most",
            [" / ".join(f"{value:,.0f}" for value in one["gas"][name]) for one in rounds],
        )
    row(
        "comparing the deployed code, once for each process, kB",
        [f"{one['check']['bytes'] / 1000:.0f}" for one in rounds],
    )
    if "masks" in found:
        lines += ["", "Masks alone, from parsed answers to the vector that is shared, no chain:", ""]
        lines += [
            "| nodes | neighbours | hashes of the proof | CPU of a node, s | target |",
            "|---:|---:|---:|---:|---|",
        ]
        for name in sorted(found["masks"], key=int):
            one = found["masks"][name]
            cells = (fmean(one["neighbours"]), fmean(one["proof_hashes"]), max(one["cpu"]))
            target = "2 s" if one["nodes"] == 10_000 else ""
            lines.append(f"| {one['nodes']:,} | {cells[0]:.0f} | {cells[1]:.0f} | {cells[2]:.2f} | {target} |")
    if "trees" in found:
        lines += ["", "Asking a contract with so many leaves for the proof of one node's neighbours:", ""]
        lines += ["| leaves | neighbours | requests | kB |", "|---:|---:|---:|---:|"]
        for name in sorted(found["trees"], key=int):
            one = found["trees"][name]
            lines.append(
                f"| {one['nodes']:,} | {one['neighbours']} | {one['requests']:.0f} | {one['bytes'] / 1000:.0f} |"
            )
    lines += [
        "",
        f"{found['machine']}. Bytes are those of bodies and answers of JSON-RPC, without HTTP's headers; each",
    ]
    lines += [
        "node looks once in each phase and starts anew in each. A look at an unchanged chain asks for its newest block."
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, action="append", help="of a round on a chain; none by default")
    parser.add_argument("--masks", type=int, action="append", help="of a set of which the masks of some nodes are made")
    parser.add_argument("--trees", type=int, action="append", help="leaves of a tree that a contract is asked about")
    parser.add_argument("--quick", action="store_true", help="a small round, nothing written: does it work?")
    parser.add_argument("--report", action="store_true", help="write the page from what was measured, and stop")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(alone(json.loads(options.alone))))
        return
    path = RESULTS / "scale.json"
    found = dict(json.loads(path.read_text())) if path.exists() else {"rounds": {}, "masks": {}, "trees": {}}
    if options.report:
        (RESULTS / "scale.md").write_text(page(found))
        return
    count_traffic()
    for nodes in [70] if options.quick else options.nodes or []:
        TRAFFIC.clear()
        print(f"{nodes} nodes", flush=True)
        with tempfile.TemporaryDirectory() as folder, DevelopmentNode() as chain_node:
            measured = Round(nodes, chain_node, Path(folder)).run()
        print(json.dumps(measured, indent=1))
        found["rounds"][str(nodes)] = measured
    for nodes in options.masks or []:
        found["masks"][str(nodes)] = masks(nodes)
        print(found["masks"][str(nodes)], flush=True)
    for nodes in options.trees or []:
        found["trees"][str(nodes)] = tree_on_chain(nodes)
        print(found["trees"][str(nodes)], flush=True)
    if options.quick:
        return
    found["machine"] = f"{os.cpu_count()} cores ({cpu_model()}), Python {platform.python_version()}"
    path.write_text(json.dumps(found, indent=1) + "\n")
    (RESULTS / "scale.md").write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
