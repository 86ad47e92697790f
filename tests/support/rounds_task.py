"""A task of HLRContract as a coordinator and its nodes would use it, with proofs that are hashes."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from support.rounds_world import MATRIX, SPEC, fake_proof, task_config, training_config

from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.statements import Policy

NONE, CREATED, JOINING, COLLECTING, CLOSED, FINISHED = range(6)


class Task:
    """A task seen from outside: what a coordinator and its nodes would do."""

    def __init__(self, world, coordinator, *, config=None, training=None, opened=True):
        self.world, self.coordinator = world, coordinator
        self.hlr = world.hlr
        self.config = task_config(**(config or {}))
        self.training = training_config(world, **(training or {}))
        self.receipt = coordinator.use(self.hlr).transact("createTask", self.config, self.training)
        self.id = self.receipt.event("TaskCreated")["taskId"]
        if opened:
            self.act(coordinator, "openRound")

    def act(self, person, function, *arguments):
        return person.use(self.hlr).transact(function, self.id, *arguments)

    @property
    def state(self):
        return self.hlr.call("taskOf", self.id)

    @property
    def model(self):
        return self.hlr.call("modelCommitmentOf", self.id)

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
            matrix_hash=self.hlr.call("trainingOf", self.id)["matrixHash"],
        )

    def data(self, person, index):
        return self.world.hub.call("commitmentOf", person.address, self.config["dataset"], index)

    def submit(self, person, index=0, *, update=None, size=32, proof=None):
        update = update if update is not None else self.data(person, index) + 10**9
        proof = proof or fake_proof(f"step-{size}", self.model, self.data(person, index), update)
        return self.act(person, "submitUpdate", size, index, update, proof)

    def submit_all(self, *indices, people=("ada", "ben", "cleo")):
        for index in indices or (0,):
            for name in people:
                self.submit(getattr(self.world.people, name), index)

    def close(self, person=None):
        return self.act(person or self.coordinator, "close")

    def fold(self, after=77, *, before=None, segment=None, person=None):
        training = self.hlr.call("trainingOf", self.id)
        inputs = (
            training["partialSum"] if before is None else before,
            self.hlr.call("segmentDigestOf", self.id, training["folded"]) if segment is None else segment,
            after,
        )
        return self.act(person or self.coordinator, "foldSegment", after, fake_proof("fold", *inputs))

    @property
    def digest(self):
        return self.hlr.call("updatesDigestOf", self.id)

    def next_model(self, weights, matrix=MATRIX):
        return self.policy.next_round(matrix_hash=matrix).model_commitment(weights)

    def accept(self, weights=(1, -2, 3, -4), *, matrix=MATRIX, proof=None, person=None, name="aggregate"):
        if proof is None:
            proof = fake_proof(name, self.model, self.digest, self.next_model(weights, matrix))
        return self.act(person or self.coordinator, "acceptWeights", list(weights), matrix, proof)

    def certify(self, bound=500, *, person=None):
        proof = fake_proof("certify", self.model, self.digest, bound)
        return self.act(person or self.coordinator, "certify", bound, proof)

    def to_accepted(self, weights=(1, -2, 3, -4)):
        self.submit_all()
        self.close()
        return self.accept(weights)
