"""`spec` and `data check`, as those who write a specification and those who hold rows use them."""

import json
import tomllib

import pytest
from support.hospital import COLUMNS, SPECIFICATION, write_export

from twopm_zk.privacy.terms import Privacy
from twopm_zk.task.specification_file import read_spec


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.toml").write_text(SPECIFICATION)
    write_export(tmp_path / "export.csv")
    return tmp_path


def spoilt(folder, **cells):
    """The export with cells replaced: by column, in these rows from 1."""
    lines = (folder / "export.csv").read_text(encoding="utf-8-sig").splitlines()
    header = lines[0].split(";")
    for name, changes in cells.items():
        for row, cell in changes.items():
            parts = lines[row].replace('"seen; sent home"', "").split(";")
            parts[header.index(name)] = cell
            lines[row] = ";".join(parts)
    (folder / "export.csv").write_text("\n".join(lines), encoding="utf-8")


def test_an_export_is_checked_with_a_specification_alone(call, folder):
    code, out, err = call("data", "check", "spec.toml", "--data", "export.csv")
    assert (code, out) == (0, "900 rows, in 4 batches: everything fits the specification.\n")
    assert "separated by semicolons, decimal comma" in err
    assert "UTF-8 with a byte order mark" in err


def test_all_problems_are_said_at_once_by_column_and_row_and_never_a_value(call, folder):
    spoilt(
        folder,
        age={7: "secret-7", 9: "433"},
        ward={11: "secret-11"},
        readmitted={13: "", **dict.fromkeys(range(20, 60), "secret")},
    )
    code, out, err = call("data", "check", "spec.toml", "--data", "export.csv")
    assert code == 3
    assert out.splitlines() == [
        "column 'age', row 7 is not a number",
        "column 'age', row 9 is outside the specification's range, 0 to 120",
        "column 'ward', row 11 has none of the categories surgery, medicine, intensive care",
        "label 'readmitted', row 13 has no value",
        "label 'readmitted' is neither 'yes' nor 'no' in 40 rows: 20, 21, 22, 23, 24 and 35 more",
        "900 rows, 856 to be proven, in 4 batches: 5 problems.",
    ]
    assert "secret" not in out + err
    assert "433" not in out + err
    code, out, _ = call("data", "check", "spec.toml", "--data", "export.csv", "--json")
    document = json.loads(out)
    assert code == 3
    assert [len(problem["rows"]) for problem in document["problems"]] == [1, 1, 1, 1, 40]
    assert (document["rows"], document["rows_proven"]) == (900, 856)
    assert "summary" not in document


def test_an_owner_who_gives_no_held_out_rows_hears_what_that_means(call, folder):
    code, out, _ = call("data", "check", "spec.toml", "--data", "export.csv", "--json")
    assert (code, json.loads(out)["notes"]) == (0, [])
    (folder / "spec.toml").write_text(SPECIFICATION + "\n[statistics]\nheld_out = true\n")
    code, out, _ = call("data", "check", "spec.toml", "--data", "export.csv")
    assert (code, out.splitlines()) == (
        0,
        [
            "900 rows, in 4 batches: everything fits the specification.",
            "The specification has the certified weights evaluated on rows held out of training, of a node or more, "
            "and this node has none: it takes no part in that. They count where they are registered before the task's "
            "first round opens. Give yours with --held-out FILE.",
        ],
    )
    code, out, _ = call("data", "check", "spec.toml", "--data", "export.csv", "--json")
    document = json.loads(out)
    assert (code, document["held_out"], len(document["notes"])) == (0, None, 1)


def test_held_out_rows_are_checked_beside_those_of_training(call, folder):
    words = ("data", "check", "spec.toml", "--data", "export.csv", "--held-out")
    code, _, err = call(*words, "export.csv")
    assert (code, "evaluates nothing on held-out rows" in err) == (3, True)
    (folder / "spec.toml").write_text(SPECIFICATION + "\n[statistics]\nheld_out = true\n")
    write_export(folder / "later.csv", 100, seed=2)
    code, out, _ = call(*words, "later.csv")
    assert (code, out.splitlines()[1:]) == (
        0,
        ["held-out rows: 100 rows, in 1 batch: everything fits the specification."],
    )
    spoilt(folder, age={7: "secret-7"})
    (folder / "export.csv").rename(folder / "spoilt.csv")
    write_export(folder / "export.csv")
    code, out, _ = call(*words, "spoilt.csv")
    assert (code, out.splitlines()[1]) == (3, "held-out rows: column 'age', row 7 is not a number")
    code, out, _ = call(*words, "export.csv", "--json")
    document = json.loads(out)
    assert (code, document["problems"], document["notes"]) == (3, [], [])
    assert [problem["kind"] for problem in document["held_out"]["problems"]] == ["trained-on"]


def test_no_cell_of_a_file_without_a_header_is_shown(call, folder):
    lines = (folder / "export.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
    (folder / "export.csv").write_text("\n".join(lines), encoding="utf-8")
    for words in ((), ("--json",), ("--delimiter", "comma")):
        code, out, err = call("data", "check", "spec.toml", "--data", "export.csv", *words)
        assert code == 3
        assert "none of the specification's columns is in the first line of" in out + err
        assert "is there a header?" in out + err
        assert not [cell for cell in lines[0].split(";")[:4] if len(cell) > 3 and cell in out + err]


def test_a_summary_is_printed_on_request_alone_and_says_that_it_is_private(call, folder):
    _, out, _ = call("data", "check", "spec.toml", "--data", "export.csv")
    assert "mean" not in out
    code, out, err = call("data", "check", "spec.toml", "--data", "export.csv", "--summary")
    assert code == 0
    assert "PRIVATE" in err
    assert "share of positives:" in out
    assert "age[missing]" in out
    _, out, _ = call("data", "check", "spec.toml", "--data", "export.csv", "--summary", "--json")
    document = json.loads(out)
    assert "PRIVATE" in document["warning"]
    assert {entry["name"] for entry in document["summary"]} >= {"age", "ward[medicine]", "readmitted"}


def test_what_was_detected_can_be_overridden(call, folder):
    code, out, _ = call("data", "check", "spec.toml", "--data", "export.csv", "--decimal", "point")
    assert code == 3
    assert "column 'crp' is not a number in 900 rows" in out
    code, _, err = call(
        "data", "check", "spec.toml", "--data", "export.csv", "--delimiter", "semicolon", "--encoding", "utf-8"
    )
    assert code == 0
    code, out, err = call("data", "check", "spec.toml", "--data", "export.csv", "--delimiter", "::")
    assert code == 3
    assert "one character" in err


def test_the_columns_of_a_formula_are_shown(call, folder):
    code, out, _ = call("spec", "show", "spec.toml")
    assert code == 0
    for name in ("age[missing]", "ward[medicine]", "ward[missing]", "age x ward[medicine]", "readmitted"):
        assert name in out
    assert "anything else is ignored" in out
    _, out, _ = call("spec", "show", "spec.toml", "--json")
    document = json.loads(out)
    assert len(document["columns"]) == COLUMNS
    (folder / "canonical.json").write_text(json.dumps(document["document"]))
    assert "0x" + read_spec(folder / "canonical.json").spec_hash.hex() == document["hash"]


def test_the_data_set_is_shown_and_who_attests_to_it(call, folder):
    issuer, spec = "0x90F79bf6EB2c4f870365E785982E1f101E93b906", read_spec("spec.toml")
    _, out, _ = call("spec", "show", "spec.toml")
    assert f"data set 0x{spec.data_terms.id.hex()}" in out.splitlines()
    assert "attestation" not in out
    words = ("--label", "died", "--number", "age=0,120,1", "--name", "task", "--data-name", "2025")
    code, out, _ = call("spec", "new", "--out", "new.toml", *words, "--issuer", issuer, "--json")
    assert code == 0
    made = read_spec("new.toml")
    assert (made.data_name, made.provenance.issuers) == ("2025", (issuer,))
    assert json.loads(out)["provenance"] == made.document["provenance"]
    _, out, _ = call("spec", "show", "new.toml")
    assert f"an owner's data take an attestation by any one of {issuer}" in out
    for command in ("show", "check"):
        document = json.loads(call("spec", command, "new.toml", "--json")[1])
        assert document["dataset"] == f"0x{made.data_terms.id.hex()}"
        assert document["held_out_dataset"] is None
    code, _, err = call("spec", "new", "--out", "none.toml", *words, "--issuer", "0x12")
    assert code == 3
    assert "`provenance.issuers[0]` is no address" in err
    assert not (folder / "none.toml").exists()


def test_a_check_of_a_specification_says_what_it_will_cost(call, folder):
    code, out, _ = call("spec", "check", "spec.toml", "--rows", "900")
    assert code == 0
    assert f"{COLUMNS} columns of the model" in out
    assert "proves 4 updates a round" in out
    assert "`minimum.nodes` is 1" in out
    assert "a round of information once, before the first gradient" in out
    assert "figures:" in out
    code, out, _ = call("spec", "check", "spec.toml", "--rows", "900", "--json")
    document = json.loads(out)
    assert document["node"]["proofs"] == 4
    assert {"step-270x8", "information-270x8"} <= {one["name"] for one in document["instances"]}
    (folder / "wrong.toml").write_text(SPECIFICATION.replace("high = 120", "hihg = 120"))
    code, _, err = call("spec", "check", "wrong.toml")
    assert code == 3
    assert "`features[0].hihg` is no key" in err


DICTIONARY = """name,type,low,high,unit,categories,missing,transform,positive
case_id,ignore,,,,,,,
readmitted,label,,,,yes|no,,,yes
age,number,0,120,1,,60,,
crp,number,0,500,,,,log1p,
ward,category,,,,surgery|medicine|intensive care,surgery,,
"""


def test_a_specification_comes_from_a_data_dictionary(call, folder):
    (folder / "dictionary.csv").write_text(DICTIONARY)
    words = ("spec", "new", "--out", "made.toml", "--dictionary", "dictionary.csv", "--name", "readmission")
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    assert "Next: twopm-zk spec check made.toml" in out
    assert call("data", "check", "made.toml", "--data", "export.csv")[0] == 0
    code, _, err = call(*words)
    assert (code, "made.toml' exists" in err) == (3, True)
    assert call(*words, "--force", "--formula", "readmitted ~ age*ward + crp")[0] == 0
    assert len(read_spec("made.toml").columns) == COLUMNS


def test_a_specification_comes_from_options(call, folder):
    code, out, _ = call(
        *("spec", "new", "--out", "made.toml", "--label", "readmitted", "--positive", "yes", "--number", "age=0,120,1"),
        *("--category", "ward=surgery|medicine|intensive care", "--missing", "age=60", "--missing", "ward=surgery"),
        *("--json",),
    )
    assert code == 0
    assert json.loads(out)["columns"] == [
        *("age", "age[missing]", "ward[medicine]", "ward[intensive care]", "ward[missing]")
    ]
    assert call("data", "check", "made.toml", "--data", "export.csv")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "there is nobody to be asked"),
        (("--label", "y", "--number", "age"), "--number 'age' is not NAME=..."),
        (("--label", "y", "--number", "age=0"), "is not NAME=LOW,HIGH"),
        (("--label", "y", "--number", "age=0,1", "--missing", "bmi=3"), "--missing names 'bmi'"),
        (("--label", "y"), "`features` is missing"),
        (("--label", "y", "--number", "age=0,1", "--missing", "age=3", "--missing", "age=4"), "names a column twice"),
        (("--label", "y", "--number", "age=0,1", "--negative", "no"), "--negative goes with --positive"),
        (("--label", "y", "--number", "age=0,1", "--lambda", "nan"), "`lambda` is not finite"),
        (("--label", "y", "--number", "age=-1e308,1.5e308"), "column 'age': its range and its unit are too far apart"),
        (("--label", "y", "--number", "age=0,1,1e-320"), "column 'age': its range and its unit are too far apart"),
        (("--dictionary", "none.csv"), "cannot be read"),
    ],
)
def test_what_makes_no_specification_is_refused_and_leaves_no_file(call, folder, monkeypatch, words, message):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    code, _, err = call("spec", "new", "--out", "made.toml", *words)
    assert code == 3
    assert message in err
    assert not (folder / "made.toml").exists()


def test_a_terminal_is_asked(folder):
    from click.testing import CliRunner

    from twopm_zk.cli.network import spec as module

    answers = ["readmitted", "", "yes", "no", "age", "number", "none", "0", "0", "120", "-1", "1", "60"]
    answers += ["ward", "category", "A", "A|B", "", "", "one", "3", "4"]
    runner = CliRunner()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_somebody_is_there", lambda: True)
        result = runner.invoke(module.new, ["--out", "made.toml"], input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    assert "everything here becomes public" in result.output
    for asked_again in ("it must be a number", "it must be above 0", "there must be two or more", "such as 1"):
        assert asked_again in result.output
    assert read_spec("made.toml").privacy == Privacy(3.0, 1e-6, clip=4.0)
    assert read_spec("made.toml").outcome.negative == ("no",)
    assert tomllib.loads((folder / "made.toml").read_text())["features"][0]["missing"] == 60
    assert read_spec("made.toml").features == ("age", "age[missing]", "ward[B]")


def test_a_label_with_a_range_makes_a_linear_regression(call, folder):
    income = ("--number", "income=0,20,0.01")
    code, out, err = call(
        "spec", "new", "--out", "spent.toml", "--label", "spent", "--label-range", "0,2000,0.01", *income
    )
    assert (code, "makes 1 columns" in out + err) == (0, True)
    spec = read_spec(folder / "spent.toml")
    assert (spec.family, spec.statistics.information, spec.statistics.evaluation) == ("gaussian", True, True)
    assert (spec.label_column.low, spec.label_column.high) == (0, 2000)
    assert spec.instances.evaluate == ("evaluate-49x3-gaussian", "evaluate-118x3-gaussian")
    again = ("spec", "new", "--force", "--out", "spent.toml", "--label", "spent")
    code, _, err = call(*again, "--label-range", "0", *income)
    assert (code, "--label-range '0' is not LOW,HIGH or LOW,HIGH,UNIT" in err) == (3, True)
    code, _, err = call(*again, "--label-range", "0,1", "--positive", "yes", *income)
    assert (code, "both a range and classes" in err) == (3, True)
    assert read_spec(folder / "spent.toml").spec_hash == spec.spec_hash, "bad input has left the file as it was"
    code, out, _ = call(*again, "--label-range", "0,2000", "--no-statistics", "--lambda", "0.01", *income)
    assert code == 0
    assert "lambda is 0.015625, the nearest to 0.01 that there is" in out
    assert not read_spec(folder / "spent.toml").statistics.evaluates


@pytest.mark.parametrize(
    "words",
    [
        ("--dictionary", "dictionary.csv", "--number", "b=0,1"),
        ("--dictionary", "dictionary.csv", "--label", "readmitted"),
        ("--number", "b=0,1"),
    ],
)
def test_options_that_would_be_ignored_are_refused(call, folder, words):
    (folder / "dictionary.csv").write_text(DICTIONARY)
    code, _, err = call("spec", "new", "--out", "made.toml", *words)
    assert code == 2
    assert words[-2] in err
    assert not (folder / "made.toml").exists()


def test_a_specification_is_written_as_toml(call, folder):
    code, _, err = call("spec", "new", "--out", "made.json", "--label", "y", "--number", "a=0,1")
    assert (code, "does not end in .toml" in err) == (3, True)


def test_a_dictionary_has_its_own_decimal_sign(call, folder):
    (folder / "dictionary.csv").write_text("name;type;low;high;unit\ny;label;;;\ncrp;number;0;500,5;0,5\n")
    assert call("spec", "new", "--out", "made.toml", "--dictionary", "dictionary.csv")[0] == 0
    (column,) = read_spec("made.toml").columns
    assert (column.high, column.unit) == (500.5, 0.5)


def test_more_columns_than_circuits_take_are_said(call, folder):
    many = [word for number in range(31) for word in ("--number", f"x{number}=0,1")]
    code, out, _ = call("spec", "new", "--out", "made.toml", "--label", "y", *many)
    assert (code, "No circuit takes as many: training without proofs only" in out) == (0, True)


def test_every_kind_of_round_has_its_costs(call, folder):
    words = ("--label", "y", "--number", "a=0,1,0.1")
    assert call("spec", "new", "--out", "made.toml", *words)[0] == 0
    _, out, _ = call("spec", "check", "made.toml", "--json", "--rows", "999999999999")
    rounds = json.loads(out)["node"]["rounds"]
    assert [(one["collects"], one["when"].split(",")[0]) for one in rounds] == [
        ("gradient", "before every move of the weights"),
        ("information", "once"),
        ("information", "once"),
        ("evaluation", "once"),
    ]
    ranges = (folder / "made.toml").read_text() + '\n[step]\nrule = "bfgs"\ncurvature = "ranges"\n'
    (folder / "made.toml").write_text("\ufeff" + ranges, encoding="utf-8")  # as Notepad saves it
    code, out, _ = call("spec", "check", "made.toml")
    assert code == 0
    assert out.count("a round of information") == 1
    assert "a round of information once, after the certificate" in out


NOISY = ("spec", "new", "--out", "made.toml", "--label", "readmitted", "--positive", "yes", "--number", "age=0,120,1")


@pytest.mark.slow
def test_options_make_a_specification_with_noise(call, folder):
    words = ("--epsilon", "3", "--delta", "1e-5", "--honest", "1", "--clip", "1.5", "--json")
    code, out, _ = call(*NOISY, *words)
    assert code == 0
    assert json.loads(out)["privacy"] == {"epsilon": 3, "delta": 1e-5, "unit": "row", "honest": 1, "clip": 1.5}
    spec = read_spec("made.toml")
    assert spec.privacy == Privacy(3.0, 1e-5, "row", 1, 1.5)
    assert (spec.step.rule, spec.maximum_rounds, spec.statistics.evaluates) == ("gradient", 5, False)
    assert call(*NOISY, "--force", "--epsilon", "3", "--statistics")[0] == 0
    assert read_spec("made.toml").statistics.evaluates
    assert call(*NOISY, "--force")[0] == 0
    assert read_spec("made.toml").privacy is None


def test_terms_without_an_epsilon_are_refused(call, folder):
    code, _, err = call(*NOISY, "--clip", "3")
    assert (code, "--clip goes with --epsilon" in err) == (2, True)
    code, _, err = call(*NOISY, "--epsilon", "100")
    assert (code, "`privacy.epsilon` is 100; allowed" in err) == (3, True)


def test_a_check_says_what_noise_promises_and_how_large_it_is(call, folder):
    assert call(*NOISY, "--epsilon", "1", "--clip", "1")[0] == 0
    code, out, _ = call("spec", "check", "made.toml")
    said = " ".join(out.split())
    assert code == 0
    assert "epsilon 1 at delta 1e-06, for any one row" in said
    assert "at most 2.72 times as likely" in said
    assert "as long as 2 of the nodes of each set add their noise" in said
    code, out, _ = call("spec", "check", "made.toml", "--json")
    found = json.loads(out)["privacy"]
    (release,) = found["releases"]
    assert (release["collects"], release["times"], found["norm"], found["honest"]) == ("gradient", 6, 1, 2)
    (noise,) = release["noise"]
    assert noise["node"] * 2**0.5 == pytest.approx(release["multiplier"] * noise["sensitivity"])
    assert noise["per_row"] == pytest.approx(noise["node"] * 3**0.5 / 30)
    code, out, _ = call("spec", "show", "made.toml")
    assert (code, "at most 2.72 times as likely" in " ".join(out.split())) == (0, True)


def test_exact_sums_promise_nothing(call, folder):
    code, out, _ = call("spec", "check", "spec.toml", "--json")
    assert (code, json.loads(out)["privacy"]) == (0, None)


def test_noise_without_room_in_circuits_is_refused_before_a_file_is_written(call, folder):
    code, _, err = call(*NOISY, "--epsilon", "1", "--unit", "node")
    assert (code, (folder / "made.toml").exists()) == (3, False)
    assert "noise of up to 2^" in err
    assert "Give a larger `privacy.epsilon`" in err


def test_an_owner_is_told_how_many_rows_are_shortened(call, folder):
    assert call(*NOISY, "--epsilon", "1", "--clip", "0.5")[0] == 0
    _, out, _ = call("data", "check", "made.toml", "--data", "export.csv")
    assert "longer than `privacy.clip` = 0.5 will be shortened" in " ".join(out.split())
    _, out, _ = call("data", "check", "made.toml", "--data", "export.csv", "--json")
    assert json.loads(out)["rows_shortened"] > 0
