"""Files written whole or not at all, locks of cache entries, and digests."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twopm_zk.errors import InputError
from twopm_zk.system.paths import cache_dir


def digest_of(*parts: bytes | str | Path) -> str:
    """SHA-256 over parts, each with its length; a ``Path`` stands for the file's content. 32 hex digits."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
        else:
            content = part.encode() if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()[:32]


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of one cache entry, so that two processes do not build it at once.

    The system drops the lock when its holder ends, however it ends.
    """
    folder = cache_dir() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / digest_of(str(target))).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def replacing(target: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` that becomes ``target`` when the block ends well.

    On any error, Ctrl-C included, the temporary file or folder is removed and ``target`` is untouched.
    With ``private`` the file exists with mode 0600 before anything is written to it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{secrets.token_hex(6)}.tmp"
    try:
        if private:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield temporary
        try:
            temporary.replace(target)
        except OSError:
            # Another process finished the same content-addressed folder first.
            if not (temporary.is_dir() and target.is_dir()):
                raise
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str, *, private: bool = False) -> None:
    """Write a whole file or nothing. InputError where the user's path does not allow it."""
    try:
        with replacing(target, private=private) as temporary:
            temporary.write_text(text)
    except OSError as error:
        raise InputError(f"{str(target)!r} cannot be written: {error.strerror}") from error


def read_bytes(path: Path, *, what: str) -> bytes:
    """Content of a file the user named; InputError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{what} {str(path)!r} cannot be read: {error.strerror}") from error
