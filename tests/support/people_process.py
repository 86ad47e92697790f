"""One participant as a process of its own, with proofs that are hashes, which kills itself where it is told to.

    python people_process.py '{"role": "node", ..., "die_at": ["news", "proven"]}'

``die_at`` is "news" and its kind; "text" and words of some news; "write" and words of the statement that has changed
the store; or "sent" and the
function of a contract whose transaction the chain has just taken.
"""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.people_world import DoubleProver, kept, tables

from twopm_zk.chain import Chain
from twopm_zk.chain.connection import RpcConnection
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.network import Network
from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.node.node import Node
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.database import Database
from twopm_zk.participants.task_view import ChainView
from twopm_zk.task.specification_file import read_spec


class LoggedProver(DoubleProver):
    """Writes down what it proves, so that a proof made twice is seen."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def prove(self, statements, *, keep=None):
        results = super().prove(statements)
        with self.path.open("a") as log:
            for result in results:
                log.write(json.dumps([str(value) for value in result.public]) + "\n")
        return kept(results, keep)


def dying_after(function, happened):
    def wrapped(self, what, *arguments):
        done = function(self, what, *arguments)
        happened(what)
        return done

    return wrapped


def main(options):
    kind, words = options.get("die_at") or ("never", "")

    def happened(what, *, of):
        if kind == of and words in what:
            os.kill(os.getpid(), signal.SIGKILL)

    Database.run = dying_after(Database.run, lambda statement: happened(statement, of="write"))
    RpcConnection._submit = dying_after(RpcConnection._submit, lambda what: happened(what, of="sent"))
    chain = Chain(options["url"], private_key=options["key"])
    view = ChainView(Network(chain, Deployment.read(Path(options["deployment"]))))
    spec, folder, name = read_spec(Path(options["spec"])), Path(options["folder"]), options["name"]
    prover = LoggedProver(folder / f"{name}.proofs")

    def notify(news):
        print(json.dumps({"news": news.kind, "text": news.text}), flush=True)
        happened(news.kind, of="news")
        happened(news.text, of="text")

    if options["role"] == "node":
        with NodeStore(folder / f"{name}.db") as store:
            table = tables(options["sizes"])[options["part"]]
            coordinator = options["coordinator"]
            Node(view, spec, store, prover=prover, coordinator=coordinator, table=table, notify=notify, poll=0.05).run()
    else:
        settings = CoordinatorSettings(poll=0.05, straggler_seconds=3600)
        with CoordinatorStore(folder / f"{name}.db") as store:
            Coordinator(view, spec, store, prover=prover, settings=settings, notify=notify).run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
