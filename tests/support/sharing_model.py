"""Rounds of sharing in memory: a contract, nodes, and one switch for each rule that stops an attack.

`without` takes a rule away: of the contract, of a node, or of the library itself. So each attack is seen to succeed
where its rule is missing, and to fail where all are there.
"""

from dataclasses import dataclass, field
from enum import Enum

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, Point, hash_to_point, is_on_curve
from twopm_zk.sharing import (
    AggregationKey,
    Collection,
    Conditions,
    Departure,
    Evidence,
    KeyOwner,
    Ledger,
    Member,
    PhaseTime,
    Place,
    PostedKey,
    SecretKey,
    Sharer,
    SharingSet,
    commit,
    conditions,
    disputes,
    judge,
    keys,
    open_sum,
    pairs,
    ready_objections,
    share_objections,
)
from twopm_zk.sharing.hashes import abi_hash
from twopm_zk.sharing.sums import add_up

IDENTITY_CONTRACT = "0x" + "1d" * 20
CHAIN_ID = 31337
PHASE = 300
ROWS = 100
GENERATORS = tuple(hash_to_point(name) for name in ("model 0", "model 1", "blinding"))

LANES = ((1000, -1), (1001, -7), (1002, -49), (1003, -343), (1004, -2401), (1005, -16807))
"""What nodes submit, unless a test has something else."""


class Rule(Enum):
    """What stops an attack, and where it is kept."""

    # the library
    COFACTOR = "what counts of a posted point is 8 times it"
    PAIR = "a pair's addresses go into its masks"
    DIGEST = "the set's digest goes into masks"
    ROUND_KEYS = "half of what masks come from is thrown away after the round"
    # the contract
    POSSESSION = "a lasting key is set with a proof of possession only"
    SMALL_X = "x is below 2^252"
    FIXED_SET = "nobody is left out of a set by others before its deadline"
    HARMLESS_SILENCE = "a proven liar makes silence harmless"
    # a node
    EARLY = "nothing is sent in the last third of a phase"
    LEDGER = "rows are shared once at the same weights"
    LINEAR = "in a linear regression all weights count as one, and information as gradients do"
    NAMED_ACCOUNTS = "accounts that the owner names must be in the set"
    REFUSE_AFTER_SILENCE = "no share after a node that had shared was left out for silence"
    FRESH_BLINDING = "a blinding is used once"


def without(monkeypatch, *rules):
    """Take rules of the library away; those of the contract and of nodes are looked up in the `Game`."""
    for rule in rules:
        if rule is Rule.COFACTOR:
            for module in (keys, disputes):
                monkeypatch.setattr(module, "COFACTOR", 1)
                monkeypatch.setattr(module, "EIGHTH", 1)
        elif rule is Rule.EARLY:
            monkeypatch.setattr(conditions.PhaseTime, "is_late", False)
        elif rule in (Rule.PAIR, Rule.DIGEST, Rule.ROUND_KEYS):
            for module in (pairs, disputes):
                monkeypatch.setattr(module, "pair_seed", weak_seed(rule))


def weak_seed(rule):
    def seed(digest, one, other, shared):
        low, high = sorted((one, other), key=lambda address: int(address, 16))
        points = [*shared.lasting] if rule is Rule.ROUND_KEYS else [*shared.lasting, *shared.round_key]
        return abi_hash(
            ("bytes32", bytes(32) if rule is Rule.DIGEST else digest),
            ("address[]", [] if rule is Rule.PAIR else [low, high]),
            ("uint256[]", points),
        )

    return seed


class RefusedError(Exception):
    """What the contract reverts with."""


def address_of(number):
    return f"0x{number:040x}"


@dataclass
class Game:
    """One task: what its contract keeps of the present attempt, and what everybody has seen."""

    missing: frozenset = frozenset()
    """The rules that do not hold."""
    generators: tuple = GENERATORS
    minimum: int = 3
    task: int = 1
    contract: str = "0x" + "c0" * 20
    attempt: int = 1
    now: int = 0
    deadline: int = 0
    keys: dict = field(default_factory=dict)
    points: dict = field(default_factory=dict)
    set: SharingSet | None = None
    shares: dict = field(default_factory=dict)
    ever_shared: bool = False
    penalised: list = field(default_factory=list)
    claims: dict = field(default_factory=dict)
    reveals: list = field(default_factory=list)

    @property
    def place(self):
        return Place(
            chain_id=CHAIN_ID,
            contract=self.contract,
            task=self.task,
            round=1,
            attempt=self.attempt,
            identity=IDENTITY_CONTRACT,
        )

    @property
    def time(self):
        return PhaseTime(self.now, self.deadline, PHASE)

    @property
    def rows(self):
        """One batch of each node, whatever it is called."""
        return {account: [int(account, 16)] for account in self.points}

    def require(self, condition, reason):
        if not condition:
            raise RefusedError(reason)

    def register(self, account, key):
        """`setAggregationKey`."""
        key = AggregationKey.parse(*key.numbers)
        self.require(key.is_proven(owner(account)) or Rule.POSSESSION in self.missing, "no proof of possession")
        self.keys[account] = PostedKey(key.eighth)

    def submit(self, account, x, y):
        """The proof speaks of y alone; x comes beside it."""
        self.require(is_on_curve(Point(x, y)), "not on the curve")
        self.require(x < 1 << 252 or Rule.SMALL_X in self.missing, "x too large")
        self.points[account] = add_up([self.points[account], Point(x, y)] if account in self.points else [Point(x, y)])

    def close(self, block_hash=bytes(32)):
        self.set = SharingSet.closed(self.place, block_hash)
        self.begin_phase()

    def start(self):
        self.set = self.set.begun()
        self.begin_phase()

    def begin_phase(self):
        self.deadline = self.now + PHASE

    def ready(self, account, round_key):
        self.require(account in self.points and account in self.keys, "no update or no key")
        member = Member(account, self.keys[account], PostedKey.parse(*round_key.eighth), self.points[account])
        self.set = self.set.with_ready(member)

    def withdraw(self, account):
        if self.ever_shared:
            self.penalised.append(account)
        self.set = self.set.without(account, Departure.WITHDREW)
        if self.ever_shared:
            self.share_anew()

    def share(self, account, digest, vector):
        self.require(account in self.set and account not in self.shares, "not in the set, or has shared")
        self.require(digest == self.set.digest, "another set")
        self.require(len(vector) == len(self.generators), "another length")
        self.require(all(0 <= scalar < SUBGROUP_ORDER for scalar in vector), "not reduced")
        self.require(self.now <= self.deadline, "too late")
        self.shares[account] = tuple(vector)
        self.ever_shared = True

    def share_anew(self):
        self.set = self.set.next_share_attempt()
        self.shares, self.claims, self.reveals = {}, {}, []
        self.begin_phase()

    def expel(self, account):
        self.require(self.ever_shared, "nobody has shared")
        self.require(account not in self.shares and self.now > self.deadline, "it has shared, or has time")
        self.leave_out(account, Departure.SILENT)
        if all(member in self.shares for member in self.set.addresses):
            self.share_anew()

    def leave_out(self, account, reason):
        self.penalised.append(account)
        self.set = self.set.without(account, reason)

    def share_again_without(self, account):
        """What a coordinator would like to have; no contract has it."""
        self.require(Rule.FIXED_SET in self.missing, "nobody can do that")
        self.set = self.set.without(account, Departure.WITHDREW)
        self.share_anew()

    def reopen(self):
        self.require(not self.ever_shared, "somebody has shared")
        failed = len(self.set.members) < self.minimum or self.now > self.deadline
        self.require(failed, "enough are there, and have time")
        self.attempt, self.points, self.set = self.attempt + 1, {}, None

    def opened(self):
        assert self.shares.keys() == set(self.set.addresses)
        return open_sum(self.generators, self.shares.values(), [member.point for member in self.set.members])

    def verdict(self, accuser=None):
        evidence = Evidence(
            sharing_set=self.set,
            generators=self.generators,
            vectors=self.shares,
            claims=self.claims,
            reveals=self.reveals,
            accuser=accuser,
        )
        return judge(evidence)

    def settle(self):
        """After all deadlines: a new share attempt without those that the verdict leaves out."""
        verdict = self.verdict()
        out = verdict.left_out
        if Rule.HARMLESS_SILENCE in self.missing:
            out |= verdict.silent
        for account in sorted(out):
            self.leave_out(account, Departure.LIED if account in verdict.liars else Departure.SILENT)
        self.share_anew()


@dataclass
class Node:
    """An honest node, and what an attacker does with its own one's secrets."""

    game: Game
    address: str
    lasting: SecretKey = field(default_factory=SecretKey.drawn)
    round_key: SecretKey = field(default_factory=SecretKey.drawn)
    conditions: Conditions | None = None
    collection: Collection | None = None
    ledger: Ledger = field(default_factory=Ledger)
    opening: tuple = ()

    def __post_init__(self):
        self.conditions = self.conditions or Conditions(
            refuse_after_silence=Rule.REFUSE_AFTER_SILENCE not in self.game.missing
        )
        self.collection = self.collection or Collection(
            statement="gradient", weights=0, data=frozenset([int(self.address, 16)])
        )

    def register(self):
        self.game.register(self.address, self.lasting.aggregation_key(owner(self.address)))

    def update(self, *lanes, blinding=None):
        """One proven update with a fresh blinding, for which x is small."""
        while True:
            drawn = SecretKey.drawn().scalar if blinding is None else blinding
            made = (*(lane % SUBGROUP_ORDER for lane in lanes), drawn)
            point = commit(self.game.generators, made)
            if point.x < 1 << 252:
                break
            assert blinding is None
        self.game.submit(self.address, *point)
        self.opening = plus(self.opening, made) if self.opening else made
        return made

    def objections_to_ready(self):
        return ready_objections(
            self.conditions,
            self.collection,
            place=self.game.place,
            candidates=self.game.points,
            rows=self.game.rows,
            own_rows=ROWS,
            time=self.game.time,
            ledger=self.ledger,
        )

    def ready(self):
        self.game.ready(self.address, self.round_key.posted)

    @property
    def part(self):
        return Sharer(self.game.set, self.address, self.lasting, self.round_key)

    def vector(self):
        return self.part.vector(self.game.generators, self.opening)

    def objections(self):
        return share_objections(
            self.conditions,
            self.collection,
            sharing_set=self.game.set,
            rows=self.game.rows,
            digest=self.game.set.digest,
            own_rows=ROWS,
            time=self.game.time,
            ledger=self.ledger,
        )

    def send(self):
        """The share as everybody sees it on its way, whether it is taken or not; None where the node objects."""
        if self.objections():
            return None
        if Rule.LEDGER not in self.game.missing:
            self.ledger = self.ledger.with_share(self.collection, self.game.set, self.game.rows)
        return self.vector()

    def share(self):
        """Whether it was willing."""
        vector = self.send()
        if vector is not None:
            self.game.share(self.address, self.game.set.digest, vector)
        return vector is not None

    def claim(self, changes=None):
        self.game.claims[self.address] = self.part.claims(self.game.generators) | (changes or {})

    def answer(self):
        self.game.reveals += self.part.answers(self.game.generators, self.game.claims)


def owner(address):
    return KeyOwner(IDENTITY_CONTRACT, CHAIN_ID, address)


def plus(*vectors):
    return tuple(sum(column) % SUBGROUP_ORDER for column in zip(*vectors, strict=True))


def minus(one, other):
    return tuple((a - b) % SUBGROUP_ORDER for a, b in zip(one, other, strict=True))


def play(count=4, missing=(), addresses=None, submit=True, **settings):
    """A game with honest nodes, who have all submitted one update and said that they are ready."""
    game = Game(missing=frozenset(missing), **settings)
    nodes = [Node(game, address_of(number)) for number in addresses or range(16, 16 + count)]
    for node in nodes:
        node.register()
    if submit:
        submit_and_close(nodes)
    return game, nodes


def submit_and_close(nodes):
    for node, lanes in zip(nodes, LANES, strict=False):
        node.update(*lanes)
    close(nodes)


def close(nodes):
    """After the last update: the set is closed, all are ready, and the time to share begins."""
    nodes[0].game.close()
    for node in nodes:
        node.ready()
    nodes[0].game.start()
