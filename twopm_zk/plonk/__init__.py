"""From a witness to a verified proof: ptau, keys, backends, the readable verifier, Solidity."""
