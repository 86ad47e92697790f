"""Design the sigmoid polynomial: choose the integers of ``circuits/lib/sigmoid.json``.

The step circuit needs sigma(z) with an error of at most 5e-5 for every z, in as few PLONK gates as possible.
With T = round(|z| / delta) in [0, 2^16) it evaluates one polynomial P(T) / 2^scale_bits of odd degree
2m + 1 that approximates tanh(|z| / 2) = 2 sigma(|z|) - 1, in the preconditioned form of Knuth and Eve
(D. E. Knuth, TAOCP 2, section 4.6.4, "adaptation of coefficients"; J. Eve, Numer. Math. 6, 1964):

    x = T - centre,  y = x^2,  u_0 = lead x + offset,  u_i = u_{i-1} (y - alpha_i) + beta_i

which costs one gate for y and one for each of the m factors. The form exists when the odd part of P about
``centre`` has only real zeros in y, so ``centre`` is searched for. All constants are integers, thus P is exact;
P(0) = 0 exactly, because the circuit leaves the sign of z free when T = 0. The minimax fits are linear
programmes over both ends of the rounding interval of every T.

Run: python tools/design_sigmoid.py (needs the ``design`` dependency group), then commit the two files.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import mpmath as mp
import numpy as np
from numpy.polynomial import chebyshev
from scipy.optimize import linprog

INPUT_BITS = 16
UNIT_DIVISOR = 13  # delta = 2^UNIT_LOG2 / UNIT_DIVISOR: saturation at 2^7 / 13 = 9.846
UNIT_LOG2 = -9
DEGREE = 11
LEAD_BITS = 4
LIB = Path(__file__).resolve().parent.parent / "circuits" / "lib"

mp.mp.dps = 120
SIZE = 1 << INPUT_BITS
DELTA = mp.mpf(2) ** UNIT_LOG2 / UNIT_DIVISOR


def sample_points(count: int = 1500) -> np.ndarray:
    """Integers T, dense near both ends as minimax fits want them."""
    nodes = (np.cos(np.pi * (np.arange(count) + 0.5) / count) + 1) / 2 * (SIZE - 1)
    return np.unique(np.concatenate([[0, 1, SIZE - 1], np.rint(nodes)])).astype(np.int64)


def minimax(points: np.ndarray, fixed: dict[int, float]) -> tuple[np.ndarray, float]:
    """Chebyshev coefficients on [0, 2^16] of the best P with P(0) = 0 and the ``fixed`` ones given."""
    t = points / (SIZE / 2) - 1
    basis = chebyshev.chebvander(t, DEGREE)
    low = np.tanh(float(DELTA) * np.maximum(points - 0.5, 0) / 2)
    high = np.tanh(float(DELTA) * (points + 0.5) / 2)
    scale = 1e4
    ones = np.ones((len(points), 1))
    upper = np.hstack([basis * scale, -ones])
    lower = np.hstack([-basis * scale, -ones])
    keep = points > 0
    equal = [np.append(chebyshev.chebvander(np.array([-1.0]), DEGREE)[0], 0)]
    values = [0.0]
    for index, value in fixed.items():
        row = np.zeros(DEGREE + 2)
        row[index] = 1
        equal.append(row)
        values.append(value)
    result = linprog(
        np.append(np.zeros(DEGREE + 1), 1),
        A_ub=np.vstack([upper[keep], lower[keep]]),
        b_ub=np.concatenate([low[keep], -high[keep]]) * scale,
        A_eq=np.array(equal),
        b_eq=values,
        bounds=[(None, None)] * (DEGREE + 1) + [(0, None)],
        method="highs",
    )
    return result.x[:-1], result.x[-1] / scale / 2


def chebyshev_to_powers(coefficients: list[mp.mpf]) -> list[mp.mpf]:
    """Power-basis coefficients in t, exactly (numpy's own conversion is only double precision)."""
    previous, current = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    total = [mp.mpf(0)] * len(coefficients)
    for k, coefficient in enumerate(coefficients):
        polynomial = previous if k == 0 else current
        for i, value in enumerate(polynomial):
            total[i] += coefficient * value
        if k >= 1:
            following = [mp.mpf(0)] + [2 * value for value in current]
            for i, value in enumerate(previous):
                following[i] -= value
            previous, current = current, following
    return total


def recentre(powers: list[mp.mpf], centre: mp.mpf) -> list[mp.mpf]:
    """Coefficients of p(x + centre) in x."""
    return [
        sum(powers[i] * mp.binomial(i, j) * centre ** (i - j) for i in range(j, len(powers)))
        for j in range(len(powers))
    ]


def knuth_eve(powers_t: list[mp.mpf], scale_bits: int, lead: int, centre: int) -> dict | None:
    """Integer constants about ``centre``, or None where the odd part has complex zeros."""
    in_t = [value * (mp.mpf(2) / SIZE) ** 0 for value in powers_t]
    shifted = recentre(in_t, mp.mpf(2) * centre / SIZE - 1)
    scaled = [value * (mp.mpf(2) / SIZE) ** i * mp.mpf(2) ** scale_bits for i, value in enumerate(shifted)]
    odd, even = scaled[1::2], scaled[0::2]
    try:
        zeros = mp.polyroots(odd[::-1], maxsteps=400, extraprec=400)
    except mp.libmp.libhyper.NoConvergence:
        return None
    if any(abs(mp.im(zero)) > mp.mpf(10) ** -20 * abs(zero) for zero in zeros):
        return None
    alpha = sorted(int(mp.nint(mp.re(zero))) for zero in zeros)
    beta: list[int] = []
    for root in reversed(alpha):
        quotient, remainder = [mp.mpf(0)] * (len(even) - 1), even[-1]
        for i in range(len(even) - 2, -1, -1):
            quotient[i], remainder = remainder, even[i] + remainder * root
        beta.append(int(mp.nint(remainder)))
        even = quotient
    constants = {
        "scale_bits": scale_bits,
        "lead": lead,
        "offset": int(mp.nint(even[0])),
        "centre": centre,
        "alpha": alpha,
        "beta": beta[::-1],
    }
    constants["beta"][-1] -= evaluate(constants, 0)
    return constants


def evaluate(constants: dict, T: int) -> int:
    """P(T), an exact integer."""
    x = T - constants["centre"]
    u = constants["lead"] * x + constants["offset"]
    for alpha, beta in zip(constants["alpha"], constants["beta"], strict=True):
        u = u * (x * x - alpha) + beta
    return u


def worst_error(constants: dict, points: np.ndarray) -> float:
    """Largest |sigma - approximation| over the rounding intervals of ``points``."""
    worst = 0.0
    for T in points:
        value = float(mp.mpf(evaluate(constants, int(T))) / mp.mpf(2) ** constants["scale_bits"])
        for end in (max(T - 0.5, 0), T + 0.5):
            worst = max(worst, abs(value - math.tanh(float(DELTA) * end / 2)) / 2)
    return worst


def design() -> dict:
    """Fit, fix the two leading coefficients to integers one after the other, and search the centre."""
    points = sample_points()
    fit, error = minimax(points, {})
    to_T = mp.mpf(2) ** (DEGREE - 1) * (mp.mpf(2) / SIZE) ** DEGREE
    scale_bits = LEAD_BITS - math.floor(mp.log(abs(fit[DEGREE] * to_T), 2)) - 1
    lead = int(mp.nint(fit[DEGREE] * to_T * mp.mpf(2) ** scale_bits))
    first = mp.mpf(lead) / mp.mpf(2) ** scale_bits / to_T
    fit, error_lead = minimax(points, {DEGREE: float(first)})

    # the coefficient of T^(DEGREE-1) must be an integer too: t^10 = ... in powers of T = (t + 1) SIZE / 2
    step = mp.mpf(2) / SIZE

    def second_in_t(second: mp.mpf) -> mp.mpf:
        top = first * mp.mpf(2) ** (DEGREE - 1)
        return (second * mp.mpf(2) ** (DEGREE - 2) - DEGREE * top) * step ** (DEGREE - 1) * mp.mpf(2) ** scale_bits

    wanted = mp.nint(second_in_t(mp.mpf(fit[DEGREE - 1])))
    slope = second_in_t(mp.mpf(1)) - second_in_t(mp.mpf(0))
    second = (wanted - second_in_t(mp.mpf(0))) / slope
    fit, error_second = minimax(points, {DEGREE: float(first), DEGREE - 1: float(second)})
    powers = chebyshev_to_powers([mp.mpf(v) for v in fit[: DEGREE - 1]] + [second, first])

    best: tuple[float, int, dict] | None = None
    for centre in range(-SIZE // 2, 2 * SIZE, SIZE // 128):
        constants = knuth_eve(powers, scale_bits, lead, centre)
        if constants is None:
            continue
        found = (worst_error(constants, points[::8]), abs(centre - SIZE // 2))
        if best is None or found[0] < best[0] * 0.999:
            best = (*found, constants)
    if best is None:
        raise SystemExit("no centre gives real zeros: use another degree")
    saturation = mp.mpf(2 * SIZE - 1) / 2 * DELTA  # the smallest |z| that no T covers
    constants = best[2]
    constants["saturated"] = int(mp.nint((1 + mp.tanh(saturation / 2)) / 2 * mp.mpf(2) ** scale_bits))
    print(
        f"minimax {error:.3e}, integer lead {error_lead:.3e}, second {error_second:.3e}, "
        f"all integers {worst_error(constants, points):.3e}, tail {float((1 - mp.tanh(saturation / 2)) / 4):.3e}"
    )
    return {"input_bits": INPUT_BITS, "unit_divisor": UNIT_DIVISOR, "unit_log2": UNIT_LOG2, **constants}


def circom_source(constants: dict) -> str:
    """The same constants as circom functions; negative ones as field elements by circom's own arithmetic."""
    functions = []
    for name in ("input_bits", "unit_divisor", "unit_log2", "scale_bits", "lead", "offset", "centre", "saturated"):
        functions.append(f"function SIGMOID_{name.upper()}() {{ return {constants[name]}; }}")
    for name in ("alpha", "beta"):
        values = constants[name]
        body = f"var table[{len(values)}] = [{', '.join(map(str, values))}]; return table[i];"
        functions.append(f"function SIGMOID_{name.upper()}(i) {{ {body} }}")
    header = "// Generated by tools/design_sigmoid.py from sigmoid.json; do not edit.\npragma circom 2.1.6;\n\n"
    return header + "\n".join(functions) + "\n"


def main() -> None:
    """Write both files."""
    constants = design()
    (LIB / "sigmoid.json").write_text(json.dumps(constants, indent=2) + "\n")
    (LIB / "sigmoid_constants.circom").write_text(circom_source(constants))


if __name__ == "__main__":
    main()
