"""Rubbish was shared: who did it is found without anybody opening, and nobody else is left out."""

import pytest
from support.curve_points import SMALL
from support.rounds_task import DISPUTED, FINISHED, SHARING, SUMMED, WITH_PENALTY, Task
from support.rounds_world import ETH
from support.sharing import Key, commit, flattened, minus, plus

from twopm_zk.numbers.baby_jubjub import BASE, IDENTITY, Point, add, multiply, negate
from twopm_zk.numbers.field import FIELD_ORDER

DISPUTE_SECONDS, AGGREGATE_SECONDS = 900, 1800
RUBBISH = [11, 22, 33, 44]


@pytest.fixture
def task(world, people):
    return Task(world, people.dan, config=WITH_PENALTY)


class Scene:
    """A set of four, by address, of which ``liar`` shared rubbish and ``friend`` may take it back; disputed."""

    def __init__(self, task, *, liar=1, friend=None, rubbish=RUBBISH):
        self.task = task
        task.to_sharing()
        self.nodes = task.members
        self.liar = self.nodes[liar]
        self.shared = {}
        for place, person in enumerate(self.nodes):
            vector = task.vector(person)
            if place == liar:
                vector = plus(vector, rubbish)
            if place == friend:
                vector = minus(vector, rubbish)
            self.shared[person] = vector
            task.share(person, vector)
        self.honest = [person for person in self.nodes if person is not self.liar]
        self.wrong = commit(rubbish, task.generators)

    def dispute(self, accuser=None):
        return self.task.act(accuser or self.honest[0], "dispute")

    def claims(self, person, other):
        """A claim of ``person`` that adds up although it shared rubbish: hidden in the pair with ``other``."""
        points = self.task.pair_points(person)
        below = int(person.address, 16) < int(other.address, 16)
        points[other] = add(points[other], self.wrong if below else negate(self.wrong))
        return points

    def claim_honestly(self):
        for person in self.honest:
            self.task.claim(person)


def reasons(receipt, name="NodeLeft"):
    return {e["node"]: bytes.fromhex(e["reason"][2:]).rstrip(b"\0").decode() for e in receipt.events if e.name == name}


def barred(task, person):
    return task.call("nodeOf", person.address)["barred"]


# --- who lied ---


@pytest.mark.slow
@pytest.mark.parametrize(("liar", "victim"), [(0, 3), (3, 0), (1, 2)])
def test_a_liar_that_hides_its_rubbish_in_one_pair_is_shown_by_the_victim(task, gas, refused, node, liar, victim):
    scene = Scene(task, liar=liar)
    assert not task.opens()
    scene.dispute()
    victim = scene.nodes[victim]
    for person in scene.honest:
        receipt = task.claim(person)
    if liar == 1:
        gas.check("claim of three pair points", receipt, tolerance=20_000)  # digits of scalars
    receipt = task.claim(scene.liar, scene.claims(scene.liar, victim))
    contradiction = receipt.event("Contradiction")
    assert (contradiction["node"], contradiction["other"]) == (scene.liar.address, victim.address)
    state = task.call("disputeOf")
    assert (state["claimed"], state["contradictions"], state["liarFound"]) == (4, 1, False)
    with refused("DeadlineNotReached"):
        task.act(victim, "settle")

    receipt = task.reveal(victim, scene.liar)
    if liar == 1:
        gas.check("reveal", receipt, tolerance=40_000)
    assert reasons(receipt) == {scene.liar.address: "lied"}
    assert abs(receipt.event("Penalised")["value"] - ETH // 10) < 10
    assert barred(task, scene.liar)
    assert not barred(task, victim)
    receipt = task.act(task.people.dan, "settle")  # by anyone, at once
    assert receipt.event("SharingStarted")["nodes"] == 3
    assert (task.phase, task.state["shareAttempt"]) == (SHARING, 1)
    task.share_all()
    assert task.opens()
    assert task.shared_sum() == plus(*(task.openings[1, person] for person in scene.honest))
    task.accept()


@pytest.mark.slow
def test_no_accomplices_lie_buys_the_time_to_take_a_stake_out_unpunished(world, people, node, refused):
    share = (world.staking.call("EXIT_DELAY") - 86400 - 3600 - 600 - AGGREGATE_SECONDS) // 2 - DISPUTE_SECONDS
    task = Task(world, people.dan, config={**WITH_PENALTY, "shareSeconds": share, "minimumNodes": 2})
    scene = Scene(task)
    victim, friend = scene.nodes[0], scene.nodes[2]
    staking = friend.use(world.staking)
    staking.transact("unstake", 2, staking.call("positionOf", friend.address, 2)["active"])
    node.advance(AGGREGATE_SECONDS)
    scene.dispute()
    scene.claim_honestly()
    task.claim(scene.liar, scene.claims(scene.liar, victim))
    node.advance(2 * DISPUTE_SECONDS)
    task.reveal(victim, scene.liar)
    task.act(victim, "settle")
    with refused("StakeTooLow", account=friend.address):
        task.share(friend)
    task.share_all(without=(friend,))
    node.advance(share + 1)
    with refused("StillExiting"):
        staking.transact("withdraw", 2, friend.address)
    receipt = task.act(victim, "expel", friend.address)
    assert abs(receipt.event("Penalised")["value"] - ETH // 10) < 10


def test_claims_in_several_calls_are_the_same(task):
    scene = Scene(task)
    scene.dispute()
    points = list(task.pair_points(scene.honest[0]).items())
    for start in range(3):
        receipt = task.claim(scene.honest[0], dict(points[start : start + 1]), last=start == 2)
        assert receipt.event("PairPointsClaimed")["complete"] == (start == 2)
    assert task.call("disputeOf")["claimed"] == 1


def test_a_liar_that_claims_the_truth_does_not_add_up(task, node, refused):
    """It stays silent, then. It is out and pays, and the task ends: of silence nobody knows the reason."""
    scene = Scene(task)
    scene.dispute()
    with refused("ClaimsDoNotAddUp", account=scene.liar.address):
        task.claim(scene.liar)
    scene.claim_honestly()
    node.advance(DISPUTE_SECONDS + 1)
    with refused("DeadlinePassed"):
        task.claim(scene.liar)
    with refused("Unsettled", silent=1, contradictions=0):
        task.act(scene.honest[0], "settle")
    with refused("DeadlineNotReached"):  # as long again, for a lie to be proven
        task.act(scene.honest[0], "expel", scene.liar.address)
    node.advance(DISPUTE_SECONDS)
    with refused("AlreadyClaimed", account=scene.honest[0].address):
        task.act(scene.liar, "expel", scene.honest[0].address)
    receipt = task.act(scene.honest[0], "expel", scene.liar.address)
    assert reasons(receipt) == {scene.liar.address: "silent"} == reasons(receipt, "Penalised")
    receipt = task.act(scene.honest[0], "settle")
    assert bytes.fromhex(receipt.event("TaskFailed")["reason"][2:]).rstrip(b"\0") == b"undecided dispute"
    assert task.phase == FINISHED


def test_false_accusations_fail_on_a_forged_point_and_on_another_pairs_proof(task, refused):
    scene = Scene(task)
    scene.dispute()
    victim, other = scene.honest[1], scene.honest[2]
    scene.claim_honestly()
    task.claim(scene.liar, scene.claims(scene.liar, victim))
    lasting, ofRound = task.lasting[scene.liar], task.round_keys[scene.liar]
    theirs, theirs_of_round = task.lasting[victim].posted, task.round_keys[victim].posted
    true = [lasting.prove_shared(theirs), ofRound.prove_shared(theirs_of_round)]
    forged = lasting.prove_shared(theirs, shown=multiply(BASE, 5))
    another = lasting.prove_shared(task.lasting[other].posted)
    copied = task.lasting[victim].prove_shared(lasting.posted)
    for wrong in (forged, another, copied, (*true[0][:3], true[0][3] + 1), (*true[0][:2], 0, 0)):
        with refused("NotTheSharedPoint"):
            task.reveal(scene.liar, victim, shown=[wrong, true[1]])
    with refused("NotTheSharedPoint"):
        task.reveal(scene.liar, victim, shown=[true[0], true[0]])
    with refused("NotTheSharedPoint"):
        task.reveal(scene.liar, victim, shown=true[::-1])
    receipt = task.reveal(scene.liar, victim, shown=true)  # the truth shows who lied, whoever shows it
    assert reasons(receipt) == {scene.liar.address: "lied"}


def test_parts_of_small_order_in_what_is_revealed_change_nothing(task, refused):
    """8 T has none: whatever is added to T, the masks are those of the shared point."""
    scene = Scene(task)
    scene.dispute()
    victim = scene.honest[1]
    scene.claim_honestly()
    task.claim(scene.liar, scene.claims(scene.liar, victim))
    shown = []
    for mine, theirs in ((task.lasting, task.lasting), (task.round_keys, task.round_keys)):
        x, y, *_ = mine[victim].prove_shared(theirs[scene.liar].posted)
        moved = add((x, y), SMALL[1])
        shown.append(mine[victim].prove_shared(theirs[scene.liar].posted, shown=moved))
    assert reasons(task.reveal(victim, scene.liar, shown=shown)) == {scene.liar.address: "lied"}


def test_a_point_of_small_order_or_off_the_curve_is_no_shared_point(task, refused):
    scene = Scene(task)
    scene.dispute()
    victim = scene.honest[1]
    scene.claim_honestly()
    task.claim(scene.liar, scene.claims(scene.liar, victim))
    true = task.round_keys[scene.liar].prove_shared(task.round_keys[victim].posted)
    for small in (IDENTITY, SMALL[1]):
        lie = task.lasting[scene.liar].prove_shared(task.lasting[victim].posted, shown=small)
        with refused("NotTheSharedPoint"):
            task.reveal(scene.liar, victim, shown=[lie, true])
    with refused("NotOnCurve", x=1, y=2):
        task.reveal(scene.liar, victim, shown=[(1, 2, 3, 4), true])
    x, y, *proof = true
    with refused("NotOnCurve", x=x + FIELD_ORDER, y=y):
        task.reveal(scene.liar, victim, shown=[(x + FIELD_ORDER, y, *proof), true])


def test_both_of_a_pair_are_out_where_neither_claimed_the_truth(task, refused):
    scene = Scene(task, liar=0, friend=1)
    accomplice = scene.nodes[1]
    scene.dispute(scene.nodes[2])
    task.claim(scene.liar, scene.claims(scene.liar, accomplice))
    points = task.pair_points(accomplice)
    points[scene.liar] = add(points[scene.liar], BASE)
    points[scene.nodes[2]] = add(points[scene.nodes[2]], negate(BASE))  # so that it adds up with what it shared
    with refused("ClaimsDoNotAddUp", account=accomplice.address):
        task.claim(accomplice, points)
    task.claim(accomplice, {scene.liar: points[scene.liar]}, last=False)
    receipt = task.reveal(scene.liar, accomplice)
    assert set(reasons(receipt)) == {scene.liar.address, accomplice.address}
    receipt = task.act(scene.nodes[2], "settle")
    assert receipt.event("TaskFailed")  # two are left, and the minimum is three
    assert task.phase == FINISHED


@pytest.mark.slow
def test_two_liars_whose_pair_points_agree_gain_nothing_the_sum_opens(task, node):
    scene = Scene(task, liar=0, friend=1)
    friend = scene.nodes[1]
    assert task.opens()
    scene.dispute(scene.nodes[2])
    claims = scene.claims(scene.liar, friend)
    task.claim(scene.liar, claims)
    task.claim(friend, {**task.pair_points(friend), scene.liar: claims[friend]})
    for person in scene.nodes[2:]:
        task.claim(person)
    node.advance(DISPUTE_SECONDS + 1)
    task.act(scene.nodes[3], "settle")
    assert task.phase == SUMMED
    task.accept()


def test_a_claim_that_is_false_is_a_lie_though_it_was_never_completed(task):
    """A liar that contradicts a victim and then falls silent is out by the victim's proof."""
    scene = Scene(task)
    scene.dispute()
    scene.claim_honestly()
    victim = scene.nodes[0]
    false = {victim: add(task.pair_point(scene.liar, victim), scene.wrong)}
    task.claim(scene.liar, false, last=False)
    assert reasons(task.reveal(victim, scene.liar)) == {scene.liar.address: "lied"}


# --- where nobody proves anything ---


@pytest.mark.slow
def test_two_that_contradict_each_other_and_reveal_nothing_are_both_out_and_the_task_ends(world, people, node, refused):
    task = Task(world, people.dan, config={**WITH_PENALTY, "minimumNodes": 2})
    scene = Scene(task)
    scene.dispute()
    victim, others = scene.honest[0], scene.honest[1:]
    scene.claim_honestly()
    task.claim(scene.liar, scene.claims(scene.liar, victim))
    node.advance(DISPUTE_SECONDS + 1)
    with refused("Unsettled", silent=0, contradictions=1):
        task.act(others[0], "settle")
    with refused("DeadlineNotReached"):
        task.act(others[0], "expelPair", scene.liar.address, victim.address)
    node.advance(DISPUTE_SECONDS)
    for pair in ((victim, others[0]), (scene.liar, scene.liar)):
        with refused("NotContradicted"):
            task.act(others[0], "expelPair", *(person.address for person in pair))
    receipt = task.act(others[0], "expelPair", scene.liar.address, victim.address)
    assert set(reasons(receipt)) == {scene.liar.address, victim.address}
    with refused("NotContradicted"):
        task.act(others[0], "expelPair", victim.address, scene.liar.address)
    assert task.act(people.dan, "settle").event("TaskFailed")
    assert task.phase == FINISHED


@pytest.mark.slow
def test_the_victim_may_reveal_until_it_is_expelled(task, node):
    scene = Scene(task)
    scene.dispute()
    scene.claim_honestly()
    task.claim(scene.liar, scene.claims(scene.liar, scene.honest[0]))
    node.advance(2 * DISPUTE_SECONDS + 1)
    assert reasons(task.reveal(scene.honest[0], scene.liar)) == {scene.liar.address: "lied"}


def test_one_of_a_contradicting_pair_that_is_out_already_takes_nobody_with_it(world, people, node, refused):
    """A liar contradicts two; one pair is expelled, and the other's honest half stays."""
    task = Task(world, people.dan, config={**WITH_PENALTY, "minimumNodes": 2})
    scene = Scene(task, liar=0)
    scene.dispute()
    scene.claim_honestly()
    first, second, third = scene.honest
    points = scene.claims(scene.liar, first)
    points[second] = add(points[second], BASE)
    points[third] = add(points[third], negate(BASE))
    task.claim(scene.liar, points)
    assert task.call("disputeOf")["contradictions"] == 3
    node.advance(2 * DISPUTE_SECONDS + 1)
    task.act(third, "expelPair", scene.liar.address, first.address)
    with refused("Unsettled", silent=0, contradictions=2):
        task.act(third, "settle")
    for one, other in ((second, scene.liar), (scene.liar, third)):
        receipt = task.act(third, "expelPair", one.address, other.address)
        assert not reasons(receipt)
    assert task.members == [second, third]
    assert task.act(third, "settle").event("TaskFailed")


def test_a_silent_node_that_contradicted_another_goes_alone(task, node, refused):
    scene = Scene(task)
    scene.dispute()
    scene.claim_honestly()
    victim, other = scene.honest[:2]
    first = min(victim, scene.liar, key=lambda person: int(person.address, 16))
    assert first is victim
    task.claim(scene.liar, {victim: add(task.pair_point(scene.liar, victim), BASE)}, last=False)
    node.advance(2 * DISPUTE_SECONDS + 1)
    for pair in ((scene.liar, victim), (victim, scene.liar)):
        with refused("NotClaimed", account=scene.liar.address):
            task.act(other, "expelPair", *(person.address for person in pair))
    task.act(other, "expel", scene.liar.address)
    assert not reasons(task.act(other, "expelPair", victim.address, scene.liar.address))
    assert task.members == scene.honest
    assert not barred(task, victim)
    assert task.act(other, "settle").event("TaskFailed")


@pytest.mark.slow
def test_a_proven_lie_makes_silence_and_contradictions_harmless(task, node, refused):
    scene = Scene(task)
    scene.dispute()
    victim, silent, other = scene.honest
    task.claim(victim)
    task.claim(scene.liar, scene.claims(scene.liar, victim))
    task.reveal(victim, scene.liar)
    with refused("LiarFound"):
        task.claim(other)
    node.advance(2 * DISPUTE_SECONDS + 1)
    with refused("LiarFound"):
        task.act(victim, "expel", silent.address)
    with refused("LiarFound"):
        task.act(victim, "expelPair", victim.address, silent.address)
    task.act(victim, "settle")
    assert task.members == scene.honest
    task.share_all()
    assert task.opens()


def test_all_silent_ones_are_out_before_the_task_ends(world, people, node, refused):
    task = Task(world, people.dan, config={**WITH_PENALTY, "minimumNodes": 2})
    scene = Scene(task)
    scene.dispute()
    first, second, silent = scene.honest
    for person in (first, second):
        task.claim(person)
    task.claim(scene.liar, {first: task.pair_point(scene.liar, first)} if scene.liar is not first else {}, last=False)
    node.advance(2 * DISPUTE_SECONDS + 1)
    task.act(first, "expel", silent.address)
    with refused("Unsettled", silent=1, contradictions=0):  # the liar does not get away
        task.act(first, "settle")
    task.act(first, "expel", scene.liar.address)
    assert task.act(first, "settle").event("TaskFailed")


def test_no_sum_is_shared_again_without_a_node_that_was_kept_from_a_dispute(task, node, refused):
    """The liar knows the first sum: beside it, a sum without the censored node would tell its opening."""
    scene = Scene(task)
    scene.dispute()
    censored, *rest = scene.honest
    for person in rest:
        task.claim(person)
    node.advance(2 * DISPUTE_SECONDS + 1)
    for person in (censored, scene.liar):
        task.act(rest[0], "expel", person.address)
    task.act(rest[0], "settle")
    for person in rest:
        with refused("WrongPhase", phase=FINISHED):
            task.share(person, [1, 2, 3, 4])
    with refused("WrongPhase", phase=FINISHED):
        task.act(rest[0], "reopen")


# --- disputes without cause ---


def test_a_sum_that_is_used_while_it_is_disputed_costs_the_accuser_and_nobody_else(task, people, world, refused):
    task.to_summed()
    accuser = task.members[0]
    task.act(accuser, "dispute")
    with refused("NotTheCoordinator"):
        task.accept(person=people.eve)
    receipt = task.accept()
    assert receipt.event("DisputeRejected")["accuser"] == accuser.address
    assert reasons(receipt, "Penalised") == {accuser.address: "accused without cause"}
    assert barred(task, accuser)
    with refused("Barred", account=accuser.address):
        task.submit(accuser)


def test_anybody_ends_a_dispute_with_a_proof_after_its_deadline(task, people, node):
    task.to_summed()
    task.act(task.members[0], "dispute")
    node.advance(DISPUTE_SECONDS + 1)
    task.certify(person=people.dan)
    assert barred(task, task.members[0])


@pytest.mark.slow
def test_a_dispute_in_which_all_claim_the_same_is_back_where_it_was(task, people, node, refused):
    task.to_summed()
    accuser = task.members[1]
    receipt = task.act(accuser, "dispute")
    assert receipt.event("DisputeOpened")["accuser"] == accuser.address
    for person in task.members:
        task.claim(person)
    with refused("DeadlineNotReached"):
        task.act(people.dan, "settle")
    node.advance(DISPUTE_SECONDS + 1)
    before = task.digest, task.shared_sum()
    receipt = task.act(people.dan, "settle")
    assert reasons(receipt, "Penalised") == {accuser.address: "accused without cause"}
    assert (task.phase, task.state["shareAttempt"]) == (SUMMED, 0)
    assert (task.digest, task.shared_sum()) == before  # its share is good, and stays
    assert accuser in task.members
    with refused("AlreadyDisputed", shareAttempt=0):
        task.act(task.members[0], "dispute")
    with refused("NotTheCoordinator"):  # the coordinator has its time anew
        task.accept(person=task.members[2])
    node.advance(AGGREGATE_SECONDS + 1)
    with refused("CannotTakeOver", account=accuser.address):
        task.act(accuser, "takeOver")
    task.accept(person=task.members[2])
    with refused("Barred", account=accuser.address):
        task.submit(accuser)


@pytest.mark.slow
def test_a_new_share_attempt_can_be_disputed_again_and_old_claims_do_not_count(task):
    scene = Scene(task)
    scene.dispute()
    scene.claim_honestly()
    task.claim(scene.liar, scene.claims(scene.liar, scene.honest[0]))
    task.reveal(scene.honest[0], scene.liar)
    task.act(scene.honest[0], "settle")
    task.share_all()
    task.act(scene.honest[1], "dispute")
    state = task.call("disputeOf")
    assert (state["claimed"], state["contradictions"], state["removed"], state["liarFound"]) == (0, 0, 0, False)
    for person in scene.honest:
        task.claim(person)
    assert task.call("disputeOf")["claimed"] == 3


# --- what a claim and a reveal must be ---


def test_only_the_set_disputes_claims_and_reveals(task, people, refused):
    task.to_sharing(people=("ada", "ben", "cleo"))
    with refused("WrongPhase", phase=SHARING):
        task.act(people.ada, "dispute")
    task.share_all()
    for act in (("claim", [], [], [], []), ("settle",)):
        with refused("WrongPhase", phase=SUMMED):
            task.act(people.ada, *act)
    with refused("WrongPhase", phase=SUMMED):
        task.act(people.ada, "expelPair", people.ben.address, people.cleo.address)
    with refused("WrongPhase", phase=SUMMED):
        task.reveal(people.ada, people.ben)
    with refused("NotInTheSet", account=people.eve.address):
        task.act(people.eve, "dispute")
    task.act(people.ada, "dispute")
    with refused("WrongPhase", phase=DISPUTED):
        task.act(people.ben, "dispute")
    with refused("NotInTheSet", account=people.eve.address):
        task.act(people.eve, "claim", [], [], [], [])
    with refused("NotInTheSet", account=people.eve.address):
        task.claim(people.ada, {people.eve: IDENTITY}, last=False)
    with refused("NotInTheSet", account=people.ada.address):
        task.claim(people.ada, {people.ada: IDENTITY}, last=False)


@pytest.mark.slow
def test_claims_are_ascending_points_of_the_curve_and_made_once(task, refused):
    scene = Scene(task)
    scene.dispute()
    person, *others = scene.nodes
    points = task.pair_points(person)
    with refused("NotOnCurve", x=1, y=2):
        task.claim(person, {others[0]: (1, 2)}, last=False)
    x, y = points[others[0]]
    with refused("NotOnCurve", x=x + FIELD_ORDER, y=y):
        task.claim(person, {others[0]: (x + FIELD_ORDER, y)}, last=False)
    with refused("WrongNumberOfPoints", count=0, expected=1):
        task.act(person, "claim", [], [], [others[0].address], [])
    task.claim(person, {others[1]: points[others[1]]}, last=False)
    for other in others[:2]:
        with refused("NotAscending", other=other.address, last=others[1].address):
            task.claim(person, {other: points[other]}, last=False)
    whole = scene.honest[1]
    task.claim(whole)
    with refused("AlreadyClaimed", account=whole.address):
        task.claim(whole)


@pytest.mark.slow
def test_a_complete_claim_is_about_what_was_shared_and_the_tasks_generators(task, refused):
    scene = Scene(task)
    scene.dispute()
    person = scene.honest[0]
    with refused("NotTheSharedVector", account=person.address):
        task.claim(person, vector=plus(scene.shared[person], [1, 0, 0, 0]))
    with refused("NotTheSharedVector", account=person.address):
        task.claim(person, last=False)
    with refused("NotTheGenerators"):
        task.claim(person, generators=flattened(task.generators[::-1]))
    points = task.pair_points(person)
    points[scene.honest[1]] = add(points[scene.honest[1]], BASE)
    with refused("ClaimsDoNotAddUp", account=person.address):
        task.claim(person, points)
    small = dict(points)
    small[scene.honest[1]] = add(task.pair_point(person, scene.honest[1]), SMALL[1])
    with refused("ClaimsDoNotAddUp", account=person.address):
        task.claim(person, small)
    other = scene.honest[1]
    shared = commit(scene.shared[person], task.generators)
    shift = add(Point(shared.x, FIELD_ORDER - shared.y), negate(shared))  # to the other point with this x
    below = int(person.address, 16) < int(other.address, 16)
    mirrored = {**points, other: add(task.pair_point(person, other), shift if below else negate(shift))}
    with refused("ClaimsDoNotAddUp", account=person.address):
        task.claim(person, mirrored)


@pytest.mark.slow
def test_a_reveal_is_about_a_contradiction_and_the_keys_of_the_set(task, people, refused):
    scene = Scene(task)
    scene.dispute()
    victim, other = scene.honest[:2]
    task.claim(victim)
    with refused("NotContradicted", account=victim.address, other=scene.liar.address):
        task.reveal(victim, scene.liar)  # the liar has claimed nothing yet
    task.claim(other)
    with refused("NotContradicted", account=victim.address, other=other.address):
        task.reveal(victim, other)
    task.claim(scene.liar, scene.claims(scene.liar, victim))
    mine, theirs = task.keys(victim), task.keys(scene.liar)
    stranger = (Key().posted, *Key().posted)
    for keys, account in (((stranger, theirs), victim), ((mine, stranger), scene.liar), ((theirs, mine), victim)):
        with refused("NotTheKeys", account=account.address):
            task.reveal(victim, scene.liar, keys=keys)
    with refused("NotTheGenerators"):
        task.reveal(victim, scene.liar, generators=flattened(task.generators[::-1]))
    lasting, of_round = task.lasting[other].posted, task.round_keys[other].posted
    shown = [task.lasting[victim].prove_shared(lasting), task.round_keys[victim].prove_shared(of_round)]
    with refused("NotTheSharedPoint"):
        task.reveal(victim, scene.liar, shown=shown)
    task.reveal(victim, scene.liar)
    with refused("NotInTheSet", account=scene.liar.address):
        task.reveal(victim, scene.liar)
    with refused("NotInTheSet", account=scene.liar.address):
        task.reveal(scene.liar, victim)


@pytest.mark.slow
def test_masks_of_the_chain_are_the_twins(task):
    """The truth that the contract computes is the point that both honest nodes claim."""
    scene = Scene(task)
    scene.dispute()
    victim = scene.honest[0]
    scene.claim_honestly()
    task.claim(scene.liar, scene.claims(scene.liar, victim))
    truth = task.pair_point(victim, scene.liar)
    event = task.reveal(victim, scene.liar).event("PairRevealed")
    assert (event["x"], event["y"]) == truth
