"""What is installed is what was locked, by hash; what it is and under which licence is listed."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from support.tools import load_tool

ROOT = Path(__file__).parents[1]
TOOL = load_tool("supply")
PERMISSIVE = re.compile(
    r"(Apache-2\.0( WITH LLVM-exception)?|MIT|MIT-0|MIT-CMU|BSD-[23]-Clause|0BSD|ISC|BlueOak-1\.0\.0|PSF-2\.0"
    r"|Python-2\.0|CNRI-Python|CC0-1\.0|Zlib|Unicode-3\.0|Unlicense|NCSA|LicenseRef-Public-Domain|NOASSERTION)"
)


@pytest.fixture(scope="module")
def listed():
    return json.loads((ROOT / "sbom.cdx.json").read_text())


def test_the_list_has_every_locked_package_and_no_other(listed):
    rows = {(row["properties"][0]["value"], row["name"], row["version"]) for row in listed["components"]}
    assert rows == {(lock, name, version) for _, name, version, lock, _ in TOOL.pinned()}
    assert len({row["bom-ref"] for row in listed["components"]}) == len(rows)
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")


def test_licences_that_ask_something_are_explained_on_the_page(listed):
    """One of the alternatives has to be permissive, and all of what applies together."""
    page = (ROOT / "docs" / "licences.md").read_text()
    asked = set()
    for row in listed["components"]:
        for part in row["licenses"][0]["expression"].replace("(", "").replace(")", "").split(" AND "):
            options = part.split(" OR ")
            if not any(PERMISSIVE.fullmatch(option) for option in options):
                asked |= {option.removesuffix("-only").removesuffix("-or-later") for option in options}
    assert asked == set(TOOL.COPYLEFT)
    assert [name for name in asked if f"**{name}**" not in page] == []


@pytest.mark.slow
def test_list_and_page_are_what_the_tool_writes(monkeypatch):
    monkeypatch.setattr("sys.argv", ["supply", "--check"])
    TOOL.main()


def test_every_npm_package_has_a_hash_and_names_no_place_to_get_it():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert len(packages) > 200
    wanted, locked = json.loads((ROOT / "package.json").read_text()), packages[""]
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        assert wanted.get(kind) == locked.get(kind), "what the lock file lacks would be installed without a hash"
    for place, package in packages.items():
        if place:
            assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"]), place
            assert "resolved" not in package, place


def test_every_crate_has_a_hash_and_comes_from_the_registry():
    for lock in ("native/Cargo.lock", "native/bench/Cargo.lock", "native/fuzz/Cargo.lock"):
        packages = tomllib.loads((ROOT / lock).read_text())["package"]
        for package in packages:
            if "source" in package:
                assert package["source"] == "registry+https://github.com/rust-lang/crates.io-index", package["name"]
                assert re.fullmatch(r"[0-9a-f]{64}", package["checksum"]), package["name"]


def test_whatever_installs_keeps_to_the_lock_files_and_runs_no_script_of_a_package():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    installs = re.findall(
        r"^[^#\n]*(?:pip install|npm install|npm ci|cargo build|cargo clippy).*$", makefile, re.MULTILINE
    )
    assert len(installs) >= 6
    for line in installs:
        for command in re.split(r"&&|\|\||;", line):
            if "pip install" in command and "--editable ." not in command:
                assert "--require-hashes" in command, command
            elif "npm install" in command or "npm ci" in command:
                assert "--ignore-scripts" in command, command
            elif re.search(r"cargo (build|clippy)", command):
                assert "--locked" in command, command
    for script in ("native/build.sh", "native/fuzz/build.sh"):
        assert "--locked" in (ROOT / script).read_text(), script
