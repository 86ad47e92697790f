"""The page in headless Chromium: its first load, and proofs of predictions made in it, cold and warm.

Run: python bench/page.py [--saved build/demo/network] [--runs 5] [--pictures]; writes bench/results/page.md, and with
--pictures the pictures of docs/application-user.md. It serves the network that `twopm-zk demo` has left, with its
development chain. The browser, the server and the chain share one machine; times are from a click to the verified
answer on the screen, of one thread in a worker. Cold is a new browser profile, which has loaded nothing.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from native_prove import RESULTS, ROOT, cpu  # puts the package on the path
from PIL import Image
from support.web import BUILT, Watched, chromium

PICTURES = ROOT / "docs" / "images"
PORT = 8923
Values = dict[str, str]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    command = [sys.executable, ROOT / "cli.py", "serve", "--saved", folder, "--port", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{PORT}"
            for _ in range(300):
                try:
                    if httpx.get(f"{url}/v1/networks").json()["networks"][0]["certified"]:
                        break
                except (httpx.HTTPError, LookupError):
                    pass
                time.sleep(0.2)
            while httpx.get(f"{url}/v1/networks/1/audit").json()["state"] == "running":
                time.sleep(0.5)
            yield url
        finally:
            server.terminate()
            server.wait()


def values_of(url: str) -> Values:
    """A value within each range, by label."""
    inputs = httpx.get(f"{url}/v1/networks/1/form").json()["inputs"]
    middles = {one["label"]: (one["minimum"] + one["maximum"]) / 2 for one in inputs}
    return {one["label"]: f"{middles[one['label']]:{'.0f' if one['step'] == 1 else '.2f'}}" for one in inputs}


def ask(page: Any, values: Values, *, pause: float = 0) -> float:
    """Seconds from a click to the verified answer."""
    for label, value in values.items():
        page.get_by_label(label).fill(value)
    time.sleep(pause)
    start = time.perf_counter()
    page.get_by_role("button", name="Predict and prove").click()
    page.get_by_role("status").get_by_text("Computing").or_(page.get_by_text("Loading the prover")).first.wait_for()
    page.get_by_role("heading", name="nswer").wait_for()
    return time.perf_counter() - start


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


def pictures(browser: Any, url: str) -> None:
    watched = Watched(browser, url, viewport={"width": 720, "height": 1000})
    page = watched.open("/networks/1")
    page.get_by_text("UNPROVEN").wait_for()
    page.get_by_role("heading", name="What is proven").evaluate("one => scrollTo(0, one.offsetTop - 16)")
    keep(page.screenshot(), "page-network.png")
    page.get_by_role("link", name="Ask this network").click()
    ask(page, values_of(url))
    page.evaluate("scrollTo(0, 0)")
    keep(page.screenshot(full_page=True), "page-answer.png")
    watched.close()


def keep(picture: bytes, name: str) -> None:
    """With a palette: a third of the bytes."""
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(64).save(PICTURES / name, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--saved", type=Path, default=ROOT / "build" / "demo" / "network")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--pictures", action="store_true", help="write the pictures of the documentation, and nothing else"
    )
    options = parser.parse_args()
    if not (BUILT / "index.html").exists():
        sys.exit("the page is not built: node web/build.mjs")
    with served(options.saved) as url, chromium() as browser:
        if options.pictures:
            pictures(browser, url)
            return
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
