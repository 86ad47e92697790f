"""What is installed is what the lock files say, and what a wheel brings is whole."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.tools import load_tool

import twopm_zk

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {
    "requirements.lock": ("dev", "docs", "design"),
    "requirements-slither.lock": ("slither",),
    "requirements-uv.lock": ("uv",),
    "requirements-wheel.lock": ("wheel",),
    "requirements-eigenlayer.lock": ("eigenlayer",),
    "requirements-model.lock": ("model",),
    "requirements-solver.lock": ("solver",),
    "requirements-fuzzer.lock": ("fuzzer",),
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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel without what tools/build_wheel.py builds."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_a_wheel_brings_the_types_the_circuits_the_contracts_and_the_example(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "twopm_zk/py.typed",
        "twopm_zk/_native.pyi",
        "twopm_zk/chain/solc.mjs",
        "twopm_zk/html/page.css",
        "twopm_zk/_data/circuits/circuits.json",
        "twopm_zk/_data/circuits/compiled/circuits.tar.xz",
        "twopm_zk/_data/circuits/compiled/index.json",
        "twopm_zk/_data/verifier/rounds/HLRContract.sol",
        "twopm_zk/_data/examples/spector.toml",
        "twopm_zk/_data/figures.json",
        "twopm_zk/_data/package.json",
        "twopm_zk/_data/package-lock.json",
    } <= names
    sources = {f"twopm_zk/{path.relative_to(ROOT / 'twopm_zk')}" for path in (ROOT / "twopm_zk").rglob("*.py")}
    assert sources - names == set()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert [name for name in names if name.endswith(".so") or name.startswith("twopm_zk/_data/web/")] == []


@pytest.mark.slow
def test_what_was_built_goes_into_a_wheel_for_machines_of_that_kind(tmp_path):
    parts = tmp_path / "parts"
    for name in ("twopm_zk/_native.abi3.so", "twopm_zk/_data/web/index.html"):
        (parts / name).parent.mkdir(parents=True, exist_ok=True)
        (parts / name).write_bytes(name.encode())
    made = load_tool("build_wheel").build(parts, tmp_path / "out", "cp311-abi3-manylinux_2_17_x86_64")
    assert made.name == f"twopm_zk-{twopm_zk.__version__}-cp311-abi3-manylinux_2_17_x86_64.whl"
    with zipfile.ZipFile(made) as opened:
        assert opened.read("twopm_zk/_native.abi3.so") == b"twopm_zk/_native.abi3.so"
        assert opened.read("twopm_zk/_data/web/index.html") == b"twopm_zk/_data/web/index.html"


@pytest.fixture
def installed(tmp_path, usual_cache):
    """``installed(*words)`` starts the command of a wheel, as somebody who has nothing else of this project.

    The native prover is this checkout's, where it was built. Other packages are those of this environment, since they
    are the same and take a minute to install; so is circom's machine code, once it has been made.
    """
    tool, extension, folder = load_tool("build_wheel"), ROOT / "twopm_zk" / "_native.abi3.so", tmp_path / "user"
    parts = tmp_path / "parts" / "twopm_zk"
    parts.mkdir(parents=True)
    tag = None
    if extension.is_file():
        shutil.copy(extension, parts)
        tag = f"cp311-abi3-{sysconfig.get_platform().replace('-', '_')}"
    folder.mkdir()
    programs = tool.environment(folder / "venv", ["--no-deps", str(tool.build(parts.parent, tmp_path, tag))])
    (site_packages,) = folder.glob("venv/lib/python*/site-packages")
    (site_packages / "others.pth").write_text(f"{Path(click.__file__).parents[1]}\n")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("TWOPM_ZK_", "PYTHON"))}
    variables |= {"HOME": str(folder), "npm_config_cache": variables.get("npm_config_cache", str(Path.home() / ".npm"))}
    (folder / ".cache").mkdir()
    usual_cache(folder / ".cache" / "twopm-zk", "programs")
    shutil.copy(ROOT / "examples" / "circuits" / "quadratic.circom", folder)
    (folder / "input.json").write_text('{"x": 3, "b": -5, "c": 6}')

    def start(*words):
        command = [programs / "twopm-zk", *words]
        return subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


def answer(process):
    """Its exit code and its document."""
    out, err = process.communicate(timeout=300)
    assert out, err.decode()
    return process.returncode, json.loads(out)


@pytest.mark.slow
@pytest.mark.prover
@pytest.mark.chain
def test_a_wheel_in_an_environment_of_its_own_compiles_proves_and_runs_a_chain(installed):
    code, before = answer(installed("doctor", "--json"))
    missing = {finding["name"]: finding["hint"] for finding in before["findings"] if not finding["ok"]}
    assert code == 4
    assert missing["snarkjs"] == missing["circom"] == "Run `twopm-zk doctor --install`."
    code, report = answer(installed("doctor", "--install", "--json"))
    if code == 4 and re.search("ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ECONN|ENETUNREACH", report.get("message", "")):
        pytest.skip(f"npm's registry is out of reach: {report['message']}")
    assert (code, report["healthy"], report["packages"]["fetched"]) == (0, True, True), report
    assert answer(installed("doctor", "--install", "--json"))[1]["packages"] == report["packages"] | {"fetched": False}

    prove = ("prove", "circuit", "quadratic.circom", "--input", "input.json", "--out", "proof", "--json")
    assert answer(installed(*prove))[0] == 0
    assert answer(installed("verify", "proof", "--with", "python", "--json"))[0] == 0

    chain = installed("chain", "--port", "0", "--json")
    document = b""
    for line in chain.stdout:
        document += line
        if line == b"}\n":
            break
    assert len(json.loads(document)["keystores"]) == 10
    chain.send_signal(signal.SIGINT)
    assert chain.wait(timeout=60) == 0
