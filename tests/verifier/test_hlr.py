"""HLRContract: rounds with proofs, and the attacks that must fail. Proofs are hashes of their public inputs here
(VerifierDouble); test_one_round.py has real ones.
"""

import pytest
from eth_utils.crypto import keccak
from support.rounds_task import COLLECTING, FINISHED, JOINING, NONE, Task
from support.rounds_world import (
    CERTIFY,
    ETH,
    FOLD,
    MATRIX,
    ZERO,
    World,
    fake_proof,
)

from twopm_zk.numbers import commitments
from twopm_zk.numbers.commitments import Tag
from twopm_zk.numbers.field import FIELD_ORDER


@pytest.fixture(scope="module")
def world(chain, node, keys):
    return World(chain, node, keys)


@pytest.fixture
def people(world):
    return world.people


@pytest.fixture
def task(world, people):
    return Task(world, people.dan)


# --- what the chain recomputes ---


def test_the_model_commitment_is_the_twins(task):
    assert task.model == task.policy.model_commitment([0, 0, 0, 0])
    assert task.hlr.call("contextOf", task.id) == task.policy.context


@pytest.mark.parametrize("features", [1, 6, 7, 13, 14, 20, 30, 255])
def test_models_of_any_length_are_committed_as_the_twin_does(world, people, features):
    for name, statement, size in (("s", 1, 32), ("a", 3, 4), ("c", 4, 4)):
        world.add_verifier(f"{name}{features}", statement, size, features)
    weights = [(-1) ** i * (2**31 - 1 - i) for i in range(features)] + [-(2**31) + 1]
    task = Task(
        world,
        people.dan,
        config={"maximumUpdates": 4},
        training={
            "features": features,
            "segments": 1,
            "stepVerifiers": [world.ids[f"s{features}"]],
            "aggregateVerifier": world.ids[f"a{features}"],
            "certifyVerifier": world.ids[f"c{features}"],
            "initialWeights": weights,
        },
    )
    assert task.model == task.policy.model_commitment(weights)
    assert task.hlr.call("weightsOf", task.id) == weights


def test_digests_are_the_twins(task, people):
    task.submit_all(0, 1)  # six updates in segments of four
    updates = [event["update"] for event in task.hlr.events("UpdateAccepted", taskId=task.id)]
    digests = []
    for segment in (updates[:4], updates[4:]):
        digest = 0
        for update in segment:
            digest = commitments.append_digest(digest, update)
        digests.append(digest)
    assert [task.hlr.call("segmentDigestOf", task.id, s) for s in range(3)] == [*digests, 0]
    task.close()
    task.fold(77)
    assert task.hlr.call("updatesDigestOf", task.id) == commitments.public_hash(Tag.ROUND, [77, digests[1]])


# --- a task from beginning to end ---


def test_weights_are_accepted_round_after_round_and_certified(task, people, world):
    task.submit_all()
    task.close()
    receipt = task.accept((5, -6, 7, -8))
    assert receipt.event("ModelPublished")["weights"] == [5, -6, 7, -8]
    assert task.hlr.call("weightsOf", task.id) == [5, -6, 7, -8]
    assert (task.state["round"], task.state["attempt"], task.state["phase"]) == (1, 0, COLLECTING)
    assert task.model == task.policy.model_commitment([5, -6, 7, -8])
    task.submit_all()
    task.close()
    receipt = task.certify(500)
    assert receipt.event("Certified")["gradientBound"] == 500
    assert task.state["phase"] == FINISHED
    training = task.hlr.call("trainingOf", task.id)
    assert (training["certified"], training["gradientBound"]) == (True, 500)


def test_gas_of_a_round(task, people, gas):
    gas.check("createTask", task.receipt)
    for position, person in enumerate((people.ada, people.ben, people.cleo)):
        gas.check(f"submitUpdate, double, update {position + 1}", task.submit(person))
    gas.check("submitUpdate, double, same node again", task.submit(people.ada, 1))
    gas.check("submitUpdate, double, second segment", task.submit(people.ada, 2))
    gas.check("close", task.close())
    gas.check("foldSegment, double", task.fold())
    gas.check("acceptWeights, double", task.accept())
    for person in (people.ada, people.ben, people.cleo):
        task.submit(person)
    gas.check("submitUpdate, double, second round", task.submit(people.ada, 1))
    task.close()
    gas.check("certify, double", task.certify())


def test_more_batches_than_a_proof_opens_are_folded_in_order(task, refused):
    task.submit_all(0, 1)
    with refused("WrongPhase", phase=COLLECTING):
        task.fold()
    task.close()
    with refused("SegmentsNotFolded", folded=0, needed=1):
        task.accept(proof=[0] * 24)
    with refused("NotAFieldElement", value=0):
        task.fold(0)
    with refused("NotAFieldElement", value=FIELD_ORDER):
        task.fold(FIELD_ORDER)
    with refused("InvalidProof"):
        task.fold(segment=12345)
    with refused("InvalidProof"):
        task.fold(before=12345)
    task.fold(77)
    with refused("NothingToFold", folded=1):
        task.fold(78)
    task.accept()


def test_the_last_round_can_only_be_certified(world, people, refused):
    task = Task(world, people.dan, config={"maximumRounds": 1})
    task.to_accepted()
    task.submit_all()
    task.close()
    with refused("RoundLimit", maximumRounds=1):
        task.accept()
    task.certify()


# --- configuration ---


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"config": {"minimumNodes": 0}}, "InvalidConfig", "minimumNodes"),
        ({"config": {"minimumNodes": 9}}, "InvalidConfig", "maximumUpdates"),
        ({"config": {"maximumUpdates": 7}}, "InvalidConfig", "maximumUpdates"),
        ({"config": {"maximumRounds": 0}}, "InvalidConfig", "maximumRounds"),
        ({"config": {"maximumRounds": 2**32 - 1}}, "InvalidConfig", "maximumRounds"),
        ({"config": {"collectSeconds": 0}}, "InvalidConfig", "collectSeconds"),
        ({"config": {"collectSeconds": 90 * 86400 + 1}}, "InvalidConfig", "collectSeconds"),
        ({"config": {"aggregateSeconds": 0}}, "InvalidConfig", "aggregateSeconds"),
        ({"config": {"aggregateSeconds": 91 * 86400}}, "InvalidConfig", "aggregateSeconds"),
        ({"config": {"joinSeconds": 91 * 86400}}, "InvalidConfig", "joinSeconds"),
        ({"training": {"slots": 0}}, "InvalidTraining", "slots"),
        ({"training": {"segments": 0}}, "InvalidTraining", "segments"),
        ({"training": {"segments": 257}}, "InvalidTraining", "segments"),
        ({"training": {"features": 0}}, "InvalidTraining", "features"),
        ({"training": {"features": 256}}, "InvalidTraining", "features"),
        ({"training": {"minRows": 0}}, "InvalidTraining", "minRows"),
        ({"training": {"weightBound": 0}}, "InvalidTraining", "weightBound"),
        ({"training": {"weightBound": 2**31 + 1}}, "InvalidTraining", "weightBound"),
        ({"training": {"stepVerifiers": []}}, "InvalidTraining", "stepVerifiers"),
        ({"training": {"initialWeights": [0, 0, 0]}}, "WrongNumberOfWeights", None),
        ({"training": {"weightBound": 5, "initialWeights": [0, -6, 0, 0]}}, "WeightOutOfBound", None),
        ({"training": {"weightBound": 5, "initialWeights": [0, 0, 0, 6]}}, "WeightOutOfBound", None),
        ({"training": {"matrixHash": FIELD_ORDER}}, "NotAFieldElement", None),
    ],
)
def test_a_task_that_could_not_work_is_refused(world, people, refused, changes, error, field):
    with refused(error, **({"field": field} if field else {})):
        Task(world, people.dan, **changes)


def test_a_task_at_its_limits_is_taken(world, people):
    months = 90 * 86400
    Task(
        world,
        people.dan,
        config={
            "maximumRounds": 2**32 - 2,
            "joinSeconds": months,
            "collectSeconds": months,
            "aggregateSeconds": months,
            "maximumUpdates": 1024,
        },
        training={"segments": 256, "weightBound": 5, "initialWeights": [5, -5, 0, 0], "matrixHash": FIELD_ORDER - 1},
    )


def test_separable_data_with_lambda_0_need_a_weight_bound(world, people, refused):
    """Separable data saturate the sigmoid: without regularisation a zero gradient alone certifies nothing."""
    with refused("InvalidTraining", field="weightBound"):
        Task(world, people.dan, training={"lambda": 0, "weightBound": 2**31})
    Task(world, people.dan, training={"lambda": 0, "weightBound": 2**31 - 1})


@pytest.mark.parametrize(
    "changes",
    [
        {"stepVerifiers": ["step-32", "step-32x8"]},
        {"stepVerifiers": ["aggregate"]},
        {"foldVerifier": "aggregate"},
        {"aggregateVerifier": "certify"},
        {"aggregateVerifier": "aggregate-16"},
        {"certifyVerifier": "aggregate"},
        {"certifyVerifier": "wide"},
        {"foldVerifier": "fold-16"},
        {"certifyVerifier": "certify-16"},
    ],
)
def test_a_verifier_of_another_statement_size_or_format_is_refused(world, people, refused, changes):
    world.add_verifier("wide", CERTIFY, 4, 3, frac_bits=16)
    world.add_verifier("fold-16", FOLD, 16, 3)
    world.add_verifier("certify-16", CERTIFY, 16, 3)
    field, value = next(iter(changes.items()))
    ids = [world.ids[name] for name in value] if isinstance(value, list) else world.ids[value]
    with refused("WrongVerifier"):
        Task(world, people.dan, training={field: ids})


def test_an_unknown_or_retired_verifier_is_refused(world, people, refused):
    for unknown in (0, 999):
        with refused("UnknownVerifier", id=unknown):
            Task(world, people.dan, training={"aggregateVerifier": unknown})
    world.registry.transact("retire", world.ids["aggregate"])
    with refused("RetiredVerifier"):
        Task(world, people.dan)


def test_verifiers_are_named_with_their_code_hashes(task, world):
    events = [event for event in task.receipt.events if event.name == "VerifierFixed"]
    assert [event["id"] for event in events] == [
        world.ids[name] for name in ("step-32", "step-128", "fold", "aggregate", "certify")
    ]
    for event in events:
        assert event["codeHash"] == "0x" + keccak(world.chain.code(event["verifier"])).hex()
        assert event["insecure"] is True


def test_a_verifier_swapped_under_a_running_task_changes_nothing(task, people, world, refused):
    """The registry's owner retires an entry and adds another: the task keeps what it was created with."""
    world.registry.transact("retire", world.ids["step-32"])
    before = task.hlr.call("stepVerifierOf", task.id, 32)
    world.add_verifier("other", 1, 32, 3)
    assert task.hlr.call("stepVerifierOf", task.id, 32) == before
    with refused("InvalidProof", verifier=before):
        task.submit(people.ada, proof=fake_proof("other", task.model, task.data(people.ada, 0), 5), update=5)
    task.submit(people.ada)


def test_only_the_registrys_owner_fills_it(world, people, refused):
    registry = people.ada.use(world.registry)
    for act in (("add", 1, 32, 3, 12, False, world.hub.address), ("retire", 1)):
        with refused("OwnableUnauthorizedAccount", account=people.ada.address):
            registry.transact(*act)
    with refused("NoCode"):
        world.registry.transact("add", 1, 32, 3, 12, False, people.ada.address)
    with refused("NoStatement"):
        world.registry.transact("add", 0, 32, 3, 12, False, world.hub.address)
    with refused("UnknownVerifier", id=999):
        world.registry.transact("retire", 999)


# --- attacks on updates ---


def test_a_stale_model_commitment_is_refused(task, people, refused):
    stale = task.model
    task.to_accepted()
    proof = fake_proof("step-32", stale, task.data(people.ada, 0), 5)
    with refused("InvalidProof"):
        task.submit(people.ada, update=5, proof=proof)


def test_another_nodes_data_proof_or_update_is_refused(task, people, refused):
    update = task.data(people.ada, 0) + 10**9
    proof = fake_proof("step-32", task.model, task.data(people.ada, 0), update)
    with refused("InvalidProof"):
        task.submit(people.ben, update=update, proof=proof)  # before ada
    task.submit(people.ada)
    with refused("InvalidProof"):
        task.submit(people.ben, update=update, proof=proof)  # and after


def test_a_proof_is_not_replayed_in_the_next_round(task, people, refused):
    args = {"update": 5, "proof": fake_proof("step-32", task.model, task.data(people.ada, 0), 5)}
    task.submit(people.ada, **args)
    task.submit_all(people=("ben", "cleo"))
    task.close()
    task.accept((0, 0, 0, 0))  # the same weights, and still another statement
    with refused("InvalidProof"):
        task.submit(people.ada, **args)


def test_a_proof_is_not_replayed_in_the_next_attempt(task, people, refused, node):
    args = {"update": 5, "proof": fake_proof("step-32", task.model, task.data(people.ada, 0), 5)}
    task.submit(people.ada, **args)
    node.advance(3601)
    task.act(people.ben, "reopen", [])
    with refused("InvalidProof"):
        task.submit(people.ada, **args)
    task.submit(people.ada)


def test_a_proof_is_not_replayed_in_another_task(world, task, people, refused):
    other = Task(world, people.dan)
    assert other.model != task.model
    args = {"update": 5, "proof": fake_proof("step-32", task.model, task.data(people.ada, 0), 5)}
    task.submit(people.ada, **args)
    with refused("InvalidProof"):
        other.submit(people.ada, **args)


def test_an_aliased_public_input_is_refused(task, people, refused):
    update = 5 + FIELD_ORDER
    proof = fake_proof("step-32", task.model, task.data(people.ada, 0), update)
    with refused("NotAFieldElement", value=update):
        task.submit(people.ada, update=update, proof=proof)


def test_a_proof_under_another_instances_verifier_is_refused(task, people, refused):
    proof = fake_proof("step-32", task.model, task.data(people.ada, 0), 5)
    with refused("InvalidProof"):
        task.submit(people.ada, size=128, update=5, proof=proof)
    with refused("NoVerifierOfSize", size=64):
        task.submit(people.ada, size=64, update=5, proof=proof)


def test_a_batch_counts_once_in_an_attempt(task, people, refused):
    task.submit(people.ada)
    with refused("IndexNotAscending", index=0, nextIndex=1):
        task.submit(people.ada, update=99)
    task.submit(people.ada, 2)
    with refused("IndexNotAscending", index=1, nextIndex=3):
        task.submit(people.ada, 1)
    people.ada.register(2**48 - 1, [4711])
    with refused("IndexTooLarge", index=2**48 - 1):
        task.submit(people.ada, 2**48 - 1)


def test_a_bad_proof_reverts_alone(task, people, refused):
    task.submit(people.ada)
    before = task.state
    with refused("InvalidProof"):
        task.submit(people.ben, proof=[1] * 24)
    assert task.state == before
    task.submit(people.ben)


def test_data_registered_after_the_round_opened_are_refused(task, people, refused):
    people.ada.register(50, [5050])
    with refused("DataNotCommittedBeforeTheRound", index=50):
        task.submit(people.ada, 50)
    with refused("DataNotCommittedBeforeTheRound", index=51, since=0):
        task.submit(people.ada, 51)
    task.to_accepted()
    task.submit(people.ada, 50)  # the next round is another matter


def test_data_registered_between_two_attempts_are_refused(task, people, refused, node):
    people.ada.register(50, [5050])
    node.advance(3601)
    task.act(people.ada, "reopen", [])
    with refused("DataNotCommittedBeforeTheRound", index=50):
        task.submit(people.ada, 50)


def test_strangers_and_those_who_joined_late_are_refused(task, people, refused, world):
    people.ada.leave()
    with refused("NotAMemberBeforeTheRound", account=people.ada.address, since=0):
        task.submit(people.ada)
    people.ada.join()
    with refused("NotAMemberBeforeTheRound", account=people.ada.address):
        task.submit(people.ada)


def test_a_stake_below_the_minimum_is_refused(task, people, refused, world):
    shares = world.staking.call("positionOf", people.ada.address, 2)["active"]
    people.ada.use(world.staking).transact("unstake", 2, shares)
    with refused("StakeTooLow", account=people.ada.address, stake=0, minimum=ETH):
        task.submit(people.ada)


def test_a_task_without_a_minimum_stake_asks_for_none(world, people):
    task = Task(world, people.dan, config={"minimumStake": 0})
    shares = world.staking.call("positionOf", people.ada.address, 2)["active"]
    people.ada.use(world.staking).transact("unstake", 2, shares)
    task.submit(people.ada)


def test_a_node_that_leaves_in_the_middle_of_a_round_blocks_nobody(task, people):
    task.submit(people.ada)
    people.ada.leave()
    task.submit_all(people=("ben", "cleo"))
    task.close()
    task.accept()  # its update was proven and counts


def test_updates_after_the_deadline_or_above_the_limit_are_refused(world, people, refused, node):
    task = Task(world, people.dan, config={"maximumUpdates": 4}, training={"segments": 1})
    task.submit_all()
    task.submit(people.ada, 1)
    with refused("AttemptFull", updates=4):
        task.submit(people.ben, 1)
    late = Task(world, people.dan)
    late.submit(people.ada)
    node.advance(3601)
    with refused("DeadlinePassed"):
        late.submit(people.ben)


def test_one_node_cannot_fill_an_attempt_that_limits_batches(world, people, refused):
    task = Task(world, people.dan, config={"maximumBatches": 2})
    task.submit_all(0, 1)
    with refused("TooManyBatches", account=people.ada.address, limit=2):
        task.submit(people.ada, 2)


# --- attacks on the aggregate ---


def test_an_update_left_out_of_the_aggregate_or_used_twice_is_refused(task, people, refused):
    task.submit_all()
    task.close()
    updates = [event["update"] for event in task.hlr.events("UpdateAccepted", taskId=task.id)]

    def digest_of(chosen):
        digest = 0
        for update in chosen:
            digest = commitments.append_digest(digest, update)
        return commitments.public_hash(Tag.ROUND, [0, digest])

    assert digest_of(updates) == task.hlr.call("updatesDigestOf", task.id)
    weights = (1, 2, 3, 4)
    for chosen in (updates[:2], updates[::-1], [*updates, updates[0]]):
        proof = fake_proof("aggregate", task.model, digest_of(chosen), task.next_model(weights))
        with refused("InvalidProof"):
            task.accept(weights, proof=proof)


def test_published_weights_that_differ_from_the_proven_ones_are_refused(task, people, refused):
    task.submit_all()
    task.close()
    digest = task.hlr.call("updatesDigestOf", task.id)
    proof = fake_proof("aggregate", task.model, digest, task.next_model((1, 2, 3, 4)))
    for weights in ((1, 2, 3, 5), (2, 1, 3, 4), (-1, 2, 3, 4)):
        with refused("InvalidProof"):
            task.accept(weights, proof=proof)
    for weights in ((1, 2, 3), (1, 2, 3, 4, 0)):
        with refused("WrongNumberOfWeights", count=len(weights), expected=4):
            task.accept(weights, proof=proof)
    assert task.hlr.call("weightsOf", task.id) == [0, 0, 0, 0]
    task.accept((1, 2, 3, 4), proof=proof)


def test_acceptance_below_the_minimum_of_distinct_nodes_is_refused(task, people, refused, node):
    for index in range(3):
        task.submit(people.ada, index)
    task.submit(people.ben)
    with refused("BelowMinimum", nodes=2, minimum=3):
        task.close()
    with refused("WrongPhase", phase=COLLECTING):
        task.accept(proof=[0] * 24)
    node.advance(3601)
    with refused("BelowMinimum", nodes=2, minimum=3):
        task.close()


def test_a_fixed_matrix_stays_and_a_replaceable_one_goes_into_the_next_model(world, task, people, refused):
    task.submit_all()
    task.close()
    with refused("MatrixIsFixed", matrixHash=MATRIX):
        task.accept(matrix=7)
    free = Task(world, people.dan, training={"matrixReplaceable": True})
    free.submit_all()
    free.close()
    with refused("NotAFieldElement", value=FIELD_ORDER):
        free.accept(matrix=FIELD_ORDER, proof=[0] * 24)
    with refused("InvalidProof"):  # of a move by another matrix than the one that is named
        free.accept(matrix=7, proof=fake_proof("aggregate", free.model, free.digest, free.next_model((1, -2, 3, -4))))
    free.accept((1, 2, 3, 4), matrix=7)
    assert free.policy.matrix_hash == 7
    assert free.model == free.policy.model_commitment([1, 2, 3, 4])


def test_a_certificate_looser_than_the_target_does_not_finish_a_task(task, refused):
    task.submit_all()
    task.close()
    with refused("BoundTooLoose", gradientBound=1001, target=1000):
        task.certify(1001)
    task.certify(1000)


def test_finish_called_twice_is_refused(world, task, people, refused):
    task.submit_all()
    task.close()
    task.certify()
    for act in (
        lambda: task.act(people.dan, "finish"),
        lambda: task.act(people.dan, "certify", 500, [0] * 24),
        lambda: task.act(people.dan, "openRound"),
        lambda: task.act(people.dan, "reopen", []),
        lambda: task.close(),
        lambda: task.accept(proof=[0] * 24),
        lambda: task.submit(people.ada, 1),
    ):
        with refused("WrongPhase", phase=FINISHED):
            act()
    with refused("CannotTakeOver"):
        task.act(people.ada, "takeOver")


def test_a_coordinator_cannot_end_what_others_still_work_on(world, people, task, refused):
    with refused("RoundsLeft", round=0, maximumRounds=3):
        task.act(people.dan, "finish")
    unopened = Task(world, people.dan, opened=False)
    with refused("NotTheCoordinator"):
        unopened.act(people.ada, "finish")
    unopened.act(people.dan, "finish")
    assert unopened.state["phase"] == FINISHED


def test_a_coordinator_ends_a_task_after_its_last_round_without_a_certificate(world, people, refused):
    task = Task(world, people.dan, config={"maximumRounds": 1})
    task.to_accepted()
    with refused("NotTheCoordinator", account=people.ada.address):
        task.act(people.ada, "finish")
    task.act(people.dan, "finish")
    assert task.state["phase"] == FINISHED
    assert task.hlr.call("trainingOf", task.id)["certified"] is False


def test_strangers_cannot_act_for_the_coordinator(world, people, task, refused):
    unopened = Task(world, people.dan, opened=False)
    with refused("NotTheCoordinator", account=people.ada.address):
        unopened.act(people.ada, "openRound")
    task.submit_all(0, 1)
    with refused("DeadlineNotReached"):
        task.close(people.ada)
    task.close()
    for act in (lambda: task.fold(person=people.ada), lambda: task.act(people.ada, "certify", 5, [0] * 24)):
        with refused("NotTheCoordinator", account=people.ada.address):
            act()
    with refused("NotTheCoordinator", account=people.ada.address):
        task.accept(person=people.ada, proof=[0] * 24)
    with refused("DeadlineNotReached"):
        task.act(people.ada, "reopen", [])


def test_an_unknown_task_answers_to_nobody(world, people, refused):
    hlr = people.ada.use(world.hlr)
    for act in (("openRound",), ("close",), ("reopen", []), ("finish",), ("submitUpdate", 32, 0, 5, [0] * 24)):
        with refused("WrongPhase", taskId=999, phase=NONE):
            hlr.transact(act[0], 999, *act[1:])
    with refused("CannotTakeOver", taskId=999):
        hlr.transact("takeOver", 999)


# --- silence ---


def test_a_silent_node_is_left_out_by_name_and_the_round_goes_on(task, people, refused):
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close()
    receipt = task.act(people.dan, "reopen", [people.eve.address])
    assert receipt.event("NodeExcluded")["node"] == people.eve.address
    assert (task.state["round"], task.state["attempt"]) == (0, 1)
    key = task.hlr.call("attemptKey", task.id)
    assert key == 2
    assert task.hlr.call("nodeOf", task.id, people.eve.address)["excluded"] == key
    with refused("ExcludedFromAttempt", account=people.eve.address, attempt=1):
        task.submit(people.eve)
    task.submit_all()
    task.close()
    task.accept()
    task.submit(people.eve)  # it is only that attempt


def test_a_silent_coordinator_is_replaced_by_a_participant(task, people, refused, node):
    task.submit_all()
    task.close()
    with refused("CannotTakeOver", account=people.ada.address):
        task.act(people.ada, "takeOver")
    node.advance(1801)
    with refused("CannotTakeOver", account=people.eve.address):
        task.act(people.eve, "takeOver")  # it took no part
    receipt = task.act(people.ada, "takeOver")
    assert receipt.event("CoordinatorChanged")["to"] == people.ada.address
    assert (task.state["attempt"], task.state["phase"]) == (1, COLLECTING)
    with refused("CannotTakeOver"):
        task.act(people.ben, "takeOver")  # one change for one miss
    task.submit_all()
    task.coordinator = people.ada
    with refused("DeadlineNotReached"):
        task.close(people.dan)
    task.close()
    task.accept()


def test_a_friend_who_reopens_does_not_save_a_silent_coordinator(task, people, refused, node):
    """Anyone may reopen after the deadline: that must not take the participants' right to replace it away."""
    task.submit_all()
    task.close()
    node.advance(1801)
    with refused("NotTheCoordinator"):
        task.act(people.eve, "reopen", [people.ada.address])
    task.act(people.eve, "reopen", [])
    task.act(people.ben, "takeOver")
    assert task.state["coordinator"] == people.ben.address
    assert task.state["attempt"] == 1  # the new attempt goes on under the new coordinator
    task.coordinator = people.ben
    task.to_accepted()


def test_a_coordinator_that_reopens_without_end_is_replaced(task, people, refused):
    for attempt in range(5):
        task.submit_all()
        task.close()
        if attempt <= 3:
            with refused("CannotTakeOver"):
                task.act(people.ada, "takeOver")
        task.act(people.dan, "reopen", [])
        if task.state["missed"]:
            break
    assert attempt == 3
    task.act(people.ada, "takeOver")
    assert task.state["coordinator"] == people.ada.address


def test_who_took_part_only_after_the_miss_may_take_over_and_who_never_did_may_not(task, people, refused, node):
    task.submit_all()
    task.close()
    node.advance(1801)
    task.act(people.dan, "reopen", [])
    with refused("CannotTakeOver", account=people.eve.address):
        task.act(people.eve, "takeOver")
    task.submit(people.eve)
    task.act(people.eve, "takeOver")
    assert task.state["coordinator"] == people.eve.address


def test_a_miss_gives_no_right_to_a_task_that_is_finished(task, people, refused, node):
    task.submit_all()
    task.close()
    node.advance(1801)
    task.act(people.dan, "reopen", [])
    assert task.state["missed"] == 1
    task.submit_all()
    task.close()
    task.certify()
    with refused("CannotTakeOver", account=people.ada.address):
        task.act(people.ada, "takeOver")
    assert task.state["coordinator"] == people.dan.address


def test_the_right_to_take_over_ends_with_the_round(task, people, refused, node):
    task.submit_all()
    task.close()
    node.advance(1801)
    task.act(people.dan, "reopen", [])
    task.to_accepted()
    with refused("CannotTakeOver"):
        task.act(people.ada, "takeOver")


def test_a_round_that_nobody_closes_is_closed_by_anyone_after_the_deadline(task, people, node):
    task.submit_all()
    node.advance(3601)
    task.close(people.eve)
    task.accept()


def test_a_full_attempt_is_closed_by_anyone(world, people):
    task = Task(world, people.dan, config={"maximumUpdates": 4}, training={"segments": 1})
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close(people.ada)


def test_too_few_nodes_at_the_deadline_are_reopened_by_anyone(task, people, refused, node):
    task.submit(people.ada)
    with refused("DeadlineNotReached"):
        task.act(people.eve, "reopen", [])
    with refused("DeadlineNotReached"):
        task.act(people.dan, "reopen", [])
    node.advance(3601)
    task.act(people.eve, "reopen", [])
    assert (task.state["attempt"], task.state["nodes"], task.state["updates"]) == (1, 0, 0)
    task.to_accepted()


def test_enough_nodes_at_the_deadline_are_not_reopened_but_closed(task, people, refused, node):
    task.submit_all()
    node.advance(3601)
    for person in (people.dan, people.eve):
        with refused("EnoughNodes", nodes=3, minimum=3):
            task.act(person, "reopen", [])


def test_a_node_that_fills_all_slots_alone_is_left_out(world, people):
    task = Task(world, people.dan, config={"maximumUpdates": 4}, training={"segments": 1})
    for index in range(4):
        task.submit(people.eve, index)
    task.act(people.dan, "reopen", [people.eve.address])
    task.to_accepted()


def test_at_most_32_nodes_are_left_out_in_one_call(task, people, refused, chain):
    task.submit_all()
    task.close()
    addresses = [chain.web3.to_checksum_address(f"0x{n:040x}") for n in range(1, 34)]
    with refused("TooManyExcluded", count=33, limit=32):
        task.act(people.dan, "reopen", addresses)
    task.act(people.dan, "reopen", addresses[:32])


def test_nothing_of_an_attempt_is_left_in_the_next(task, people):
    task.submit_all(0, 1)
    task.close()
    task.fold(77)
    task.act(people.dan, "reopen", [])
    training = task.hlr.call("trainingOf", task.id)
    assert (training["partialSum"], training["folded"]) == (0, 0)
    assert task.hlr.call("segmentDigestOf", task.id, 0) == 0
    task.submit(people.ada)
    assert task.hlr.call("segmentDigestOf", task.id, 0) == commitments.append_digest(
        0, task.data(people.ada, 0) + 10**9
    )
    assert not task.hlr.call("participates", task.id, people.ben.address)


# --- joining, for secure aggregation ---


def test_nodes_join_and_advertise_keys_before_they_hand_in_updates(world, people, refused, node):
    task = Task(world, people.dan, config={"joinSeconds": 600})
    assert task.state["phase"] == JOINING
    with refused("WrongPhase", phase=JOINING):
        task.submit(people.ada)
    for person in (people.ada, people.ben):
        assert task.act(person, "join", b"\x01" * 32).event("NodeJoined")["publicKey"] == "0x" + "01" * 32
    with refused("AlreadyJoined"):
        task.act(people.ada, "join", b"")
    with refused("KeyTooLong", length=257, limit=256):
        task.act(people.cleo, "join", b"\x01" * 257)
    with refused("BelowMinimum", nodes=2, minimum=3):
        task.act(people.dan, "startCollecting")
    task.act(people.cleo, "join", b"")
    with refused("DeadlineNotReached"):
        task.act(people.ada, "startCollecting")
    task.act(people.dan, "startCollecting")
    with refused("NotJoined", account=people.eve.address):
        task.submit(people.eve)
    task.to_accepted()
    assert task.state["phase"] == JOINING  # of the next round


def test_joining_that_ends_below_the_minimum_is_reopened(world, people, refused, node):
    task = Task(world, people.dan, config={"joinSeconds": 600})
    task.act(people.ada, "join", b"")
    node.advance(601)
    with refused("DeadlinePassed"):
        task.act(people.ben, "join", b"")
    task.act(people.eve, "reopen", [])
    for person in (people.ada, people.ben, people.cleo):
        task.act(person, "join", b"")
    with refused("DeadlineNotReached"):
        task.act(people.eve, "startCollecting")
    node.advance(601)
    with refused("EnoughNodes"):
        task.act(people.dan, "reopen", [])
    task.act(people.eve, "startCollecting")
    assert task.state["phase"] == COLLECTING


def test_there_is_no_address_zero_coordinator(world, refused, people):
    assert world.hlr.call("taskOf", 999)["coordinator"] == ZERO
