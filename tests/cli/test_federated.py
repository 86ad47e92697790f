"""Commands on federated specifications: what they refuse, and what they say to do next."""

import json
import shutil
from dataclasses import replace

import pytest
from support.federated_world import FederatedStage, specification
from support.people_world import SPEC

from twopm_zk.chain.tasks import Phase
from twopm_zk.federated import write_federated
from twopm_zk.task.specification_file import write_spec

CODE = """
import numpy as np

class Line:
    def __init__(self, width="3"):
        self.width = int(width)

    def parameters(self):
        return [np.zeros(self.width), np.zeros(1)]

    def fit(self, parameters, config):
        raise KeyError("patient 4711")

    def evaluate(self, parameters, config):
        return 0.0, 1, {}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A specification, its draft, and models, in the present folder."""
    monkeypatch.chdir(tmp_path)
    spec = specification(tmp_path, locations=1)
    write_federated(spec, tmp_path / "federated.json")
    write_federated(replace(spec, initial=None), tmp_path / "draft.json")
    write_spec(SPEC, tmp_path / "regression.json")
    (tmp_path / "line.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name")
    return tmp_path


NODE = ("node", "run", "federated.json", "--coordinator", "0x" + "11" * 20)

INITIAL = ("spec", "initial", "draft.json", "--model", "line.py:Line", "--out", "agreed.json")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (NODE, 2, "needs --model FILE.py:Name"),
        ((*NODE, "--model", "line.py:Line", "--minimum-rows", 5), 2, "--minimum-rows is an option of regression"),
        ((*NODE, "--model", "line.py:Line", "--privacy-limit", 5), 2, "--privacy-limit is an option of regression"),
        ((*NODE, "--model", "line.py:Line", "--model-argument", "width"), 2, "is not KEY=VALUE"),
        ((*NODE, "--model", "line.py:Curve"), 3, "has no class or function 'Curve'"),
        ((*NODE, "--model", "broken.py:Line"), 3, "cannot be imported"),
        ((*NODE, "--model", "line.py:Line", "--data", "line.py", "--data-number", 5), 2, "exclude each other"),
        ((*NODE, "--model", "line.py:Line", "--data", "nothing.csv"), 3, "'nothing.csv' cannot be read"),
        ((*NODE[:2], "regression.json", *NODE[3:], "--model", "a.py:A"), 2, "--model is an option of federated"),
        (("coordinator", "run", "draft.json"), 3, "twopm-zk spec initial draft.json"),
        (("coordinator", "run", "federated.json"), 10, "twopm-zk spec initial federated.json"),
        (("task", "show", 1, "--spec", "federated.json", "--statistics"), 2, "--statistics"),
        (("task", "show", 1, "--spec", "regression.json", "--contract", "hfl"), 2, "--spec of a regression"),
        (("audit", 1, "--spec", "federated.json", "--report", "audit.html"), 2, "--report is an option of audits of"),
        (("data", "check", "federated.json", "--data", "line.py"), 3, "A federated specification goes with"),
        (("task", "parameters", 1, "--spec", "regression.json", "--out", "model.npz"), 3, "`kind`"),
        (("spec", "initial", "draft.json", "--model", "line.py:Line", "--out", "draft.json"), 3, "--force"),
        ((*INITIAL, "--model-argument", "width=4"), 3, "twopm-zk spec check draft.json"),
        ((*INITIAL, "--location", 3), 3, "--location 3 is none of the 1"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_do(call, folder, words, code, said):
    found, out, err = call(*words)
    assert (found, said in out + err) == (code, True), out + err
    assert "Traceback" not in err


def test_a_storage_that_cannot_be_written_is_named(call, folder):
    (folder / "storage0").write_text("no folder")
    code, _, err = call(*INITIAL)
    assert code == 10
    assert "storage location 0 cannot be used" in err
    assert "--location NUMBER" in err
    assert not (folder / "agreed.json").exists()


def test_what_training_starts_from_is_fixed_and_stored(call, folder):
    code, out, _ = call("spec", "check", "draft.json")
    assert (code, "`model.initial` is missing" in out) == (0, True)
    code, out, _ = call(*INITIAL, "--json")
    found = json.loads(out)
    assert code == 0
    assert (folder / "storage0" / f"{found['initial']}.bin").exists()
    assert (folder / "agreed.json").read_text() == (folder / "federated.json").read_text()
    code, out, _ = call("spec", "check", "agreed.json", "--json")
    assert json.loads(out)["specification"] == found["specification"]


@pytest.fixture
def stage(world, folder):
    made = FederatedStage(world, folder, nodes=3, spec=specification(folder, locations=1))
    yield made
    made.close()


@pytest.fixture
def on_chain(call, world, folder, monkeypatch):
    """A command that signs as an account of the chain."""
    world.deployment.write(folder / "deployment.json")
    monkeypatch.setenv("TWOPM_ZK_RPC_URL", world.node.url)

    def run(account, *words):
        world.chain.forget_nonces()
        monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", world.node.private_keys[account])
        return call(*words)

    return run


@pytest.mark.slow
def test_a_task_by_hand_from_its_creation_on(on_chain, stage, folder):
    for node in stage.nodes[:2]:
        node._register()
    code, _, err = on_chain(1, "task", "create", "federated.json")
    assert (code, "2 of 3 nodes have registered" in err) == (9, True)
    stage.nodes[2]._register()
    code, out, _ = on_chain(1, "task", "create", "federated.json")
    assert (code, "twopm-zk task open 1 --contract hfl" in out) == (0, True)
    code, out, _ = on_chain(1, "task", "open", 1, "--contract", "hfl")
    assert (code, "twopm-zk task close 1 --contract hfl" in out) == (0, True)
    stage.task = 1
    code, out, _ = on_chain(1, "task", "parameters", 1, "--spec", "federated.json", "--out", "model.npz")
    assert code == 3
    stage.until(Phase.COLLECTING, coordinator=False, when=lambda state: state.updates == 3)
    assert on_chain(1, "task", "close", 1, "--contract", "hfl")[0] == 0
    stage.until(Phase.SUMMED, coordinator=False)
    stage.nodes[0].tick()
    code, out, _ = on_chain(1, "task", "show", 1, "--spec", "federated.json", "--json")
    found = json.loads(out)
    assert (found["phase"], found["results"], found["latest_result"]) == ("summed", "0 of 2", None)
    assert sum(node["confirmed"] is not None for node in found["nodes_of_the_attempt"].values()) == 1
    code, out, _ = on_chain(1, "task", "show", 1, "--contract", "hfl")
    assert (code, "confirmed 0x" in out) == (0, True)
    stage.nodes[1].tick()
    stage.nodes[2].tick()
    code, out, _ = on_chain(1, "task", "list", "--contract", "hfl", "--json")
    assert json.loads(out)["tasks"][0]["results"] == 1
    code, out, _ = on_chain(1, "task", "parameters", 1, "--spec", "federated.json", "--out", "model.npz", "--json")
    assert json.loads(out)["result"] == stage.expected(rounds=1)[-1].hash.hex()
    code, _, err = on_chain(1, "task", "parameters", 1, "--spec", "federated.json", "--out", "b.npz", "--round", 1)
    assert (code, "none is of round 1" in err) == (3, True)
    code, out, _ = on_chain(1, "audit", 1, "--spec", "federated.json", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "sound")
    shutil.rmtree(folder / "storage0")
    code, out, _ = on_chain(1, "audit", 1, "--spec", "federated.json")
    assert (code, "NOT CHECKED" in out, "what training starts from is not in the storage" in out) == (1, True, True)
    code, _, err = on_chain(1, "task", "parameters", 1, "--spec", "federated.json", "--out", "c.npz")
    assert (code, "Whoever has it can put it there again" in err) == (10, True)
    code, _, err = on_chain(1, "task", "finish", 1, "--contract", "hfl")
    assert code == 8


@pytest.mark.slow
def test_a_node_says_what_is_wrong_with_its_model(on_chain, stage, folder):
    words = ("node", "run", "federated.json", "--coordinator", stage.view(1).address, "--model", "line.py:Line")
    more = ("--data", "line.py", "--state", "own.db", "--poll", "0.05")
    code, _, err = on_chain(5, *words, *more, "--model-argument", "width=4")
    assert code == 3
    assert "the parameters of the model have the shapes [4], [1]; the specification has [3], [1]" in err
    stage.nodes[0]._register()
    stage.nodes[1]._register()
    from twopm_zk.hfl.data import digest_of_files, register_data
    from twopm_zk.hfl.store import FederatedStore
    from twopm_zk.participants.rounds.membership import register_key

    with FederatedStore(folder / "own.db") as store:
        view = stage.view(5)
        view.identity.join("", b"")
        register_key(view, store)
        register_data(view, stage.spec, store, digest_of_files([folder / "line.py"]))
        store.belongs_to(view.address, view.fingerprint)
    stage.begin()
    code, out, err = on_chain(5, *words, *more)
    assert code == 3
    assert "`fit` of the model raised KeyError in line.py, line 12" in err
    assert "4711" not in out + err
