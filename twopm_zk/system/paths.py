"""Where things are: the only module that builds a path.

Sources (``circuits/``, ``verifier/``) come from the checkout, or from the wheel's ``_data`` folder.
Built files go below ``cache_dir()``: ``$TWOPM_ZK_CACHE``, else ``build/`` of the checkout, else
``~/.cache/twopm-zk``. Names in the cache are digests of what went in, so nothing is built twice and
nothing stale is ever found.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

from twopm_zk.errors import ToolMissingError

PACKAGE_DIR = Path(__file__).resolve().parents[1]


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
        kind="not-installed",
    )


def npm_package(name: str) -> Path:
    """Folder of one installed npm package, such as ``snarkjs``."""
    folder = node_modules() / name
    if not (folder / "package.json").is_file():
        raise ToolMissingError(f"npm package {name!r} is not installed in {folder.parent}", kind="not-installed")
    return folder


def npm_version(package: Path) -> str:
    """Version of the npm package in a folder."""
    return str(json.loads((package / "package.json").read_text())["version"])
