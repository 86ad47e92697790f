"""Predictions and proofs that this server makes, and proofs that it verifies: one after the other, with a short queue.

Who asks here shows its input to this server, which keeps nothing of it: no file, no line of a log and no answer to
anybody else has it. A proving key is used, and handed out to browsers, only where its contract is the verifier on the
chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from twopm_zk.auditor.keys import DerivedKeys, same_code
from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.errors import RangeError, TwopmError
from twopm_zk.gateway.responses import RefusedError
from twopm_zk.gateway.state.networks import Model, NetworkState
from twopm_zk.gateway.static import StaticFile
from twopm_zk.plonk.keys import Keys
from twopm_zk.plonk.proof import Proof, public_from_json
from twopm_zk.prediction.requests import quantized_row
from twopm_zk.proving.prover import Prover
from twopm_zk.proving.statement_prover import StatementProver
from twopm_zk.statements import PredictStatement
from twopm_zk.task.specification import TaskSpec

MAX_INPUTS = 16
_PUBLIC = 3


class KeySource(Protocol):
    """What derives keys from circuits, such as an auditor's `DerivedKeys`."""

    def code(self, instance: str) -> bytes:
        """The deployed code of the instance's verifier contract."""

    def keys(self, instance: str) -> Keys:
        """The keys of an instance."""

    def verify(self, instance: str, public: Sequence[int], proof: Sequence[int]) -> bool:
        """Whether 24 numbers of calldata are a proof of the instance for these public inputs."""


class Proofs:
    """Keys that are those of the chain, and what is done with them. All methods take long: see `workshop.Workshop`."""

    def __init__(
        self,
        code_at: Callable[[str], bytes],
        *,
        ptau: Path | None = None,
        backend: str | None = None,
        keys: KeySource | None = None,
        prover: StatementProver | None = None,
    ) -> None:
        derived = DerivedKeys(ptau=ptau, backend=backend)
        self._code_at, self._keys = code_at, keys or derived
        self._prover = prover or Prover(ptau=ptau, backend=backend, verifier=derived.verifier)
        self._same: dict[tuple[str, str], bool] = {}
        self._files: dict[tuple[str, str], StaticFile] = {}

    def require_keys(self, model: Model) -> str:
        """The model's instance, whose keys as they are made here are those of its verifier on the chain.

        RefusedError 409 where they are others: what is proven with them the chain would not take.
        """
        name, key = model.instance.name, _key(model)
        if key not in self._same:
            self._same[key] = same_code(self._code_at(model.verifier.address), self._keys.code(name))
        if not self._same[key]:
            raise RefusedError(
                409, "other-keys", f"this server's keys of {name} are not those of the verifier on the chain"
            )
        return name

    def known(self, model: Model, name: str) -> StaticFile | None:
        """A file that was prepared before, at once."""
        return self._files.get((model.instance.name, name)) if self._same.get(_key(model)) else None

    def file(self, model: Model, name: str) -> StaticFile:
        """A file that a browser proves with: ``circuit.wasm``, ``circuit.zkey`` or ``verification_key.json``."""
        instance = self.require_keys(model)
        if (instance, name) not in self._files:
            keys = self._keys.keys(instance)
            path, media_type = {
                "circuit.wasm": (keys.circuit.wasm, "application/wasm"),
                "circuit.zkey": (keys.zkey, "application/octet-stream"),
                "verification_key.json": (keys.verification_key_file, "application/json"),
            }[name]
            self._files[instance, name] = StaticFile(path.read_bytes(), media_type).prepare()
        return self._files[instance, name]

    def predict(
        self,
        spec: TaskSpec,
        state: TaskSnapshot,
        model: Model,
        insecure: Sequence[str],
        rows: Sequence[Mapping[str, Any]],
    ) -> list[dict[str, Any]]:
        """A proven prediction of each row. RefusedError 422 for rows that cannot be read, which says why by column."""
        instance, shape = self.require_keys(model), model.shape
        statements = []
        for number, row in enumerate(rows):
            try:
                features = quantized_row(spec, row)
                statement = PredictStatement(shape, state.policy.context, state.weights, features)
                _ = statement.prediction
            except TwopmError as error:
                place = f"input {number + 1} of {len(rows)}: " if len(rows) > 1 else ""
                kind = "out-of-range" if isinstance(error, RangeError) else "unusable-input"
                raise RefusedError(422, kind, place + error.message) from None
            statements.append(statement)
        results = self._prover.prove([(instance, one) for one in statements])
        return [
            {
                "expected": spec.expected(shape.real(one.prediction)),
                "units": one.prediction,
                "proof": result.proof.to_json(),
                "public": [str(value) for value in result.public],
                "insecure_keys": list(insecure),
                "verification_key": None if result.verification_key is None else result.verification_key.to_json(),
            }
            for one, result in zip(statements, results, strict=True)
        ]

    def verify(self, network: NetworkState, proof: Proof, public: Sequence[int]) -> dict[str, Any]:
        """Whether a proof holds, and whether it is of the network's model as it is now."""
        from twopm_zk.plonk.solidity import calldata

        if network.model is None:
            raise RefusedError(409, "no-predictions", "the network has no predictions to verify")
        instance = self.require_keys(network.model)
        valid = self._keys.verify(instance, public, calldata(proof, list(public))[0])
        matches = network.certified is not None and str(public[0]) in network.models
        return {"valid": valid, "matches": {"model": matches}}


def parse_proof(proof: Any, public: Any) -> tuple[Proof, list[int]]:
    """A proof of a prediction and its public inputs. Raises ProofFormatError, RefusedError 422."""
    found = public_from_json(public)
    if len(found) != _PUBLIC:
        raise RefusedError(422, "malformed", f"a prediction has {_PUBLIC} public inputs")
    return Proof.from_json(proof), found


def _key(model: Model) -> tuple[str, str]:
    return model.instance.name, model.verifier.address
