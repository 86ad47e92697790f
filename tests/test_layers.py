"""Imports point down the list of docs/architecture.md, and nowhere in a circle."""

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "twopm_zk"
MOST_MODULES = 15


@cache
def rooms():
    """Names of the rooms in the order of docs/architecture.md; those of one line are neighbours."""
    text = (ROOT / "docs" / "architecture.md").read_text().split("\n## The rooms\n")[1].split("\n## ")[0]
    table = re.findall(r"^\| ((?:`[a-z_]+(?:/|\.py)`(?:, )?)+) \|", text, re.MULTILINE)
    return [tuple(name.strip("`/ ").removesuffix(".py") for name in row.split(",")) for row in table]


@cache
def imports():
    """What each module imports of the package, type-checking and lazy imports included."""
    modules = {dotted(path): path for path in PACKAGE.rglob("*.py")}
    found = {}
    for module, path in modules.items():
        found[module] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "twopm_zk":
                for name in node.names:
                    inner = f"{node.module}.{name.name}"
                    found[module].add(inner if inner in modules else node.module)
            elif isinstance(node, ast.Import):
                found[module] |= {name.name for name in node.names if name.name in modules}
    return found


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room(module):
    return [*module.split("."), ""][1]


def test_every_room_is_in_the_list_and_nothing_else_is():
    listed = [name for row in rooms() for name in row]
    assert len(listed) == len(set(listed))
    there = {path.stem for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} | {"errors"}
    assert set(listed) == there


@pytest.mark.slow
def test_imports_point_down_the_list_only():
    height = {name: -index for index, row in enumerate(rooms()) for name in row}
    wrong = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if room(module) and room(other) in height
        if room(module) != room(other) and height[room(module)] <= height[room(other)]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_no_module_is_imported_by_what_it_imports():
    graph = {module: {other for other in others if not is_package(other)} for module, others in imports().items()}
    list(TopologicalSorter(graph).static_order())  # CycleError names the circle


def is_package(module):
    return (ROOT / Path(*module.split("."))).is_dir()


@pytest.mark.parametrize("folder", sorted({path.parent for path in PACKAGE.rglob("*.py")}), ids=lambda p: p.name)
def test_no_room_is_crowded(folder):
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= MOST_MODULES
