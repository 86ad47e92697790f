"""What is installed is what the lock files say, and what a wheel brings is whole."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import twopm_zk

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {
    "requirements.lock": ("dev", "docs", "design"),
    "requirements-slither.lock": ("slither",),
    "requirements-uv.lock": ("uv",),
}
ENTRY = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)(?: ; [^\\]*)?((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE)


def entries(lock):
    return {
        canonicalize_name(name): (pinned, hashes.count("--hash="))
        for name, pinned, hashes in ENTRY.findall((ROOT / lock).read_text())
    }


def requirements(lock):
    groups = [line for group in LOCKS[lock] for line in PROJECT["dependency-groups"][group]]
    return groups + (PROJECT["project"]["dependencies"] if lock == "requirements.lock" else [])


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_has_hashes_for_all_its_packages_and_names_no_place_to_get_them(lock):
    text = (ROOT / lock).read_text()
    assert len(entries(lock)) == len(re.findall(r"^[A-Za-z]", text, re.MULTILINE)) > 0
    assert [name for name, (_, hashes) in entries(lock).items() if not hashes] == []
    assert [line for line in text.splitlines() if "://" in line or line.startswith("-")] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_satisfies_every_requirement_of_the_project(lock):
    pinned = entries(lock)
    for requirement in map(Requirement, requirements(lock)):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)][0]), requirement


def test_the_version_is_that_of_pyproject_and_has_its_section_in_the_changelog():
    assert twopm_zk.__version__ == version("twopm-zk") == PROJECT["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.*)$", changelog, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(twopm_zk.__version__)}\] - \d{{4}}-\d\d-\d\d", headings[1])
    kinds = set(re.findall(r"^### (.*)$", changelog, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.slow
def test_a_wheel_brings_the_types_the_circuits_the_contracts_and_the_example(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True, timeout=120
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "twopm_zk/py.typed",
        "twopm_zk/_native.pyi",
        "twopm_zk/chain/solc.mjs",
        "twopm_zk/_data/circuits/circuits.json",
        "twopm_zk/_data/verifier/rounds/HLRContract.sol",
        "twopm_zk/_data/examples/spector.toml",
    } <= names
    sources = {f"twopm_zk/{path.relative_to(ROOT / 'twopm_zk')}" for path in (ROOT / "twopm_zk").rglob("*.py")}
    assert sources - names == set()
