"""The command: what it prints, what it refuses, and with which exit code."""

import json
import math
import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support import hashed_proofs
from support.web import chromium, missing_for_the_page

from twopm_zk import errors
from twopm_zk.cli import cli
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.pedersen import GRADIENT, Opening
from twopm_zk.system import paths

ROOT = Path(__file__).parents[2]
QUADRATIC = str(ROOT / "examples" / "circuits" / "quadratic.circom")
ROWS = "GPA,TUCE,GRADE\n3.0,20,0\n3.5,25,1\n"


def look_at_the_page(network, folder, forks, variables):
    """Ask the demonstration's network in a browser, on its own chain; UPDATE_PICTURES=1 keeps what it looks like."""
    from support.demo_page import served, take_pictures

    kept = ROOT / "docs" / "images" if os.environ.get("UPDATE_PICTURES") else folder
    with served(network, forks.command, variables) as url, chromium() as browser:
        take_pictures(browser, url, kept)
    assert {path.name for path in kept.glob("page-*.png")} == {"page-network.png", "page-answer.png"}


def run(*arguments, env=None):
    """Run as the shell would: exit code, standard output, standard error."""
    code = "from twopm_zk.cli import main; main()"

    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | (env or {}))


@pytest.fixture
def step_files(tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "w.json").write_text('{"GPA": 0.5, "TUCE": 0.1, "intercept": -1}')
    (tmp_path / "s.json").write_text('{"TUCE": {"centre": 22, "scale": 8}}')
    return tmp_path


def leaf_commands(group=cli, path=()):
    """Every command that does something, as its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaf_commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("words", list(leaf_commands()), ids=" ".join)
def test_every_command_has_help_with_an_example_and_json(words):
    shown = CliRunner().invoke(cli, [*words, "--help"])
    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert f"twopm-zk {' '.join(words)}" in shown.output
    assert "--json" in shown.output


def test_no_command_takes_a_private_key_or_password_from_the_command_line():
    for words in leaf_commands():
        shown = CliRunner().invoke(cli, [*words, "--help"]).output.lower()
        assert "--private-key" not in shown
        assert "--password" not in shown


@pytest.mark.slow
def test_the_list_of_commands_says_of_each_what_click_would():
    """It is made from their sources, by a process that has imported none of them."""
    code = """
import sys
from twopm_zk.cli import cli
if "by click" in sys.argv:
    del type(cli).format_commands
cli.main(["--help"], prog_name="twopm-zk", terminal_width=100, standalone_mode=False)
print(len([name for name in sys.modules if name.startswith("twopm_zk.cli.")]), file=sys.stderr)
"""
    ours, clicks = (
        subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        for words in ((), ("by click",))
    )
    assert ours.stdout == clicks.stdout
    assert int(ours.stderr) == 0 < int(clicks.stderr)


def test_exit_codes_of_the_help_are_those_of_the_errors():
    shown = " ".join(CliRunner().invoke(cli, ["--help"]).output.split())
    for error, words in (
        (errors.InputError, "input that cannot be used"),
        (errors.ToolError, "a program is missing"),
        (errors.CircuitError, "circuit"),
        (errors.KeysError, "keys"),
        (errors.ProvingError, "no proof could be made"),
        (errors.ChainError, "chain"),
    ):
        assert f"{error.exit_code} {words}" in shown


def test_doctor_finds_all_that_is_required(call):
    code, out, _ = call("doctor", "--json")
    report = json.loads(out)
    assert (code, report["healthy"]) == (0, True)
    assert {"node", "snarkjs", "circom", "anvil", "solc"} <= {row["name"] for row in report["findings"]}


def test_doctor_names_what_is_missing_and_exits_with_4(call, monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path / "nothing"))
    code, out, _ = call("doctor")
    assert code == 4
    assert "MISSING  snarkjs" in out
    assert "make setup" in out


def test_doctor_installs_nothing_where_all_packages_are(call):
    code, out, _ = call("doctor", "--install", "--json")
    assert code == 0
    assert json.loads(out)["packages"] == {"folder": str(paths.node_modules_folder()), "fetched": False}


def test_doctor_leaves_packages_alone_that_it_did_not_install(call, monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path))
    code, _, err = call("doctor", "--install")
    assert code == 4
    assert "is not what package-lock.json says" in err
    assert "TWOPM_ZK_NODE_MODULES names that folder: unset it" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_circuits_lists_every_instance_with_its_sizes(call):
    _, out, _ = call("circuits", "--json")
    rows = {row["name"]: row for row in json.loads(out)["circuits"]}
    assert rows["step-119x3"]["rows"] == 119
    assert rows["step-119x3"]["features"] == 3
    assert set(rows["step-48x3"]) >= {"template", "parameters", "constraints", "gates", "power", "keys"}


@pytest.mark.circuit
def test_compile_counts_constraints_and_gates(call):
    code, out, _ = call("compile", QUADRATIC, "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["constraints"], document["gates"]) == (3, 5)
    assert document["public_inputs"] == ["b", "c"]


def test_an_unknown_circuit_is_refused_with_the_closest_name(call):
    code, _, err = call("compile", "step-48x33")
    assert code == 3
    assert "there is no circuit 'step-48x33'" in err
    assert "step-48x3" in err


def test_json_errors_are_json(call):
    code, out, _ = call("compile", "nothing", "--json")
    document = json.loads(out)
    assert code == 3
    assert document["error"] == "InputError"
    assert document["hint"]


@pytest.mark.circuit
def test_a_ptau_power_too_small_says_which_is_needed(call):
    code, _, err = call("setup", "predict-3", "--ptau-power", "5")
    assert code == 6
    assert "of power 5 covers 32" in err
    assert "twopm-zk setup predict-3 --ptau-power 11" in err


@pytest.mark.circuit
def test_witness_writes_a_private_file(call, tmp_path):
    (tmp_path / "in.json").write_text('{"x": 3, "b": "-5", "c": 6}')
    code, _, err = call("witness", QUADRATIC, "--input", tmp_path / "in.json", "--out", tmp_path / "w.wtns")
    assert code == 0, err
    assert stat.S_IMODE((tmp_path / "w.wtns").stat().st_mode) == 0o600


@pytest.mark.circuit
@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("{", 3, "is not JSON"),
        ("[1]", 3, "is not an object"),
        ('{"x": 3, "b": 1}', 3, "c"),
        ('{"x": 3, "b": 1, "c": 1, "d": 1}', 3, "d"),
        ('{"x": 987654321, "b": 1, "c": 1}', 7, "refuses these inputs"),
    ],
)
def test_bad_circuit_inputs_are_refused_without_their_values(call, tmp_path, content, code, message):
    (tmp_path / "in.json").write_text(content)
    got, _, err = call("witness", QUADRATIC, "--input", tmp_path / "in.json", "--out", tmp_path / "w.wtns")
    assert got == code
    assert message in err
    assert "987654321" not in err
    assert not (tmp_path / "w.wtns").exists()


def prove_arguments(folder, **changes):
    options = {
        "--data": folder / "rows.csv",
        "--label": "GRADE",
        "--weights": folder / "w.json",
        "--scaling": folder / "s.json",
        "--out": folder / "proof",
    } | changes
    return ["prove", "step", *(str(part) for pair in options.items() if pair[1] is not None for part in pair)]


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"--label": "NONE"}, 3, "there is no column 'NONE'"),
        ({"--label": None}, 2, "Missing option '--label'"),
        ({"--scaling": None}, 3, "column 'TUCE', row 1 is outside [-8, 7.99976]"),
        ({"--data": "nothing.csv"}, 3, "cannot be read"),
        ({"--weights": "nothing.json"}, 3, "cannot be read"),
        ({"--scale": "X=1,2"}, 3, "names 'X', which is no column"),
        ({"--scale": "GPA=1"}, 3, "is not NAME=CENTRE,SCALE"),
        ({"--scale": "GPA=1,0"}, 3, "scale that is not 0"),
        ({"--context": "-1"}, 3, "--context is not a natural number below 21888"),
        ({"--context": str(FIELD_ORDER)}, 3, "--context is not a natural number below 21888"),
        ({"--context": "9" * 5000}, 3, "--context is not a natural number below 21888"),
    ],
)
def test_a_step_that_cannot_be_prepared_is_refused_and_leaves_nothing(call, step_files, changes, code, message):
    got, _, err = call(*prove_arguments(step_files, **changes))
    assert got == code, err
    assert message in err
    assert not (step_files / "proof").exists()


def test_more_rows_than_the_largest_instance_are_refused_by_size(call, step_files):
    (step_files / "rows.csv").write_text("GPA,TUCE,GRADE\n" + "1,20,0\n" * 1024)
    code, _, err = call(*prove_arguments(step_files))
    assert code == 5
    assert "1024 rows x 2 features fit no step instance" in err
    assert "the largest is 1023 x 3" in err


def test_an_earlier_proof_is_not_overwritten_without_force(call, step_files):
    (step_files / "proof").mkdir()
    (step_files / "proof" / "opening.json").write_text("{}")
    code, _, err = call(*prove_arguments(step_files))
    assert code == 3
    assert "its salt and blinding would be lost" in err
    assert (step_files / "proof" / "opening.json").read_text() == "{}"


def test_verify_refuses_a_folder_without_a_proof(call, tmp_path):
    code, _, err = call("verify", tmp_path)
    assert code == 3
    assert "proof.json" in err


def test_an_unreadable_command_line_exits_with_2(call):
    assert call("verify")[0] == 2
    assert call("nothing")[0] == 2


@pytest.mark.prover
@pytest.mark.slow
def test_the_information_of_the_same_rows_is_proven_too(call, step_files):
    words = ["prove", "information", *prove_arguments(step_files)[2:], "--json"]
    code, out, err = call(*words)
    assert code == 0, err
    document = json.loads(out)
    assert document["circuit"] == "information-48x3"
    assert document["update_commitment"]["y"] == document["public"][2]
    rows = [(3.0, (20 - 22) / 8), (3.5, (25 - 22) / 8)]
    chances = [1 / (1 + math.exp(-(0.5 * gpa + 0.1 * tuce - 1))) for gpa, tuce in rows]
    expected = sum(chance * (1 - chance) for chance in chances)
    assert document["information"]["intercept"][-1] == pytest.approx(expected, rel=2e-3)
    assert call("verify", step_files / "proof", "--with", "python")[0] == 0


@pytest.fixture(scope="module")
def proven(tmp_path_factory):
    """One step proven through the command, rows padded in both directions."""
    folder = tmp_path_factory.mktemp("step")
    (folder / "rows.csv").write_text(ROWS)
    (folder / "w.json").write_text("[0.5, 0.1, -1]")
    (folder / "s.json").write_text('{"TUCE": {"centre": 22, "scale": 8}}')
    finished = run(*prove_arguments(folder), "--json")
    assert finished.returncode == 0, finished.stderr
    return folder / "proof", json.loads(finished.stdout)


@pytest.mark.prover
@pytest.mark.slow
class TestProvenStep:
    def test_leaves_the_files_of_snarkjs_and_a_private_opening(self, proven):
        folder, document = proven
        assert {path.name for path in folder.iterdir()} == {
            "proof.json",
            "public.json",
            "verification_key.json",
            "opening.json",
        }
        assert stat.S_IMODE((folder / "opening.json").stat().st_mode) == 0o600
        opening = json.loads((folder / "opening.json").read_text())
        assert opening["rows"] == 2
        assert json.loads((folder / "public.json").read_text()) == document["public"]

    def test_the_opening_opens_the_update_commitment(self, proven):
        folder, document = proven
        opening = json.loads((folder / "opening.json").read_text())
        sums = tuple(int(value) for value in opening["sums"])
        point = Opening(GRADIENT, sums, opening["rows"], int(opening["blinding"])).point
        assert opening["sums_frac_bits"] == GRADIENT.frac_bits
        assert {"x": str(point.x), "y": str(point.y)} == document["update_commitment"] == opening["point"]
        assert str(point.y) == document["public"][2]

    def test_snarkjs_itself_accepts_the_folder(self, proven):
        folder, _ = proven
        snarkjs = paths.npm_package("snarkjs") / "build" / "cli.cjs"
        files = [str(folder / name) for name in ("verification_key.json", "public.json", "proof.json")]
        command = ["node", str(snarkjs), "plonk", "verify", *files]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stdout

    @pytest.mark.chain
    def test_every_verifier_accepts_it(self, proven, call):
        folder, _ = proven
        code, out, _ = call("verify", folder, "--with", "all", "--json")
        document = json.loads(out)
        assert (code, document["valid"]) == (0, True)
        assert {"snarkjs", "python", "evm"} <= {row["verifier"] for row in document["verifiers"]}

    @pytest.mark.chain
    @pytest.mark.parametrize("verifier", ["snarkjs", "python", "evm"])
    @pytest.mark.parametrize("index", [0, 1, 2])
    def test_a_tampered_public_input_exits_with_1(self, proven, call, tmp_path, verifier, index):
        folder, document = proven
        for path in folder.iterdir():
            (tmp_path / path.name).write_text(path.read_text())
        public = list(document["public"])
        public[index] = str(int(public[index]) ^ 1)
        (tmp_path / "public.json").write_text(json.dumps(public))
        code, out, _ = call("verify", tmp_path, "--with", verifier)
        assert code == 1
        assert "INVALID" in out

    def test_an_aliased_public_input_is_an_error(self, proven, call, tmp_path):
        folder, document = proven
        for path in folder.iterdir():
            (tmp_path / path.name).write_text(path.read_text())
        public = [str(int(document["public"][0]) + FIELD_ORDER), *document["public"][1:]]
        (tmp_path / "public.json").write_text(json.dumps(public))
        code, _, err = call("verify", tmp_path)
        assert code == 3
        assert "FIELD_ORDER" in err

    def test_calldata_has_24_and_3_numbers(self, proven, call):
        _, out, _ = call("calldata", proven[0])
        proof, public = json.loads(f"[{out}]")
        assert (len(proof), len(public)) == (24, 3)

    def test_export_verifier_names_the_contract_and_warns(self, call, tmp_path):
        code, _, err = call("export-verifier", "step-48x3", "--name", "StepVerifier", "--out", tmp_path / "v.sol")
        source = (tmp_path / "v.sol").read_text()
        assert code == 0
        assert "Insecure keys" in err
        assert "contract StepVerifier {" in source
        assert source.splitlines()[0].startswith("// Generated")

    @pytest.mark.chain
    def test_demo_is_valid_everywhere_and_near_the_floating_point_update(self, call, tmp_path, forks, monkeypatch):
        """In the training, proofs about rows are hashes: tests/cli/test_people_commands.py has a story of real ones."""
        variables = {} if os.environ.get("UPDATE_PICTURES") else hashed_proofs.ROWS
        hashed_proofs.install(variables, monkeypatch.setattr)
        code, out, _ = call("demo", "--out", tmp_path / "demo", "--json")
        document = json.loads(out)
        assert (code, document["valid"]) == (0, True)
        assert document["gates"] <= 16_384
        for name, value in document["update"].items():
            assert value == pytest.approx(document["floating_point"][name], abs=1e-3)
        assert 0 < document["verifiers"][-1]["gas"] < 310_000
        if missing_for_the_page() is None:
            look_at_the_page(Path(document["training"]["network"]), tmp_path, forks, variables)
