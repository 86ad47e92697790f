"""Write ``circuits/lib/poseidon_constants.circom``: Poseidon's constants, as a circuit with few gates takes them.

They follow from those of `twopm_zk.numbers.poseidon`, as in appendix B of the paper (ePrint 2019/458). A constant that
is added after a mixing is added before it, as the inverse of the matrix has it: inside the next product it is free. In
a partial round only the first lane goes through the S-box, so that everything about the others moves on to the round
before; what remains of a round's matrix is its first row and column.

Only the widths in use are written: a circuit's program holds all constants of the file.

Run: python tools/poseidon_constants.py, then commit the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.poseidon import FULL_ROUNDS, PARTIAL_ROUNDS, parameters
from twopm_zk.system import paths

FILE = paths.circuits_dir() / "lib" / "poseidon_constants.circom"
WIDTHS = (2, 3, 4)
HALF = FULL_ROUNDS // 2

Vector = list[int]
Matrix = list[Vector]


class Optimised(NamedTuple):
    """The constants of one width; matrices by column, as the circuit reads them."""

    constants: Vector
    """Before the first round; before the mixing of each full round of the first half, and of those after the
    partial ones but the last: one a lane. Between them one for each partial round, after its S-box."""
    sparse: Vector
    """For each partial round the first row of its matrix, then the first column without its first entry."""
    mixing: Matrix
    entry: Matrix
    """The matrix of the last round before the partial ones."""


def product(left: Matrix, right: Matrix) -> Matrix:
    """Of two matrices by row."""
    columns = list(zip(*right, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) % FIELD_ORDER for column in columns] for row in left]


def applied(matrix: Matrix, vector: Vector) -> Vector:
    """The matrix times a column."""
    return [sum(a * b for a, b in zip(row, vector, strict=True)) % FIELD_ORDER for row in matrix]


def inverse(matrix: Sequence[Sequence[int]]) -> Matrix:
    """By Gauss and Jordan."""
    size = len(matrix)
    rows = [[*row, *(int(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for k in range(size):
        pivot = next(i for i in range(k, size) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        scale = pow(rows[k][k], -1, FIELD_ORDER)
        rows[k] = [value * scale % FIELD_ORDER for value in rows[k]]
        for i in range(size):
            if i != k and (factor := rows[i][k]):
                rows[i] = [(a - factor * b) % FIELD_ORDER for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[size:] for row in rows]


def transposed(matrix: Matrix) -> Matrix:
    """By column."""
    return [list(column) for column in zip(*matrix, strict=True)]


def optimised(width: int) -> Optimised:
    """The constants of a width."""
    flat, rows = parameters(width)
    matrix = [list(row) for row in rows]
    partial, back = PARTIAL_ROUNDS[width - 2], inverse(matrix)
    added = [list(flat[r * width : (r + 1) * width]) for r in range(FULL_ROUNDS + partial)]
    late = HALF + partial
    after_box: Vector = []
    kept = added[late]
    for r in reversed(range(HALF, late)):
        first, *others = applied(back, kept)
        after_box.insert(0, first)
        kept = [(a + b) % FIELD_ORDER for a, b in zip(added[r], [0, *others], strict=True)]
    before_mixing = [*added[1:HALF], kept], added[late + 1 :]
    early, last = ([value for one in rounds for value in applied(back, one)] for rounds in before_mixing)

    sparse: Vector = []
    now = matrix
    for _ in range(partial):
        inner = [row[1:] for row in now[1:]]
        # now = [[1, v / inner], [w, 1]] times [[1, 0], [0, inner]], and the latter changes places with the S-box
        first_row = applied(transposed(inverse(inner)), now[0][1:])
        sparse = [now[0][0], *first_row, *(row[0] for row in now[1:]), *sparse]
        now = product([[1, *[0] * (width - 1)], *([0, *row] for row in inner)], matrix)
    return Optimised([*added[0], *early, *after_box, *last], sparse, transposed(matrix), transposed(now))


def literal(value: int | Sequence[int] | Sequence[Sequence[int]]) -> str:
    """A number or an array of arrays as circom has it, a number a line."""
    if isinstance(value, int):
        return str(value)
    return "[" + ",\n".join(map(literal, value)) + "]"


def function(name: str, values: dict[int, Vector] | dict[int, Matrix]) -> list[str]:
    """A function of the width."""
    lines = [f"function {name}(WIDTH) {{"]
    for width, value in values.items():
        lines += [f"if (WIDTH == {width}) {{", f"return {literal(value)};", "}"]
    return [*lines, "assert(0 == 1);", "return [0];" if isinstance(value[0], int) else "return [[0]];", "}"]


def circom_source() -> str:
    """The generated file."""
    tables = {width: optimised(width) for width in WIDTHS}
    lines = [
        "// Generated by tools/poseidon_constants.py from twopm_zk/numbers/poseidon.py; do not edit.",
        "pragma circom 2.1.6;",
        "",
        "function POSEIDON_PARTIAL_ROUNDS(WIDTH) {",
        *(f"if (WIDTH == {width}) {{ return {PARTIAL_ROUNDS[width - 2]}; }}" for width in WIDTHS),
        "assert(0 == 1);",
        "return 0;",
        "}",
        *function("POSEIDON_CONSTANTS", {width: one.constants for width, one in tables.items()}),
        *function("POSEIDON_SPARSE", {width: one.sparse for width, one in tables.items()}),
        *function("POSEIDON_MIXING", {width: one.mixing for width, one in tables.items()}),
        *function("POSEIDON_ENTRY", {width: one.entry for width, one in tables.items()}),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the file."""
    FILE.write_text(circom_source())


if __name__ == "__main__":
    main()
