"""The commands of docs/federated.md over a chain, line by line as printed, by processes: one task of the example."""

import json
import shutil

import numpy as np
import pytest
from support.guides import ROOT, Person, Stage, finished, sections

from twopm_zk.chain import Chain, DevelopmentNode
from twopm_zk.chain.deployer import deploy_all
from twopm_zk.chain.deployment import Terms
from twopm_zk.federated import federate, load_model, read_federated

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.timeout(900)]

PAGE, COORDINATOR, OWNERS = "federated", 1, (2, 3, 4)
OVER = [name for name in sections(PAGE) if name.startswith("Over a chain")]


@pytest.fixture
def stage(tmp_path, forks):
    with DevelopmentNode() as node:
        made = Stage(node, tmp_path, forks)
        yield made
        made.close()


def rows(path, number):
    """Images of which only the number is like the example's."""
    random = np.random.default_rng(number)
    np.savez(path, x=random.integers(0, 17, (40, 64)).astype(float), y=random.integers(0, 10, 40))


def person(stage, name, account):
    made = Person(stage, name, account)
    shutil.copy(ROOT / "examples" / "digits.py", made.folder)
    return made


def test_the_commands_over_a_chain_work_as_printed(stage):
    coordinator = person(stage, "coordinator", COORDINATOR)
    chain = Chain(stage.node.url, private_key=stage.node.private_keys[0])
    terms = Terms()
    deploy_all(chain, verifiers=[], treasury=stage.node.accounts[9], terms=terms).write(
        coordinator.folder / "deployment.json"
    )
    text = (ROOT / "examples" / "digits.toml").read_text()
    for printed, value in (("file:///srv/digits", f"file://{stage.folder}/storage"), ("maximum = 20", "maximum = 2")):
        assert printed in text
        text = text.replace(printed, value)
    for seconds in ("collecting_seconds = 60", "ready_seconds = 30", "aggregating_seconds = 60"):
        assert seconds in text
        text = text.replace(seconds, seconds.partition("=")[0] + "= 600")
    (coordinator.folder / "digits.toml").write_text(text)
    rows(coordinator.folder / "part-0.npz", 0)
    running = coordinator.follows(PAGE, OVER[0])
    people = []
    for number, account in enumerate(OWNERS):
        owner = person(stage, f"owner{number}", account).takes("")
        shutil.copy(coordinator.folder / "federated.json", owner.folder)
        rows(owner.folder / "rows.npz", number)
        running += owner.follows(PAGE, OVER[1])
        people.append(owner)
    finished(stage, running)
    reader = person(stage, "reader", None).takes("")
    shutil.copy(coordinator.folder / "federated.json", reader.folder)
    reader.follows(PAGE, OVER[2])
    assert "Sound: 2 accepted results" in stage.said()
    spec = read_federated(coordinator.folder / "federated.json")
    models = [
        load_model(f"{owner.folder}/digits.py:Digits", {"data": str(owner.folder / "rows.npz")}) for owner in people
    ]
    *_, expected = federate(spec, models)
    with np.load(reader.folder / "model.npz") as found:
        for name, array in zip(found.files, expected.arrays(spec), strict=True):
            assert (found[name] == array).all()
    coordinator.follows(PAGE, OVER[3])
    (log,) = [path for path in coordinator.folder.glob("*.log") if "network enrol" in path.read_text()]
    assert log.read_text().count(": 1 updates") == len(OWNERS)
    assert "All data owners are enrolled." in log.read_text()
    assert json.loads((coordinator.folder / "federated.json").read_text())["model"]["initial"] == spec.initial.hex()
    printed = {(PAGE, name, line) for name in OVER for line in sections(PAGE)[name]}
    assert printed - stage.done == set()
    assert "Traceback" not in stage.said()
