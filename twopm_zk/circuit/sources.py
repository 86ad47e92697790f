"""All the text that one circom file stands for: the file and what it includes, transitively.

Includes are looked up as circom does: beside the including file, then in the library folders (the user's, ours,
``node_modules``, and the ``node_modules`` of the folders above the main file). The collected files get flat
names and their ``include`` lines are rewritten to those, because the WASM circom sees one folder only;
so the text alone, not where it lies, decides what is compiled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from twopm_zk.errors import CompileError, InputError, ToolMissingError
from twopm_zk.system.files import is_file, read_bytes
from twopm_zk.system.paths import circuits_dir, node_modules, npm_package

# Comments and strings come first in the alternation, so that an `include` inside them is not one.
_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|\binclude\s*"(?P<file>[^"\n]*)"|"[^"\n]*"', re.DOTALL)


@dataclass(frozen=True)
class Sources:
    """Flat file name to text; ``main`` is the flat name of the main file."""

    main: str
    texts: dict[str, str]
    real_names: dict[str, str]

    def with_real_names(self, message: str) -> str:
        """circom's message with flat names turned back into the user's."""
        for flat in sorted(self.real_names, key=len, reverse=True):
            message = message.replace(f'"{flat}"', f'"{self.real_names[flat]}"')
        return message


def collect_sources(main: Path, *, text: str | None = None, libraries: Sequence[Path] = ()) -> Sources:
    """Read ``main`` (or take ``text`` as its content) and everything it includes.

    ``libraries`` are searched before the usual folders. Raises InputError where the main file cannot be read or a
    library is no folder, CompileError where an include is not found, ToolMissingError where it is of circomlib and that
    is not installed.
    """
    for folder in libraries:
        if not folder.is_dir():
            raise InputError(f"library {str(folder)!r} is not a folder")
    libraries = [*libraries, *_usual_libraries(main)]
    flat: dict[Path, str] = {}
    texts: dict[str, str] = {}
    pending = [main]
    flat[main] = _flat_name(main, flat)
    while pending:
        path = pending.pop()
        content = text if path == main and text is not None else _read(path)
        rewritten, at = [], 0
        for start, end, name in _includes(content):
            found = _resolve(name, path, libraries)
            if found not in flat:
                flat[found] = _flat_name(found, flat)
                pending.append(found)
            rewritten += [content[at:start], f'include "{flat[found]}"']
            at = end
        texts[flat[path]] = "".join([*rewritten, content[at:]])
    return Sources(flat[main], texts, {name: str(path) for path, name in flat.items()})


def _usual_libraries(main: Path) -> list[Path]:
    found = [circuits_dir()]
    found += [parent / "node_modules" for parent in main.parents if (parent / "node_modules").is_dir()]
    with suppress(ToolMissingError):  # an include that needs it will say so
        found.append(node_modules())
    return found


def _read(path: Path) -> str:
    status = path.stat() if is_file(path) else None
    return _read_version(path, status.st_mtime_ns if status else 0, status.st_size if status else 0)


@lru_cache(maxsize=64)
def _read_version(path: Path, mtime: int, size: int) -> str:
    try:
        return read_bytes(path, what="circuit").decode()
    except UnicodeDecodeError as error:
        raise InputError(f"circuit {str(path)!r} is not UTF-8 text") from error


@lru_cache(maxsize=64)
def _includes(content: str) -> tuple[tuple[int, int, str], ...]:
    """Start, end and file name of every include statement."""
    if "include" not in content:
        return ()
    return tuple(
        (match.start(), match.end(), match["file"]) for match in _TOKEN.finditer(content) if match["file"] is not None
    )


def _resolve(name: str, including: Path, libraries: Sequence[Path]) -> Path:
    for folder in [including.parent, *libraries]:
        candidate = Path(os.path.normpath(folder / name))
        if is_file(candidate):
            return candidate
    if name.startswith("circomlib/"):
        npm_package("circomlib")  # says where it is not installed
    raise CompileError(
        f"{including}: included file {name!r} was not found",
        hint=f"Looked beside that file and in {', '.join(str(folder) for folder in libraries)}. "
        "Another folder can be named as a library.",
        kind="include-not-found",
        folders=", ".join(str(folder) for folder in libraries),
    )


def _flat_name(path: Path, taken: dict[Path, str]) -> str:
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem).lstrip("-.") or "circuit"
    names = set(taken.values())
    name, number = f"{stem}.circom", 1
    while name in names:
        number += 1
        name = f"{stem}~{number}.circom"
    return name
