"""Commands on a chain: deploy, stake, and what is refused."""

import json
import re
import time

import pytest

from twopm_zk.chain import Chain, DevelopmentNode
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.deployment import EAS_ADDRESSES, NOBODY, Deployment
from twopm_zk.chain.development.eigenlayer import MISSING, Delays, published
from twopm_zk.chain.network import Network
from twopm_zk.cli import main

pytestmark = [pytest.mark.chain, pytest.mark.prover]
ETH = 10**18
KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "0x" + "11" * 20
restaking = pytest.mark.skipif(published() is None, reason=MISSING)


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
    """A deployment file, made by the command; EigenLayer's delays are short."""
    path = tmp_path_factory.mktemp("deployed") / "deployment.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWOPM_ZK_PRIVATE_KEY", own_node.private_keys[0])
        patch.setattr("twopm_zk.chain.deployer.Delays", lambda: Delays(withdrawal=50))
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
    assert set(Deployment.read(path).verifiers) == {"predict-3"}  # tests add others to it
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


def test_deploy_asks_the_eas_that_is_named_and_refuses_what_is_none(call, connected, monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", connected.private_keys[0])
    deploy = ("deploy", "--deployment", tmp_path / "d.json", "--instance", "predict-3", "--eas")
    code, _, err = call(*deploy, "0x" + "11" * 20)
    assert code == 8
    assert "there is no contract at 0x1111" in err
    monkeypatch.setitem(EAS_ADDRESSES, 31337, "0x" + "22" * 20)
    code, _, err = call(*deploy, "0x" + "11" * 20)
    assert code == 8
    assert "not at 0x1111" in err
    assert "Leave --eas out" in err
    assert not (tmp_path / "d.json").exists()


@pytest.mark.slow
def test_deploy_takes_tokens_and_eigenlayer_by_address(call, connected, deployed, monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", connected.private_keys[6])
    there, path = Deployment.read(deployed), tmp_path / "d.json"
    token, treasury = there.contracts["RETHDouble"].address, connected.accounts[9]
    named = ["--instance", "predict-3", "--deployment", path, "--treasury", treasury, "--json"]
    restaked, strategy = (), ""
    if there.eigenlayer.present:
        parts = {
            "strategy-manager": there.eigenlayer.strategy_manager,
            "delegation-manager": there.eigenlayer.delegation_manager,
            "operator": there.eigenlayer.operator,
        }
        restaked = [word for name, address in parts.items() for word in ("--eigenlayer", f"{name}={address}")]
        strategy = f",strategy={asset_of(connected, there, 2)['strategy']}"
    code, _, err = call("deploy", *named, "--asset", f"rETH={token}{strategy}", *restaked)
    assert code == 0, err
    made = Deployment.read(path)
    found = asset_of(connected, made, 0)
    assert (found["token"], found["kind"], f",strategy={found['strategy']}") == (
        token,
        2,
        strategy or f",strategy={NOBODY}",
    )
    assert made.eigenlayer.delegation_manager == there.eigenlayer.delegation_manager
    assert (made.eigenlayer.rewards_coordinator, made.doubles) == (NOBODY, False)


def asset_of(node, deployment, number):
    return Network(Chain(node.url), deployment).staking.contract.call("assetAt", number)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--asset", "rETH"), "is not NAME=ADDRESS"),
        (("--asset", "rETH=0x12"), "is not an address"),
        (("--asset", f"rETH={TOKEN},owner={TOKEN}"), "more of an asset than a strategy and a rate"),
        (("--asset", f"rETH={TOKEN},rate={TOKEN},rate={TOKEN}"), "more of an asset than"),
        (
            ("--asset", f"rETH={TOKEN}", "--eigenlayer", f"manager={TOKEN}"),
            "EigenLayer has no 'manager', only strategy-",
        ),
        (("--asset", f"rETH={TOKEN}", *["--eigenlayer", f"operator={TOKEN}"] * 2), "named twice"),
        (("--eigenlayer", f"operator={TOKEN}"), "goes with --asset"),
        (("--treasury", "me"), "is not an address"),
    ],
)
def test_what_is_no_address_of_a_token_or_of_eigenlayer_is_refused(call, connected, tmp_path, options, message):
    code, _, err = call("deploy", "--deployment", tmp_path / "d.json", *options)
    assert (code, message in " ".join(err.split())) == (3, True), err


def test_deploy_keeps_an_existing_file(call, connected, deployed):
    code, _, err = call("deploy", "--instance", "predict-3")
    assert code == 3
    assert "exists" in err


def test_deploy_needs_an_account(call, connected, monkeypatch, tmp_path):
    monkeypatch.delenv("TWOPM_ZK_PRIVATE_KEY")
    code, _, err = call("deploy", "--deployment", tmp_path / "d.json")
    assert code == 3
    assert "--keystore" in err


@pytest.mark.parametrize(
    "options",
    [("--instance", "predict-3"), ("--all",), ("--force",), *[(f"--{name}", TOKEN) for name in ("treasury", "eas")]],
)
def test_adding_to_a_deployment_is_not_mixed_with_making_one(call, connected, options):
    code, _, err = call("deploy", "--add", "predict-3", *options)
    assert code == 3
    assert "--add is for a deployment that there is" in err


def test_deploy_adds_a_verifier_for_the_owner_and_writes_the_file(call, connected, deployed, monkeypatch):
    code, _, err = call("deploy", "--add", "step-48x3")
    assert code == 8
    assert "who owns the registry of verifiers" in err
    assert f"Sign as {connected_owner(connected)}" in err
    monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", connected.private_keys[0])
    before = Deployment.read(deployed)
    code, out, err = call("deploy", "--add", "step-48x3", "--add", "predict-3")
    assert code == 0, err
    assert "Deployed already: predict-3" in err
    after = Deployment.read(deployed)
    assert set(after.verifiers) == {"predict-3", "step-48x3"}
    assert after.contracts == before.contracts
    code, out, err = call("deploy", "--add", "step-48x3", "--json")
    assert code == 0, err
    assert json.loads(out)["added"] == []


@pytest.mark.slow
def test_deploy_adds_all_that_a_specification_names(call, connected, deployed, monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", connected.private_keys[0])
    features = ", ".join(f'{{name = "{name}", low = 0, high = 1}}' for name in "abc")
    text = f'label = "y"\nlambda = 1.0\nfeatures = [{features}]\nstep = {{curvature = "ranges"}}\n'
    named = (
        'instances = {step = ["step-48x3"], aggregate = "aggregate-3", certify = "certify-3", predict = "predict-3"}\n'
    )
    spec, unproven = tmp_path / "spec.toml", tmp_path / "unproven.toml"
    spec.write_text(text + named)
    unproven.write_text(text)
    code, _, err = call("deploy", "--add", unproven)
    assert (code, "a task without `instances` cannot be proven" in err) == (3, True)
    code, out, err = call("deploy", "--add", spec, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert {"aggregate-3", "certify-3"} <= set(found["added"])
    assert {"step-48x3", "aggregate-3", "certify-3", "predict-3"} <= set(found["verifiers"])
    code, _, err = call("deploy", "--add", tmp_path / "missing.toml")
    assert (code, "missing.toml" in err) == (3, True)


def connected_owner(node):
    return Chain(node.url, private_key=node.private_keys[0]).address


def test_deploy_says_what_it_costs_and_refuses_an_account_that_cannot_pay(call, connected, monkeypatch, tmp_path):
    key = "0x" + "29" * 32
    rich = Chain(connected.url, private_key=connected.private_keys[0])
    poor = rich.signing_as(key).address
    rich.send("a gift", to=poor, value=10**16)
    monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", key)
    code, _, err = call("deploy", "--instance", "predict-3", "--deployment", tmp_path / "d.json")
    assert code == 8
    assert f"{poor} has 0.010000 ETH; deploying needs 0." in err
    assert "gas at" in err
    assert f"ETH to {poor}" in err
    assert rich.balance(poor) == 10**16
    assert not (tmp_path / "d.json").exists()


@pytest.mark.slow
def test_deploy_shows_each_contract_and_how_many_there_are(call, connected, monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", connected.private_keys[7])
    path = tmp_path / "d.json"
    code, _, err = call("deploy", "--instance", "predict-3", "--deployment", path)
    assert code == 0, err
    for sentence in (r"compiled (\d+) of (\d+): ", r"(\d+) of (\d+) deployed: "):
        told = dict.fromkeys(re.findall(sentence, err))  # a busy machine tells the same line again, for it takes long
        numbers, totals = zip(*told, strict=True)
        assert set(totals) == {str(len(numbers))}
        assert numbers == tuple(str(number) for number in range(1, len(numbers) + 1))
        assert len(numbers) >= len(Deployment.read(path).contracts)
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_in_the_url_of_an_endpoint_is_not_shown(call, connected):
    for url in (f"http://127.0.0.1:1/v3/{KEY}", f"http://user:{KEY}@127.0.0.1:1", f"127.0.0.1:1/{KEY}"):
        for more in ((), ("--json",)):
            code, out, err = call("stake", "show", "--rpc-url", url, *more)
            assert code in (3, 8)
            assert "--rpc-url" in out + err
            assert KEY not in out + err


@pytest.fixture
def rich(connected, deployed):
    """The account with 4 rETH, and a network that it signs for."""
    snapshot = connected.snapshot()
    chain = Chain(connected.url, private_key=connected.private_keys[3])
    network = Network(chain, Deployment.read(deployed))
    network.contract("RETHDouble").transact("deposit", value=5 * ETH)
    yield network
    connected.revert(snapshot)


def as_json(call, *words):
    code, out, err = call(*words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_stake_adds_shows_unstakes_and_waits(call, connected, rich):
    shares = as_json(call, "stake", "add", "0.5", "--asset", "2")["shares"]
    found = as_json(call, "stake", "show")
    assert found["stake_wei"] > 0
    assert found["assets"]["2"]["active"] == shares
    assert int(found["assets"]["2"]["active_tokens"]) == ETH // 2
    available = as_json(call, "stake", "unstake", shares, "--asset", "2", "--shares")["available_at"]
    code, _, err = call("stake", "withdraw", "--asset", "2")
    assert code == 8
    assert "StillExiting" in err
    date = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(available))
    assert date in err
    code, out, _ = call("stake", "show")
    assert f"0.5 on their way out, to be withdrawn from {date}" in out
    connected.advance(11 * 86_400)  # an exit takes 10 days
    assert as_json(call, "stake", "withdraw", "--asset", "2")["amount"] == ETH // 2


def test_amounts_are_tokens_and_all_is_all(call, rich):
    call("stake", "add", "1", "--asset", "2")
    as_json(call, "stake", "unstake", "0.25", "--asset", "2")
    found = as_json(call, "stake", "show")["assets"]["2"]
    assert int(found["active_tokens"]) == pytest.approx(ETH * 3 // 4, abs=2)
    assert int(found["exiting_tokens"]) == pytest.approx(ETH // 4, abs=2)
    code, _, err = call("stake", "unstake", "0.76", "--asset", "2")
    assert code == 3
    assert "fewer than 760000000000000000" in err
    as_json(call, "stake", "unstake", "0.75", "--asset", "2")
    assert as_json(call, "stake", "show")["assets"]["2"]["active"] <= 10**6
    call("stake", "add", "1", "--asset", "2")
    as_json(call, "stake", "unstake", "all", "--asset", "2")
    assert as_json(call, "stake", "show")["stake_wei"] == 0
    code, _, err = call("stake", "unstake", "all", "--asset", "2")
    assert code == 3
    assert "nothing of asset 2" in err


@pytest.mark.parametrize("amount", ["0", "1.5", "-1", "x", "9" * 100])
def test_what_is_no_number_of_shares_is_refused(call, rich, amount):
    code, _, err = call("stake", "unstake", "--shares", "--asset", "2", "--", amount)
    assert code == 3
    assert "shares" in err


@restaking
@pytest.mark.slow
def test_what_was_delegated_comes_back(call, connected, rich):
    call("stake", "add", "1", "--asset", "2")
    as_json(call, "stake", "delegate", "0.6", "--asset", "2")
    found = as_json(call, "stake", "show")
    assert int(found["assets"]["2"]["active_tokens"]) == pytest.approx(0.4 * ETH, abs=3)
    assert int(found["assets"]["2"]["delegated_tokens"]) == pytest.approx(0.6 * ETH, abs=3)
    assert found["withdrawals"] == []
    code, _, err = call("stake", "complete")
    assert code == 3
    assert "none is on its way" in err
    code, out, err = call("stake", "undelegate", "0.2", "--asset", "2")
    assert code == 0, err
    assert "Then: twopm-zk stake complete" in out
    as_json(call, "stake", "undelegate", "all", "--asset", "2")
    found = as_json(call, "stake", "show")["withdrawals"]
    tokens = [int(entry["tokens"]) for entry in found]
    assert tokens == [pytest.approx(0.2 * ETH, abs=3), pytest.approx(0.4 * ETH, abs=3)]
    assert not any(entry["ready"] for entry in found)
    code, _, err = call("stake", "complete", "--asset", "2")
    assert code == 3
    assert f"from block {found[0]['ready_block']}, about 20" in err
    connected.advance(600, blocks=60)
    code, out, _ = call("stake", "show")
    assert "can be completed now: `twopm-zk stake complete`" in out
    done = as_json(call, "stake", "complete")["completed"]
    assert sum(entry["received"] for entry in done) == pytest.approx(0.6 * ETH, abs=6)
    found = as_json(call, "stake", "show")
    assert int(found["assets"]["2"]["active_tokens"]) == pytest.approx(ETH, abs=10)
    assert found["withdrawals"] == []


@pytest.mark.slow
def test_a_stake_of_steth_reaches_the_amount_though_transfers_round_down(call, rich):
    """The rate is no whole number, so that every transfer loses a wei or two."""
    steth = rich.contract("StETHDouble")
    steth.transact("submit", "0x" + "00" * 20, value=3 * ETH)
    for change in (123456789012345677, 7, 1234567):
        steth.transact("rebase", change)
        before = as_json(call, "stake", "show")["stake_wei"]
        as_json(call, "stake", "add", "0.5", "--asset", "0")
        assert as_json(call, "stake", "show")["stake_wei"] - before >= ETH // 2
    held = steth.call("balanceOf", rich.chain.address)
    amount = f"{(held + 2) // ETH}.{(held + 2) % ETH:018}"  # what was submitted, of which a wei or two are missing
    as_json(call, "stake", "add", amount, "--asset", "0")
    code, _, err = call("stake", "add", "1", "--asset", "0")
    assert code == 3
    assert "fewer than 1000000000000000000" in err


@restaking
def test_a_pause_of_eigenlayer_is_told(call, connected, rich):
    call("stake", "add", "1", "--asset", "2")
    owner = rich.chain.signing_as(connected.private_keys[0])
    manager = Contract(owner, published()["StrategyManager"], rich.deployment.eigenlayer.strategy_manager)
    manager.transact("pauseAll")
    code, _, err = call("stake", "delegate", "0.5", "--asset", "2")
    assert code == 8
    assert "CurrentlyPaused" in err
    assert "EigenLayer has paused" in err


@restaking
def test_a_stake_goes_to_the_operator_that_is_shown_or_named_and_to_no_other(call, connected, rich):
    call("stake", "add", "1", "--asset", "2")
    operator, other = rich.deployment.eigenlayer.operator, rich.chain.address
    assert as_json(call, "stake", "show")["operator"] == operator
    code, _, err = call("stake", "delegate", "0.5", "--asset", "2", "--operator", other)
    assert code == 8
    assert "WrongOperator" in err
    assert f"The operator is {operator} now" in err
    code, _, err = call("stake", "delegate", "0.2", "--asset", "2")
    assert code == 0
    assert f"To operator {operator}." in err.replace("\n", " ")
    assert as_json(call, "stake", "delegate", "0.3", "--asset", "2", "--operator", operator)["operator"] == operator


def test_without_an_operator_nothing_is_delegated(call, connected, rich):
    call("stake", "add", "1", "--asset", "2")
    owner = rich.signing_as(connected.private_keys[0])
    owner.contract("StakingContract").transact("setOperator", "0x" + "00" * 20)
    code, _, err = call("stake", "delegate", "0.5", "--asset", "2")
    assert code == 3
    assert "no operator at EigenLayer" in err


@pytest.mark.parametrize("amount", ["0", "-1", "nan", "1e30", "0.0000000000000000001", "one"])
def test_an_amount_that_is_none_is_refused(call, connected, amount):
    code, _, err = call("stake", "add", "--asset", "2", "--", amount)
    assert code == 3
    assert "amount" in err


@pytest.mark.slow
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
