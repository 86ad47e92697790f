"""`twopm-zk serve` as a process: it says where it is, answers, and ends when it is told to."""

import json
import os
import signal
import subprocess

import httpx
import pytest
from support.people_world import World

from twopm_zk.chain import DevelopmentNode

pytestmark = [pytest.mark.slow, pytest.mark.chain]


@pytest.fixture
def started(forks, tmp_path):
    """``started(*options)``: the process, and what it said first."""
    processes = []
    with DevelopmentNode() as node:
        World(node).deployment.write(tmp_path / "deployment.json")

        def start(*options):
            command = [*forks.command, "serve", "--port", "0", "--json", "--rpc-url", node.url, *options]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOPM_ZK_")}
            if cache := os.environ.get("TWOPM_ZK_CACHE"):
                environment["TWOPM_ZK_CACHE"] = cache
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
            processes.append(process)
            return process, json.loads(process.stdout.readline())

        yield start
        for process in processes:
            process.kill()
            process.wait()
            process.stdout.close()


def test_it_needs_no_account_and_ends_when_it_is_told_to(started):
    process, said = started("--documents", ".")
    assert said["news"] == "serving"
    url = said["text"].split()[3].rstrip(";")
    assert httpx.get(f"{url}/v1/status").json()["chain"]["id"] == 31337
    assert httpx.get(f"{url}/v1/networks").json() == {"networks": [], "stale": False}
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_an_origin_that_is_none_is_refused_before_anything_is_served(started):
    process, said = started("--allow-origin", "https://app.example/")
    assert said["error"] == "InputError"
    assert "an origin is a scheme" in said["message"]
    assert process.wait(20) == 3
