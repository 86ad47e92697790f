"""Whoever builds the wheel, or the native module, from the same files has the same, to the byte."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("twopm_zk", "circuits", "verifier", "examples", "tests/statements/figures.json")
FILES = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore", "package.json", "package-lock.json")


@pytest.mark.full
def test_a_wheel_is_the_same_to_the_byte_from_two_folders(tmp_path):
    """The second has other times, other permissions, and another name."""
    elsewhere = tmp_path / "some where else"
    elsewhere.mkdir()
    for name in (*PARTS, *FILES):
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, elsewhere / name, **({"copy_function": shutil.copyfile} if copy is shutil.copytree else {}))
    for place in elsewhere.rglob("*"):
        place.chmod(0o700 if place.is_dir() else 0o600)
    first, second = (wheel(folder, tmp_path / str(i)) for i, folder in enumerate((ROOT, elsewhere)))
    assert len(first.read_bytes()) > 10**6
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def wheel(folder, out):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out]
    subprocess.run(command, cwd=folder, check=True, timeout=300, capture_output=True)
    (made,) = out.glob("*.whl")
    return made


@pytest.mark.full
@pytest.mark.timeout(7200)
@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
def test_the_native_module_is_the_same_to_the_byte_from_two_folders(tmp_path):
    """By one toolchain, from crates that lie in one place: their paths are in what panics say."""
    first, second = (module(tmp_path / folder) for folder in ("one", "some where else/deeper"))
    assert len(first) > 10**6
    assert first == second


def module(folder):
    shutil.copytree(ROOT / "native", folder / "native", ignore=shutil.ignore_patterns("target"))
    (folder / "twopm_zk").mkdir()
    variables = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    command = ["sh", "native/build.sh"]
    made = subprocess.run(
        command, cwd=folder, env=variables | {"PYTHON": sys.executable}, capture_output=True, text=True, timeout=3600
    )
    if "cannot be downloaded" in made.stderr:
        pytest.skip("the native module's crates cannot be downloaded")
    assert made.returncode == 0, made.stderr
    return (folder / "twopm_zk" / "_native.abi3.so").read_bytes()
