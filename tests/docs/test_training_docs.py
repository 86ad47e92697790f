"""What docs/training.md and the examples show is what happens."""

import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from support.hospital import SPECIFICATION
from support.small_tasks import SPECTOR

from twopm_zk.plonk.backends import find_backend

ROOT = SPECTOR.parents[1]
OTHERS = {
    "family": "gaussian",
    "label": {"name": "y", "low": 0, "high": 1, "unit": 1},
    "lambda": 1,
    "weights": "n",
    "features": [{"name": "age", "low": 0, "high": 120, "transform": "log1p", "winsorise": [1, 100]}],
}
"""Keys that the examples do not have."""
DOCUMENT = (ROOT / "docs" / "training.md").read_text()


def test_the_code_of_the_document_runs(monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.chdir(ROOT)
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(block, names)  # noqa: S102 (our own document)
    assert round(names["result"].coefficients["TUCE"], 4) == 0.0952
    assert "computed, not proven" in str(names["model"].certificate_)


def test_the_table_of_keys_is_complete():
    from twopm_zk.task.instances import TaskInstances
    from twopm_zk.task.specification_file import parse_spec, read_spec

    known = {
        **parse_spec(tomllib.loads(SPECIFICATION)).document,
        **read_spec(SPECTOR).document,
        **parse_spec(OTHERS).document,
    }
    for key, value in known.items():
        if key in ("version", "name"):
            continue
        assert f"`{key}`" in DOCUMENT or f"`[{key}]`" in DOCUMENT or f"`[[{key}]]`" in DOCUMENT
        if isinstance(value, dict):
            assert [k for k in value if f"`{k}`" not in DOCUMENT] == []
    assert [field.name for field in fields(TaskInstances) if f"`{field.name}`" not in DOCUMENT] == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["train_spector.py", "--rule", "bfgs"], ["train_breast_cancer.py"]])
def test_the_examples_run(arguments):
    pytest.importorskip("sklearn")
    script, *options = arguments
    done = subprocess.run(
        [sys.executable, Path("examples") / script, *options], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Certificate: over" in done.stdout


def auc(printed):
    """By the sums, at least, at most, and by the rows themselves."""
    return map(float, re.findall(r"[01]\.\d{4}", printed.split("AUC over 119 held-out rows")[1]))


@pytest.mark.slow
def test_the_sums_of_rows_held_out_bound_their_auc_closely():
    pytest.importorskip("sklearn")
    command = [sys.executable, Path("examples") / "train_breast_cancer.py", "--rows", "450", "--rule", "newton"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    value, low, high, exact = auc(done.stdout)
    assert low <= value <= high <= low + 0.01
    assert low <= exact <= high
    assert value > 0.99


@pytest.mark.slow
@pytest.mark.prover
@pytest.mark.chain
def test_breast_cancer_trains_over_a_chain_with_every_proof(tmp_path):
    pytest.importorskip("sklearn")
    if find_backend("native")[1] is not None:
        pytest.skip("13 proofs of 2^15 gates and more take ten minutes without the native prover")
    command = [sys.executable, Path("examples") / "train_breast_cancer.py", "--chain", "--curvature", "ranges"]
    command += ["--gradient-bound", "0.44", "--decrement-bound", "1e6", "--table", tmp_path / "table.md"]
    # in a quarter as many gates as all features take: two batches of the first node, one of the others; circuits of 30
    # features have tests of their own, tests/statements/test_thirty_features.py
    command += ["--features", "8", "--rows", "157", "--batch", "52", "--held-out", "119"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=590)
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "table.md").read_text()
    assert "157 rows, 8 features, lambda = 1, three nodes, " in written
    assert "; `step-52x8` and `aggregate-8`." in written
    rounds = re.findall(r"^\| (\d+) \| gradient \| (\S+) \| (\d+) \|", written, flags=re.MULTILINE)
    # four batches and their sum or certificate; the bounds of the same rounds in one process
    assert [(number, proofs) for number, _, proofs in rounds] == [("0", "5"), ("1", "5")]
    assert [bound for _, bound, _ in rounds] == ["4.48e-01", "4.30e-01"]
    assert "checked 13 proofs again, from the chain alone" in written
    value, low, high, exact = auc(done.stdout)
    assert low <= value <= high
    assert low <= exact <= high


CLOSE = re.compile(
    r"within (\S+) standard errors of statsmodels', standard errors within (\S+)%, R-squared within (\S+), "
    r"sigma within (\S+)%"
)


def fitted(*options):
    """What the example of credit cards prints, after a look at how close its figures are."""
    command = [sys.executable, Path("examples") / "train_credit_cards.py", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=590)
    assert done.returncode == 0, done.stderr
    close = CLOSE.search(done.stdout)
    assert close, done.stdout
    coefficients, errors, fit, sigma = map(float, close.groups())
    assert (coefficients < 1e-3, errors < 0.02, fit < 1e-5, sigma < 0.02) == (True, True, True, True)
    return done.stdout


@pytest.mark.slow
def test_credit_cards_are_fitted_as_closely_as_the_document_says():
    said = fitted("--in-process")
    assert "INCOME**2" in said
    assert "Standard errors: computed, not proven, over 72 rows of 3 nodes" in said


@pytest.mark.slow
@pytest.mark.prover
@pytest.mark.chain
def test_credit_cards_are_fitted_over_a_chain_with_every_proof():
    # three columns, one of them a product: circuits of half as many gates as the four of the example take
    said = fitted("--formula", "AVGEXP ~ AGE + INCOME + INCOME:OWNRENT")
    assert "14 proofs, made and verified by contracts in" in said
    assert "Standard errors: proven over 72 rows of 3 nodes" in said
