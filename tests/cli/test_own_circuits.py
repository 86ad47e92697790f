"""A circom engineer's files: what commands write, refuse to overwrite, and find in folders and ceremonies."""

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support.ptau_files import write_ptau

from twopm_zk.cli import cli
from twopm_zk.cli.pipeline import prove as prove_commands
from twopm_zk.errors import InputError
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.ptau import blake2b_of

ROOT = Path(__file__).parents[2]
QUADRATIC = str(ROOT / "examples" / "circuits" / "quadratic.circom")
INPUT = '{"x": 3, "b": "-5", "c": 6}'
LONG = "9" * 5000
pytestmark = [pytest.mark.circuit, pytest.mark.prover]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.json").write_text(INPUT)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("compile", f"{LONG}.circom"), 3),
        (("compile", LONG), 3),
        (("setup", QUADRATIC, "--ptau", LONG), 3),
        (("setup", QUADRATIC, "--ptau-power", LONG), 2),
        (("setup", QUADRATIC, "--out", LONG), 3),
        (("compile", QUADRATIC, "-l", LONG), 3),
        (("witness", QUADRATIC, "--input", LONG, "--out", "w.wtns"), 3),
        (("prove", "files", "--zkey", LONG, "--wtns", LONG, "--out", "p"), 3),
        (("prove", "circuit", QUADRATIC, "--input", "in.json", "--out", LONG), 3),
        (("export-verifier", QUADRATIC, "--out", LONG), 3),
        (("export-verifier", QUADRATIC, "--name", LONG), 3),
        (("verify", LONG), 3),
        (("calldata", LONG), 3),
    ],
    ids=lambda value: " ".join(value).replace(LONG, "LONG") if isinstance(value, tuple) else str(value),
)
def test_a_path_or_number_of_5000_digits_is_refused_in_a_line(call, folder, words, code):
    got, _, err = call(*words)
    assert got == code, err
    assert "Traceback" not in err
    if code == 3:
        assert max(map(len, err.splitlines())) < 400


def test_an_integer_of_5000_digits_in_json_is_refused_by_the_files_name(call, folder):
    (folder / "in.json").write_text(f'{{"x": {LONG}, "b": 1, "c": 6}}')
    code, _, err = call("witness", QUADRATIC, "--input", "in.json", "--out", "w.wtns")
    assert code == 3
    assert "in.json' holds an integer of more than 100 digits" in err


def test_compile_and_setup_leave_their_files_in_a_folder(call, folder):
    code, printed, err = call("compile", QUADRATIC, "--out", "build", "--json")
    assert code == 0, err
    assert {path.name for path in (folder / "build").iterdir()} == {"quadratic.r1cs", "quadratic.wasm", "quadratic.sym"}
    assert json.loads(printed)["r1cs"] == "build/quadratic.r1cs"
    code, printed, err = call("setup", QUADRATIC, "--out", "build", "--json")
    assert code == 0, err
    assert json.loads(printed)["proving_key"] == "build/quadratic.zkey"
    assert json.loads((folder / "build" / "verification_key.json").read_text())["protocol"] == "plonk"


@pytest.mark.slow
def test_a_key_and_a_witness_in_files_are_proven_under_both_spellings(call, folder):
    assert call("setup", QUADRATIC, "--out", ".")[0] == 0
    assert call("witness", QUADRATIC, "--input", "in.json", "--out", "w.wtns")[0] == 0
    for out, words in (("one", ("prove", "files")), ("two", ("prove",))):
        code, printed, err = call(*words, "--zkey", "quadratic.zkey", "--wtns", "w.wtns", "--out", out, "--json")
        assert code == 0, err
        assert {path.name for path in (folder / out).iterdir()} == {
            "proof.json",
            "public.json",
            "verification_key.json",
        }
        assert call("verify", out)[0] == 0
        assert json.loads((folder / out / "public.json").read_text()) == json.loads(printed)["public"]


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (("compile", QUADRATIC, "--out", "."), "quadratic.sym"),
        (("setup", QUADRATIC, "--out", "."), "verification_key.json"),
        (("setup", QUADRATIC, "--out", "."), "quadratic.zkey"),
        (("witness", QUADRATIC, "--input", "in.json", "--out", "w.wtns"), "w.wtns"),
        (("prove", "circuit", QUADRATIC, "--input", "in.json", "--out", "."), "proof.json"),
        (("prove", QUADRATIC, "--input", "in.json", "--out", "."), "verification_key.json"),
        (("prove", "files", "--zkey", "k", "--wtns", "w", "--out", "."), "public.json"),
        (("export-verifier", QUADRATIC, "--out", "V.sol"), "V.sol"),
    ],
)
def test_nothing_is_overwritten_without_force(call, folder, words, file):
    (folder / file).write_text("of the user's")
    code, _, err = call(*words)
    assert code == 3
    assert "exists\nGive another --out, or --force to replace it." in err
    assert (folder / file).read_text() == "of the user's"
    assert len(list(folder.iterdir())) == 2
    if words[:2] != ("prove", "files"):
        code, _, err = call(*words, "--force")
        assert code == 0, err
        assert (folder / file).read_bytes() != b"of the user's"


@pytest.mark.slow
def test_libraries_are_searched_by_every_command_that_compiles(call, folder):
    (folder / "vendor" / "mylib").mkdir(parents=True)
    half = "template Half() { signal input x; signal output y; y <-- x / 2; y * 2 === x; }\n"
    (folder / "vendor" / "mylib" / "half.circom").write_text("pragma circom 2.1.9;\n" + half)
    (folder / "use.circom").write_text(
        'pragma circom 2.1.9;\ninclude "mylib/half.circom";\n'
        "template Use() { signal input x; signal output y; signal h <== Half()(x); y <== h * x; }\n"
        "component main = Use();\n"
    )
    (folder / "in.json").write_text('{"x": 8}')
    code, _, err = call("compile", "use.circom")
    assert code == 5
    assert "Name another folder with -l FOLDER." in err
    for words in (
        ("compile", "use.circom"),
        ("setup", "use.circom"),
        ("witness", "use.circom", "--input", "in.json", "--out", "w.wtns"),
        ("prove", "use.circom", "--input", "in.json", "--out", "one"),
        ("prove", "circuit", "use.circom", "--input", "in.json", "--out", "two"),
        ("export-verifier", "use.circom", "--out", "V.sol"),
    ):
        code, _, err = call(*words, "-l", "vendor", "--json")
        assert code == 0, err
    assert json.loads((folder / "one" / "public.json").read_text()) == ["32"]


@pytest.mark.slow
def test_a_proof_without_public_inputs_has_the_verdicts_of_all_that_can_take_it(call, folder):
    if find_backend("native")[1]:
        pytest.skip("only the native prover proves it")
    (folder / "in.json").write_text('{"a": 2, "b": 3, "c": 4}')
    hidden = ROOT / "tests" / "circuits" / "hidden.circom"
    assert call("prove", hidden, "--input", "in.json", "--out", "p")[0] == 0
    code, out, err = call("verify", "p", "--with", "all")
    assert code == 0, err
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["native", "valid"],
        ["snarkjs", "valid"],
        ["python", "valid"],
        ["evm", "not"],
    ]
    assert "evm      not applicable: " in out
    document = json.loads(call("verify", "p", "--with", "all", "--json")[1])
    assert document["valid"] is True
    assert [row["valid"] for row in document["verifiers"]] == [True, True, True, None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stem", "contract"),
    [("2fa", "Circuit2faVerifier"), ("my circuit (1)", "MyCircuit1Verifier"), ("é", "CircuitVerifier")],
)
def test_the_default_name_of_a_contract_is_an_identifier(call, tmp_path, stem, contract):
    path = tmp_path / f"{stem}.circom"
    path.write_text(Path(QUADRATIC).read_text())
    code, out, err = call("export-verifier", path)
    assert code == 0, err
    assert f"contract {contract} {{" in out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("step --data d --label l", "step --data d --label l"),
        ("--json step --data d", "step --json --data d"),
        ("step-119x3 --data d --label l", "step --instance step-119x3 --data d --label l"),
        ("--data=d --out p step-119x3", "step --instance step-119x3 --data=d --out p"),
        ("my.circom --input i --out o", "circuit my.circom --input i --out o"),
        ("--out o --input i my.circom", "circuit my.circom --out o --input i"),
        ("step-48x3 --input i", "circuit step-48x3 --input i"),
        ("information-48x3 --data d --label l", "information --instance information-48x3 --data d --label l"),
        ("information --data d", "information --data d"),
        ("my.circom --help", "circuit my.circom --help"),
        ("-l vendor my.circom --input i", "circuit my.circom -l vendor --input i"),
        ("--zkey k --wtns w --out o", "files --zkey k --wtns w --out o"),
    ],
)
def test_words_without_a_name_mean_the_proof_that_they_meant_before(old, new):
    assert prove_commands._spelt_out(old.split()) == new.split()


def test_a_step_and_a_circuit_have_one_name_each(call):
    assert list(prove_commands.prove.commands) == ["step", "information", "circuit", "files"]
    assert call("prove", "circuit", "step-48x3", "--data", "rows.csv", "--out", "p")[0] == 2
    assert call("prove", "step", "--input", "in.json", "--out", "p")[0] == 2


@pytest.fixture
def ptau(fresh_keys, folder):
    """A ptau outside the published table, which its user trusts."""
    return write_ptau(folder / "ours.ptau", 4, 1234567)


def test_a_ceremony_named_once_is_known_to_every_other_command(call, folder, ptau):
    code, _, err = call("setup", QUADRATIC, "--ptau", ptau)
    assert code == 0
    assert f"--ptau-digest {blake2b_of(ptau)}" in err
    code, out, err = call("setup", QUADRATIC, "--ptau", ptau, "--ptau-digest", blake2b_of(ptau), "--json")
    assert (code, json.loads(out)["insecure"]) == (0, False)
    for words in (
        ("prove", QUADRATIC, "--input", "in.json", "--out", "p"),
        ("export-verifier", QUADRATIC, "--out", "V.sol"),
    ):
        code, _, err = call(*words, "--ptau", ptau)
        assert code == 0
        assert "nsecure" not in err
        assert "--ptau" not in err
    assert "a digest named by the user" in (folder / "V.sol").read_text().splitlines()[0]


def test_every_command_that_takes_a_ptau_takes_its_digest():
    taking = []
    pending = [((), cli)]
    while pending:
        words, command = pending.pop()
        if isinstance(command, click.Group):
            context = click.Context(command)
            pending += [((*words, n), command.get_command(context, n)) for n in command.list_commands(context)]
            continue
        shown = CliRunner().invoke(cli, [*words, "--help"]).output
        assert ("--ptau " in shown) == ("--ptau-digest " in shown), words
        taking += [" ".join(words)] if "--ptau " in shown else []
    assert {"setup", "prove step", "prove circuit", "export-verifier", "deploy", "node run", "audit"} <= set(taking)


def test_a_digest_of_another_file_and_a_digest_alone_are_refused(call, ptau):
    words = "prove", QUADRATIC, "--input", "in.json", "--out", "p"
    code, _, err = call(*words, "--ptau", ptau, "--ptau-digest", "0" * 128)
    assert code == 6
    assert "not the digest that was given" in err
    code, _, err = call(*words, "--ptau-digest", "0" * 128)
    assert code == 3
    assert "--ptau-digest needs --ptau" in err


def test_who_brought_too_small_a_ceremony_is_advised_a_larger_one_and_the_path_as_given(call, folder, ptau):
    text = (ROOT / "tests" / "circuits" / "fifty.circom").read_text()
    (folder / "my circuit.circom").write_text(text)
    code, _, err = call("setup", "my circuit.circom", "--ptau", ptau)
    assert code == 6
    power = int(re.search(r"of power (\d+) or more: twopm-zk setup", err.splitlines()[-1])[1])
    assert power > 4
    assert err.splitlines()[-1].endswith("setup 'my circuit.circom' --ptau powersOfTau28_hez_final_08.ptau")
    code, _, err = call("setup", "my circuit.circom", "--ptau-power", "3")
    assert code == 6
    assert err.splitlines()[-1].endswith(f"twopm-zk setup 'my circuit.circom' --ptau-power {power}")


def test_the_powers_of_development_files_in_the_help_are_those_that_work(call):
    assert "1<=x<=22" in call("setup", "--help")[1]
    assert call("setup", QUADRATIC, "--ptau-power", "23")[0] == 2


def test_inputs_are_looked_at_before_keys_are_made(folder, monkeypatch):
    monkeypatch.setattr(prove_commands, "obtain_keys", lambda *_, **__: pytest.fail("keys are made first"))
    (folder / "wrong.json").write_text('{"x": "0xzz", "b": "-5", "c": 6}')
    done = CliRunner().invoke(cli, ["prove", "circuit", QUADRATIC, "--input", "wrong.json", "--out", "p"])
    assert isinstance(done.exception, InputError)
    assert done.exception.message == "input signal 'x' has a value that is not an integer"
    assert done.exception.hint == "Write decimal digits, or 0x and up to 64 hexadecimal digits."
