"""Where things are: the only module that builds a path.

Sources (``circuits/``, ``verifier/``) come from the checkout, or from the wheel's ``_data`` folder.
Built files go below ``cache_dir()``: ``$TWOPM_ZK_CACHE``, else ``build/`` of the checkout, else
``~/.cache/twopm-zk``. Names in the cache are digests of what went in, so nothing is built twice and
nothing stale is ever found.
"""

from __future__ import annotations

import hashlib
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


def is_checkout() -> bool:
    """Whether this runs from the repository, and not from an installed wheel."""
    return (source_root() / "pyproject.toml").is_file()


def circuits_dir() -> Path:
    """Our circom sources and ``circuits.json``."""
    return source_root() / "circuits"


def shipped_dir() -> Path:
    """Instances that come compiled (`twopm_zk.circuit.shipped`)."""
    return circuits_dir() / "compiled"


def verifier_dir() -> Path:
    """Our Solidity sources."""
    return source_root() / "verifier"


def figures_file() -> Path:
    """Constraints, gates and domain of every instance, as they were measured."""
    beside = source_root() / "figures.json"
    return source_root() / "tests" / "statements" / "figures.json" if is_checkout() else beside


def examples_dir() -> Path:
    """Specifications that the demonstration and the documentation use."""
    return source_root() / "examples"


def page_dir() -> Path:
    """The built page that the gateway serves; not there in a checkout whose page was never built."""
    return source_root() / "build" / "web" if is_checkout() else source_root() / "web"


def cache_dir() -> Path:
    """Folder for everything that can be built again."""
    if configured := os.environ.get("TWOPM_ZK_CACHE"):
        return Path(configured).expanduser().resolve()
    if is_checkout():
        return source_root() / "build"
    return Path.home() / ".cache" / "twopm-zk"


def cached(kind: str, digest: str) -> Path:
    """Path of a cache entry; ``kind`` is a folder such as ``circuits`` or ``keys``."""
    return cache_dir() / kind / digest


def npm_entry() -> Path:
    """Cache entry of the npm packages that ``package-lock.json`` pins; its name is a digest of that file."""
    return cached("npm", hashlib.sha256((source_root() / "package-lock.json").read_bytes()).hexdigest()[:32])


def node_modules_folder() -> Path:
    """Where the npm packages are, or have to be: ``$TWOPM_ZK_NODE_MODULES``, else the checkout's, else the cache's.

    Code in it is run, so it is looked for neither in the working folder nor beside a user's file.
    """
    if configured := os.environ.get("TWOPM_ZK_NODE_MODULES"):
        return Path(configured).expanduser()
    own = source_root() / "node_modules"
    return own if own.is_dir() else npm_entry() / "node_modules"


def node_modules() -> Path:
    """Folder with the npm packages of ``package.json``. Raises ToolMissingError where it is not there."""
    folder = node_modules_folder()
    if not folder.is_dir():
        raise ToolMissingError(f"npm packages are not installed (looked for {folder})", kind="not-installed")
    return folder.resolve()


def npm_package(name: str) -> Path:
    """Folder of one installed npm package, such as ``snarkjs``."""
    folder = node_modules() / name
    if not (folder / "package.json").is_file():
        raise ToolMissingError(f"npm package {name!r} is not installed in {folder.parent}", kind="not-installed")
    return folder


def npm_version(package: Path) -> str:
    """Version of the npm package in a folder."""
    return str(json.loads((package / "package.json").read_text())["version"])
