"""Instances that a wheel brings compiled are what circom makes of the same sources, and need no program."""

import io
import lzma
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.tools import load_tool

from twopm_zk.circuit import shipped
from twopm_zk.circuit.compilation import compile_circuit, compiled
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import CacheError, ToolMissingError

pytestmark = pytest.mark.circuit
INSTANCE = find_instance("predict-3")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The smallest instance as a wheel has it, made from the cache that all tests use."""
    folder = tmp_path_factory.mktemp("data") / "compiled"
    load_tool("build_wheel").pack([compile_circuit(INSTANCE)], folder)
    return folder


@pytest.fixture
def wheel(archive, tmp_path, monkeypatch, fresh_cache):
    """A copy of the archive as this installation's, with an empty cache, and neither Node nor npm's packages."""
    folder = tmp_path / "compiled"
    folder.mkdir()
    for path in archive.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(shipped, "shipped_dir", lambda: folder)
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return folder


@pytest.mark.slow
def test_a_shipped_instance_is_what_circom_makes_and_needs_no_program(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path / "one"))
    made = compile_circuit(INSTANCE)
    expected = {name: (made.folder / name).read_bytes() for name in shipped.FILES}
    monkeypatch.setattr(shipped, "shipped_dir", lambda: archive)
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path / "two"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path / "nothing"))
    assert compiled(INSTANCE) is None
    found = compile_circuit(INSTANCE)
    assert (found, compiled(INSTANCE)) == (made, made)
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == expected


def test_a_checkout_ships_nothing():
    assert shipped.shipped_digest(INSTANCE) is None


def test_an_instance_that_is_not_shipped_as_it_is_gets_compiled(wheel, tmp_path, monkeypatch):
    assert shipped.shipped_digest(INSTANCE) is not None
    assert shipped.shipped_digest(find_instance("predict-8")) is None
    assert shipped.shipped_digest(replace(INSTANCE, parameters=INSTANCE.parameters | {"FEATURES": 2})) is None
    changed = tmp_path / "circuits"
    changed.mkdir()
    (changed / "predict.circom").write_text("// changed")
    monkeypatch.setattr(shipped, "circuits_dir", lambda: changed)
    shipped._index.cache_clear()
    assert shipped.shipped_digest(INSTANCE) is None
    monkeypatch.setattr(shipped, "shipped_dir", lambda: tmp_path)
    with pytest.raises(ToolMissingError):
        compile_circuit(find_instance("predict-8"))


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


@pytest.mark.parametrize("damage", [pytest.param(make, id=name) for name, make in damages()])
def test_a_damaged_archive_is_named_and_leaves_nothing(wheel, fresh_cache, damage):
    archive = wheel / "circuits.tar.xz"
    digest = shipped.shipped_digest(INSTANCE)
    archive.write_bytes(damage(archive.read_bytes(), digest))
    with pytest.raises(CacheError, match="compiled circuits of this installation are damaged"):
        compile_circuit(INSTANCE)
    assert list((fresh_cache / "circuits").iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", '{"sources": "0"}', '{"instances": {}}'])
def test_a_damaged_index_is_named(wheel, text):
    shipped._index.cache_clear()
    (wheel / "index.json").write_text(text)
    if text == '{"sources": "0"}':
        assert shipped.shipped_digest(INSTANCE) is None
        return
    with pytest.raises(CacheError, match="compiled circuits of this installation are damaged"):
        shipped.shipped_digest(INSTANCE)


def test_the_build_refuses_a_circuit_that_is_not_what_was_measured(tmp_path, monkeypatch):
    tool = load_tool("build_wheel")
    circuit = SimpleNamespace(name="predict-3", digest="0" * 32, constraints=1386)
    monkeypatch.setattr(tool, "compile_circuit", lambda instance, progress: circuit)
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(tmp_path))
    with pytest.raises(SystemExit, match="predict-3 is not what"):
        tool.compile_small_instances(tmp_path)
