"""A certified task with a network: data owners, an operator who answers, and a user who asks and pays."""

from support.rounds_task import Task
from support.rounds_world import ETH, fake_proof

DAY = 86_400
INPUT = 31337
HLR, HFL = 0, 1
NONE, ASKED, ACCEPTED, ANSWERED, LATE, REFUNDED = range(6)
CREDITS = {"ada": 3, "ben": 1, "cleo": 2}
"""Updates in the certified round."""
UPDATES = sum(CREDITS.values())
METADATA = b"\x11" * 32
TERMS = {
    "userStake": ETH // 100,
    "operatorStake": ETH // 2,
    "acceptSeconds": DAY,
    "answerSeconds": DAY,
    "penalty": ETH // 10,
    "fee": 0,
}


def submit_unevenly(task, credits=None):
    for name, count in (credits or CREDITS).items():
        for index in range(count):
            task.submit(getattr(task.people, name), index)


def certified_task(world, **options):
    """``dan`` coordinates, ``ada``, ``ben`` and ``cleo`` have handed in different numbers of updates."""
    task = Task(world, world.people.dan, **options)
    submit_unevenly(task)
    task.close()
    task.ready_all()
    task.share_all()
    task.certify()
    return task


class Market:
    """A network of ``dan``, who answers as well; ``eve`` asks."""

    def __init__(self, world, task, *, token=False, share=7_000, enrolled=True, offered=True, **terms):
        self.world, self.task, self.people, self.token = world, task, world.people, token
        self.contract = world.inference
        self.owner = self.operator = world.people.dan
        self.user = world.people.eve
        self.terms = {**TERMS, **terms}
        self.receipt = self.govern("register", HLR, task.id, token, share, METADATA, "ipfs://document", self.terms)
        self.id = self.receipt.event("NetworkRegistered")["id"]
        if enrolled:
            self.enrol(*CREDITS)
        if offered:
            self.act(self.operator, "offer", self.id, world.ids["predict"])

    @property
    def fee(self):
        return self.network["terms"]["fee"]

    @property
    def network(self):
        return self.world.networks.call("networkOf", self.id)

    def govern(self, function, *arguments, person=None):
        return (person or self.owner).use(self.world.networks).transact(function, *arguments)

    def enrol(self, *names, person=None):
        nodes = [getattr(self.people, name).address for name in names]
        return self.govern("enrol", self.id, nodes, person=person or self.people.eve)

    def act(self, person, function, *arguments, value=0):
        return person.use(self.contract).transact(function, *arguments, value=value)

    def ask(self, *inputs, person=None, value=None, maximum=None, verifier="predict", operator=None):
        """The receipt of a question; the usual price is paid."""
        inputs, person = inputs or (INPUT,), person or self.user
        price = self.fee * len(inputs)
        if self.token and price:
            self.world.token.transact("mint", person.address, price)
            person.use(self.world.token).transact("approve", self.contract.address, price)
        value = (0 if self.token else price) if value is None else value
        operator = (operator or self.operator).address
        verifier = self.world.ids[verifier]
        maximum = self.fee if maximum is None else maximum
        return self.act(person, "ask", self.id, operator, verifier, list(inputs), maximum, value=value)

    def asked(self, *inputs, **options):
        """The numbers of the requests of a question."""
        return [event["id"] for event in self.ask(*inputs, **options).events if event.name == "Asked"]

    def accept(self, *requests):
        return self.act(self.operator, "accept", list(requests))

    def accepted(self, **options):
        (request,) = self.asked(**options)
        self.accept(request)
        return request

    def proof(self, request, prediction, name="predict"):
        found = self.of(request)
        return fake_proof(name, found["modelCommitment"], found["inputCommitment"], prediction)

    def answer(self, request, prediction=40_000, *, person=None):
        return self.act(person or self.operator, "answer", request, prediction, self.proof(request, prediction))

    def answered(self, **options):
        request = self.accepted(**options)
        self.answer(request)
        return request

    def of(self, request):
        return self.contract.call("requestOf", request)

    def state(self, request):
        return self.of(request)["state"]

    def owed(self, person, *, token=None):
        token = self.token if token is None else token
        return self.contract.call("owedTo", person.address, token)

    def claimable(self, person):
        return self.contract.call("claimable", self.id, person.address)

    def obligations(self):
        return self.contract.call("obligationsOf", self.operator.address)

    def retire(self, name="predict"):
        self.world.registry.transact("retire", self.world.ids[name])
