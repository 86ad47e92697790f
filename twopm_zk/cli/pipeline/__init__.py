"""Commands for any circuit: compile, keys, witnesses, proofs, verifiers."""
