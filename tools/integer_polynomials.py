"""Polynomials with integer coefficients for circuits: fitted by linear programmes, rounded from the highest down.

Of T in [0, SIZE), the sigmoid's rounded |z| (tools/design_sigmoid.py), about the middle of the table. The coefficients
are fixed to integers one after the other, and the rest is fitted anew each time.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from numpy.polynomial import chebyshev
from scipy.optimize import linprog

LIB = Path(__file__).resolve().parent.parent / "circuits" / "lib"
SIGMOID = json.loads((LIB / "sigmoid.json").read_text())
SIZE = 1 << SIGMOID["input_bits"]
CENTRE = SIZE // 2
DELTA = 2.0 ** SIGMOID["unit_log2"] / SIGMOID["unit_divisor"]
"""|z| of one unit of T."""
POINTS = 1500


def sample_points() -> np.ndarray:
    """Integers T, dense near both ends as minimax fits want them."""
    nodes = (np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS) + 1) / 2 * (SIZE - 1)
    return np.unique(np.concatenate([[0, 1, SIZE - 1], np.rint(nodes)])).astype(np.int64)


def best_fit(points: np.ndarray, target: np.ndarray, tolerance: np.ndarray, degree: int) -> np.ndarray:
    """Chebyshev coefficients of the polynomial with the smallest largest |error| / tolerance."""
    basis = chebyshev.chebvander(points / CENTRE - 1, degree)
    scale = 1 / np.abs(target / tolerance).max()
    upper = np.hstack([basis / tolerance[:, None], -np.ones((len(points), 1))]) * scale
    lower = np.hstack([-basis / tolerance[:, None], -np.ones((len(points), 1))]) * scale
    result = linprog(
        np.append(np.zeros(degree + 1), 1),
        A_ub=np.vstack([upper, lower]),
        b_ub=np.concatenate([target / tolerance, -target / tolerance]) * scale,
        bounds=[(None, None)] * (degree + 1) + [(0, None)],
        method="highs",
    )
    if result.status:
        raise SystemExit(result.message)
    return np.asarray(result.x[:-1])


def power_coefficient(coefficients: np.ndarray, k: int) -> float:
    """The coefficient of (T - CENTRE)^k."""
    return float(chebyshev.cheb2poly(coefficients)[k]) / CENTRE**k


def scale_bits_for(target: np.ndarray, tolerance: np.ndarray, degree: int, *, lead_bits: int) -> int:
    """The scale at which the highest coefficient has ``lead_bits`` bits."""
    lead = power_coefficient(best_fit(sample_points(), target, tolerance, degree), degree)
    return lead_bits - 1 - math.floor(math.log2(abs(lead)))


def integer_coefficients(target: np.ndarray, tolerance: np.ndarray, degree: int, *, scale_bits: int) -> list[int]:
    """Coefficients of powers of T - CENTRE, highest first, for the ``target`` at `sample_points` times 2^scale_bits."""
    points = sample_points()
    rest, found = target.copy(), []
    for k in range(degree, -1, -1):
        wanted = power_coefficient(best_fit(points, rest, tolerance, k), k)
        numerator, denominator = wanted.as_integer_ratio()
        found.append((2 * (numerator << scale_bits) + denominator) // (2 * denominator))  # nearest
        rest = rest - found[-1] / (1 << scale_bits) * (points - CENTRE).astype(float) ** k
    return found


def table_function(name: str, values: list[int]) -> str:
    """A circom function of an index."""
    body = f"var table[{len(values)}] = [{', '.join(map(str, values))}]; return table[i];"
    return f"function {name}(i) {{ {body} }}\n"
