"""A federated task over a development chain: people with a model each, who look at the chain one after the other."""

import contextlib
from dataclasses import replace

import numpy as np
from support.people_stage import ETH, stake
from support.quick_chain import CalledChain

from twopm_zk.chain.network import Network
from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import Stakes
from twopm_zk.errors import TransactionError
from twopm_zk.federated import FederatedSpec, Storage, federate, first_result
from twopm_zk.hfl.attempts import read_attempt
from twopm_zk.hfl.auditor import audit_federated
from twopm_zk.hfl.coordinator import FederatedCoordinator, FederatedSettings, create_task
from twopm_zk.hfl.data import digest_of_number
from twopm_zk.hfl.node import FederatedNode
from twopm_zk.hfl.store import CoordinatorState, FederatedStore
from twopm_zk.hfl.view import FederatedView

SHAPES = ((3,), (1,))


class Line:
    """Least squares by gradient descent on few rows of its own: the same in every process."""

    def __init__(self, seed, rows=8):
        random = np.random.default_rng(int(seed))
        self.features = random.normal(size=(int(rows), 3))
        self.labels = self.features @ [1.0, -2.0, 0.5] + 0.25 + 0.01 * random.normal(size=int(rows))

    def parameters(self):
        return [np.zeros(shape) for shape in SHAPES]

    def fit(self, parameters, config):
        weights, intercept = (np.array(array) for array in parameters)
        for _ in range(config["steps"]):
            residual = self.features @ weights + intercept - self.labels
            weights -= config["rate"] * self.features.T @ residual / len(residual)
            intercept -= config["rate"] * residual.mean(keepdims=True)
        return [weights, intercept], len(self.labels), {}

    def evaluate(self, parameters, config):
        weights, intercept = parameters
        return float(np.mean((self.features @ weights + intercept - self.labels) ** 2)), len(self.labels), {}


def specification(folder, *, locations=2, model=Line, **changes):
    """Of a task for a model, which stores in folders beside each other."""
    options = {
        "title": "lines",
        "shapes": tuple(array.shape for array in model(0).parameters()),
        "clip": 4.0,
        "evaluate": True,
        "fit": {"steps": 3, "rate": 0.2},
        "minimum_nodes": 3,
        "maximum_rounds": 2,
        "quorum_percent": 67,
        "collecting_seconds": 600,
        "ready_seconds": 600,
        "sharing_seconds": 3600,
        "aggregating_seconds": 600,
        "locations": tuple(f"file://{folder}/storage{number}" for number in range(locations)),
        **changes,
    }
    spec = FederatedSpec(**options)
    return replace(spec, initial=first_result(spec, model(0).parameters()).hash)


def view_of(world, number):
    """The world's federated view of an account, the same one again."""
    views = world.__dict__.setdefault("federated_views", {})
    if number not in views:
        chain = CalledChain(world.node.url, private_key=world.node.private_keys[number])
        views[number] = FederatedView(Network(chain, world.deployment))
    views[number].chain.forget_nonces()
    return views[number]


class FederatedStage:
    """A coordinator (account 1) and nodes (accounts 2, 3, ...), with their stores in a folder."""

    def __init__(self, world, folder, *, nodes=4, spec=None, penalty=0, settings=None, models=Line, **options):
        self.world, self.folder, self.news = world, folder, {}
        self.spec = spec or specification(folder)
        self.options, self.models = options, models
        self.stakes = Stakes(2 * penalty, penalty)
        self.settings = settings or FederatedSettings(stakes=self.stakes, straggler_seconds=3600, poll=0.05)
        self.storage = Storage.of(self.spec)
        self.storage.put(0, first_result(self.spec, models(0).parameters()).encoded)
        self.nodes = [self.node(number) for number in range(nodes)]
        if penalty:
            for node in self.nodes:
                stake(node.view, 2 * penalty)
        self.coordinator = self.make_coordinator()
        self.reader, self.task = view_of(world, 8), None

    def view(self, number):
        return view_of(self.world, number)

    def node(self, number, **changes):
        news = self.news.setdefault(number, [])
        options = {
            "model": self.models(number),
            "coordinator": self.view(1).address,
            "data": digest_of_number(number),
            "notify": news.append,
            "poll": 0.05,
            **self.options,
            **changes,
        }
        store = options.pop("store", None) or FederatedStore(self.folder / f"node{number}.db")
        try:
            return FederatedNode(self.view(2 + number), self.spec, store, **options)
        except BaseException:
            store.close()
            raise

    def restart(self, number, **changes):
        """The node as a process that was killed and started again: all that is in memory is gone."""
        self.nodes[number].store.close()
        self.nodes[number] = self.node(number, **changes)
        return self.nodes[number]

    def make_coordinator(self, **changes):
        news = self.news.setdefault("coordinator", [])
        options = {"settings": self.settings, "notify": news.append, **changes}
        view = options.pop("view", None) or self.view(1)
        store = options.pop("store", None) or CoordinatorState(self.folder / f"coordinator{view.address}.db")
        return FederatedCoordinator(view, self.spec, store, **options)

    @property
    def state(self):
        return self.reader.state(self.task)

    @property
    def attempt(self):
        return read_attempt(self.reader, self.state)

    def address(self, number):
        return self.nodes[number].view.address

    def said(self, who, kind):
        return [item for item in self.news.get(who, []) if item.kind == kind]

    def events(self, name):
        events = self.reader.task_events(self.task, from_block=1, to_block=self.reader.block())
        return [event for event in events if event.name == name]

    def begin(self):
        """All are registered, and the first round collects."""
        for node in self.nodes:
            node._register()
        self.task = create_task(self.coordinator.view, self.spec, stakes=self.stakes)
        self.coordinator.task = self.task
        self.coordinator.view.hfl.open_round(self.task)
        return self

    def everybody(self, without=(), coordinator=True):
        found = [node for number, node in enumerate(self.nodes) if number not in without]
        return [*found, self.coordinator] if coordinator else found

    def until(self, phase, *, without=(), coordinator=True, when=lambda state: True, most=40):
        """Let all look again and again until the task is in a phase; numbers of nodes that look away."""
        for _ in range(most):
            for one in (None, *self.everybody(without, coordinator)):
                state = self.state
                if state.phase is phase and when(state):
                    return state
                if one is not None:
                    with contextlib.suppress(TransactionError) if is_liar(one) else contextlib.nullcontext():
                        one.tick()
        said = {who: [item.text for item in news[-3:]] for who, news in self.news.items()}
        raise AssertionError(f"{self.state.phase.name} after {most} looks, not {phase.name}: {said}")

    def finished(self, **options):
        return self.until(Phase.FINISHED, most=120, **options)

    def late(self, seconds=1):
        """Let the phase's deadline pass."""
        self.world.node.advance(max(0, self.state.deadline - self.reader.chain.time) + seconds + 1)

    def last_third(self):
        """Let so much time pass that the last third of the phase begins."""
        state = self.state
        self.world.node.advance(state.deadline - self.reader.chain.time - state.seconds[state.phase] // 3 + 1)

    def expected(self, *numbers, rounds=None):
        """The results of a federation of these nodes in one process."""
        models = [self.models(number) for number in (numbers or range(len(self.nodes)))]
        return list(federate(self.spec, models, rounds=rounds))

    def audited(self):
        """What an audit of the task finds, in which every check holds."""
        report = audit_federated(self.reader, self.task, spec=self.spec)
        assert report.failures == []
        return report

    def stored(self, digest):
        """The files of a content, in all locations."""
        folders = [self.folder / f"storage{number}" for number in range(len(self.spec.locations))]
        return [path for folder in folders if (path := folder / f"{digest.hex()}.bin").exists()]

    def close(self):
        for one in self.everybody():
            one.store.close()


def is_liar(participant):
    return getattr(participant, "lies", False)


__all__ = ["ETH", "FederatedStage", "Line", "is_liar", "specification", "view_of"]
