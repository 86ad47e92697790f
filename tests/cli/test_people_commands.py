"""The commands of everybody, as processes, with real proofs: from deployment to a proven prediction."""

import json
import signal
import sqlite3

import pytest
from support.people_shell import Shell, write_rows
from support.people_world import SPEC, replace, tables

from twopm_zk.chain import Chain, DevelopmentNode
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.network import Network
from twopm_zk.prediction.requests import predict_shape, quantized_row
from twopm_zk.statements import PredictStatement
from twopm_zk.task.specification_file import write_spec
from twopm_zk.training.in_process import train

pytestmark = [pytest.mark.slow, pytest.mark.prover, pytest.mark.chain]
ROW = {"GPA": 3.4, "TUCE": 25.0, "PSI": 1.0}


@pytest.fixture
def shell(tmp_path, native, forks):
    with DevelopmentNode() as node:
        made = Shell(node, tmp_path, forks)
        yield made
        made.close()


def test_everybody_by_their_commands(shell, tmp_path):
    spec = replace(SPEC, gradient_bound=0.1)
    write_spec(spec, tmp_path / "spec.json")
    parts = tables((11, 11, 10))
    for number, table in enumerate(parts):
        write_rows(tmp_path / f"rows{number}.csv", table)
    shell.run(0, "deploy")
    network = Network(
        Chain(shell.node.url, private_key=shell.node.private_keys[6]), Deployment.read(tmp_path / "deployment.json")
    )
    address = Chain(shell.node.url, private_key=shell.node.private_keys[1]).address

    coordinator = shell.start(1, "coordinator", "run", "spec.json", "--straggler-seconds", "600", "--poll", "0.2")
    nodes = []
    for number in range(3):
        words = (
            "--data",
            f"rows{number}.csv",
            "--coordinator",
            address,
            "--state",
            f"node{number}.db",
            "--poll",
            "0.2",
        )
        nodes.append(shell.start(2 + number, "node", "run", "spec.json", *words))
    said = [out + err for out, err in shell.outcomes(coordinator, *nodes)]
    last = json.loads(said[0].splitlines()[-1])
    expected = train(parts, spec)
    assert (last["news"], last["certified"], last["coefficients"]) == ("finished", True, expected.coefficients)

    # nothing private in what any of them has printed
    for number in range(3):
        stored = sqlite3.connect(tmp_path / f"node{number}.db")
        secrets = [row[0] for row in stored.execute("SELECT salt FROM batches")]
        secrets += [row[0] for row in stored.execute("SELECT value FROM meta WHERE name = 'aggregation key'")]
        assert secrets
        for text in said:
            assert not any(secret in text for secret in secrets)

    # an auditor without an account, with two verifiers: nothing is wrong, and nothing proven under development keys
    for verifier in ("native", "python"):
        report = json.loads(shell.run(None, "audit", "1", "--spec", "spec.json", "--verifier", verifier, code=12))
        assert (report["verdict"], report["failed"], report["verifier"]) == ("insecure-keys", 0, verifier)
        assert (report["sound"], report["certified"]) == (False, False)
        assert report["coefficients"] == expected.coefficients
        assert "step-48x3" in report["insecure_keys"]
        assert len(report["certificate_covers"]["nodes"]) == 3
    shown = json.loads(shell.run(None, "task", "show", "1", "--spec", "spec.json"))
    assert (shown["phase"], shown["coefficients"]) == ("finished", expected.coefficients)
    assert "step-48x3" in shown["insecure_keys"]
    assert [task["task"] for task in json.loads(shell.run(None, "task", "list"))["tasks"]] == [1]
    shares = json.loads(shell.run(None, "node", "ledger", "--state", "node0.db"))["shares"]
    assert [one["round"] for one in shares] == list(range(expected.moves + 2))  # the information, and each gradient
    assert shown["certified_rows"] == 32

    # a user with a stake, and one without
    for number in (6, 7):
        member = network.signing_as(shell.node.private_keys[number])
        member.contract("RETHDouble").transact("deposit", value=4 * 10**18)
        member.staking.stake(2, 2 * 10**18)
    # the coordinator's network: with a fee, of which the data owners get most
    shell.run(1, "network", "metadata", "spec.json", "--out", "network.json")
    words = ("--metadata", "network.json", "--fee", "0.001", "--owners-share", "70", "--operator-stake", "0.5")
    created = json.loads(shell.run(1, "network", "create", "spec.json", "--task", "1", *words))
    assert (created["network"], created["fee"], created["owners_share"]) == (1, "0.001 ETH", "70 %")
    enrolled = json.loads(shell.run(8, "network", "enrol", "1"))
    assert (len(enrolled["enrolled"]), enrolled["complete"]) == (3, True)
    operator = shell.start(6, "operator", "run", "spec.json", "--network", "1", "--poll", "0.2")
    while json.loads(operator.stdout.readline())["news"] != "offered":
        pass
    (tmp_path / "student.json").write_text(json.dumps(ROW))
    words = ("predict", "spec.json", "--network", "1", "--operator", network.chain.address, "--input", "student.json")
    refused = json.loads(shell.run(7, *words, code=3))
    assert refused["kind"] == "fee-not-agreed"
    words = (*words, "--maximum-fee", "0.001")
    answer = json.loads(shell.run(7, *words, "--poll", "0.2"))
    weights = network.hlr.state(1).weights
    twin = PredictStatement(predict_shape(spec), 0, weights, quantized_row(spec, ROW))
    assert answer["units"] == twin.prediction
    assert "predict-3" in answer["insecure_keys"]
    (tmp_path / "class.json").write_text(json.dumps([ROW, ROW]))
    several = [word.replace("student", "class") for word in words]
    answers = json.loads(shell.run(7, *several, "--poll", "0.2"))
    assert [one["units"] for one in answers] == [twin.prediction] * 2
    assert answers[1]["request"] == answers[0]["request"] + 1
    refused = json.loads(shell.run(8, *words, "--state", "poor.db", code=8))
    assert (refused["error"], "StakeTooLow" in refused["message"]) == ("TransactionError", True)
    operator.send_signal(signal.SIGTERM)
    operator.communicate(timeout=20)
    assert operator.returncode == 0

    # three fees of 0.001 ETH: 70 % to three data owners of one update each, the rest to the operator
    fee = 3 * 10**15
    assert json.loads(shell.run(6, "fees", "show"))["owed"]["eth"] == str(fee * 3 // 10)
    (claim,) = json.loads(shell.run(2, "fees", "show"))["claims"]
    assert (claim["network"], claim["amount"]) == (1, str(fee * 7 // 10 // 3))
    assert len(json.loads(shell.run(2, "fees", "claim"))["claimed"]) == 1
    for number, amount in ((2, fee * 7 // 10 // 3), (6, fee * 3 // 10)):
        assert json.loads(shell.run(number, "fees", "withdraw"))["paid"][0]["amount"] == str(amount)

    # nobody answers any more: what was paid is taken back
    client = network.signing_as(shell.node.private_keys[7])
    verifier = network.verifier_id("predict-3")
    (asked,) = client.inference.ask(client.networks.get(1), network.chain.address, verifier, [5])
    assert json.loads(shell.run(7, "predict", "refund"))["refunded"] == []  # it may still be accepted
    (returned,) = json.loads(shell.run(7, "predict", "refund", str(asked)))["refunded"]
    assert (returned["request"], returned["returned"]) == (asked, "0.001 ETH")
    shell.run(6, "operator", "withdraw", "--network", "1")
    shell.run(1, "network", "close", "1")
    shown = json.loads(shell.run(None, "network", "show", "1"))
    assert (shown["closed"], shown["operators"], len(shown["data_owners"])) == (True, [], 3)
