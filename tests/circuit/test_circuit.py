import json
import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from twopm_zk.circuit import circom
from twopm_zk.circuit import compilation as circuit_module
from twopm_zk.circuit import instances as instances_module
from twopm_zk.circuit.compilation import compile_circuit, compiled
from twopm_zk.circuit.instances import Instance, find_instance, instances
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import (
    CacheError,
    CompileError,
    InputError,
    KeysError,
    ToolError,
    ToolMissingError,
    ToolVersionError,
)
from twopm_zk.plonk.keys import setup
from twopm_zk.system import paths

pytestmark = pytest.mark.circuit

TRIVIAL = "pragma circom 2.1.9;\ntemplate T() { signal input a; signal output b <== a * a; }\n"
BODY = TRIVIAL.split("\n", 1)[1]
MAIN = "component main = T();\n"


def written(folder, **files):
    """Write ``name.circom`` files; ``__`` in a name is a folder."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".circom")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_compiled_circuit_knows_its_size_and_its_signals(tiny):
    three = tiny("three")
    assert three.public == ("main.floor", "main.sum", "main.x")
    assert three.inputs == {"x": (), "secret": (), "pair": (2,)}
    assert (three.constraints, three.gates, three.power) == (20, 45, 6)
    assert three.r1cs.is_file()
    assert three.wasm.is_file()
    assert three.sym.is_file()


@pytest.mark.parametrize(
    ("name", "public", "inputs"),
    [
        ("hidden", 0, {"a": (), "b": (), "c": ()}),
        ("multiplier", 1, {"a": (), "b": ()}),
        ("fifty", 50, {"x": (49,), "y": ()}),
        ("bus", 1, {"p[0].x": (), "p[0].y": (), "p[1].x": (), "p[1].y": ()}),
        ("empty", 0, {"a": ()}),
    ],
)
def test_public_inputs_and_input_shapes(tiny, name, public, inputs):
    assert len(tiny(name).public) == public
    assert tiny(name).inputs == inputs


def test_rescale_costs_what_the_style_guide_says(tiny):
    # 19 constraints and 40 gates in circom 2.2.3 --O1; a change here is a change of the compiler's.
    assert (tiny("rescale").constraints, tiny("rescale").gates) == (19, 40)


def test_a_second_compilation_is_found_in_the_cache(source, monkeypatch, tiny):
    tiny("multiplier")
    monkeypatch.setattr(circuit_module, "run_circom", lambda *_: pytest.fail("compiled again"))
    assert compile_circuit(source("multiplier")) == tiny("multiplier")
    assert compiled(source("multiplier")) == tiny("multiplier")


def test_compiled_does_not_compile(source, fresh_cache):
    assert compiled(source("multiplier")) is None
    assert [path.name for path in fresh_cache.iterdir()] == ["programs"]


def test_the_same_text_elsewhere_is_the_same_circuit(tmp_path, source):
    copied = shutil.copytree(source("three").parent, tmp_path / "elsewhere")
    assert compiled(copied / "three.circom").digest == compile_circuit(source("three")).digest


def test_a_change_in_an_included_file_is_another_circuit(tmp_path, source):
    copied = shutil.copytree(source("three").parent, tmp_path / "elsewhere")
    with (copied / "lib" / "rescale.circom").open("a") as file:
        file.write("\n// changed\n")
    assert compiled(copied / "three.circom") is None


@pytest.mark.slow
def test_includes_above_the_main_file_are_found(tmp_path, fresh_cache):
    written(
        tmp_path,
        project__circuits__main='pragma circom 2.1.9;\ninclude "../lib/t.circom";\n' + MAIN,
        project__lib__t='pragma circom 2.1.9;\ninclude "./../../other/u.circom";\n' + BODY,
        other__u="pragma circom 2.1.9;\nfunction f(x) { return x; }\n",
    )
    assert compile_circuit(tmp_path / "project" / "circuits" / "main.circom").constraints == 1


@pytest.mark.slow
def test_two_files_of_one_name_are_kept_apart(tmp_path, fresh_cache):
    written(
        tmp_path,
        t='pragma circom 2.1.9;\ninclude "a/t.circom";\ninclude "b/t.circom";\n' + MAIN,
        a__t=TRIVIAL.replace("T()", "U()"),
        b__t=TRIVIAL,
    )
    assert compile_circuit(tmp_path / "t.circom").constraints == 1


@pytest.mark.slow
def test_packages_beside_the_users_file_are_found(tmp_path, fresh_cache):
    written(
        tmp_path,
        node_modules__lib__t=TRIVIAL,
        deep__er__main='pragma circom 2.1.9;\ninclude "lib/t.circom";\n' + MAIN,
    )
    assert compile_circuit(tmp_path / "deep" / "er" / "main.circom").constraints == 1


@pytest.mark.slow
def test_a_library_folder_is_searched_for_includes_and_their_content_is_part_of_the_circuit(tmp_path, fresh_cache):
    text = 'pragma circom 2.1.9;\ninclude "mylib/t.circom";\n' + MAIN
    written(tmp_path, project__main=text, vendor__mylib__t=TRIVIAL, other__mylib__t=TRIVIAL.replace("a * a", "a"))
    main = tmp_path / "project" / "main.circom"
    with pytest.raises(CompileError, match="mylib/t") as caught:
        compile_circuit(main)
    assert caught.value.kind == "include-not-found"
    circuit = compile_circuit(str(main), libraries=[str(tmp_path / "vendor")])
    assert circuit.constraints == 1
    assert compiled(main, libraries=[tmp_path / "vendor"]) == circuit
    assert compiled(main, libraries=[tmp_path / "other", tmp_path / "vendor"]) is None  # the first one counts
    assert compiled(main, libraries=[tmp_path / "other"]) is None
    (tmp_path / "vendor" / "mylib" / "t.circom").write_text(TRIVIAL + "// changed\n")
    assert compiled(main, libraries=[tmp_path / "vendor"]) is None


@pytest.mark.slow
def test_a_file_beside_the_including_one_comes_before_a_library(tmp_path, fresh_cache):
    written(tmp_path, main='include "t.circom";\n' + MAIN, t=TRIVIAL, vendor__t=TRIVIAL.replace("a * a", "a * a * 1"))
    beside = compile_circuit(tmp_path / "main.circom")
    assert compile_circuit(tmp_path / "main.circom", libraries=[tmp_path / "vendor"]) == beside


def test_a_library_that_is_no_folder_and_one_for_an_instance_are_refused(tmp_path, source):
    with pytest.raises(InputError, match="is not a folder"):
        compile_circuit(source("three"), libraries=[tmp_path / "nothing"])
    with pytest.raises(InputError, match="takes no library folders"):
        compile_circuit(find_instance("predict-3"), libraries=[tmp_path])


@pytest.mark.slow
def test_an_include_in_a_comment_or_a_string_is_none(tmp_path, fresh_cache):
    text = '// include "nowhere.circom";\n/* include "nowhere.circom"; */\n' + TRIVIAL
    text = text.replace("<== a * a;", '<== a * a; log("include \\"nowhere.circom\\";"); ').replace('\\"', "'")
    written(tmp_path, main=text + MAIN)
    assert compile_circuit(tmp_path / "main.circom").constraints == 1


@pytest.mark.slow
def test_an_odd_file_name_is_no_obstacle(tmp_path, fresh_cache):
    path = tmp_path / "my circuit; $(x) é.circom"
    path.write_text(TRIVIAL + MAIN)
    assert compile_circuit(path).name == "my circuit; $(x) é"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TRIVIAL.replace("a * a", "a * zz") + MAIN, "Undeclared symbol"),
        (TRIVIAL, "main"),
        ("template T( {", "refused"),
        (TRIVIAL.replace("a * a", "a * a * a") + MAIN, "Non quadratic"),
    ],
)
def test_a_compile_error_has_circoms_own_words(tmp_path, fresh_cache, text, message):
    path = written(tmp_path, wrong=text) / "wrong.circom"
    with pytest.raises(CompileError, match=message) as caught:
        compile_circuit(path)
    assert str(path) in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert not list(fresh_cache.glob("circuits/*"))


def test_a_missing_include_is_named(tmp_path):
    written(tmp_path, main='pragma circom 2.1.9;\ninclude "nowhere.circom";\n')
    with pytest.raises(CompileError, match=r"nowhere\.circom"):
        compile_circuit(tmp_path / "main.circom")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_source_that_cannot_be_read_is_an_input_error(tmp_path, content):
    path = tmp_path / "main.circom"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError):
        compile_circuit(path)


def test_a_damaged_cache_entry_is_named(tiny):
    circuit = tiny("one_gate")
    metadata = circuit.folder / "circuit.json"
    whole = metadata.read_text()
    try:
        metadata.write_text(whole[:20])
        with pytest.raises(CacheError, match="damaged") as caught:
            circuit_module._load("one_gate", circuit.digest)
    finally:
        metadata.write_text(whole)
    assert not isinstance(caught.value, KeysError)
    assert str(circuit.folder) in caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["r1cs", "sym", "wasm"])
def test_a_damaged_file_of_a_cached_circuit_is_no_file_of_the_users(source, fresh_cache, suffix):
    circuit = compile_circuit(source("multiplier"))
    (circuit.folder / f"circuit.{suffix}").write_bytes(b"half")
    with pytest.raises(CacheError, match="damaged in the cache"):
        calculate_witness(circuit, {"a": 1, "b": 2}).signal("main.a")


@pytest.mark.slow
def test_two_compilations_at_once_make_one_whole_entry(source, fresh_cache):
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(compile_circuit, [source("one_gate")] * 2)
    assert first == second
    assert sorted(path.name for path in (fresh_cache / "circuits").iterdir()) == [first.digest]


def test_every_instance_of_ours_has_a_unique_readable_entry():
    known = instances()
    assert known
    for name, instance in known.items():
        assert instance.name == name
        assert all(isinstance(value, int) for value in instance.parameters.values())
        assert (paths.circuits_dir() / instance.file).is_file()


def test_an_unknown_instance_is_answered_with_close_names(monkeypatch):
    known = {name: Instance(name, "step.circom", "Step", {}) for name in ("step-48x3", "predict-3")}
    monkeypatch.setattr(instances_module, "instances", lambda: known)
    with pytest.raises(InputError, match=r"Did you mean step-48x3\?"):
        find_instance("step-32x4")
    with pytest.raises(InputError, match="no circuit 'qqq'") as caught:
        find_instance("qqq")
    assert caught.value.kind == "no-circuit"
    assert find_instance("predict-3").name == "predict-3"


@pytest.mark.parametrize("text", ["{}", '{"instances": {"x": {}}}', "[1]", "{", '{"instances": 3}'])
def test_a_malformed_list_of_instances_is_an_input_error(tmp_path, monkeypatch, text):
    (tmp_path / "circuits.json").write_text(text)
    monkeypatch.setattr(instances_module, "circuits_dir", lambda: tmp_path)
    with pytest.raises(InputError, match="malformed"):
        instances()


def test_an_instance_spells_out_its_main_component():
    instance = Instance("r", "rescale.circom", "Rescale", {"BITS": 16, "FRAC": 8}, ("in",))
    assert 'include "rescale.circom";' in instance.main()
    assert "component main {public [in]} = Rescale(16, 8);" in instance.main()


@pytest.mark.slow
def test_a_native_circom_of_another_version_is_passed_over(tmp_path, monkeypatch, source, fresh_cache):
    other = tmp_path / "bin" / "circom"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho circom compiler 2.0.0\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other.parent}{os.pathsep}{os.environ['PATH']}")
    assert compile_circuit(source("multiplier")).constraints == 1
    monkeypatch.setenv("TWOPM_ZK_CIRCOM", str(other))
    with pytest.raises(ToolVersionError, match=r"2\.0\.0"):
        compile_circuit(source("one_gate"))


def test_missing_node_and_missing_packages_are_named(tmp_path, monkeypatch, source, fresh_cache):
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path))
    with pytest.raises(ToolMissingError, match="circom2"):
        compile_circuit(source("multiplier"))
    monkeypatch.delenv("TWOPM_ZK_NODE_MODULES")
    monkeypatch.setenv("PATH", str(tmp_path))
    circuit = compile_circuit(source("multiplier"))  # circom needs no Node, snarkjs does
    with pytest.raises(ToolMissingError, match="node"):
        setup(circuit, backend="snarkjs")


@pytest.mark.slow
def test_a_compiler_that_cannot_be_used_is_said_to_be_so_and_no_machine_code_of_others_is_run(
    tmp_path, monkeypatch, source, fresh_cache
):
    package = tmp_path / "circom2"
    package.mkdir()
    (package / "package.json").write_text(json.dumps({"version": circom.CIRCOM2_VERSION}))
    (package / "circom.wasm").write_bytes(b"not a program")
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path))
    with pytest.raises(ToolError, match=r"circom\.wasm cannot be used by wasmtime"):
        compile_circuit(source("multiplier"))
    (package / "circom.wasm").write_text('(module (memory (export "memory") 1) (func (export "_start") unreachable))')
    with pytest.raises(CompileError, match=r"circom broke off: [^\0]*unreachable"):
        compile_circuit(source("multiplier"))
    code = circom.compiler()[-2]
    assert stat.S_IMODE(code.stat().st_mode) == 0o600
    made = code.stat().st_mtime_ns
    assert circom.compiler()[-2].stat().st_mtime_ns == made
    code.write_bytes(b"of somebody else")
    code.chmod(0o622)
    assert circom.compiler()[-2].read_bytes() != b"of somebody else"


def test_an_include_of_circomlib_that_is_not_installed_is_no_fault_of_the_circuit(tmp_path, monkeypatch):
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path / "nothing"))
    path = tmp_path / "main.circom"
    path.write_text('include "circomlib/circuits/comparators.circom";\n')
    with pytest.raises(ToolMissingError, match="not installed") as caught:
        compile_circuit(path)
    assert caught.value.kind == "not-installed"


def test_a_package_of_another_version_is_named(tmp_path, monkeypatch, source, fresh_cache):
    (tmp_path / "circom2").mkdir()
    (tmp_path / "circom2" / "package.json").write_text(json.dumps({"version": "0.1.0"}))
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path))
    with pytest.raises(ToolVersionError, match=r"0\.1\.0"):
        compile_circuit(source("multiplier"))


def test_importing_the_pipeline_is_cheap():
    code = (
        "import sys, twopm_zk.circuit.compilation, twopm_zk.plonk.keys, twopm_zk.plonk.proving;"
        "heavy = {'galois', 'wasmtime', 'py_ecc', 'web3', 'statsmodels'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
