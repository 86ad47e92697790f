"""A disk on which there is room for less than the next write, at every look of a participant."""

import os
import subprocess

import pytest
from soundness.faults.outcome import storing_losses
from soundness.faults.played import WHO
from support.data_sets import write_all
from support.federated_world import FederatedStage, specification
from support.people_world import SPEC

from twopm_zk.chain.tasks import Phase
from twopm_zk.datasets.storing import put
from twopm_zk.errors import PeerError, StoreError
from twopm_zk.hfl.store import FederatedStore
from twopm_zk.node.backup import packaged
from twopm_zk.node.registration import load_batches, register
from twopm_zk.node.store import NodeStore
from twopm_zk.rows.cells import CsvOptions

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


@pytest.mark.full
def test_a_node_of_any_other_model_whose_disk_and_storage_are_full_loses_nothing(disk, world, tmp_path, tally):
    """Its state and the storage of all are on that disk."""
    folder, full = tmp_path / "others", 0
    folder.mkdir()
    stage = FederatedStage(world, folder, nodes=3, spec=specification(disk, locations=1, maximum_rounds=1))
    stage.nodes[0].store.close()
    (folder / "node0.db").unlink()

    def look(pages):
        leave(disk, pages)
        with FederatedStore(disk / "node0.db") as store:
            stage.node(0, store=store).tick()

    def looks():
        stopped = 0
        for pages in FREE:
            try:
                look(pages)
            except StoreError:
                stopped += 1
        look(None)
        return stopped

    try:
        for _ in range(20):
            full += looks()
            for other in (*stage.nodes[1:], stage.coordinator):
                other.tick()
            count = stage.reader.task_count()
            if count and stage.reader.state(count).phase is Phase.FINISHED:
                break
        stage.task = count
        assert (count, stage.state.phase) == (1, Phase.FINISHED)
        assert stage.state.latest_result == stage.expected()[-1].hash
        for name in ("NodeLeft", "MissingReported", "Penalised"):
            assert not stage.events(name)
        assert len(stage.events("UpdateCommitted")) == len(stage.events("MaskedUpdateShared")) == 3
    finally:
        for one in (*stage.nodes[1:], stage.coordinator):
            one.store.close()
    assert full
    tally.faults(PART, tried=full, survived=full)


def test_an_owner_whose_disk_and_storage_are_full_stores_its_rows_once_there_is_room(
    disk, world, tmp_path, tally, amount
):
    view, rows, full = world.view(2), write_all(tmp_path / "rows.csv", times=2, notes=amount(0, 2_000)), 0
    for pages in (*amount((0, 3), range(1, 60)), None):
        leave(disk, pages)
        try:
            with NodeStore(disk / "node.db") as store:
                load_batches(store, SPEC, rows)
                register(view, store, SPEC)
                with packaged(view, store, SPEC, rows, CsvOptions()) as package:
                    put(view, store, package, f"file://{disk}/storage", progress=lambda line: None)
            break
        except (StoreError, PeerError):
            assert pages is not None
            full += 1
    assert full
    leave(disk, None)
    assert storing_losses(view, disk / "node.db", disk / "storage", rows) == []
    tally.faults(PART, tried=full, survived=full)
