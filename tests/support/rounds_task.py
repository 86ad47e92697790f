"""A task of HLRContract as a coordinator and its nodes would use it, with proofs that are hashes."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from support.rounds_world import (
    ETH,
    EVALUATE,
    EVALUATIONS,
    GRADIENT,
    HELD_OUT,
    INFORMATION,
    LOGISTIC,
    MATRICES,
    MATRIX,
    SPEC,
    STEP,
    fake_proof,
    task_config,
    training_config,
)
from support.sharing import Key, commit, flattened, generators_hash, masks, minus, plus, provable_opening

from twopm_zk.numbers.commitments import Tag, public_hash
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.statements import Policy

NONE, CREATED, COLLECTING, READY, SHARING, SUMMED, DISPUTED, FINISHED = range(8)
NAMES = {STEP: "step", INFORMATION: "information", EVALUATE: "evaluate"}
WITH_PENALTY = {"penalty": ETH // 10}


def statistics(world, **changes):
    """All that a task can collect after its certificate."""
    return {
        "finalInformation": True,
        "evaluation": True,
        "heldOutDataset": HELD_OUT,
        "evaluateVerifiers": [world.ids["evaluate-32"]],
        "evaluationGenerators": generators_hash(EVALUATIONS[LOGISTIC]),
        **changes,
    }


class Task:
    """A task seen from outside: what a coordinator and its nodes would do."""

    def __init__(self, world, coordinator, *, config=None, training=None, opened=True):
        self.world, self.coordinator = world, coordinator
        self.hlr = world.hlr
        self.config = task_config(**(config or {}))
        self.training = training_config(world, **(training or {}))
        self.openings, self.round_keys, self.lasting, self.submitted = {}, {}, {}, set()
        self.receipt = coordinator.use(self.hlr).transact("createTask", self.config, self.training)
        self.id = self.receipt.event("TaskCreated")["taskId"]
        if opened:
            self.act(coordinator, "openRound")

    def act(self, person, function, *arguments):
        return person.use(self.hlr).transact(function, self.id, *arguments)

    def call(self, function, *arguments):
        return self.hlr.call(function, self.id, *arguments)

    @property
    def people(self):
        return self.world.people

    @property
    def state(self):
        return self.call("taskOf")

    @property
    def phase(self):
        return self.state["phase"]

    @property
    def model(self):
        return self.call("trainingOf")["modelCommitment"]

    @property
    def collected(self):
        """The statement that proves the updates of the present round."""
        return self.call("trainingOf")["collected"]

    @property
    def key(self):
        """The key of the present attempt."""
        state = self.state
        return (state["round"] << 32 | state["attempt"]) + 1

    @property
    def generators(self):
        known = {STEP: GRADIENT, INFORMATION: MATRICES, EVALUATE: EVALUATIONS[self.training["family"]]}
        return known[self.collected]

    @property
    def policy(self):
        state = self.state
        data = encode(
            ["uint256", "address", "uint256", "bytes32"],
            [self.world.chain.chain_id, self.hlr.address, self.id, SPEC],
        )
        return Policy(
            task_key=int.from_bytes(keccak(data), "big") % FIELD_ORDER,
            round=state["round"],
            attempt=state["attempt"],
            penalty=self.training["lambda"],
            weight_bound=self.training["weightBound"],
            min_rows=self.training["minRows"],
            matrix_hash=self.call("trainingOf")["matrixHash"],
        )

    def data(self, person, index):
        held_out = self.call("trainingOf")["heldOut"]
        dataset = self.training["heldOutDataset"] if held_out else self.config["dataset"]
        return self.world.hub.call("commitmentOf", person.address, dataset, index)

    # --- collecting ---

    def submit(self, person, index=0, *, point=None, size=32, proof=None, values=None):
        """An update with an opening that the node remembers, or the point that is given."""
        points, data = self.generators, self.data(person, index)
        opening = None
        if point is None:
            opening, point = provable_opening(values or [data + i for i in range(len(points) - 1)], points)
        name = ("gaussian-" if self.training["family"] else "") + NAMES[self.collected]
        proof = proof or fake_proof(f"{name}-{size}", self.model, data, point[1])
        receipt = self.act(person, "submitUpdate", size, index, *point, proof)
        self.submitted.add(person)
        if opening:
            key = self.key
            self.openings.setdefault((key, person), [0] * len(points))
            self.openings[key, person] = plus(self.openings[key, person], opening)
        return receipt

    def submit_all(self, *indices, people=("ada", "ben", "cleo")):
        for index in indices or (0,):
            for name in people:
                self.submit(getattr(self.people, name), index)

    def close(self, person=None):
        return self.act(person or self.coordinator, "close")

    # --- the set ---

    def ready(self, person, *, lasting=None, of_round=None):
        self.round_keys[person] = self.round_keys.get(person) or Key()
        of_round = of_round or self.round_keys[person].posted
        receipt = self.act(person, "ready", lasting or person.lasting.posted, *of_round)
        self.lasting[person] = person.lasting
        return receipt

    def ready_all(self, *people):
        self.round_keys = {}
        for person in people or self.participants:
            self.ready(person)

    @property
    def participants(self):
        submitted = [person for person in vars(self.people).values() if person in self.submitted]
        key = self.key
        return [person for person in submitted if self.call("nodeOf", person.address)["participated"] == key]

    @property
    def members(self):
        """The set, by ascending address."""
        key = self.key
        were_ready = sorted(self.lasting, key=lambda person: int(person.address, 16))
        return [person for person in were_ready if self.call("nodeOf", person.address)["inSet"] == key]

    @property
    def digest(self):
        return self.call("setDigestOf")

    def to_sharing(self, *indices, people=("ada", "ben", "cleo", "eve")):
        self.submit_all(*indices, people=people)
        self.close()
        self.ready_all()

    # --- sharing ---

    def pair_masks(self, person, other, digest, count):
        lasting = self.lasting[person].shared(self.lasting[other].posted)
        of_round = self.round_keys[person].shared(self.round_keys[other].posted)
        low, high = sorted((person.address, other.address), key=lambda address: int(address, 16))
        return masks(digest, low, high, lasting, of_round, count)

    def vector(self, person, members=None):
        vector, digest = self.openings[self.key, person], self.digest
        for other in members or self.members:
            if other is not person:
                below = int(person.address, 16) < int(other.address, 16)
                vector = (plus if below else minus)(vector, self.pair_masks(person, other, digest, len(vector)))
        return vector

    def share(self, person, vector=None, *, digest=None):
        return self.act(person, "share", digest or self.digest, vector or self.vector(person))

    def share_all(self, *, without=()):
        members = self.members
        for person in members:
            if person not in without:
                self.share(person, self.vector(person, members))

    def shared_sum(self):
        """What anybody reads off the chain in the present share attempt."""
        state = self.state
        events = self.hlr.events("Shared", taskId=self.id, round=state["round"])
        present = [e for e in events if (e["attempt"], e["shareAttempt"]) == (state["attempt"], state["shareAttempt"])]
        return plus(*(event["vector"] for event in present))

    def opens(self):
        return commit(self.shared_sum(), self.generators) == tuple(self.call("roundPointOf"))

    def to_summed(self, *indices, people=("ada", "ben", "cleo", "eve")):
        self.to_sharing(*indices, people=people)
        self.share_all()

    # --- disputes ---

    def pair_point(self, person, other):
        return self.pair_points(person, [other])[other]

    def pair_points(self, person, others=None):
        digest, points = self.call("disputeOf")["digest"], self.generators
        others = [other for other in others or self.members if other is not person]
        return {other: commit(self.pair_masks(person, other, digest, len(points)), points) for other in others}

    def claim(self, person, points=None, *, vector=None, last=True, generators=None):
        points = self.pair_points(person) if points is None else points
        others = sorted(points, key=lambda other: int(other.address, 16))
        if vector is None:
            state = self.state
            events = self.hlr.events("Shared", taskId=self.id, node=person.address)
            vector = next(e["vector"] for e in reversed(events) if e["shareAttempt"] == state["shareAttempt"])
        generators = flattened(self.generators) if generators is None else generators
        return self.act(
            person,
            "claim",
            vector if last else [],
            generators if last else [],
            [other.address for other in others],
            [points[other] for other in others],
        )

    def keys(self, person):
        return (self.lasting[person].posted, *self.round_keys[person].posted)

    def reveal(self, person, other, *, shown=None, keys=None, generators=None):
        lasting, of_round = self.lasting[other].posted, self.round_keys[other].posted
        shown = shown or [
            self.lasting[person].prove_shared(lasting),
            self.round_keys[person].prove_shared(of_round),
        ]
        mine, theirs = keys or (self.keys(person), self.keys(other))
        points = flattened(self.generators) if generators is None else generators
        return self.act(person, "reveal", other.address, mine, theirs, shown, points)

    # --- acceptance ---

    @property
    def sum_commitment(self):
        return point_hash(self.call("roundPointOf"))

    def next_model(self, weights, matrix=MATRIX):
        return self.policy.next_round(matrix_hash=matrix).model_commitment(weights)

    def accept(self, weights=(1, -2, 3, -4), *, matrix=MATRIX, proof=None, person=None):
        if proof is None:
            proof = fake_proof("aggregate", self.model, self.sum_commitment, self.next_model(weights, matrix))
        return self.act(person or self.coordinator, "acceptWeights", list(weights), matrix, proof)

    def certify(self, bound=500, *, person=None):
        proof = fake_proof("certify", self.model, self.sum_commitment, bound)
        return self.act(person or self.coordinator, "certify", bound, proof)

    def proceed(self, sums=None, *, person=None, generators=None):
        points = flattened(self.generators) if generators is None else generators
        return self.act(person or self.coordinator, "proceed", sums or self.shared_sum(), points)

    def to_accepted(self, weights=(1, -2, 3, -4)):
        self.to_summed()
        return self.accept(weights)


def point_hash(point):
    """The hash of a round's point, the second public input of aggregate and certify."""
    return public_hash(Tag.POINT, list(point))
