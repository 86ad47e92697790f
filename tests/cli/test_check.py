"""``twopm-zk check``: a circuit that leaves nothing open passes, one that does is an error which names signals."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from twopm_zk.cli import cli
from twopm_zk.errors import CircuitError, InputError

pytestmark = pytest.mark.circuit
CIRCUITS = Path(__file__).parents[1] / "circuits"


@pytest.fixture
def checked(tmp_path):
    def run(name, inputs, *options):
        given = tmp_path / "input.json"
        given.write_text(json.dumps(inputs))
        arguments = ["check", str(CIRCUITS / f"{name}.circom"), "--input", str(given), "--json", *options]
        return CliRunner().invoke(cli, arguments)

    return run


def test_a_circuit_that_leaves_nothing_open_passes(checked):
    finished = checked("multiplier", {"a": 3, "b": 14})
    assert finished.exit_code == 0, finished.output
    document = json.loads(finished.stdout)
    assert (document["open"], document["assumptions"]) == ([], [])
    assert document["determined"] == document["signals"]


def test_signals_that_are_left_open_are_named_and_fail(checked):
    finished = checked("underconstrained", {"in": 10})
    assert isinstance(finished.exception, CircuitError)
    assert "main.left" in str(finished.exception)
    assert "main.left" in json.loads(finished.stdout)["open"]


def test_a_given_signal_has_to_be_there(checked):
    finished = checked("multiplier", {"a": 3, "b": 14}, "--given", "main.none")
    assert isinstance(finished.exception, InputError)
    assert "main.none" in str(finished.exception)
