"""`twopm-zk demo` with everything logged at level DEBUG, on rows that nobody can guess, and every secret written down.

    python debugged_demo.py '{"rows": SEED, "known": FILE, "plant": "", "words": ["--out", ...]}'

``known`` gets a line in hexadecimal for each secret as soon as it is there: what is drawn, what opens a commitment,
what masks are made of and they themselves, keys of messages, and numbers of witnesses that nothing public tells.
"""

import http.client
import json
import logging
import os
import random
import secrets
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
SPECTOR_ROWS = 32
WIRES = 40
"""Of each witness, drawn from those that look like chance and are neither public nor an input."""
LEAST = 1 << 64


def rows(seed, count=SPECTOR_ROWS):
    """Rows of the columns of Spector-Mazzeo with all the digits of a double."""
    drawn = np.random.default_rng(seed)
    return drawn.uniform((2, 12, 0), (4, 30, 1), (count, 3)), drawn.integers(0, 2, count)


def asked(seed):
    """The row that is asked about."""
    return dict(zip(("GPA", "TUCE", "PSI"), rows(seed + 1, 1)[0][0].tolist(), strict=True))


class Known:
    """Where secrets are written down, by a descriptor that outlives any kill."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, values):
        lines = "".join(f"{abs(value):x}\n" for value in values if abs(value) >= LEAST)
        if lines:
            os.write(self._file, lines.encode())

    def tell(self, values):
        """Write down what is public, and in a witness too."""
        os.write(self._file, "".join(f"public {value:x}\n" for value in values).encode())

    def drawing(self, function):
        """A function that draws a number; some are one more than what was drawn."""

        def draws(*arguments):
            value = function(*arguments)
            self.write([value, value + 1])
            return value

        return draws


def is_like_chance(value, size):
    """Whether a scalar has so many bytes, its negative too, and most of them differ: packed and negative numbers of few
    bits, and counts, are found anywhere."""
    lengths = [(one.bit_length() + 7) // 8 for one in (value, FIELD_ORDER - abs(value))]
    return min(lengths) >= size and len(set(abs(value).to_bytes(32, "big"))) >= size * 2 // 3


def replace_everywhere(original, other):
    """Wherever our modules have a function by any name."""
    places = [
        (module, name)
        for module in list(sys.modules.values())
        if (module.__name__ or "").startswith("twopm_zk")
        for name, value in list(vars(module).items())
        if value is original
    ]
    assert places, original
    for module, name in places:
        setattr(module, name, other)


def listen(known):
    """Write down what our modules make of what is drawn."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    from twopm_zk.circuit.witness import calculate_witness
    from twopm_zk.numbers.pedersen import commit
    from twopm_zk.participants import envelope, records
    from twopm_zk.sharing.masks import masked, pair_mask

    class Keys:
        from_private_bytes = X25519PrivateKey.from_private_bytes

        @staticmethod
        def generate():
            key = X25519PrivateKey.generate()
            known.write([int.from_bytes(key.private_bytes_raw(), "big")])
            return key

    def witness(circuit, inputs, **options):
        calculated = calculate_witness(circuit, inputs, **options)
        if circuit.name.partition("-")[0] in (
            "step",
            "information",
            "evaluate",
            "predict",
        ):  # others are of public sums
            told = {*calculated.public, *_numbers(inputs.values())}
            large = [value for value in calculated.values if is_like_chance(value, 30) and value not in told]
            known.write(random.sample(large, min(WIRES, len(large))))
        return calculated

    def mask(seed, size):
        made = pair_mask(seed, size)
        known.write([int.from_bytes(seed, "big"), *made])
        return made

    def committed(*arguments):
        point = commit(*arguments)
        known.tell(point)  # it is handed in with the update
        return point

    def share(address, opening, masks):
        known.write(scalar for scalar in opening if is_like_chance(scalar, 12))
        return masked(address, opening, masks)

    envelope.X25519PrivateKey = records.X25519PrivateKey = Keys
    for original, other in (
        (calculate_witness, witness),
        (pair_mask, mask),
        (masked, share),
        (commit, committed),
    ):
        replace_everywhere(original, other)


def _numbers(values):
    for value in values:
        if isinstance(value, list | tuple):
            yield from _numbers(value)
        else:
            yield int(value)


PLANTED = {
    "a witness in a temporary file": lambda values: Path(tempfile.mkstemp()[1]).write_bytes(
        b"".join(value.to_bytes(32, "little") for value in values)
    ),
    "a witness in a log": lambda values: logging.getLogger("planted").debug("witness %s", values),
}
"""Bugs that the search has to notice."""


def plant(bug):
    from twopm_zk.plonk import proving

    prove = proving.prove

    def proves(keys, witness, **options):
        PLANTED[bug](list(witness.values))
        return prove(keys, witness, **options)

    replace_everywhere(prove, proves)


def main(options):
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, force=True)
    logging.captureWarnings(True)
    logging.getLogger("debugged").debug("logging at level DEBUG")
    http.client.HTTPConnection.debuglevel = 1  # prints what is sent, too
    known = Known(options["known"])
    secrets.randbelow = known.drawing(secrets.randbelow)

    import twopm_zk.cli.demo
    from twopm_zk import cli
    from twopm_zk.demo import demonstration, predictions
    from twopm_zk.rows.tables import Table, load_spector

    features, labels = rows(options["rows"])
    replace_everywhere(load_spector, lambda: Table(load_spector().names, features, labels))
    assert demonstration.load_spector().features is features
    predictions.ROW = asked(options["rows"])
    listen(known)
    if options["plant"]:
        plant(options["plant"])
    assert twopm_zk.cli.demo
    sys.argv = ["twopm-zk", "demo", *options["words"]]
    cli.main()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
