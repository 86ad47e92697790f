"""How a task grows: nodes, rows and features, one at a time around a base case, and some corners.

Run: python bench/growth.py [--quick] [--only 3x1000x3] [--limit SECONDS]

Every cell is a task with real nodes and a real coordinator, each a process of its own, on a development chain with the
real contracts, verifiers and proofs: they meet on that chain alone. A cell that is in bench/results/growth.json is
skipped, so that an interrupted run goes on; remove its entry to measure it again. `bench/results/growth.md` is written
from that file.
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
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from eth_account import Account
from growth_participant import POLL, Cell
from growth_report import page
from pipeline import cpu_model

from twopm_zk.demo.chain_record import transactions
from twopm_zk.demo.stage import Stage, set_stage
from twopm_zk.demo.training_run import RoundClock
from twopm_zk.participants.news import News

RESULTS = Path(__file__).parent / "results"
QUICK = (Cell(3, 100, 3),)
CELLS = (
    Cell(3, 1000, 3),
    Cell(10, 1000, 3),
    Cell(30, 1000, 3),
    Cell(3, 100, 3),
    Cell(3, 1000, 8),
    Cell(3, 10_000, 3, rounds=1),
    Cell(3, 1000, 30, rounds=1),
)
ETHER = 10**18


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
    until, busy, used = time.monotonic() + limit, _busy(), _own_seconds()
    started = time.monotonic()
    clock, people, news = RoundClock(), [], queue.Queue[tuple[str, dict[str, Any]]]()
    with tempfile.TemporaryDirectory() as folder, set_stage(cell.spec(), backend="native", tell=print) as stage:
        stage.deployment.write(Path(folder) / "deployment.json")
        accounts = [Account.create() for _ in range(cell.nodes + 1)]
        for account in accounts:
            stage.view("deployer").chain.send("funding", to=account.address, value=100 * ETHER)
        common = {"cell": asdict(cell), "url": stage.node.url, "folder": folder, "coordinator": accounts[0].address}
        for number, account in zip((None, *range(cell.nodes)), accounts, strict=True):
            people.append(Participant({**common, "number": number, "key": "0x" + bytes(account.key).hex()}, news))
        try:
            moves = follow(cell, news, clock, until)
        finally:
            for person in people:
                person.end()
            for person in people:
                person.join()
            if any(person.figures is None for person in people):
                for log in sorted(Path(folder).glob("*.log")):
                    if text := log.read_text().strip():
                        print(f"{log.name}: {text.splitlines()[-1]}")
        spent = on_chain(stage, moves)
    others = (_busy() - busy - (_own_seconds() - used)) / (time.monotonic() - started)
    return {
        **asdict(cell),
        "moves": moves,
        "updates": cell.updates,
        "others": max(0.0, others),
        "instances": cell.spec().document["instances"],
        "seconds": [clock.seconds(number) for number in range(moves)],
        **spent,
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


def follow(cell: Cell, news: queue.Queue[tuple[str, dict[str, Any]]], clock: RoundClock, until: float) -> int:
    """Show what happens until the rounds are through, or the time is; how many rounds were."""
    counts: Counter[str] = Counter()
    moves, shown = 0, 0.0
    while moves < cell.rounds and time.monotonic() < until:
        try:
            who, item = news.get(timeout=5)
        except queue.Empty:
            continue
        if item["news"] == "ended":
            raise SystemExit(f"{who} of {cell.name} ended before its time")
        if item["news"].startswith("chain:"):
            clock.note(News(item["news"], "", {"round": item["round"]}))
            if item["news"] == "chain:RoundOpened" and item["round"] > moves:
                moves = item["round"]
                print(f"  round {moves} of {cell.rounds} accepted", flush=True)
        elif item["news"] != "submitted":
            print(f"  {who}: {item['text']}", flush=True)
        counts[item["news"]] += 1
        if time.monotonic() - shown > 20:
            shown = time.monotonic()
            print(f"  {counts['chain:UpdateAccepted']} updates, {cell.updates} a round", flush=True)
    return moves


def on_chain(stage: Stage, moves: int) -> dict[str, Any]:
    """Gas and calldata of a task's functions, from its creation up to the last accepted weights."""
    chain = stage.view("deployer").chain
    gas: defaultdict[str, list[int]] = defaultdict(list)
    size: defaultdict[str, int] = defaultdict(int)
    for _, sent in transactions(stage):
        contract, _, name = sent.what.partition(".")
        if contract == "HLRContract" and len(gas["acceptWeights"]) < moves:
            gas[name].append(sent.gas)
            size[name] += len(chain.web3.eth.get_transaction(sent.hash)["input"])
    return {
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
    return dict(json.loads(path.read_text())) if path.exists() else {"cells": {}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small cell, nothing written: does it work?")
    parser.add_argument("--only", action="append", metavar="CELL", help="nodes x rows x features, such as 3x1000x3")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one cell")
    parser.add_argument("--report", action="store_true", help="write the page from what was measured, and stop")
    options = parser.parse_args()
    path = RESULTS / "growth.json"
    for cell in () if options.report else QUICK if options.quick else CELLS:
        wanted = options.quick or not options.only or cell.name in options.only
        if not wanted or (cell.name in load(path)["cells"] and not options.quick):
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
    (RESULTS / "growth.md").write_text(page(load(path)))
    print(page(load(path)))


if __name__ == "__main__":
    main()
