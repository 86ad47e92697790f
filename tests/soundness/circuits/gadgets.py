"""Every template of circuits/, small: valid inputs, what its constraints promise, and what they leave open with why.

The checks of `soundness.circuits.harness` hold each against this table. A promise is about all witnesses: a range of
a sum of signals, perhaps where others have given values, or that such values have no witness at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from support.liar import base_4, pedersen_signals
from support.row_circuits import KINDS, random_statement, small_x

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER
from twopm_zk.numbers.pedersen import GRADIENT, Opening, centred
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    Family,
    Policy,
    PredictShape,
    PredictStatement,
    StepMatrix,
)

REASONS = {
    "inverse": "the hint of IsZero is free where its input is 0, and used nowhere else",
    "sign": "either one passes where T = 0, with the same outputs: test_hints tries every such z of a small gadget",
    "bin": "rules do not follow one of ten; test_hints forges every bin, and the range of each edge is a promise",
    "sums": "lanes of one pinned number: each caller gives them their digits, with which they are determined",
    "slope": "a line through two points: another one only where they are the same, which gives a discrete logarithm",
    "x": "v of a point of the odd subgroup is not 0, and u = -1 is on no point: see PedersenPoint",
    "active": "the mark itself, which is an input: circom keeps the name of the output",
    "marks": "has no signal of its own there: it is the output",
    "row of padding": "sign^2 = 0 pins the sign, but to no first order",
}
"""Why a signal may be left open, or an assumption made, by rules or by first order."""


@dataclass(frozen=True)
class Promise:
    """That a sum of signals is between two integers, where these signals have these values.

    A signal that circom may keep under either of two names is ``one|other``.
    """

    sum: str
    low: int
    high: int
    where: Mapping[str, int] = None


@dataclass(frozen=True)
class Impossible:
    """That no witness has these signals with these values."""

    where: Mapping[str, int]


@dataclass(frozen=True)
class Gadget:
    """A template with small parameters. Patterns are of names without ``main``, indices and numbers of components."""

    name: str
    file: str
    main: str
    inputs: tuple[Mapping, ...] | Callable[[], tuple[Mapping, ...]]
    promises: tuple = ()
    wrapper: str = ""
    public: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    """Taken as given, each with a reason in REASONS: that they change no output is shown elsewhere."""
    open: tuple[str, ...] = ()
    """May take other values."""
    assumes: tuple[str, ...] = ()
    """Sums that are not 0, and systems that have one solution."""
    twin: Callable[[Mapping], Mapping[str, int]] | None = None
    """Inner signals by name, computed from the inputs in Python, where outputs do not show all of them."""
    unknown: tuple[str, ...] = ()
    """Inputs that the others must determine."""
    slow: bool = False

    def source(self):
        """A main file."""
        public = f" {{public [{', '.join(self.public)}]}}" if self.public else ""
        return (
            f'pragma circom 2.2.0;\n\ninclude "{self.file}";\n\n{self.wrapper}\ncomponent main{public} = {self.main};\n'
        )

    def examples(self):
        """Valid inputs."""
        return self.inputs() if callable(self.inputs) else self.inputs


def below(name, bits, count=None):
    """That a signal, or each of so many, is in [0, 2^bits)."""
    names = [name] if count is None else [f"{name}[{k}]" for k in range(count)]
    return tuple(Promise(each, 0, (1 << bits) - 1) for each in names)


def signed_digits(name, digits):
    """That a signal is in [-4^digits / 2, 4^digits / 2)."""
    return (Promise(name, -(4**digits) // 2, 4**digits // 2 - 1),)


SIGN, INVERSE, BIN = r"(.*\.)?sign", r"(.*\.)?inverse", r"(.*\.)?bin\[#\]"
POINT = (
    r"solvable (.*\.)?slope\[#\]",
    r"nonzero (.*\.)?sumV",
    r"nonzero (.*\.)?sumU \+ 1",
)
BEYOND = (r"nonzero (.*\.)?overflow",)
"""Determines the inverse of IsZero, which is free elsewhere."""

# --- the library ---

BIAS_16, BIAS_32 = 1 << 15, 1 << 31
MAGNITUDES = (*({"z": z, "active": 1} for z in (5 << 20, -(1 << 24), 0, 1 << 39)), {"z": 7, "active": 0})
FREE = 1260
"""The largest |z| whose sign is free: 13 |z| + 2^14 - 1 is below 2^15."""
MAGNITUDE_PROMISES = (
    *below("T", 16),
    *below("overflow", 12),
    Promise("inside", 1, 1, {"overflow": 0}),
    Promise("inside", 0, 0, {"overflow": 1}),
    Promise("sign", 0, 0, {"active": 0}),
    Impossible({"active": 1, "sign": 0}),
    Impossible({"active": 1, "sign": 2}),
    Impossible({"active": 1, "sign": -1, "z": 1 << 20}),
    Impossible({"active": 1, "sign": 1, "z": -(1 << 20)}),
)

DIGIT_PLACES = """
template Counted() {
    signal input count;
    signal input minimum;
    RangeCheck(32)(minimum);
    AtLeast()(count, minimum);
}"""
ROUNDED = """
template Rounded(DROPPED, BITS) {
    signal input in;
    signal output out <== RoundHalfUp(DROPPED)(in);
    RangeCheck(BITS)(out + BIAS(BITS));
}"""
SCORED = """
template Scored(ROWS) {
    signal input z[ROWS];
    signal input marks[ROWS];
    signal input active[ROWS];
    signal output sums[SCORES()] <== ScoreSums(ROWS, 1, 16, 12)(z, marks, active);
    for (var k = 0; k < SCORES(); k++) {
        RangeCheck(48)(sums[k] + BIAS(k < 2 ? 48 : BIN_LANE()));
        if (k >= 2) { RangeCheck(BIN_LANE())(sums[k] + BIAS(BIN_LANE())); }
    }
}"""


def opened(*, small=False):
    """Inputs of a point: two sums of 3 digits, 2 of rows, and a blinding."""
    make = small_x if small else lambda unit, items, rows: Opening(unit, items, rows, 12345)
    one = make(GRADIENT, (5, -7), 2)
    return ({"items": list(one.items), "rows": one.rows, "blinding": one.blinding},)


def inner(inputs):
    """Every line and point inside a commitment: they begin at the start point, which the result no longer has."""
    widths = {**dict.fromkeys(range(2), 3), 2: 2, 3: 126}
    scalars = [*inputs["items"], inputs["rows"], inputs["blinding"]]
    return pedersen_signals(GRADIENT, [base_4(scalar, widths[k]) for k, scalar in enumerate(scalars)])


def point(name, *, small=False):
    arguments = "(UNIT_GRADIENT(), 2, [3, 3], 2)"
    scalars = {"items[0]": 3, "items[1]": 3, "rows": 2, "blinding": 126}
    promises = sum((signed_digits(name, digits) for name, digits in scalars.items()), ())
    if small:
        promises += below("RangeCheck.in", 252)
    return Gadget(
        name,
        "lib/pedersen.circom",
        name + arguments,
        partial(opened, small=small),
        promises,
        assumes=POINT,
        twin=inner if name == "PedersenPoint" else None,
    )


def padded(family):
    """A row and one of padding, and what Rows promises of them."""
    columns = 1 + (family is Family.GAUSSIAN)
    marks = [f"marks[{i}]|active[{i}]" for i in range(2)]  # both are one signal where the label is a cell
    cells = [[3000, 40000][:columns], [BIAS_16] * columns]
    least = 0 if family is Family.GAUSSIAN else -1
    everything = [f"cells[{i}][{k}]" for i in range(2) for k in range(columns)]
    promises = (
        *(promise for name in everything for promise in below(name, 16)),
        *(Promise(marks[i], least, 1) for i in range(2)),
        *(Promise(f"cells[1][{k}]", BIAS_16, BIAS_16, {marks[1]: 0}) for k in range(columns)),
        *(Impossible({marks[0]: value}) for value in (2, -2) + (-1,) * (least == 0)),
        Impossible({marks[0]: 0, marks[1]: 0}),
        *(Promise("count", 2, 2, {marks[0]: value, marks[1]: 1}) for value in {least or 1, 1}),
    )
    return Gadget(
        f"Rows-{family.name.lower()}",
        "lib/rows.circom",
        f"Rows(2, 1, 16, 12, {family.number})",
        ({"cells": cells, "marks": [1, 0], "salt": 5},),
        promises,
        given=(r"active\[#\]",) * (family is Family.GAUSSIAN),
        open=(r"marks\[#\]",) * (family is Family.GAUSSIAN),
    )


EDGES = [0, 2699, 5640, 9227, 14625, 19598, 25904, 30585, 35232, 45971, 65536]


def in_no_bin(row):
    """That a row is in no bin: what a row that counts cannot be."""
    return {f"row[{row}].bin[{k}]": 0 for k in range(10)}


def of_bins():
    """That no row is in a bin one T below or above it, in two bins, in none, or, in padding, in any."""
    for k, (low, high) in enumerate(pairwise(EDGES)):
        for T in (low - 1, high):
            where = {"active": 1, "mark": 1, "T": T, "overflow": 0, **{f"bin[{j}]": int(j == k) for j in range(10)}}
            if 0 <= T < 1 << 16:
                yield Impossible(where)
        yield Impossible({"active": 0, "mark": 0, f"bin[{k}]": 1})
        yield Impossible({f"bin[{k}]": 2})
    yield Impossible({"active": 1, **{f"bin[{j}]": 0 for j in range(10)}})
    yield Impossible({"active": 1, **{f"bin[{j}]": int(j < 2) for j in range(10)}})
    # T = 0 under both signs, but the lower edge of the first bin tells them apart
    yield Impossible({"active": 1, "mark": 1, "z": 0, "sign": -1})


POLICY = {"taskKey": 99, "round": 5 << 32 | 1, "lambda": 4096, "weightBound": 1 << 30, "minRows": 3, "matrixHash": 77}
POLICY_PROMISES = (
    Promise("policy.minRows", 1, 1 << 32),
    *below("policy.weightBound", 32),
    *below("policy.lambda", 24),
    *below("policy.round", 64),
)
LIBRARY = (
    Gadget("RangeCheck-8", "lib/fixed_point.circom", "RangeCheck(8)", ({"in": 0}, {"in": 228}), below("in", 8)),
    Gadget("RangeCheck-7", "lib/fixed_point.circom", "RangeCheck(7)", ({"in": 0}, {"in": 100}), below("in", 7)),
    Gadget("RangeCheck-1", "lib/fixed_point.circom", "RangeCheck(1)", ({"in": 0}, {"in": 1}), below("in", 1)),
    Gadget(
        "IsZero",
        "lib/fixed_point.circom",
        "IsZero()",
        ({"in": 5}, {"in": 0}),
        (Promise("out", 1, 1, {"in": 0}), Promise("out", 0, 0, {"in": 7}), Impossible({"in": 0, "out": 0})),
        open=(INVERSE,),
        assumes=(r"nonzero in",),
    ),
    Gadget("Permutation", "lib/poseidon.circom", "Permutation(3)", ({"in": [1, 2, 3]},)),
    Gadget("PublicHash", "lib/commitment.circom", "PublicHash(3, TAG_MODEL(), 7)", ({"items": [4, 5, 6]},)),
    Gadget("SecretHash", "lib/commitment.circom", "SecretHash(4, TAG_DATA(), 7)", ({"items": [4, 5, 6, 7]},)),
    Gadget("Pack", "lib/commitment.circom", "Pack(4, 16, 2)", ({"values": [1, 2, 65535, 3]},)),
    Gadget(
        "ModelCommitment",
        "lib/model.circom",
        "ModelCommitment(2)",
        ({"context": 99, "weights": [5, (1 << 32) - 1]},),
        below("weights", 32, 2),
    ),
    padded(Family.LOGISTIC),
    padded(Family.GAUSSIAN),
    Gadget(
        "LinearPredictor",
        "lib/linear_predictor.circom",
        "LinearPredictor(2, 1, 1, 16, 12)",
        ({"weights": [BIAS_32 + 7, 5], "cells": [[BIAS_16 + 3], [1]]},),
    ),
    Gadget(
        "RoundHalfUp-5",
        "lib/rounding.circom",
        "Rounded(5, 6)",
        ({"in": 37}, {"in": -38}, {"in": 0}),
        (
            Promise("in", -(32 * 32) - 16, 32 * 32 - 17),
            Promise("out", 1, 1, {"in": 16}),
            Impossible({"in": 16, "out": 0}),
        ),
        ROUNDED,
    ),
    Gadget("RoundHalfUp--3", "lib/rounding.circom", "Rounded(-3, 12)", ({"in": 37}, {"in": -38}), (), ROUNDED),
    Gadget(
        "BoundedNoise",
        "lib/noise.circom",
        "BoundedNoise(2, [1, 3], 4)",
        ({"noise": [-32, 127]},),
        (Promise("noise[0]", -32, 31), Promise("noise[1]", -128, 127)),
    ),
    Gadget("Context", "lib/policy.circom", "Context()", ({"policy": POLICY},), POLICY_PROMISES),
    Gadget("NextContext", "lib/policy.circom", "NextContext()", ({"head": 4, "matrixHash": 5},)),
    Gadget(
        "WithinBound",
        "lib/policy.circom",
        "WithinBound(2)",
        ({"weights": [BIAS_32 + 9, BIAS_32 - 9], "bound": 9},),
        tuple(
            Promise(f"bound {sign} weights[{k}]", shift, shift + (1 << 33) - 1)
            for k in range(2)
            for sign, shift in (("-", -BIAS_32), ("+", BIAS_32))
        ),
    ),
    Gadget(
        "AtLeast",
        "lib/policy.circom",
        "Counted()",
        ({"count": 7, "minimum": 7},),
        below("count - minimum", 32),
        DIGIT_PLACES,
    ),
    Gadget(
        "StepMatrix", "lib/policy.circom", "StepMatrix(2)", ({"upper": [1, 2, (1 << 48) - 1]},), below("upper", 48, 3)
    ),
    Gadget(
        "RoundedMagnitude",
        "lib/sigmoid.circom",
        f"RoundedMagnitude({1 << 39}, 24)",
        MAGNITUDES,
        MAGNITUDE_PROMISES,
        given=(SIGN,),
        open=(INVERSE, SIGN),
        assumes=BEYOND,
    ),
    Gadget("Tanh", "lib/sigmoid.circom", "Tanh()", ({"T": 4000, "inside": 1}, {"T": 0, "inside": 0})),
    Gadget(
        "Sigmoid",
        "lib/sigmoid.circom",
        f"Sigmoid({1 << 39}, 24)",
        MAGNITUDES,
        (Promise("out", 0, 0, {"active": 0}),),
        given=(SIGN,),
        open=(INVERSE, SIGN),
        assumes=BEYOND,
    ),
    Gadget(
        "Variance",
        "lib/variance.circom",
        f"Variance({1 << 39}, 24)",
        MAGNITUDES,
        (Promise("out", 0, 0, {"active": 0, "overflow": 0}),),
        given=(SIGN,),
        open=(INVERSE, SIGN),
        assumes=BEYOND,
    ),
    Gadget("Horner", "lib/evaluation.circom", "Horner(LOSS())", ({"T": 4000},)),
    Gadget(
        "RowScore",
        "lib/evaluation.circom",
        f"RowScore({1 << 39}, 24)",
        tuple({**inputs, "mark": mark * inputs["active"]} for inputs in MAGNITUDES for mark in (1, -1)),
        tuple(of_bins()),
        given=(SIGN, BIN),
        open=(INVERSE, SIGN),
        assumes=BEYOND,
    ),
    Gadget(
        "ScoreSums",
        "lib/evaluation.circom",
        "Scored(2)",
        ({"z": [5 << 29, 3], "marks": [1, -1], "active": [1, 1]},),
        (
            *(Impossible({f"active[{i}]|row[{i}].active": 1} | in_no_bin(i)) for i in range(2)),
            *(Promise(f"sums[{k}]", -(1 << 11), (1 << 11) - 1) for k in range(2, 22)),
        ),
        SCORED,
        given=(SIGN, BIN),
        open=(INVERSE, SIGN),
        assumes=BEYOND,
    ),
    Gadget(
        "ProbabilityError",
        "lib/family.circom",
        f"ProbabilityError({1 << 39}, 24)",
        ({"z": 5 << 20, "mark": -1, "active": 1},),
        (),
        given=(SIGN,),
        open=(INVERSE, SIGN),
        assumes=BEYOND,
    ),
    Gadget(
        "Deviation",
        "lib/family.circom",
        "Deviation(16, 12)",
        ({"z": 5 << 30, "label": BIAS_16 + 7, "active": 1}, {"z": 5, "label": 3, "active": 0}),
        (Promise("out", -(1 << 38), (1 << 38) - 1), Promise("out", 0, 0, {"active": 0})),
    ),
    point("PedersenPoint"),
    point("PedersenCommitment", small=True),
    point("PedersenHash"),
    Gadget(
        "OpenedSum",
        "lib/collection.circom",
        "OpenedSum(1)",
        ({"sum": {"gradient": [-9], "rows": 7, "blinding": 12345}},),
        signed_digits("sum.gradient[0]", 41) + signed_digits("sum.rows", 16) + signed_digits("sum.blinding", 126),
        assumes=POINT,
    ),
)

# --- the statements ---

STILL = StepMatrix(2, (3 << 20, -5, 7 << 19))


def policy(**changes):
    values = {"task_key": 99, "round": 2, "attempt": 1, "penalty": 4096, "weight_bound": 1 << 31, "min_rows": 3}
    return Policy(**(values | {"matrix_hash": STILL.hash} | changes))


def total():
    return Opening(GRADIENT, (5 << 40, -(7 << 41)), 1000, centred(12345 % SUBGROUP_ORDER))


def of_rows(kind, family, noise=0, rows=2):
    """`step`, `information` or `evaluate` about one row and one of padding."""
    sizes = {"ROWS": rows, "FEATURES": 1, "X_BITS": 16, "X_FRAC": 12, "FAMILY": family.number, "NOISE": noise}
    shape = KINDS[kind][1].from_parameters(sizes)
    columns = 1 + (family is Family.GAUSSIAN)
    least = 0 if family is Family.GAUSSIAN else -1
    promises = (
        *below("weights", 32, 2),
        *(promise for i in range(rows) for k in range(columns) for promise in below(f"cells[{i}][{k}]", 16)),
        *(Promise(f"marks[{i}]", least, 1) for i in range(rows)),
        *(Promise(f"cells[1][{k}]", BIAS_16, BIAS_16, {"marks[1]": 0}) for k in range(columns)),
        Impossible({f"marks[{i}]": 0 for i in range(rows)}),
        *below("point.RangeCheck.in", 252),
        *signed_digits("blinding", 126),
    )
    if noise:
        bounds = [shape.noise_bound(k) for k in range(len(shape.largest_sums()))]
        promises += tuple(Promise(f"noise[{k}]", -bound, bound - 1) for k, bound in enumerate(bounds))
        if kind == "evaluate" and family is Family.LOGISTIC:
            promises += tuple(Promise(f"sums[{k}]", -(1 << 11), (1 << 11) - 1) for k in range(2, 22))

    def inputs():
        return (random_statement(kind, shape).circuit_inputs(),)

    logistic = family is Family.LOGISTIC
    scored = logistic and kind == "evaluate"
    return Gadget(
        f"{kind}-{family.name.lower()}" + f"-noise{noise}" * bool(noise),
        f"{kind}.circom",
        f"{KINDS[kind][0]}({', '.join(map(str, sizes.values()))})",
        inputs,
        promises,
        given=(SIGN,) * logistic + (BIN,) * scored,
        open=(INVERSE, SIGN) * logistic,
        assumes=POINT + BEYOND * logistic,
        slow=True,
    )


def predicted(family):
    sizes = {"FEATURES": 1, "X_BITS": 16, "X_FRAC": 12, "FAMILY": family.number}
    shape = PredictShape.from_parameters(sizes)
    logistic = family is Family.LOGISTIC
    return Gadget(
        f"predict-{family.name.lower()}",
        "predict.circom",
        f"Predict({', '.join(map(str, sizes.values()))})",
        lambda: (PredictStatement(shape, 99, (3 << 20, -5), (1234,), salt=7).circuit_inputs(),),
        (*below("weights", 32, 2), *below("features", 16, 1), *below("prediction", 17 if logistic else 32)),
        given=(SIGN,) * logistic,
        open=(INVERSE, SIGN) * logistic,
        assumes=BEYOND * logistic,
    )


SUM_PROMISES = (
    *signed_digits("sum.gradient[0]", 41),
    *signed_digits("sum.gradient[1]", 41),
    *signed_digits("sum.rows", 16),
    *signed_digits("sum.blinding", 126),
    *below("sum.rows - policy.minRows", 32),
)


def bounded(weights):
    return tuple(
        Promise(f"policy.weightBound {sign} {weights}[{k}]", shift, shift + (1 << 33) - 1)
        for k in range(2)
        for sign, shift in (("-", -BIAS_32), ("+", BIAS_32))
    )


STATEMENTS = (
    *(of_rows(kind, family) for kind in KINDS for family in Family),
    of_rows("step", Family.LOGISTIC, 3),
    of_rows("information", Family.GAUSSIAN, 3),
    of_rows("evaluate", Family.LOGISTIC, 3),
    of_rows("evaluate", Family.GAUSSIAN, 3),
    predicted(Family.LOGISTIC),
    predicted(Family.GAUSSIAN),
    Gadget(
        "aggregate",
        "aggregate.circom",
        "Aggregate(1)",
        lambda: (AggregateStatement(total(), policy(), STILL, (3 << 20, -5)).circuit_inputs(),),
        POLICY_PROMISES
        + SUM_PROMISES
        + bounded("nextWeights")
        + (*below("weights", 32, 2), *below("nextWeights", 32, 2), *below("upper", 48, 3), *below("remainder", 60, 2)),
        assumes=POINT,
        unknown=("nextWeights[0]", "nextWeights[1]"),
        slow=True,
    ),
    Gadget(
        "certify",
        "certify.circom",
        "Certify(1)",
        lambda: (CertifyStatement(total(), policy(), (3 << 20, -5)).circuit_inputs(),),
        POLICY_PROMISES
        + SUM_PROMISES
        + bounded("weights")
        + (*below("weights", 32, 2), *below("gradientBound", 32))
        + tuple(below(f"allowed {sign} {G}", 84)[0] for G in ("G[0]", "sum.gradient[1]") for sign in "+-"),
        public=("gradientBound",),
        assumes=POINT,
        slow=True,
    ),
)
GADGETS = {gadget.name: gadget for gadget in (*LIBRARY, *STATEMENTS)}
