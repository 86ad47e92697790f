"""`data register`: commitments on the chain, salts in the state file, and nothing twice."""

import json
import stat

import pytest
from support.people_world import double_verifier

from twopm_zk.chain import Chain, DevelopmentNode
from twopm_zk.chain.deployer import deploy_all
from twopm_zk.cli import main
from twopm_zk.cli.network.deploy import DEFAULT_INSTANCES
from twopm_zk.rows.tables import load_spector
from twopm_zk.system import paths

pytestmark = pytest.mark.chain
SPEC = paths.examples_dir() / "spector.toml"


@pytest.fixture(scope="module")
def own_node():
    with DevelopmentNode() as running:
        yield running


@pytest.fixture
def call(own_node, tmp_path, monkeypatch, capsys):
    path = tmp_path / "deployment.json"
    chain = Chain(own_node.url, private_key=own_node.private_keys[0])
    deploy_all(chain, verifiers=[double_verifier(name) for name in DEFAULT_INSTANCES]).write(path)
    monkeypatch.setenv("TWOPM_ZK_RPC_URL", own_node.url)
    monkeypatch.setenv("TWOPM_ZK_DEPLOYMENT", str(path))
    monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", own_node.private_keys[2])

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["twopm-zk", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        return caught.value.code, printed.out, printed.err

    return run


def write_rows(path, count):
    table = load_spector()
    lines = [",".join((*table.names, "GRADE"))]
    lines += [
        ",".join(map(str, (*row, label)))
        for row, label in zip(table.features[:count], table.labels[:count], strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


def test_registering_twice_registers_once_and_other_rows_are_refused(call, tmp_path):
    write_rows(tmp_path / "rows.csv", 12)
    arguments = ("data", "register", SPEC, "--data", tmp_path / "rows.csv", "--state", tmp_path / "node.db", "--json")
    code, out, err = call(*arguments)
    assert code == 0, err
    first = json.loads(out)
    assert first["rows"] == 12
    assert len(first["commitments"]) == 1
    assert stat.S_IMODE((tmp_path / "node.db").stat().st_mode) == 0o600
    code, out, _ = call(*arguments)
    assert (code, json.loads(out)["commitments"]) == (0, first["commitments"])
    write_rows(tmp_path / "rows.csv", 11)
    code, out, _ = call(*arguments)
    assert code == 3
    assert "others than those this node has committed to" in json.loads(out)["message"]
