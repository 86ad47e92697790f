"""What an auditor verifies with: keys that it derives itself from the circuits, and never those of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from twopm_zk.chain.compiler import compile_source
from twopm_zk.chain.deployment import STATEMENTS, GeneratedVerifier, family_of
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import find_instance, instances
from twopm_zk.errors import ProofFormatError
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.keys import Keys, setup
from twopm_zk.plonk.proving import Verifier, verify
from twopm_zk.plonk.solidity import proof_from_calldata
from twopm_zk.statements import Family
from twopm_zk.system.progress import Progress
from twopm_zk.system.side_by_side import side_by_side


class Keyring(Protocol):
    """Verification keys by instance."""

    @property
    def name(self) -> str:
        """The name of the verifier, for the report."""

    def prepare(self, instances: Sequence[str], progress: Progress) -> None:
        """Get ready for these instances; what is not ready is made when it is asked for."""

    def code(self, instance: str) -> bytes:
        """The deployed code of the instance's verifier contract."""

    def verify(self, instance: str, public: Sequence[int], proof: Sequence[int]) -> bool:
        """Whether 24 numbers of calldata are a proof of the instance for these public inputs."""

    def insecure(self, instance: str) -> bool:
        """Whether somebody may know the secret of the key."""


class DerivedKeys:
    """Circuits compiled, and keys set up, on this machine; what its cache has is taken from there.

    Without ``ptau`` the development file of this machine is used, which only fits contracts deployed with it.
    ``verifier`` defaults to the native one where it is built, else the Python one.
    """

    def __init__(
        self,
        *,
        ptau: Path | None = None,
        verifier: Verifier | None = None,
        backend: str | None = None,
    ) -> None:
        self._ptau, self._backend = ptau, backend
        native, reason = find_backend("native")
        self.verifier: Verifier = verifier or ("native" if native is not None and reason is None else "python")
        self._keys: dict[str, Keys] = {}
        self._codes: dict[str, bytes] = {}

    @property
    def name(self) -> str:
        """The name of the verifier."""
        return self.verifier

    def prepare(self, instances: Sequence[str], progress: Progress) -> None:
        """Derive keys and contracts side by side: circom, the setup and solc use one core each."""
        if instances:
            progress(f"0 of {len(instances)}: {', '.join(instances)}")
            side_by_side(instances, self.code, progress=progress)

    def keys(self, instance: str) -> Keys:
        """The keys of an instance, made or found in the cache once."""
        if instance not in self._keys:
            circuit = compile_circuit(find_instance(instance))
            self._keys[instance] = setup(circuit, ptau=self._ptau, backend=self._backend)
        return self._keys[instance]

    def code(self, instance: str) -> bytes:
        """The deployed code of the contract that the key exports to."""
        if instance not in self._codes:
            generated = GeneratedVerifier.from_keys(find_instance(instance), self.keys(instance))
            compiled = compile_source(generated.solidity, generated.contract_name)
            self._codes[instance] = bytes.fromhex(compiled.runtime)
        return self._codes[instance]

    def verify(self, instance: str, public: Sequence[int], proof: Sequence[int]) -> bool:
        """Whether the proof holds under the derived key; False also for what is no proof at all."""
        try:
            parsed = proof_from_calldata(proof)
            return verify(self.keys(instance).verification_key, list(public), parsed, verifier=self.verifier)
        except ProofFormatError:
            return False

    def insecure(self, instance: str) -> bool:
        """What the metadata of the derived key say."""
        return self.keys(instance).insecure


@dataclass(frozen=True)
class RegisteredVerifier:
    """An entry of VerifierRegistry."""

    statement: str
    size: int
    features: int
    frac_bits: int
    family: Family = Family.LOGISTIC
    noise: int = 0
    address: str = field(default="", compare=False)

    @property
    def instance(self) -> str | None:
        """The instance of circuits.json with these sizes, None where there is none."""
        for listed in instances().values():
            open_for = listed.open is not None and listed.open[1] <= self.noise <= listed.open[2]
            candidate = listed.with_number(self.noise) if open_for else listed
            parameters = candidate.parameters
            found = RegisteredVerifier(
                candidate.template.lower(),
                parameters.get("ROWS", 0),
                parameters["FEATURES"],
                parameters.get("X_FRAC", self.frac_bits),
                family_of(candidate),
                candidate.noise,
            )
            if found == self:
                return candidate.name
        return None

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> RegisteredVerifier:
        """The entry that ``entryOf`` returns."""
        number = entry["statement"]
        statement = STATEMENTS[number - 1] if 1 <= number <= len(STATEMENTS) else "none"
        family = Family.numbered(entry["family"])
        sizes = entry["size"], entry["features"], entry["fractionalBits"]
        return cls(statement, *sizes, family, entry["noise"], entry["verifier"])


def same_code(found: bytes, expected: bytes) -> bool:
    """Whether codes are equal but for the compiler's metadata at the end, which hold hashes of comments and names."""
    return bool(found) and _without_metadata(found) == _without_metadata(expected)


def _without_metadata(code: bytes) -> bytes:
    length = int.from_bytes(code[-2:], "big") + 2
    return code[:-length] if length < len(code) else code
