"""Storage by content: what is put is found, and whoever runs the storage can withhold, and no more."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.federated import small_spec

from twopm_zk.errors import InputError, PeerError, SpecError, ToolMissingError
from twopm_zk.federated import Storage
from twopm_zk.federated.checks import MAX_LOCATIONS, check_locations
from twopm_zk.system.content_store import content_hash

CONTENT = b"a masked update" * 9
SIZE = len(CONTENT)


@pytest.fixture(params=["file", "memory"])
def storage(request, tmp_path):
    if request.param == "file":
        return Storage((f"file://{tmp_path}/one", f"file://{tmp_path}/two/"))
    return Storage((f"memory://{tmp_path.name}/one", f"memory://{tmp_path.name}/two"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "one"


@pytest.fixture
def local(tmp_path):
    return Storage((f"file://{tmp_path}/one", f"file://{tmp_path}/two"))


def path_in(folder, content=CONTENT):
    folder.mkdir(exist_ok=True)
    return folder / f"{content_hash(content).hex()}.bin"


def refused(storage, kind, *, size=SIZE, location=0):
    with pytest.raises(PeerError) as raised:
        storage.get(location, content_hash(CONTENT), size)
    assert raised.value.kind == kind
    return str(raised.value)


def test_what_is_put_is_found_at_its_location_and_at_no_other(storage):
    digest = storage.put(1, CONTENT)
    assert digest == content_hash(CONTENT)
    assert storage.get(1, digest, SIZE) == CONTENT
    refused(storage, "not-stored")
    assert storage.find(digest, SIZE) == CONTENT
    assert storage.find(digest, SIZE, first=1) == CONTENT
    with pytest.raises(PeerError) as raised:
        storage.find(bytes(32), 5)
    assert raised.value.kind == "not-stored"


def test_putting_twice_is_putting_once(local, folder):
    local.put(0, CONTENT)
    before = path_in(folder).stat()
    local.put(0, CONTENT)
    assert path_in(folder).stat().st_ino == before.st_ino
    assert [path.name for path in folder.iterdir()] == [path_in(folder).name]


def test_of_a_specification(tmp_path):
    spec = small_spec(storage={"locations": [f"file://{tmp_path}"]})
    assert Storage.of(spec).locations == spec.locations


def test_other_bytes_too_few_and_too_many_are_refused(local, folder):
    for content in (b"X" * SIZE, CONTENT[:-1], b"", CONTENT + b"X", CONTENT * 1000):
        path_in(folder).write_bytes(content)
        message = refused(local, "other-content")
        assert "XXX" not in message
    # and of what is there no more is believed than of what is asked for
    path_in(folder).write_bytes(CONTENT)
    refused(local, "other-content", size=SIZE - 1)
    refused(local, "other-content", size=SIZE + 1)
    assert local.get(0, content_hash(CONTENT), SIZE) == CONTENT


def test_no_more_is_read_than_the_size_and_one_byte(local, folder):
    """A storage that returns gigabytes for kilobytes fills nobody's memory: of a sparse file of 2^40 bytes a few are
    read."""
    with path_in(folder).open("wb") as file:
        file.truncate(1 << 40)
    refused(local, "other-content")


def test_a_remote_storage_is_read_no_further_either(monkeypatch):
    from fsspec.implementations.memory import MemoryFile

    asked, true = [], MemoryFile.read
    monkeypatch.setattr(MemoryFile, "read", lambda file, size=-1: asked.append(size) or true(file, size))
    storage = Storage(("memory://long",))
    storage.put(0, CONTENT)
    asked.clear()
    storage.get(0, content_hash(CONTENT), SIZE)
    assert asked == [SIZE + 1]


def test_what_is_damaged_is_replaced_by_who_has_it(local, folder):
    path_in(folder).write_bytes(b"half of")
    local.put(0, CONTENT)
    assert local.get(0, content_hash(CONTENT), SIZE) == CONTENT


def test_links_are_neither_followed_nor_written_through(local, folder, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)  # even where it leads to the very bytes that are asked for
    path_in(folder).symlink_to(secret)
    assert "is a link" in refused(local, "other-content")
    other = b"something else of mine"
    secret.write_bytes(other)
    local.put(0, CONTENT)
    assert secret.read_bytes() == other
    assert not path_in(folder).is_symlink()
    assert local.get(0, content_hash(CONTENT), SIZE) == CONTENT


@pytest.mark.timeout(10)
def test_nothing_waits_for_a_pipe_a_socket_or_a_folder(local, folder):
    os.mkfifo(path_in(folder))
    assert "no plain file" in refused(local, "other-content")
    path_in(folder).unlink()
    path_in(folder).mkdir()
    assert "no plain file" in refused(local, "other-content")
    path_in(folder).rmdir()
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path is short
        try:
            server.bind(path_in(folder).name)
        finally:
            os.chdir(here)
        refused(local, "storage-unreachable")


def test_a_descriptor_is_closed_whatever_is_found(local, folder):
    path_in(folder).mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        refused(local, "other-content")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_location_that_cannot_be_used_says_so(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    storage = Storage((f"file://{blocked}/one", f"file://{tmp_path}/two"))
    with pytest.raises(PeerError, match="storage location 0 cannot be used: ") as raised:
        storage.put(0, CONTENT)
    assert raised.value.kind == "storage-unreachable"
    assert str(tmp_path) not in str(raised.value)
    refused(storage, "storage-unreachable")
    storage.put(1, CONTENT)
    assert storage.find(content_hash(CONTENT), SIZE) == CONTENT


def test_what_a_remote_storage_raises_is_not_passed_on(monkeypatch):
    """Its message may hold a key of the owner's."""
    from fsspec.implementations.memory import MemoryFileSystem

    def fails(*_, **__):
        raise RuntimeError("denied for key AKIA1234")

    monkeypatch.setattr(MemoryFileSystem, "open", fails)
    storage = Storage(("memory://somewhere",))
    assert "AKIA" not in refused(storage, "storage-unreachable")
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", fails)
    with pytest.raises(PeerError) as raised:
        storage.put(0, CONTENT)
    assert "AKIA" not in str(raised.value)


def test_a_protocol_without_its_package_names_it(monkeypatch):
    import fsspec.core

    def missing(_):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    storage = Storage(("s3://bucket/folder",))
    for use in (lambda: storage.put(0, CONTENT), lambda: storage.get(0, bytes(32), 5)):
        with pytest.raises(ToolMissingError, match=r"s3://.*Install s3fs"):
            use()


@pytest.mark.parametrize("location", [-1, 2, 255])
def test_a_location_that_the_specification_has_not_is_refused(local, location):
    for use in (lambda: local.put(location, b""), lambda: local.get(location, bytes(32), 5)):
        with pytest.raises(InputError, match="none of the specification's 2") as raised:
            use()
        assert raised.value.kind == "no-such-location"


@pytest.mark.parametrize(
    ("digest", "size"), [(b"", 5), (bytes(31), 5), (bytes(33), 5), (bytes(32), -1), (bytes(32), 1 << 33)]
)
def test_only_a_hash_and_a_size_name_anything(local, digest, size):
    with pytest.raises(InputError, match="names nothing"):
        local.get(0, digest, size)


TRICKS = [
    "/srv/updates",
    "updates",
    "file://updates",
    "file://",
    "file:///",
    "file:////srv",
    "file:///srv/../etc",
    "file:///srv/./updates",
    "file:///srv//updates",
    "file:///srv/.hidden",
    "file:///srv/~/x",
    "file:///~root",
    "file:///srv/a b",
    "file:///srv/*",
    "file:///srv/a%2e%2e",
    "file:///srv/a?b",
    "file:///srv/a#b",
    "file:///srv/a\nb",
    "file:///srv/a\0b",
    "file:///srv/ümlaut",
    "FILE:///srv",
    "local:///srv",
    "http://example.org/a",
    "https://example.org/a",
    "ftp://example.org/a",
    "ssh://host/a",
    "github://owner:repo@/a",
    "zip://a.zip",
    "reference://x",
    "simplecache::s3://bucket/a",
    "s3://bucket::file:///srv",
    "s3://",
    "s3:///bucket",
    "s3://key:secret@bucket/a",
    "s3://bucket/a?versionId=1",
    "s3://bucket/../other",
    "s3://bucket/{a,b}",
    "memory://",
    "memory://a/../b",
    "gs://bucket//a",
    "s3://" + "a" * 600,
]


@pytest.mark.parametrize("location", TRICKS)
def test_what_could_mean_another_place_is_no_location(location):
    with pytest.raises(SpecError, match=r"`storage\.locations\[1\]`") as raised:
        Storage(("memory://a", location))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "location",
    ["file:///srv/updates", "file:///srv/updates/", "memory://a", "s3://a-bucket", "gs://b/c_d/e.f=1", "abfs://c/d"],
)
def test_folders_of_plain_names_are_locations(location):
    check_locations((location,))


def test_there_is_a_location_and_not_too_many():
    check_locations([f"memory://a{index}" for index in range(MAX_LOCATIONS)])
    for locations in ((), [f"memory://a{index}" for index in range(MAX_LOCATIONS + 1)]):
        with pytest.raises(SpecError, match="allowed: 1 to 16"):
            check_locations(locations)


@pytest.mark.slow
@given(st.text(max_size=40), st.sampled_from(["file:///srv/", "s3://bucket/", "memory://", "gs://", ""]))
def test_a_location_never_names_a_file_outside_its_folder(tail, head):
    try:
        check_locations((head + tail,))
    except SpecError:
        return
    path = (head + tail).partition("://")[2]
    assert os.path.normpath(path) == path.rstrip("/")
    assert not set(path) & set("*?[]{}~#%@:\\ \0\n")
