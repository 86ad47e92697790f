"""Every error that twopm-zk raises on purpose.

::

    TwopmError                       exit code 1
    ├── InputError                   3   what the user gave: rows, weights, JSON, options
    │   ├── DataError                    a table or a weights file
    │   ├── RangeError                   a number outside its fixed-point range
    │   ├── SpecError                    a task's specification
    │   ├── MetadataError                a network's metadata document
    │   ├── FileFormatError              a binary file (r1cs, wtns, ptau, zkey) that is truncated or damaged
    │   └── ProofFormatError             a proof, public inputs or key that cannot be parsed
    ├── ToolError                    4   a program or package that is missing, wrong or failing
    │   ├── ToolMissingError
    │   ├── ToolVersionError
    │   └── ToolTimeoutError
    ├── CircuitError                 5   a circuit that cannot be compiled or used
    │   ├── CompileError
    │   ├── CircuitTooLargeError
    │   ├── CircuitTooSmallError
    │   └── BoundError                   an intermediate value could reach FIELD_ORDER / 2
    ├── KeysError                    6   ptau, proving key, verification key
    │   ├── PtauError
    │   │   └── PtauTooSmallError
    │   └── InsecureKeyError             a development key where a real one is needed
    ├── ProvingError                 7
    │   ├── WitnessError                 inputs that the circuit refuses
    │   └── WorkerError                  workers that die, or that lack what a proof needs
    ├── TrainingError                9   training cannot go on
    │   └── DivergenceError              a weight left its bound
    ├── PeerError                   10   another participant cannot be reached or understood
    │   ├── MessageError                 a message that was refused, with the reason's name
    │   └── BusyError                    a service that has as much to do as it takes, or as it takes of one account
    ├── StoreError                  11   state on disk that cannot be read or written
    │   └── CacheError                   an entry of the cache that is damaged; it can be built again
    └── ChainError                   8
        ├── TransactionError             a reverted or lost transaction, custom error decoded
        └── DeploymentError              code or chain that is not what the deployment file says

A false proof is not an error: verification returns ``False`` (and the command exits with 1).
Messages say what failed and the value against its limit; they name private values, and never print them.
``hint`` is advice that holds for whoever uses the library. The next command is the command line's to name: it
knows ``kind`` and ``facts``, or a contract's own error, and looks them up (`twopm_zk/cli/next_steps.py`).
"""

from collections.abc import Mapping
from typing import Any


class TwopmError(Exception):
    """Root of the tree, never raised itself.

    ``kind`` says precisely what happened where the class does not, in lower case with hyphens, such as
    ``round-not-closed``; ``facts`` are the values that belong to it, none of them private.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, kind: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.kind = kind
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class InputError(TwopmError):
    """What the user gave cannot be used."""

    exit_code = 3


class DataError(InputError):
    """A table of rows or a weights file cannot be used."""


class RangeError(InputError):
    """A number does not fit its fixed-point format."""


class SpecError(InputError):
    """A task's specification cannot be used; the message names the key and its limits."""


class MetadataError(InputError):
    """A network's metadata document cannot be used; the message names the field and its limits."""


class FileFormatError(InputError):
    """A binary file (r1cs, wtns, ptau, zkey) is truncated, damaged, or of another kind."""


class ProofFormatError(InputError):
    """A proof, public inputs or a verification key cannot be parsed, or a number in it is out of range."""


class ToolError(TwopmError):
    """A program that twopm-zk drives is missing, wrong, or failed."""

    exit_code = 4


class ToolMissingError(ToolError):
    """A program or package is not installed."""


class ToolVersionError(ToolError):
    """A program has a version that twopm-zk does not accept."""


class ToolTimeoutError(ToolError):
    """A program did not finish in time and was stopped."""


class CircuitError(TwopmError):
    """A circuit cannot be compiled or used."""

    exit_code = 5


class CompileError(CircuitError):
    """circom refused the source; its own words are in the message."""


class CircuitTooLargeError(CircuitError):
    """No instance or ptau is large enough."""


class CircuitTooSmallError(CircuitError):
    """PLONK in snarkjs needs at least two gates."""


class BoundError(CircuitError):
    """The static bound table found an intermediate value that could reach FIELD_ORDER / 2."""


class KeysError(TwopmError):
    """Something is wrong with a ptau, a proving key or a verification key."""

    exit_code = 6


class PtauError(KeysError):
    """A powers-of-tau file is malformed or not trusted."""


class PtauTooSmallError(PtauError):
    """The ptau covers fewer gates than the circuit has."""


class InsecureKeyError(KeysError):
    """A development key was about to be used where its secret must not be known."""


class ProvingError(TwopmError):
    """No proof could be made."""

    exit_code = 7


class WitnessError(ProvingError):
    """The inputs do not satisfy the circuit."""


class WorkerError(ProvingError):
    """A worker died again and again, or lacks what a proof needs."""


class TrainingError(TwopmError):
    """Federated training cannot go on with these data and this specification."""

    exit_code = 9


class DivergenceError(TrainingError):
    """A weight left the range that the task allows."""


class PeerError(TwopmError):
    """Another participant cannot be reached, or answers something that is no answer."""

    exit_code = 10


class MessageError(PeerError):
    """A message between participants was refused; ``reason`` is the name that the protocol has for it."""

    def __init__(
        self, reason: str, message: str, *, hint: str | None = None, kind: str | None = None, **facts: Any
    ) -> None:
        super().__init__(message, hint=hint, kind=kind, **facts)
        self.reason = reason


class BusyError(PeerError):
    """A service has as much to do as it takes; ``facts`` have the seconds after which it may be asked again."""


class StoreError(TwopmError):
    """State on disk cannot be read or written; what was written before is still there."""

    exit_code = 11


class CacheError(StoreError):
    """An entry of the cache is damaged. Nothing is lost: it can be removed and built again."""


class ChainError(TwopmError):
    """The EVM node could not be used."""

    exit_code = 8


class UnsettledError(ChainError):
    """What an endpoint shows does not fit together yet: blocks were just replaced or added, or some are missing there.

    Nothing may be concluded from it; another look may find it whole.
    """


class TransactionError(ChainError):
    """A transaction reverted or was lost.

    ``error`` is the contract's own name for it, such as ``InvalidProof``; ``values`` its arguments by name.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        kind: str | None = None,
        error: str | None = None,
        values: Mapping[str, Any] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, hint=hint, kind=kind, **facts)
        self.error = error
        self.values = dict(values or {})


class DeploymentError(ChainError):
    """The code or the chain is not what the deployment file says."""
