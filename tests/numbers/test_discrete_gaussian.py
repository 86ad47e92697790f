"""The discrete Gaussian against its closed form, by counting: a false alarm has a probability of about 1e-9."""

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from twopm_zk.errors import InputError
from twopm_zk.numbers import discrete_gaussian
from twopm_zk.numbers.discrete_gaussian import sample, tail

ALARM = 1e-9


def probabilities(variance, furthest):
    """The closed form; what is further out than ``furthest`` is less than a double tells."""
    mass = {x: math.exp(-x * x / (2 * float(variance))) for x in range(-furthest, furthest + 1)}
    total = math.fsum(mass.values())
    return {x: p / total for x, p in mass.items()}


def surprise(counts, expected):
    """The p-value of counts under probabilities, those below 20 expected put together."""
    draws = sum(counts.values())
    pairs, rare = [], [0, 0.0]
    for value, p in expected.items():
        if p * draws >= 20:
            pairs.append((counts[value], p * draws))
        else:
            rare = [rare[0] + counts[value], rare[1] + p * draws]
    known = sum(count for count, _ in pairs) + rare[0]
    assert known == draws, "a draw is further out than what can be"
    if rare[1] > 1:
        pairs.append(tuple(rare))
    statistic = sum((seen - wanted) ** 2 / wanted for seen, wanted in pairs)
    return chi2.sf(statistic, len(pairs) - 1)


@pytest.mark.slow
@pytest.mark.parametrize("variance", [Fraction(1, 10), Fraction(1, 2), 1, Fraction(9, 4), 10, 400])
def test_draws_are_as_frequent_as_the_closed_form_says(variance):
    drawn = sample(variance, 30_000)
    expected = probabilities(variance, furthest=40 * (math.isqrt(math.ceil(variance)) + 1))
    assert surprise(Counter(drawn), expected) > ALARM


@pytest.mark.slow
def test_counting_tells_another_variance():
    drawn = sample(10, 30_000)
    assert surprise(Counter(drawn), probabilities(11, furthest=200)) < ALARM


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [Fraction(0), Fraction(1, 3), Fraction(1), Fraction(5, 2), Fraction(7)])
def test_bernoulli_has_the_probability_of_an_exponential(exponent):
    draws = 30_000
    hits = sum(discrete_gaussian._bernoulli_exp(exponent.numerator, exponent.denominator) for _ in range(draws))
    p = math.exp(-exponent)
    assert binom.cdf(hits, draws, p) > ALARM
    assert binom.sf(hits - 1, draws, p) > ALARM


@pytest.mark.slow
@pytest.mark.parametrize("log2_sigma", [50, 62])
def test_draws_of_the_size_in_use_have_the_spread_and_symmetry_of_a_normal_distribution(log2_sigma):
    sigma = 1 << log2_sigma
    drawn = sample(sigma * sigma, 10_000)
    squares = math.fsum((x / sigma) ** 2 for x in drawn)
    assert ALARM < chi2.cdf(squares, len(drawn)) < 1 - ALARM
    assert ALARM < binom.cdf(sum(x > 0 for x in drawn), len(drawn), 0.5) < 1 - ALARM
    # the lowest bits are as good as uniform
    assert ALARM < binom.cdf(sum(x & 1 for x in drawn), len(drawn), 0.5) < 1 - ALARM


@settings(max_examples=30)
@given(
    variance=st.one_of(st.integers(1, 1 << 130), st.fractions(min_value=Fraction(1, 50), max_value=1000)),
    count=st.integers(0, 5),
)
def test_no_component_reaches_the_limit(variance, count):
    below = 3 * (math.isqrt(math.ceil(variance)) + 1)
    drawn = sample(variance, count, below=below)
    assert len(drawn) == count
    assert all(abs(x) < below for x in drawn)


@pytest.mark.slow
def test_what_is_drawn_anew_is_the_whole_vector():
    """Given that no component reaches the limit, both are independent, each as often as its own share says."""
    drawn = sample(1, 2, below=4)
    assert len(drawn) == 2
    pairs = Counter(tuple(sample(1, 2, below=4)) for _ in range(20_000))
    inside = {x: p for x, p in probabilities(1, 40).items() if abs(x) < 4}
    total = sum(inside.values())
    expected = {(x, y): p * q / total**2 for x, p in inside.items() for y, q in inside.items()}
    assert surprise(pairs, expected) > ALARM


@pytest.mark.parametrize("variance", [Fraction(1, 2), 3, 100])
def test_the_bound_on_the_tail_holds_and_is_of_its_size(variance):
    exact = probabilities(variance, furthest=400)
    for below in range(1, 30):
        beyond = sum(p for x, p in exact.items() if abs(x) >= below)
        assert beyond <= tail(variance, 1, below) * (1 + 1e-12)
    eight = 8 * (1 << 50)
    assert 2e-15 > tail(1 << 100, 1, eight) > 1e-15
    assert tail(1 << 100, 496, eight) == pytest.approx(496 * tail(1 << 100, 1, eight))


@pytest.mark.parametrize(("variance", "count", "below"), [(0, 1, None), (-1, 1, None), (100, 5, 3), (100, 1, 0)])
def test_a_variance_or_limit_that_makes_no_sense_is_refused(variance, count, below):
    with pytest.raises(InputError, match=r"discrete Gaussian has|limit of the noise"):
        sample(variance, count, below=below)
