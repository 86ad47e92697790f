"""Histories of tasks as the contracts would write them, and as they never would: made in memory, one call at a time.

A `Story` does whatever it is told and refuses nothing. Each of its methods is one transaction, which writes the
events that the contract's function of that name writes.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from twopm_zk.auditor.history import Call, DataSetHistory, Registrations, ReplayedEvent
from twopm_zk.auditor.replay import Replay
from twopm_zk.auditor.report import AuditReport
from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.attestations import Attestation, DataClaim
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, add, multiply
from twopm_zk.numbers.pedersen import vector_generators
from twopm_zk.sharing import Departure, KeyOwner, Member, Place, SecretKey, Sharer, SharingSet, opening_of, vector_of
from twopm_zk.sharing.sums import add_up
from twopm_zk.statements import Collection, Family, Opening, Policy, updates_commitment
from twopm_zk.task.parts.data import DataTerms, Provenance
from twopm_zk.task.parts.step_rule import Collects

CHAIN_ID = 31337
CONTRACT, IDENTITY = "0x" + "C0" * 20, "0x" + "1D" * 20
COORDINATOR = "0x" + "c1" * 20
SPEC_HASH = "0x" + "5e" * 32
TERMS = tuple(DataTerms.of("rows", None, held_out=held_out) for held_out in (False, True))
DATASET, HELD_OUT = (f"0x{terms.id.hex()}" for terms in TERMS)
ISSUER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ATTESTED = DataTerms.of("rows", Provenance((ISSUER,)))
"""Of a data set whose rows the issuer has to attest to."""
TASK_KEY = 77
SECONDS = 100
FEATURES = 2
PENALTY = 5
VERIFIERS = {("step", 47): "step", ("information", 47): "information", ("aggregate", 0): "aggregate"}
VERIFIERS |= {("certify", 0): "certify", ("evaluate", 47): "evaluate"}
STATEMENTS = {Collection.GRADIENT: "step", Collection.INFORMATION: "information", Collection.EVALUATION: "evaluate"}
NUMBERS = {Collection.GRADIENT: 1, Collection.INFORMATION: 2, Collection.EVALUATION: 6}
"""Of what a round collects, in events."""


def proof_of(instance, public):
    digest = keccak(encode(["string", "uint256[]"], [instance, list(public)]))
    return [int.from_bytes(digest, "big"), *[0] * 23]


class HashKeys:
    """A keyring under which a proof is the hash of its instance and public inputs."""

    name = "hashes"

    def verify(self, instance, public, proof):
        return list(proof) == proof_of(instance, public)


def text(name):
    return "0x" + name.encode().ljust(32, b"\0").hex()


@dataclass
class Person:
    """A node with what it needs to share."""

    address: str
    lasting: SecretKey = field(default_factory=SecretKey.drawn)
    round_key: SecretKey | None = None
    opening: Opening | None = None
    index: int = 0


class Story:
    """One task, from its creation on.

    ``final``, ``evaluation`` and ``held_out`` are collected once it is certified, but for the first ``skipped`` ones.
    """

    def __init__(
        self,
        nodes=4,
        *,
        information=0,
        minimum=3,
        penalty=PENALTY,
        final=False,
        evaluation=False,
        held_out=False,
        skipped=0,
        family=Family.LOGISTIC,
        terms=None,
    ):
        self.family = family
        self.dataset = DATASET if terms is None else f"0x{terms.id.hex()}"
        self.terms = TERMS if terms is None else (terms,)
        self.bindings, self.attestations, self.revoked = [], {}, {}
        self.block, self.index, self.now = 10, 0, 1000
        self.events, self.identity, self.data = [], [], []
        self.config = {
            "specHash": SPEC_HASH,
            "dataset": self.dataset,
            "minimumStake": 10,
            "penalty": penalty,
            "minimumNodes": minimum,
            "maximumUpdates": 16,
            "maximumBatches": 4,
            "maximumRounds": 3,
        }
        self.config |= {f"{phase}Seconds": SECONDS for phase in ("collect", "ready", "share", "dispute", "aggregate")}
        self.training = {
            "features": FEATURES,
            "lambda": 4096,
            "weightBound": 1 << 30,
            "minRows": 10,
            "gradientTarget": 1 << 20,
            "family": family.number,
            "information": information,
            "finalInformation": final,
            "evaluation": evaluation,
            "heldOutDataset": HELD_OUT if held_out else "0x" + bytes(32).hex(),
            "initialWeights": [0] * (FEATURES + 1),
            "gradientGenerators": self.generators_hash(Collection.GRADIENT),
            "informationGenerators": self.generators_hash(Collection.INFORMATION),
            "evaluationGenerators": self.generators_hash(Collection.EVALUATION),
        }
        self.weights, self.matrix, self.round, self.attempt = [0] * (FEATURES + 1), 0, 0, 0
        self.kind, self.held_out = Collection.INFORMATION if information else Collection.GRADIENT, False
        self.after = [(Collection.INFORMATION, False)] * final + [(Collection.EVALUATION, False)] * evaluation
        self.after += [(Collection.EVALUATION, True)] * held_out
        del self.after[:skipped]
        self.certified = False
        self.people = [Person("0x" + f"{number:02x}" * 20) for number in range(0x20, 0x20 + nodes)]
        for person in self.people:
            self.join(person)
            self.set_key(person)
            self.register(person, 0)
            if held_out:
                self.register(person, 0, HELD_OUT)
        self.barred = set()
        with self.call(COORDINATOR, "createTask", config=self.config, training=self.training) as emit:
            emit("TaskCreated", taskId=1, coordinator=COORDINATOR, specHash=SPEC_HASH, dataset=self.dataset)
            emit("ModelPublished", taskId=1, round=0, weights=self.weights, matrixHash=0, proof=[0] * 24)

    # --- how events are written ---

    def generators_of(self, kind):
        return vector_generators(kind.unit(self.family), kind.sums(FEATURES + 1, self.family))

    def generators_hash(self, kind):
        numbers = [number for point in self.generators_of(kind) for number in point]
        return "0x" + keccak(encode(["uint256[]"], [numbers])).hex()

    @contextmanager
    def call(self, sender, function, **arguments):
        """One transaction in a block of its own."""
        self.block, self.index, self.now = self.block + 1, 0, self.now + 1
        call = Call(function, arguments, sender)

        def emit(name, **values):
            self.events.append(
                ReplayedEvent(
                    name,
                    values,
                    CONTRACT,
                    self.block,
                    f"0x{self.block:064x}",
                    self.next_index(),
                    time=self.now,
                    parent=self.block.to_bytes(32, "big"),
                    call=call,
                )
            )

        yield emit

    def next_index(self):
        self.index += 1
        return self.index

    def log(self, name, **values):
        """An event of another contract, in the present block."""
        return DecodedEvent(name, values, IDENTITY, self.block, f"0x{self.block:064x}", self.next_index())

    def wait(self, seconds=SECONDS + 1):
        self.now += seconds

    # --- accounts ---

    def join(self, person):
        self.identity.append(self.log("Joined", member=person.address, endpoint="", publicKey="0x"))

    def leave(self, person):
        self.identity.append(self.log("Left", member=person.address))

    def set_key(self, person, key=None):
        key = key or person.lasting.aggregation_key(KeyOwner(IDENTITY, CHAIN_ID, person.address))
        names = ("x", "y", "challenge", "response")
        values = dict(zip(names, key.numbers, strict=True))
        self.identity.append(self.log("AggregationKeySet", member=person.address, **values))

    def commitment(self, person, index, dataset=None):
        return int(person.address, 16) % 1000 + 10_000 * index + 5_000 * (dataset == HELD_OUT)

    def register(self, person, index, dataset=None):
        commitment, dataset = self.commitment(person, index, dataset), dataset or self.dataset
        values = {"owner": person.address, "dataset": dataset, "index": index, "commitment": commitment}
        self.data.append(self.log("Registered", **values))
        return commitment

    def attest(self, person, indices=(0,), *, bound=None, **changes):
        """The issuer attests to a person's batches, and that is bound to them, or to others that are ``bound``."""
        (terms,), commitments = self.terms, [self.commitment(person, index) for index in indices]
        self.block, self.index, self.now = self.block + 1, 0, self.now + 1
        known = {
            "uid": keccak(encode(["uint256", "string"], [self.block, person.address])),
            "schema": terms.attestation_schema,
            "time": self.now,
            "expires": 0,
            "revoked": 0,
            "recipient": person.address,
            "attester": ISSUER,
            "data": DataClaim.of(terms.id, commitments).encoded,
        }
        made = Attestation(**(known | changes))
        self.attestations[made.uid] = made
        values = {"owner": person.address, "dataset": self.dataset, "uid": f"0x{made.uid.hex()}"}
        self.bindings.append(self.log("DataAttested", **values, commitments=bound or commitments))
        return made

    def revoke(self, attestation, *, told=True):
        """The issuer revokes it now; EAS's event may not be ``told``."""
        self.block, self.index, self.now = self.block + 1, 0, self.now + 1
        self.attestations[attestation.uid] = replace(attestation, revoked=self.now)
        if told:
            self.revoked[attestation.uid] = (self.block, self.next_index())

    def datasets(self):
        """What DataHub and EAS say of the task's data sets, which were open before everything else."""
        said = (self.bindings, self.attestations, self.revoked)
        return {f"0x{terms.id.hex()}": DataSetHistory(terms, (1, 0), *said) for terms in self.terms}

    # --- collecting ---

    @property
    def policy(self):
        training = self.training
        rules = (training["lambda"], training["weightBound"], training["minRows"])
        return Policy(TASK_KEY, self.round, self.attempt, *rules, self.matrix)

    @property
    def model(self):
        return self.policy.model_commitment(self.weights)

    @property
    def place(self):
        return Place(
            chain_id=CHAIN_ID, contract=CONTRACT, task=1, round=self.round, attempt=self.attempt, identity=IDENTITY
        )

    @property
    def generators(self):
        return self.generators_of(self.kind)

    @property
    def unit(self):
        return self.kind.unit(self.family)

    @property
    def count(self):
        return self.kind.sums(FEATURES + 1, self.family)

    def begin_attempt(self, emit):
        where = {"taskId": 1, "round": self.round, "attempt": self.attempt}
        collects = {"collected": NUMBERS[self.kind], "heldOut": self.held_out}
        emit("AttemptModel", **where, **collects, modelCommitment=self.model)
        emit("RoundOpened", **where, deadline=self.now + SECONDS)
        self.updates, self.points, self.shares, self.shared_once, self.sharing = [], {}, {}, False, False
        self.set, self.claims = SharingSet(self.place, b""), {}
        for person in self.people:
            person.opening = None

    @property
    def where(self):
        return {"taskId": 1, "round": self.round, "attempt": self.attempt}

    def open_round(self):
        with self.call(COORDINATOR, "openRound", taskId=1) as emit:
            self.begin_attempt(emit)

    def reopen(self):
        self.attempt += 1
        with self.call(self.people[0].address, "reopen", taskId=1) as emit:
            self.begin_attempt(emit)

    def submit(self, person, *, index=0, **changes):
        items = [int(person.address[:4], 16) + position for position in range(self.count)]
        opening = Opening.drawn(self.unit, items, 11)
        data = self.commitment(person, index, HELD_OUT if self.held_out else None)
        instance = STATEMENTS[self.kind]
        values = {"data": data, "x": opening.point.x, "y": opening.point.y, "position": len(self.updates), "size": 47}
        values |= {"index": index, "proof": proof_of(instance, (self.model, data, opening.point.y))} | changes
        with self.call(person.address, "submitUpdate") as emit:
            emit("UpdateAccepted", **self.where, node=person.address, **values)
        person.opening = opening if person.opening is None else person.opening + opening
        self.points[person.address] = person.opening.point
        self.updates.append(person.address)

    def close(self, sender=COORDINATOR):
        with self.call(sender, "close", taskId=1) as emit:
            self.set = SharingSet.closed(self.place, self.block.to_bytes(32, "big"))
            emit("SetOpened", **self.where, digest=self.digest)
            counts = {"nodes": len(set(self.updates)), "updates": len(self.updates)}
            emit("RoundClosed", **self.where, **counts, deadline=self.now + SECONDS)
            self.unready = set(self.updates)

    # --- sharing ---

    @property
    def digest(self):
        return "0x" + self.set.digest.hex()

    def ready(self, person):
        person.round_key = SecretKey.drawn()
        key = person.lasting.posted
        member = Member(person.address, key, person.round_key.posted, self.points[person.address])
        self.set = self.set.with_ready(member)
        seat = self.set.seats - 1
        self.unready.discard(person.address)
        round_key = dict(zip(("roundX", "roundY"), person.round_key.posted.eighth, strict=True))
        point = dict(zip("xy", member.point, strict=True))
        values = {"seat": seat, "node": person.address, "lasting": list(key.eighth), **round_key, **point}
        with self.call(person.address, "ready", taskId=1) as emit:
            emit("NodeReady", **self.where, **values)
            if not self.unready:
                self.begin_sharing(emit)

    def start_sharing(self):
        with self.call(self.people[0].address, "startSharing", taskId=1) as emit:
            self.begin_sharing(emit)

    def begin_sharing(self, emit):
        self.set = self.set if self.set.started else self.set.begun()
        values = {"shareAttempt": self.set.share_attempt, "nodes": len(self.set.members), "digest": self.digest}
        emit("SharingStarted", **self.where, **values, deadline=self.now + SECONDS)
        self.shares, self.claims, self.sharing = {}, {}, True

    def restart(self, emit):
        if len(self.set.members) < self.config["minimumNodes"]:
            self.fail(emit, "too few nodes")
            return
        self.set = self.set.next_share_attempt()
        self.begin_sharing(emit)

    def sharer(self, person):
        return Sharer(self.set, person.address, person.lasting, person.round_key)

    def share(self, person, *, rubbish=False, digest=None, vector=None):
        vector = list(vector or self.sharer(person).vector(self.generators, vector_of(person.opening)))
        if rubbish:
            vector[0] += 1
        self.shares[person.address], self.shared_once = vector, True
        attempt = {"shareAttempt": self.set.share_attempt}
        with self.call(person.address, "share", taskId=1, digest=digest or self.digest, vector=vector) as emit:
            emit("Shared", **self.where, **attempt, node=person.address, vector=vector)
            if set(self.shares) == set(self.set.addresses):
                x, y = self.point
                emit("SumShared", **self.where, **attempt, x=x, y=y, deadline=self.now + SECONDS)

    @property
    def point(self):
        return add_up(member.point for member in self.set.members)

    @property
    def total(self):
        vector = [sum(column) for column in zip(*self.shares.values(), strict=True)]
        return opening_of(self.unit, self.count, vector)

    def leaves(self, emit, address, reason):
        seat = self.set.member(address).seat
        self.set = self.set.without(address, reason)
        emit("NodeLeft", **self.where, node=address, seat=seat, reason=text(reason.value), digest=self.digest)
        if reason is not Departure.WITHDREW:
            emit("NodeBarred", taskId=1, node=address)
        if self.config["penalty"] and (reason is not Departure.WITHDREW or self.sharing):
            penalty = self.config["penalty"]
            emit("Penalised", taskId=1, node=address, value=penalty, reason=text(reason.value))

    def withdraw(self, person):
        with self.call(person.address, "withdraw", taskId=1) as emit:
            if person.address not in self.set:
                emit("UpdateWithdrawn", **self.where, node=person.address)
                self.unready.discard(person.address)
                return
            self.leaves(emit, person.address, Departure.WITHDREW)
            if self.shared_once:
                self.restart(emit)

    def expel(self, person, *, restart=None):
        with self.call(self.people[0].address, "expel", taskId=1, account=person.address) as emit:
            self.leaves(emit, person.address, Departure.SILENT)
            everybody = set(self.set.addresses) <= set(self.shares)
            if restart if restart is not None else self.shared_once and everybody and not self.claims:
                self.restart(emit)

    # --- disputes ---

    def dispute(self, person):
        self.accuser, self.disputed_set = person.address, self.set
        attempt = {"shareAttempt": self.set.share_attempt}
        with self.call(person.address, "dispute", taskId=1) as emit:
            emit("DisputeOpened", **self.where, **attempt, accuser=person.address, deadline=self.now + SECONDS)

    def claim(self, person, changes=None, *, complete=True, parts=1):
        """``changes`` are pair points in place of the true ones, by the other's address."""
        claims = self.sharer(person).claims(self.generators) | (changes or {})
        self.claims[person.address] = claims
        others = list(claims)
        step = -(-len(others) // parts)
        for start in range(0, len(others), step):
            some = others[start : start + step]
            last = start + step >= len(others)
            with self.call(person.address, "claim", taskId=1) as emit:
                for other in some:
                    theirs = self.claims.get(other, {}).get(person.address)
                    if theirs not in (None, claims[other]):
                        attempt = {"shareAttempt": self.set.share_attempt}
                        emit("Contradiction", **self.where, **attempt, node=person.address, other=other)
                values = {"others": some, "points": [list(claims[other]) for other in some]}
                values |= {"shareAttempt": self.set.share_attempt, "complete": complete and last}
                emit("PairPointsClaimed", **self.where, node=person.address, **values)

    def lie(self, liar, victim, part=1):
        """A claim that hides a part of the rubbish that was shared, at the cost of one pair."""
        true = self.sharer(liar).claims(self.generators)
        sign = 1 if int(liar.address, 16) < int(victim.address, 16) else -1
        shift = multiply(self.generators[0], sign * part % SUBGROUP_ORDER)
        return {victim.address: add(true[victim.address], shift)}

    def reveal(self, person, other, *, truth=None):
        (shown,) = (
            answer
            for answer in Sharer(self.disputed_set, person.address, person.lasting, person.round_key).answers(
                self.generators, {other.address: {person.address: self.generators[0]}}
            )
            if answer.other == other.address
        )
        honest = Sharer(self.disputed_set, person.address, person.lasting, person.round_key).claims(self.generators)
        truth = truth or honest[other.address]
        names = ("x", "y", "challenge", "response")
        points = [
            dict(zip(names, (*proven.eighth, proven.challenge, proven.response), strict=True))
            for proven in (shown.lasting, shown.round_key)
        ]
        with self.call(person.address, "reveal", taskId=1, other=other.address, shown=points) as emit:
            x, y = truth
            values = {"node": person.address, "other": other.address, "x": x, "y": y}
            emit("PairRevealed", **self.where, shareAttempt=self.set.share_attempt, **values)
            for one, two in ((person, other), (other, person)):
                if self.claims[one.address][two.address] != truth:
                    self.leaves(emit, one.address, Departure.LIED)

    def settle(self, *, undecided=False):
        with self.call(self.people[0].address, "settle", taskId=1) as emit:
            if undecided:
                self.fail(emit, "undecided dispute")
            else:
                self.restart(emit)

    def fail(self, emit, reason):
        emit("TaskFailed", taskId=1, reason=text(reason))
        emit("TaskFinished", taskId=1, round=self.round)

    def reject(self):
        with self.call(self.people[0].address, "settle", taskId=1) as emit:
            self.rejects(emit)

    def rejects(self, emit):
        emit("DisputeRejected", **self.where, accuser=self.accuser)
        emit("NodeBarred", taskId=1, node=self.accuser)
        if self.config["penalty"]:
            penalty = self.config["penalty"]
            emit("Penalised", taskId=1, node=self.accuser, value=penalty, reason=text("accused without cause"))

    # --- what is made of a sum ---

    def proceed(self, sender=COORDINATOR):
        with self.call(sender, "proceed", taskId=1) as emit:
            said = list(vector_of(self.total))
            emit("SumOpened", taskId=1, round=self.round, collected=NUMBERS[self.kind], sum=said)
            if self.certified:
                self.go_on(emit)
            else:
                self.round, self.attempt, self.kind = self.round + 1, 0, Collection.GRADIENT
                self.begin_attempt(emit)

    def go_on(self, emit):
        """What is collected after the certificate, or the end."""
        if not self.after:
            emit("TaskFinished", taskId=1, round=self.round)
            return
        (self.kind, self.held_out), *self.after = self.after
        self.round, self.attempt = self.round + 1, 0
        self.begin_attempt(emit)

    def accept(self, weights, *, matrix=99, sender=COORDINATOR, rejecting=False):
        following = self.policy.next_round(matrix_hash=matrix).model_commitment(weights)
        proof = proof_of("aggregate", (self.model, updates_commitment(self.point), following))
        values = {"weights": list(weights), "matrixHash": matrix}
        values["proof"] = proof
        with self.call(sender, "acceptWeights", taskId=1, **values) as emit:
            if rejecting:
                self.rejects(emit)
            emit("ModelPublished", taskId=1, round=self.round + 1, **values)
            self.weights, self.matrix, self.round, self.attempt = list(weights), matrix, self.round + 1, 0
            if self.training["information"] == Collects.EVERY_ROUND:
                self.kind = Collection.INFORMATION
            self.begin_attempt(emit)

    def certify(self, bound=5, sender=COORDINATOR):
        proof = proof_of("certify", (self.model, updates_commitment(self.point), bound))
        said = {"gradientBound": bound, "proof": proof}
        with self.call(sender, "certify", taskId=1, **said) as emit:
            emit("Certified", taskId=1, round=self.round, modelCommitment=self.model, **said)
            self.certified = True
            self.go_on(emit)

    def take_over(self, person, coordinator=COORDINATOR):
        with self.call(person.address, "takeOver", taskId=1) as emit:
            emit("CoordinatorChanged", taskId=1, **{"from": coordinator, "to": person.address})

    def finish(self, sender=COORDINATOR):
        with self.call(sender, "finish", taskId=1) as emit:
            emit("TaskFinished", taskId=1, round=self.round)

    # --- whole rounds ---

    def collect(self, people=None):
        for person in people or self.people:
            self.submit(person)

    def share_all(self, people=None):
        for person in people or self.people:
            if person.address in self.set:
                self.share(person)

    def sum_up(self, people=None):
        """A round as it should be, up to its sum."""
        self.collect(people)
        self.close()
        for person in people or self.people:
            self.ready(person)
        self.share_all(people)

    # --- the audit ---

    def replay(self, events=None, *, noisy=False):
        report = AuditReport(1, CHAIN_ID, CONTRACT, self.block, "hashes")
        place = Place(chain_id=CHAIN_ID, contract=CONTRACT, task=1, round=0, attempt=0, identity=IDENTITY)
        registrations = Registrations.of_events(self.data, self.identity, self.datasets())
        replay = Replay(report, registrations, HashKeys(), place=place, task_key=TASK_KEY)
        replay.verifiers.update(VERIFIERS)
        replay.noisy = noisy
        for event in self.events if events is None else events:
            replay.feed(event)
        replay.finish()
        report.gradient_bound, report.distance = replay.bound, replay.distance
        return report


def failed_checks(report):
    return {failure.check for failure in report.failures}


# --- single events that somebody has changed, left out or doubled ---


def without(name, number=0):
    def change(events):
        found = [event for event in events if event.name == name][number]
        return [event for event in events if event is not found]

    return change


def altered(name, number=0, *, call=None, **values):
    def change(events):
        found = [event for event in events if event.name == name][number]
        arguments = None if found.call is None else {**found.call.arguments, **(call or {})}
        made = None if found.call is None else replace(found.call, arguments=arguments)
        new = replace(found, values={**found.values, **values}, call=made)
        return [new if event is found else event for event in events]

    return change


def twice(name, number=0):
    def change(events):
        found = [event for event in events if event.name == name][number]
        at = events.index(found)
        return [*events[: at + 1], found, *events[at + 1 :]]

    return change


def swapped(name):
    def change(events):
        one, two, *_ = [event for event in events if event.name == name]
        places = {id(one): two, id(two): one}
        return [places.get(id(event), event) for event in events]

    return change
