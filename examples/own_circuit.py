"""A circuit of your own through the same calls: any template, any number of public inputs."""

from pathlib import Path

import twopm_zk as zk

circuit = zk.compile_circuit(Path(__file__).parent / "circuits" / "quadratic.circom")
print(f"{circuit.constraints} constraints, {circuit.gates} gates, public inputs {circuit.public}")

# x = 3 is a root of x^2 - 5x + 6
inputs = {"x": 3, "b": zk.FIELD_ORDER - 5, "c": 6}
result = zk.prove(zk.setup(circuit), inputs)
assert zk.verify(result.verification_key, result.public, result.proof)

# A wrong root is refused before anything is proven; the message names no value.
try:
    zk.calculate_witness(circuit, inputs | {"x": 4})
except zk.TwopmError as error:
    print(type(error).__name__, "-", error.message.splitlines()[0])
