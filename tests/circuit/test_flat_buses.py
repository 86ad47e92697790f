"""What circomspect sees instead of buses says the same."""

import pytest
from support.tools import load_tool

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import instances
from twopm_zk.system import paths

pytestmark = pytest.mark.circuit


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """A folder with our circuits, every bus spelt out."""
    module = load_tool("flat_buses")
    folder = tmp_path_factory.mktemp("flat")
    for name, text in module.flattened(paths.circuits_dir()).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aggregate-3", "certify-3"])
def test_circuits_without_buses_have_the_same_constraints(flat, name):
    instance = instances()[name]
    (flat / f"{name}.circom").write_text(instance.main())
    assert compile_circuit(flat / f"{name}.circom").r1cs_digest == compile_circuit(instance).r1cs_digest


def test_no_bus_is_left(flat):
    for path in flat.rglob("*.circom"):
        assert "bus " not in [line[:4] for line in path.read_text().splitlines()]
        assert "    input " not in path.read_text()
