"""What tests of the page need: npm's packages, the built page, and a browser."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "web"

needs_npm = pytest.mark.skipif(
    not (ROOT / "node_modules" / ".bin" / "esbuild").exists(), reason="npm's packages are not installed: make setup"
)
