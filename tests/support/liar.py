"""The prover's side of circuits once more, in Python, so that a liar can compute every signal from false hints.

Then only the constraint that is meant to stop it is left to do so, and a test sees which one that was.
"""

from functools import cache

from twopm_zk.circuit.soundness.equations import equations, value_of
from twopm_zk.circuit.witness import Witness, calculate_witness
from twopm_zk.errors import WitnessError
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, add, multiply, negate
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.pedersen import blinding_generator, generators, rows_generator, start_point

HALF = (SUBGROUP_ORDER + 1) // 2


def inverse(value):
    return pow(value, -1, FIELD_ORDER)


def montgomery(point):
    u = (1 + point.y) * inverse(1 - point.y) % FIELD_ORDER
    return u, u * inverse(point.x) % FIELD_ORDER


def digit_table(point):
    """As DIGIT_TABLE of the circuit: d times the point is (t0 + t1 m, d (t2 + t3 m))."""
    (u1, v1), (u3, v3) = montgomery(point), montgomery(multiply(point, 3))
    third = v3 * inverse(3)
    return u3, u1 - u3, third, v1 - third


@cache
def digit_tables(point, digits):
    """The tables of a point, four times it and so on: the points are the same for every lie."""
    tables = []
    for _ in range(digits):
        tables.append(digit_table(point))
        point = multiply(point, 4)
    return tuple(tables)


def base_4(scalar, digits):
    """Digits of a signed scalar as PedersenPoint has them: 0 to 3, of the scalar and half of the range."""
    biased = scalar + 4**digits // 2
    return [biased >> (2 * place) & 3 for place in range(digits)]


@cache
def halves(unit, count):
    points = (*generators(unit, count), rows_generator(unit, count), blinding_generator())
    return [multiply(point, HALF) for point in points]


def pedersen_signals(unit, biased_digits, *, start=None, slopes=None):
    """Every signal of PedersenPoint, for base-4 ``biased_digits`` of each scalar, whatever they are.

    ``slopes`` replaces single slopes. Where two u are equal the slope is 0 unless it is given.
    """
    start = start or start_point()
    multiples = halves(unit, len(biased_digits) - 2)
    at = start
    for half in multiples:
        at = add(at, negate(half))
    last_u, last_v = montgomery(at)
    made, index = {}, 0

    def line(U, V):
        nonlocal last_u, last_v, index
        slope = (V - last_v) * inverse(U - last_u) if (U - last_u) % FIELD_ORDER else 0
        slope = (slopes or {}).get(index, slope) % FIELD_ORDER
        intercept = (V - slope * U) % FIELD_ORDER
        made[f"slope[{index}]"], made[f"intercept[{index}]"] = slope, intercept
        last_u = (slope * slope - 168698 - last_u - U) % FIELD_ORDER
        last_v = -(slope * last_u + intercept) % FIELD_ORDER
        index += 1
        return slope

    for half, digits in zip(multiples, biased_digits, strict=True):
        for digit, (t0, t1, t2, t3) in zip(digits, digit_tables(half, len(digits)), strict=True):
            product = digit * (digit - 3) % FIELD_ORDER
            one = -product * inverse(2)
            U = t0 + t1 * one
            made[f"digit[{index}]"], made[f"product[{index}]"] = digit, product
            here = index
            made[f"rise[{here}]"] = line(U, (2 * digit - 3) * (t2 + t3 * one)) * U
            made[f"u[{here}]"] = last_u
    line(*montgomery(negate(start)))
    made["sumU"], made["sumV"] = last_u, last_v
    made["x"] = last_u * inverse(last_v)
    made["y"] = (last_u - 1) * inverse(last_u + 1)
    return {name: value % FIELD_ORDER for name, value in made.items()}


def check_signals(component, number, bits):
    """The signals of the RangeCheck ``component``, whose digits are the lowest of ``number``."""
    made = {f"{component}.in": number}
    for place in range(bits // 2):
        digit = number >> (2 * place) & 3
        made |= {f"{component}.digit[{place}]": digit, f"{component}.product[{place}]": digit * (digit - 3)}
    if bits % 2:
        made[f"{component}.top"] = number >> (bits - 1) & 1
    return made


def check_in(circuit, parent, bits):
    """The name of the only RangeCheck of so many ``bits`` right below the component ``parent``."""
    wire_of = circuit.load_symbols().wire_of
    found = {
        name.rsplit(".", 1)[0]: max(0, *(places(wire_of, name.rsplit(".", 1)[0])))
        for name in wire_of
        if name.startswith(f"{parent}.RangeCheck") and name.removeprefix(f"{parent}.").count(".") == 1
    }
    (component,) = [name for name, size in found.items() if size == bits // 2]
    return component


def places(wire_of, component):
    return [k + 1 for k in range(130) if f"{component}.digit[{k}]" in wire_of] or [0]


def with_signals(circuit, values, made):
    """A witness with these signals in place of those of ``values``; names that circom left out are skipped."""
    wire_of = circuit.load_symbols().wire_of
    values = list(values)
    for name, value in made.items():
        wire = wire_of[name]
        if wire >= 0:  # else it is a multiple of another one, or another name of it
            values[wire] = value % FIELD_ORDER
    return Witness(circuit, values)


def committed(circuit, unit, opening, widths, component="main.point"):
    """The signals of PedersenCommitment ``component`` for an opening, and its output's name."""
    scalars = (*opening.items, opening.rows, opening.blinding)
    digits = [base_4(scalar, width) for scalar, width in zip(scalars, widths, strict=True)]
    inner = pedersen_signals(unit, digits)
    made = {f"{component}.point.{name}": value for name, value in inner.items()}
    made |= check_signals(check_in(circuit, component, 252), inner["x"], 252)
    made |= {f"{component}.out": inner["y"], "main.updateCommitment": inner["y"]}
    for k, item in enumerate(opening.items):
        made |= {f"{component}.items[{k}]": item, f"{component}.point.items[{k}]": item}
    for name in ("rows", "blinding"):
        value = getattr(opening, name)
        made |= {f"{component}.{name}": value, f"{component}.point.{name}": value}
    return made


def with_some_blinding(circuit, inputs):
    """The witness with the first blinding that leaves x below 2^252, for inputs that change the update."""
    for blinding in range(1, 40):
        try:
            return calculate_witness(circuit, inputs | {"blinding": blinding})
        except WitnessError as error:
            if "PedersenCommitment" not in str(error):
                raise
    raise AssertionError("no blinding fits")


def all_violated(circuit, witness):
    """Names of the signals of every constraint that fails, each as a set without indices of arrays' entries."""
    r1cs, name_of = circuit.load_r1cs(), circuit.load_symbols().name_of
    values = list(witness.values)
    failed = [index for index, row in enumerate(equations(r1cs)) if not row.holds(values)]
    return [{name_of[wire] for wire in r1cs.wires_of(index)} for index in failed]


def mended(circuit, witness):
    """A witness in which every RangeCheck has the lowest digits of the number that it checks now.

    What a liar does who changes signals and lets all digits follow: then a number outside its range is refused alone.
    """
    r1cs, symbols = circuit.load_r1cs(), circuit.load_symbols()
    rows, values = equations(r1cs), list(witness.values)
    touching = {}
    for row in rows:
        for wire in {wire for part in row for wire in part}:
            touching.setdefault(wire, []).append(row)
    for component, bits in range_checks(symbols.wire_of).items():
        names = [f"{component}.digit[{k}]" for k in range(bits // 2)] + [f"{component}.top"] * (bits % 2)
        digits = {symbols.wire_of[name] for name in names}
        checked = symbols.wire_of[f"{component}.in"]
        if checked >= 0 and symbols.name_of[checked] == f"{component}.in":
            for row in touching[checked]:
                if not {wire for part in row for wire in part} & digits and not row.holds(values):
                    solve(row, checked, values)
        first = symbols.wire_of[names[0]]
        if first < 0:  # the only digit: it is the number itself
            values[symbols.wire_of[f"{component}.product[0]"]] = values[checked] * (values[checked] - 3) % FIELD_ORDER
            continue
        (whole,) = (c for a, b, c in touching[first] if not a or not b)  # the sum of all digits is the number
        others = value_of({wire: factor for wire, factor in whole.items() if wire not in digits}, values)
        made = check_signals(component, -others * inverse(whole[first]) % FIELD_ORDER, bits)
        for name in (name for name in made if symbols.wire_of[name] >= 0 and not name.endswith(".in")):
            values[symbols.wire_of[name]] = made[name] % FIELD_ORDER
    return Witness(circuit, values)


def range_checks(wire_of):
    """The bits of every RangeCheck, by the name of its component."""
    found = {}
    for name in wire_of:
        component, _, signal = name.rpartition(".")
        if component.rpartition(".")[2].startswith("RangeCheck"):
            bits = 1 if signal == "top" else 2 if signal.startswith("digit[") else 0
            found[component] = found.get(component, 0) + bits
    return found


def solve(row, wire, values):
    """Give ``wire`` the value under which a linear constraint holds; one that multiplies it is left as it is."""
    a, b, c = row
    if wire in a or wire in b or c.get(wire, 0) % FIELD_ORDER == 0:
        return
    known = value_of(a, values) * value_of(b, values) - value_of({w: k for w, k in c.items() if w != wire}, values)
    values[wire] = known * inverse(c[wire]) % FIELD_ORDER
