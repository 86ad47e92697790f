"""A deployment compared with the chain, as every command does first, through an endpoint some way off.

    python bench/endpoint.py [--away 10 100] [--runs 5]

Reads go together, and alone as over an endpoint that takes no batches, in turn; writes bench/results/endpoint.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "endpoint.md"
sys.path.insert(0, str(ROOT / "tests"))


def opened(node: Any, deployment: Any, *, away: float, batches: int) -> tuple[float, int, int]:
    """Seconds to open a view of a deployment, and how many bodies and requests that took."""
    from support.rpc_proxy import RpcProxy

    from twopm_zk.chain import Chain, Network
    from twopm_zk.participants.task_view import ChainView

    class Remote(RpcProxy):
        def answer_body(self, body: Any) -> Any:
            time.sleep(away / 1000)
            return super().answer_body(body)

    with Remote(node.url, batches=batches) as proxy:
        begun = time.perf_counter()
        ChainView(Network(Chain(proxy.url), deployment))
        return time.perf_counter() - begun, proxy.bodies, sum(proxy.counted.values())


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--away", type=int, nargs="+", default=[10, 100], help="milliseconds to the endpoint and back")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    from twopm_zk.chain import Chain, DevelopmentNode, deploy_all

    lines = [
        "# A command's first look at a deployment",
        "",
        f"Made by `python bench/endpoint.py`; medians of {options.runs}, both ways in turn.",
        "",
        "| endpoint, ms away | reads | bodies | requests | seconds |",
        "|--:|---|--:|--:|--:|",
    ]
    with DevelopmentNode() as node:
        chain = Chain(node.url, private_key=node.private_keys[0])
        deployment = deploy_all(chain, verifiers=[], treasury=node.accounts[9])
        for away in options.away:
            ways = {"together": 1000, "alone": 1}
            found: dict[str, list[tuple[float, int, int]]] = {name: [] for name in ways}
            for _ in range(options.runs):
                for name, batches in ways.items():
                    found[name].append(opened(node, deployment, away=away, batches=batches))
            for name, runs in found.items():
                _, bodies, requests = runs[0]
                seconds = statistics.median(one[0] for one in runs)
                lines.append(f"| {away} | {name} | {bodies} | {requests} | {seconds:.2f} |")
    text = "\n".join(lines) + "\n"
    RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
