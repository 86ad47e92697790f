"""The network of `twopm-zk demo` in a browser: served on its own chain, asked by a script, and pictures of it."""

import io
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from types import MappingProxyType

import httpx
from support.web import ROOT, Watched

PORT = 8923


@contextmanager
def served(folder, program=(sys.executable, ROOT / "cli.py"), variables=MappingProxyType({})):
    """The URL of its page, once it is audited; ``program`` is the command, and ``variables`` go to its environment."""
    command = [*program, "serve", "--saved", folder, "--port", str(PORT)]
    with subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL) as server:
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
            server.wait(30)


def values_of(url):
    """A value within each range, by label."""
    inputs = httpx.get(f"{url}/v1/networks/1/form").json()["inputs"]
    middles = {one["label"]: (one["minimum"] + one["maximum"]) / 2 for one in inputs}
    return {one["label"]: f"{middles[one['label']]:{'.0f' if one['step'] == 1 else '.2f'}}" for one in inputs}


def ask(page, values, *, pause=0.0):
    """Seconds from a click to the verified answer."""
    for label, value in values.items():
        page.get_by_label(label).fill(value)
    time.sleep(pause)
    start = time.perf_counter()
    page.get_by_role("button", name="Predict and prove").click()
    page.get_by_role("status").get_by_text("Computing").or_(page.get_by_text("Loading the prover")).first.wait_for()
    page.get_by_role("heading", name="nswer").wait_for()
    return time.perf_counter() - start


def take_pictures(browser, url, folder):
    """Those of docs/application-user.md."""
    watched = Watched(browser, url, viewport={"width": 720, "height": 1000})
    page = watched.open("/networks/1")
    page.get_by_text("UNPROVEN").wait_for()
    page.get_by_role("heading", name="What is proven").evaluate("one => scrollTo(0, one.offsetTop - 16)")
    _keep(page.screenshot(), folder / "page-network.png")
    page.get_by_role("link", name="Ask this network").click()
    ask(page, values_of(url))
    page.evaluate("scrollTo(0, 0)")
    _keep(page.screenshot(full_page=True), folder / "page-answer.png")
    assert watched.problems == []
    watched.close()


def _keep(picture, path):
    """With a palette: a third of the bytes."""
    from PIL import Image

    Image.open(io.BytesIO(picture)).convert("RGB").quantize(64).save(path, optimize=True)
