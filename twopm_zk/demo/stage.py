"""The stage of a demonstration: a development chain with everything deployed, and people with accounts and names."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from eth_utils.address import to_checksum_address

from twopm_zk.chain import Chain, DevelopmentNode
from twopm_zk.chain.deployer import deploy_all
from twopm_zk.chain.deployment import Deployment, GeneratedVerifier
from twopm_zk.chain.network import Network
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import SpecError
from twopm_zk.participants.participant import Participant
from twopm_zk.participants.task_view import ChainView
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.keys import keys_of_instances
from twopm_zk.plonk.proving import Verifier
from twopm_zk.proving.prover import Prover
from twopm_zk.rows.tables import Table
from twopm_zk.system.progress import Progress
from twopm_zk.task.specification import TaskSpec

STAKE = 10**18
"""Wei of ETH that everybody puts up."""
RETH = 2
"""Number of rETH among the assets of a development deployment."""
OWNERS = ("north school", "west school", "east school")
USER, STRANGER, OPERATOR = "user with a stake", "user without a stake", "operator"
ISSUER = "registry authority"
"""Attests to the rows of the data owners."""


@dataclass(frozen=True)
class Stage:
    """A deployed network and the accounts of the people in it."""

    node: DevelopmentNode
    deployment: Deployment
    owners: Sequence[str] = OWNERS
    """Names of the data owners."""
    _views: dict[str, ChainView] = field(default_factory=dict, repr=False, compare=False)

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody's names, in the order of the accounts."""
        return "deployer", "coordinator", *self.owners, USER, STRANGER, OPERATOR, ISSUER

    @property
    def names(self) -> dict[str, str]:
        """Everybody's names, by the address of the account with its checksum."""
        return dict(zip(map(to_checksum_address, self.node.accounts), self.people, strict=False))

    def view(self, person: str) -> ChainView:
        """The network as seen by somebody; the same one again, which has compared the contracts already."""
        if person not in self._views:
            key = self.node.private_keys[self.people.index(person)]
            self._views[person] = ChainView(Network(Chain(self.node.url, private_key=key), self.deployment))
        return self._views[person]


def put_up_stake(view: ChainView, amount: int = STAKE + STAKE // 100) -> None:
    """Stake stand-in rETH."""
    view.network.contract("RETHDouble").transact("deposit", value=2 * amount)
    view.staking.stake(RETH, amount)


def split_rows(table: Table, parts: int) -> list[Table]:
    """Nearly equal parts, in order."""
    starts = [round(table.rows * part / parts) for part in range(parts + 1)]
    return [Table(table.names, table.features[low:high], table.labels[low:high]) for low, high in pairwise(starts)]


def verifier_of(backend: str | None) -> Verifier:
    """The verifier that goes with a backend."""
    return "native" if get_backend(backend).name == "native" else "python"


def make_prover(backend: str | None) -> Prover:
    """A prover that checks each proof with the backend's verifier."""
    return Prover(backend=backend, verifier=verifier_of(backend))


@contextmanager
def set_stage(
    spec: TaskSpec, *, owners: Sequence[str] = OWNERS, backend: str | None, tell: Progress
) -> Iterator[Stage]:
    """A development node with everything deployed, and the verifiers of the specification's instances."""
    chosen = spec.instances
    if chosen is None:
        raise SpecError("the demonstration needs a specification that names its instances")
    tell("keys of its circuits")
    keys = keys_of_instances(chosen.names, backend=backend, progress=lambda line: tell(f"keys of its circuits, {line}"))
    verifiers = [GeneratedVerifier.from_keys(find_instance(name), made) for name, made in keys.items()]
    with DevelopmentNode() as node:
        tell("deploying the contracts")
        chain = Chain(node.url, private_key=node.private_keys[0])
        yield Stage(node, deploy_all(chain, verifiers=verifiers, treasury=node.accounts[9]), owners)


class AtWork:
    """People at work, each loop in a thread: ``with AtWork(people) as at_work: at_work.wait()``.

    All stop when the block ends. The first error stops everybody, and is raised where the block ends.
    """

    def __init__(self, people: Sequence[Participant[Any]]) -> None:
        self._people = people
        self._errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(person,), daemon=True) for person in people]

    def _run(self, person: Participant[Any]) -> None:
        try:
            person.run()
        except BaseException as error:  # raised again where the block ends
            self._errors.append(error)
            self._stop()

    def _stop(self) -> None:
        for person in self._people:
            person.loop.stop()

    @property
    def failed(self) -> bool:
        """Whether somebody has met an error: there is nothing to wait for."""
        return bool(self._errors)

    def wait(self) -> None:
        """Until everybody has done their part, or somebody has failed."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.2)

    def __enter__(self) -> AtWork:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()
        for thread in self._threads:
            thread.join(30)
        if self._errors:
            raise self._errors[0]
