"""npm's packages in the user's cache: those of ``package-lock.json``, and no others.

A checkout has its own ``node_modules``; what was installed from a wheel has none. npm fetches them into a new folder,
refuses any file that has not the lock's ``integrity``, and runs no script of theirs; what it leaves is compared with
the lock before the folder gets its name in the cache, which is a digest of the lock.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twopm_zk.errors import ToolError, ToolMissingError, ToolVersionError
from twopm_zk.system import paths, programs
from twopm_zk.system.files import locked, replacing
from twopm_zk.system.progress import Progress

OPTIONS = (
    *("--no-save", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--omit=dev"),
    *("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=10000", "--loglevel=http"),
)
INSTALL_TIMEOUT = 1800.0
_FETCHED = re.compile(r"http fetch GET (?:\d+ )?\S*/(\S+)( attempt .*)?")
_SAID = re.compile(r"^npm (?:error|ERR!) (?! *at )(.*\S.*)$", re.MULTILINE)
_LINES_SHOWN = 4
_CPUS = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}


@dataclass(frozen=True)
class NpmPackages:
    """Where the packages are, and whether they were fetched just now."""

    folder: Path
    fetched: bool


def install(progress: Progress | None = None) -> NpmPackages:
    """Fetch what ``package-lock.json`` names into the cache, unless all of it is where it is looked for.

    Raises ToolVersionError where another folder comes first and holds other packages, ToolMissingError without npm,
    ToolError with npm's words where it fails. Nothing is left half-written then, and it can be tried again.
    """
    folder, entry = paths.node_modules_folder(), paths.npm_entry()
    if (wrong := difference(folder)) is None:
        return NpmPackages(folder, fetched=False)
    if folder.parent != entry:
        raise ToolVersionError(f"{str(folder)!r} is not what package-lock.json says: {wrong}", kind="not-installed")
    with programs.interruptible(), locked(entry):
        if difference(folder) is None:  # another process may have fetched them while this one waited
            return NpmPackages(folder, fetched=False)
        with replacing(entry) as temporary:
            _fetch(temporary, progress)
            shutil.rmtree(entry, ignore_errors=True)  # damaged
    return NpmPackages(folder, fetched=True)


def difference(folder: Path) -> str | None:
    """The first package that a ``node_modules`` has not as the lock has it; None where all are there."""
    for place, row in _locked().items():
        if row.get("dev"):
            continue
        package = folder / place.removeprefix("node_modules/")
        name = row.get("name", place.rpartition("node_modules/")[2])  # an alias names the package that it stands for
        try:
            found = json.loads((package / "package.json").read_text())
            version = f"{found['name']} {found['version']}"
        except FileNotFoundError:
            if _may_be_absent(row):
                continue
            return f"{name} is not there"
        except (OSError, ValueError, KeyError, TypeError):
            return f"{name} is damaged"
        if version != f"{name} {row['version']}":
            return f"{version}, not {name} {row['version']}"
    return None


def _locked() -> dict[str, dict[str, Any]]:
    """Rows of the lock by where their package goes; the first row, the project itself, is left out."""
    rows: dict[str, dict[str, Any]] = json.loads((paths.source_root() / "package-lock.json").read_text())["packages"]
    return {place: row for place, row in rows.items() if place}


def _may_be_absent(row: dict[str, Any]) -> bool:
    """Whether npm may leave out an optional package: one for other machines, or one that is for none in particular."""
    machine = platform.machine().lower()
    here = sys.platform in row.get("os", ()) and _CPUS.get(machine, machine) in row.get("cpu", ())
    return bool(row.get("optional")) and not here


def _fetch(folder: Path, progress: Progress | None) -> None:
    """Have npm fill a new folder."""
    command = _npm()
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(paths.source_root() / name, folder / name)

    def report(line: str) -> None:
        if progress is not None and (match := _FETCHED.search(line)):
            progress(match[1] + (match[2] or ""))

    finished = programs.run([*command, "install", *OPTIONS], cwd=folder, timeout=INSTALL_TIMEOUT, on_line=report)
    if finished.code:
        said = _SAID.findall(finished.output)[:_LINES_SHOWN]
        raise ToolError(
            "npm could not install the packages:\n" + ("\n".join(said) or finished.output[-2000:]),
            hint="Nothing was changed. Once the reason is gone it can be tried again.",
        )
    if (wrong := difference(folder / "node_modules")) is not None:
        raise ToolError(f"npm installed other packages than package-lock.json says: {wrong}")


def _npm() -> list[Path]:
    """The npm that came with the node that is used; a script of it is run by that node, not by PATH's."""
    node = programs.node()
    beside = node.with_name("npm")
    try:
        npm = beside if beside.is_file() and not os.environ.get("TWOPM_ZK_NPM") else programs.program("npm")
    except ToolMissingError as error:
        raise ToolMissingError(
            "npm was not found, neither beside node nor on PATH",
            hint=f"It comes with Node.js: install Node.js {programs.NODE_MAJOR} or newer with it, or point "
            "$TWOPM_ZK_NPM at one.",
        ) from error
    script = npm.resolve()
    return [node, script] if script.suffix == ".js" else [npm]
