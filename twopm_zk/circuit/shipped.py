"""Instances that come compiled: nobody needs minutes, a compiler, Node or npm's packages for them.

``circuits/compiled/circuits.tar.xz`` holds the cache entries of these instances, each below its digest, which
``index.json`` beside it lists. A digest is of the compiler and of every source: after a change circom compiles what
it changes. tools/compile_circuits.py writes both files; tests compile some again, and compare.
"""

from __future__ import annotations

import json
import lzma
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from twopm_zk.errors import CacheError
from twopm_zk.system.files import replacing
from twopm_zk.system.paths import shipped_dir

FILES = ("circuit.r1cs", "circuit.sym", "circuit.json", "circuit.wasm")
MAX_SIZE = 1 << 26
"""Bytes of the largest file that is unpacked."""


def is_shipped(digest: str) -> bool:
    """Whether the circuit of this digest comes compiled."""
    return digest in shipped_digests(shipped_dir()).values()


@cache
def shipped_digests(folder: Path) -> Mapping[str, str]:
    """The digests of the instances in a folder's archive, by name; none where there is no archive."""
    try:
        return dict(json.loads((folder / "index.json").read_text())["instances"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder) from error


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
