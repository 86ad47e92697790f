"""A set in which not all have masks with all, on a real chain: who may claim which pairs, and a liar among neighbours.

160 nodes are the fewest of which some are no neighbours. Shares and claims of who claims are those of the library; all
others share their opening without masks, for which half of the time would go: contracts compare a share with the claims
of who shared it alone, and a sum with a lie in it does not open either way.
"""

from types import SimpleNamespace

import pytest
from eth_account import Account
from support.rounds_task import DISPUTED, SHARING, SUMMED, Task
from support.rounds_world import Person, World
from support.sharing import commit, plus

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, Point, add, negate
from twopm_zk.sharing import Departure, Member, Place, PostedKey, SecretKey, Sharer, SharingSet, graph

pytestmark = pytest.mark.slow
NODES = 160
FREE = {"minimumStake": 0, "penalty": 0, "maximumUpdates": 1 << 20, "minimumNodes": 100, "maximumBatches": 1}
RUBBISH = [11, 22, 33, 44]
AT_ONCE = 40


class Crowd(World):
    """So many people that a set of all of them is a ring."""

    def __init__(self, chain, node, keys):
        super().__init__(chain, node, keys)
        crowd = []
        for number in range(NODES):
            account = Account.from_key(bytes([1, *number.to_bytes(31, "big")]))
            node.rpc("anvil_setBalance", account.address, hex(10**20))
            person = Person(self, f"number {number}", "0x" + bytes(account.key).hex())
            person.join()
            person.set_key()
            person.register(0, [10**6 + number])
            crowd.append(person)
        self.crowd = SimpleNamespace(**{f"p{number}": person for number, person in enumerate(crowd)})


class LargeTask(Task):
    """All have handed in an update and are ready; a liar shares rubbish, which it hides in a pair with its victim."""

    @property
    def people(self):
        return self.world.crowd

    def begin(self, coordinator):
        everybody = list(vars(self.people).values())
        for person in everybody:
            self.submit(person)
        self.close()
        opened = bytes.fromhex(self.digest[2:])
        place = Place(
            chain_id=self.world.chain.chain_id,
            contract=self.hlr.address,
            task=self.id,
            round=0,
            attempt=0,
            identity=self.world.identity.address,
        )
        found = SharingSet(place, opened)
        for person in everybody:
            self.ready(person)
            keys = PostedKey(person.lasting.posted), PostedKey(self.round_keys[person].posted)
            found = found.with_ready(Member(person.address, *keys, Point(*self.call("pointOf", person.address))))
        self.set = found.begun()
        self.person_of = {person.address: person for person in everybody}
        return everybody

    def sharer(self, person):
        secrets = SecretKey(person.lasting.secret), SecretKey(self.round_keys[person].secret)
        return Sharer(self.set, person.address, *secrets)

    def library_vector(self, person):
        return list(self.sharer(person).vector(self.generators, self.opening(person)))

    def opening(self, person):
        return [value % SUBGROUP_ORDER for value in self.openings[self.key, person]]

    def share_by(self, everybody, liar, *claiming):
        """All share, the liar rubbish; those who will claim, and the liar, with their masks."""
        masked = {person: self.library_vector(person) for person in (liar, *claiming)}
        masked[liar] = plus(masked[liar], RUBBISH)
        for person in everybody:
            self.share(person, masked[person] if person in masked else self.opening(person))

    def claim_in_parts(self, person, claims):
        others, receipts = sorted(claims, key=lambda address: int(address, 16)), []
        for start in range(0, len(others), AT_ONCE):
            part = {self.person_of[other]: claims[other] for other in others[start : start + AT_ONCE]}
            receipts.append(self.claim(person, part, last=start + AT_ONCE >= len(others)))
        return receipts


@pytest.fixture(scope="module")
def crowd(chain, node, keys):
    return Crowd(chain, node, keys)


@pytest.fixture(scope="module")
def scene(crowd):
    """All have shared, and the sum does not open."""
    task = LargeTask(crowd, crowd.people.dan, config=FREE)
    everybody = task.begin(crowd.people.dan)
    assert task.phase == SHARING
    assert task.digest == "0x" + task.set.digest.hex()
    # most have one or two that are no neighbours of theirs
    liar = next(person for person in everybody if len(task.set.neighbours(person.address)) < NODES - 1)
    near = {member.address for member in task.set.neighbours(liar.address)}
    strangers = [person for person in everybody if person.address not in near and person is not liar]
    assert len(near) + len(strangers) + 1 == NODES
    victim = next(person for person in everybody if person.address in near)
    task.share_by(everybody, liar, victim)
    assert task.phase == SUMMED
    assert not task.opens()
    task.act(everybody[0], "dispute")
    return SimpleNamespace(task=task, liar=liar, victim=victim, strangers=strangers, near=near)


def test_some_of_160_are_no_neighbours():
    assert not graph.is_whole(NODES)


def test_nobody_claims_a_pair_with_who_is_no_neighbour_and_all_neighbours_have_to_be_there(scene, refused):
    task, liar = scene.task, scene.liar
    claims = dict(task.sharer(liar).claims(task.generators))
    lie = commit(RUBBISH, task.generators)

    # who has no masks with it cannot be drawn into it, from either side
    assert scene.strangers
    stranger = scene.strangers[0]
    for one, other in ((liar, stranger), (stranger, liar)):
        with refused("NotNeighbours", account=one.address, other=other.address):
            task.claim(one, {other: lie}, last=False)

    # one neighbour left out: nothing is complete, whatever adds up
    *most, last = sorted(claims, key=lambda address: int(address, 16))
    others = {address: claims[address] for address in most}
    sign = 1 if int(liar.address, 16) < int(last, 16) else -1
    moved = others[most[0]]
    same = (int(liar.address, 16) < int(most[0], 16)) == (sign == 1)
    others[most[0]] = add(moved, claims[last] if same else negate(claims[last]))
    before = task.call("disputeOf")["claimed"]
    *_, receipt = task.claim_in_parts(liar, others)
    assert receipt.events[-1]["complete"] is False
    assert task.call("disputeOf")["claimed"] == before
    # with the last one they do not add up any more
    rest = {task.person_of[last]: claims[last]}
    with refused("ClaimsDoNotAddUp", account=liar.address):
        task.claim(liar, rest)


def with_lie(task, person, other):
    """Claims of a person whose share is rubbish, hidden in its pair with another one."""
    claims, wrong = dict(task.sharer(person).claims(task.generators)), commit(RUBBISH, task.generators)
    above = int(person.address, 16) > int(other, 16)
    claims[other] = add(claims[other], negate(wrong) if above else wrong)
    return claims


def shown(scene):
    """The liar claims, its victim shows the lie, and the others share again; what the liar's claims were answered."""
    task, liar, victim = scene.task, scene.liar, scene.victim
    claimed = task.claim_in_parts(liar, with_lie(task, liar, victim.address))
    assert claimed[-1].events[-1]["complete"] is True
    assert task.call("disputeOf")["claimed"] == 1
    receipts = task.claim_in_parts(victim, task.sharer(victim).claims(task.generators))
    found = [event["other"] for receipt in receipts for event in receipt.events if event.name == "Contradiction"]
    assert found == [liar.address]
    assert task.call("disputeOf")["contradictions"] == 1
    assert task.phase == DISPUTED
    assert task.reveal(victim, liar).event("NodeLeft")["node"] == liar.address
    assert task.act(victim, "settle").event("SharingStarted")["nodes"] == NODES - 1
    return claimed


def test_the_victim_shows_the_lie_and_the_others_share_again(scene, gas):
    first, *_ = shown(scene)
    gas.check(f"claim of {AT_ONCE} pair points of a large set", first, tolerance=20_000)


def test_who_has_left_is_counted_as_nobodys_neighbour(scene):
    """The others share again over another ring, on which the seat of the liar is still near to some."""
    shown(scene)
    task, gone, before = scene.task, scene.liar, scene.task.set
    seat = before.member(gone.address).seat
    task.set = before.left(gone.address, seat, Departure.LIED).next_share_attempt()
    assert task.digest == "0x" + task.set.digest.hex()
    near = graph.neighbour_seats(task.set.digest, NODES - 1, NODES, seat)
    assert not graph.is_whole(NODES - 1)
    everybody = [task.person_of[member.address] for member in task.set.members]
    beside = next(person for person in everybody if task.set.member(person.address).seat in near)
    task.share_by(everybody, beside)
    assert not task.opens()
    task.act(everybody[0], "dispute")
    others = [member.address for member in task.set.neighbours(beside.address)]
    assert gone.address not in others
    *_, last = task.claim_in_parts(beside, with_lie(task, beside, others[0]))
    assert last.events[-1]["complete"] is True
    assert task.call("disputeOf")["claimed"] == 1
    task.set = before
