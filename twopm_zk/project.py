"""Where things are: the only module that builds a path or looks for a tool.

Sources (``circuits/``, ``verifier/``) come from the checkout, or from the wheel's ``_data`` folder.
Built files go below ``cache_dir()``: ``$TWOPM_ZK_CACHE``, else ``build/`` of the checkout, else
``~/.cache/twopm-zk``. Names in the cache are digests of what went in, so nothing is built twice and
nothing stale is ever found.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from twopm_zk.errors import InputError, ToolMissingError

PACKAGE_DIR = Path(__file__).resolve().parent


@cache
def source_root() -> Path:
    """Folder that holds ``circuits/`` and ``verifier/``."""
    checkout = PACKAGE_DIR.parent
    return checkout if (checkout / "circuits" / "circuits.json").is_file() else PACKAGE_DIR / "_data"


def circuits_dir() -> Path:
    """Our circom sources and ``circuits.json``."""
    return source_root() / "circuits"


def verifier_dir() -> Path:
    """Our Solidity sources."""
    return source_root() / "verifier"


def examples_dir() -> Path:
    """Specifications that the demonstration and the documentation use."""
    return source_root() / "examples"


def cache_dir() -> Path:
    """Folder for everything that can be built again."""
    if configured := os.environ.get("TWOPM_ZK_CACHE"):
        return Path(configured).expanduser().resolve()
    if (source_root() / "pyproject.toml").is_file():
        return source_root() / "build"
    return Path.home() / ".cache" / "twopm-zk"


def cached(kind: str, digest: str) -> Path:
    """Path of a cache entry; ``kind`` is a folder such as ``circuits`` or ``keys``."""
    return cache_dir() / kind / digest


def node_modules() -> Path:
    """Folder with the npm packages of ``package.json``.

    ``$TWOPM_ZK_NODE_MODULES``, else the checkout's, else the working folder's.
    """
    candidates = [source_root() / "node_modules", Path.cwd() / "node_modules"]
    if configured := os.environ.get("TWOPM_ZK_NODE_MODULES"):
        candidates = [Path(configured).expanduser()]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate.resolve()
    raise ToolMissingError(
        f"npm packages are not installed (looked for {candidates[0]})",
        hint="Run `make setup` in the checkout, or `npm ci` beside package.json.",
    )


def npm_package(name: str) -> Path:
    """Folder of one installed npm package, such as ``snarkjs``."""
    folder = node_modules() / name
    if not (folder / "package.json").is_file():
        raise ToolMissingError(f"npm package {name!r} is not installed in {folder.parent}", hint="Run `make setup`.")
    return folder


def npm_version(package: Path) -> str:
    """Version of the npm package in a folder."""
    return str(json.loads((package / "package.json").read_text())["version"])


def program(name: str) -> Path:
    """Absolute path of a program on PATH; ``$TWOPM_ZK_<NAME>`` overrides it."""
    configured = os.environ.get(f"TWOPM_ZK_{name.upper()}")
    found = configured if configured and Path(configured).is_file() else shutil.which(configured or name)
    if not found:
        raise ToolMissingError(
            f"program {configured or name!r} was not found on PATH",
            hint="Run `twopm-zk doctor` to see everything that is needed.",
        )
    return Path(found).absolute()


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
