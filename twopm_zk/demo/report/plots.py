"""The two plots of a report, as PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from twopm_zk.errors import ToolMissingError

if TYPE_CHECKING:
    from twopm_zk.demo.report.record import Report

_COLOURS = ("#2f6fde", "#d9822b", "#2b8a5f", "#8b5cf6", "#c2410c", "#0f766e")


def _pyplot() -> Any:
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ToolMissingError(
            "plots need the package matplotlib", kind="no-python-package", package="matplotlib"
        ) from error
    return plt


def _png(plt: Any, figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()


def _axes(plt: Any, width: float = 7.2, height: float = 3.4) -> tuple[Any, Any]:
    figure, axes = plt.subplots(figsize=(width, height))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#e6e8ee", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def images(report: Report) -> dict[str, bytes]:
    """Both plots, by name."""
    return {"convergence": convergence(report), "timing": timing(report)}


def convergence(report: Report) -> bytes:
    """Relative difference of each coefficient from the first reference, round by round, on a log scale."""
    plt = _pyplot()
    figure, axes = _axes(plt)
    source, reference = next(iter(report.reference.items()))
    gradients = [record for record in report.rounds if record.collects == "gradient"]
    numbers = range(len(gradients))
    for colour, (name, value) in zip(_COLOURS * 8, reference.items(), strict=False):
        differences = [max(abs(record.coefficients[name] / value - 1), 1e-9) for record in gradients]
        axes.semilogy(numbers, differences, marker="o", markersize=4, color=colour, label=name)
    axes.axhline(1e-3, color="#6b7280", linewidth=1, linestyle="--")
    axes.annotate("0.1%", (numbers[0], 1.15e-3), color="#6b7280", fontsize=9)
    axes.set_xlabel("proven moves of the weights")
    axes.set_ylabel(f"difference from {source}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, ncols=min(4, len(reference)), fontsize=9)
    return _png(plt, figure)


def timing(report: Report) -> bytes:
    """Where the wall time of each round went, stacked."""
    plt = _pyplot()
    figure, axes = _axes(plt)
    activities = list(dict.fromkeys(name for record in report.rounds for name in record.seconds))
    numbers = [record.number for record in report.rounds]
    below = [0.0] * len(numbers)
    for colour, activity in zip(_COLOURS * 8, activities, strict=False):
        seconds = [record.seconds.get(activity, 0.0) for record in report.rounds]
        axes.bar(numbers, seconds, bottom=below, color=colour, label=activity, width=0.7)
        below = [base + more for base, more in zip(below, seconds, strict=True)]
    axes.set_xlabel("round")
    axes.set_ylabel("seconds")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, fontsize=9, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return _png(plt, figure)
