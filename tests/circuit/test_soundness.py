"""What the checks of `twopm_zk.circuit.soundness` say of circuits whose answers are known."""

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.soundness.changes import single_changes
from twopm_zk.circuit.soundness.determined import determine
from twopm_zk.circuit.soundness.domains import ContradictionError, Domains
from twopm_zk.circuit.soundness.equations import Equation, input_wires
from twopm_zk.circuit.soundness.examination import examine
from twopm_zk.circuit.soundness.polynomials import roots, times
from twopm_zk.circuit.witness import Witness, calculate_witness
from twopm_zk.numbers.field import FIELD_ORDER


@pytest.mark.slow
@given(st.lists(st.integers(0, FIELD_ORDER - 1) | st.integers(0, 3), min_size=1, max_size=4))
@settings(max_examples=30)
def test_roots_are_those_that_a_polynomial_was_made_of(chosen):
    f = (7,)
    for root in chosen:
        f = times(f, (-root % FIELD_ORDER, 1))
    assert roots(f) == set(chosen)


def test_a_polynomial_may_have_no_roots():
    assert roots((-5, 0, 1)) == frozenset()  # 5 is no square
    assert roots((3,)) == frozenset()


def known(*rows):
    domains = Domains([Equation(*row) for row in rows])
    domains.propagate()
    return domains


X, Y, Z = 1, 2, 3
BIT = ({X: 1}, {X: 1, 0: -1}, {})


def digit(wire, product_wire):
    """What RangeCheck says of a digit."""
    return (
        ({wire: 1}, {wire: 1, 0: -3}, {product_wire: 1}),
        ({product_wire: 1}, {product_wire: 1, 0: 2}, {}),
    )


def test_bits_digits_and_marks_have_the_values_that_their_constraints_leave():
    assert known(BIT).sets[X] == {0, 1}
    assert known(*digit(X, Y)).sets[X] == {0, 1, 2, 3}
    mark = known(({X: 1}, {X: 1}, {Y: 1}), ({Y: 1}, {X: 1}, {X: 1}))
    assert (mark.sets[X], mark.sets[Y]) == ({0, 1, FIELD_ORDER - 1}, {0, 1})


def test_a_sum_of_digits_is_a_range_and_a_number_is_taken_apart():
    # Z = x + 4 y
    rows = (*digit(X, 11), *digit(Y, 12), ({}, {}, {X: 1, Y: 4, Z: -1}))
    domains = known(*rows)
    assert domains.range_of(Z) == (0, 15)

    def assuming(number):
        one = domains.copy()
        one.assume({Z: number})
        one.propagate()
        return one

    for number in range(16):
        one = assuming(number)
        assert (one.values[X], one.values[Y]) == (number % 4, number // 4)
    for number in (16, -1, FIELD_ORDER // 4):
        with pytest.raises(ContradictionError):
            assuming(number)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_no_solution_is_ever_dropped(data):
    """Random small systems, whose solutions are all known."""
    small = st.integers(-3, 3)
    part = st.dictionaries(st.sampled_from([0, X, Y, Z]), small.filter(bool), max_size=3)
    rows = [Equation(*data.draw(st.tuples(part, part, part))) for _ in range(data.draw(st.integers(1, 3)))]
    limits = [Equation({w: 1}, {w: 1, 0: -3}, {10 + w: 1}) for w in (X, Y, Z)]
    limits += [Equation({10 + w: 1}, {10 + w: 1, 0: 2}, {}) for w in (X, Y, Z)]
    solutions = []
    for values in product(range(4), repeat=3):
        all_values = {0: 1} | dict(zip((X, Y, Z), values, strict=True))
        all_values |= {10 + w: all_values[w] * (all_values[w] - 3) for w in (X, Y, Z)}
        if all(row.holds(all_values) for row in rows):
            solutions.append(all_values)
    domains = Domains(rows + limits)
    try:
        domains.propagate()
    except ContradictionError:
        assert solutions == []
        return
    for solution in solutions:
        assert all(domains.allows(wire, value) for wire, value in solution.items())


@pytest.mark.circuit
class TestCircuits:
    """Compiled ones."""

    @staticmethod
    def witness(tmp_path, body, inputs):
        main = tmp_path / "own.circom"
        main.write_text(
            f"pragma circom 2.1.6;\ntemplate Own() {{ signal input in; signal output out; {body} }}\n"
            "component main = Own();\n"
        )
        return calculate_witness(compile_circuit(main), inputs)

    def test_every_value_that_passes_alone_is_found(self, tmp_path):
        """Against trying them: a square has one other root, a free signal all."""
        witness = self.witness(tmp_path, "out <-- 3; out * out === in;", {"in": 9})
        found = single_changes(witness.circuit, witness)
        assert (found.twofold, found.free) == (("main.out",), ())
        assert witness.circuit.accepts(witness.replace("main.out", -3))
        rng = random.Random(0)
        for _ in range(20):
            assert not witness.circuit.accepts(witness.replace("main.out", rng.randrange(4, FIELD_ORDER - 3)))

    def test_a_witness_that_is_none_is_refused(self, tmp_path):
        witness = self.witness(tmp_path, "out <== in * in;", {"in": 9})
        with pytest.raises(ValueError, match="not valid"):
            single_changes(witness.circuit, Witness(witness.circuit, [*witness.values[:-1], 5]))

    def test_an_input_that_no_constraint_has_is_told(self, tmp_path):
        witness = self.witness(tmp_path, "signal kept <-- in; out <== kept * kept;", {"in": 9})
        found = examine(witness)
        assert "main.in" in found.open
        assert input_wires(witness.circuit) == set()

    def test_a_root_is_determined_by_nothing_but_what_is_given(self, tmp_path):
        witness = self.witness(tmp_path, "signal r <-- 3; r * r === in; out <== r * 5;", {"in": 9})
        assert set(determine(witness).undetermined) == {"main.r", "main.out"}
        assert determine(witness, given=["main.r"]).undetermined == ()

    def test_a_quotient_is_assumed_where_its_divisor_may_be_zero(self, tmp_path):
        witness = self.witness(tmp_path, "signal d <== in * in; out <-- 18 / d; out * d === in * 2;", {"in": 9})
        ((assumed,), left) = (determine(witness).assumptions, determine(witness).undetermined)
        assert (assumed.kind, assumed.about, assumed.determines, left) == ("nonzero", "main.d", ("main.out",), ())
        pinned = self.witness(tmp_path, "out <-- 1 / in; out * in === 1;", {"in": 9})
        assert (determine(pinned).assumptions, determine(pinned).undetermined) == ((), ())

    def test_both_planted_faults_are_found(self, tiny):
        witness = calculate_witness(tiny("underconstrained"), {"in": 10})
        assert {"main.left", "main.right"} <= set(examine(witness).open)
