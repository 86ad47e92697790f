"""The contracts that come compiled are those of the sources, and are used only for them."""

import importlib.util
from datetime import date
from pathlib import Path

import pytest

from twopm_zk.chain import compiler
from twopm_zk.errors import ToolMissingError
from twopm_zk.system import paths

DAYS = 8
TOOL = Path(__file__).parents[2] / "tools" / "compile_contracts.py"


def jobs():
    specification = importlib.util.spec_from_file_location("compile_contracts", TOOL)
    tool = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tool)
    return list(tool.names_and_sources())


@pytest.fixture
def no_npm(monkeypatch, tmp_path):
    """Neither an npm package nor anything compiled before."""
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path))
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path / "cache"))
    compiler._pinned_package.cache_clear()
    yield
    compiler._pinned_package.cache_clear()


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A copy of the sources with what comes compiled, to be changed."""
    root = tmp_path / "verifier"
    for path in paths.verifier_dir().rglob("*.*"):
        (root / path.relative_to(paths.verifier_dir())).parent.mkdir(parents=True, exist_ok=True)
        (root / path.relative_to(paths.verifier_dir())).write_bytes(path.read_bytes())
    monkeypatch.setattr(paths, "verifier_dir", lambda: root)
    return root


def test_every_contract_and_development_verifier_comes_compiled_and_nothing_else_does():
    assert {path.stem for path in compiler.compiled_dir().glob("*")} == {name for name, _ in jobs()}


@pytest.mark.slow
def test_what_comes_compiled_is_what_solc_makes_of_the_sources(request):
    """All of them with `--every-contract`, as in CI, else an eighth each day: for all of them solc takes minutes.

    Those of changed sources are found without it, by their digests (below). By one process: a second one would load
    solc, and wait for its machine code to get fast, again.
    """
    every = request.config.getoption("--every-contract")
    compiled = jobs() if every else jobs()[date.today().toordinal() % DAYS :: DAYS]
    different = [
        name
        for (name, _), entry in zip(compiled, compiler.compiled_entries(compiled), strict=True)
        if (compiler.compiled_dir() / f"{name}.json").read_text() != entry
    ]
    assert different == []


@pytest.mark.parametrize(("name", "source"), jobs(), ids=lambda value: value if value and len(value) < 99 else "")
def test_neither_node_nor_npm_packages_are_needed_for_what_comes_compiled(no_npm, name, source):
    """Fails after a change of the sources: `make generate` compiles them again."""
    found = compiler.compile_contract(name) if source is None else compiler.compile_source(source, name)
    assert found.name == name


@pytest.mark.parametrize("changed", ["source", "import", "entry", "damaged", "pin"])
def test_what_comes_compiled_is_not_used_for_anything_else(no_npm, shipped, monkeypatch, changed):
    if changed == "source":
        path = shipped / "registry" / "IdentityContract.sol"
        path.write_text(path.read_text() + "\n")
    elif changed == "import":
        path = shipped / "interfaces" / "IIdentity.sol"
        path.write_text(path.read_text() + "\n")
    elif changed == "entry":
        path = shipped / "compiled" / "IdentityContract.json"
        path.write_bytes((shipped / "compiled" / "DataHub.json").read_bytes())
    elif changed == "damaged":
        path = shipped / "compiled" / "IdentityContract.json"
        path.write_bytes(path.read_bytes()[:-100])
    else:
        monkeypatch.setattr(compiler, "_pins", lambda: dict.fromkeys(compiler.NPM_SOURCES, "0.0.1"))
    with pytest.raises(ToolMissingError):  # it turns to solc
        compiler.compile_contract("StakingContract" if changed == "pin" else "IdentityContract")
