"""Rows from an exact update: the attack that makes openings of single nodes unacceptable.

An update is g = sum over rows of R_i x_i, with x_i small integers (a row's features, then 2^frac_bits for the
intercept) and R_i the exact residuals, 172 bits each and each one of 2^18 numbers, since the sigmoid takes 16 bits and
the label one. With fewer rows than columns:

1. Short integer vectors orthogonal to g are orthogonal to every row: any other one u has sum of R_i (u . x_i) = 0 with
   not all u . x_i = 0, which takes numbers of 172 / (rows - 1) bits. Lattice reduction finds a basis of them.
2. What is orthogonal to those again is the lattice that the rows span; reduce it to B. Then g = sum of r_j B_j.
3. Rows and B are small combinations of each other, so every residual is a small combination of the r_j: look each one
   up among the 2^18. The combinations found are, transposed and inverted, the rows.

Phong Nguyen, Jacques Stern, "The hardness of the hidden subset sum problem and its cryptographic implications",
CRYPTO 1999, has steps 1 and 2.
"""

from fractions import Fraction
from functools import cache
from math import lcm

import numpy as np

from twopm_zk.numbers import sigmoid
from twopm_zk.statements.step import StepShape, exact_gradient

TRIED = 400_000
"""At most so many combinations are looked up."""
LARGEST_DIVISOR = 6
"""Few rows of few columns may span a part of the lattice only, one in so many of its points."""


def recover_rows(shape: StepShape, weights, gradient, rows):
    """The rows of an exact update, as (features, label) in ascending order, or None.

    ``gradient`` are its integers, intercept last; ``rows`` is how many there are. A result adds up to the very same
    update. Rows whose sigmoid saturates, or is the same for two of them, are not found.
    """
    size = len(gradient)
    if rows >= size or not any(gradient):
        return None
    orthogonal = kernel([list(gradient)], size)[: size - rows]
    largest = size * shape.format.bias**2  # of a row's square
    if any(dot(vector, vector) > 4**size * largest**rows for vector in orthogonal):
        return None  # rows would have shorter ones
    basis = kernel(orthogonal, size)
    if len(basis) != rows:
        return None
    parts = coordinates(basis, gradient)
    if parts is None:
        return None
    combinations = residual_combinations(parts)
    if len(combinations) != rows:
        return None
    found = rows_of(combinations, basis)
    if found is None:
        return None
    signs = [1 if row[-1] > 0 else -1 for row in found]  # the negative of a residual is one too
    found = [[sign * value for value in row] for sign, row in zip(signs, found, strict=True)]
    if any(row[-1] != shape.format.one or not all(map(shape.format.holds, row[:-1])) for row in found):
        return None
    values = [sign * int(dot(combination, parts)) for sign, combination in zip(signs, combinations, strict=True)]
    features = [row[:-1] for row in found]
    labels = labels_of(shape, weights, features, values)
    again = exact_gradient(shape, weights, np.array(features, dtype=np.int64), np.array(labels))
    if list(again) != list(gradient):
        return None
    return sorted(zip(map(tuple, features), labels, strict=True))


def residual_combinations(parts):
    """Small rational combinations of ``parts`` that are the residual of some row; of each and its negative, one."""
    largest = int((TRIED ** (1 / len(parts)) - 1) / 2)
    factors = np.arange(-largest, largest + 1)
    grid = np.stack(np.meshgrid(*[factors] * len(parts), indexing="ij"), axis=-1).reshape(-1, len(parts))
    grid = grid[len(grid) // 2 + 1 :]  # the first number that is not 0 is positive
    low = grid.astype(np.uint64) @ np.array([part % (1 << 64) for part in parts], dtype=np.uint64)  # modulo 2^64
    found = []
    for divisor in range(1, LARGEST_DIVISOR + 1 if len(parts) < 4 else 2):
        multiples = multiples_modulo_2_64(divisor)
        places = np.minimum(np.searchsorted(multiples, low), len(multiples) - 1)
        for row in grid[multiples[places] == low]:
            combination = [Fraction(int(factor), divisor) for factor in row]
            if lcm(*(factor.denominator for factor in combination)) != divisor:
                continue  # it was looked up before
            if dot(combination, parts) in residuals():
                found.append(combination)
        if len(found) >= len(parts):
            break
    return found


@cache
def residuals():
    """Every residual that an unsaturated row can have."""
    table = sigmoid.polynomial_table()
    half = 1 << sigmoid.SCALE_BITS
    return frozenset(mark * half + sign * value for value in table for mark in (1, -1) for sign in (1, -1))


@cache
def multiples_modulo_2_64(divisor):
    """Of every residual, ascending."""
    return np.sort(np.fromiter((value % (1 << 64) for value in residuals()), dtype=np.uint64) * np.uint64(divisor))


def rows_of(combinations, basis):
    """The rows x_i for which r = A^T R and x = A B, from R = D r: A is D inverted and transposed."""
    inverse = inverted(combinations)
    if inverse is None:
        return None
    rows = [[dot(row, column) for column in zip(*basis, strict=True)] for row in zip(*inverse, strict=True)]
    return [[int(value) for value in row] for row in rows] if all(map(is_whole, rows)) else None


def is_whole(row):
    return all(value.denominator == 1 for value in row)


def labels_of(shape, weights, features, values):
    """1 where a residual is that of a positive row."""
    labels = []
    for row, value in zip(features, values, strict=True):
        z = dot([*row, shape.format.one], weights)
        numerator = sigmoid.sigmoid_numerator(z, z_frac_bits=shape.z_frac_bits)
        labels.append(int(value == numerator - (1 << sigmoid.SCALE_BITS)))
    return labels


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def coordinates(basis, vector):
    """The integers that make ``vector`` of the basis, or None."""
    gram = [[Fraction(dot(a, b)) for b in basis] for a in basis]
    inverse = inverted(gram)
    if inverse is None:
        return None
    sides = [dot(row, vector) for row in basis]
    found = [dot(row, sides) for row in inverse]
    if any(value.denominator != 1 for value in found):
        return None
    found = [int(value) for value in found]
    combined = [dot(found, column) for column in zip(*basis, strict=True)]
    return found if combined == list(vector) else None


def inverted(matrix):
    """By elimination, or None."""
    size = len(matrix)
    work = [[*row, *(Fraction(int(i == k)) for k in range(size))] for i, row in enumerate(matrix)]
    for k in range(size):
        pivot = next((i for i in range(k, size) if work[i][k]), None)
        if pivot is None:
            return None
        work[k], work[pivot] = work[pivot], work[k]
        work[k] = [value / work[k][k] for value in work[k]]
        for i in range(size):
            if i != k and work[i][k]:
                factor = work[i][k]
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return [row[size:] for row in work]


def kernel(vectors, size):
    """A reduced basis of the integer vectors that are orthogonal to all of ``vectors``, the shortest first."""
    scale = 1 << (max(abs(value) for vector in vectors for value in vector).bit_length() + 3 * size)
    lattice = [[*(int(i == k) for k in range(size)), *(scale * vector[i] for vector in vectors)] for i in range(size)]
    reduced = [row for row in reduce(lattice) if not any(row[size:])]
    return sorted((row[:size] for row in reduced), key=lambda row: dot(row, row))


def reduce(basis):
    """Lenstra, Lenstra and Lovasz in exact integers: Cohen, "A Course in Computational Algebraic Number Theory",
    algorithm 2.6.7, with d_i and lambda_ij in place of fractions."""
    b = [list(row) for row in basis]
    n = len(b)
    d = [1] + [0] * n
    lam = [[0] * n for _ in range(n)]
    d[1] = dot(b[0], b[0])
    k, most = 1, 0

    def size_reduce(k, j):
        if 2 * abs(lam[k][j]) <= d[j + 1]:
            return
        q = (2 * lam[k][j] + d[j + 1]) // (2 * d[j + 1])
        b[k] = [x - q * y for x, y in zip(b[k], b[j], strict=True)]
        lam[k][j] -= q * d[j + 1]
        for i in range(j):
            lam[k][i] -= q * lam[j][i]

    while k < n:
        if k > most:
            most = k
            for j in range(k + 1):
                u = dot(b[k], b[j])
                for i in range(j):
                    u = (d[i + 1] * u - lam[k][i] * lam[j][i]) // d[i]
                if j < k:
                    lam[k][j] = u
                else:
                    d[k + 1] = u
        size_reduce(k, k - 1)
        if 4 * d[k + 1] * d[k - 1] < 3 * d[k] ** 2 - 4 * lam[k][k - 1] ** 2:
            b[k], b[k - 1] = b[k - 1], b[k]
            for j in range(k - 1):
                lam[k][j], lam[k - 1][j] = lam[k - 1][j], lam[k][j]
            value = lam[k][k - 1]
            middle = (d[k - 1] * d[k + 1] + value * value) // d[k]
            for i in range(k + 1, most + 1):
                t = lam[i][k]
                lam[i][k] = (d[k + 1] * lam[i][k - 1] - value * t) // d[k]
                lam[i][k - 1] = (middle * t + value * lam[i][k]) // d[k + 1]
            d[k] = middle
            k = max(1, k - 1)
        else:
            for j in range(k - 2, -1, -1):
                size_reduce(k, j)
            k += 1
    return b
