"""What documents, docstrings and comments call a file, a folder or a module of this repository is there."""

import ast
import importlib.util
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READ = (".md", ".py", ".pyi", ".circom", ".sol", ".rs", ".toml", ".mjs", ".sh", ".yaml", "Makefile")
LEFT_OUT = ("CHANGELOG.md", "verifier/generated/", "tests/docs/test_places.py")
MADE = ("twopm_zk/_native.abi3.so", "native/target", "twopm_zk/_data/", "verifier/Nothing.sol", "verifier/Tiny.sol")
"""Built, or made up by tests: not committed."""
FOLDERS = "bench|circuits|docs|examples|native|tests|tools|twopm_zk|verifier"
PATH = re.compile(rf"(?<![\w/.<{{*-])(?:{FOLDERS})/(?:[\w-]+/)*[\w-]*(?:\.\w+)*(?![\w*{{<])")
PART = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|md|circom|sol|rs|json|mjs))`")
TEST = re.compile(r"`(test_\w+)`")
MODULE = re.compile(r"(?<![\w./-])twopm_zk(?:\.[A-Za-z_]\w*)+")


@cache
def files():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def texts():
    return {
        name: (ROOT / name).read_text() for name in files() if name.endswith(READ) and not name.startswith(LEFT_OUT)
    }


@pytest.mark.slow
def test_every_path_that_is_named_is_there():
    missing = []
    for name, text in texts().items():
        for path in {found.rstrip("./") for found in PATH.findall(text) if not found.startswith(MADE)}:
            if not (ROOT / path).exists() and not (ROOT / name).parent.joinpath(path).exists():
                missing.append(f"{name}: {path}")
        for path in set(PART.findall(text)):
            if not any(f"/{other}".endswith(f"/{path}") for other in files()):
                missing.append(f"{name}: {path}")
    assert missing == []


def is_there(dotted):
    """Whether a dotted name is a module, or what a module has."""
    for count in range(dotted.count(".") + 1, 0, -1):
        parts = dotted.split(".")
        path = ROOT.joinpath(*parts[:count])
        if path.is_dir() or path.with_suffix(".py").exists() or path.with_suffix(".pyi").exists():
            if count == len(parts):
                return True
            found = importlib.import_module(".".join(parts[:count]))
            for part in parts[count:]:
                if not hasattr(found, part):
                    return False
                found = getattr(found, part)
            return True
    return False


@pytest.mark.slow
def test_every_module_that_is_named_is_there():
    named = {(name, found) for name, text in texts().items() for found in MODULE.findall(text)}
    assert len(named) > 100
    assert sorted(f"{name}: {found}" for name, found in named if not is_there(found)) == []


def test_every_test_that_a_document_names_is_there():
    made = {found for name, text in texts().items() if "test_" in name for found in re.findall(r"def (test_\w+)", text)}
    named = {found for name, text in texts().items() if name.endswith(".md") for found in TEST.findall(text)}
    assert len(named) > 20
    assert named - made == set()


@pytest.mark.parametrize("script", [name for name in files() if re.fullmatch(r"(bench|tools|examples)/\w+\.py", name)])
def test_what_a_script_imports_is_there(script, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")  # whose data benches take
    monkeypatch.syspath_prepend(ROOT / Path(script).parent)
    for node in ast.walk(ast.parse((ROOT / script).read_text())):
        if isinstance(node, ast.Import):
            assert [alias.name for alias in node.names if importlib.util.find_spec(alias.name) is None] == []
        elif isinstance(node, ast.ImportFrom):
            assert importlib.util.find_spec(node.module), node.module
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            assert [name for name in names if name.startswith("twopm_zk.") and not is_there(name)] == []
