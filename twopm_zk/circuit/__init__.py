"""From a circuit to a witness: instances, circom, constraints, symbols, inputs."""
