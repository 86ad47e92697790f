"""A task of HLRContract: updates are points with proofs, and sums are used with proofs.

Nodes share their openings as they are: masks cancel in the sum, and hide nothing that the contract looks at.
"""

from functools import cache

from soundness.contracts.model.disputes import GENERATORS, Disputes
from soundness.contracts.model.rounds import NO_ARGUMENTS
from soundness.contracts.model.rules import DISPUTED, SUMMED, snake
from support.rounds_task import point_hash
from support.rounds_world import EVALUATE, INFORMATION, STEP, fake_proof
from support.sharing import flattened, plus, provable_opening

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, add
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.statements import Policy

NEVER, FIRST, ALWAYS = range(3)
NAMES = {STEP: "step-32", INFORMATION: "information-32", EVALUATE: "evaluate-32"}
WEIGHTS = ((0, 0, 0, 0), (1, -2, 3, -4), (-(2**31), 2**31 - 1, 0, 7))
WRONG_UPDATES = ("proof", "data", "size", "x", "curve", "identity", "y")
UPDATE_ERRORS = {
    "proof": "InvalidProof",
    "data": "InvalidProof",
    "y": "InvalidProof",
    "size": "NoVerifierOfSize",
    "x": "NotTheProvenX",
    "curve": "NotOnCurve",
    "identity": "IdentityPoint",
}


@cache
def openings(statement, number):
    """An opening and its point; a few of them serve all tests."""
    points = GENERATORS[statement]
    return provable_opening([number + place for place in range(len(points) - 1)], points)


class Regression(Disputes):
    kind = "hlr"

    def __init__(self, surroundings, coordinator, config, number, training, task_key):
        super().__init__(surroundings, coordinator, config, number)
        self.training, self.task_key = training, task_key
        self.information, self.final, self.evaluation = (
            training[name] for name in ("information", "finalInformation", "evaluation")
        )
        held_out = training["heldOutDataset"]
        self.held_out_dataset = held_out if any(held_out) else None
        self.held_out, self.first_opened_at = False, 0
        self.collected = STEP if self.information == NEVER else INFORMATION
        self.weights, self.matrix = WEIGHTS[0], 0
        self.certified, self.certified_nodes, self.credits = 0, 0, {}
        self.points, self.sums = {}, {}
        self.total, self.opening = None, None
        """Of all that was shared in the present share attempt, by whoever is out since, too."""
        self.proofs = 0
        """Proofs that the contract took: of updates, of moves, of certificates."""

    @property
    def policy(self):
        training = self.training
        rules = (training["lambda"], training["weightBound"], training["minRows"])
        return Policy(self.task_key, self.round, self.attempt, *rules, self.matrix)

    @property
    def model(self):
        return model_commitment(self.policy, self.weights)

    def choices(self, accounts, indices):
        yield from ((function, ()) for function in (*NO_ARGUMENTS, "dispute", "settle"))
        yield from (("submitUpdate", (index, "")) for index in indices)
        yield from (("submitUpdate", (indices[0], wrong)) for wrong in WRONG_UPDATES)
        yield from (("ready", (right,)) for right in (True, False))
        yield from (("share", (kind,)) for kind in ("", "digest", "scalar", "length"))
        yield from (("acceptWeights", (kind,)) for kind in ("", "proof", "weights", "count", "matrix"))
        yield from (("certify", (kind,)) for kind in ("", "proof", "bound"))
        yield from (("proceed", (kind,)) for kind in ("", "sum", "generators", "scalar"))
        yield from (("claim", (kind,)) for kind in ("", "crossed", "vector", "points"))
        yield from ((function, (account,)) for function in ("expel", "reveal") for account in accounts)
        yield from (("expelPair", (one, two)) for one in accounts for two in accounts if one != two)

    def real(self, task, person, function, arguments):
        made = getattr(self, f"_real_{snake(function)}", None)
        return (self.id, *(made(task, person, *arguments) if made else arguments))

    # --- collecting ---

    def source(self):
        """What is held out has to be registered before the task's first round."""
        return (self.held_out_dataset, self.first_opened_at) if self.held_out else super().source()

    def _start_attempt(self, now):
        if self.round == 0:
            self.first_opened_at = self.opened_at
        super()._start_attempt(now)

    def _update(self, actor, index):
        number = self.data_of(actor, index) % 7 + 1
        return openings(self.collected, number)

    def _real_submit_update(self, task, person, index, wrong):
        _, point = self._update(person.address, index)
        x, y = point
        size = 33 if wrong == "size" else 32
        data = self.data_of(person.address, index)
        y = FIELD_ORDER + y if wrong == "y" and FIELD_ORDER + y < 2**256 else y
        proof = fake_proof(NAMES[self.collected], self.model, data + (wrong == "data"), y)
        if wrong in ("proof", "y"):
            proof[0] ^= 1
        x, y = {"x": (FIELD_ORDER - x, y), "curve": (x, y ^ 1), "identity": (0, 1)}.get(wrong, (x, y))
        return size, index, x, y, proof

    def _no_submit_update(self, now, actor, index, wrong):
        yield from self._no_update(now, actor, index)
        if wrong:
            yield UPDATE_ERRORS[wrong]
        if wrong == "y":
            yield "NotOnCurve"  # not in reduced coordinates

    def _do_submit_update(self, now, actor, index, wrong):
        opening, point = self._update(actor, index)
        if self.count(actor, index):
            self.sums[actor], self.points[actor] = opening, point
        else:
            self.sums[actor], self.points[actor] = plus(self.sums[actor], opening), add(self.points[actor], point)
        self.proofs += 1

    # --- sharing ---

    def _real_ready(self, task, person, right):
        return person.keys_to_share(right=right)

    def _real_share(self, task, person, kind):
        vector = list(self.sums.get(person.address, [1] * len(GENERATORS[self.collected])))
        if kind == "scalar":
            vector[0] = SUBGROUP_ORDER
        if kind == "rubbish":
            vector[0] = (vector[0] + 1) % SUBGROUP_ORDER
        return bytes(32) if kind == "digest" else task.digest(), vector[1:] if kind == "length" else vector

    def _no_share(self, now, actor, kind):
        yield from self._no_shares(now, actor, kind != "digest")
        if kind == "scalar":
            yield "NotAScalar"
        if kind == "length":
            yield "WrongNumberOfScalars"
        if actor in self.sums and len(self.sums[actor]) != len(GENERATORS[self.collected]):
            yield "WrongNumberOfScalars"

    def _do_share(self, now, actor, kind):
        if self.shared == 0:
            self.total, self.opening = self.points[actor], self.sums[actor]
        else:
            self.total, self.opening = add(self.total, self.points[actor]), plus(self.opening, self.sums[actor])
        self._do_shares(now, actor)

    # --- what is done with a sum ---

    def _no_sum(self, now, actor, gradient):
        yield from self._phase(SUMMED, DISPUTED)
        if not self._late(now) and actor != self.coordinator:
            yield "NotTheCoordinator"
        if (self.collected == STEP) != gradient:
            yield "WrongCollection"

    def _sum_hash(self):
        return point_hash(self.total or (0, 0))

    def _used(self, now, actor):
        if self.phase == DISPUTED:
            self._reject(now)
        self.missed = 0 if actor == self.coordinator else self.key

    def _next_weights(self, kind):
        return WEIGHTS[1 + self.moves % 2]

    def _real_accept_weights(self, task, person, kind):
        weights, matrix = self._next_weights(kind), 7 + self.moves
        policy = self.policy.next_round(matrix_hash=matrix)
        proof = fake_proof("aggregate", self.model, self._sum_hash(), model_commitment(policy, weights))
        if kind == "proof":
            proof[0] ^= 1
        if kind == "weights":
            weights = (*weights[:3], weights[3] + 1)
        given = weights[1:] if kind == "count" else weights
        return list(given), FIELD_ORDER if kind == "matrix" else matrix, proof

    def _no_accept_weights(self, now, actor, kind):
        yield from self._no_sum(now, actor, True)
        if self.moves == self.maximumRounds:
            yield "RoundLimit"
        if actor != self.coordinator:
            yield from self._in_set(actor)
        wrong = {"proof": "InvalidProof", "weights": "InvalidProof", "count": "WrongNumberOfWeights"}
        if kind:
            yield wrong.get(kind, "NotAFieldElement")

    def _do_accept_weights(self, now, actor, kind):
        self._used(now, actor)
        if self.information == ALWAYS:
            self.collected = INFORMATION
        self.weights, self.matrix = self._next_weights(kind), 7 + self.moves
        self.moves += 1
        self.proofs += 1
        self.next_round(now)

    def _real_certify(self, task, person, kind):
        bound = self.training["gradientTarget"] + (kind == "bound")
        proof = fake_proof("certify", self.model, self._sum_hash(), bound)
        if kind == "proof":
            proof[0] ^= 1
        return bound, proof

    def _no_certify(self, now, actor, kind):
        yield from self._no_sum(now, actor, True)
        if kind:
            yield {"proof": "InvalidProof", "bound": "BoundTooLoose"}[kind]

    def _do_certify(self, now, actor, kind):
        self.certified, self.certified_nodes = self.key, self.ready
        self.credits = {account: self.records[account].batches for account in self.members()}
        self.proofs += 1
        self._used(now, actor)
        self._collect_statistics(now)

    def _real_proceed(self, task, person, kind):
        size = len(GENERATORS[self.collected])
        vector, generators = list(self.opening or [0] * size), flattened(GENERATORS[self.collected])
        if kind == "sum":
            vector[0] = (vector[0] + 1) % SUBGROUP_ORDER
        if kind == "scalar":
            vector[0] += SUBGROUP_ORDER
        return vector, generators[2:] if kind == "generators" else generators

    def _no_proceed(self, now, actor, kind):
        yield from self._no_sum(now, actor, False)
        if kind:
            yield {"sum": "SumDoesNotOpen", "generators": "NotTheGenerators", "scalar": "NotAScalar"}[kind]

    def _do_proceed(self, now, actor, kind):
        self._used(now, actor)
        if self.certified:
            self._collect_statistics(now)
        else:
            self.collected = STEP
            self.next_round(now)

    def _collect_statistics(self, now):
        """Information at weights that have none yet, an evaluation, and one of what was held out, each at most once."""
        last = self.collected
        unknown = self.moves != 0 or self.information == NEVER
        if self.final and last == STEP and unknown:
            self.collected = INFORMATION
        elif self.evaluation and last != EVALUATE:
            self.collected = EVALUATE
        elif self.held_out_dataset and not self.held_out:
            self.collected, self.held_out = EVALUATE, True
        else:
            self.end()
            return
        self.next_round(now)

    def over(self):
        return self.certified != 0 or super().over()

    def _not_given_up(self, now):
        if not self.certified:
            yield "NotTheCoordinator"
        yield from self._not_stuck(now)


@cache
def model_commitment(policy, weights):
    return policy.model_commitment(weights)
