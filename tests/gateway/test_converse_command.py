"""`twopm-zk converse` through a server that passes on, as docs/converse.md prints it."""

import json
import re
import shlex
from contextlib import ExitStack

import pytest
from support.conversations import guide_lines, read_small, runner, small_model
from support.gateway_world import OPERATOR, USER, gateway

from twopm_zk.chat.service import answering, relaying
from twopm_zk.chat.store import ConversationStore
from twopm_zk.cli.application.conversing import shown_text
from twopm_zk.conversation.receipt import KeptAnswer, verify_receipt
from twopm_zk.conversation.worker import Worker
from twopm_zk.errors import InputError, PeerError

pytestmark = [pytest.mark.slow, pytest.mark.chain]
pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def run(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return runner(file)


@pytest.fixture(scope="module")
def served(stage, file, tmp_path_factory):
    """An operator, and a server elsewhere that passes on."""
    folders = [tmp_path_factory.mktemp(name) for name in ("operator", "relay")]
    snapshot = stage.world.node.snapshot()
    with ExitStack() as stack:
        view = stage.world.view(OPERATOR)
        store = stack.enter_context(ConversationStore(folders[0] / "conversation.db"))
        worker = stack.enter_context(Worker(file))
        making = stack.enter_context(answering(view, stage.network, worker, store))
        operator = stack.enter_context(gateway(stage, folders[0], conversation=making))
        view.publish(operator.url, operator.conversation.operator.public_key)
        passing = stack.enter_context(relaying(stage.world.view(9), stage.network, view.address))
        yield operator, stack.enter_context(gateway(stage, folders[1], conversation=passing))
    stage.world.node.revert(snapshot)
    stage.world.chain.forget_nonces()


@pytest.fixture
def deployed(stage, tmp_path):
    stage.world.deployment.write(tmp_path / "deployment.json")
    return {
        "TWOPM_ZK_RPC_URL": stage.world.node.url,
        "TWOPM_ZK_DEPLOYMENT": "deployment.json",
        "TWOPM_ZK_PRIVATE_KEY": stage.world.node.private_keys[USER],
    }


def test_the_guides_commands_with_an_operator_work(run, served, stage, deployed, tmp_path, file):
    model = read_small(file)
    ask, verify = [line for line in guide_lines() if "--gateway" in line or " verify " in line]
    result = run(*shlex.split(ask.replace("http://127.0.0.1:8080", served[1].url))[1:], env=deployed)
    operator = stage.world.view(OPERATOR).address
    assert f"The operator is {operator}" in result.stderr
    (path,) = (tmp_path / "kept").iterdir()
    answer = KeptAnswer.from_document(json.loads(path.read_text()))
    assert verify_receipt(answer, model).honest
    assert shown_text(model.vocabulary.decode(answer.transcript.answer)) in result.output
    printed = re.search(r"kept/receipt-[0-9a-f]{12}\.json", verify)[0]
    assert len(printed) == len(f"kept/{path.name}")
    verified = run(*shlex.split(verify.replace(printed, str(path)))[1:])
    assert f"Operator {operator} has signed it" in verified.output
    # a receipt of another chain or contract is not one of this deployment
    document = json.loads((tmp_path / "deployment.json").read_text())
    for changes in ({"chain_id": 5}, None):
        other = {**document, **changes} if changes else document
        if changes is None:
            other["contracts"]["ConversationContract"], other["contracts"]["StakingContract"] = (
                other["contracts"]["StakingContract"],
                other["contracts"]["ConversationContract"],
            )
        (tmp_path / "other.json").write_text(json.dumps(other))
        refused = run("converse", "verify", str(path), "--deployment", "other.json", code=None)
        assert isinstance(refused.exception, InputError)
        assert "the receipt is of" in str(refused.exception)


def test_an_operator_without_a_key_is_not_asked(run, served, stage, deployed):
    stranger = stage.world.view(9).address
    result = run("converse", "hello", "--gateway", served[1].url, "--operator", stranger, code=None, env=deployed)
    assert isinstance(result.exception, PeerError)
    assert result.exception.kind == "operator-without-key"
