"""Every command in the documentation works as printed."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from twopm_zk.cli import _COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FILES = {
    "rows.csv": "GPA,TUCE,PSI,GRADE\n2.66,20,0,0\n2.89,22,0,0\n3.28,24,0,0\n3.92,29,0,1\n4.00,21,1,1\n2.76,17,1,0\n",
    "weights.json": '{"GPA": 0.9, "TUCE": 0.4, "PSI": 1.2, "intercept": -1.0}',
    "scaling.json": '{"GPA": {"centre": 3, "scale": 0.64}, "TUCE": {"centre": 22, "scale": 8}}',
    "input.json": '{"x": 3, "b": -5, "c": 6}',
}


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page):
    return [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]


def test_readme_shows_every_command():
    text = (ROOT / "README.md").read_text()
    assert [name for name in _COMMANDS if f"`twopm-zk {name}`" not in text] == []


def test_links_inside_the_project_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.prover
@pytest.mark.chain
@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_commands_of_a_page_work_in_their_order(page, tmp_path, forks):
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    shutil.copy(ROOT / "examples" / "circuits" / "quadratic.circom", tmp_path)
    for line in commands(page):
        words = shlex.split(line)
        assert words[0] == "twopm-zk", line
        command = [*forks.command, *words[1:]]
        finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, f"{line}\n{finished.stdout}{finished.stderr}"


@pytest.mark.prover
@pytest.mark.slow
def test_python_of_the_readme_runs():
    for block in blocks(ROOT / "README.md", "python"):
        finished = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr
