"""Commands on a chain: deploy, stake, and what is refused."""

import json

import pytest

from twopm_zk.chain import DevelopmentNode
from twopm_zk.chain.deployment import Deployment
from twopm_zk.cli import main

pytestmark = [pytest.mark.chain, pytest.mark.prover]
ETH = 10**18


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["twopm-zk", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        return caught.value.code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def own_node():
    with DevelopmentNode() as node:
        yield node


@pytest.fixture(scope="module")
def deployed(own_node, tmp_path_factory):
    """A deployment file, made by the command."""
    path = tmp_path_factory.mktemp("deployed") / "deployment.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWOPM_ZK_PRIVATE_KEY", own_node.private_keys[0])
        arguments = [
            "deploy",
            "--rpc-url",
            own_node.url,
            "--deployment",
            str(path),
            "--instance",
            "predict-3",
            "--json",
        ]
        patch.setattr("sys.argv", ["twopm-zk", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
    assert caught.value.code == 0
    return path


@pytest.fixture
def connected(deployed, own_node, monkeypatch):
    monkeypatch.setenv("TWOPM_ZK_RPC_URL", own_node.url)
    monkeypatch.setenv("TWOPM_ZK_DEPLOYMENT", str(deployed))
    monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", own_node.private_keys[3])
    return own_node


def test_deploy_writes_addresses_code_hashes_chain_and_block(deployed):
    deployment = Deployment.read(deployed)
    assert deployment.chain_id == 31337
    assert deployment.insecure
    assert {"HLRContract", "StakingContract", "DataHub", "IdentityContract"} <= set(deployment.contracts)
    assert set(deployment.verifiers) == {"predict-3"}


def test_deploy_keeps_an_existing_file(call, connected, deployed):
    code, _, err = call("deploy", "--instance", "predict-3")
    assert code == 3
    assert "exists" in err


def test_deploy_needs_an_account(call, connected, monkeypatch, tmp_path):
    monkeypatch.delenv("TWOPM_ZK_PRIVATE_KEY")
    code, _, err = call("deploy", "--deployment", tmp_path / "d.json")
    assert code == 3
    assert "--keystore" in err


def test_stake_adds_shows_unstakes_and_waits(call, connected, deployed):
    from twopm_zk.chain import Chain

    deployment = Deployment.read(deployed)
    chain = Chain(connected.url, private_key=connected.private_keys[3])
    deployment.contract(chain, "RETHDouble").transact("deposit", value=2 * ETH)
    code, out, err = call("stake", "add", "0.5", "--asset", "2", "--json")
    assert code == 0, err
    shares = json.loads(out)["shares"]
    code, out, _ = call("stake", "show", "--json")
    assert json.loads(out)["stake_wei"] > 0
    assert json.loads(out)["assets"]["2"]["active"] == shares
    code, _, err = call("stake", "unstake", shares, "--asset", "2")
    assert code == 0, err
    code, _, err = call("stake", "withdraw", "--asset", "2")
    assert code == 8
    assert "StillExiting" in err


@pytest.mark.parametrize("amount", ["0", "-1", "nan", "1e30", "0.0000000000000000001", "one"])
def test_an_amount_that_is_none_is_refused(call, connected, amount):
    code, _, err = call("stake", "add", "--asset", "2", "--", amount)
    assert code == 3
    assert "amount" in err


def test_a_keystore_signs_and_a_wrong_password_does_not(call, connected, monkeypatch, tmp_path):
    from eth_account import Account

    key = connected.private_keys[4]
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(Account.encrypt(key, "right", iterations=2)))
    monkeypatch.delenv("TWOPM_ZK_PRIVATE_KEY")
    monkeypatch.setenv("TWOPM_ZK_KEYSTORE", str(path))
    monkeypatch.setenv("TWOPM_ZK_PASSWORD", "wrong")
    code, _, err = call("stake", "show")
    assert code == 3
    assert "wrong password" in err
    monkeypatch.setenv("TWOPM_ZK_PASSWORD", "right")
    code, out, _ = call("stake", "show", "--json")
    assert code == 0
    assert json.loads(out)["account"] == Account.from_key(key).address


def test_no_node_and_no_deployment_are_named(call, connected, monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_RPC_URL", "http://127.0.0.1:1")
    code, _, err = call("stake", "show")
    assert code == 8
    assert "no EVM node answers" in err
    code, _, err = call("stake", "show", "--deployment", tmp_path / "none.json")
    assert code == 3
    assert "twopm-zk deploy" in err
