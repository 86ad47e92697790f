"""bench/results/growth.md from bench/results/growth.json: the table, where seconds go, and what follows on paper."""

from __future__ import annotations

import re
from statistics import fmean
from textwrap import fill
from typing import Any

SCROLL_BLOCK_GAS = 10_000_000
"""Assumed: every block's header has the limit in force."""
SCROLL_BLOCK_SECONDS = 3.0
"""https://docs.scroll.io/en/technology/chain/blocks, best effort."""
BASE, BASE_WIDE, BASE_MANY, BASE_LONG = "3x1000x3", "3x1000x30", "30x1000x3", "3x10000x3"
NODES = 10_000
OF_A_NODE = ("submitUpdate", "ready", "share")
OF_A_ROUND = ("close", "acceptWeights")
PHASES = ("updates proven and sent", "saying that they are ready", "sharing", "sum proven and accepted")
Cell = dict[str, Any]
Cells = dict[str, Cell]


def page(known: dict[str, Any]) -> str:
    """All of it, in Markdown."""
    cells: Cells = known["cells"]
    parts = [head(known), table(cells), spent(cells), on_paper(cells)]
    return "\n\n".join(parts) + "\n"


def head(known: dict[str, Any]) -> str:
    return reflowed(f"""<!-- written by bench/growth.py -->
# How a task grows

{known["machine"]}, all participants on it: each node and the coordinator is a process, the chain is anvil with one
block a transaction; contracts, verifiers and proofs are the real ones, with the native prover and development keys.
Rows are random, up to 119 of 3 features to a proof, 270 of 8, 167 of 30, dealt to the nodes in equal parts; a round
collects gradients. Everybody looks at the chain every {known["poll"]:g} s, and a phase lasts from one look of the
coordinator to another; at most one proof a core is made at a time. `others` is how many cores were busy with other
work meanwhile, on average: the more, the longer everything takes. With more than half a core the seconds are not to be
quoted, and more is asked of the RPC endpoint; proofs, gas, calldata and memory do not depend on it.""")


def reflowed(text: str) -> str:
    """Lines of at most 118 characters, paragraph by paragraph; headings and comments stay alone."""
    return "\n\n".join(
        "\n".join(
            fill(" ".join(part.split()), 118, subsequent_indent="  " if part.startswith("* ") else "")
            for part in re.split(r"\n(?=\* )|(?<=-->)\n", block)
        )
        for block in text.split("\n\n")
    )


def table(cells: Cells) -> str:
    lines = [
        "| nodes | rows | features | rounds | proofs a round | s a round | updates, s | ready, s | sharing, s | "
        "sum, s | gas a round | calldata, kB | RPC, MB | MB a node | MB coordinator | others |",
        "|" + "---:|" * 16,
    ]
    for cell in sorted(cells.values(), key=lambda c: (c["features"], c["rows"], c["nodes"])):
        phases = [fmean(one[phase] for one in cell["seconds"]) for phase in PHASES]
        rpc = sum(cell[who]["counts"]["rpc bytes"] * number for who, number in people(cell)) / cell["moves"]
        shown = [cell["nodes"], f"{cell['rows']:,}", cell["features"], cell["moves"], cell["updates"] + 1]
        shown += [f"{seconds:.1f}" for seconds in (sum(phases), *phases)]
        shown += [f"{a_round(cell, 'gas'):,.0f}", f"{a_round(cell, 'calldata') / 1e3:.1f}", f"{rpc / 1e6:.2f}"]
        shown += [f"{cell['nodes_each']['peak_mb']:.0f}", f"{cell['coordinator']['peak_mb']:.0f}"]
        lines.append("| " + " | ".join(str(one) for one in [*shown, f"{cell['others']:.1f}"]) + " |")
    notes = """Proofs: updates, and one of their sum. Gas and calldata: `submitUpdate`, `close`, `ready`, `share`,
`acceptWeights`, the mean of all measured rounds; the first one of a task costs more. RPC: bodies of requests and
answers of all participants together, registration included. Memory is the largest resident size of a process, which
counts the pages of a proving key that processes share once in each."""
    return "\n".join(lines) + "\n\n" + reflowed(notes)


def people(cell: Cell) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("nodes_each", cell["nodes"]), ("coordinator", 1)


def total(cell: Cell, what: str, name: str) -> float:
    """Gas, or bytes of calldata, of all transactions of a function."""
    return float(cell["calldata"].get(name, 0) if what == "calldata" else cell["gas"].get(name, {"total": 0})["total"])


def each(cell: Cell, what: str, name: str) -> float:
    """Of one transaction."""
    return total(cell, what, name) / cell["gas"][name]["count"]


def a_round(cell: Cell, what: str) -> float:
    return sum(total(cell, what, name) for name in (*OF_A_NODE, *OF_A_ROUND)) / cell["moves"]


def spent(cells: Cells) -> str:
    """Where the seconds of a task went."""
    chosen = [name for name in (BASE, BASE_WIDE, BASE_LONG, BASE_MANY) if name in cells] or sorted(cells)
    lines = [
        "## Where the seconds go",
        "",
        "Seconds of one participant by what it waited for, over the whole task: starting, registering and the measured",
        "rounds; for nodes the mean. What is not listed is waiting for others, or for the next look at the chain.",
    ]
    for who, title in (("nodes_each", "a node"), ("coordinator", "the coordinator")):
        times = {cell: cells[cell][who]["times"] for cell in chosen}
        names = {name for one in times.values() for name in one}
        lines += ["", f"| {title} | " + " | ".join(chosen) + " |", "|---|" + "---:|" * len(chosen)]
        for name in sorted(names, key=lambda name: -max(one.get(name, 0.0) for one in times.values())):
            lines.append(f"| {name} | " + " | ".join(f"{one.get(name, 0.0):.2f}" for one in times.values()) + " |")
        for name, key in (("all", "seconds"), ("of it CPU", "cpu")):
            lines.append(f"| {name} | " + " | ".join(f"{cells[cell][who][key]:.1f}" for cell in chosen) + " |")
    return "\n".join(lines)


def on_paper(cells: Cells) -> str:
    """What 10^4 nodes would need, with the arithmetic."""
    most = max(cells.values(), key=lambda cell: (cell["nodes"], -cell["updates"]))
    submit, ready, share = (each(most, "gas", name) for name in OF_A_NODE)
    blocks = (NODES * (submit + ready + share) + each(most, "gas", "acceptWeights")) / SCROLL_BLOCK_GAS
    size = sum(each(most, "calldata", name) for name in OF_A_NODE)
    a_pair = most["nodes_each"]["times"]["masks"] / most["moves"] / (most["nodes"] - 1)
    requests = most["nodes_each"]["counts"]["requests"] / most["nodes_each"]["seconds"]
    shares = NODES * (submit + ready + share)
    return reflowed(f"""## On paper: {NODES:,} nodes, one batch each

From the measured figures of {most["nodes"]}x{most["rows"]}x{most["features"]} above.

* **Gas of a round.** {NODES:,} x ({submit:,.0f} submit + {ready:,.0f} ready + {share:,.0f} share) =
  {shares / 1e6:,.0f} million, and one `acceptWeights` whatever their number. At {SCROLL_BLOCK_GAS / 1e6:.0f} million a
  block that is {blocks:,.0f} full blocks; at {SCROLL_BLOCK_SECONDS:g} s a block
  {blocks * SCROLL_BLOCK_SECONDS / 60:.0f} minutes, if nobody else used the chain. (Scroll's documentation gives
  {SCROLL_BLOCK_SECONDS:g} s, best effort; {SCROLL_BLOCK_GAS / 1e6:.0f} million is an assumption, each block's header
  has the limit in force.)
* **Calldata.** {NODES:,} x {size:,.0f} bytes = {NODES * size / 1e6:.1f} MB a round.
* **The coordinator** makes one proof a round, of the sum: as many gates for {NODES:,} nodes as for three.
* **A node** makes one proof and sends three transactions. A mask took it {a_pair * 1e3:.1f} ms for each other node:
  {(NODES - 1) * a_pair:.0f} s a round. For that it reads the keys of all others, an event for each. Looking at the
  chain every second, it made {requests:.1f} requests a second: {NODES:,} would make {NODES * requests:,.0f}, which no
  public endpoint serves. At --poll 60 it is a sixtieth, and a round some minutes longer.
* **All of a set must share.** One of {NODES:,} that is ready and then silent costs the others its whole deadline and
  another share each. That, and not a circuit, is what limits a set: 2^20 updates fit into a round.
* **What remains** are the nodes' own proofs, {submit / (submit + ready + share):.0%} of the gas, each verified by
  itself. Larger batches help: a proof of 1,023 rows costs the gas of one of 119.""")
