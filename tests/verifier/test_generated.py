"""verifier/generated/ is what the keys of today's circuits give."""

import pytest

from twopm_zk.chain.compiler import compile_source
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import find_instance
from twopm_zk.plonk.keys import setup
from twopm_zk.plonk.solidity import export_verifier, verifier_name
from twopm_zk.system import paths

GENERATED = sorted(path.stem for path in (paths.verifier_dir() / "generated").glob("*.sol"))


def test_there_are_generated_verifiers():
    rows = {f"{statement}-{size}x3" for statement in ("step", "information", "evaluate") for size in (48, 119)}
    assert set(GENERATED) == rows | {"aggregate-3", "certify-3", "predict-3"}


@pytest.mark.prover
@pytest.mark.slow
@pytest.mark.parametrize("name", GENERATED)
def test_regenerating_gives_the_same_contract(name):
    keys = setup(compile_circuit(find_instance(name)))
    committed = (paths.verifier_dir() / "generated" / f"{name}.sol").read_text()
    assert committed == export_verifier(keys, verifier_name(name)), "run `make generate`"


@pytest.mark.parametrize("name", GENERATED)
def test_generated_verifier_has_the_interface_and_says_that_it_is_insecure(name):
    source = (paths.verifier_dir() / "generated" / f"{name}.sol").read_text()
    assert "INSECURE" in source.splitlines()[0]
    artifact = compile_source(source, verifier_name(name))
    function = next(entry for entry in artifact.abi if entry.get("name") == "verifyProof")
    assert [item["type"] for item in function["inputs"]] == ["uint256[24]", "uint256[3]"]
