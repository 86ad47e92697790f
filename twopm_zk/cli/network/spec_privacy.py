"""What a specification's privacy means and costs, for ``spec check`` and ``spec show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.output import print_table

if TYPE_CHECKING:
    from twopm_zk.task.specification import TaskSpec


def privacy_document(spec: TaskSpec) -> dict[str, Any] | None:
    """All figures, and the promise in words; None for exact sums."""
    from twopm_zk.privacy.words import noise_document, promise

    if spec.noise is None:
        return None
    found = noise_document(spec.noise, minimum_nodes=spec.minimum_nodes, minimum_rows=spec.minimum_rows)
    return found | {"promise": promise(spec.noise)}


def print_privacy(spec: TaskSpec) -> None:
    """The promise, and a table of the noise of each kind of sum; nothing for exact sums."""
    document = privacy_document(spec)
    if document is None:
        return
    for sentence in document["promise"]:
        click.echo(sentence)
    click.echo(
        f"Standard deviations of noise at any weights, with {spec.minimum_nodes} nodes and {spec.minimum_rows} rows, "
        f"whose scaled features have a norm of up to {document['norm']:.3g}:"
    )
    lines = [
        (one["of"], kind["times"], *(f"{one[key]:.3g}" for key in ("sensitivity", "node", "sum", "per_row")))
        for kind in document["releases"]
        for one in kind["noise"]
    ]
    print_table(("noise on", "times", "moved by at most", "of a node", "of the sum", "per row"), lines)
