"""Dying at every write: each statement that changes a database, each file that gets its content or its name, each
transaction, and at each of them before it, halfway through it, and after it.

Halfway through a commit is with half of what it appends to the write-ahead log; through a checkpoint, with half of its
pages in the database; through a file, or a folder that another program fills, with half of its bytes; through a
transaction, with it in the pool of the chain's node and in no block. There is no chance in it: the points come in the
order in which a participant reaches them.

A write that is none of these is not overlooked: files are looked at between the points, and one that has changed by
itself is written into the journal.
"""

import json
import os
import re
import signal
import sqlite3
import threading
import urllib.request
from collections import Counter
from pathlib import Path

from support.watched_files import WatchedFiles

from twopm_zk.chain.connection import RpcConnection
from twopm_zk.participants import database

MOMENTS = ("before", "halfway", "after")
FINISHED, AGAIN, WRONG = 10, 11, 12
"""How a process ends whose participant says that all is done, or that it looks again, or where something is wrong; 0
stands for a look that is over."""
COUNTED = 3
"""The third and later times that one process does the same are one point."""


class Journal:
    """What processes that die have done, one JSON document a line; written through before they go on."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, kind, value):
        os.write(self._file, json.dumps([kind, value]).encode() + b"\n")


def read_journal(path, kind):
    lines = Path(path).read_text().splitlines() if Path(path).is_file() else []
    return [value for found, value in map(json.loads, lines) if found == kind]


class Deaths:
    """Kills this process at the first point that is not ``done``: (where, what, which time, moment)."""

    def __init__(self, journal, *, where, done, url="", moments=MOMENTS, only=("",), unmined=False, folders=()):
        self.journal, self.where, self.url, self.moments, self.only = journal, where, url, moments, tuple(only)
        """``only``: how what it dies at begins."""
        self.done = {tuple(point) for point in done}
        self.unmined = unmined
        """Whether the process before has left a transaction in the pool: it is mined once this one has sent its own."""
        self._counted, self._what, self._files = Counter(), "", WatchedFiles(*folders)

    def reach(self, what, do, halfway=None, moments=MOMENTS):
        """Do it, or die; ``halfway`` does a part of it, and says whether there was one."""
        self.look_for_others(what)
        self._counted[what] += 1
        for moment in MOMENTS:
            point = (self.where, what, min(self._counted[what], COUNTED), moment)
            if moment not in moments or moment not in self.moments or point in self.done:
                continue
            if not what.startswith(self.only):
                continue
            self.done.add(point)
            if moment == "after":
                do()
            elif moment == "halfway" and (halfway is None or not halfway()):
                continue
            self.die(point)
        try:
            return do()
        finally:
            self._files.see()

    def look_for_others(self, what):
        """Write down which files have changed since the last point."""
        for name in self._files.changed():
            self.journal.write("unseen", [self.where, what, name])
        self._files.see()

    def die(self, point):
        self.journal.write("died", point)
        os.kill(os.getpid(), signal.SIGKILL)

    # --- where writes are ---

    def install(self):
        """From now on, in this process."""
        deaths = self

        class Connection(sqlite3.Connection):
            def execute(self, statement, values=()):
                if not _changes(statement):
                    return sqlite3.Connection.execute(self, statement, values)

                def do():
                    cursor = sqlite3.Connection.execute(self, statement, values)
                    if statement.startswith("PRAGMA"):
                        cursor.fetchall()  # what it writes is there with its last row
                    return cursor

                if self.in_transaction and statement != "COMMIT":  # nothing of it is on the disk before that
                    return deaths.reach(_words(statement), do, moments=("after",))
                path = Path(do_query(self, "PRAGMA database_list")[0][2])
                return deaths.reach(_words(statement), do, lambda: _half_committed(self, path, statement, do))

            def close(self):  # the log goes into the database, and is no more
                path = Path(do_query(self, "PRAGMA database_list")[0][2])
                half = lambda: _half_committed(self, path, "checkpoint", None)  # noqa: E731
                deaths.reach("CLOSE", lambda: sqlite3.Connection.close(self), half)

        def do_query(connection, statement):
            return sqlite3.Connection.execute(connection, statement).fetchall()

        plain = sqlite3.connect
        database.sqlite3.connect = lambda *arguments, **options: plain(*arguments, **options, factory=Connection)
        self._install_files()
        self._install_transactions()
        if self.unmined:  # also where this process only waits for it
            timer = threading.Timer(1.0, self._mined)
            timer.daemon = True
            timer.start()

    def _install_files(self):
        deaths, write, text, replace, link = self, Path.write_bytes, Path.write_text, Path.replace, os.link

        def writing(plain):
            def half(path, content, **options):
                plain(path, content[: len(content) // 2], **options)
                return True

            def written(path, content, **options):
                do = lambda: plain(path, content, **options)  # noqa: E731
                return deaths.reach(f"the bytes of {_kind(path)}", do, lambda: half(path, content, **options))

            return written

        Path.write_bytes, Path.write_text = writing(write), writing(text)
        Path.replace = lambda path, target: deaths.reach(
            f"the name of {_kind(target)}", lambda: replace(path, target), lambda: _half_there(path)
        )
        os.link = lambda source, target, **options: deaths.reach(
            f"the first name of {_kind(target)}", lambda: link(source, target, **options)
        )

    def _install_transactions(self):
        deaths, submit, ask = self, RpcConnection._submit, RpcConnection._ask

        def submitting(connection, what, parameters, *others, **options):
            deaths._what = what
            deaths.journal.write("sending", [what, bytes(parameters["data"]).hex(), int(parameters["value"])])
            return submit(connection, what, parameters, *others, **options)

        def asking(connection, what, parse, method, *parameters, **options):
            do = lambda: ask(connection, what, parse, method, *parameters, **options)  # noqa: E731
            if method != "eth_sendRawTransaction":
                return do()
            try:
                return deaths.reach(deaths._what, do, lambda: deaths._pooled(do))
            finally:
                deaths._mined()

        RpcConnection._submit, RpcConnection._ask = submitting, asking

    def _pooled(self, do):
        if self.unmined:
            return False
        rpc(self.url, "evm_setAutomine", False)
        do()
        return True

    def _mined(self):
        if self.unmined:
            self.unmined = False
            rpc(self.url, "evm_setAutomine", True)
            rpc(self.url, "evm_mine")


def _changes(statement):
    first = statement.split()[0].upper()
    if first == "PRAGMA":
        return any(name in statement for name in ("checkpoint", "application_id =", "journal_mode ="))
    return first not in ("SELECT", "BEGIN")


def _words(statement):
    """A statement without its values: ``INSERT INTO updates``."""
    return " ".join(statement.replace("(", " ").partition(" VALUES")[0].split()[:5])


def _kind(path):
    """A file's name without what is drawn or hashed in it: ``....bin``; one that has no name yet is ``nameless``."""
    return "nameless" if path.parent.name == "fd" else re.sub("[0-9a-f]{12,}", "...", path.name)


def _half_committed(connection, path, statement, do):
    """Leave the files as they are when a process ends while the system writes; whether anything is written."""
    log = path.with_name(path.name + "-wal")
    if "checkpoint" in statement:
        before = path.read_bytes()
        sqlite3.Connection.execute(connection, "PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        after = path.read_bytes()
        if before == after:
            return False
        half = len(after) // 2
        with path.open("r+b") as file:  # the log is whole still
            file.seek(half)
            file.write(before[half:].ljust(len(after) - half, b"\0"))
        return True
    size = log.stat().st_size if log.is_file() else 0
    do()
    if log.is_file() and (grown := log.stat().st_size) > size:
        os.truncate(log, (size + grown) // 2)
    return True


def _half_there(path):
    """Leave half of a file, or of each file of a folder, that has no name of its own yet, whoever has written it."""
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if one.is_file():
            os.truncate(one, one.stat().st_size // 2)
    return True


def rpc(url, method, *parameters):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310 - a node of this machine
        return json.load(response)["result"]
