"""Proofs of false statements, each of which a verifier accepts whose transcript leaves out one thing.

A frozen heart: where a challenge does not absorb something, whoever proves may choose that after the challenge, and
one equation is solved for it (Dao, Miller, Wright, Grubbs: ePrint 2023/691; the transcript: ePrint 2019/953, section
8.3). The first public input is one more than the witness has.
"""

from support.reference_prover import EVALUATIONS, ROUNDS, Run, add, divide, evaluate, multiply, scale

from twopm_zk.numbers.field import FIELD_ORDER as R

BLINDING = [0, *(pow(7, 1000 + i, R) for i in range(1, 12))]


def without(challenge, *left_out):
    """The rounds of a transcript in which ``challenge`` does not absorb some of what it should."""
    return ROUNDS | {challenge: tuple(part for part in ROUNDS[challenge] if part not in left_out)}


def false_inputs(prover):
    return [(prover.inputs[0] + 1) % R, *prover.inputs[1:]]


def finish(run):
    """The last rounds, once everything but the evaluations is said."""
    run.evaluate()
    run.ask("v")
    assert evaluate(run.batch(), run.said["xi"]) == 0
    run.open()
    return run


def public_inputs_last(prover, rounds):
    """beta without the public inputs: others with the same sum at xi have the same proof."""
    run = Run(prover, rounds)
    run.commit_wires(BLINDING)
    through_permutation(run)
    run.commit_quotient(divide(run.numerator(), prover.vanishing), BLINDING)
    run.ask("xi")
    finish(run)
    lagrange = [pow(prover.w, i, R) * pow(run.said["xi"] - pow(prover.w, i, R), -1, R) for i in (0, 1)]
    run.inputs = [
        (run.inputs[0] + 1) % R,
        (run.inputs[1] - lagrange[0] * pow(lagrange[1], -1, R)) % R,
        *run.inputs[2:],
    ]
    return run


def wires_last(prover, rounds):
    """beta without the wires: a broken copy is made good by a cell that no gate reads."""
    run = Run(prover, rounds, false_inputs(prover), [list(column) for column in prover.rows])
    beta, gamma = run.ask("beta"), run.ask("gamma")
    assert not any(evaluate(prover.q[i], 1) for i in (0, 2)), "the gate of a public input reads a alone"
    run.rows[0][0] = run.inputs[0]
    rest = 1
    for i in range(prover.n):
        above, below = run.factors(i)
        rest = rest * above * pow(below, -1, R) % R
    place, copied = beta * prover.k1 + gamma, beta * evaluate(prover.s[1], 1) + gamma
    cell = run.rows[1][0]
    rest = rest * (cell + copied) * pow(cell + place, -1, R) % R  # of all cells but this
    run.rows[1][0] = (copied - rest * place) * pow(rest - 1, -1, R) % R
    run.commit_wires(BLINDING)
    through_permutation(run, asked=True)
    run.commit_quotient(divide(run.numerator(), prover.vanishing), BLINDING)
    run.ask("xi")
    return finish(run)


def through_permutation(run, *, asked=False):
    if not asked:
        run.ask("beta")
        run.ask("gamma")
    values = run.prover.interpolate(run.accumulator())
    run.commit("Z", add(values, multiply([BLINDING[9], BLINDING[8], BLINDING[7]], run.prover.vanishing)))
    run.ask("alpha")


def accumulator_last(prover, rounds):
    """alpha without Z: the running product takes the values that cancel what the gates leave."""
    run = Run(prover, rounds, false_inputs(prover))
    run.commit_wires(BLINDING)
    run.ask("beta")
    run.ask("gamma")
    alpha = run.ask("alpha")
    slopes, offsets = [1], [0]  # z_i = slope * z_0 + offset
    gate = run.gate()
    for i in range(prover.n):
        above, below = run.factors(i)
        step = pow(alpha * below, -1, R)
        start = alpha * alpha if i == 0 else 0
        slopes.append((alpha * above * slopes[i] + start) * step % R)
        offsets.append((evaluate(gate, pow(prover.w, i, R)) + alpha * above * offsets[i] - start) * step % R)
    first = offsets[-1] * pow(1 - slopes[-1], -1, R) % R
    values = [(slope * first + offset) % R for slope, offset in zip(slopes[:-1], offsets[:-1], strict=True)]
    run.commit("Z", add(prover.interpolate(values), multiply([3, 2, 1], prover.vanishing)))
    run.commit_quotient(divide(run.numerator(), prover.vanishing), BLINDING)
    run.ask("xi")
    return finish(run)


def accumulator_first(prover, rounds):
    """alpha without beta and gamma, as in snarkjs before 0.7.0: Z is zero on the domain, and no copy is compared."""
    run = Run(prover, rounds, false_inputs(prover), [list(column) for column in prover.rows])
    run.commit("Z", scale(prover.vanishing, 5))
    alpha = run.ask("alpha")
    run.rows[0][0] = (run.inputs[0] + alpha * alpha) % R  # less what L1 asks of Z in this row
    run.commit_wires(BLINDING)
    run.ask("beta")
    run.ask("gamma")
    run.commit_quotient(divide(run.numerator(), prover.vanishing), BLINDING)
    run.ask("xi")
    return finish(run)


def quotient_last(prover, rounds):
    """xi without the quotient: any numbers that have the right sum there."""
    run = Run(prover, rounds, false_inputs(prover))
    run.commit_wires(BLINDING)
    through_permutation(run)
    xn = pow(run.ask("xi"), prover.n, R)
    wanted = evaluate(run.numerator(), run.said["xi"]) * pow(xn - 1, -1, R)
    for name, value in (("T1", wanted - xn - xn * xn), ("T2", 1), ("T3", 1)):
        run.commit(name, [value % R])
    return finish(run)


def quotient_first(prover, rounds):
    """xi without alpha: wires and Z are chosen to fit at xi alone."""
    run = Run(prover, rounds, false_inputs(prover))
    for name in ("T1", "T2", "T3"):
        run.commit(name, [1])
    xi = run.ask("xi")
    xn = pow(xi, prover.n, R)
    run.commit_wires(BLINDING)
    missing = (1 + xn + xn * xn) * (xn - 1) - evaluate(run.gate(), xi)
    run.commit("C", add(run.polynomials["C"], [missing * pow(evaluate(prover.q[3], xi), -1, R) % R]))
    beta, gamma = run.ask("beta"), run.ask("gamma")
    above = below = 1
    for j, k in enumerate((1, prover.k1, prover.k2)):
        wire = evaluate(run.polynomials["ABC"[j]], xi)
        above = above * (wire + beta * k * xi + gamma) % R
        below = below * (wire + beta * evaluate(prover.s[j], xi) + gamma) % R
    slope = (above * pow(below, -1, R) - 1) * pow(xi * prover.w - xi, -1, R) % R
    run.commit("Z", [(1 - slope * xi) % R, slope])
    run.ask("alpha")
    return finish(run)


def evaluations_last(prover, rounds):
    """v without the evaluations: one of them is solved for."""
    run = Run(prover, rounds, false_inputs(prover))
    run.commit_wires(BLINDING)
    through_permutation(run)
    for name in ("T1", "T2", "T3"):
        run.commit(name, [1])
    xi = run.ask("xi")
    run.ask("v")
    run.evaluate()
    at = []
    for guess in (0, 1):
        run.said["eval_s1"] = guess
        at.append(evaluate(run.batch(), xi))
    run.said["eval_s1"] = at[0] * pow(at[0] - at[1], -1, R) % R
    run.open()
    return run


def openings_last(prover, rounds):
    """u without the openings: what is wrong at xi is hidden in the opening at the next row."""
    run = Run(prover, rounds, false_inputs(prover))
    run.commit_wires(BLINDING)
    through_permutation(run)
    for name in ("T1", "T2", "T3"):
        run.commit(name, [1])
    xi = run.ask("xi")
    next_xi = xi * prover.w % R
    run.evaluate()
    run.ask("v")
    u = run.ask("u")
    batch = run.batch()
    shift = evaluate(batch, xi) * pow(u * (xi - next_xi), -1, R) % R
    run.commit("Wxi", divide(add(batch, scale([-next_xi, 1], -u * shift)), [-xi % R, 1]))
    true = divide(add(run.polynomials["Z"], [-run.said["eval_zw"]]), [-next_xi % R, 1])
    run.commit("Wxiw", add(true, [shift]))
    return run


FORGERIES = {
    "beta without public inputs": (public_inputs_last, without("beta", "public")),
    "beta without wires": (wires_last, without("beta", "A", "B", "C")),
    "alpha without Z": (accumulator_last, without("alpha", "Z")),
    "alpha without beta and gamma": (accumulator_first, without("alpha", "beta", "gamma")),
    "xi without quotient": (quotient_last, without("xi", "T1", "T2", "T3")),
    "xi without alpha": (quotient_first, without("xi", "alpha")),
    "v without evaluations": (evaluations_last, without("v", *EVALUATIONS)),
    "u without openings": (openings_last, ROUNDS | {"u": ("v",)}),
}
"""Each attack with the transcript that it breaks."""
