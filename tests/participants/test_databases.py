"""State on disk: for its owner only, one process at a time, nothing lost when the disk is full or the process dies."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.errors import StoreError
from twopm_zk.node.store import NodeStore
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.participants.database import Database
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.participants.records import Attempt, secret_key
from twopm_zk.prediction.store import OperatorStore
from twopm_zk.privacy.budget import Spending
from twopm_zk.rows.batches import Batch
from twopm_zk.sharing import Collection as Shared
from twopm_zk.sharing import LedgerEntry, Place
from twopm_zk.statements import Collection, Family, StepShape

SPEC = bytes(range(32))
ATTEMPT = Attempt(123, 4, 5)
PLACE = Place(chain_id=1, contract="0xC", task=1, round=4, attempt=5, identity="0x1")
SCHEMA = ("CREATE TABLE things (name TEXT PRIMARY KEY, content TEXT) STRICT",)


def batch(seed=0, rows=5, family=Family.LOGISTIC):
    generator = np.random.default_rng(seed)
    features = generator.integers(-(2**15), 2**15, (rows, 3))
    labels = generator.integers(0, 2, rows) if family is Family.LOGISTIC else generator.integers(-(2**15), 2**15, rows)
    return Batch(StepShape(32, 3, FEATURES, family), features, labels)


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
    store.set_block(5, 10)
    with NodeStore(store.path, read_only=True) as reader:
        assert reader.block(5) == 10
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


def decimal_and_hex(number):
    return str(number).encode(), f"{number:x}".encode()


def begun(store, attempt, seed=0):
    """An update and a key of an attempt; everything private of them, as it might be kept."""
    made = batch(seed)
    update = store.begin_update(
        attempt, 0, 77, Collection.GRADIENT, Family.LOGISTIC, made.tally(Collection.GRADIENT, (1, 2, 3, 4))
    )
    store.set_proof(attempt, 0, range(24))
    key = store.begin_round_key(attempt)
    large = [value for value in update.opening.items[:3] if abs(value) > 2**47]
    assert len(large) > 1
    return [text for number in (update.opening.blinding, key.scalar, *large) for text in decimal_and_hex(number)]


def found_in(store, secrets):
    return found_in_path(store.path, secrets)


def test_forgotten_openings_and_keys_of_attempts_are_in_none_of_the_files(store):
    earlier, now = Attempt(123, 4, 4), Attempt(123, 4, 5)
    gone, kept = begun(store, earlier), begun(store, now, 1)
    other = begun(store, Attempt(9, 4, 4), 2)
    assert found_in(store, gone)
    store.forget_rounds(123, before=now)
    assert found_in(store, gone) == set()
    assert store.round_key(earlier) is None
    assert store.updates(earlier) == {}
    assert found_in(store, kept) == {"node.db"}
    assert store.round_key(now) is not None
    assert store.updates(now)
    store.forget_rounds(123, before=None)
    assert found_in(store, kept) == set()
    assert found_in(store, other) == {"node.db"}  # another task's go on
    store.close()
    assert found_in(store, gone + kept) == set()


def test_answered_inputs_are_in_none_of_the_files(tmp_path):
    salt = 2**200 + 78
    with OperatorStore(tmp_path / "operator.db") as store:
        store.add("0xC", 1, 5, PredictionInput((4, 5, 6), salt))
        assert holding(store.path, str(salt).encode())
        store.set_done(5)
        assert holding(store.path, str(salt).encode()) == set()


@pytest.mark.slow
def test_what_is_forgotten_just_before_a_kill_is_gone_after_the_next_start(store):
    path, secrets = store.path, begun(store, ATTEMPT)
    store.close()
    script = f"""
        import os, signal
        from pathlib import Path
        from twopm_zk.node.store import NodeStore
        store = NodeStore(Path({str(path)!r}))
        store.set_block(1, 1)
        store._cut_log = lambda: os.kill(os.getpid(), signal.SIGKILL)
        store.forget_rounds(123, before=None)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert found_in_path(path, secrets)
    with NodeStore(path) as again:
        again.forget_rounds(123, before=None)
        assert found_in(again, secrets) == set()


def found_in_path(path, secrets):
    return set().union(*(holding(path, secret) for secret in secrets))


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


@pytest.mark.parametrize("family", Family)
def test_batches_of_both_data_sets_are_numbered_together_and_keep_family_labels_and_salts(tmp_path, family):
    training, held_out = batch(1, family=family), batch(2, family=family)
    with NodeStore(tmp_path / "node.db") as store:
        store.add_batches(SPEC, [training])
        store.add_batches(SPEC, [held_out], held_out=True)
    with NodeStore(tmp_path / "node.db") as store:
        found = store.batches(SPEC)
    assert [(entry.number, entry.held_out) for entry in found] == [(0, False), (1, True)]
    for entry, made in zip(found, (training, held_out), strict=True):
        assert (entry.batch.shape, entry.batch.commitment) == (made.shape, made.commitment)
        assert entry.batch.labels.tolist() == made.labels.tolist()


@pytest.mark.parametrize("collection", Collection)
@pytest.mark.parametrize("family", Family)
def test_updates_keep_their_blinding_through_every_step(store, collection, family):
    tally = batch(family=family).tally(collection, (1, 2, 3, 4))
    made = store.begin_update(ATTEMPT, 0, 77, collection, family, tally)
    store.set_proof(ATTEMPT, 0, range(24))
    (found,) = store.updates(ATTEMPT).values()
    assert found.opening == made.opening
    assert found.opening.items == tuple(tally.items)
    assert (found.model, found.proof) == (77, tuple(range(24)))
    assert store.updates(Attempt(123, 4, 6)) == {}


def test_work_for_another_model_is_replaced_whole(store):
    tally = batch().tally(Collection.GRADIENT, (0, 0, 0, 0))
    first = store.begin_update(ATTEMPT, 0, 77, Collection.GRADIENT, Family.LOGISTIC, tally)
    store.set_proof(ATTEMPT, 0, range(24))
    second = store.begin_update(ATTEMPT, 0, 78, Collection.GRADIENT, Family.LOGISTIC, tally)
    assert first.opening.blinding != second.opening.blinding
    assert store.updates(ATTEMPT)[0].proof is None


def test_keys_are_drawn_once_and_a_key_of_an_attempt_is_its_own(store):
    lasting, first = store.lasting_key, store.begin_round_key(ATTEMPT)
    assert store.begin_round_key(ATTEMPT) == store.round_key(ATTEMPT) == first
    assert store.begin_round_key(Attempt(123, 4, 6)) != first
    path = store.path
    store.close()
    with NodeStore(path) as again:
        assert again.lasting_key == lasting
        assert again.round_key(ATTEMPT) == first


def entry(digest=b"d" * 32, data=frozenset({2**250, 7}), weights=2**200):
    shared = Shared(statement="gradient 2^-48", weights=weights, data=data)
    return LedgerEntry(collection=shared, place=PLACE, digest=digest, contributions=b"c" * 32, rows=b"r" * 32)


def spent(attempt=0, multiplier=1.5):
    return Spending("31337/0xA/1", 4, attempt, Collection.GRADIENT, multiplier, 1e-20)


def test_the_ledger_keeps_what_was_shared_for_good_and_the_same_share_once(store):
    store.add_to_ledger(entry(), spent(), rows="")
    store.add_to_ledger(entry(), spent(), rows="")
    store.add_to_ledger(entry(b"e" * 32), spent(1), rows="")
    store.add_to_ledger(entry(b"f" * 32, weights=None), spent(1), rows="ward 7")
    store.forget_rounds(123, before=None)
    path = store.path
    store.close()
    with NodeStore(path) as again:
        assert again.ledger().entries == (entry(), entry(b"e" * 32), entry(b"f" * 32, weights=None))
        assert again.ledger().conflicts(entry().collection)
        assert again.named_rows() == ("", "ward 7")
        assert (again.spendings(""), again.spendings("ward 7")) == ((spent(), spent(1)), (spent(1),))
        assert again.spendings("others") == ()


def test_noise_is_kept_with_an_update_and_the_update_says_that_it_carries_it(store):
    tally = batch().tally(Collection.GRADIENT, (1, 2, 3, 4))
    made = store.begin_update(ATTEMPT, 0, 77, Collection.GRADIENT, Family.LOGISTIC, tally, (5, -6, 0, 7))
    store.begin_update(ATTEMPT, 1, 77, Collection.GRADIENT, Family.LOGISTIC, tally)
    found = store.updates(ATTEMPT)
    assert [one.noisy for one in found.values()] == [True, False]
    assert found[0].opening == made.opening
    assert [a - b for a, b in zip(found[0].opening.items, tally.items, strict=True)] == [5, -6, 0, 7]


def test_nothing_private_is_in_a_repr(store):
    store.add_batches(SPEC, [batch()])
    tally = batch().tally(Collection.GRADIENT, (1, 2, 3, 4))
    made, key = (
        store.begin_update(ATTEMPT, 0, 77, Collection.GRADIENT, Family.LOGISTIC, tally),
        store.begin_round_key(ATTEMPT),
    )
    text = repr(store.batches(SPEC)) + repr(made) + repr(key) + repr(tally)
    for secret in (store.batches(SPEC)[0].batch.salt, made.opening.blinding, key.scalar, *tally.items):
        assert str(secret) not in text


def test_how_far_a_task_was_read(store):
    assert store.block(5) is None
    store.set_block(5, 10)
    assert store.block(5) == 10


# --- what coordinators keep ---


def test_a_coordinator_keeps_proofs_and_nothing_else(tmp_path):
    with CoordinatorStore(tmp_path / "coordinator.db") as kept:
        kept.add_work(ATTEMPT, "aggregate", {"proof": ["1"]})
        assert kept.work(ATTEMPT, "aggregate") == {"proof": ["1"]}
        assert kept.work(ATTEMPT, "certify") is None
        assert {name for (name,) in kept.query("SELECT name FROM sqlite_master WHERE type = 'table'")} == {
            "meta",
            "work",
        }


def test_a_key_for_messages_is_drawn_once(tmp_path):
    with OperatorStore(tmp_path / "operator.db") as kept:
        first = secret_key(kept).private_bytes_raw()
        assert secret_key(kept).private_bytes_raw() == first
    with OperatorStore(tmp_path / "operator.db") as again:
        assert secret_key(again).private_bytes_raw() == first
