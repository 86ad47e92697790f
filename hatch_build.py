"""Puts what tools/build_wheel.py has built into a wheel: the page, and the native prover.

Without it, and in an editable installation, nothing is added, and the wheel is the same for every machine.
"""

from __future__ import annotations

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuiltParts(BuildHookInterface[Any]):
    """Reads a folder whose files go to the same places in the wheel, and the wheel's tag, from the environment."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them."""
        if version != "editable" and (parts := os.environ.get("TWOPM_ZK_WHEEL_PARTS")):
            build_data["force_include"][parts] = "/"
            if tag := os.environ.get("TWOPM_ZK_WHEEL_TAG"):
                build_data |= {"tag": tag, "pure_python": False}
