"""Prove one update over rows that stay secret, verify it, and see a tampered one refused."""

import twopm_zk as zk

# A data owner's rows, centred and scaled by public constants.
table = zk.load_spector().scaled(zk.SPECTOR_SCALING)

# The statement: the gradient of these rows, rounded once, at these weights (columns, then the intercept).
step = zk.prepare_step(table, [0.9, 0.4, 1.2, -1.0])
print(f"instance {step.instance.name}: update {[round(g, 4) for g in zk.step_gradient(table, step)]}")

# Keys (development keys here: insecure) and the proof.
keys = zk.setup(zk.compile_circuit(step.instance))
result = zk.prove(keys, step.statement.circuit_inputs())
print(f"proven with {result.backend}; public inputs are three commitments, whatever the data")

assert zk.verify(result.verification_key, result.public, result.proof)

model, data, update = result.public
assert not zk.verify(result.verification_key, [model, data, update + 1], result.proof)
print("the proof is valid, and for no other update")
