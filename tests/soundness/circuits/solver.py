"""A second opinion from cvc5's theory of finite fields: do the inputs leave an output more than one value?

Both of two witnesses satisfy the constraints, have the same inputs, and differ in one signal; `unsat` proves that
there are none such (Ozdemir, Kremer, Tinelli, Barrett 2023: Gröbner bases; Ozdemir, Pailoor and others 2024: split
ones, for sums of bits).
"""

from twopm_zk.circuit.soundness.equations import equations, input_wires
from twopm_zk.numbers.field import FIELD_ORDER


class Solver:
    """Two copies of a circuit's constraints."""

    def __init__(self, circuit, *, given=(), seconds=10, method="gb"):
        import cvc5

        self.cvc5 = cvc5
        self.terms = cvc5.TermManager()
        self.solver = cvc5.Solver(self.terms)
        self.solver.setLogic("QF_FF")
        self.solver.setOption("tlimit-per", str(1000 * seconds))
        self.solver.setOption("ff-solver", method)
        self.field = self.terms.mkFiniteFieldSort(str(FIELD_ORDER))
        shared = {*input_wires(circuit), *given}
        self.copies = []
        for copy in range(2):
            wires = {
                wire: self.copies[0][wire]
                if copy and wire in shared
                else self.terms.mkConst(self.field, f"w{wire}_{copy}")
                for wire in range(1, circuit.wires)
            }
            self.copies.append(wires)
        for row in equations(circuit.load_r1cs()):
            for wires in self.copies if row.wires - shared else self.copies[:1]:
                self.solver.assertFormula(self._constraint(row, wires))

    def _constant(self, value):
        return self.terms.mkFiniteFieldElem(str(value % FIELD_ORDER), self.field)

    def _sum(self, part, wires):
        kind = self.cvc5.Kind
        terms = []
        for wire, factor in part.items():
            constant = self._constant(factor)
            product = (constant, wires[wire]) if wire and factor != 1 else None
            terms.append(
                self.terms.mkTerm(kind.FINITE_FIELD_MULT, *product) if product else wires[wire] if wire else constant
            )
        if not terms:
            return self._constant(0)
        return terms[0] if len(terms) == 1 else self.terms.mkTerm(kind.FINITE_FIELD_ADD, *terms)

    def _constraint(self, row, wires):
        kind = self.cvc5.Kind
        a, b, c = (self._sum(part, wires) for part in row)
        left = self.terms.mkTerm(kind.FINITE_FIELD_MULT, a, b) if row.A and row.B else self._constant(0)
        return self.terms.mkTerm(kind.EQUAL, left, c)

    def differs(self, signals):
        """``sat``, ``unsat`` or ``unknown``: can one of these wires differ?"""
        kind = self.cvc5.Kind
        differences = [self.terms.mkTerm(kind.DISTINCT, self.copies[0][wire], self.copies[1][wire]) for wire in signals]
        said = differences[0] if len(differences) == 1 else self.terms.mkTerm(kind.OR, *differences)
        result = self.solver.checkSatAssuming(said)
        return "sat" if result.isSat() else "unsat" if result.isUnsat() else "unknown"
