"""Run the notebooks of examples/ and store what their cells show: python tools/run_notebooks.py [--check]

Cells run in order in one namespace; what a cell prints, and the value of its last expression, are its outputs. With
--check nothing is written, and the exit code says whether anything changed but for figures in last places.
"""

import argparse
import ast
import contextlib
import io
import json
import math
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
TOLERANCE = 5e-3
NOISE = 1e-3
"""Figures below this, as a gradient that has vanished, may differ by any factor."""


def outputs_of(source: str, names: dict) -> list[dict]:
    """What one cell shows, as a notebook stores it."""
    parsed = ast.parse(source)
    shown = parsed.body.pop() if parsed.body and isinstance(parsed.body[-1], ast.Expr) else None
    printed, found = io.StringIO(), []
    with contextlib.redirect_stdout(printed):
        exec(compile(parsed, "<cell>", "exec"), names)  # noqa: S102 (our own notebook)
        value = None if shown is None else eval(compile(ast.Expression(shown.value), "<cell>", "eval"), names)  # noqa: S307
    if text := printed.getvalue():
        found.append({"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)})
    if value is not None:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = value._repr_html_().splitlines(keepends=True)
        found.append({"data": data, "metadata": {}, "output_type": "display_data"})
    return found


def run(notebook: dict) -> dict:
    """The notebook with the outputs that it has now."""
    names: dict = {"__name__": "__main__"}
    cells = [
        cell | {"outputs": outputs_of("".join(cell["source"]), names)} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    return notebook | {"cells": cells}


def same(one: str, other: str) -> bool:
    """Whether two texts are the same but for last places of figures, and the spaces that these take."""
    words = [NUMBER.sub("#", text).split() for text in (one, other)]
    figures = [[float(number) for number in NUMBER.findall(text)] for text in (one, other)]
    return words[0] == words[1] and all(
        math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=NOISE) for a, b in zip(*figures, strict=True)
    )


def main() -> int:
    """Run them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check, changed = parser.parse_args().check, []
    for path in sorted((ROOT / "examples").glob("*.ipynb")):
        before = json.loads(path.read_text())
        after = run(before)
        if not same(json.dumps(before), json.dumps(after)):
            changed.append(path.name)
        if not check:
            path.write_text(json.dumps(after, indent=1, ensure_ascii=False) + "\n")
    print(f"changed: {', '.join(changed)}" if changed else "nothing changed")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
