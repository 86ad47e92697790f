"""Files: whole or not at all, private ones without a name before that, and none that the disk cannot hold."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest

from twopm_zk.errors import InputError, StoreError
from twopm_zk.system import files


@pytest.fixture(params=["in memory", "unlinked", "forbidden"])
def secrets(request, monkeypatch):
    """Secret files as this system has them, and as one has them that has or allows no files in memory."""
    if request.param == "unlinked":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif request.param == "forbidden":

        def forbidden(*_):
            raise PermissionError

        monkeypatch.setattr(os, "memfd_create", forbidden, raising=False)


@pytest.mark.usefixtures("secrets")
def test_a_secret_file_can_be_read_by_its_path_here_and_in_a_child_that_inherits_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = bytes(range(256)) * 1000
    with files.secret_file(content) as path:
        assert path.read_bytes() == path.read_bytes() == content
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not list(tmp_path.iterdir())
        code = "import sys; print(len(open(sys.argv[1], 'rb').read()))"
        command = [sys.executable, "-c", code, str(path)]
        inherited = subprocess.run(
            command, pass_fds=[files.descriptor_of(path)], capture_output=True, text=True, check=True
        )
        assert inherited.stdout.strip() == "256000"
        assert subprocess.run(command, capture_output=True, check=False).returncode  # no other process finds it
    assert not path.exists()


def test_only_paths_of_open_files_have_a_descriptor(tmp_path):
    assert files.descriptor_of(tmp_path / "5") is None
    assert files.descriptor_of(files.path_of(5)) == 5


@pytest.mark.parametrize("nameless", [True, False])
def test_a_private_file_is_its_owners_from_the_first_byte_and_replaces_only_when_whole(tmp_path, monkeypatch, nameless):
    if not nameless:
        monkeypatch.setattr(files, "_open_nameless", lambda *_: None)
    target = tmp_path / "secret"
    target.write_text("old")

    def fail_halfway():
        with files.replacing(target, private=True) as temporary:
            temporary.write_text("new")
            assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
            assert (len(list(tmp_path.iterdir())) == 1) is nameless
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert target.read_text() == "old"
    files.write_text(target, "new", private=True)
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_what_finds_no_room_is_refused_with_both_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * 10**9))
    files.require_space(tmp_path / "a" / "b", 3 * 10**9, what="a key")
    with pytest.raises(StoreError, match=r"a key takes 210 GB, and 3 GB are free in") as caught:
        files.require_space(tmp_path / "a" / "b", 210 * 10**9, what="a key")
    assert caught.value.kind == "no-space"


@pytest.mark.parametrize("name", ["9" * 5000, "nul\0", "nothing"])
def test_a_name_that_no_file_can_have_is_an_input_error_of_readable_length(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read") as caught:
        files.read_bytes(tmp_path / name, what="input")
    assert len(str(caught.value)) < 300
    assert not files.is_file(tmp_path / name)


def test_what_a_killed_process_left_of_a_cache_entry_goes_with_the_next_that_builds_it(tmp_path, fresh_cache):
    entry, other = tmp_path / "entry", tmp_path / ".other.012345.tmp"
    other.write_text("of somebody who is at work")
    code = (
        "import os, pathlib, sys; from twopm_zk.system.files import locked, replacing\n"
        "with locked(pathlib.Path(sys.argv[1])), replacing(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.mkdir(); (temporary / 'half').write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, entry], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".entry.*.tmp"))) == 1
    with files.locked(entry), files.replacing(entry) as temporary:
        assert not list(tmp_path.glob(".entry.*.tmp"))
        temporary.mkdir()
        (temporary / "whole").write_text("whole")
    assert (entry / "whole").read_text() == "whole"
    assert other.exists()
    of_the_killed = entry / ".key.012345.tmp"
    of_the_killed.write_text("half of a file in the entry")
    with files.locked(entry):
        assert [path.name for path in entry.iterdir()] == ["whole"]


WHILE_IT_GETS_ITS_NAME = """
import os, pathlib, signal, sys
from twopm_zk.system import files

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

os.link = pathlib.Path.replace = kill
files.write_text(sys.argv[1], "new")
"""


@pytest.mark.parametrize("there", [False, True])
def test_a_process_that_is_killed_while_it_writes_leaves_nothing_half_written(tmp_path, there):
    target = tmp_path / "file"
    if there:
        target.write_text("old")
    killed = subprocess.run([sys.executable, "-c", WHILE_IT_GETS_ITS_NAME, target], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"] * there


def test_what_others_may_read_is_not_made_private(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("as the system has it")
    files.write_text(tmp_path / "written", "new")
    assert (tmp_path / "written").stat().st_mode == plain.stat().st_mode
