"""What an auditor verifies with: keys that it derives itself from the circuits, and never those of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from twopm_zk.chain.compiler import compile_source
from twopm_zk.chain.deployment import STATEMENTS, GeneratedVerifier
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import find_instance, instances
from twopm_zk.errors import ProofFormatError
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.keys import Keys, setup
from twopm_zk.plonk.proving import Verifier, verify
from twopm_zk.plonk.solidity import proof_from_calldata


class Keyring(Protocol):
    """Verification keys by instance."""

    @property
    def name(self) -> str:
        """Of the verifier, for the report."""

    def code(self, instance: str) -> bytes:
        """Deployed code of the instance's verifier contract."""

    def verify(self, instance: str, public: Sequence[int], proof: Sequence[int]) -> bool:
        """Whether 24 numbers of calldata are a proof of the instance for these public inputs."""

    def insecure(self, instance: str) -> bool:
        """Whether somebody may know the secret of the key."""


class DerivedKeys:
    """Circuits compiled, and keys set up, on this machine.

    Without ``ptau`` the development file of this machine is used, which only fits contracts deployed with it.
    ``verifier`` defaults to the native one where it is built, else the Python one.
    """

    def __init__(
        self,
        *,
        ptau: Path | None = None,
        verifier: Verifier | None = None,
        backend: str | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._ptau, self._backend, self._progress = ptau, backend, progress
        native, reason = find_backend("native")
        self.verifier: Verifier = verifier or ("native" if native is not None and reason is None else "python")
        self._keys: dict[str, Keys] = {}
        self._codes: dict[str, bytes] = {}

    @property
    def name(self) -> str:
        """Of the verifier."""
        return self.verifier

    def keys(self, instance: str) -> Keys:
        """Made, or found in the cache, once."""
        if instance not in self._keys:
            circuit = compile_circuit(find_instance(instance), progress=self._progress)
            self._keys[instance] = setup(circuit, ptau=self._ptau, backend=self._backend, progress=self._progress)
        return self._keys[instance]

    def code(self, instance: str) -> bytes:
        """Of the contract that the key exports to."""
        if instance not in self._codes:
            generated = GeneratedVerifier.from_keys(find_instance(instance), self.keys(instance))
            compiled = compile_source(generated.solidity, generated.contract_name)
            self._codes[instance] = bytes.fromhex(compiled.runtime)
        return self._codes[instance]

    def verify(self, instance: str, public: Sequence[int], proof: Sequence[int]) -> bool:
        """With the derived key; False also for what is no proof at all."""
        try:
            parsed = proof_from_calldata(proof)
            return verify(self.keys(instance).verification_key, list(public), parsed, verifier=self.verifier)
        except ProofFormatError:
            return False

    def insecure(self, instance: str) -> bool:
        """As the key's metadata says."""
        return self.keys(instance).insecure


@dataclass(frozen=True)
class RegisteredVerifier:
    """An entry of VerifierRegistry."""

    statement: str
    size: int
    features: int
    frac_bits: int

    @property
    def instance(self) -> str | None:
        """The one of circuits.json with these sizes."""
        for name, candidate in instances().items():
            parameters = candidate.parameters
            found = RegisteredVerifier(
                candidate.template.lower(),
                parameters.get("ROWS", parameters.get("SLOTS", 0)),
                parameters["FEATURES"],
                parameters["X_FRAC"],
            )
            if found == self:
                return name
        return None

    @classmethod
    def from_entry(cls, entry: dict[str, int]) -> RegisteredVerifier:
        """As ``entryOf`` returns it."""
        number = entry["statement"]
        statement = STATEMENTS[number - 1] if 1 <= number <= len(STATEMENTS) else "none"
        return cls(statement, entry["size"], entry["features"], entry["fractionalBits"])


def same_code(found: bytes, expected: bytes) -> bool:
    """Equal but for the compiler's metadata at the end, which holds hashes of comments and names."""
    return bool(found) and _without_metadata(found) == _without_metadata(expected)


def _without_metadata(code: bytes) -> bytes:
    length = int.from_bytes(code[-2:], "big") + 2
    return code[:-length] if length < len(code) else code
