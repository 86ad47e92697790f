"""The page in headless Chromium: its first load, and proofs of predictions made in it, cold and warm.

Run: python bench/page.py [--saved build/demo/network] [--runs 5]; writes bench/results/page.md. It serves the network
that `twopm-zk demo` has left, with its development chain. The browser, the server and the chain share one machine;
times are from a click to the verified answer on the screen, of one thread in a worker. Cold is a new browser profile,
which has loaded nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from native_prove import RESULTS, ROOT, cpu  # puts the package on the path
from support.demo_page import ask, served, values_of
from support.web import BUILT, Watched, chromium


def measure(browser: Any, url: str, runs: int) -> list[str]:
    values = values_of(url)
    loads, stories, cold, filled, warm = [], [], [], [], []
    size = 0
    for _ in range(runs):
        watched = Watched(browser, url)
        start = time.perf_counter()
        page = watched.open()
        page.get_by_role("link", name="Ask:").wait_for()
        loads.append(time.perf_counter() - start)
        files = [one for one in watched.requests if "/v1/" not in one.url]
        size = sum(one.sizes()["responseBodySize"] for one in files)
        page.get_by_role("link", name="Ask:").click()
        ask(page, values)
        stories.append(time.perf_counter() - start)
        for k in range(3):
            warm.append(ask(page, values | {next(iter(values)): f"{2 + (k + 1) / 8}"}))
        assert watched.problems == []
        watched.close()
        for into, pause in ((cold, 0), (filled, 5)):
            watched = Watched(browser, url)
            page = watched.open("/networks/1/ask")
            page.get_by_label(next(iter(values))).wait_for()
            into.append(ask(page, values, pause=pause))
            watched.close()

    def row(name: str, times: list[float]) -> str:
        return f"| {name} | {statistics.median(times):.2f} s | {min(times):.2f} to {max(times):.2f} s |"

    return [
        f"First load: {size / 1000:.1f} kB compressed, without answers of the API.",
        "",
        "| what | median | range |",
        "|---|---|---|",
        row("opening the page until the networks are listed", loads),
        row("from opening the page to a proven prediction, by a script that fills in at once", stories),
        row("cold, from click to verified, filled in at once", cold),
        row("cold, from click to verified, filled in within 5 s", filled),
        row("warm, from click to verified", warm),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--saved", type=Path, default=ROOT / "build" / "demo" / "network")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if not (BUILT / "index.html").exists():
        sys.exit("the page is not built: node web/build.mjs")
    with served(options.saved) as url, chromium() as browser:
        before = os.getloadavg()[0]
        lines = measure(browser, url, options.runs)
        after = os.getloadavg()[0]
        machine = f"{cpu()}, {os.cpu_count()} cores, load {before:.1f} before and {after:.1f} after"
        machine += ", with priority over other work" if os.nice(0) < 0 else ""
        head = [
            "<!-- Written by bench/page.py. -->",
            "# The page in a browser",
            "",
            f"Chromium {browser.version}, headless, {options.runs} new profiles, `predict-3` under development keys, "
            f"the network of `twopm-zk demo`. Browser, server and chain on one machine: {machine}.",
            "",
        ]
    (RESULTS / "page.md").write_text("\n".join([*head, *lines]) + "\n")


if __name__ == "__main__":
    main()
