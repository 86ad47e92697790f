"""One participant as a process of its own, with proofs that are hashes, which kills itself where it is told to.

    python people_process.py '{"role": "node", ..., "die_at": ["proven", 2]}'

``die_at`` is the name of a piece of news and how often it is to come, or ``write`` and a number of store writes.
"""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.people_world import DoubleProver, tables

from twopm_zk.chain import Chain
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.network import Network
from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.node.node import Node
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.database import Database
from twopm_zk.participants.task_view import ChainView
from twopm_zk.task.specification_file import read_spec


class Counted:
    def __init__(self, kind, number):
        self.kind, self.left = kind, number

    def happened(self, kind):
        if kind == self.kind:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class LoggedProver(DoubleProver):
    """Writes down what it proves, so that a proof made twice is seen."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def prove(self, statements):
        results = super().prove(statements)
        with self.path.open("a") as log:
            for result in results:
                log.write(json.dumps([str(value) for value in result.public]) + "\n")
        return results


def main(options):
    kind, number = options.get("die_at") or ("never", 1)
    death = Counted(kind, number)
    if kind == "write":
        plain = Database.run

        def run(self, statement, *values):
            done = plain(self, statement, *values)
            death.happened("write")
            return done

        Database.run = run
    chain = Chain(options["url"], private_key=options["key"])
    view = ChainView(Network(chain, Deployment.read(Path(options["deployment"]))))
    spec, folder, name = read_spec(Path(options["spec"])), Path(options["folder"]), options["name"]
    prover = LoggedProver(folder / f"{name}.proofs")

    def notify(news):
        print(json.dumps({"news": news.kind, "text": news.text}), flush=True)
        death.happened(news.kind)

    if options["role"] == "node":
        with NodeStore(folder / f"{name}.db") as store:
            table = tables(options["sizes"])[options["part"]]
            coordinator = options["coordinator"]
            Node(view, spec, store, prover=prover, coordinator=coordinator, table=table, notify=notify, poll=0.05).run()
    else:
        settings = CoordinatorSettings(poll=0.05, straggler_seconds=3600, opening_seconds=3600, port=options["port"])
        with (
            CoordinatorStore(folder / f"{name}.db") as store,
            Coordinator(view, spec, store, prover=prover, settings=settings, notify=notify) as coordinator,
        ):
            coordinator.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
