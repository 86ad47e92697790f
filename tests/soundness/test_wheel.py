"""Whoever builds the wheel from the same files has the same wheel, to the byte."""

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
