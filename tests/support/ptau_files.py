"""Powers-of-tau files with a tau of one's own, as a small ceremony would leave them; the tau of development files."""

import hashlib

from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.plonk.ptau import PtauSection, insecure_ptau, read_ptau
from twopm_zk.plonk.zkey import root_of_unity

SENTENCE = b"twopm-zk INSECURE development powers of tau: anyone can forge proofs under these keys"
INSECURE_TAU = int.from_bytes(hashlib.sha512(SENTENCE).digest(), "big") % FIELD_ORDER
_MONTGOMERY = 1 << 256


def write_ptau(path, power, tau):
    """A file like the development one of ``power``, with another ``tau``; its path."""
    from py_ecc.optimized_bn128 import G1, G2, multiply, normalize

    model = insecure_ptau(power)
    whole, sections = bytearray(model.read_bytes()), read_ptau(model).file.sections
    scalars = [pow(tau, index, FIELD_ORDER) for index in range(2 ** (power + 1) - 1)]
    lagrange = [value for smaller in range(power + 1) for value in _lagrange(smaller, tau)]
    for number, values in ((PtauSection.TAU_G1, scalars), (PtauSection.LAGRANGE, lagrange)):
        points = b"".join(_bytes(*map(int, normalize(multiply(G1, value))[:2])) for value in values)
        _put(whole, sections[number], points)
    twists = [normalize(multiply(G2, value))[:2] for value in (1, tau)]
    _put(whole, sections[PtauSection.TAU_G2], b"".join(_bytes(*map(int, x.coeffs + y.coeffs)) for x, y in twists))
    path.write_bytes(whole)
    return path


def _lagrange(power, tau):
    n, root = 1 << power, root_of_unity(power)
    for index in range(n):
        w = pow(root, index, FIELD_ORDER)
        yield w * (pow(tau, n, FIELD_ORDER) - 1) * pow(n * (tau - w), -1, FIELD_ORDER) % FIELD_ORDER


def _bytes(*coordinates):
    return b"".join((value * _MONTGOMERY % BASE_FIELD_ORDER).to_bytes(32, "little") for value in coordinates)


def _put(whole, section, content):
    assert len(content) == section.size
    whole[section.offset : section.offset + section.size] = content
