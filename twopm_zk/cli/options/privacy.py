"""Options of a task whose sums have noise."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from twopm_zk.privacy.terms import UNITS, Privacy

DELTA = 1e-6


def privacy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--epsilon and what belongs to it, as one argument ``privacy``."""

    @click.option("--epsilon", type=float, help="Add noise that hides any single row: 1 is strong, 10 weak.")
    @click.option("--delta", type=float, help=f"Chance that it does not; below 1 of all rows.  [default: {DELTA:g}]")
    @click.option(
        "--unit", type=click.Choice(UNITS), help="What is hidden: a row, or all rows of a node.  [default: row]"
    )
    @click.option("--honest", type=int, help="Nodes of a set that add their noise.  [default: all but one of 3]")
    @click.option("--clip", type=float, help="Shorten rows to this L2 norm of their scaled features, such as 4.")
    @wraps(command)
    def wrapped(
        *args: Any,
        epsilon: float | None,
        delta: float | None,
        unit: Any,
        honest: int | None,
        clip: float | None,
        **kwargs: Any,
    ) -> Any:
        given = {"--delta": delta, "--unit": unit, "--honest": honest, "--clip": clip}
        if epsilon is None:
            if named := [name for name, value in given.items() if value is not None]:
                raise click.UsageError(f"{named[0]} goes with --epsilon")
            return command(*args, privacy=None, **kwargs)
        terms = Privacy(epsilon, DELTA if delta is None else delta, unit or Privacy.unit, honest, clip)
        return command(*args, privacy=terms, **kwargs)

    return wrapped


def privacy_asked() -> Privacy | None:
    """Answers in a terminal."""

    def number(text: str) -> float | None:
        try:
            return float(text) if text.strip() else None
        except ValueError:
            raise click.UsageError("it must be a number, such as 1") from None

    def ask(question: str) -> float | None:
        answer: float | None = click.prompt(question, default="", show_default=False, value_proc=number)
        return answer or None

    epsilon = ask("Add noise that hides any single row? Its epsilon, from 1 (strong) to 10 (weak) (empty: exact sums)")
    if epsilon is None:
        return None
    return Privacy(epsilon, DELTA, clip=ask("  the norm that longer rows are shortened to, such as 4 (empty: none)"))
