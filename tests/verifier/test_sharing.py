"""Ready, sharing, summed: who is in the set, what it shares, and who moves on. Proofs are hashes (VerifierDouble)."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from support.curve_points import SMALL
from support.rounds_task import COLLECTING, FINISHED, READY, SHARING, SUMMED, WITH_PENALTY, Task, point_hash
from support.rounds_world import ETH
from support.sharing import Key, commit, plus

from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, Point
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.sharing import Departure, Member, Place, PostedKey, SharingSet, tree

COLLECT_SECONDS, READY_SECONDS, SHARE_SECONDS, DISPUTE_SECONDS, AGGREGATE_SECONDS = 3600, 600, 7200, 900, 1800
EXIT_DELAY, REACTION = 10 * 86400, 86400
LONGEST_SHARE = (EXIT_DELAY - REACTION - COLLECT_SECONDS - READY_SECONDS - AGGREGATE_SECONDS) // 2 - DISPUTE_SECONDS
"""With two share attempts and a dispute between them a round just ends before a stake is out."""


@pytest.fixture
def task(world, people):
    """Four nodes of which three are the minimum, the coordinator is none of them."""
    return Task(world, people.dan, config=WITH_PENALTY)


def barred(task, person):
    return task.call("nodeOf", person.address)["barred"]


# --- ready ---


@pytest.mark.slow
def test_the_sum_of_all_that_are_ready_opens_the_rounds_point(task, gas):
    task.submit_all(0, 1, people=("ada", "ben", "cleo", "eve"))
    task.close()
    assert task.phase == READY
    for number, person in enumerate(task.participants):
        gas.check(f"ready, first round of a task, node {number + 1}", task.ready(person))
    assert task.phase == SHARING
    for number, person in enumerate(task.members):
        gas.check(f"share, first round of a task, node {number + 1}", task.share(person))
    assert task.phase == SUMMED
    assert task.opens()
    assert task.sum_commitment == point_hash(task.call("roundPointOf"))
    expected = plus(*(task.openings[1, person] for person in task.members))
    assert task.shared_sum() == expected
    task.accept()
    task.submit_all(0, people=("ada", "ben", "cleo", "eve"))
    gas.check("close", task.close())
    task.round_keys = {}
    used = []
    for seat, person in enumerate(task.participants[:-1]):
        receipt = task.ready(person)
        gas.check(f"ready, seat {seat}", receipt, at_most=63_000)
        used.append(receipt.gas_used)
    if not gas.marked:
        assert sum(used[:2]) / 2 <= 60_000  # of two seats one makes the hash of both
    gas.check("ready, the last one, which starts sharing", task.ready(task.participants[-1]))
    gas.check("share, first of a set", task.share(task.members[0]), at_most=90_000)
    gas.check("share", task.share(task.members[1]), at_most=90_000)
    task.share(task.members[2])
    gas.check("share, last of a set", task.share(task.members[3]), at_most=90_000)


def test_nodes_that_are_not_ready_fall_out_and_nobody_proves_again(task, people, node, refused):
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close()
    task.ready_all(people.ada, people.ben, people.cleo)
    with refused("DeadlineNotReached"):
        task.act(people.eve, "startSharing")
    node.advance(READY_SECONDS + 1)
    with refused("DeadlinePassed"):
        task.ready(people.eve)
    task.act(people.eve, "startSharing")
    with refused("NotInTheSet", account=people.eve.address):
        task.act(people.eve, "share", task.digest, [1, 2, 3, 4])
    task.share_all()
    assert task.opens()
    assert not barred(task, people.eve)
    task.accept()
    task.submit(people.eve)


def test_too_few_ready_nodes_are_reopened_by_anyone_after_the_deadline_only(task, people, node, refused):
    task.submit_all()
    task.close()
    task.ready_all(people.ada, people.ben)
    with refused("DeadlineNotReached"):
        task.act(people.eve, "reopen")
    node.advance(READY_SECONDS + 1)
    with refused("BelowMinimum", nodes=2, minimum=3):
        task.act(people.eve, "startSharing")
    task.act(people.eve, "reopen")
    state = task.state
    assert (state["phase"], state["attempt"], state["ready"], state["nodes"]) == (COLLECTING, 1, 0, 0)
    task.to_accepted()


def test_enough_ready_nodes_are_not_reopened(task, people, node, refused):
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close()
    task.ready_all(people.ada, people.ben, people.cleo)
    node.advance(READY_SECONDS + 1)
    for person in (people.dan, people.eve):
        with refused("EnoughNodes", nodes=3, minimum=3):
            task.act(person, "reopen")


def test_only_who_handed_in_an_update_is_ready_and_once(task, people, refused):
    with refused("WrongPhase", phase=COLLECTING):
        task.ready(people.ada)
    task.submit_all()
    task.close()
    with refused("NotAParticipant", account=people.eve.address):
        task.ready(people.eve)
    task.ready(people.ada)
    with refused("AlreadyReady", account=people.ada.address):
        task.ready(people.ada)


def test_ready_takes_the_registered_key_and_no_other(task, people, refused):
    task.submit_all()
    task.close()
    before = people.ada.lasting
    people.ada.set_key(Key())
    with refused("NotTheRegisteredKey", account=people.ada.address):
        task.ready(people.ada, lasting=before.posted)
    task.ready(people.ada)
    people.ben.leave()
    with refused("NotTheRegisteredKey", account=people.ben.address):  # it has none any more
        task.ready(people.ben)
    with refused("NotTheRegisteredKey", account=people.cleo.address):
        task.ready(people.cleo, lasting=people.ada.lasting.posted)


def test_a_key_replaced_after_ready_changes_nothing_in_this_attempt(task, people):
    task.submit_all()
    task.close()
    task.ready(people.ada)
    people.ada.set_key(Key())
    task.ready(people.ben)
    task.ready(people.cleo)
    assert task.lasting[people.ada] is not people.ada.lasting
    task.share_all()
    assert task.opens()


def test_a_round_key_of_small_order_or_off_the_curve_is_refused(task, people, refused):
    task.submit_all()
    task.close()
    for small in (IDENTITY, Point(0, FIELD_ORDER - 1), SMALL[1]):
        with refused("SmallOrder", x=small.x, y=small.y):
            task.ready(people.ada, of_round=small)
    x, y = Key().posted
    for wrong in ((x + FIELD_ORDER, y), (x, y + FIELD_ORDER), (x, y + 1), (0, 0)):
        with refused("NotOnCurve", x=wrong[0], y=wrong[1]):
            task.ready(people.ada, of_round=wrong)


def member_of(task, person):
    keys = PostedKey(person.lasting.posted), PostedKey(task.round_keys[person].posted)
    return Member(person.address, *keys, Point(*task.call("pointOf", person.address)))


def test_the_sets_digest_is_the_librarys(task, people, chain):
    """It has chain, contract, task, closing block, keys and points in it, and everybody who is out."""
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    receipt = task.close()
    parent = bytes(chain.web3.eth.get_block(receipt.block - 1)["hash"])
    hlr, identity = task.hlr.address, task.world.identity.address
    place = Place(chain_id=chain.chain_id, contract=hlr, task=task.id, round=0, attempt=0, identity=identity)
    expected = SharingSet.closed(place, parent)
    assert receipt.event("SetOpened")["digest"] == task.digest == "0x" + expected.digest.hex()
    for seat, person in enumerate(
        (people.cleo, people.ada, people.eve, people.ben)
    ):  # in the order in which they say it
        assert task.digest == "0x" + expected.digest.hex()
        receipt = task.ready(person)
        event = receipt.event("NodeReady")
        expected = expected.with_ready(member_of(task, person))
        assert event["seat"] == seat == task.call("nodeOf", person.address)["seat"]
        assert event["lasting"] == [*person.lasting.posted]
        assert (event["roundX"], event["roundY"]) == task.round_keys[person].posted
        assert (event["x"], event["y"]) == tuple(task.call("pointOf", person.address))
    expected = expected.begun()
    assert receipt.event("SharingStarted")["digest"] == task.digest == "0x" + expected.digest.hex()
    task.share(people.ada)
    receipt = task.act(people.eve, "withdraw")
    expected = expected.without(people.eve.address, Departure.WITHDREW)
    left = receipt.event("NodeLeft")
    assert (left["digest"], left["seat"]) == ("0x" + expected.digest.hex(), 2)
    expected = expected.next_share_attempt()
    assert receipt.event("SharingStarted")["digest"] == task.digest == "0x" + expected.digest.hex()


def test_a_node_that_withdraws_before_it_is_ready_holds_up_nobody(task, people, refused):
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close()
    task.ready_all(people.ada, people.ben, people.cleo)
    assert task.phase == READY
    before = task.digest
    receipt = task.act(people.eve, "withdraw")
    assert receipt.event("UpdateWithdrawn")["node"] == people.eve.address
    assert "NodeLeft" not in [event.name for event in receipt.events]  # it was not in the set
    assert task.phase == SHARING
    tree_of_three = task.call("proofOf", 0, 3, [])[0]
    begun = keccak(
        encode(["bytes32", "uint256", "bytes32"], [bytes.fromhex(before[2:]), 3, bytes.fromhex(tree_of_three[2:])])
    )
    assert task.digest == "0x" + begun.hex()
    with refused("NotInTheSet", account=people.eve.address):
        task.act(people.eve, "withdraw")
    task.share_all()
    assert task.opens()


def test_a_node_that_withdraws_after_it_was_ready_is_out_of_the_set(task, people, refused):
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close()
    task.ready_all(people.eve, people.ada, people.ben)
    before = task.digest
    receipt = task.act(people.eve, "withdraw")
    expected = keccak(encode(["bytes32", "address", "uint24"], [bytes.fromhex(before[2:]), people.eve.address, 0]))
    assert receipt.event("NodeLeft")["digest"] == "0x" + expected.hex() == task.digest
    for act in (lambda: task.ready(people.eve), lambda: task.act(people.eve, "withdraw")):
        with refused("NotAParticipant", account=people.eve.address):
            act()
    task.ready(people.cleo)
    assert task.phase == SHARING
    with refused("NotInTheSet", account=people.eve.address):
        task.act(people.eve, "share", task.digest, [1, 2, 3, 4])
    task.share_all()
    assert task.opens()
    assert not barred(task, people.eve)


def test_too_few_that_are_left_after_withdrawals_do_not_start(task, people, node):
    task.submit_all()
    task.close()
    task.act(people.ada, "withdraw")
    task.ready_all(people.ben, people.cleo)
    assert task.phase == READY
    node.advance(READY_SECONDS + 1)
    task.act(people.eve, "reopen")


def test_nobody_withdraws_after_the_deadline_of_a_phase(task, people, node, refused):
    task.submit_all()
    with refused("WrongPhase", phase=COLLECTING):
        task.act(people.ada, "withdraw")
    task.close()
    with refused("NotAParticipant", account=people.eve.address):
        task.act(people.eve, "withdraw")
    task.ready_all(people.ada, people.ben)
    node.advance(READY_SECONDS + 1)
    with refused("DeadlinePassed"):
        task.act(people.cleo, "withdraw")


# --- sharing ---


def test_a_share_under_another_digest_is_refused_and_nobodys_lie(task, people, refused):
    """What was made for a fork's set, another task's or an earlier one never gets onto this chain."""
    other = Task(task.world, people.dan)
    other.to_sharing()
    task.to_sharing()
    wrong = b"\x05" * 32
    for digest in (wrong, bytes.fromhex(other.digest[2:])):
        with refused("WrongSet", digest="0x" + digest.hex(), expected=task.digest):
            task.share(people.ada, digest=digest)
    task.share_all()
    assert task.opens()


def test_a_share_has_the_right_number_of_reduced_scalars(task, people, refused):
    task.to_sharing()
    for count in (0, 3, 5):
        with refused("WrongNumberOfScalars", count=count, expected=4):
            task.act(people.ada, "share", task.digest, [1] * count)
    for place in range(4):
        vector = [1, 2, 3, 4]
        vector[place] = SUBGROUP_ORDER
        with refused("NotAScalar", value=SUBGROUP_ORDER):
            task.share(people.ada, vector)
    task.share(people.ada, [SUBGROUP_ORDER - 1] * 4)


def test_each_of_the_set_shares_once_and_in_time(task, people, node, refused):
    task.to_sharing(people=("ada", "ben", "cleo"))
    task.share(people.ada)
    with refused("AlreadyShared", account=people.ada.address):
        task.share(people.ada)
    with refused("NotInTheSet", account=people.eve.address):
        task.act(people.eve, "share", task.digest, [1, 2, 3, 4])
    node.advance(SHARE_SECONDS + 1)
    with refused("DeadlinePassed"):
        task.share(people.ben)


def test_withdrawing_before_it_is_ready_to_share_is_free(task, people):
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close()
    task.ready(people.eve)
    receipt = task.act(people.eve, "withdraw")
    assert not [event for event in receipt.events if event.name == "Penalised"]


def test_withdrawing_before_anyone_has_shared_costs_the_penalty_and_makes_another_set(task, people, refused):
    """Accomplices may have seen shares on their way, and would withdraw for nothing to get another set."""
    task.to_sharing()
    vector, digest = task.vector(people.ada), task.digest
    receipt = task.act(people.eve, "withdraw")
    assert receipt.event("Penalised")["node"] == people.eve.address
    assert task.state["shareAttempt"] == 0
    with refused("WrongSet", digest=digest):  # it was on its way
        task.share(people.ada, vector, digest=digest)
    task.share_all()
    assert task.opens()


def test_a_set_below_the_minimum_never_shares_and_is_reopened_at_once(task, people, refused):
    task.to_sharing(people=("ada", "ben", "cleo"))
    with refused("DeadlineNotReached"):
        task.act(people.dan, "reopen")
    task.act(people.cleo, "withdraw")
    with refused("BelowMinimum", nodes=2, minimum=3):
        task.share(people.ada)
    task.act(people.eve, "reopen")
    assert (task.phase, task.state["attempt"]) == (COLLECTING, 1)
    task.to_accepted()


def test_nothing_is_reopened_once_somebody_has_shared(task, people, node, refused):
    task.to_sharing()
    task.share(people.ada)
    for person in (people.dan, people.eve):
        with refused("WrongPhase", phase=SHARING):
            task.act(person, "reopen")
    node.advance(SHARE_SECONDS + 1)
    with refused("WrongPhase", phase=SHARING):
        task.act(people.dan, "reopen")
    for person in task.members[1:]:
        if person is not people.ada:
            task.act(people.dan, "expel", person.address)
    with refused("WrongPhase"):
        task.act(people.dan, "reopen")


def test_withdrawing_after_a_share_costs_the_penalty_and_the_others_share_again(task, people, world, refused):
    task.to_sharing()
    first = task.digest
    task.share(people.ada)
    task.share(people.eve)
    old = task.vector(people.ben)
    before = world.staking.call("stakeOf", people.eve.address)
    receipt = task.act(people.eve, "withdraw")
    penalty = receipt.event("Penalised")
    assert penalty["node"] == people.eve.address
    assert abs(penalty["value"] - ETH // 10) < 10
    assert abs(before - world.staking.call("stakeOf", people.eve.address) - ETH // 10) < 10**6
    seat = task.call("nodeOf", people.eve.address)["seat"]
    removed = keccak(encode(["bytes32", "address", "uint24"], [bytes.fromhex(first[2:]), people.eve.address, seat]))
    expected = keccak(encode(["bytes32", "uint256"], [removed, 1]))
    assert task.digest == "0x" + expected.hex() == receipt.event("SharingStarted")["digest"]
    assert (task.phase, task.state["shareAttempt"], task.state["shared"]) == (SHARING, 1, 0)
    with refused("WrongSet", digest=first):  # a share of the attempt before
        task.share(people.ben, old, digest=first)
    with refused("NotInTheSet", account=people.eve.address):
        task.act(people.eve, "share", task.digest, [1, 2, 3, 4])
    task.share_all()
    assert task.opens()
    assert task.shared_sum() == plus(*(task.openings[1, p] for p in (people.ada, people.ben, people.cleo)))
    assert not barred(task, people.eve)
    task.accept()
    task.submit(people.eve)


def test_withdrawing_in_a_later_share_attempt_is_not_free_again(task, people):
    task.to_sharing(people=("ada", "ben", "cleo", "eve", "dan"))
    task.share(people.ada)
    task.act(people.eve, "withdraw")
    receipt = task.act(people.dan, "withdraw")  # nobody has shared in this share attempt yet
    assert receipt.event("Penalised")["node"] == people.dan.address


def test_a_set_that_falls_below_the_minimum_after_a_share_ends_the_task(task, people, refused):
    """A sum over another set at these weights would give away who is in one and not in the other."""
    task.to_sharing(people=("ada", "ben", "cleo"))
    task.share(people.ada)
    receipt = task.act(people.cleo, "withdraw")
    assert bytes.fromhex(receipt.event("TaskFailed")["reason"][2:]).rstrip(b"\0") == b"too few nodes"
    assert receipt.event("TaskFinished")["round"] == 0
    assert task.phase == FINISHED
    assert task.call("trainingOf")["certifiedKey"] == 0
    for act in (lambda: task.share(people.ben), lambda: task.act(people.dan, "reopen")):
        with refused("WrongPhase", phase=FINISHED):
            act()


def test_silent_nodes_are_out_for_good_and_the_others_share_again(task, people, node, world, refused):
    task.to_sharing(people=("ada", "ben", "cleo", "eve", "dan"))
    task.share_all(without=(people.eve, people.dan))
    with refused("DeadlineNotReached"):
        task.act(people.ada, "expel", people.eve.address)
    node.advance(SHARE_SECONDS + 1)
    with refused("AlreadyShared", account=people.ada.address):
        task.act(people.eve, "expel", people.ada.address)
    with refused("DeadlinePassed"):
        task.act(people.eve, "withdraw")  # too late to go unbarred
    receipt = task.act(people.ada, "expel", people.eve.address)
    assert abs(receipt.event("Penalised")["value"] - ETH // 10) < 10
    assert (task.phase, task.state["shareAttempt"]) == (SHARING, 0)  # another one is silent
    with refused("NotInTheSet", account=people.eve.address):
        task.act(people.ada, "expel", people.eve.address)
    receipt = task.act(people.cleo, "expel", people.dan.address)
    assert receipt.event("SharingStarted")["nodes"] == 3
    assert task.state["shareAttempt"] == 1
    task.share_all()
    assert task.opens()
    task.accept()
    with refused("Barred", account=people.eve.address):
        task.submit(people.eve)
    task.to_summed(people=("ada", "ben", "cleo"))  # the task goes on without them
    with refused("CannotTakeOver", account=people.eve.address):
        task.act(people.eve, "takeOver")


def test_where_nobody_has_shared_in_time_anyone_reopens_the_round_and_nobody_pays(task, people, node, refused):
    """Whoever is to blame is not known, and nothing was opened: all may be kept from the chain."""
    task.to_sharing(people=("ada", "ben", "cleo"))
    with refused("DeadlineNotReached"):
        task.act(people.eve, "reopen")
    node.advance(SHARE_SECONDS + 1)
    with refused("NobodyHasShared", taskId=task.id):
        task.act(people.dan, "expel", people.ada.address)
    receipt = task.act(people.eve, "reopen")
    assert [event.name for event in receipt.events] == ["AttemptModel", "RoundOpened"]
    assert (task.phase, task.state["attempt"]) == (COLLECTING, 1)
    assert not any(barred(task, person) for person in vars(people).values())
    task.to_accepted()


def test_silence_below_the_minimum_ends_the_task_once_all_silent_ones_are_out(task, people, node):
    task.to_sharing(people=("ada", "ben", "cleo"))
    task.share(people.ada)
    node.advance(SHARE_SECONDS + 1)
    task.act(people.ada, "expel", people.ben.address)
    assert task.phase == SHARING  # cleo does not get away
    receipt = task.act(people.ada, "expel", people.cleo.address)
    assert receipt.event("TaskFailed")
    assert receipt.event("Penalised")["node"] == people.cleo.address
    assert task.phase == FINISHED


def test_only_nodes_of_the_set_are_expelled_and_only_in_sharing(task, people, node, refused):
    with refused("NotInTheSet", account=people.ada.address):
        task.act(people.ben, "expel", people.ada.address)
    task.to_summed()
    node.advance(SHARE_SECONDS + 1)
    with refused("WrongPhase", phase=SUMMED):
        task.act(people.ben, "expel", people.ada.address)
    with refused("WrongPhase", phase=SUMMED):
        task.act(people.ada, "withdraw")


# --- penalties ---


def test_a_revoked_slasher_blocks_no_round(task, people, node, world):
    task.to_sharing()
    task.share(people.ada)
    world.staking.transact("revoke", world.hlr.address)
    receipt = task.act(people.eve, "withdraw")
    assert receipt.event("Penalised")["value"] == 0
    assert task.state["shareAttempt"] == 1


def test_too_little_gas_saves_nobody_from_a_penalty(task, people, refused):
    task.to_sharing()
    task.share(people.ada)
    eve = people.eve.use(task.hlr)
    with refused("TooLittleGas", needed=2_000_000):
        eve.transact("withdraw", task.id, gas=1_900_000)
    assert task.act(people.eve, "withdraw").event("Penalised")["value"] > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"penalty": ETH + 1},
        {"penalty": 1, "minimumStake": 0},
        {"penalty": 1, "shareSeconds": LONGEST_SHARE + 1},
    ],
)
def test_a_penalty_that_could_not_be_taken_is_refused(world, people, refused, changes):
    with refused("InvalidConfig", field="penalty"):
        Task(world, people.dan, config=changes)


def test_a_penalty_at_its_limits_is_taken_and_needs_a_contract_that_may_slash(world, people, refused):
    assert world.staking.call("EXIT_DELAY") == EXIT_DELAY
    limits = {"penalty": ETH, "shareSeconds": LONGEST_SHARE}
    Task(world, people.dan, config=limits)
    world.staking.transact("revoke", world.hlr.address)
    with refused("InvalidConfig", field="penalty"):
        Task(world, people.dan, config=limits)
    Task(world, people.dan, config={**limits, "penalty": 0})


def test_no_accomplices_silence_buys_the_time_to_take_a_stake_out_unpunished(world, people, node, refused):
    """One is silent in the first share attempt, so that the exit of another, which began after its update, goes on."""
    task = Task(world, people.dan, config={**WITH_PENALTY, "shareSeconds": LONGEST_SHARE})
    task.submit_all(people=("ada", "ben", "cleo", "eve", "dan"))
    staking = people.eve.use(world.staking)
    staking.transact("unstake", 2, staking.call("positionOf", people.eve.address, 2)["active"])
    node.advance(COLLECT_SECONDS - 60)
    task.close()
    node.advance(READY_SECONDS - 60)
    task.ready_all()
    task.share_all(without=(people.dan,))
    node.advance(LONGEST_SHARE + 1)
    task.act(people.ada, "expel", people.dan.address)
    with refused("StakeTooLow", account=people.eve.address, stake=0, minimum=ETH):
        task.share(people.eve)
    task.share_all(without=(people.eve,))
    node.advance(LONGEST_SHARE + 1)
    with refused("StillExiting"):
        staking.transact("withdraw", 2, people.eve.address)
    receipt = task.act(people.ada, "expel", people.eve.address)
    assert abs(receipt.event("Penalised")["value"] - ETH // 10) < 10
    assert task.state["shareAttempt"] == 2


# --- the coordinator, and who does without it ---


def test_a_node_of_the_set_accepts_after_the_coordinators_deadline_and_not_before(task, people, node, refused):
    task.to_summed(people=("ada", "ben", "cleo"))
    for act in (lambda: task.accept(person=people.ben), lambda: task.certify(person=people.eve)):
        with refused("NotTheCoordinator"):
            act()
    node.advance(AGGREGATE_SECONDS + 1)
    task.accept((4, 3, 2, 1), person=people.ben)
    assert task.call("weightsOf") == [4, 3, 2, 1]
    assert task.state["coordinator"] == people.dan.address


def test_a_stranger_certifies_after_the_coordinators_deadline(task, people, node):
    task.to_summed(people=("ada", "ben", "cleo"))
    node.advance(AGGREGATE_SECONDS + 1)
    task.certify(person=people.eve)
    assert task.call("trainingOf")["certifiedKey"] != 0


def test_a_move_is_nobodys_who_has_nothing_at_stake(task, people, node, refused):
    """Its matrix is free: a stranger could move the weights anywhere, once the coordinator is late."""
    task.to_summed(people=("ada", "ben", "cleo"))
    node.advance(AGGREGATE_SECONDS + 1)
    with refused("NotInTheSet", account=people.eve.address):
        task.accept(person=people.eve)
    task.accept(person=people.ada)


def test_a_late_coordinator_is_replaced_by_a_node_of_the_set(task, people, node, refused):
    task.to_summed(people=("ada", "ben", "cleo", "dan"))
    with refused("CannotTakeOver", account=people.ada.address):
        task.act(people.ada, "takeOver")
    node.advance(AGGREGATE_SECONDS + 1)
    deadline = task.state["deadline"]
    for person in (people.eve, people.dan):  # one took no part; the other is the coordinator, though of the set
        with refused("CannotTakeOver", account=person.address):
            task.act(person, "takeOver")
    receipt = task.act(people.ada, "takeOver")
    assert receipt.event("CoordinatorChanged")["to"] == people.ada.address
    state = task.state
    assert (state["phase"], state["deadline"], state["attempt"]) == (SUMMED, deadline, 0)
    task.accept(person=people.ben)  # its deadline has passed as before


def test_a_node_that_withdrew_does_not_take_over(task, people, node, refused):
    task.to_sharing()
    task.share(people.ada)
    task.act(people.eve, "withdraw")
    task.share_all()
    node.advance(AGGREGATE_SECONDS + 1)
    with refused("CannotTakeOver", account=people.eve.address):
        task.act(people.eve, "takeOver")


def test_a_friend_who_accepts_does_not_save_a_late_coordinator(task, people, node, refused):
    task.to_summed(people=("ada", "ben", "cleo"))
    node.advance(AGGREGATE_SECONDS + 1)
    task.accept(person=people.cleo)
    with refused("CannotTakeOver", account=people.eve.address):
        task.act(people.eve, "takeOver")
    with refused("CannotTakeOver", account=people.dan.address):
        task.act(people.dan, "takeOver")
    deadline = task.state["deadline"]
    task.act(people.ben, "takeOver")
    assert task.state["coordinator"] == people.ben.address
    assert (task.phase, task.state["deadline"]) == (COLLECTING, deadline)
    with refused("CannotTakeOver", account=people.ada.address):
        task.act(people.ada, "takeOver")  # one change for one miss


def test_who_is_in_the_next_set_may_take_over_too_until_the_coordinator_does_its_work(task, people, node, refused):
    task.to_summed(people=("ada", "ben", "cleo"))
    node.advance(AGGREGATE_SECONDS + 1)
    task.accept(person=people.ada)
    task.to_sharing(people=("ben", "cleo", "eve"))
    with refused("CannotTakeOver", account=people.dan.address):
        task.act(people.dan, "takeOver")
    task.share_all()
    task.accept()  # the coordinator is back
    for person in (people.ada, people.ben, people.eve):
        with refused("CannotTakeOver", account=person.address):
            task.act(person, "takeOver")


def test_a_node_of_the_next_set_takes_over(task, people, node):
    task.to_summed(people=("ada", "ben", "cleo"))
    node.advance(AGGREGATE_SECONDS + 1)
    task.accept(person=people.ada)
    task.to_sharing(people=("ben", "cleo", "eve"))
    task.act(people.eve, "takeOver")
    assert task.state["coordinator"] == people.eve.address


def test_who_was_in_an_earlier_set_than_the_one_that_waited_does_not_take_over(task, people, node, refused):
    task.to_accepted()
    task.to_summed(people=("ada", "ben", "cleo"))
    node.advance(AGGREGATE_SECONDS + 1)
    task.accept(person=people.ada)
    with refused("CannotTakeOver", account=people.eve.address):
        task.act(people.eve, "takeOver")
    task.act(people.ben, "takeOver")


def test_a_finished_task_is_taken_over_by_nobody(task, people, node, refused):
    task.to_summed(people=("ada", "ben", "cleo"))
    node.advance(AGGREGATE_SECONDS + 1)
    task.certify(person=people.eve)
    with refused("CannotTakeOver", account=people.ada.address):
        task.act(people.ada, "takeOver")


def test_nothing_of_an_attempt_counts_in_the_next(task, people, node):
    task.submit_all(0, 1)
    task.close()
    task.ready_all(people.ada, people.ben)
    node.advance(READY_SECONDS + 1)
    task.act(people.dan, "reopen")
    assert people.ada not in task.participants
    task.to_summed(people=("ada", "ben", "cleo"))
    assert task.opens()  # the points of the first attempt are in none of it
    assert task.shared_sum() == plus(*(task.openings[2, p] for p in (people.ada, people.ben, people.cleo)))
    assert Point(*task.call("roundPointOf")) == commit(task.shared_sum(), task.generators)


# --- the tree of a set ---


def test_who_has_left_before_sharing_keeps_its_leaf_and_the_next_node_gets_another_seat(task, people, chain):
    task.submit_all(people=("ada", "ben", "cleo", "eve", "dan"))
    closed = task.close()
    parent = bytes(chain.web3.eth.get_block(closed.block - 1)["hash"])
    hlr, identity = task.hlr.address, task.world.identity.address
    place = Place(chain_id=chain.chain_id, contract=hlr, task=task.id, round=0, attempt=0, identity=identity)
    expected = SharingSet.closed(place, parent)
    task.round_keys = {}
    for person in (people.ada, people.ben):
        task.ready(person)
        expected = expected.with_ready(member_of(task, person))
    task.act(people.ada, "withdraw")
    expected = expected.without(people.ada.address, Departure.WITHDREW)
    for seat, person in ((2, people.cleo), (3, people.dan), (4, people.eve)):
        assert task.ready(person).event("NodeReady")["seat"] == seat
        expected = expected.with_ready(member_of(task, person))
    expected = expected.begun()
    assert task.digest == "0x" + expected.digest.hex()
    assert (expected.size, expected.seats) == (4, 5)
    members = {member.seat: member for member in expected.members}
    leaves = {seat: members[seat].leaf for seat in (1, 4)}
    proof = [bytes.fromhex(text[2:]) for text in task.call("proofOf", 0, 5, [1, 4])]
    assert tree.proven_root(0, 5, leaves, proof) == tree.root_of(expected.peaks)
    task.share_all()
    assert task.opens()


def test_the_tree_of_an_attempt_has_nothing_of_the_one_before(task, people, node):
    """Its words of storage are used again, and none of what is left there counts."""
    task.submit_all(people=("ada", "ben", "cleo", "eve", "dan"))
    task.close()
    task.ready_all()
    assert task.phase == SHARING
    for name in ("ada", "ben", "cleo"):
        task.act(getattr(people, name), "withdraw")
    task.act(people.dan, "reopen")
    task.submit_all(people=("ada", "ben", "cleo"))
    receipt = task.close()
    opened = bytes.fromhex(receipt.event("SetOpened")["digest"][2:])
    expected = SharingSet(place_of(task), opened)
    task.round_keys = {}
    for person in (people.cleo, people.ada, people.ben):
        task.ready(person)
        expected = expected.with_ready(member_of(task, person))
    assert task.digest == "0x" + expected.begun().digest.hex()
    assert task.call("proofOf", 0, 3, []) == ["0x" + tree.root_of(expected.peaks).hex()]


def place_of(task):
    state, world = task.state, task.world
    return Place(
        chain_id=world.chain.chain_id,
        contract=task.hlr.address,
        task=task.id,
        round=state["round"],
        attempt=state["attempt"],
        identity=world.identity.address,
    )
