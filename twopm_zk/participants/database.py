"""State on disk: SQLite files that only their owner can read, and that survive being killed at any moment.

Every change is one transaction, written through to the disk before anything that depends on it is done. One process
uses a file at a time. A full disk is a StoreError that changes nothing: what was committed before is still there.

What is forgotten is overwritten in the file, and the write-ahead log that may hold copies of it is cut to nothing: at
once by `Database.forget`, or at the next start where the process was killed before it came to that.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from twopm_zk.errors import StoreError

_APPLICATION = 0x32504D5A  # "2PMZ"
_META = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT"
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_NOT_OURS = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class Database:
    """One SQLite file of a ``kind`` ("node", "coordinator"), made with ``schema`` where there is none.

    Integers beyond 64 bits are kept as decimal text. With ``read_only`` the file must be there, and may be in use.
    Raises StoreError: another process holds it, it is of another kind or version or no database, others can read it,
    the disk is full.
    """

    version = 5

    def __init__(self, path: Path, *, kind: str, schema: Sequence[str], read_only: bool = False) -> None:
        self.path, self._read_only = path, read_only
        self._mutex = threading.RLock()
        self._lock = -1 if read_only else self._acquire()
        try:
            self._connection = self._open()
            try:
                self._prepare(kind, schema)
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            if self._lock >= 0:
                os.close(self._lock)
            raise

    def _acquire(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"state {str(self.path)!r} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise StoreError(
                f"state {str(self.path)!r} is in use by another process",
                hint="Two processes with one state would prove and pay twice: stop the other one.",
            ) from None
        return descriptor

    def _open(self) -> sqlite3.Connection:
        try:
            if self._read_only:
                if not self.path.is_file():
                    raise StoreError(f"there is no state file {str(self.path)!r}", kind="no-state-file")
                self._require_private()
            else:
                try:
                    os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
                except FileExistsError:
                    self._require_private()
        except OSError as error:
            raise StoreError(f"state {str(self.path)!r} cannot be opened: {error.strerror}") from error
        uri = f"{self.path.absolute().as_uri()}?mode={'ro' if self._read_only else 'rw'}"
        with self._explained():
            return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)

    def _require_private(self) -> None:
        if self.path.stat().st_mode & 0o077:
            raise StoreError(
                f"others can read state {str(self.path)!r}, which holds secrets",
                hint=f"Run `chmod 600 {self.path}`, and ask who may have read it.",
            )

    def _prepare(self, kind: str, schema: Sequence[str]) -> None:
        with self._explained():
            if not self._read_only:
                self._connection.execute("PRAGMA journal_mode = WAL")
                # FULL: a committed salt must survive a power cut too
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA secure_delete = ON")
                with suppress(sqlite3.OperationalError):  # a full disk: what was committed can still be read
                    self._cut_log()
            application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        if application == 0 and not self._read_only and not self.query("SELECT name FROM sqlite_master"):
            with self.transaction():
                for statement in (_META, *schema):
                    self.run(statement)
                self.run("INSERT INTO meta VALUES ('kind', ?), ('version', ?)", kind, str(self.version))
                self.run(f"PRAGMA application_id = {_APPLICATION}")
        elif application != _APPLICATION:
            raise StoreError(f"{str(self.path)!r} is a database of another program")
        found = (self.meta("kind"), self.meta("version"))
        if found != (kind, str(self.version)):
            raise StoreError(
                f"{str(self.path)!r} holds the state of a {found[0]} in version {found[1]}, "
                f"not of a {kind} in version {self.version}"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            primary = None if code is None else code & 0xFF
            if primary in _FULL:
                raise StoreError(
                    f"state {str(self.path)!r} could not be written: {error}. Nothing that was written before is lost",
                    hint="Free space on the disk and start again: it goes on where it was.",
                ) from error
            if primary in _NOT_OURS:
                raise StoreError(f"{str(self.path)!r} is not a database, or damaged: {error}") from error
            raise StoreError(f"state {str(self.path)!r}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes within, or none; durable when the block has ended. Other threads wait."""
        with self._mutex:
            if self._connection.in_transaction:
                yield
                return
            with self._explained():
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                with self._explained():
                    self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    with self._explained():
                        self._connection.execute("ROLLBACK")
                raise

    def run(self, statement: str, *values: Any) -> int:
        """Change something; how many rows. Its own transaction, unless within one."""
        with self._mutex, self._explained():
            return self._connection.execute(statement, values).rowcount

    def forget(self, statement: str, *values: Any) -> int:
        """Delete or overwrite something private, and leave no copy of it in the write-ahead log; how many rows.

        Never within a `transaction`. Where another process is reading the file just then, the log keeps its copies
        until something is forgotten again, or the file is closed or opened.
        """
        with self._mutex:
            changed = self.run(statement, *values)
            with self._explained():
                self._cut_log()
        return changed

    def _cut_log(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a SELECT."""
        with self._mutex, self._explained():
            return self._connection.execute(statement, values).fetchall()

    def one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of a SELECT, or None."""
        rows = self.query(statement, *values)
        return rows[0] if rows else None

    def meta(self, name: str) -> str | None:
        """A setting of the file."""
        row = self.one("SELECT value FROM meta WHERE name = ?", name)
        return None if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        """Write a setting."""
        self.run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)

    def belongs_to(self, account: str, deployment: str) -> None:
        """Bind the file to an account and a deployment, the first time. StoreError for others."""
        with self.transaction():
            for name, value in (("account", account), ("deployment", deployment)):
                known = self.meta(name)
                if known is None:
                    self.set_meta(name, value)
                elif known != value:
                    raise StoreError(
                        f"state {str(self.path)!r} belongs to {name} {known}, not to {value}",
                        hint="Use another file. A development chain that was started again is another deployment.",
                    )

    def close(self) -> None:
        """Free the file for another process."""
        with self._mutex:
            self._connection.close()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
