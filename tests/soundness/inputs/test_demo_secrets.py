"""`twopm-zk demo`, killed at random moments with everything logged, leaves its secrets with their owners alone."""

import gzip
import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from soundness.inputs import needles
from soundness.inputs.debugged_demo import PLANTED, asked, rows

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.system import paths

SCRIPT = Path(__file__).with_name("debugged_demo.py")
OWNERS = ("north-school", "west-school", "east-school")
STARTS = (0, 11, 21, 32)
"""Where each owner's rows begin."""
USERS = ("user-with-a-stake", "user-without-a-stake", "operator")
"""Who has the row that is asked about, as long as an answer may be due."""
STATE = ("", "-wal", "-shm", "-journal")
HOWS = ("alone", "with its group", "after its chain")
"""Who is killed: the command as `kill -9` does it, with its group as a terminal does, or first the chain under it."""
NUMBERS = {"batches": ("salt",), "updates": ("blinding",), "round_keys": ("secret",), "questions": ("salt",)}
SECRETS = 1400
"""A run has about so many secrets; it is killed once it has a number of them that is drawn."""


def states(folder, name):
    return {folder / "training" / f"{name}.db{suffix}" for suffix in STATE}


def kept_in(folder, copies, name):
    """Numbers of 64 bits and more that somebody's state holds, from a copy: a reader would change the journal."""
    shutil.rmtree(copies, ignore_errors=True)
    copies.mkdir()
    for path in states(folder, name):
        if path.exists():
            shutil.copy(path, copies / path.name)
    if not (copies / f"{name}.db").exists():
        return set()
    found = set()
    with sqlite3.connect(copies / f"{name}.db") as database:
        there = {table for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in there & NUMBERS.keys():
            found |= {int(number) for column in NUMBERS[table] for (number,) in _column(database, table, column)}
        if "updates" in there:
            found |= {int(value) for (items,) in _column(database, "updates", "items") for value in json.loads(items)}
        if "meta" in there:
            keys = dict(database.execute("SELECT name, value FROM meta WHERE name IN ('x25519', 'aggregation key')"))
            found |= {int(key, 16) for name, key in keys.items() if name == "x25519"}
            found |= {int(key) for name, key in keys.items() if name == "aggregation key" and key.isdecimal()}
    return found


def _column(database, table, column):
    return database.execute(f"SELECT {column} FROM {table}")  # noqa: S608 - of the names above


def spelt(numbers):
    return {
        spelling
        for number in numbers
        if abs(number).bit_length() >= 64
        for order in (FIELD_ORDER, SUBGROUP_ORDER)
        for spelling in needles.of_number(number, order=order)
    }


class Demonstration:
    """Runs of the command in one folder, what they have printed, and every secret of theirs that is known."""

    def __init__(self, folder, apart, *, seed, plant="", words=()):
        self.folder, self.out, self.apart = folder, folder / "out", apart
        for name in ("temporary", "home", "working"):
            (folder / name).mkdir()
        self.seed, self.output, self.died = seed, b"", 0
        self.began, self.known = time.time() - 1, apart / "known"
        self.known.touch()
        options = {"rows": seed, "known": str(self.known), "plant": plant, "words": ["--out", str(self.out), *words]}
        self.command = [sys.executable, str(SCRIPT), json.dumps(options)]
        self.environment = os.environ | {
            "TMPDIR": str(folder / "temporary"),
            "HOME": str(folder / "home"),
            "TWOPM_ZK_CACHE": str(paths.cache_dir()),
            "TWOPM_ZK_NODE_MODULES": str(paths.node_modules_folder()),
            "RUST_LOG": "debug",
            "RUST_BACKTRACE": "full",
        }
        features, _ = rows(seed)
        self.rows = [needles.of_reals(features[low:high].ravel()) for low, high in pairwise(STARTS)]
        self.asked = needles.of_reals(asked(seed).values())
        self.elsewhere = [paths.cache_dir(), Path("/dev/shm")]  # noqa: S108
        """Where others write too: of these only what has changed meanwhile is looked at."""
        self.own = {name: set() for name in (*OWNERS, *USERS)}

    def run(self, *, secrets=None, how="", timeout=900):
        """One run, killed once it has so many secrets where a number is given; its exit code."""
        enough = None if secrets is None else self._lines + secrets
        printed = self.apart / "printed"
        with printed.open("wb") as output:
            process = subprocess.Popen(
                self.command,
                cwd=self.folder / "working",
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                until = time.monotonic() + timeout
                while process.poll() is None and (enough is None or self._lines < enough):
                    assert time.monotonic() < until, "the demonstration does not end"
                    time.sleep(0.02)
                if process.poll() is None:
                    self.kill(process, how)
                    process.wait(timeout=timeout)
                    self.died += 1
            finally:
                if process.poll() is None:
                    process.kill()
        self.wait_for_children()
        self.output += printed.read_bytes()
        for name in self.own:
            self.own[name] |= kept_in(self.out, self.apart / "copies", name)
        return process.returncode

    @property
    def _lines(self):
        return self.known.read_bytes().count(b"\n")

    def kill(self, process, how):
        if how == "with its group":
            os.killpg(process.pid, signal.SIGKILL)
            return
        if how == "after its chain":
            for pid in children(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(2.0)  # for what is said then: it tries again, and would for ever
        process.kill()

    def wait_for_children(self):
        """Until whatever was started below the temporary folder has ended by itself, as it does when its parent has."""
        until = time.monotonic() + 60
        while any(str(self.folder / "temporary") in command_line(one) for one in Path("/proc").glob("[0-9]*")):
            assert time.monotonic() < until, "something that it has started goes on"
            time.sleep(0.1)

    @property
    def secrets(self):
        """Spellings of all of them."""
        lines = self.known.read_text().splitlines()
        numbers = {int(line, 16) for line in lines if not line.startswith("public")}
        numbers -= {int(line.removeprefix("public "), 16) for line in lines if line.startswith("public")}
        return spelt(numbers.union(*self.own.values())).union(self.asked, *self.rows)

    @property
    def places(self):
        """Where secrets are meant to lie, readable by their owners alone."""
        found = {self.out / "opening.json"}
        found |= {self.out / "training" / f"rows-{number}.csv" for number in range(1, len(OWNERS) + 1)}
        return found.union(*(states(self.out, name) for name in self.own))

    def losses(self):
        """What is not as it has to be, in words."""
        search = needles.Search(self.secrets)
        found = needles.in_files(self.folder, search)
        for folder in self.elsewhere:
            found |= needles.in_files(folder, search, since=self.began)
        lost = [f"{path} holds {len(held)} secrets" for path, held in found.items() if path not in self.places]
        lost += [
            f"others can read {path}"
            for path in self.places
            if path.exists() and stat.S_IMODE(path.stat().st_mode) != 0o600
        ]
        if held := search.in_output(self.output):
            lost.append(f"{len(held)} secrets were printed")
        return lost + self._others()

    def _others(self):
        """Secrets of one owner that another one has."""
        lost = []
        for number, name in enumerate(OWNERS):
            of_others = spelt(set().union(*(self.own[other] for other in OWNERS if other != name)) - self.own[name])
            of_others = of_others.union(*(part for place, part in enumerate(self.rows) if place != number))
            search = needles.Search(of_others)
            mine = {*states(self.out, name), self.out / "training" / f"rows-{number + 1}.csv"}
            lost += [f"{path.name} holds secrets of others" for path in mine if path.exists() and search.in_file(path)]
        return lost


def children(pid):
    """The processes that one has started, with theirs."""
    found, waiting = [], [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with suppress(OSError):  # a thread that has ended
                below = [int(one) for one in task.read_text().split()]
                found += below
                waiting += below
    return found


def command_line(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


@pytest.fixture
def demonstration(tmp_path, tmp_path_factory):
    def made(**options):
        folder = tmp_path / "demonstration"
        folder.mkdir()
        return Demonstration(folder, tmp_path_factory.mktemp("apart"), **options)

    return made


@pytest.mark.slow
@pytest.mark.prover
@pytest.mark.full
def test_the_demonstration_killed_at_random_moments_leaves_its_secrets_with_their_owners_alone(demonstration, tally):
    shown = demonstration(seed=11)
    chance = random.Random(11)
    for place, how in enumerate(deaths := (*HOWS, *HOWS)):
        secrets = int((place + chance.random()) / len(deaths) * SECRETS)  # from each sixth of a run
        shown.run(secrets=secrets, how=how, timeout=1800)
        assert shown.losses() == []
    assert shown.run(timeout=1800) in (0, 1), shown.output[-3000:].decode(errors="replace")  # 1: no published weights
    assert (shown.out / "report.html").is_file()
    assert shown.losses() == []
    # the search sees what is there, and what there was to see was printed
    found = needles.in_files(shown.out, shown.secrets)
    assert {shown.out / "opening.json", *(shown.out / "training" / f"{name}.db" for name in OWNERS)} <= set(found)
    assert len(shown.known.read_text().split()) > 1000
    for said in (b"level DEBUG", b"DEBUG:web3", b"send: b", b"wasmtime"):
        assert said in shown.output, said
    # whoever was answered has forgotten what was asked about, and so has its operator
    for name in USERS:
        assert not needles.in_bytes((shown.out / "training" / f"{name}.db").read_bytes(), shown.asked), name
    tally.faults("inputs: secrets of the demonstration", tried=shown.died + 1, survived=shown.died + 1)


@pytest.mark.slow
@pytest.mark.prover
@pytest.mark.full
@pytest.mark.parametrize("bug", PLANTED)
def test_a_secret_that_the_demonstration_leaves_elsewhere_is_noticed(demonstration, tally, bug):
    shown = demonstration(seed=12, plant=bug, words=["--one-update"])
    assert shown.run() == 0
    assert [lost for lost in shown.losses() if "temporary" in lost or "printed" in lost]
    tally.mutants("faults: bugs planted", tried=1, killed=1)


def test_a_secret_is_found_wherever_it_lies_and_by_whoever_can_read_it(demonstration):
    """The search of the demonstration, on a folder that is made by hand."""
    shown = demonstration(seed=13)
    shown.elsewhere = []
    secret = 0x1234567890ABCDEF1122334455667788
    shown.known.write_text(f"{secret:x}\n")
    training = shown.out / "training"
    training.mkdir(parents=True)
    assert shown.losses() == []
    planted = {
        shown.folder / "temporary" / "left.tmp": secret.to_bytes(32, "little"),
        shown.folder / "home" / "cache": f"0x{secret:064x}".encode(),
        shown.out / "network": gzip.compress(str(secret).encode()),
        training / "coordinator.db-journal": json.dumps([secret]).encode(),
        shown.out / "report.html": repr(float(rows(13)[0][20][0])).encode(),
    }
    for path, content in planted.items():
        path.write_bytes(b"..." + content if path.name != "network" else content)
        assert len(shown.losses()) == 1, path
        path.unlink()
    own = training / "north-school.db"
    own.write_bytes(b"..." + secret.to_bytes(32, "big"))
    own.chmod(0o640)
    assert shown.losses() == [f"others can read {own}"]
    own.chmod(0o600)
    assert shown.losses() == []
    own.unlink()
    others = training / "rows-1.csv"
    others.touch(0o600)
    others.write_text(repr(float(rows(13)[0][20][0])))
    assert shown.losses() == ["rows-1.csv holds secrets of others"]
    others.unlink()
    shown.output = f"sum {str(secret)[:20]}\n  {str(secret)[20:]}".encode()
    assert len(shown.losses()) == 1
