"""Instances that a wheel brings compiled: nobody needs a compiler, Node or npm's packages for them.

``circuits.tar.xz`` holds the cache entries of these instances, each below its digest. ``index.json`` beside it names
them, and the digest of all of ``circuits/`` that they were compiled from: where a source was changed since, none is
found, and circom compiles. tools/build_wheel.py writes both.
"""

from __future__ import annotations

import json
import lzma
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from twopm_zk.circuit.instances import Instance, instances
from twopm_zk.errors import CacheError
from twopm_zk.system.files import digest_of, replacing
from twopm_zk.system.paths import circuits_dir, shipped_dir

FILES = ("circuit.r1cs", "circuit.sym", "circuit.json", "circuit.wasm")
MAX_SIZE = 1 << 26
"""Bytes of the largest file that is unpacked."""


def shipped_digest(instance: Instance) -> str | None:
    """What names an instance in the cache, where it comes compiled."""
    digests = _index(shipped_dir())
    return digests.get(instance.name) if digests and instances().get(instance.name) == instance else None


@cache
def _index(folder: Path) -> Mapping[str, str]:
    """The digests of the instances in a folder's archive, by name; none where it is of other sources."""
    try:
        index = json.loads((folder / "index.json").read_text())
        return dict(index["instances"]) if index["sources"] == sources_digest() else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder) from error


def sources_digest() -> str:
    """A digest of every file of ``circuits/``."""
    root = circuits_dir()
    files = sorted(path for path in root.rglob("*") if path.suffix in (".circom", ".json"))
    return digest_of(*(part for path in files for part in (path.relative_to(root).as_posix(), path)))


def unpack(digest: str, entry: Path) -> None:
    """Make a cache entry of what the archive holds of a circuit.

    Raises CacheError where the archive is damaged, or holds anything but the files of an entry.
    """
    archive = shipped_dir() / "circuits.tar.xz"
    missing = set(FILES)
    try:
        with replacing(entry) as temporary, tarfile.open(archive, "r|xz") as opened:
            temporary.mkdir()
            for member in opened:
                folder, _, name = member.name.partition("/")
                if folder != digest:
                    continue
                content = opened.extractfile(member) if member.isreg() and member.size <= MAX_SIZE else None
                if content is None or name not in missing:
                    raise _damaged(archive)
                (temporary / name).write_bytes(content.read())
                missing.discard(name)
                if not missing:
                    break
            else:
                raise _damaged(archive)
    except (tarfile.TarError, lzma.LZMAError, EOFError, FileNotFoundError) as error:
        raise _damaged(archive) from error


def _damaged(path: Path) -> CacheError:
    return CacheError(
        f"the compiled circuits of this installation are damaged: {str(path)!r}",
        hint="Install twopm-zk again.",
        kind="damaged-installation",
    )
