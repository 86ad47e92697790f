"""What each participant does at one look, made anew from what is on its disk, and bugs for which it is not what it was.

A part is made once, before any process of it is forked: it reads there what no process changes.
"""

import os
import threading
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

from support.asking_user import AskingUser
from support.federated_world import Line
from support.people_world import DoubleProver, kept, tables

from twopm_zk.auditor.keys import DerivedKeys
from twopm_zk.chain import Chain
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.network import Network
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.datasets import storing
from twopm_zk.datasets.keys import DataKey, OwnKey, recovery_key
from twopm_zk.datasets.package import Package
from twopm_zk.datasets.storing import put
from twopm_zk.errors import MessageError
from twopm_zk.federated.specification_file import read_specification
from twopm_zk.gateway.audits import AuditResult, Audits
from twopm_zk.gateway.state.reader import Snapshot
from twopm_zk.hfl.coordinator import FederatedCoordinator, FederatedSettings
from twopm_zk.hfl.data import digest_of_number
from twopm_zk.hfl.node import FederatedNode
from twopm_zk.hfl.store import CoordinatorState, FederatedStore
from twopm_zk.hfl.view import FederatedView
from twopm_zk.node.backup import packaged
from twopm_zk.node.node import Node
from twopm_zk.node.registration import load_batches, register
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.envelope import Envelope
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.rounds.store import SharingStore
from twopm_zk.participants.task_view import ChainView
from twopm_zk.plonk.keys import setup
from twopm_zk.prediction.operator import Operator
from twopm_zk.prediction.store import OperatorStore, UserStore
from twopm_zk.provenance.issuing import Issuer
from twopm_zk.provenance.showing import show
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.sharing import SecretKey

FEE = 10**9


class JournalProver(DoubleProver):
    """Writes down what it proves."""

    def __init__(self, journal):
        super().__init__()
        self.journal = journal

    def prove(self, statements, *, keep=None):
        results = super().prove(statements)
        for result in results:
            self.journal.write("proven", [str(value) for value in result.public])
        return kept(results, keep)


class Part:
    """One role; `look` says whether all is done."""

    def __init__(self, options):
        self.options, self.folder, self.journal = options, Path(options["folder"]), None

    def begin(self, number):
        """In the process of its own that dies, with its number."""

    def look(self, request):
        raise NotImplementedError

    @property
    def path(self):
        return self.folder / f"{self.options['name']}.db"


class ChainPart(Part):
    """One account's on a chain."""

    view_of = ChainView

    def __init__(self, options):
        super().__init__(options)
        self.spec = read_specification(self.folder / "spec.json")
        chain = Chain(options["url"], private_key=options["key"])
        self.view = self.view_of(Network(chain, Deployment.read(self.folder / "deployment.json")))

    def begin(self, number):
        chain = self.view.chain
        chain.web3.provider._local = threading.local()  # the connection is the parent's
        # prices differ a little, as they do from one block to the next
        chain.fees = lambda: {"maxPriorityFeePerGas": FEE + number, "maxFeePerGas": 10**11}

    def notify(self, news):
        self.journal.write("news", news.kind)


class ProvenPart(ChainPart):
    def __init__(self, options):
        super().__init__(options)
        require_verifiers(self.view, self.spec)  # contracts are compared with their sources once

    def look(self, request):
        return self.made().tick()

    @property
    def prover(self):
        return JournalProver(self.journal)


class NodePart(ProvenPart):
    def made(self):
        return Node(
            self.view,
            self.spec,
            NodeStore(self.path),
            prover=self.prover,
            coordinator=self.options["coordinator"],
            table=tables(self.options["sizes"])[self.options["part"]],
            notify=self.notify,
        )


class CoordinatorPart(ProvenPart):
    def made(self):
        options = {"prover": self.prover, "settings": CoordinatorSettings(straggler_seconds=3600)}
        return Coordinator(self.view, self.spec, CoordinatorStore(self.path), notify=self.notify, **options)


class OperatorPart(ProvenPart):
    def made(self):
        store = OperatorStore(self.path)
        return Operator(self.view, self.spec, store, self.options["network"], prover=self.prover)

    def look(self, request):
        operator = self.made()
        if "envelope" in request:
            try:
                operator.receive(Envelope.parse(request["envelope"].encode()))
            except MessageError as error:
                if error.reason != "stale":  # answered by the process before
                    raise
        return operator.tick()


class FederatedNodePart(ChainPart):
    view_of = FederatedView

    def look(self, request):
        part = self.options["part"]
        return FederatedNode(
            self.view,
            self.spec,
            FederatedStore(self.path),
            model=Line(part),
            coordinator=self.options["coordinator"],
            data=digest_of_number(part),
            notify=self.notify,
        ).tick()


class FederatedCoordinatorPart(ChainPart):
    view_of = FederatedView

    def look(self, request):
        settings = FederatedSettings(straggler_seconds=3600)
        store = CoordinatorState(self.path)
        return FederatedCoordinator(self.view, self.spec, store, settings=settings, notify=self.notify).tick()


class PutPart(ChainPart):
    """An owner that registers its rows and puts them into storage, as one command after the other does."""

    def look(self, request):
        rows = self.folder / "rows.csv"
        with NodeStore(self.path) as store:
            store.belongs_to(self.view.address, self.view.fingerprint)
            load_batches(store, self.spec, rows)
            register(self.view, store, self.spec)
            with packaged(self.view, store, self.spec, rows, CsvOptions()) as package:
                put(self.view, store, package, self.options["location"], progress=lambda line: None)
        return True


class IssuerPart(ChainPart):
    """An issuer that attests to what it was shown."""

    @cached_property
    def shown(self):
        owner = self.options["owner"]
        (shown,) = show(self.view, self.spec, owner, [Package.read(self.options["package"])])
        return owner, shown.commitments

    def __init__(self, options):
        super().__init__(options)
        assert self.shown

    def look(self, request):
        issuer = Issuer(self.view, self.spec.data_terms)
        issuer.attest(issuer.compare(*self.shown))
        return True


class CachePart(Part):
    """Whoever uses the cache of a machine, here one of its own."""

    def begin(self, number):
        os.environ["TWOPM_ZK_CACHE"] = str(self.folder / "cache")


class KeysPart(CachePart):
    """Who proves something about a circuit, or derives the verifiers of instances, as an auditor does."""

    def look(self, request):
        keyring = DerivedKeys()
        for name in self.options["instances"]:
            keyring.code(name)
        circuit = compile_circuit(self.options["circuit"])
        keys = setup(circuit)
        witness = calculate_witness(circuit, self.options["inputs"])
        return keys.zkey.is_file() and keys.verification_key.public == len(witness.public)


class AuditsPart(CachePart):
    """The gateway, of which a task has been certified; what it keeps of an audit is the same or not there."""

    result = AuditResult({"verdict": "certified"}, "<p>A report</p>" * 1000)

    def look(self, request):
        known = {"entry": SimpleNamespace(task=1), "training": object(), "certified": True, "spec": None}
        network = SimpleNamespace(**known, document={"title": "Grades"})
        audits = Audits(rpc_url="http://127.0.0.1:1", deployment=None, fingerprint="chain")
        audits._made = self.made
        audits.look(Snapshot(1, 1, networks={1: network}, last_events={1: (5, 1)}))
        audits._audit(*audits._next())
        assert audits.state(1).result == self.result
        return True

    def made(self, job):
        self.journal.write("made", job.task)
        return self.result


def begin_any_key(store, account, version, content):
    """A new key each time, which no database has."""
    key = DataKey(version, bytes(31) + b"\1")
    public = recovery_key(account, version).public_key().public_bytes_raw()
    return OwnKey(key, content, key.wrap(version.owner, public))


class UserPart(ChainPart):
    def look(self, request):
        with UserStore(self.path) as store:
            user = AskingUser(self.view, self.spec, store, self.journal)
            return user.ask(operator=self.options["operator"], fee=self.options["fee"])


def keep_a_copy():
    """A write of which nobody is told."""
    true = SharingStore.begin_round_key

    def begun(store, attempt):
        with (store.path.parent / "copy").open("w") as file:
            file.write("a key")
        return true(store, attempt)

    SharingStore.begin_round_key = begun


PARTS = {
    "node": NodePart,
    "coordinator": CoordinatorPart,
    "operator": OperatorPart,
    "federated node": FederatedNodePart,
    "federated coordinator": FederatedCoordinatorPart,
    "put": PutPart,
    "issuer": IssuerPart,
    "keys": KeysPart,
    "audits": AuditsPart,
    "user": UserPart,
}
PLANTED = {
    "keeps no key": lambda: setattr(SharingStore, "begin_round_key", lambda store, attempt: SecretKey.drawn()),
    "keeps no opening": lambda: setattr(NodeStore, "updates", lambda store, attempt: {}),
    "forgets its task": lambda: setattr(Coordinator, "_unfinished", lambda coordinator: None),
    "keeps no update": lambda: setattr(FederatedStore, "update", lambda store, *attempt: None),
    "forgets its federated task": lambda: setattr(FederatedCoordinator, "_unfinished", lambda coordinator: None),
    "keeps no key of its data": lambda: setattr(storing, "begin_key", begin_any_key),
    "keeps a copy": keep_a_copy,
    "forgets its question": lambda: setattr(UserStore, "kept", lambda store, *_: []),
}
"""Bugs for which a process that is started again is not what it was, or writes where nobody looks."""
