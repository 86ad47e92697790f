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
        self.key_points = list(zip(coordinates[::2], coordinates[1::2], strict=True))
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

    def prove(self, b):
        """Proof with blinding scalars b[1] ... b[11]."""
        n, w, k1, k2, zh = self.n, self.w, self.k1, self.k2, self.vanishing
        points = {}
        wires = []
        for i, name in enumerate("ABC"):
            blinded = multiply([b[2 * i + 2], b[2 * i + 1]], zh)
            wires.append(add(self.interpolate(self.rows[i]), blinded))
            points[name] = self.commit(wires[i])
        beta = challenge(*self.key_points, *self.inputs, points["A"], points["B"], points["C"])
        gamma = challenge(beta)

        accumulator = [1]
        for i in range(n - 1):
            x = pow(w, i, R)
            above = below = 1
            for j, k in enumerate((1, k1, k2)):
                above = above * (self.rows[j][i] + beta * k * x + gamma) % R
                below = below * (self.rows[j][i] + beta * evaluate(self.s[j], x) + gamma) % R
            accumulator.append(accumulator[-1] * above * pow(below, -1, R) % R)
        z = add(self.interpolate(accumulator), multiply([b[9], b[8], b[7]], zh))
        points["Z"] = self.commit(z)
        alpha = challenge(beta, gamma, points["Z"])

        qm, ql, qr, qo, qc = self.q
        public = self.interpolate([-v % R for v in self.inputs] + [0] * (n - self.public))
        wa, wb, wc = wires
        gate = add(multiply(multiply(wa, wb), qm), multiply(wa, ql), multiply(wb, qr), multiply(wc, qo), public, qc)
        identity, sigma = z, [c * pow(w, i, R) % R for i, c in enumerate(z)]
        for j, k in enumerate((1, k1, k2)):
            identity = multiply(identity, add(wires[j], [gamma, beta * k]))
            sigma = multiply(sigma, add(wires[j], scale(self.s[j], beta), [gamma]))
        first = self.interpolate([1] + [0] * (n - 1))
        start = multiply(add(z, [R - 1]), first)
        numerator = add(gate, scale(identity, alpha), scale(sigma, -alpha), scale(start, alpha * alpha))
        t = divide(numerator, zh)
        t += [0] * (3 * n + 6 - len(t))
        parts = [
            add(t[:n], [0] * n + [b[10]]),
            add(t[n : 2 * n], [-b[10]] + [0] * (n - 1) + [b[11]]),
            add(t[2 * n :], [-b[11]]),
        ]
        for i, part in enumerate(parts):
            points[f"T{i + 1}"] = self.commit(part)
        xi = challenge(alpha, points["T1"], points["T2"], points["T3"])

        a, bb, c = (evaluate(p, xi) for p in wires)
        s1, s2 = evaluate(self.s[0], xi), evaluate(self.s[1], xi)
        zw = evaluate(z, xi * w % R)
        v = challenge(xi, a, bb, c, s1, s2, zw)

        xn = pow(xi, n, R)
        r = add(scale(qm, a * bb), scale(ql, a), scale(qr, bb), scale(qo, c), qc, [evaluate(public, xi)])
        factor = (a + beta * xi + gamma) * (bb + beta * k1 * xi + gamma) * (c + beta * k2 * xi + gamma)
        r = add(r, scale(z, alpha * factor))
        factor = alpha * (a + beta * s1 + gamma) * (bb + beta * s2 + gamma) * zw
        r = add(r, scale(add(scale(self.s[2], beta), [c + gamma]), -factor))
        r = add(r, scale(add(z, [-1]), alpha * alpha * evaluate(first, xi)))
        for i, part in enumerate(parts):
            r = add(r, scale(part, -(xn - 1) * pow(xn, i, R)))
        assert evaluate(r, xi) == 0
        opened = [(r, 0), (wa, a), (wb, bb), (wc, c), (self.s[0], s1), (self.s[1], s2)]
        total = add(*(scale(add(p, [-value]), pow(v, i, R)) for i, (p, value) in enumerate(opened)))
        points["Wxi"] = self.commit(divide(total, [-xi % R, 1]))
        points["Wxiw"] = self.commit(divide(add(z, [-zw]), [-xi * w % R, 1]))
        evaluations = {"eval_a": a, "eval_b": bb, "eval_c": c, "eval_s1": s1, "eval_s2": s2, "eval_zw": zw}
        return points, evaluations
