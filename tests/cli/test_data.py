"""`data register`: commitments on the chain, salts in the state file, and nothing twice."""

import json
import stat
import tomllib

import pytest
from support.hospital import COLUMNS, SPECIFICATION, write_export
from support.people_world import double_verifier

from twopm_zk.chain import Chain, DevelopmentNode
from twopm_zk.chain.deployer import deploy_all
from twopm_zk.cli import main
from twopm_zk.cli.network.deploy import DEFAULT_INSTANCES
from twopm_zk.node.store import NodeStore
from twopm_zk.rows.tables import load_spector
from twopm_zk.system import paths
from twopm_zk.task.specification_file import parse_spec

pytestmark = pytest.mark.chain
SPEC = paths.examples_dir() / "spector.toml"
HOSPITAL = parse_spec(tomllib.loads(SPECIFICATION)).instances
HOSPITAL_OTHERS = (HOSPITAL.aggregate, HOSPITAL.certify, HOSPITAL.predict)


@pytest.fixture(scope="module")
def own_node():
    with DevelopmentNode() as running:
        yield running


@pytest.fixture
def call(own_node, tmp_path, monkeypatch, capsys):
    path = tmp_path / "deployment.json"
    chain = Chain(own_node.url, private_key=own_node.private_keys[0])
    instances = sorted({*DEFAULT_INSTANCES, *HOSPITAL.step, *HOSPITAL.information, *HOSPITAL_OTHERS})
    deploy_all(chain, verifiers=[double_verifier(name) for name in instances]).write(path)
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


@pytest.mark.slow
def test_held_out_rows_are_registered_under_a_name_of_their_own(call, tmp_path):
    spec, state = tmp_path / "spec.toml", tmp_path / "node.db"
    spec.write_text(SPEC.read_text().replace("[statistics]", "[statistics]\nheld_out = true\n"))
    write_rows(tmp_path / "rows.csv", 12)
    write_rows(tmp_path / "later.csv", 20)
    words = ("data", "register", spec, "--data", tmp_path / "rows.csv", "--state", state)
    more = ("--held-out", tmp_path / "later.csv")
    code, _, err = call(*words)
    assert (code, "this node has none: it takes no part in that" in " ".join(err.split())) == (0, True)
    code, out, err = call(*words, *more)
    assert code == 0, err
    assert "takes no part" not in err
    assert "12 rows and 20 held-out ones in 2 batches are registered" in out
    code, out, _ = call(*words, *more, "--json")
    found = json.loads(out)
    assert (code, found["rows"], found["held_out_rows"]) == (0, 12, 20)
    assert list(found["commitments"]) == list(found["held_out_commitments"]) == ["0"]
    assert found["commitments"] != found["held_out_commitments"]
    code, out, _ = call(*words, "--held-out", tmp_path / "rows.csv", "--json")
    assert (code, "are those that this node trains on" in json.loads(out)["message"]) == (3, True)


def test_held_out_rows_are_refused_where_the_specification_has_no_use_for_them(call, tmp_path):
    write_rows(tmp_path / "rows.csv", 12)
    write_rows(tmp_path / "later.csv", 20)
    words = ("data", "register", SPEC, "--data", tmp_path / "rows.csv", "--state", tmp_path / "node.db")
    code, out, _ = call(*words, "--held-out", tmp_path / "later.csv", "--json")
    assert (code, "evaluates nothing on held-out rows" in json.loads(out)["message"]) == (3, True)


@pytest.mark.slow
def test_an_export_of_a_hospital_is_registered_as_it_is_with_a_specification_alone(call, tmp_path):
    (tmp_path / "spec.toml").write_text(SPECIFICATION)
    export = write_export(tmp_path / "export.csv")
    content, state = export.read_bytes(), tmp_path / "node.db"
    code, out, err = call("data", "check", tmp_path / "spec.toml", "--data", export)
    assert (code, "everything fits" in out) == (0, True), err
    code, out, err = call("data", "register", tmp_path / "spec.toml", "--data", export, "--state", state)
    assert code == 0, err
    assert "900 rows in 4 batches are registered" in out
    assert "separated by semicolons, decimal comma" in err
    assert export.read_bytes() == content
    spec = parse_spec(tomllib.loads(SPECIFICATION))
    with NodeStore(state) as store:
        batches = [entry.batch for entry in store.batches(spec.data_terms.id)]
    assert sum(len(batch.labels) for batch in batches) == 900
    assert {batch.features.shape[1] for batch in batches} == {COLUMNS}


def test_rows_that_are_refused_are_told_which_command_lists_all_problems(call, tmp_path):
    (tmp_path / "spec.toml").write_text(SPECIFICATION)
    export = write_export(tmp_path / "export.csv")
    text = export.read_text(encoding="utf-8-sig").replace("surgery", "theatre")
    export.write_text(text.replace(";yes", ";YES"))
    words = ("data", "register", tmp_path / "spec.toml", "--data", export, "--state", tmp_path / "node.db")
    code, _, err = call(*words)
    assert code == 3
    assert "column 'ward', row 2 has none of the categories" in err
    assert "more rows have the same, and there are 1 more problems" in err
    assert "twopm-zk data check" in err
    assert "theatre" not in err
