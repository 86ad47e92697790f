"""A node that is killed at random moments, with everything logged, leaves its secrets in its own state alone."""

import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from soundness.inputs import needles
from soundness.inputs.debugged import rows
from support.people_world import SPEC, Party, Running, replace

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.task.specification_file import write_spec

SCRIPT = Path(__file__).with_name("debugged.py")
OWN = ("node0.db", "node0.db-wal", "node0.db-shm", "node0.db-journal")
"""Where a node's secrets are meant to lie."""
LEAST_BITS = 64


def known(folder, copies):
    """Secrets in the state of a node as it is now, from a copy: a reader would change the journal."""
    copies.mkdir(exist_ok=True)
    for name in OWN:
        (copies / name).unlink(missing_ok=True)
        if (folder / name).exists():
            shutil.copy(folder / name, copies / name)
    if not (copies / OWN[0]).exists():
        return set()
    found = set()
    with sqlite3.connect(copies / OWN[0]) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table, columns in (("batches", "salt"), ("updates", "blinding"), ("round_keys", "secret")):
            if table in tables:
                found |= {int(number) for (number,) in database.execute(f"SELECT {columns} FROM {table}")}  # noqa: S608
        if "updates" in tables:
            for (items,) in database.execute("SELECT items FROM updates"):
                found |= {int(value) for value in json.loads(items)}
    return {spelling for number in found for order in (FIELD_ORDER, SUBGROUP_ORDER) for spelling in of(number, order)}


def of(number, order):
    return needles.of_number(number, order=order) if abs(number).bit_length() >= LEAST_BITS else set()


class Killed(threading.Thread):
    """Node 0 as a process, killed at random moments and started again, until it ends by itself."""

    def __init__(self, party, forks, *, seed, kills, copies):
        super().__init__(daemon=True)
        world, self.folder, self.copies = party.world, party.folder, copies
        world.deployment.write(party.folder / "deployment.json")
        write_spec(party.spec, party.folder / "spec.json")
        self.key, self.rows = world.node.private_keys[2], (seed, 11)
        options = {
            "role": "node", "name": "node0", "part": 0, "key": self.key, "rows": self.rows, "sizes": [],
            "url": world.node.url, "folder": str(party.folder), "coordinator": party.coordinator_address,
            "deployment": str(party.folder / "deployment.json"), "spec": str(party.folder / "spec.json"),
        }  # fmt: skip
        self.command = [*forks.command, "--script", str(SCRIPT), json.dumps(options)]
        self.chance, self.kills, self.died = random.Random(seed), kills, 0
        self.output, self.secrets, self.error = b"", set(), None

    def run(self):
        try:
            self._run()
        except BaseException as error:
            self.error = error

    def _run(self):
        scratch = self.folder / "temporary"
        scratch.mkdir()
        while True:
            process = subprocess.Popen(
                self.command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=os.environ | {"TMPDIR": str(scratch)},
            )
            death = threading.Timer(self.chance.uniform(0.2, 2.5), process.kill) if self.died < self.kills else None
            if death:
                death.start()
            self.output += process.communicate(timeout=300)[0]
            if death:
                death.cancel()
            self.secrets |= known(self.folder, self.copies)
            if process.returncode == 0:
                return
            assert process.returncode == -signal.SIGKILL, self.output[-3000:]
            self.died += 1


def test_every_spelling_is_found_and_none_is_short():
    number = 0x1234567890ABCDEF1122334455667788
    spelt = needles.of_number(number)
    for text in (f"{number}", f"0x{number:064x}", f"{number:X}"):
        assert needles.in_bytes(f"...{text}...".encode(), spelt), text
    import base64

    for before in range(4):
        for order in ("big", "little"):
            whole = bytes(before) + number.to_bytes(32, order)
            assert needles.in_bytes(whole, spelt)
            assert needles.in_bytes(base64.b64encode(whole), spelt)
    assert min(map(len, spelt)) >= needles.LEAST


def test_a_file_that_holds_a_secret_would_be_found(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "left.tmp").write_bytes(b"..." + (2**200 + 77).to_bytes(26, "little"))
    assert list(needles.in_files(tmp_path, needles.of_number(2**200 + 77))) == [tmp_path / "deep" / "left.tmp"]


@pytest.mark.slow
def test_a_node_killed_at_random_moments_leaves_its_secrets_in_its_own_state_alone(
    world, forks, tmp_path, tmp_path_factory, amount, tally
):
    for seed in range(amount(1, 4)):
        hunt(world, forks, tmp_path / str(seed), tmp_path_factory.mktemp("copies"), seed, amount(2, 6), tally)


def hunt(world, forks, folder, copies, seed, kills, tally):
    snapshot = world.node.snapshot()
    folder.mkdir()
    party = Party(world, folder, spec=replace(SPEC, gradient_bound=0.5))
    killed = Killed(party, forks, seed=seed, kills=kills, copies=copies)
    killed.start()
    with Running(party.coordinator(), party.node(1), party.node(2)) as running:
        running.wait(300)
        killed.join(300)
    assert not killed.is_alive()
    assert killed.error is None, killed.error
    table = rows(*killed.rows)
    secrets = killed.secrets | needles.of_reals(table.features.ravel()) | needles.of_number(int(killed.key, 16))
    own = {folder / name for name in OWN}
    found = needles.in_files(folder, secrets)
    assert folder / "node0.db" in found, "the search finds nothing where something is"
    assert not set(found) - own, [path.name for path in found]
    assert not needles.in_bytes(killed.output, secrets)
    assert b"level DEBUG" in killed.output
    assert b"urllib3" in killed.output or b"web3" in killed.output, "libraries log nothing"
    for path in own & set(found):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    tally.faults("inputs: secrets after kills at random", tried=killed.died + 1, survived=killed.died + 1)
    world.node.revert(snapshot)
    world.chain.forget_nonces()
