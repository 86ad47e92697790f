"""Files written whole or not at all, locks of cache entries, and digests."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from twopm_zk.errors import InputError, StoreError
from twopm_zk.system.paths import cache_dir

StrPath: TypeAlias = str | os.PathLike[str]
"""A path as public functions take it."""


MAX_FILE = 1 << 30
"""Bytes of a file that is read as one; a proving key, a ptau or a model is read in parts."""
_PART = 1 << 20
_LONGEST_SHOWN = 300


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

    The system drops the lock when its holder ends, however it ends; what a killed holder left half-written of the
    entry, or of a file in it, is removed by the next.
    """
    folder = cache_dir() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / digest_of(str(target))).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for left in (*target.parent.glob(f".{glob.escape(target.name)}.*.tmp"), *target.glob(".*.tmp")):
            _remove(left)
        yield


@contextmanager
def replacing(target: Path, *, nameless: bool = False, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` that becomes ``target`` when the block ends well.

    On any error, Ctrl-C included, the temporary file or folder is removed and ``target`` is untouched.
    A ``nameless`` file, which this process writes itself, has no name before it is whole: one that is killed leaves
    none of it, or, where there was a ``target``, at most the whole file beside that. A ``private`` file is nameless,
    and can be read by its owner only.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{secrets.token_hex(6)}.tmp"
    try:
        if nameless or private:
            with _nameless_file(target, temporary, 0o600 if private else 0o666) as path:
                yield path
            return
        yield temporary
        try:
            temporary.replace(target)
        except OSError:
            # Another process finished the same content-addressed folder first.
            if not (temporary.is_dir() and target.is_dir()):
                raise
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _nameless_file(target: Path, temporary: Path, mode: int) -> Iterator[Path]:
    """Yield a path to an open file that gets the name ``target`` at the end; ``temporary`` where that cannot be."""
    descriptor = _open_nameless(target.parent, mode)
    if descriptor is None:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        yield temporary
        temporary.replace(target)
        return
    try:
        yield path_of(descriptor)
        try:
            _name(descriptor, target)
        except FileExistsError:  # no name can be given in the place of another
            _name(descriptor, temporary)
            temporary.replace(target)
    finally:
        os.close(descriptor)


def _name(descriptor: int, path: Path) -> None:
    # with a folder's descriptor, ignored for absolute paths, Python asks for linkat, which follows the link
    os.link(path_of(descriptor), path, src_dir_fd=descriptor, follow_symlinks=True)


def _open_nameless(folder: Path, mode: int) -> int | None:
    """An open file in a folder, without a name; None where the system has none such."""
    if not hasattr(os, "O_TMPFILE") or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR, mode)
    except OSError:
        return None


def path_of(descriptor: int) -> Path:
    """The path by which this process, and a child that inherits the descriptor, opens an open file again."""
    proc = Path("/proc/self/fd")
    return (proc if proc.is_dir() else Path("/dev/fd")) / str(descriptor)


def descriptor_of(path: Path) -> int | None:
    """The descriptor that `path_of` named, None for any other path."""
    is_one = path.parent in (Path("/proc/self/fd"), Path("/dev/fd"))
    return int(path.name) if is_one else None


@contextmanager
def secret_file(content: bytes) -> Iterator[Path]:
    """Yield the path of a file that no other user can read and that is on no disk, or has no name there.

    It is gone with the last process that holds it open, however that ends. A child has to inherit its
    `descriptor_of`.
    """
    descriptor = _open_secret()
    try:
        os.fchmod(descriptor, 0o600)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield path_of(descriptor)
    finally:
        os.close(descriptor)


def _open_secret() -> int:
    try:
        return os.memfd_create("twopm-zk", os.MFD_CLOEXEC)
    except (AttributeError, OSError):  # another system, or a sandbox that forbids it
        descriptor, name = tempfile.mkstemp(prefix="twopm-zk-")
        Path(name).unlink()  # before anything is in it
        return descriptor


def require_space(target: Path, size: int, *, what: str, hint: str | None = None) -> None:
    """StoreError unless a file of ``size`` bytes finds room where ``target`` is to be."""
    folder = next(parent for parent in target.absolute().parents if parent.is_dir())
    if size > (free := shutil.disk_usage(folder).free):
        raise StoreError(
            f"{what} takes {gigabytes(size)}, and {gigabytes(free)} are free in {str(folder)!r}",
            hint=hint or "Make room there.",
            kind=None if hint else "no-space",
            size=size,
            free=free,
        )


def gigabytes(size: int) -> str:
    """A number of bytes for people: ``210 GB``, ``0.33 GB``."""
    return f"{size / 1e9:.3g} GB"


def write_text(target: StrPath, text: str, *, private: bool = False) -> None:
    """Write a whole file or nothing. InputError where the user's path does not allow it."""
    write_bytes(target, text.encode(), private=private)


def write_bytes(target: StrPath, content: bytes, *, private: bool = False) -> None:
    """Write a whole file or nothing. InputError where the user's path does not allow it."""
    try:
        with replacing(Path(target), nameless=True, private=private) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise InputError(f"{shown(target)} cannot be written: {error.strerror}") from error


def copy(source: Path, target: Path) -> None:
    """Copy a whole file or nothing. StoreError where the disk is too small, InputError for a path that cannot be."""
    require_space(target, source.stat().st_size, what=f"a copy of {source.name}")
    try:
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
    except OSError as error:
        raise InputError(f"{shown(target)} cannot be written: {error.strerror}") from error


def read_bytes(path: StrPath, *, what: str, limit: int = MAX_FILE) -> bytes:
    """Content of a file the user named; InputError where it cannot be read, or has more than ``limit`` bytes."""
    try:
        content = bytearray()
        with Path(path).open("rb") as file:
            while len(content) <= limit and (part := file.read(_PART)):
                content += part
    except OSError as error:
        raise InputError(f"{what} {shown(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise InputError(f"{what} {shown(path)} cannot be read: it is no file name") from error
    if len(content) > limit:
        raise InputError(f"{what} {shown(path)} has more than {gigabytes(limit)}, the most that is read")
    return bytes(content)


def is_file(path: StrPath) -> bool:
    """Whether there is such a file; False, and no error, for a name that no file can have."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_ours(path: Path) -> bool:
    """Whether there is such a file, in a folder such that nobody but this user could have written it."""
    try:
        status = path.stat()
        folder = path.parent.stat()
    except OSError:
        return False
    return all(entry.st_uid == os.geteuid() and not entry.st_mode & 0o022 for entry in (status, folder))


def shown(path: StrPath) -> str:
    """A path, or another word of the user's, for a message: quoted, and cut in the middle where it is very long."""
    text = str(path)
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:60]}...{text[-60:]}")
