"""`twopm-zk chain`: a chain to try everything on."""

import json
import os
import signal
import subprocess
import sys

import pytest
from eth_account import Account
from support.people_shell import CODE

from twopm_zk.chain import Chain
from twopm_zk.chain.deployment import Deployment

pytestmark = [pytest.mark.chain, pytest.mark.slow]


class Running:
    def __init__(self, folder, *words):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE, "chain", "--json", *words],
            cwd=folder,
            env={**os.environ, "TWOPM_ZK_DEPLOYMENT": "deployment.json"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("}"):
                break
        assert lines, self.process.stderr.read()
        self.said = json.loads("".join(lines))
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()


def ended(running, how):
    running.process.send_signal(how)
    running.process.communicate(timeout=30)
    return running.process.returncode


def test_a_chain_runs_until_it_is_stopped_and_its_keystores_open(tmp_path):
    with Running(tmp_path, "--port", "0") as running:
        said = running.said
        assert len(said["keystores"]) == 10
        keystore = json.loads((tmp_path / said["keystores"][3]).read_text())
        assert keystore["version"] == 3
        key = Account.decrypt(keystore, said["password"])
        chain = Chain(said["rpc_url"], private_key="0x" + key.hex().removeprefix("0x"))
        assert chain.chain_id == said["chain_id"] == 31337
        assert chain.balance(chain.address) == 10_000 * 10**18
        assert chain.send("a transfer", to=chain.address, value=1).gas_used == 21_000
        assert ended(running, signal.SIGINT) == 0
    with Running(tmp_path, "--port", "0") as running:  # the keystores of last time are as good
        assert ended(running, signal.SIGTERM) == 0


def test_a_port_that_is_taken_and_a_folder_of_other_accounts_are_refused(tmp_path):
    with Running(tmp_path, "--port", "0") as running:
        port = running.said["rpc_url"].rpartition(":")[2]
        other = Running(tmp_path, "--port", port)
        out, _ = other.process.communicate(timeout=30)
        assert other.process.returncode == 3
        assert f"port {port} of 127.0.0.1 is taken" in json.loads(out)["message"]
    path = tmp_path / running.said["keystores"][2]
    path.write_text(json.dumps(Account.encrypt("0x" + "11" * 32, "x", iterations=2)))
    other = Running(tmp_path, "--port", "0")
    out, _ = other.process.communicate(timeout=30)
    assert other.process.returncode == 3
    assert "another account's" in json.loads(out)["message"]


def test_everything_is_deployed_where_that_is_asked_for(tmp_path):
    with Running(tmp_path, "--port", "0", "--deploy", "--instance", "predict-3") as running:
        deployment = Deployment.read(tmp_path / running.said["deployment"])
        deployment.check(Chain(running.said["rpc_url"]))
        assert set(deployment.verifiers) == {"predict-3"}
        assert ended(running, signal.SIGINT) == 0
    path = tmp_path / "deployment.json"
    path.write_text(path.read_text().replace('"chain_id": 31337', '"chain_id": 1'))
    other = Running(tmp_path, "--port", "0", "--deploy")
    out, _ = other.process.communicate(timeout=30)
    assert other.process.returncode == 3
    assert "is of a public chain" in json.loads(out)["message"]
