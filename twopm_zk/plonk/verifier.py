"""PLONK verification in the paper's notation (Gabizon, Williamson, Ciobotaru: ePrint 2019/953, section 8.3).

For reading and as an independent judge of the other verifiers: plain Python on py_ecc, a fifth of a second
a proof, and not constant-time (a verifier has no secrets). The numbers in comments are the steps of the
verifier algorithm in section 8.3. Where snarkjs differs in form, the result is the same:

* t(X) is committed in three parts, T1 + xi^n T2 + xi^2n T3;
* its k1, k2 are 2 and 3, and xi is the paper's zeta;
* gates are  qM a b + qL a + qR b + qO c + qC + PI = 0  with  PI(X) = -sum_i w_i L_i(X).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twopm_zk.numbers.bn254 import G1_GENERATOR, G2_GENERATOR, pairings_cancel
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.plonk.proof import require_public
from twopm_zk.plonk.transcript import challenges

if TYPE_CHECKING:
    from twopm_zk.numbers.bn254 import G1Point
    from twopm_zk.plonk.proof import Proof, VerificationKey


def verify(vk: VerificationKey, public: list[int], proof: Proof) -> bool:
    """Whether ``proof`` shows the circuit of ``vk`` for these public inputs.

    The types guarantee steps 1 and 2 (points on the curve, evaluations in the field). Raises
    ProofFormatError for another number of public inputs than the key has, and for one outside
    [0, FIELD_ORDER): such an alias would otherwise prove the statement of ``value % FIELD_ORDER``.
    """
    require_public(vk, public)  # 3
    p, n = FIELD_ORDER, 1 << vk.power
    a, b, c = proof.eval_a, proof.eval_b, proof.eval_c
    s1, s2, zw = proof.eval_s1, proof.eval_s2, proof.eval_zw
    h = challenges(vk, public, proof)  # 4
    beta, gamma, alpha, xi, v, u = h.beta, h.gamma, h.alpha, h.xi, h.v, h.u

    zh = (pow(xi, n, p) - 1) % p  # 5: the vanishing polynomial at xi
    if zh == 0:
        return False  # xi fell into the domain: happens to no honest prover
    lagrange = _lagrange_at(xi, zh, vk.w, n, max(1, vk.public))  # 6
    pi = -sum(w * at_xi for w, at_xi in zip(public, lagrange, strict=False)) % p  # 7

    # 8: the constant part of the linearisation polynomial r
    copied = (a + beta * s1 + gamma) * (b + beta * s2 + gamma) * alpha % p
    r0 = (pi - lagrange[0] * alpha**2 - copied * (c + gamma) * zw) % p

    # 9: [D], the rest of r, plus u [z]
    identity = (a + beta * xi + gamma) * (b + beta * vk.k1 * xi + gamma) * (c + beta * vk.k2 * xi + gamma)
    D = [
        (a * b, vk.Qm),
        (a, vk.Ql),
        (b, vk.Qr),
        (c, vk.Qo),
        (1, vk.Qc),
        (identity * alpha + lagrange[0] * alpha**2 + u, proof.Z),
        (-copied * beta * zw, vk.S3),
        (-zh, proof.T1),
        (-zh * (zh + 1), proof.T2),
        (-zh * (zh + 1) ** 2, proof.T3),
    ]
    # 10: [F], all that is opened, batched by powers of v
    F = [*D, (v, proof.A), (v**2, proof.B), (v**3, proof.C), (v**4, vk.S1), (v**5, vk.S2)]
    # 11: [E], the values it must open to
    e = -r0 + v * a + v**2 * b + v**3 * c + v**4 * s1 + v**5 * s2 + u * zw

    # 12: e(Wxi + u Wxiw, [tau]_2) = e(xi Wxi + u xi w Wxiw + F - E, [1]_2)
    left = _sum((-1, proof.Wxi), (-u, proof.Wxiw))
    right = _sum((xi, proof.Wxi), (u * xi * vk.w, proof.Wxiw), *F, (-e, G1_GENERATOR))
    return pairings_cancel((vk.X_2, left), (G2_GENERATOR, right))


def _lagrange_at(xi: int, zh: int, w: int, n: int, count: int) -> list[int]:
    """L_i(xi) = w^i (xi^n - 1) / (n (xi - w^i)) for i < count."""
    values, root = [], 1
    for _ in range(count):
        values.append(root * zh * pow(n * (xi - root), -1, FIELD_ORDER) % FIELD_ORDER)
        root = root * w % FIELD_ORDER
    return values


def _sum(*terms: tuple[int, G1Point]) -> Any:
    """Sum of scalar times point, as a py_ecc point: all are doubled at once, bit by bit (Straus)."""
    from py_ecc.optimized_bn128 import FQ, Z1, add, double

    points = [(scalar % FIELD_ORDER, (FQ(x), FQ(y), FQ(1))) for scalar, (x, y) in terms if (x, y) != (0, 0)]
    total = Z1
    for bit in reversed(range(FIELD_ORDER.bit_length())):
        total = double(total)
        for scalar, point in points:
            if scalar >> bit & 1:
                total = add(total, point)
    return total
