"""A gateway under 200 clients at once: what they are answered, how soon, and what it takes of memory.

    python bench/gateway.py [--clients 200] [--seconds 30] [--rate 100000] [--out FILE.md]

The gateway runs in a process of its own, before a development chain with one certified network. Clients ask one request
after the other over a connection that is kept, by the endpoints that a page loads. Once all share the usual limit of
one address, as they do from one machine, and once a larger one (`--rate`, requests a second).
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
PATHS = (
    "/v1/status",
    "/v1/networks",
    "/v1/networks/1",
    "/v1/networks/1/form",
    "/v1/tasks",
    "/v1/tasks/1",
    "/v1/session/nonce",
)


def serve(rate: float) -> None:
    """The gateway's process: prints its address, and serves until its input ends."""
    from support.gateway_world import NetworkWorld, gateway, proven_world

    from twopm_zk.chain import DevelopmentNode
    from twopm_zk.gateway.limits import Rate
    from twopm_zk.gateway.settings import Limits

    limits = Limits(address=Rate(rate, 2 * rate)) if rate else Limits()
    with DevelopmentNode() as node, TemporaryDirectory() as name:
        stage = NetworkWorld(proven_world(node), Path(name))
        stage.offer()
        with gateway(stage, Path(name), limits=limits) as server:
            print(server.port, flush=True)
            sys.stdin.read()


def resident(pid: int) -> float:
    """Megabytes of a process in memory."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


async def client(port: int, number: int, until: float, statuses: Counter[int], seconds: list[float]) -> None:
    """One client, which comes again where its connection ends."""
    asked = number
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            statuses[-1] += 1
            continue
        try:
            while time.monotonic() < until:
                asked, begun = asked + 1, time.monotonic()
                writer.write(f"GET {PATHS[asked % len(PATHS)]} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"content-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                statuses[int(head.split()[1])] += 1
                seconds.append(time.monotonic() - begun)
        except (asyncio.IncompleteReadError, ConnectionError):
            statuses[0] += 1
        finally:
            writer.close()


async def load(port: int, clients: int, duration: float) -> tuple[Counter[int], list[float]]:
    """Statuses (0: the connection ended early, -1: there was none) and seconds of all requests."""
    statuses, seconds = Counter[int](), list[float]()
    until = time.monotonic() + duration
    await asyncio.gather(*(client(port, number, until, statuses, seconds) for number in range(clients)))
    return statuses, seconds


def measure(rate: float, clients: int, duration: float) -> list[str]:
    """The lines of the table for one rate."""
    command = [sys.executable, str(Path(__file__)), "--serve", str(rate)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        while not line.strip().isdecimal():
            line = process.stdout.readline()
        port = int(line)
        asyncio.run(load(port, clients, 3))  # warm
        before = resident(process.pid)
        statuses, seconds = asyncio.run(load(port, clients, duration))
        time.sleep(1)
        after = resident(process.pid)
        asyncio.run(load(port, clients, duration))
        time.sleep(1)
        again = resident(process.pid)
    finally:
        process.stdin.close()
        process.wait(30)
    cuts = statistics.quantiles(seconds, n=100)
    told = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    name = f"{rate:g} requests a second" if rate else "the usual, 20 requests a second"
    return [
        f"| limit of an address | {name} |",
        f"| statuses | {told} |",
        f"| requests a second | {sum(statuses.values()) / duration:.0f} |",
        f"| latency, median, 95 %, 99 % | {cuts[49] * 1000:.0f}, {cuts[94] * 1000:.0f}, {cuts[98] * 1000:.0f} ms |",
        f"| memory before, after, and after as long again | {before:.0f}, {after:.0f}, {again:.0f} MB |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=100_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return
    tables = [measure(rate, options.clients, options.seconds) for rate in dict.fromkeys((0.0, options.rate))]
    lines = [
        f"{options.clients} clients at once for {options.seconds:g} s, clients and server on one machine",
        *(f"\n| figure | measured |\n|---|---|\n{chr(10).join(table)}" for table in tables),
    ]
    print("\n".join(lines))
    if options.out:
        options.out.write_text("# The gateway under load\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
