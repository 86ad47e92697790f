"""State on disk: for its owner only, one process at a time, nothing lost when the disk is full or the process dies."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from twopm_zk.coordinator.store import CoordinatorStore, Fault, Observation
from twopm_zk.errors import StoreError
from twopm_zk.node.store import NodeStore
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.participants.database import Database
from twopm_zk.participants.messages import Enrolment, Opening, PredictionInput
from twopm_zk.participants.records import Attempt, secret_key
from twopm_zk.prediction.store import OperatorStore
from twopm_zk.rows.batches import Batch
from twopm_zk.rows.moments import Moments
from twopm_zk.statements import RoundShape, StepMatrix, StepShape, Update

SPEC = bytes(range(32))
ATTEMPT = Attempt(123, 4, 5)
SHAPE = RoundShape(4, 3, 12)
SCHEMA = ("CREATE TABLE things (name TEXT PRIMARY KEY, content TEXT) STRICT",)


def batch(seed=0, rows=5):
    generator = np.random.default_rng(seed)
    features = generator.integers(-(2**15), 2**15, (rows, 3))
    return Batch(StepShape(32, 3, FEATURES), features, generator.integers(0, 2, rows))


@pytest.fixture
def store(tmp_path):
    with NodeStore(tmp_path / "node.db") as opened:
        yield opened


# --- files ---


def test_only_the_owner_can_read_any_of_the_files(store):
    store.add_batches(SPEC, [batch()])
    files = list(store.path.parent.iterdir())
    assert {file.name for file in files} >= {"node.db", "node.db-wal", "node.db.lock"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_file_that_others_can_read_is_refused(store):
    store.close()
    store.path.chmod(0o644)
    with pytest.raises(StoreError, match="others can read"):
        NodeStore(store.path)
    with pytest.raises(StoreError, match="others can read"):
        NodeStore(store.path, read_only=True)


def test_one_process_at_a_time(store):
    with pytest.raises(StoreError, match="in use by another process"):
        NodeStore(store.path)
    store.close()
    NodeStore(store.path).close()


def test_a_state_in_use_can_be_read_and_not_written(store):
    matrix = StepMatrix(2, (1, 2, 3))
    store.add_matrix(matrix)
    with NodeStore(store.path, read_only=True) as reader:
        assert reader.matrix(matrix.hash) == matrix
        with pytest.raises(StoreError, match="readonly"):
            reader.set_meta("name", "value")
    store.set_meta("name", "value")  # who holds it goes on


def test_reading_makes_no_file(tmp_path):
    with pytest.raises(StoreError, match="there is no state file"):
        NodeStore(tmp_path / "typo.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_another_kind_of_state_is_refused(store):
    store.close()
    with pytest.raises(StoreError, match="state of a node"):
        CoordinatorStore(store.path)


def test_another_programs_database_is_refused_and_unchanged(tmp_path):
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    path.chmod(0o600)
    with pytest.raises(StoreError, match="another program"):
        NodeStore(path)
    assert [row[0] for row in sqlite3.connect(path).execute("SELECT name FROM sqlite_master")] == ["theirs"]


def test_a_damaged_file_is_an_error(tmp_path):
    path = tmp_path / "node.db"
    path.write_bytes(b"no database " * 500)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="not a database"):
        NodeStore(path)


def test_a_store_belongs_to_one_account_and_deployment(store):
    store.belongs_to("0xA", "d")
    store.belongs_to("0xA", "d")
    with pytest.raises(StoreError, match="belongs to account 0xA"):
        store.belongs_to("0xB", "d")
    with pytest.raises(StoreError, match="belongs to deployment d"):
        store.belongs_to("0xA", "e")


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        NodeStore(tmp_path / "file" / "node.db")


# --- a full disk ---


def test_a_full_disk_is_a_clear_error_and_loses_nothing(store):
    first = batch(0)
    store.add_batches(SPEC, [first])
    pages = store.query("PRAGMA page_count")[0][0]
    store.run(f"PRAGMA max_page_count = {pages + 1}")  # SQLite's own way of being full
    with pytest.raises(StoreError, match="could not be written") as caught:
        store.add_batches(bytes(32), [batch(number, rows=32) for number in range(1, 40)])
    assert "Nothing that was written before is lost" in str(caught.value)
    assert "Free space" in str(caught.value)
    assert [entry.batch.salt for entry in store.batches(SPEC)] == [first.salt]
    assert store.batches(bytes(32)) == []
    store.run("PRAGMA max_page_count = 1000000")
    store.add_batches(bytes(32), [batch(1)])
    assert len(store.batches(bytes(32))) == 1


def fill(store):
    for number in range(1000):
        store.set_meta(f"name {number}", "x" * 4096)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_file_system_that_is_full(tmp_path):
    mounted = tmp_path / "small"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", mounted]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with NodeStore(mounted / "node.db") as store:
            store.add_batches(SPEC, [batch()])
            with pytest.raises(StoreError, match="could not be written"):
                fill(store)
            assert len(store.batches(SPEC)) == 1
        with NodeStore(mounted / "node.db") as store:
            assert len(store.batches(SPEC)) == 1
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_an_error_while_committing_changes_nothing(tmp_path, monkeypatch):
    with Database(tmp_path / "state.db", kind="test", schema=SCHEMA) as database:
        database.run("INSERT INTO things VALUES ('a', 'kept')")
        with pytest.raises(StoreError), database.transaction():  # noqa: PT012
            database.run("UPDATE things SET content = 'lost'")
            database.run("INSERT INTO things VALUES ('a', 'twice')")
        assert database.one("SELECT content FROM things") == ("kept",)


# --- what is forgotten ---


def holding(path, secret):
    """Names of the files of a database that hold these bytes."""
    files = [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))]
    return {file.name for file in files if file.exists() and secret in file.read_bytes()}


def opening_with(blinding):
    return Opening(Update(2, (1, 2, 3, 4), 12), blinding)


def test_forgotten_openings_are_in_none_of_the_files(tmp_path):
    blinding = 2**200 + 77
    secret = str(blinding).encode()
    with CoordinatorStore(tmp_path / "coordinator.db") as store:
        store.add_opening(ATTEMPT, "0xA", 5, opening_with(blinding))
        assert holding(store.path, secret) == {"coordinator.db-wal"}
        store.add_enrolment(SPEC, "0xA", Enrolment(2, 1, None))
        store.forget_openings(Attempt(123, 5, 0))
        assert holding(store.path, secret) == set()
        assert store.enrolments(SPEC, SHAPE)
    assert holding(store.path, secret) == set()


def test_answered_inputs_are_in_none_of_the_files(tmp_path):
    salt = 2**200 + 78
    with OperatorStore(tmp_path / "operator.db") as store:
        store.add("0xC", 1, 5, PredictionInput((4, 5, 6), salt))
        assert holding(store.path, str(salt).encode())
        store.set_done(5)
        assert holding(store.path, str(salt).encode()) == set()


@pytest.mark.slow
def test_openings_forgotten_just_before_a_kill_are_gone_after_the_next_start(tmp_path):
    path, blinding = tmp_path / "coordinator.db", 2**200 + 79
    script = f"""
        import os, signal
        from pathlib import Path
        from twopm_zk.coordinator.store import CoordinatorStore
        from twopm_zk.participants.messages import Opening
        from twopm_zk.participants.records import Attempt
        from twopm_zk.statements import Update
        store = CoordinatorStore(Path({str(path)!r}))
        store.add_opening(Attempt(123, 4, 5), "0xA", 5, Opening(Update(2, (1, 2, 3, 4), 12), {blinding}))
        store._cut_log = lambda: os.kill(os.getpid(), signal.SIGKILL)
        store.forget_openings(Attempt(123, 5, 0))
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert holding(path, str(blinding).encode()) == {"coordinator.db-wal"}
    with CoordinatorStore(path) as store:
        assert store.openings(ATTEMPT, SHAPE) == {}
        assert holding(path, str(blinding).encode()) == set()


# --- kill -9 ---


def test_what_was_committed_survives_a_kill(tmp_path):
    script = """
        import os, signal, sys
        from pathlib import Path
        from twopm_zk.participants.database import Database
        database = Database(Path(sys.argv[1]), kind="test", schema=[sys.argv[2]])
        database.run("INSERT INTO things VALUES ('a', 'committed')")
        with database.transaction():
            database.run("INSERT INTO things VALUES ('b', 'never')")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script), tmp_path / "state.db", *SCHEMA], check=False)
    assert ended.returncode == -signal.SIGKILL
    with Database(tmp_path / "state.db", kind="test", schema=SCHEMA) as database:
        assert database.query("SELECT name FROM things") == [("a",)]


# --- what nodes keep ---


def test_batches_come_back_as_they_were(store):
    batches = [batch(1), batch(2, rows=32)]
    store.add_batches(SPEC, batches)
    store.set_place(SPEC, 1, 7)
    found = store.batches(SPEC)
    assert [(entry.number, entry.place) for entry in found] == [(0, None), (1, 7)]
    for entry, original in zip(found, batches, strict=True):
        assert entry.batch.commitment == original.commitment
        assert np.array_equal(entry.batch.features, original.features)
    assert store.batches(bytes(32)) == []


def test_a_batch_that_was_altered_on_disk_is_found(store):
    store.add_batches(SPEC, [batch()])
    store.run("UPDATE batches SET salt = '5'")
    with pytest.raises(StoreError, match="damaged"):
        store.batches(SPEC)


def test_a_batch_gets_another_salt_and_no_place(store):
    store.add_batches(SPEC, [batch()])
    store.set_place(SPEC, 0, 3)
    store.replace_batch(SPEC, 0, replace(store.batches(SPEC)[0].batch, salt=99))
    (found,) = store.batches(SPEC)
    assert (found.batch.salt, found.place) == (99, None)


def test_updates_keep_their_blinding_through_every_step(store):
    update = Update(5, (1 << 180, -3, 0, 4), 12)
    made = store.begin_update(ATTEMPT, 0, 77, update)
    store.set_proof(ATTEMPT, 0, range(24))
    store.set_receipt(ATTEMPT, 0, "0xC", "{}")
    (found,) = store.updates(ATTEMPT).values()
    assert found.opened == made.opened
    assert (found.model, found.commitment) == (77, made.commitment)
    assert found.proof == tuple(range(24))
    assert found.receipt_of == "0xC"
    assert store.updates(Attempt(123, 4, 6)) == {}
    assert store.receipts() == ["{}"]


def test_work_for_another_model_is_replaced_whole(store):
    update = Update(5, (1, 2, 3, 4), 12)
    first = store.begin_update(ATTEMPT, 0, 77, update)
    store.set_proof(ATTEMPT, 0, range(24))
    second = store.begin_update(ATTEMPT, 0, 78, update)
    assert first.opened.blinding != second.opened.blinding
    assert store.updates(ATTEMPT)[0].proof is None


def test_nothing_private_is_in_a_repr(store):
    store.add_batches(SPEC, [batch()])
    made = store.begin_update(ATTEMPT, 0, 77, Update(5, (987654321, 2, 3, 4), 12))
    text = repr(store.batches(SPEC)) + repr(made)
    for secret in (str(store.batches(SPEC)[0].batch.salt), "987654321", str(made.opened.blinding)):
        assert secret not in text


def test_matrices_and_blocks(store):
    matrix = StepMatrix(2, (1, -2, 3))
    store.add_matrix(matrix)
    store.add_matrix(matrix)
    assert store.matrix(matrix.hash) == matrix
    assert store.matrix(1) is None
    assert store.block(5) is None
    store.set_block(5, 10)
    assert store.block(5) == 10


# --- what coordinators keep ---


@pytest.fixture
def inbox(tmp_path):
    with CoordinatorStore(tmp_path / "coordinator.db") as opened:
        yield opened


def test_the_key_is_drawn_once(inbox):
    first = secret_key(inbox).private_bytes_raw()
    assert secret_key(inbox).private_bytes_raw() == first
    path = inbox.path
    inbox.close()
    with CoordinatorStore(path) as again:
        assert secret_key(again).private_bytes_raw() == first


def test_openings_of_over_rounds_are_forgotten(inbox):
    opening = Opening(Update(5, (1, 2, 3, 4), 12), 9)
    commitment = opening.opened.commitment
    for number in (3, 4):
        inbox.add_opening(Attempt(123, number, 0), "0xA", commitment, opening)
    inbox.add_opening(Attempt(9, 3, 0), "0xA", commitment, opening)
    assert inbox.openings(Attempt(123, 3, 0), SHAPE) == {commitment: opening}
    inbox.forget_openings(Attempt(123, 4, 0))
    assert inbox.received(Attempt(123, 3, 0)) == set()
    assert inbox.received(Attempt(123, 4, 0)) == {commitment}
    assert inbox.received(Attempt(9, 3, 0)) == {commitment}


def test_enrolments_faults_work_and_history(inbox):
    inbox.add_enrolment(SPEC, "0xB", Enrolment(5, 1))
    inbox.add_enrolment(SPEC, "0xA", Enrolment(6, 1))
    inbox.add_enrolment(SPEC, "0xA", Enrolment(7, 2))
    assert list(inbox.enrolments(SPEC, SHAPE).items()) == [("0xA", Enrolment(7, 2)), ("0xB", Enrolment(5, 1))]
    inbox.add_fault(Fault(ATTEMPT, "0xA", "first", b"signed"))
    inbox.add_fault(Fault(ATTEMPT, "0xA", "second"))
    (fault,) = inbox.faults(123)
    assert (fault.reason, fault.evidence, fault.attempt) == ("first", b"signed", ATTEMPT)
    inbox.add_work(ATTEMPT, "aggregate", {"proof": ["1"]})
    assert inbox.work(ATTEMPT, "aggregate") == {"proof": ["1"]}
    assert inbox.work(ATTEMPT, "certify") is None
    seen = Observation((1, 2), (-(2**200), 3), Moments(2, ((4, 5), (5, -6))))
    inbox.add_history(123, 1, seen)
    inbox.add_history(123, 0, replace(seen, hessian=None))
    assert inbox.history(123) == {0: replace(seen, hessian=None), 1: seen}
