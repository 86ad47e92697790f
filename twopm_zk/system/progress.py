"""How long work tells what it is doing."""

from collections.abc import Callable

Progress = Callable[[str], None]
"""Called with one line of text now and then while something long is going on."""
