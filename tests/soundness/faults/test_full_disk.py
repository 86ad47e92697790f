"""A disk on which there is room for less than the next write, at every look of a participant."""

import os
import subprocess

import pytest
from soundness.faults.played import WHO

from twopm_zk.errors import StoreError

pytestmark = pytest.mark.slow

PART = "faults: full disk at every look"
PAGE = 4096
SIZE = 1 << 20
FREE = (0, 1, 2, 3, 5, 8, 13, 21, 34)
"""Pages that are free, one after the other until there are enough; a commit takes one or a few."""


@pytest.fixture
def disk(tmp_path):
    """A folder with a file system of its own, of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small file system can be mounted here, so that no disk is full")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def leave(folder, pages):
    """Fill the disk but for some pages; None empties it again."""
    filler = folder / "filler"
    filler.unlink(missing_ok=True)
    if pages is None:
        return
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - pages * PAGE))


@pytest.mark.parametrize("who", WHO)
def test_a_disk_that_is_full_at_every_look_loses_nothing(disk, play, tally, amount, who):
    played = play(who, folder=disk)
    sizes, full = amount((0, 2), FREE), []

    def look():
        for pages in (*sizes, None):
            played.stop()  # a process that starts again finds the disk full, too
            leave(disk, pages)
            stopped = played.stopped
            whole = played.look(stops=StoreError)
            if played.stopped > stopped:
                full.append((played.where, pages))
                assert pages is not None
            elif whole:
                break
        leave(disk, None)

    played.run(look)
    assert played.losses() == []
    tally.faults(PART, tried=len(full), survived=len(full))
