"""How a task grows: nodes, rows and features, one at a time around a base case, and some corners.

Run: python bench/growth.py [--quick] [--only 3x1000x3] [--limit SECONDS]

Every cell is a task with real nodes and a real coordinator, each a process of its own, over HTTP, on a development
chain with the real contracts, verifiers and proofs. A cell that is in bench/results/growth.json is skipped, so that an
interrupted run goes on; remove its entry to measure it again. `bench/results/growth.md` is written from that file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak
from growth_participant import POLL, Cell
from pipeline import cpu_model

from twopm_zk.chain import Chain, DevelopmentNode, GeneratedVerifier, deploy_all
from twopm_zk.chain.abi import signature
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.circuit.instances import find_instance
from twopm_zk.proving.prover import Prover

RESULTS = Path(__file__).parent / "results"
QUICK = (Cell(3, 100, 3, batch=32),)
CELLS = (
    Cell(3, 1000, 3),
    Cell(10, 1000, 3),
    Cell(30, 1000, 3),
    Cell(3, 100, 3),
    Cell(3, 10_000, 3, rounds=1),
    Cell(3, 1000, 30),
    Cell(3, 1000, 10),
    Cell(3, 100_000, 3, rounds=1),
    Cell(30, 10_000, 3, rounds=1),
    Cell(30, 1000, 30, rounds=1),
)
ETHER = 10**18


@dataclass
class Watch:
    """When each block came, and what its transactions did."""

    chain: Chain
    functions: dict[tuple[str, bytes], str]
    seen: dict[int, float] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        last = self.chain.block
        while not self.over.wait(0.1):
            newest = self.chain.block
            for block in range(last + 1, newest + 1):
                self.seen[block] = time.monotonic()
            last = newest

    def transactions(self) -> Iterator[tuple[str, float, int, int]]:
        """Function, time, gas, bytes of calldata, in the order of the chain."""
        for block, seen in sorted(self.seen.items()):
            for sent in self.chain.web3.eth.get_block(block, full_transactions=True)["transactions"]:
                assert not isinstance(sent, bytes)
                receipt = self.chain.web3.eth.get_transaction_receipt(sent["hash"])
                name = self.functions.get((str(sent.get("to")).lower(), bytes(sent["input"])[:4]), "other")
                yield name, seen, int(receipt["gasUsed"]), len(sent["input"])


@contextmanager
def stage(cell: Cell, folder: Path) -> Iterator[tuple[DevelopmentNode, Chain, Watch]]:
    """A chain with everything deployed."""
    chosen = cell.spec().instances
    assert chosen is not None
    prover = Prover(backend="native")
    wanted = [*chosen.step, chosen.aggregate, chosen.certify, *([chosen.fold] if chosen.fold else [])]
    verifiers = [GeneratedVerifier.from_keys(find_instance(name), prover.keys(name)) for name in wanted]
    with DevelopmentNode() as node:
        chain = Chain(node.url, private_key=node.private_keys[0])
        deployment = deploy_all(chain, verifiers=verifiers, treasury=node.accounts[9])
        deployment.write(folder / "deployment.json")
        functions = {}
        for name, entry in deployment.contracts.items():
            for item in compile_contract(name).abi:
                if item["type"] == "function":
                    functions[entry.address.lower(), keccak(signature(item).encode())[:4]] = item["name"]
        watch = Watch(Chain(node.url), functions)
        threading.Thread(target=watch.run, daemon=True).start()
        try:
            yield node, chain, watch
        finally:
            watch.over.set()


class Participant:
    """A child process and what it says."""

    def __init__(self, options: dict[str, Any], news: queue.Queue[tuple[str, dict[str, Any]]]) -> None:
        self.name = "coordinator" if options["number"] is None else f"node {options['number']}"
        self.figures: dict[str, Any] | None = None
        self._news = news
        command = [sys.executable, str(Path(__file__).with_name("growth_participant.py"))]
        log = (Path(options["folder"]) / f"{self.name}.log").open("w")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(options) + "\n")
        self.process.stdin.flush()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            document = json.loads(line)
            if "figures" in document:
                self.figures = document["figures"]
            else:
                self._news.put((self.name, document))
        self._news.put((self.name, {"news": "ended"}))

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def join(self) -> None:
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(10)


def measure(cell: Cell, limit: float) -> dict[str, Any]:
    """One cell, as it goes into the file."""
    started, busy = time.monotonic(), _busy()
    used = _own_seconds()
    with tempfile.TemporaryDirectory(prefix="growth-") as name, stage(cell, Path(name)) as (node, chain, watch):
        people, news = [], queue.Queue[tuple[str, dict[str, Any]]]()
        accounts = [Account.create() for _ in range(cell.nodes + 1)]
        for account in accounts:
            chain.send("funding", to=account.address, value=100 * ETHER)
        for number in (None, *range(cell.nodes)):
            account = accounts[0 if number is None else number + 1]
            options = {
                "cell": asdict(cell),
                "number": number,
                "url": node.url,
                "key": "0x" + bytes(account.key).hex(),
                "folder": name,
                "coordinator": accounts[0].address,
            }
            people.append(Participant(options, news))
        try:
            moves = follow(cell, news, started + limit)
            watch.seen.setdefault(chain.block, time.monotonic())
        finally:
            for person in people:
                person.end()
            for person in people:
                person.join()
            if any(person.figures is None for person in people):
                for log in sorted(Path(name).glob("*.log")):
                    if text := log.read_text().strip():
                        print(f"{log.name}: {text.splitlines()[-1]}")
        sent = list(watch.transactions())
    elapsed = time.monotonic() - started
    others = (_busy() - busy - (_own_seconds() - used)) / elapsed
    return {
        **asdict(cell),
        "moves": moves,
        "updates": cell.updates,
        "others": max(0.0, others),
        "instances": (cell.spec().document["instances"]),
        **on_chain(sent, moves),
        "coordinator": summary(people[:1]),
        "nodes_each": summary(people[1:]),
    }


def summary(people: Sequence[Participant]) -> dict[str, Any]:
    """Of participants of one kind: the largest memory, and the mean of all else."""
    known = [person.figures for person in people if person.figures is not None]
    names = sorted({name for one in known for name in one["times"]})
    counts = sorted({name for one in known for name in one["counts"]})
    return {
        "peak_mb": max(one["peak_mb"] for one in known),
        "seconds": fmean(one["seconds"] for one in known),
        "cpu": fmean(one["cpu"] for one in known),
        "times": {name: fmean(one["times"].get(name, 0.0) for one in known) for name in names},
        "counts": {name: fmean(one["counts"].get(name, 0) for one in known) for name in counts},
    }


def follow(cell: Cell, news: queue.Queue[tuple[str, dict[str, Any]]], until: float) -> int:
    """Show what happens until the rounds are through, or the time is; how many rounds were."""
    counts: Counter[str] = Counter()
    moves, shown = 0, 0.0
    while moves < cell.rounds and time.monotonic() < until:
        try:
            who, item = news.get(timeout=5)
        except queue.Empty:
            continue
        if item["news"] in ("ended", "retry", "fault", "refused", "reopened"):
            print(f"  {who}: {item['news']} {item.get('text', '')}", flush=True)
        if item["news"] == "ended":
            raise SystemExit(f"{who} of {cell.name} ended before its time")
        counts[f"{'node' if who != 'coordinator' else item.get('name') or who}: {item['news']}"] += 1
        if (item["news"], item.get("name")) == ("submitted", "aggregate"):
            moves += 1
            print(f"  round {moves} of {cell.rounds} accepted", flush=True)
        elif time.monotonic() - shown > 20:
            shown = time.monotonic()
            print(f"  {counts['node: submitted']} updates of {cell.updates} a round", flush=True)
    return moves


def on_chain(sent: list[tuple[str, float, int, int]], moves: int) -> dict[str, Any]:
    """Times of rounds, gas and calldata by function, from transactions up to the last accepted weights."""
    rounds: list[dict[str, float]] = []
    gas: defaultdict[str, list[int]] = defaultdict(list)
    size: defaultdict[str, int] = defaultdict(int)
    opened = closed = 0.0
    for name, seen, used, length in sent:
        if len(rounds) == moves and moves:
            break
        gas[name].append(used)
        size[name] += length
        if name == "openRound":
            opened = seen
        elif name == "close":
            closed = seen
        elif name == "acceptWeights":
            rounds.append({"collecting": closed - opened, "aggregating": seen - closed})
            opened = seen
    return {
        "seconds": rounds,
        "gas": {name: {"count": len(values), "total": sum(values)} for name, values in gas.items()},
        "calldata": dict(size),
    }


def _busy() -> float:
    """Seconds that all cores together have worked since the machine started."""
    columns = [int(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(columns) - columns[3] - columns[4]) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {"machine": "", "cells": {}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small cell, nothing written: does it work?")
    parser.add_argument("--only", action="append", metavar="CELL", help="nodes x rows x features, such as 3x1000x3")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one cell")
    parser.add_argument("--report", action="store_true", help="write the page from what was measured, and stop")
    options = parser.parse_args()
    path = RESULTS / "growth.json"
    known = load(path)
    for cell in () if options.report else QUICK if options.quick else CELLS:
        wanted = options.quick or (cell.name in options.only if options.only else True)
        if not wanted or (cell.name in known["cells"] and not options.quick):
            continue
        print(f"{cell.name}: {cell.updates} proofs of updates a round, {cell.rounds} rounds", flush=True)
        measured = measure(cell, options.limit)
        if options.quick:
            print(json.dumps(measured, indent=1))
            return
        if measured["moves"] == 0:
            print(f"{cell.name}: no round within {options.limit:g} s, not kept", flush=True)
            continue
        known = load(path)
        known["cells"][cell.name] = measured
        known["machine"] = f"{os.cpu_count()} cores ({cpu_model()}), Python {platform.python_version()}"
        known["poll"] = POLL
        path.write_text(json.dumps(known, indent=1) + "\n")
    from growth_report import page

    (RESULTS / "growth.md").write_text(page(load(path)))
    print(page(load(path)))


if __name__ == "__main__":
    main()
