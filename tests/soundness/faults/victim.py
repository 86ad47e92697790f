"""A participant of which every look at the chain is a process of its own, forked here, that dies where it is told to.

    python victim.py '{"role": "node", "url": ..., "folder": ..., ...}'

Each line of the standard input is a look: where it is, the points that are done, and what happens besides. The answer
is how the process has ended. Everything that it has learned is lost with it, as in any process that is killed.
"""

import json
import os
import sys
import threading
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.asking_user import AskingUser
from support.deaths import AGAIN, FINISHED, WRONG, Deaths, Journal
from support.people_world import DoubleProver, kept, tables

from twopm_zk.chain import Chain
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.network import Network
from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.errors import ChainError, DeploymentError, MessageError, TransactionError
from twopm_zk.node.node import Node
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.envelope import Envelope
from twopm_zk.participants.loop import OVERTAKEN
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.task_view import ChainView
from twopm_zk.prediction.operator import Operator
from twopm_zk.prediction.store import OperatorStore, UserStore
from twopm_zk.sharing import SecretKey
from twopm_zk.task.specification_file import read_spec

FEE = 10**9


PLANTED = {
    "keeps no key": lambda: setattr(NodeStore, "begin_round_key", lambda store, attempt: SecretKey.drawn()),
    "keeps no opening": lambda: setattr(NodeStore, "updates", lambda store, attempt: {}),
    "forgets its task": lambda: setattr(Coordinator, "_unfinished", lambda coordinator: None),
    "forgets its question": lambda: setattr(UserStore, "kept", lambda store, *_: []),
}
"""Bugs for which a process that is started again is not what it was."""


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


class Victim:
    def __init__(self, options):
        self.options, self.folder = options, Path(options["folder"])
        self.spec = read_spec(self.folder / "spec.json")
        chain = Chain(options["url"], private_key=options["key"])
        self.view = ChainView(Network(chain, Deployment.read(self.folder / "deployment.json")))
        require_verifiers(self.view, self.spec)  # contracts are compared with their sources once

    def look(self, request):
        """One look in this process, which ends with it."""
        chain = self.view.chain
        chain.web3.provider._local = threading.local()  # the connection is the parent's
        # prices differ a little, as they do from one block to the next
        chain.fees = lambda: {"maxPriorityFeePerGas": FEE + request["number"], "maxFeePerGas": 10**11}
        self.journal = journal = Journal(self.folder / f"{self.options['name']}.journal")
        deaths = Deaths(
            journal,
            where=request["where"],
            done=request["done"],
            url=self.options["url"],
            moments=request["moments"],
            unmined=request["unmined"],
        )
        deaths.install()
        participant = getattr(self, f"_{self.options['role']}")(journal)
        try:
            if "envelope" in request:
                self._receive(participant, Envelope.parse(request["envelope"].encode()))
            return FINISHED if participant.tick() else 0
        except DeploymentError:
            raise
        except ChainError as error:
            if isinstance(error, TransactionError) and error.error not in {None, *OVERTAKEN}:
                raise
            journal.write("again", error.message)
            return AGAIN

    def _receive(self, operator, envelope):
        try:
            operator.receive(envelope)
        except MessageError as error:
            if error.reason != "stale":  # answered by the process before
                raise

    def _notify(self, news):
        self.journal.write("news", news.kind)

    def _path(self):
        return self.folder / f"{self.options['name']}.db"

    def _node(self, journal):
        return Node(
            self.view,
            self.spec,
            NodeStore(self._path()),
            prover=JournalProver(journal),
            coordinator=self.options["coordinator"],
            table=tables(self.options["sizes"])[self.options["part"]],
            notify=self._notify,
        )

    def _coordinator(self, journal):
        settings = CoordinatorSettings(straggler_seconds=3600)
        options = {"prover": JournalProver(journal), "settings": settings, "notify": self._notify}
        return Coordinator(self.view, self.spec, CoordinatorStore(self._path()), **options)

    def _operator(self, journal):
        store = OperatorStore(self._path())
        return Operator(self.view, self.spec, store, self.options["network"], prover=JournalProver(journal))

    def _user(self, journal):
        known = {name: self.options[name] for name in ("operator", "fee")}
        return AskingUser(self.view, self.spec, self._path(), journal, **known)


def main(options):
    PLANTED.get(options.get("planted"), lambda: None)()
    victim = Victim(options)
    print("ready", flush=True)
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            end = WRONG
            try:
                end = victim.look(json.loads(line))
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(end)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
