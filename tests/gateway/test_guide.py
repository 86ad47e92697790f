"""docs/api.md as its readers use it: examples run, every endpoint is listed, the message is the one that is taken."""

import json
import re
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from support.conversations import small_model
from support.gateway_world import OPERATOR, USER, gateway, sign_in

from twopm_zk.chat.desk import WAITING
from twopm_zk.chat.service import answering
from twopm_zk.chat.store import ConversationStore
from twopm_zk.conversation.worker import Worker
from twopm_zk.gateway.endpoints import ENDPOINTS
from twopm_zk.gateway.sessions import SignIn
from twopm_zk.gateway.settings import Limits
from twopm_zk.system.programs import node as node_program

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "api.md").read_text()
EXAMPLES = re.findall(r"^```(sh|js)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_table_of_endpoints_is_whole_and_in_order():
    listed = re.findall(r"^\| `((?:GET|POST|DELETE) /v1/[^`]*)` \|", GUIDE, re.MULTILINE)
    assert listed == [f"{one.method} {one.path}" for one in ENDPOINTS]


def test_the_message_that_is_printed_is_one_that_can_be_signed():
    (text,) = re.findall(r"^```\n([^`\n]* wants you to sign in [^`]*)\n```", GUIDE, re.MULTILINE)
    assert SignIn.parse(text).chain_id == 31337


def test_the_limits_are_those_of_the_server():
    usual = Limits()
    for said in (
        f"{usual.body >> 10} kB, a delivery 256 kB",
        f"{usual.address.each_second} requests a second, {usual.address.burst} at once",
        f"{usual.account.burst} predictions at once, then one every five seconds",
        f"{usual.answers.burst} answers in conversations at once, then one every 20 seconds",
        f"{WAITING} conversations",
        f"{usual.connections} connections, {usual.listeners} listeners ({usual.listeners_each} of an address), "
        f"{usual.queue} jobs",
    ):
        assert said in GUIDE
    assert (usual.account.each_second, usual.answers.each_second) == (1 / 5, 1 / 20)


@pytest.mark.slow
@pytest.mark.chain
@pytest.mark.prover
def test_every_example_runs_in_its_order(stage, tmp_path):
    page = tmp_path / "web"
    subprocess.run([node_program(), ROOT / "web" / "build.mjs", page], check=True, capture_output=True, cwd=ROOT)
    (tmp_path / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    environment = {"PATH": f"{Path(node_program()).parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    with ExitStack() as stack:
        worker = stack.enter_context(Worker(small_model(tmp_path)))
        store = stack.enter_context(ConversationStore(tmp_path / "conversation.db"))
        making = stack.enter_context(answering(stage.world.view(OPERATOR), stage.network, worker, store))
        server = stack.enter_context(gateway(stage, tmp_path, page=page, conversation=making))
        with httpx.Client(base_url=server.url, timeout=60) as client:
            session = sign_in(client, stage)
            row = {"GPA": 3, "TUCE": 22, "PSI": 0}
            answer = client.post("/v1/networks/1/predictions", json={"input": row}, headers=session)
            (found,) = answer.json()["predictions"]
        question = {"network": 1, "proof": found["proof"], "public": found["public"]}
        (tmp_path / "to-verify.json").write_text(json.dumps(question))
        environment |= {
            "TOKEN": session["Authorization"].removeprefix("Bearer "),
            "PRIVATE_KEY": stage.world.node.private_keys[USER],
        }
        said = []
        for number, (language, text) in enumerate(EXAMPLES):
            here = text.replace("http://127.0.0.1:8080", server.url)
            if language == "sh":
                command = ["/bin/sh", "-e", "-c", here.replace("curl ", "curl --silent --show-error --fail-with-body ")]
            else:
                script = tmp_path / f"example{number}.js"
                script.write_text(here)
                command = [node_program(), script]
            finished = subprocess.run(
                command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environment, check=False
            )
            assert finished.returncode == 0, f"{text}\n{finished.stdout}{finished.stderr}"
            said.append(finished.stdout)
    assert '"valid":true,"matches":{"model":true}' in "".join(said)
    assert [text for text in said if text.startswith("1 Grades after a course INSECURE KEYS")]
    assert f"signed by {stage.world.view(OPERATOR).address}" in "".join(said)
    assert shutil.which("curl")
