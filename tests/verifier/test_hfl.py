"""HFLContract: any model; masked updates are shared by a set, and a quorum of it accepts their result."""

from hashlib import sha256

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from support.federated_task import OTHER, RESULT, FederatedTask
from support.rounds_task import COLLECTING, CREATED, FINISHED, READY, SHARING, SUMMED
from support.rounds_world import ETH

from twopm_zk.errors import TransactionError

DAY = 86_400
PENALTY = ETH // 10
FOUR = ("ada", "ben", "cleo", "eve")


def hexed(data):
    return "0x" + data.hex()


def taken(receipt):
    """Wei of ETH that a transaction took from somebody; a slash rounds down to shares."""
    return receipt.event("Penalised")["value"]


def nothing_taken(receipt):
    return "Penalised" not in [event.name for event in receipt.events]


@pytest.fixture
def task(world):
    return FederatedTask(world)


@pytest.fixture
def costly(world):
    return FederatedTask(world, penalty=PENALTY)


# --- a round ---


def test_a_quorum_accepts_a_result_and_opens_the_next_round(task, people, gas):
    gas.check("commitUpdate", task.commit(people.ada))
    for person in (people.ben, people.cleo):
        said = task.commit(person).event("UpdateCommitted")
        assert (said["node"], said["update"]) == (person.address, hexed(task.update(person)))
    task.act(people.dan, "close")
    gas.check("ready", task.ready(people.ada))
    task.ready(people.ben)
    task.ready(people.cleo)
    content = sha256(b"masked").digest()
    receipt = task.share(people.ada, content=content, location=3)
    gas.check("share", receipt)
    said = receipt.event("MaskedUpdateShared")
    assert (said["node"], said["content"], said["location"]) == (people.ada.address, hexed(content), 3)
    gas.check("share, second", task.share(people.ben))
    last = task.share(people.cleo)
    gas.check("share, last", last)
    assert last.event("AllShared")["deadline"] == task.state["deadline"]
    assert (task.phase, task.call("latestOf"), task.call("participantsOf")) == (SUMMED, (0, hexed(bytes(32))), (0, 0))

    gas.check("confirm", task.confirm(people.ada))
    gas.check("confirm, second", task.confirm(people.ben))
    assert task.phase == SUMMED  # two of three are 66.7 %, not 67
    assert task.call("votesFor", RESULT) == 2
    receipt = task.confirm(people.cleo)
    gas.check("confirm, accepts", receipt)
    assert receipt.event("ResultAccepted")["result"] == hexed(RESULT)
    assert (task.state["round"], task.phase, task.state["moves"]) == (1, COLLECTING, 1)
    assert task.call("resultOf", 0) == hexed(RESULT)
    assert task.call("latestOf") == (1, hexed(RESULT))
    assert task.call("participantsOf") == (1, 3)
    gas.check("commitUpdate, later round", task.commit(people.ada))
    task.commit(people.ben)
    task.commit(people.cleo)
    task.act(people.dan, "close")
    gas.check("ready, later round", task.ready(people.ada))
    task.ready(people.ben)
    task.ready(people.cleo)
    gas.check("share, later round", task.share(people.ada))


def test_the_leaf_of_a_node_holds_its_update_where_a_point_would_be(task, people):
    task.to_ready()
    seen = task.ready(people.ada).event("NodeReady")
    assert (seen["x"], seen["y"]) == (int.from_bytes(task.update(people.ada), "big"), 0)
    task.ready(people.ben)
    task.ready(people.cleo)
    lasting = keccak(encode(["uint256[2]"], [people.ada.lasting.posted]))
    numbers = [seen["roundX"], seen["roundY"], seen["x"], 0]
    leaf = keccak(encode(["address", "bytes32", *["uint256"] * 4], [people.ada.address, lasting, *numbers]))
    assert task.call("proofOf", 0, 1, []) == [hexed(leaf)]


def test_a_coordinator_ends_a_task_whose_attempt_has_failed(task, people, node, refused):
    with refused("DeadlineNotReached"):
        task.act(people.dan, "finish")
    node.advance(3601)
    with refused("NotTheCoordinator"):
        task.act(people.ada, "finish")
    task.act(people.dan, "finish")
    assert task.state["phase"] == FINISHED


def test_a_task_finishes_once_after_its_last_round(world, people, refused):
    task = FederatedTask(world, maximumRounds=2, quorum=51)
    task.accept()
    receipt = task.accept(result=OTHER)
    assert receipt.event("TaskFinished")["round"] == 1
    assert (task.phase, task.call("latestOf")) == (FINISHED, (2, hexed(OTHER)))
    assert [task.call("resultOf", round_) for round_ in range(3)] == [hexed(RESULT), hexed(OTHER), hexed(bytes(32))]
    for person, act in ((people.dan, ("finish",)), (people.cleo, ("confirm", RESULT)), (people.dan, ("close",))):
        with refused("WrongPhase", phase=FINISHED):
            task.act(person, *act)


def test_votes_for_different_results_do_not_add_up(task, people):
    task.to_summed()
    task.confirm(people.ada)
    task.confirm(people.ben, OTHER)
    task.confirm(people.cleo)
    assert task.state["round"] == 0
    assert (task.call("votesFor", RESULT), task.call("votesFor", OTHER)) == (2, 1)


@pytest.mark.parametrize(("quorum", "needed"), [(51, 2), (100, 3)])
def test_the_smallest_and_the_largest_quorum(world, people, quorum, needed):
    task = FederatedTask(world, quorum=quorum)
    assert task.call("quorumOf") == quorum
    task.to_summed()
    for count, person in enumerate((people.ada, people.ben, people.cleo)[:needed], start=1):
        task.confirm(person)
        assert task.state["moves"] == (count == needed)


# --- what a task may say ---


@pytest.mark.parametrize("percent", [0, 50, 101])
def test_a_quorum_is_a_majority(world, refused, percent):
    with refused("InvalidQuorum", percent=percent):
        FederatedTask(world, quorum=percent)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("maximumBatches", 2),
        ("disputeSeconds", 1),
        ("readySeconds", 0),
        ("shareSeconds", 90 * DAY + 1),
        ("minimumNodes", 0),
    ],
)
def test_what_a_task_of_this_kind_has_not_is_refused(world, refused, field, value):
    with refused("InvalidConfig", field=field):
        FederatedTask(world, **{field: value})


def test_durations_with_a_penalty_leave_time_to_judge_within_the_exit_delay(world, refused):
    """Of ten days one is for reactions: collecting, ready, two share attempts, and the time to say what is missing."""
    times = {"collectSeconds": DAY, "readySeconds": DAY, "shareSeconds": 2 * DAY, "aggregateSeconds": 3 * DAY}
    with refused("InvalidConfig", field="penalty"):
        FederatedTask(world, penalty=PENALTY, **{**times, "aggregateSeconds": 3 * DAY + 1})
    with refused("InvalidConfig", field="penalty"):
        FederatedTask(world, penalty=ETH + 1, **times)
    FederatedTask(world, penalty=ETH, **times)
    FederatedTask(world, **{**times, "aggregateSeconds": 90 * DAY})


def test_a_contract_that_may_not_slash_takes_no_penalty(world, refused):
    world.staking.transact("revoke", world.hfl.address)
    with refused("InvalidConfig", field="penalty"):
        FederatedTask(world, penalty=1)


# --- who may do what ---


def test_a_node_has_one_update_in_an_attempt(task, people, refused):
    task.commit(people.ada)
    with refused("TooManyBatches", account=people.ada.address, limit=1):
        task.commit(people.ada, index=1)


def test_members_and_data_are_from_before_the_round(task, people, refused):
    """All rules of collecting are tested at HLRContract; here that they are there."""
    people.ada.register(60, [6060])
    with refused("DataNotCommittedBeforeTheRound", index=60):
        task.commit(people.ada, index=60)
    people.eve.leave()
    with refused("NotAMemberBeforeTheRound", account=people.eve.address):
        task.commit(people.eve)
    people.eve.join()
    with refused("NotAMemberBeforeTheRound", account=people.eve.address):
        task.commit(people.eve)


def test_only_the_set_shares_and_each_once(task, people, refused):
    task.to_ready(*FOUR)
    for person in (people.ada, people.ben, people.cleo):
        task.ready(person)
    with refused("WrongPhase", phase=READY):
        task.share(people.ada)
    task.world.node.advance(601)
    task.act(people.ada, "startSharing")
    for person in (people.eve, people.dan):  # one was not ready, the other took no part
        with refused("NotInTheSet", account=person.address):
            task.share(person)
    task.share(people.ada)
    with refused("AlreadyShared", account=people.ada.address):
        task.share(people.ada)


def test_a_share_for_another_set_is_refused(costly, people, refused):
    """A masked update of the set before somebody left would not cancel, and must not count."""
    task = costly
    task.to_sharing(*FOUR)
    before = task.digest
    with refused("WrongSet", expected=before):
        task.share(people.ada, digest=b"\x05" * 32)
    task.share(people.ada)
    task.act(people.eve, "withdraw")
    assert task.digest != before
    with refused("WrongSet", digest=before, expected=task.digest):
        task.share(people.ada, digest=before)


def test_a_share_comes_in_time(task, people, node, refused):
    task.to_sharing()
    node.advance(7201)
    with refused("DeadlinePassed"):
        task.share(people.ada)


def test_too_few_that_are_left_share_nothing(task, people, refused):
    task.to_sharing()
    task.act(people.cleo, "withdraw")
    with refused("BelowMinimum", nodes=2):
        task.share(people.ada)


def test_only_the_set_confirms_and_each_once(task, people, refused):
    task.to_sharing()
    with refused("WrongPhase", phase=SHARING):
        task.confirm(people.ada)
    task.share_all()
    for person in (people.eve, people.dan):
        with refused("NotInTheSet", account=person.address):
            task.confirm(person)
    task.confirm(people.ada)
    for result in (RESULT, OTHER):
        with refused("AlreadyConfirmed", node=people.ada.address):
            task.confirm(people.ada, result)


# --- silence ---


def test_who_is_silent_is_left_out_for_its_penalty_and_the_others_share_again(costly, people, node, refused):
    task, before = costly, people.eve.staked
    task.to_sharing(*FOUR)
    task.share_all(without=[people.eve])
    with refused("DeadlineNotReached"):
        task.act(people.dan, "expel", people.eve.address)
    node.advance(7201)
    with refused("AlreadyShared"):
        task.act(people.dan, "expel", people.ada.address)
    receipt = task.act(people.dan, "expel", people.eve.address)
    assert taken(receipt) == PENALTY == pytest.approx(before - people.eve.staked, abs=2)
    assert task.of(people.eve)["barred"]
    assert (task.phase, task.state["shareAttempt"], task.state["shared"]) == (SHARING, 1, 0)
    task.share_all()
    assert task.phase == SUMMED
    with refused("NotInTheSet", account=people.eve.address):
        task.confirm(people.eve)
    for person in (people.ada, people.ben, people.cleo):
        task.confirm(person)
    assert task.call("participantsOf") == (1, 3)
    with refused("Barred", account=people.eve.address):
        task.commit(people.eve)


def test_who_has_taken_its_stake_out_shares_no_second_time(costly, people, node, refused):
    task = costly
    task.to_sharing(*FOUR)
    task.share_all(without=[people.eve])
    people.ada.unstake(keeping=ETH // 2)
    node.advance(7201)
    task.act(people.dan, "expel", people.eve.address)
    with refused("StakeTooLow", account=people.ada.address, minimum=ETH):
        task.share(people.ada)


def test_a_stake_on_its_way_out_still_pays_for_silence_in_the_second_share_attempt(world, people, node, refused):
    """Durations at their limit, the stake asked for right after the update, everything as late as can be."""
    times = {"collectSeconds": DAY, "readySeconds": DAY, "shareSeconds": 2 * DAY, "aggregateSeconds": 3 * DAY}
    task = FederatedTask(world, penalty=PENALTY, quorum=51, **times)
    for person in task.named(*FOUR, "dan"):
        task.commit(person)
    people.eve.unstake()
    node.advance(DAY - 60)
    task.act(people.dan, "close")
    for person in task.named(*FOUR):
        task.ready(person)
    node.advance(DAY + 1)
    task.act(people.ada, "startSharing")
    node.advance(2 * DAY - 60)
    task.share_all()
    node.advance(3 * DAY - 60)
    for person in (people.ben, people.cleo, people.eve):
        task.report(person, people.ada)
    with refused("StakeTooLow", account=people.eve.address):
        task.share(people.eve)
    task.share(people.ben)
    node.advance(2 * DAY + 1)
    assert taken(task.act(people.cleo, "expel", people.eve.address)) == PENALTY


def test_where_nobody_has_shared_the_round_starts_again_and_nobody_pays(costly, people, node, refused):
    task = costly
    task.to_sharing()
    with refused("DeadlineNotReached"):
        task.act(people.eve, "reopen")
    node.advance(7201)
    with refused("NobodyHasShared"):
        task.act(people.eve, "expel", people.ada.address)
    task.act(people.eve, "reopen")
    assert (task.state["attempt"], task.phase) == (1, COLLECTING)
    task.accept()
    assert task.call("participantsOf") == (2, 3)


def test_too_few_nodes_at_the_deadline_are_reopened(task, people, node, refused):
    task.commit(people.ada)
    with refused("DeadlineNotReached"):
        task.act(people.ben, "reopen")
    node.advance(3601)
    task.act(people.ben, "reopen")
    assert (task.state["attempt"], task.phase) == (1, COLLECTING)


def test_too_few_for_another_share_attempt_end_the_task_with_the_results_that_it_has(task, people, node):
    task.accept()
    task.to_sharing()
    task.share(people.ada)
    receipt = task.act(people.cleo, "withdraw")
    assert receipt.event("TaskFailed")["reason"] == hexed(b"too few nodes".ljust(32, b"\0"))
    assert (task.phase, task.call("latestOf")) == (FINISHED, (1, hexed(RESULT)))


# --- a set that has shared is fixed ---


@pytest.mark.parametrize("who", ["dan", "ada", "eve"])
def test_nobody_reopens_or_ends_a_round_in_which_somebody_has_shared(task, people, node, refused, who):
    """A second sum of another set would give away who is in one of them alone."""
    task.to_sharing()
    task.share(people.ada)
    person = getattr(people, who)
    for seconds in (1, 7201):
        node.advance(seconds)
        with refused("WrongPhase", phase=SHARING):
            task.act(person, "reopen")
        with refused("WrongPhase", phase=SHARING):
            task.act(person, "finish")


def test_nobody_reopens_or_ends_a_round_whose_result_is_being_confirmed(task, people, node, refused):
    task.to_summed()
    for person in (people.dan, people.ada):
        with refused("DeadlineNotReached"):
            task.act(person, "reopen")
    with refused("DeadlineNotReached"):
        task.act(people.dan, "finish")
    with refused("NotTheCoordinator", account=people.ada.address):
        task.act(people.ada, "finish")


# --- results that nobody accepts ---


def test_without_a_quorum_at_the_deadline_the_round_starts_again(task, people, node):
    task.to_summed()
    task.confirm(people.ada)
    task.confirm(people.ben)
    node.advance(1801)
    task.act(people.eve, "reopen")
    assert (task.state["attempt"], task.phase, task.state["sharedOnce"]) == (1, COLLECTING, False)
    task.to_summed()
    assert task.call("votesFor", RESULT) == 0  # those of another attempt do not count
    task.confirm(people.cleo)
    assert task.state["round"] == 0
    task.confirm(people.ada)
    task.confirm(people.ben)
    assert (task.state["round"], task.call("participantsOf")) == (1, (2, 3))


def test_a_late_confirmation_counts_until_somebody_reopens(task, people, node, refused):
    task.to_summed()
    task.confirm(people.ada)
    node.advance(1801)
    task.confirm(people.ben)
    assert task.confirm(people.cleo).event("ResultAccepted")
    with refused("WrongPhase", phase=COLLECTING):
        task.confirm(people.cleo)


def test_a_coordinator_ends_a_task_whose_attempt_has_failed_with_the_results_that_it_has(task, people, node, refused):
    task.accept()
    with refused("DeadlineNotReached"):
        task.act(people.dan, "finish")
    task.to_summed()
    node.advance(1801)
    task.act(people.dan, "finish")
    assert (task.phase, task.call("latestOf")) == (FINISHED, (1, hexed(RESULT)))


def test_a_task_that_was_never_opened_can_be_ended(world, people):
    task = FederatedTask(world, opened=False)
    assert task.phase == CREATED
    task.act(people.dan, "finish")
    assert task.phase == FINISHED


def test_a_coordinator_that_is_gone_holds_nobody_up(task, people, node, refused):
    """It neither closes, nor ends what has failed: anybody closes, and a node of the set takes its place."""
    for person in (people.ada, people.ben, people.cleo):
        task.commit(person)
    with refused("DeadlineNotReached"):
        task.act(people.eve, "close")
    node.advance(3601)
    task.act(people.eve, "close")
    for person in (people.ada, people.ben, people.cleo):
        task.ready(person)
    task.share_all()
    with refused("CannotTakeOver", account=people.ada.address):
        task.act(people.ada, "takeOver")
    node.advance(1801)
    for person in (people.eve, people.dan):  # one took no part, the other is the coordinator
        with refused("CannotTakeOver", account=person.address):
            task.act(person, "takeOver")
    task.act(people.ada, "takeOver")
    assert (task.state["coordinator"], task.phase) == (people.ada.address, SUMMED)
    task.act(people.ada, "finish")
    assert task.phase == FINISHED


def test_nobody_takes_over_while_updates_are_collected(task, people, node, refused):
    task.commit(people.ada)
    node.advance(10**5)
    with refused("CannotTakeOver", account=people.ada.address):
        task.act(people.ada, "takeOver")


# --- masked updates that cannot be had ---


def test_a_quorum_finds_a_masked_update_missing_and_the_others_share_again(costly, people, gas, refused):
    task, before = costly, people.eve.staked
    task.to_summed(*FOUR)
    gas.check("reportMissing", task.report(people.ada, people.eve))
    receipt = task.report(people.ben, people.eve)
    said = receipt.event("MissingReported")
    assert (said["node"], said["account"], said["reports"]) == (people.ben.address, people.eve.address, 2)
    assert (task.phase, task.call("reportsOf", people.eve.address)) == (SUMMED, 2)  # 50 % are not 67
    receipt = task.report(people.cleo, people.eve)
    gas.check("reportMissing, the last one", receipt)
    assert receipt.event("NodeLeft")["reason"] == hexed(b"missing".ljust(32, b"\0"))
    assert taken(receipt) == PENALTY == pytest.approx(before - people.eve.staked, abs=2)
    assert (task.phase, task.state["shareAttempt"], task.of(people.eve)["barred"]) == (SHARING, 1, True)
    task.share_all()
    assert task.call("reportsOf", people.ada.address) == 0
    with refused("NotInTheSet", account=people.eve.address):
        task.report(people.ada, people.eve)
    for person in (people.ada, people.ben, people.cleo):
        task.confirm(person)
    assert task.call("participantsOf") == (1, 3)


def test_a_minority_leaves_nobody_out(costly, people, node, refused):
    task, before = costly, people.eve.staked
    task.to_summed(*FOUR)
    for person in (people.ada, people.ben):
        task.report(person, people.eve)
        with refused("AlreadyReported", node=person.address, account=people.eve.address):
            task.report(person, people.eve)
    node.advance(1801)
    with refused("DeadlinePassed"):  # its stake may be gone by now
        task.report(people.cleo, people.eve)
    assert (task.phase, people.eve.staked, task.state["ready"]) == (SUMMED, before, 4)
    task.confirm(people.cleo)


def test_reports_of_different_accounts_do_not_add_up(task, people):
    task.to_summed(*FOUR)
    task.report(people.ada, people.eve)
    task.report(people.ben, people.eve)
    task.report(people.ada, people.cleo)
    task.report(people.eve, people.cleo)
    assert (task.phase, task.state["ready"]) == (SUMMED, 4)


def test_only_the_set_reports_and_only_of_the_set(task, people, refused):
    task.to_summed()
    for person, account in ((people.eve, people.ada), (people.ada, people.eve)):
        with refused("NotInTheSet", account=people.eve.address):
            task.report(person, account)


def test_who_has_confirmed_says_no_more_that_something_is_missing(task, people, refused):
    task.to_summed()
    task.report(people.ben, people.cleo)
    task.confirm(people.ben)  # it came after all
    task.confirm(people.ada)
    with refused("AlreadyConfirmed", node=people.ada.address):
        task.report(people.ada, people.cleo)


def test_what_is_missing_is_said_of_one_share_attempt_alone(task, people, node):
    """Reports from before somebody else left do not add up with later ones."""
    task.to_summed(*FOUR, "dan")
    for person in (people.ada, people.ben):
        task.report(person, people.cleo)
    for person in (people.ada, people.ben, people.cleo, people.dan):
        task.report(person, people.eve)
    task.share_all()
    assert task.call("reportsOf", people.cleo.address) == 0
    task.report(people.ada, people.cleo)
    assert (task.phase, task.call("reportsOf", people.cleo.address)) == (SUMMED, 1)


def test_who_is_missing_is_not_saved_by_too_little_gas(costly, people, refused):
    task = costly
    task.to_summed()
    task.report(people.ada, people.cleo)
    with refused("TooLittleGas"):
        task.report(people.ben, people.cleo, gas=1_500_000)


def test_all_others_are_enough_where_they_are_no_quorum(task, people):
    """Two of three are 66.7 %, not 67; and too few are left to share again, so that the task ends."""
    task.to_summed()
    task.report(people.ada, people.cleo)
    assert task.phase == SUMMED
    receipt = task.report(people.ben, people.cleo)
    assert receipt.event("NodeLeft")["node"] == people.cleo.address
    assert receipt.event("TaskFailed")["reason"] == hexed(b"too few nodes".ljust(32, b"\0"))
    assert task.phase == FINISHED


def test_who_did_not_find_it_missing_leaves_the_smaller_set_for_nothing(world, people):
    """A majority that lies about an honest node gets no second sum from the others, nor their penalties."""
    task = FederatedTask(world, penalty=PENALTY, quorum=51)
    task.to_summed(*FOUR, "dan")
    for person in (people.ada, people.ben, people.cleo):
        task.report(person, people.eve)
    assert task.state["ready"] == 4
    assert nothing_taken(task.act(people.dan, "withdraw"))
    assert taken(task.act(people.ada, "withdraw")) == PENALTY  # it did say so


def test_who_has_shared_with_the_smaller_set_leaves_it_for_its_penalty(world, people):
    task = FederatedTask(world, penalty=PENALTY, quorum=51)
    task.to_summed(*FOUR, "dan")
    for person in (people.ada, people.ben, people.cleo):
        task.report(person, people.eve)
    task.share(people.dan)
    assert taken(task.act(people.dan, "withdraw")) == PENALTY


def test_leaving_a_set_that_shares_costs_the_penalty_where_nothing_was_missing(costly, people):
    costly.to_sharing(*FOUR)
    assert taken(costly.act(people.eve, "withdraw")) == PENALTY


def test_leaving_before_sharing_begins_costs_nothing(costly, people):
    task, before = costly, people.eve.staked
    task.to_ready(*FOUR)
    task.ready(people.ada)
    task.act(people.ada, "withdraw")
    task.act(people.eve, "withdraw")
    assert (people.eve.staked, task.state["nodes"], task.state["ready"]) == (before, 2, 0)


# --- credits ---


def test_who_took_part_in_the_last_result_keeps_its_credit_whatever_it_does_since(task, people, node):
    def credits():
        return {name: task.call("creditOf", getattr(people, name).address) for name in (*FOUR, "dan")}

    everybody = dict.fromkeys((*FOUR, "dan"), 0)
    task.to_summed()
    assert credits() == everybody
    for person in (people.ada, people.ben, people.cleo):
        task.confirm(person)
    first = {**everybody, "ada": 1, "ben": 1, "cleo": 1}
    assert credits() == first
    task.to_sharing(*FOUR)
    assert credits() == first  # another set works, and has no result yet
    task.share(people.ada)
    task.act(people.cleo, "withdraw")
    assert credits() == first
    task.share_all()
    for person in (people.ada, people.ben, people.eve):
        task.confirm(person)
    assert credits() == {**everybody, "ada": 1, "ben": 1, "eve": 1}
    assert task.call("participantsOf") == (2**32 + 1, 3)
    task.commit(people.eve)
    node.advance(3601)
    task.act(people.dan, "reopen")
    task.commit(people.eve)
    task.commit(people.cleo)
    assert credits() == {**everybody, "ada": 1, "ben": 1, "eve": 1}


# --- all functions ---

ALLOWED = {
    "openRound": {CREATED},
    "commitUpdate": {COLLECTING},
    "close": {COLLECTING},
    "ready": {READY},
    "startSharing": {READY},
    "withdraw": {READY, SHARING},
    "share": {SHARING},
    "expel": {SHARING},
    "confirm": {SUMMED},
    "reportMissing": {SUMMED},
    "reopen": {COLLECTING, READY, SUMMED},  # and SHARING, before the first share
    "finish": {CREATED, COLLECTING, READY, SUMMED},
}
"""Where a function gets past the check of the phase; takeOver has none, but its own conditions."""


def calls(people):
    """A call of each function."""
    return {
        **dict.fromkeys(("openRound", "close", "startSharing", "withdraw", "reopen", "takeOver", "finish"), ()),
        "commitUpdate": (10**6, RESULT),
        "ready": ([1, 2], 3, 4),
        "share": (b"\x01" * 32, RESULT, 0),
        "expel": (people.ada.address,),
        "confirm": (RESULT,),
        "reportMissing": (people.ada.address,),
    }


def outcome(task, person, function):
    """The name of the error, or "done", and where the task is then; nothing is kept."""
    snapshot = task.world.node.snapshot()
    try:
        task.act(person, function, *calls(task.people)[function])
        return "done", task.state
    except TransactionError as error:
        return error.error, task.state
    finally:
        task.world.node.revert(snapshot)
        person.chain.forget_nonces()


def in_phase(world, phase):
    task = FederatedTask(world, penalty=PENALTY, opened=phase != CREATED, maximumRounds=1)
    if phase == READY:
        task.to_ready(*FOUR)
        task.ready(task.people.ada)
    elif phase == SHARING:
        task.to_sharing(*FOUR)
        task.share(task.people.ada)
    elif phase == SUMMED:
        task.to_summed(*FOUR)
    elif phase == FINISHED:
        task.accept(*FOUR)
    assert task.phase == phase
    return task


@pytest.mark.slow
@pytest.mark.parametrize("phase", [CREATED, COLLECTING, READY, SHARING, SUMMED, FINISHED])
def test_only_the_functions_of_a_phase_get_past_it(world, people, phase):
    task = in_phase(world, phase)
    for function, phases in ALLOWED.items():
        for person in (people.dan, people.ben):  # the coordinator, and a node
            found, _ = outcome(task, person, function)
            if phase in phases:
                assert found != "WrongPhase", (function, person)
            else:  # whoever is not in the present set is told that first
                assert found in ("WrongPhase", "NotInTheSet"), (function, person, found)


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "seconds"), [(SHARING, 0), (SHARING, 10**5), (SUMMED, 0)])
def test_once_somebody_has_shared_no_function_leads_to_another_attempt(world, people, node, phase, seconds):
    """Whoever calls it, as long as the result is not late."""
    task = in_phase(world, phase)
    before = task.state
    node.advance(seconds)
    for function in calls(people):
        for person in (people.dan, people.ada, people.ben):
            found, state = outcome(task, person, function)
            place = state["round"], state["attempt"], state["sharedOnce"]
            assert place == (before["round"], before["attempt"], True), (function, person, found)
