import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from twopm_zk.chain.development_node import CHAIN_ID, FIRST_BLOCK, STATES, DevelopmentNode, anvil_path
from twopm_zk.errors import ChainError, InputError, ToolError, ToolMissingError
from twopm_zk.system import paths


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - http://127.0.0.1
            return True
    except urllib.error.HTTPError:
        return True  # anvil refuses a GET, but is there
    except OSError:
        return False


def test_a_node_has_ten_rich_accounts_and_its_own_port():
    with DevelopmentNode() as first, DevelopmentNode() as second:
        assert first.url != second.url
        assert first.accounts == second.accounts
        assert len(first.accounts) == len(first.private_keys) == 10
        assert int(first.rpc("eth_chainId"), 16) == CHAIN_ID
        assert int(first.rpc("eth_getBalance", first.accounts[9], "latest"), 16) == 10_000 * 10**18


def test_a_closed_node_is_gone_and_so_are_its_files():
    with DevelopmentNode() as node:
        url, log = node.url, node.log
        assert log.is_file()
    assert not answers(url)
    assert not log.exists()
    node.close()  # a second time does nothing


def test_the_newest_states_are_kept_and_none_is_written(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with DevelopmentNode() as node:
        node.rpc("anvil_mine", "0x400")
        newest = int(node.rpc("eth_blockNumber"), 16)
        for block in (newest, newest - STATES + 1):
            assert int(node.rpc("eth_getBalance", node.accounts[0], hex(block)), 16) > 0
        with pytest.raises(ChainError, match="eth_getBalance"):
            node.rpc("eth_getBalance", node.accounts[0], hex(newest - STATES - 10))
        assert node.rpc("eth_getBlockByNumber", hex(newest - 1000), False)["number"] == hex(newest - 1000)
        folder = node.log.parent
        assert {file.name for file in folder.iterdir()} == {"anvil.log", "config.json"}
    assert not folder.exists()
    assert not list(tmp_path.rglob("anvil-state*"))
    with pytest.raises(ChainError, match="not running"):
        _ = node.log


def test_a_request_may_be_as_large_as_a_saved_chain():
    with DevelopmentNode() as node:
        assert node.rpc("web3_sha3", "0x" + "00" * 1_500_000).startswith("0x")


def test_a_saved_chain_goes_on_with_its_blocks_and_after_its_newest_time(tmp_path):
    saved = tmp_path / "chain"
    with DevelopmentNode() as node:
        node.rpc("anvil_setNonce", node.accounts[0], "0x7")
        node.advance(10_000, blocks=5)
        newest = node.rpc("eth_getBlockByNumber", "latest", False)
        node.save(saved)
    with DevelopmentNode() as node:
        node.load(saved)
        assert node.rpc("eth_getBlockByNumber", "latest", False)["hash"] == newest["hash"]
        assert node.rpc("eth_getTransactionCount", node.accounts[0], "latest") == "0x7"
        node.advance(5)
        after = node.rpc("eth_getBlockByNumber", "latest", False)
        assert int(after["number"], 16) == int(newest["number"], 16) + 1
        assert 5 <= int(after["timestamp"], 16) - int(newest["timestamp"], 16) < 60


def test_a_file_that_is_no_saved_chain_is_refused(tmp_path):
    (tmp_path / "chain").write_bytes(b"no chain")
    with DevelopmentNode() as node:
        with pytest.raises(InputError, match="chain' is not a chain that this version of anvil has saved"):
            node.load(tmp_path / "chain")
        with pytest.raises(InputError, match="saved chain"):
            node.load(tmp_path / "nothing")


def test_a_node_dies_with_a_parent_that_is_killed():
    program = (
        "from twopm_zk.chain.development_node import STATES, DevelopmentNode; import time\n"
        "node = DevelopmentNode().start(); print(node.url, node.log.parent, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=paths.PACKAGE_DIR.parent
    )
    url, folder = parent.stdout.readline().split()
    assert answers(url)
    assert Path(folder).is_dir()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while (answers(url) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not answers(url)
    assert not Path(folder).exists()


def test_a_log_file_of_the_users_choice_stays(tmp_path):
    with DevelopmentNode(log=tmp_path / "node.log"):
        pass
    assert "Listening on" in (tmp_path / "node.log").read_text()


@pytest.mark.slow
def test_blocks_come_by_time_where_asked():
    with DevelopmentNode(block_time=1) as node:
        deadline = time.monotonic() + 10
        while int(node.rpc("eth_blockNumber"), 16) < FIRST_BLOCK + 1 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert int(node.rpc("eth_blockNumber"), 16) > FIRST_BLOCK


def test_snapshots_undo_and_time_advances(node):
    before = int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    snapshot = node.snapshot()
    node.advance(3600, blocks=2)
    after = node.rpc("eth_getBlockByNumber", "latest", False)
    assert int(after["timestamp"], 16) >= before + 3600
    node.revert(snapshot)
    assert int(node.rpc("eth_getBlockByNumber", "latest", False)["number"], 16) == int(after["number"], 16) - 2
    with pytest.raises(ChainError):
        node.revert("0xffff")


def test_a_transaction_that_waits_does_not_come_back_after_a_snapshot(node):
    """Anvil answers with a receipt before it strikes the transaction out: up to 4 in 100 were still on its list."""
    snapshot, sent = node.snapshot(), node.rpc("eth_getTransactionCount", node.accounts[0], "latest")
    node.rpc("evm_setAutomine", False)
    node.rpc("eth_sendTransaction", {"from": node.accounts[0], "to": node.accounts[1], "value": "0x1"})
    assert int(node.rpc("txpool_status")["pending"], 16) == 1
    node.revert(snapshot)
    node.rpc("evm_setAutomine", True)
    node.rpc("anvil_mine", "0x1")
    assert node.rpc("eth_getTransactionCount", node.accounts[0], "latest") == sent


def test_a_missing_anvil_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="anvil"):
        anvil_path()


def test_a_program_that_is_not_anvil_is_reported_with_its_words(monkeypatch, tmp_path):
    fake = tmp_path / "anvil"
    fake.write_text("#!/bin/sh\necho 'error: something else'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("TWOPM_ZK_ANVIL", str(fake))
    with pytest.raises(ToolError, match="something else"), DevelopmentNode(timeout=5):
        pass


@pytest.mark.slow
def test_only_who_asks_a_chain_waits_for_the_packages_that_it_takes():
    slow = ("aiohttp", "eth_account", "py_ecc", "rich", "statsmodels", "wasmtime", "web3")
    every = (
        "import importlib; [importlib.import_module(f'twopm_zk.cli.{name}') for name in set(cli._COMMANDS.values())]"
    )
    found = f"print([name for name in {slow} if name in sys.modules])"
    program = f"import sys, twopm_zk.chain; from twopm_zk import cli; {every}; {found}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_going_back_to_a_snapshot_puts_the_clock_back_only_by_what_was_advanced():
    def is_ahead_by(node, seconds):
        before = time.time()
        node.rpc("anvil_mine", "0x1")
        block = int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        return before + seconds - 4 < block < time.time() + seconds + 4

    with DevelopmentNode() as node:
        outer = node.snapshot()
        node.advance(1000)
        inner = node.snapshot()
        node.advance(500)
        time.sleep(5)
        node.revert(inner)
        assert is_ahead_by(node, 1000)
        node.revert(outer)
        assert is_ahead_by(node, 0)
