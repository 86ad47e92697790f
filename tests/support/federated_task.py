"""A task of HFLContract as a coordinator and its nodes would use it, with masked updates that are hashes."""

from hashlib import sha256

from support.rounds_world import task_config
from support.sharing import Key

RESULT, OTHER = b"\x01" * 32, b"\x02" * 32


def federated_config(**changes):
    return task_config(**{"maximumBatches": 1, "disputeSeconds": 0, **changes})


class FederatedTask:
    """A task seen from outside: ``dan`` coordinates, the others are its nodes."""

    def __init__(self, world, *, quorum=67, opened=True, **config):
        self.world, self.people, self.hfl = world, world.people, world.hfl
        self.coordinator = world.people.dan
        self.config = federated_config(**config)
        self.receipt = self.coordinator.use(self.hfl).transact("createTask", self.config, quorum)
        self.id = self.receipt.event("TaskCreated")["taskId"]
        if opened:
            self.act(self.coordinator, "openRound")

    def act(self, person, function, *arguments, gas=None):
        return person.use(self.hfl).transact(function, self.id, *arguments, gas=gas)

    def call(self, function, *arguments):
        return self.hfl.call(function, self.id, *arguments)

    @property
    def state(self):
        return self.call("taskOf")

    @property
    def phase(self):
        return self.state["phase"]

    @property
    def digest(self):
        return self.call("setDigestOf")

    def of(self, person):
        return self.call("nodeOf", person.address)

    @property
    def members(self):
        """The set of the present attempt."""
        state = self.state
        key = (state["round"] << 32 | state["attempt"]) + 1
        return [person for person in vars(self.people).values() if self.of(person)["inSet"] == key]

    def named(self, *names):
        return [getattr(self.people, name) for name in names]

    def update(self, person):
        """The salted hash of its update."""
        return sha256(person.name.encode()).digest()

    def commit(self, person, *, index=0):
        return self.act(person, "commitUpdate", index, self.update(person))

    def ready(self, person):
        return self.act(person, "ready", person.lasting.posted, *Key().posted)

    def share(self, person, *, digest=None, content=None, location=0):
        content = content or sha256(f"{person.name} {self.digest}".encode()).digest()
        return self.act(person, "share", digest or self.digest, content, location)

    def confirm(self, person, result=RESULT):
        return self.act(person, "confirm", result)

    def report(self, person, account, *, gas=None):
        return self.act(person, "reportMissing", account.address, gas=gas)

    # --- whole phases; the last receipt ---

    def to_ready(self, *names):
        for person in self.named(*(names or ("ada", "ben", "cleo"))):
            self.commit(person)
        return self.act(self.coordinator, "close")

    def to_sharing(self, *names):
        self.to_ready(*names)
        return [self.ready(person) for person in self.named(*(names or ("ada", "ben", "cleo")))][-1]

    def share_all(self, *, without=()):
        return [self.share(person) for person in self.members if person not in without][-1]

    def to_summed(self, *names):
        self.to_sharing(*names)
        return self.share_all()

    def accept(self, *names, result=RESULT):
        """A whole round, whose result all nodes confirm until it is accepted."""
        self.to_summed(*names)
        before = self.state["moves"]
        for person in self.members:
            receipt = self.confirm(person, result)
            if self.state["moves"] != before:
                return receipt
        return receipt


def federated_task_of_number(world, number):
    """The task of this number, which ``dan`` coordinates; those before it are made as well."""
    while (task := FederatedTask(world, opened=False)).id < number:
        pass
    return task
