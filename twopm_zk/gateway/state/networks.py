"""A network as the API shows it: what its contract says, its documents, its model, and who answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twopm_zk.chain.deployment import DeployedVerifier, Deployment
from twopm_zk.chain.networks import Backing, NetworkEntry
from twopm_zk.chain.networks import Model as Contracts
from twopm_zk.chain.tasks import TaskSnapshot, TaskState
from twopm_zk.circuit.instances import Instance, find_instance
from twopm_zk.gateway.state.documents import Documents
from twopm_zk.gateway.state.form import form_of
from twopm_zk.gateway.state.tasks import TaskLog, documents_of, phase_name
from twopm_zk.participants.rounds.view import Withdrawal
from twopm_zk.statements import PredictShape
from twopm_zk.task.metadata import NetworkMetadata
from twopm_zk.task.specification import TaskSpec

VERIFIED, MISSING, MISMATCH = "verified", "missing", "mismatch"
"""What is known of a document by its hash."""


NOTHING_AT_STAKE = Backing(0, restaked=False)


@dataclass(frozen=True)
class Offer:
    """An operator that answers for a network."""

    operator: str
    verifier_id: int
    verifier: str
    insecure: bool
    endpoint: str = field(default="", repr=False)
    """Its service, which only this server uses for others."""
    key: bytes = field(default=b"", repr=False)
    backing: Backing = NOTHING_AT_STAKE
    obligations: int = 0
    """Wei of its stake that its accepted requests need."""

    def to_json(self) -> dict[str, Any]:
        """The operator as the API shows it."""
        return {
            "address": self.operator,
            "verifier_id": self.verifier_id,
            "insecure": self.insecure,
            "endpoint": bool(self.endpoint),
            "key": self.key.hex() if self.key else None,
            "stake": str(self.backing.value),
            "restaked": self.backing.restaked,
            "obligations": str(self.obligations),
        }


@dataclass(frozen=True)
class Model:
    """What a network's predictions are proven with."""

    instance: Instance
    verifier: DeployedVerifier

    @property
    def shape(self) -> PredictShape:
        """Sizes of the circuit."""
        return PredictShape.from_parameters(self.instance.parameters)

    def to_json(self) -> dict[str, Any]:
        """The verifier as the API shows it."""
        shape = self.shape
        return {
            "instance": self.instance.name,
            "verifier_id": self.verifier.id,
            "verifier": self.verifier.address,
            "insecure": self.verifier.insecure,
            "features": shape.features,
            "x_bits": shape.format.bits,
            "x_frac": shape.format.frac_bits,
            "family": shape.family.value,
        }


@dataclass(frozen=True)
class NetworkState:
    """A network, its task, and what belongs to both, at one block."""

    entry: NetworkEntry
    state: TaskState
    log: TaskLog | None
    spec: TaskSpec | None
    file: NetworkMetadata | None
    """The document that its hash is of, or else one that says that it is about the same specification."""
    verified: bool
    """Whether the document is the one that the hash is of, and about this task's specification."""
    model: Model | None
    models: frozenset[str] = frozenset()
    """All commitments to the present weights: each attempt has one of its own."""
    uri: str = ""
    """Where the document may be found, as the owner says."""
    offers: tuple[Offer, ...] = ()
    withdrawn: Mapping[str, Withdrawal] = field(default_factory=dict)
    """Owners of rows in the certified sum that have withdrawn them since."""

    @classmethod
    def of(
        cls,
        entry: NetworkEntry,
        state: TaskState,
        log: TaskLog | None,
        documents: Documents,
        deployment: Deployment,
        *,
        uri: str,
        retired: frozenset[int],
        offers: tuple[Offer, ...],
        withdrawn: Mapping[str, Withdrawal],
    ) -> NetworkState:
        """Look up the documents of a network."""
        file = documents.metadata(entry.metadata)
        spec = documents.specification(state.spec_hash)
        return cls(
            entry,
            state,
            log,
            spec,
            file or documents.metadata_about(state.spec_hash),
            file is not None and file.specification == f"0x{state.spec_hash.hex()}",
            _model(spec, state, deployment, retired),
            frozenset() if log is None else frozenset(log.models),
            uri,
            offers,
            withdrawn,
        )

    @property
    def proven(self) -> bool:
        """Whether the task is one of HLRContract, whose predictions can be proven."""
        return self.entry.model is Contracts.HLR

    @property
    def training(self) -> TaskSnapshot | None:
        """The task where it is one of HLRContract."""
        return self.state if isinstance(self.state, TaskSnapshot) else None

    @property
    def certified(self) -> TaskSnapshot | None:
        """The task where its weights are certified: only then can it be asked."""
        found = self.training
        return found if found is not None and found.certified else None

    @property
    def insecure(self) -> bool:
        """Whether a proof of the model, or of its predictions, is under a development key."""
        return bool(self.insecure_verifiers)

    @property
    def insecure_verifiers(self) -> tuple[str, ...]:
        """Addresses of these verifiers: under their keys nothing is proven."""
        trained = () if self.log is None else tuple(self.log.insecure)
        answers = (self.model.verifier.address,) if self.model is not None and self.model.verifier.insecure else ()
        return (*trained, *answers)

    @property
    def document(self) -> Mapping[str, Any] | None:
        """The metadata, where they are those that the chain names."""
        return self.file.document if self.file is not None and self.verified else None

    def summary(self) -> dict[str, Any]:
        """The network in a list. Words of a document that is not the registered one are not shown there."""
        said, certified = self.document or {}, None if self.log is None else self.log.certified
        return {
            "id": self.entry.id,
            "title": said.get("title"),
            "purpose": said.get("purpose"),
            "metadata_state": VERIFIED if self.verified else MISMATCH if self.file else MISSING,
            "model": self.entry.model.name.lower(),
            "task": self.entry.task,
            "family": None if self.training is None else self.training.family.value,
            "closed": self.entry.closed,
            "certified": self.certified is not None,
            "phase": phase_name(self.state.phase),
            "operators": len(self.offers),
            "insecure": self.insecure,
            "fee": str(self.entry.terms.fee),
            "token": self.entry.token,
            "rows": None if certified is None else certified.rows,
            "updates": self.entry.updates
            or (0 if certified is None else sum(certified.updates.get(node, 0) for node in certified.ready)),
        }

    def detail(self) -> dict[str, Any]:
        """All of the network."""
        entry, terms = self.entry, self.entry.terms
        training, found = self.training, self.certified
        round = None if self.log is None else self.log.certified
        return {
            **self.summary(),
            "owner": entry.owner,
            "uri": self.uri,
            "metadata_hash": f"0x{entry.metadata.hex()}",
            "metadata": None if self.file is None else self.file.document,
            "terms": {
                "user_stake": str(terms.user_stake),
                "operator_stake": str(terms.operator_stake),
                "penalty": str(terms.penalty),
                "fee": str(terms.fee),
                "accept_seconds": terms.accept_seconds,
                "answer_seconds": terms.answer_seconds,
            },
            "owners_share": entry.owners_share,
            "enrolled": entry.enrolled,
            "complete": entry.complete,
            "specification": {
                "hash": f"0x{self.state.spec_hash.hex()}",
                "state": MISSING if self.spec is None else VERIFIED,
                "name": "" if self.spec is None else self.spec.name,
                "label": "" if self.spec is None else self.spec.label,
            },
            "weights": None
            if training is None
            else {
                "commitment": str(training.model_commitment),
                "context": str(training.policy.context),
                "values": list(training.weights),
            },
            "coefficients": None
            if training is None or self.spec is None or not training.weights
            else self.spec.coefficients(training.weights),
            "certificate": None
            if found is None or round is None
            else {
                "round": round.round,
                "bound_per_row": found.bound_per_row,
                "coverage": _coverage(round.rows),
                "withdrawn_since": documents_of(self.withdrawn),
            },
            "predict": None if self.model is None else self.model.to_json(),
            "operators": [one.to_json() for one in self.offers],
        }

    def form(self) -> dict[str, Any] | None:
        """The form of the model; None where it has no certificate, no predictions, or no specification here."""
        if self.certified is None or self.model is None or self.spec is None:
            return None
        found = form_of(self.spec, self.certified, self.model.instance, self.document)
        return {"network": self.entry.id, **found, "insecure": self.insecure}


def _coverage(rows: int | None) -> str | None:
    return None if rows is None else f"over {rows} rows"


def _model(spec: TaskSpec | None, state: TaskState, deployment: Deployment, retired: frozenset[int]) -> Model | None:
    """What the specification names to prove predictions with; None where that is not deployed, or was retired."""
    name = spec.instances.predict if spec is not None and spec.instances is not None else None
    verifier = deployment.verifiers.get(name or "")
    if name is None or verifier is None or verifier.id in retired or not isinstance(state, TaskSnapshot):
        return None
    return Model(find_instance(name), verifier)
