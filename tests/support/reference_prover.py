"""PLONK in plain integers, from the paper (ePrint 2019/953, section 8.3) and a proving key's tables.

Written without looking at the Rust prover, for domains of a few rows: polynomials are lists of coefficients,
products and divisions are those of school. The tau of development files is public, so that a commitment is py_ecc's
generator times the value there; that the key's points are the powers of this tau is checked for some of them.
"""

import struct

from eth_hash.auto import keccak
from py_ecc import optimized_bn128 as bn
from support.ptau_files import INSECURE_TAU

from twopm_zk.numbers.field import BASE_FIELD_ORDER
from twopm_zk.numbers.field import FIELD_ORDER as R

SCALAR_INVERSE = pow(1 << 256, -1, R)
BASE_INVERSE = pow(1 << 256, -1, BASE_FIELD_ORDER)


def sections(path):
    content = path.read_bytes()
    position, result = 12, {}
    while position < len(content):
        number, length = struct.unpack_from("<IQ", content, position)
        result[number] = content[position + 12 : position + 12 + length]
        position += 12 + length
    return result


def numbers(content, inverse=1, modulus=R):
    cut = (content[at : at + 32] for at in range(0, len(content), 32))
    return [int.from_bytes(piece, "little") * inverse % modulus for piece in cut]


def words(content):
    return [word for (word,) in struct.iter_unpack("<I", content)]


# Polynomials: coefficients, lowest first.


def add(*polynomials):
    size = max(map(len, polynomials))
    return [sum(p[i] for p in polynomials if i < len(p)) % R for i in range(size)]


def scale(p, factor):
    return [c * factor % R for c in p]


def multiply(p, q):
    result = [0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            result[i + j] = (result[i + j] + a * b) % R
    return result


def evaluate(p, x):
    return sum(c * pow(x, i, R) for i, c in enumerate(p)) % R


def divide(p, divisor):
    rest, quotient = list(p), [0] * (len(p) - len(divisor) + 1)
    lead = pow(divisor[-1], -1, R)
    for i in reversed(range(len(quotient))):
        quotient[i] = rest[i + len(divisor) - 1] * lead % R
        for j, c in enumerate(divisor):
            rest[i + j] = (rest[i + j] - quotient[i] * c) % R
    assert not any(rest), "does not divide"
    return quotient


SELECTORS = ("Qm", "Ql", "Qr", "Qo", "Qc", "S1", "S2", "S3")
EVALUATIONS = ("eval_a", "eval_b", "eval_c", "eval_s1", "eval_s2", "eval_zw")
ROUNDS = {
    "beta": (*SELECTORS, "public", "A", "B", "C"),
    "gamma": ("beta",),
    "alpha": ("beta", "gamma", "Z"),
    "xi": ("alpha", "T1", "T2", "T3"),
    "v": ("xi", *EVALUATIONS),
    "u": ("Wxi", "Wxiw"),
}
"""What each challenge absorbs, in order."""


def challenge(*parts):
    """Keccak-256 over big-endian numbers; points give two."""
    flat = [n for part in parts for n in (part if isinstance(part, tuple) else (part,))]
    return int.from_bytes(keccak(b"".join(n.to_bytes(32, "big") for n in flat)), "big") % R


class Prover:
    def __init__(self, zkey, witness):
        part = sections(zkey)
        head = part[2]
        _, self.public, self.n, additions, gates = struct.unpack_from("<5I", head, 72)
        self.k1, self.k2 = numbers(head[92:156], SCALAR_INVERSE)
        coordinates = numbers(head[156:668], BASE_INVERSE, BASE_FIELD_ORDER)
        self.key_points = dict(zip(SELECTORS, zip(coordinates[::2], coordinates[1::2], strict=True), strict=True))
        tau = numbers(part[14], BASE_INVERSE, BASE_FIELD_ORDER)
        powers = list(zip(tau[::2], tau[1::2], strict=True))
        for index in {0, 1, 2, len(powers) // 2, len(powers) - 1}:
            assert powers[index] == self.commit([0] * index + [1])
        self.w = pow(5, (R - 1) // self.n, R)
        values = [0, *numbers(sections(witness)[2])[1:]]
        self.inputs = values[1 : self.public + 1]
        for at in range(0, 72 * additions, 72):
            a, b = words(part[3][at : at + 8])
            f, g = numbers(part[3][at + 8 : at + 72], SCALAR_INVERSE)
            values.append((f * values[a] + g * values[b]) % R)
        rows = [[values[s] for s in words(part[4 + i])] for i in range(3)]
        self.rows = [row + [0] * (self.n - gates) for row in rows]
        """Values of the wires a, b, c, row by row."""
        size = 32 * self.n
        self.q = [numbers(part[7 + i][:size], SCALAR_INVERSE) for i in range(5)]
        self.s = [numbers(part[12][5 * i * size :][:size], SCALAR_INVERSE) for i in range(3)]
        self.vanishing = [R - 1] + [0] * (self.n - 1) + [1]

    def interpolate(self, values):
        w = pow(self.w, -1, R)
        inverse = pow(self.n, -1, R)
        return [sum(v * pow(w, i * j, R) for j, v in enumerate(values)) * inverse % R for i in range(self.n)]

    def commit(self, p):
        point = bn.multiply(bn.G1, evaluate(p, INSECURE_TAU))
        if bn.is_inf(point):
            return 0, 0
        x, y = bn.normalize(point)
        return x.n, y.n

    def prove(self, b, rounds=ROUNDS, **said):
        """Points and evaluations of a proof, with blinding scalars b[1] ... b[11].

        ``rounds`` may absorb other things than they should: any of `Run.said`, and those of ``said``.
        """
        run = Run(self, rounds)
        run.said |= said
        run.commit_wires(b)
        run.ask("beta")
        run.ask("gamma")
        accumulator = self.interpolate(run.accumulator())
        run.commit("Z", add(accumulator, multiply([b[9], b[8], b[7]], self.vanishing)))
        run.ask("alpha")
        run.commit_quotient(divide(run.numerator(), self.vanishing), b)
        run.ask("xi")
        run.evaluate()
        run.ask("v")
        assert evaluate(run.linearisation(), run.said["xi"]) == 0
        run.open()
        return run.proof()


class Run:
    """One proof in the making: polynomials by name, and what was said and asked so far. The tests forge with it."""

    def __init__(self, prover, rounds=ROUNDS, inputs=None, rows=None):
        self.prover, self.rounds = prover, rounds
        self.inputs = prover.inputs if inputs is None else inputs
        self.rows = prover.rows if rows is None else rows
        self.polynomials = {}
        self.said = {**prover.key_points, "public": tuple(self.inputs)}

    def commit(self, name, polynomial):
        self.polynomials[name] = polynomial
        self.said[name] = self.prover.commit(polynomial)

    def ask(self, name):
        self.said[name] = challenge(*(self.said[part] for part in self.rounds[name]))
        return self.said[name]

    def commit_wires(self, b):
        for i, name in enumerate("ABC"):
            blinded = multiply([b[2 * i + 2], b[2 * i + 1]], self.prover.vanishing)
            self.commit(name, add(self.prover.interpolate(self.rows[i]), blinded))

    def factors(self, i):
        """The two products of the permutation in row i: over the places of cells, and over where they are copied to."""
        prover, beta, gamma = self.prover, self.said["beta"], self.said["gamma"]
        x = pow(prover.w, i, R)
        above = below = 1
        for j, k in enumerate((1, prover.k1, prover.k2)):
            above = above * (self.rows[j][i] + beta * k * x + gamma) % R
            below = below * (self.rows[j][i] + beta * evaluate(prover.s[j], x) + gamma) % R
        return above, below

    def accumulator(self):
        values = [1]
        for i in range(self.prover.n - 1):
            above, below = self.factors(i)
            values.append(values[-1] * above * pow(below, -1, R) % R)
        return values

    def public_polynomial(self):
        return self.prover.interpolate([-v % R for v in self.inputs] + [0] * (self.prover.n - self.prover.public))

    def gate(self):
        """What the gates say, as a polynomial that a true witness makes zero on the domain."""
        qm, ql, qr, qo, qc = self.prover.q
        a, b, c = (self.polynomials[name] for name in "ABC")
        products = multiply(multiply(a, b), qm), multiply(a, ql), multiply(b, qr), multiply(c, qo)
        return add(*products, self.public_polynomial(), qc)

    def first(self):
        return self.prover.interpolate([1] + [0] * (self.prover.n - 1))

    def numerator(self):
        prover = self.prover
        beta, gamma, alpha = (self.said[name] for name in ("beta", "gamma", "alpha"))
        z = self.polynomials["Z"]
        identity, sigma = z, [c * pow(prover.w, i, R) % R for i, c in enumerate(z)]
        for j, k in enumerate((1, prover.k1, prover.k2)):
            wire = self.polynomials["ABC"[j]]
            identity = multiply(identity, add(wire, [gamma, beta * k]))
            sigma = multiply(sigma, add(wire, scale(prover.s[j], beta), [gamma]))
        start = multiply(add(z, [R - 1]), self.first())
        return add(self.gate(), scale(identity, alpha), scale(sigma, -alpha), scale(start, alpha * alpha))

    def commit_quotient(self, t, b):
        n = self.prover.n
        t = t + [0] * (3 * n + 6 - len(t))
        self.commit("T1", add(t[:n], [0] * n + [b[10]]))
        self.commit("T2", add(t[n : 2 * n], [-b[10]] + [0] * (n - 1) + [b[11]]))
        self.commit("T3", add(t[2 * n :], [-b[11]]))

    def evaluate(self):
        xi = self.said["xi"]
        opened = *(self.polynomials[name] for name in "ABC"), *self.prover.s[:2]
        for name, polynomial in zip(EVALUATIONS, opened, strict=False):
            self.said[name] = evaluate(polynomial, xi)
        self.said["eval_zw"] = evaluate(self.polynomials["Z"], xi * self.prover.w % R)

    def linearisation(self):
        """The polynomial r, which is zero at xi where the statement holds there."""
        qm, ql, qr, qo, qc = self.prover.q
        k1, k2, z = self.prover.k1, self.prover.k2, self.polynomials["Z"]
        beta, gamma, alpha, xi = (self.said[name] for name in ("beta", "gamma", "alpha", "xi"))
        a, b, c, s1, s2, zw = (self.said[name] for name in EVALUATIONS)
        xn = pow(xi, self.prover.n, R)
        public = evaluate(self.public_polynomial(), xi)
        r = add(scale(qm, a * b), scale(ql, a), scale(qr, b), scale(qo, c), qc, [public])
        factor = (a + beta * xi + gamma) * (b + beta * k1 * xi + gamma) * (c + beta * k2 * xi + gamma)
        r = add(r, scale(z, alpha * factor))
        factor = alpha * (a + beta * s1 + gamma) * (b + beta * s2 + gamma) * zw
        r = add(r, scale(add(scale(self.prover.s[2], beta), [c + gamma]), -factor))
        r = add(r, scale(add(z, [-1]), alpha * alpha * evaluate(self.first(), xi)))
        for i in range(3):
            r = add(r, scale(self.polynomials[f"T{i + 1}"], -(xn - 1) * pow(xn, i, R)))
        return r

    def batch(self):
        """What is opened at xi, joined by powers of v, less the values that it is said to have there."""
        opened = self.linearisation(), *(self.polynomials[name] for name in "ABC"), *self.prover.s[:2]
        values = 0, *(self.said[name] for name in EVALUATIONS[:5])
        v = self.said["v"]
        return add(
            *(scale(add(p, [-value]), pow(v, i, R)) for i, (p, value) in enumerate(zip(opened, values, strict=True)))
        )

    def open(self):
        xi, next_xi = self.said["xi"], self.said["xi"] * self.prover.w % R
        self.commit("Wxi", divide(self.batch(), [-xi % R, 1]))
        self.commit("Wxiw", divide(add(self.polynomials["Z"], [-self.said["eval_zw"]]), [-next_xi % R, 1]))

    def proof(self):
        points = ("A", "B", "C", "Z", "T1", "T2", "T3", "Wxi", "Wxiw")
        return {name: self.said[name] for name in points}, {name: self.said[name] for name in EVALUATIONS}
