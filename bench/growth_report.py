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
BASE, BASE_WIDE = "3x1000x3", "3x1000x30"
LARGEST = ("3x100000x3", "3x10000x3")
NODES = 10_000
PROVEN = ("submitUpdate", "foldSegment", "acceptWeights")
Cells = dict[str, dict[str, Any]]


def page(known: dict[str, Any]) -> str:
    """All of it, in Markdown."""
    cells: Cells = known["cells"]
    parts = [head(known), table(cells)]
    if BASE in cells:
        parts.append(spent(cells))
    if BASE in cells and any(name in cells for name in LARGEST):
        parts.append(on_paper(cells))
    return "\n\n".join(parts) + "\n"


def head(known: dict[str, Any]) -> str:
    return reflowed(f"""<!-- written by bench/growth.py -->
# How a task grows

{known["machine"]}, all participants on it: each node and the coordinator is a process, the chain is
anvil with one block a transaction; contracts, verifiers, HTTP and proofs are the real ones, with the native prover and
development keys. Rows are random, 128 to a proof, dealt to the nodes in equal parts. Everybody looks at the chain every
{known["poll"]:g} s; at most one proof a core is made at a time. `others` is how many cores were busy with other work
meanwhile, on average: the more, the longer everything takes. Features between 4 and 30 use the circuits for 30. Larger
corners, such as 100,000 rows with 30 features, follow from these: proofs a round times seconds a proof.""")


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
        "| nodes | rows | features | rounds | proofs a round | s a round | updates, s | openings and sum, s | "
        "gas a round | calldata, kB | messages, kB | RPC, MB | MB a node | MB coordinator | others |",
        "|" + "---:|" * 15,
    ]
    for cell in sorted(cells.values(), key=lambda c: (c["features"], c["rows"], c["nodes"])):
        collecting = fmean(one["collecting"] for one in cell["seconds"])
        aggregating = fmean(one["aggregating"] for one in cell["seconds"])
        # messages and RPC: bodies of requests and answers, of the whole task up to here
        messages = cell["nodes_each"]["counts"].get("message bytes", 0) * cell["nodes"] / cell["moves"]
        rpc = sum(cell[who]["counts"]["rpc bytes"] * number for who, number in people(cell)) / cell["moves"]
        shown = [cell["nodes"], f"{cell['rows']:,}", cell["features"], cell["moves"], proofs(cell)]
        shown += [f"{collecting + aggregating:.1f}", f"{collecting:.1f}", f"{aggregating:.1f}", f"{gas(cell):,.0f}"]
        shown += [f"{calldata(cell) / 1e3:.1f}", f"{messages / 1e3:.1f}", f"{rpc / 1e6:.2f}"]
        shown += [f"{cell['nodes_each']['peak_mb']:.0f}", f"{cell['coordinator']['peak_mb']:.0f}"]
        lines.append("| " + " | ".join(str(one) for one in [*shown, f"{cell['others']:.1f}"]) + " |")
    return (
        "\n".join(lines)
        + """

Proofs: updates, folds of full segments of 16, one aggregation. Gas and calldata: `submitUpdate`, `close`,
`foldSegment`, `acceptWeights`. Messages (enrolment included) and RPC are bodies of requests and answers, of all
participants together. Memory is the largest resident size of a process, which counts the pages of a proving key that
processes share once in each."""
    )


def people(cell: dict[str, Any]) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("nodes_each", cell["nodes"]), ("coordinator", 1)


def folds(cell: dict[str, Any]) -> int:
    return (cell["updates"] - 1) // 16


def proofs(cell: dict[str, Any]) -> int:
    return int(cell["updates"] + folds(cell) + 1)


def each(cell: dict[str, Any], name: str) -> float:
    """Gas of one transaction."""
    found = cell["gas"].get(name)
    return found["total"] / found["count"] if found else 0.0


def gas(cell: dict[str, Any]) -> float:
    """Of one round."""
    fixed = each(cell, "close") + each(cell, "acceptWeights")
    return cell["updates"] * each(cell, "submitUpdate") + folds(cell) * each(cell, "foldSegment") + fixed


def calldata(cell: dict[str, Any]) -> float:
    """Bytes of one round."""
    size = {name: cell["calldata"].get(name, 0) / (cell["gas"].get(name) or {"count": 1})["count"] for name in PROVEN}
    return cell["updates"] * size["submitUpdate"] + folds(cell) * size["foldSegment"] + size["acceptWeights"]


def spent(cells: Cells) -> str:
    """Where the seconds of a round went."""
    chosen = [name for name in (BASE, BASE_WIDE, *LARGEST, "30x1000x3") if name in cells]
    lines = [
        "## Where the seconds go",
        "",
        "Seconds of one participant by what it waited for, over the whole task: starting, registering and the measured",
        "rounds; for nodes the mean. What is not listed is waiting for others, or for the next look at the chain.",
    ]
    for who, title in (("nodes_each", "a node"), ("coordinator", "the coordinator")):
        names = sorted(
            {name for cell in chosen for name in cells[cell][who]["times"]},
            key=lambda name: -max(cells[cell][who]["times"].get(name, 0.0) for cell in chosen),
        )
        lines += ["", f"| {title} | " + " | ".join(chosen) + " |", "|---|" + "---:|" * len(chosen)]
        for name in names:
            values = [f"{cells[cell][who]['times'].get(name, 0.0):.2f}" for cell in chosen]
            lines.append(f"| {name} | " + " | ".join(values) + " |")
        lines.append("| all | " + " | ".join(f"{cells[cell][who]['seconds']:.1f}" for cell in chosen) + " |")
        lines.append("| of it CPU | " + " | ".join(f"{cells[cell][who]['cpu']:.1f}" for cell in chosen) + " |")
    return "\n".join(lines)


def on_paper(cells: Cells) -> str:
    """What 10^4 nodes would need, with the arithmetic."""
    base, big = cells[BASE], cells[next(name for name in LARGEST if name in cells)]
    submit, fold = each(big, "submitUpdate"), each(big, "foldSegment")
    accept = each(big, "acceptWeights")
    segments = -(-NODES // 16)
    total = NODES * submit + (segments - 1) * fold + accept
    blocks = total / SCROLL_BLOCK_GAS
    opened = fmean(one["aggregating"] for one in big["seconds"]) / big["updates"]
    share = big["coordinator"]["times"]
    per_fold = sum(share.get(name, 0.0) for name in ("witness", "proof")) / (folds(big) + big["moves"])
    message = base["nodes_each"]["counts"]["message bytes"] / (base["moves"] * base["updates"] / base["nodes"])
    step = calldata(base) / base["updates"]
    name = f"{big['nodes']} x {big['rows']:,} x {big['features']}"
    room = 1024 * submit
    asked = max(cells.values(), key=lambda cell: cell["nodes"])
    requests = sum(n for name, n in asked["nodes_each"]["counts"].items() if name.startswith("rpc eth"))
    requests /= asked["nodes_each"]["seconds"]
    seconds = SCROLL_BLOCK_SECONDS
    return reflowed(f"""## On paper: {NODES:,} nodes, one update each

From the measured figures of {name} and {BASE} above.

* **Gas of a round.** {NODES:,} x {submit:,.0f} (submit) + {segments - 1:,} x {fold:,.0f} (fold) + {accept:,.0f}
  (accept)
  = {total / 1e6:,.0f} million. At {SCROLL_BLOCK_GAS / 1e6:.0f} million a block that is {blocks:,.0f} full blocks; at
  {seconds:g} s a block {blocks * seconds / 60:.0f} minutes, if nobody else used the chain. (Scroll's documentation
  gives
  {seconds:g} s, best effort; {SCROLL_BLOCK_GAS / 1e6:.0f} million is an assumption, each block's header has the
  limit in
  force.) A round of 1,024 updates, the most today, takes {room / 1e6:.0f} million: {room / SCROLL_BLOCK_GAS:.0f}
  blocks,
  {room / SCROLL_BLOCK_GAS * seconds / 60:.1f} minutes.
* **Calldata.** {NODES:,} x {step:,.0f} bytes = {NODES * step / 1e6:.1f} MB a round.
* **The coordinator.** A fold or aggregation took it {per_fold:.2f} s (witness and proof, on the shared machine):
  {segments:,} x {per_fold:.2f} = {segments * per_fold / 60:.0f} minutes, one after the other, since each takes up the
  partial sum of the one before. From closing to accepted weights an update cost {opened:.2f} s, with its opening, its
  share of a fold and all waiting: {NODES:,} x {opened:.2f} = {NODES * opened / 60:.0f} minutes.
* **Messages.** {message / 1e3:.1f} kB an opening with its receipt: {NODES * message / 1e6:.0f} MB a round. The
  service takes
  64 connections at once.
* **A node** does what it does among three: one proof, one transaction, one message a round, and reads its own
  updates only.
  Looking at the chain every second, it made {requests:.1f} requests a second among {asked["nodes"]}:
  {NODES:,} would make {NODES * requests:,.0f}, which no public endpoint serves. At --poll 60 it is a sixtieth, and
  a round
  two minutes longer.

### The limit of 1,024 updates, and what would lift it

HLRContract keeps a digest for each segment of 16, up to 64 of them, and the bound table of the circuits counts on
  1,024
updates of up to 1,024 rows. For 30 features the product of step matrix and gradient is at the limit of that table
  (252 of
252 bits; 249 for 3). No instance has more than 128 rows, so 8,192 updates of 128 rows would cost no bit; more,
  with 30
features, need that product in two halves.

* **A tree of folds.** A fold opens 16 updates and adds them to one partial sum, so folds form a chain of
  {segments - 1:,}.
  A fold of 16 partial sums would make it a tree: {NODES:,} updates are {NODES / 16:.0f} + {-(-NODES // 256)} +
  {-(-NODES // 4096)}
  folds and one aggregation, in four steps instead of {segments:,}, each as parallel as one likes. It takes one more
  circuit, of about as many gates (83% of `fold-16x30` opens its 16 commitments), partial sums that say how many
  updates
  they hold, and a contract that keeps the digests of a level.
* **Gas remains.** {NODES * submit / total:.0%} of it are the nodes' own proofs, each verified by itself. Less
  would take proofs that
  verify proofs, which PLONK over BN254 does not do cheaply: pairings of this curve inside a circuit over its own
  scalar
  field take millions of gates. Until then {NODES:,} nodes are several tasks, or rounds that take the first 1,024
  updates
  to arrive, which the contracts allow today.""")
