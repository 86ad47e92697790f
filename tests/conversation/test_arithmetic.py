"""What a language model computes between its products, beside what it stands for."""

from fractions import Fraction

import numpy as np
import pytest

from twopm_zk.conversation import tables
from twopm_zk.conversation.arithmetic import (
    GATE_BITS,
    HEAD_BITS,
    HEAD_FRAC,
    RESIDUAL_BITS,
    RESIDUAL_FRAC,
    ROTATED_BITS,
    ROTATED_FRAC,
    Activations,
    Norm,
    bit_length,
    exp_of_minus,
    gated,
    power_of_two,
    rotate,
    softmax,
    to_activations,
    to_format,
)
from twopm_zk.conversation.tables import EXP_FRAC, EXP_STEPS, GATE_FRAC, ROTARY_FRAC
from twopm_zk.errors import FileFormatError, ToolError


def empty(rows, columns):
    return Activations(np.empty((rows, columns)), np.empty((rows, 1), np.int64))


def test_tables_are_the_nearest_integers():
    x = np.arange(len(tables.exp_entries())) / EXP_STEPS
    assert np.abs(np.array(tables.exp_entries()) - np.exp(-x) * 2.0**EXP_FRAC).max() < 0.5001
    a = np.arange(len(tables.silu_entries())) / tables.SILU_STEPS
    assert np.abs(np.array(tables.silu_entries()) - a / (1 + np.exp(a)) * 2.0**tables.SILU_FRAC).max() < 0.5001


def test_rotary_tables_are_the_nearest_integers_at_every_position():
    cosines, sines = tables.rotary(512, 16, 10000)
    angles = np.arange(512)[:, None] * 10000.0 ** (-np.arange(16) / 16)
    assert np.abs(cosines - np.cos(angles) * 2.0**ROTARY_FRAC).max() < 0.5001
    assert np.abs(sines - np.sin(angles) * 2.0**ROTARY_FRAC).max() < 0.5001
    shorter = tables.rotary(100, 16, 10000)
    assert (shorter[0] == cosines[:100]).all()


def test_tables_that_differ_in_one_entry_are_refused(monkeypatch):
    entries = tables.exp_entries()
    entries[7] += 1
    monkeypatch.setattr(tables, "exp_entries", lambda: entries)
    with pytest.raises(ToolError, match="other tables than everybody else"):
        tables.tables.__wrapped__()


def test_bits_and_powers_of_two_are_those_of_integers():
    values = [0, 1, 2, 3, 4, 2**31 - 1, 2**31, 2**52 + 1, 2**53 - 1]
    assert bit_length(np.array(values, float)).tolist() == [max(value, 1).bit_length() for value in values]
    exponents = np.arange(-200, 200)
    assert power_of_two(exponents).tolist() == [2.0**e for e in exponents.tolist()]


@pytest.mark.parametrize("largest", [1, 2**18, 2**19 - 1, 2**19, 2**19 + 1, 2**40, 2**52 - 1])
def test_activations_have_twenty_bits_and_are_within_half_a_unit(largest):
    values = np.array([[largest, -largest, largest // 3, 0, -(largest // 7)]], float)
    out = empty(1, 5)
    to_activations(values, 10, out)
    unit = Fraction(2) ** int(out.exponents[0, 0])
    assert np.abs(out.values).max() <= 2**19
    assert all(value == int(value) for value in out.values[0])
    for value, given in zip(out.values[0], values[0], strict=True):
        assert abs(int(value) * unit - Fraction(int(given), 2**10)) <= unit / 2


def test_formats_round_half_to_even_and_saturate():
    sums = np.array([[3.0, 5.0, 6.0, -3.0, 2.0**50, -(2.0**50)]])
    found = to_format(sums, np.array([[-2]]), frac_bits=1, bits=20)
    assert found.tolist() == [[2, 2, 3, -2, 2**20, -(2**20)]]


def test_exponentials_are_right_to_two_to_the_minus_22():
    steps = np.linspace(0, 20 * EXP_STEPS, 100_001)
    steps = np.floor(steps * 2**20) / 2**20
    found = exp_of_minus(steps.copy()) / 2.0**EXP_FRAC
    exact = np.exp(-steps / EXP_STEPS)
    assert np.abs(found - exact).max() < 2.0**-22
    assert (found[steps >= tables.EXP_END * EXP_STEPS] == 0).all()


def test_probabilities_are_those_of_a_softmax_and_ignore_what_is_hidden():
    scores = np.round(np.random.default_rng(1).normal(0, 3, (7, 300)) * EXP_STEPS * 2**10) / 2**10
    scores[:, 250:] = -(2.0**40)
    found = softmax(scores.copy()) / 2.0**EXP_FRAC
    exact = np.exp((scores - scores.max(1, keepdims=True)) / EXP_STEPS)
    exact /= exact.sum(1, keepdims=True)
    assert np.abs(found - exact).max() < 2.0**-21
    assert (found[:, 250:] == 0).all()


def test_a_gated_unit_is_right_to_a_unit_of_its_factor():
    gate = np.round(np.linspace(-40, 40, 40_001) * 2**GATE_FRAC)
    up = np.full_like(gate, 2.0**GATE_FRAC)
    found = gated(gate.copy()[None], up[None])[0] / 2.0 ** (2 * GATE_FRAC)
    x = gate / 2.0**GATE_FRAC
    assert np.abs(found - x / (1 + np.exp(-x))).max() < 1.5 * 2.0**-GATE_FRAC


def test_a_gated_unit_of_the_largest_factors_is_exact():
    largest = 2.0**GATE_BITS
    factors = np.array([[largest, -largest, largest, -largest]]), np.array([[largest, largest, -largest, -largest]])
    assert gated(*factors).tolist() == [[2.0**52, 0, -(2.0**52), 0]]


@pytest.mark.parametrize("size", [1e-4, 1.0, 3e4, 4e6])
def test_a_norm_is_that_of_the_numbers(size):
    random = np.random.default_rng(2)
    rows = np.round(random.normal(0, size, (9, 576)) * 2**RESIDUAL_FRAC)
    rows = np.clip(rows, -(2.0**RESIDUAL_BITS), 2.0**RESIDUAL_BITS)
    rows[3, 100] = 2.0**RESIDUAL_BITS
    rows[4] = 0
    weights = random.integers(-(2**26), 2**26, 576).astype(float)
    out = empty(9, 576)
    Norm(weights, 26, 1e-5).apply(rows, out)
    found = out.values * 2.0**out.exponents
    x = rows / 2.0**RESIDUAL_FRAC
    exact = x / np.sqrt((x * x).mean(1, keepdims=True) + 1e-5) * weights / 2.0**26
    unit = np.maximum(np.abs(exact).max(1, keepdims=True), 1e-9) * 2.0**-18
    assert (np.abs(found - exact) <= unit).all()


def test_rows_too_long_for_exact_sums_of_squares_are_refused():
    Norm(np.ones(960), 0, 1e-5)
    with pytest.raises(FileFormatError, match="too long"):
        Norm(np.ones(1024), 0, 1e-5)


def test_a_rotation_keeps_lengths_and_saturates():
    cosines, sines = (table.astype(float) for table in tables.rotary(50, 8, 10000))
    heads = np.round(np.random.default_rng(3).normal(0, 5, (50, 3, 16)) * 2**HEAD_FRAC)
    found = rotate(heads, cosines[:, None], sines[:, None])
    assert np.allclose((found**2).sum(2) * 2.0 ** (2 * (HEAD_FRAC - ROTATED_FRAC)), (heads**2).sum(2), rtol=1e-4)
    largest = np.full((50, 3, 16), 2.0**HEAD_BITS)
    assert np.abs(rotate(largest, cosines[:, None], sines[:, None])).max() == 2.0**ROTATED_BITS
