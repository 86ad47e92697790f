import json
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from twopm_zk.chain import compiler
from twopm_zk.chain.compiler import MAX_CODE_SIZE, compile_contract, compile_source, contract_names
from twopm_zk.errors import CompileError, InputError, ToolVersionError
from twopm_zk.numbers.poseidon import poseidon
from twopm_zk.system import paths

SOURCE = "// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.37;\n"


@pytest.mark.slow
def test_a_compile_error_carries_the_compilers_words():
    with pytest.raises(CompileError, match=r"DeclarationError: Undeclared identifier"):
        compile_source(SOURCE + "contract A { function f() external { g(); } }", "A")


def test_an_import_outside_the_known_packages_is_refused():
    for target in ("/etc/passwd", "verifier/../../secret.sol", "@other/package.sol"):
        with pytest.raises(CompileError, match="can be imported"):
            compile_source(SOURCE + f'import "{target}";\ncontract A {{}}', "A")


def test_an_import_that_is_missing_names_the_file():
    with pytest.raises(CompileError, match=r"Nothing\.sol"):
        compile_source(SOURCE + 'import "verifier/Nothing.sol";\ncontract A {}', "A")


@pytest.mark.slow
def test_an_import_in_a_comment_is_no_import():
    artifact = compile_source(SOURCE + '// import "no.sol";\n/*\nimport "no.sol";\n*/\ncontract A {}', "A")
    assert artifact.name == "A"


@pytest.mark.slow
def test_the_second_compilation_comes_from_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path))
    source = SOURCE + "contract A { uint256 public immutable X = block.number; }"
    first = compile_source(source, "A")
    monkeypatch.setattr(compiler, "_solc", lambda _: pytest.fail("compiled twice"))
    assert compile_source(source, "A") == first
    assert [path.parent.name for path in tmp_path.rglob("*.json")] == ["contracts"]


def test_two_who_want_the_same_contract_have_it_compiled_once(monkeypatch, tmp_path):
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path))
    code = {"object": "00", "linkReferences": {}}
    answer = {"contracts": {"generated.sol": {"A": {"abi": [], "evm": {"bytecode": code, "deployedBytecode": code}}}}}
    asked, both = [], threading.Barrier(2)

    def solc(text):
        asked.append(text)
        time.sleep(0.2)
        return [json.dumps(answer)]

    def compile_it(_):
        both.wait()
        return compile_source(SOURCE + "contract A {}", "A")

    monkeypatch.setattr(compiler, "_solc", solc)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(compile_it, range(2))
    assert first == second
    assert len(asked) == 1


def test_an_unknown_contract_is_an_input_error():
    with pytest.raises(InputError, match="no contract 'Nothing'"):
        compile_contract("Nothing")


def test_another_solc_is_refused(monkeypatch, tmp_path):
    (tmp_path / "solc").mkdir()
    (tmp_path / "solc" / "package.json").write_text('{"version": "0.8.20"}')
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path))
    compiler._pinned_package.cache_clear()
    with pytest.raises(ToolVersionError, match=r"0\.8\.20; the contracts are pinned to 0\.8\.37"):
        compiler._pinned_package("solc")
    compiler._pinned_package.cache_clear()


@pytest.mark.slow
def test_a_long_answer_is_not_cut():
    noise = "\n".join(f"    function {'f' * 100}{n}(uint256 x) external returns (uint256 y);" for n in range(1000))
    artifact = compile_source(SOURCE + f"interface A {{\n{noise}\n}}", "A")
    assert len(str(artifact)) > 200_000


@pytest.mark.parametrize("name", contract_names())
def test_every_contract_fits_on_a_chain(name):
    assert len(compile_contract(name).runtime) // 2 <= MAX_CODE_SIZE


@pytest.fixture(scope="module")
def callers():
    """Solidity with a contract that calls each library of Poseidon: solc takes longer to start than for one of them."""
    libraries = [(f"PoseidonT{inputs + 1}", inputs) for inputs in range(1, 6)]
    return SOURCE + "\n".join(
        f'import {{{name}}} from "poseidon-solidity/{name}.sol";\n'
        f"contract {name}Caller {{ function hash(uint256[{inputs}] memory x) external pure returns (uint256) "
        f"{{ uint256[7] memory other; other[6] = x[0]; return {name}.hash(x); }} }}"
        for name, inputs in libraries
    )


@pytest.mark.slow
@pytest.mark.parametrize("inputs", [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5]])
def test_poseidon_on_chain_equals_ours(chain, callers, inputs):
    name = f"PoseidonT{len(inputs) + 1}"
    library = chain.deploy(compile_contract(name))
    artifact = compile_source(callers, f"{name}Caller")
    assert artifact.libraries == [name]
    with pytest.raises(InputError, match=f"needs the address of library {name}"):
        chain.deploy(artifact)
    caller = chain.deploy(artifact, libraries={name: library.address})
    for values in (inputs, [0] * len(inputs), [2**253 + n for n in inputs]):
        assert caller.call("hash", values) == poseidon(values)


@pytest.mark.slow
def test_deployed_code_is_recognised_whatever_its_immutables_and_libraries(chain, three):
    verifier = chain.deploy(compile_source(three.solidity, "PlonkVerifier"))
    checked = chain.deploy(compile_contract("CheckedPlonkVerifier"), verifier.address)
    library = chain.deploy(compile_contract("PoseidonT3"))
    for contract in (verifier, checked, library):
        assert contract.artifact.matches(chain.code(contract.address))
    assert not checked.artifact.matches(chain.code(verifier.address))
    changed = bytearray(chain.code(checked.address))
    changed[-60] ^= 1
    assert not checked.artifact.matches(bytes(changed))


@pytest.mark.slow
def test_solc_answers_its_version():
    done = subprocess.run(
        ["node", compiler.__file__.replace("compiler.py", "solc.mjs"), paths.npm_package("solc"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(compiler.SOLC_VERSION)
