"""Instances that come compiled are what circom makes of the same sources, and need no program."""

import io
import lzma
import shutil
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.tools import load_tool

from twopm_zk.circuit import compilation, shipped
from twopm_zk.circuit.compilation import compile_circuit, compiled, source_digest
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import CacheError, ToolMissingError
from twopm_zk.system import paths

pytestmark = pytest.mark.circuit
INSTANCE = find_instance("predict-3")
TOOL = load_tool("compile_circuits")
USUAL_CACHE = paths.cache_dir()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The smallest instance alone, packed as all are."""
    folder = tmp_path_factory.mktemp("data") / "compiled"
    TOOL.pack([compile_circuit(INSTANCE)], folder)
    return folder


@pytest.fixture
def wheel(archive, tmp_path, monkeypatch, fresh_cache):
    """A copy of that archive as this installation's, with an empty cache, and neither Node nor npm's packages."""
    folder = tmp_path / "compiled"
    folder.mkdir()
    for path in archive.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(shipped, "shipped_dir", lambda: folder)
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return folder


def test_what_comes_compiled_is_of_todays_sources():
    """Fails after a change of the sources: `make generate` compiles them again."""
    digests = {name: source_digest(find_instance(name)) for name in TOOL.chosen_instances()}
    assert digests == shipped.shipped_digests(paths.shipped_dir())


@pytest.mark.slow
def test_the_smallest_instance_of_each_template_comes_as_circom_makes_it(fresh_cache, monkeypatch):
    """`python tools/compile_circuits.py --check`, which takes minutes, compares all of them."""
    smallest = {find_instance(name).template: name for name in reversed(TOOL.chosen_instances())}
    made = TOOL.compile_anew(smallest.values(), fresh_cache)
    assert TOOL.different(made) == []
    made[0].wasm.write_bytes(made[0].wasm.read_bytes() + b" ")
    assert TOOL.different(made) == [made[0].name]


def test_a_shipped_instance_needs_no_program_and_is_the_one_of_the_cache(wheel, fresh_cache, monkeypatch):
    assert compiled(INSTANCE) is None
    found = compile_circuit(INSTANCE)
    assert compiled(INSTANCE) == found
    unpacked = {path.name: path.read_bytes() for path in found.folder.iterdir()}
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(USUAL_CACHE))
    usual = compile_circuit(INSTANCE)
    assert usual == found
    assert unpacked == {name: (usual.folder / name).read_bytes() for name in shipped.FILES}


def test_an_instance_that_is_not_shipped_as_it_is_gets_compiled(wheel, tmp_path, monkeypatch):
    for other in (find_instance("predict-8"), replace(INSTANCE, parameters=INSTANCE.parameters | {"FEATURES": 2})):
        with pytest.raises(ToolMissingError):
            compile_circuit(other)
    changed = tmp_path / "circuits"
    shutil.copytree(paths.circuits_dir(), changed, ignore=shutil.ignore_patterns("compiled"))
    monkeypatch.setattr(compilation, "circuits_dir", lambda: changed)
    assert compile_circuit(INSTANCE).constraints == 1387  # the same sources elsewhere
    with (changed / "lib" / "poseidon.circom").open("a") as file:
        file.write("// changed")
    with pytest.raises(ToolMissingError):
        compile_circuit(INSTANCE)


def test_what_comes_compiled_is_not_taken_where_sources_are_asked_for(wheel):
    with pytest.raises(ToolMissingError):
        compile_circuit(INSTANCE, from_sources=True)
    assert compiled(INSTANCE) is None


def packed(*members):
    """An archive of files and links."""
    content = io.BytesIO()
    with lzma.open(content, "wb", preset=0) as compressed, tarfile.open(fileobj=compressed, mode="w") as opened:
        for name, kind, size in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, "/etc/passwd", size
            opened.addfile(member, io.BytesIO(bytes(size)))
    return content.getvalue()


def damages():
    """What can be wrong with an archive that holds the instance of a digest."""
    regular, link = tarfile.REGTYPE, tarfile.SYMTYPE
    yield "cut", lambda whole, digest: whole[:-5000]
    yield "empty", lambda whole, digest: b""
    yield "no xz", lambda whole, digest: b"nothing of the kind" * 100
    yield "other bytes", lambda whole, digest: whole[:9000] + bytes(100) + whole[9100:]
    yield "another instance", lambda whole, digest: packed(("0" * 32 + "/circuit.r1cs", regular, 10))
    yield "a file too many", lambda whole, digest: packed((f"{digest}/circuit.exe", regular, 10))
    yield "a file elsewhere", lambda whole, digest: packed((f"{digest}/../escaped", regular, 10))
    yield "a link", lambda whole, digest: packed((f"{digest}/circuit.r1cs", link, 0))
    yield "a file twice", lambda whole, digest: packed(*[(f"{digest}/circuit.r1cs", regular, 10)] * 2)
    yield "a huge file", lambda whole, digest: packed((f"{digest}/circuit.r1cs", regular, shipped.MAX_SIZE + 1))


@pytest.mark.slow
@pytest.mark.parametrize("damage", [pytest.param(make, id=name) for name, make in damages()])
def test_a_damaged_archive_is_named_and_leaves_nothing(wheel, fresh_cache, damage):
    archive = wheel / "circuits.tar.xz"
    archive.write_bytes(damage(archive.read_bytes(), source_digest(INSTANCE)))
    with pytest.raises(CacheError, match="compiled circuits of this installation are damaged"):
        compile_circuit(INSTANCE)
    assert list((fresh_cache / "circuits").iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"instances": 0}'])
def test_a_damaged_index_is_named(wheel, text):
    shipped.shipped_digests.cache_clear()
    (wheel / "index.json").write_text(text)
    with pytest.raises(CacheError, match="compiled circuits of this installation are damaged"):
        compile_circuit(INSTANCE)


def test_the_build_refuses_a_circuit_that_is_not_what_was_measured(tmp_path, monkeypatch):
    circuit = SimpleNamespace(name="predict-3", digest="0" * 32, constraints=1386)
    monkeypatch.setattr(TOOL, "compile_circuit", lambda instance, **_: circuit)
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path))
    with pytest.raises(SystemExit, match="predict-3 is not what"):
        TOOL.compile_anew(["predict-3"], tmp_path)
