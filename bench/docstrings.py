"""Conversations that come with installed packages: what does a function do, and the first sentence of its docstring.

Packages are parsed, not imported. Each has its own style, which is what its owner's adapter can learn.
"""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGES = ("scipy", "sklearn", "statsmodels")


def conversations(package: str, count: int) -> list[Any]:
    """``count`` conversations of a package, spread over all its public functions and classes."""
    found = sorted(_sentences(package).items())
    step = len(found) / count
    assert step >= 1, f"{package} has {len(found)} docstrings"
    chosen = [found[int(place * step)] for place in range(count)]
    return [
        [{"role": "user", "content": f"What does {name} do?"}, {"role": "assistant", "content": said}]
        for name, said in chosen
    ]


def _sentences(package: str) -> dict[str, str]:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    found = {}
    for path in sorted(folder.rglob("*.py")):
        if "test" in str(path.relative_to(folder)) or path.name == "setup.py":
            continue
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                said = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                if re.fullmatch(r"[A-Z][ -~]{20,120}[.]", said) and ". " not in said:
                    found[f"{package}.{node.name}"] = said
    return found
