"""HLRContract: rounds with proofs, and the attacks that must fail. Proofs are hashes of their public inputs here
(VerifierDouble); test_one_round.py has real ones.
"""

import pytest
from eth_utils.crypto import keccak
from support.rounds_task import (
    COLLECTING,
    DISPUTED,
    FINISHED,
    NONE,
    READY,
    SHARING,
    WITH_PENALTY,
    Task,
    point_hash,
)
from support.rounds_world import (
    CERTIFY,
    ETH,
    GRADIENT,
    INFORMATION,
    MATRICES,
    STEP,
    ZERO,
    fake_proof,
)
from support.sharing import commit, flattened, generators_hash, plus, provable_opening

from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, Point, add, hash_to_point, negate
from twopm_zk.numbers.field import FIELD_ORDER


@pytest.fixture
def task(world, people):
    return Task(world, people.dan)


# --- what the chain recomputes ---


def test_the_model_commitment_is_the_twins(task):
    assert task.model == task.policy.model_commitment([0, 0, 0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("features", [1, 6, 7, 13, 14, 20, 30, 255])
def test_models_of_any_length_are_committed_as_the_twin_does(world, people, features):
    for name, statement, size in (("s", 1, 32), ("i", 2, 32), ("a", 3, 0), ("c", 4, 0)):
        world.add_verifier(f"{name}{features}", statement, size, features)
    weights = [(-1) ** i * (2**31 - 1 - i) for i in range(features)] + [-(2**31) + 1]
    task = Task(
        world,
        people.dan,
        training={
            "features": features,
            "information": features % 2,
            "stepVerifiers": [world.ids[f"s{features}"]],
            "informationVerifiers": [world.ids[f"i{features}"]],
            "aggregateVerifier": world.ids[f"a{features}"],
            "certifyVerifier": world.ids[f"c{features}"],
            "initialWeights": weights,
        },
    )
    assert task.model == task.policy.model_commitment(weights)
    assert task.hlr.call("weightsOf", task.id) == weights
    sums = (features + 1) * (features + 2) // 2 if features % 2 else features + 1
    lanes = 4 if features % 2 else 3
    assert task.call("vectorLengthOf") == -(-sums // lanes) + 2  # packed sums, rows, blinding


# --- a task from beginning to end ---


def test_weights_are_accepted_round_after_round_and_certified(task, people, world):
    task.to_summed()
    receipt = task.accept((5, -6, 7, -8))
    assert receipt.event("ModelPublished")["weights"] == [5, -6, 7, -8]
    assert task.hlr.call("weightsOf", task.id) == [5, -6, 7, -8]
    assert (task.state["round"], task.state["attempt"], task.state["phase"]) == (1, 0, COLLECTING)
    assert task.model == task.policy.model_commitment([5, -6, 7, -8])
    task.to_summed()
    proof = fake_proof("certify", task.model, task.sum_commitment, 500)
    certified = task.certify(500).event("Certified")
    assert (certified["gradientBound"], certified["proof"]) == (500, proof)
    assert task.state["phase"] == FINISHED
    training = task.hlr.call("trainingOf", task.id)
    assert (training["certifiedKey"] != 0, training["gradientBound"]) == (True, 500)


def test_gas_of_a_round(task, people, gas):
    gas.check("createTask", task.receipt)
    for position, person in enumerate((people.ada, people.ben, people.cleo)):
        gas.check(f"submitUpdate, double, update {position + 1}", task.submit(person))
    gas.check("submitUpdate, double, same node again", task.submit(people.ada, 1))
    task.close()
    task.ready_all()
    task.share_all()
    gas.check("acceptWeights, double", task.accept())
    gas.check("submitUpdate, double, second round", task.submit(people.ada))
    gas.check("submitUpdate, double, second round, same node again", task.submit(people.ada, 1))
    task.submit_all(people=("ben", "cleo"))
    task.close()
    task.ready_all()
    task.share_all()
    gas.check("certify, double", task.certify())


def test_updates_of_a_node_add_up_to_its_point(task, people):
    events = [task.submit(people.ada, index).event("UpdateAccepted") for index in range(3)]
    assert tuple(task.call("pointOf", people.ada.address)) == commit(task.openings[1, people.ada], GRADIENT)
    assert [event["position"] for event in events] == [0, 1, 2]
    assert [event["index"] for event in events] == [0, 1, 2]


def test_the_last_round_can_only_be_certified(world, people, refused):
    task = Task(world, people.dan, config={"maximumRounds": 1})
    task.to_accepted()
    task.to_summed()
    with refused("RoundLimit", maximumRounds=1):
        task.accept()
    task.certify()


# --- configuration ---


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"config": {"minimumNodes": 0}}, "InvalidConfig", "minimumNodes"),
        ({"config": {"minimumNodes": 9}}, "InvalidConfig", "maximumUpdates"),
        ({"config": {"maximumUpdates": 2**20 + 1}}, "InvalidConfig", "maximumUpdates"),
        ({"config": {"maximumBatches": 0}}, "InvalidConfig", "maximumBatches"),
        ({"config": {"maximumBatches": 4}}, "InvalidConfig", "maximumBatches"),
        ({"config": {"maximumBatches": 2**20 + 1, "minimumNodes": 1}}, "InvalidConfig", "maximumBatches"),
        ({"config": {"maximumRounds": 0}}, "InvalidConfig", "maximumRounds"),
        ({"config": {"maximumRounds": 2**32 - 1}}, "InvalidConfig", "maximumRounds"),
        ({"config": {"collectSeconds": 0}}, "InvalidConfig", "collectSeconds"),
        ({"config": {"collectSeconds": 90 * 86400 + 1}}, "InvalidConfig", "collectSeconds"),
        ({"config": {"aggregateSeconds": 0}}, "InvalidConfig", "aggregateSeconds"),
        ({"config": {"aggregateSeconds": 91 * 86400}}, "InvalidConfig", "aggregateSeconds"),
        ({"config": {"readySeconds": 0}}, "InvalidConfig", "readySeconds"),
        ({"config": {"shareSeconds": 91 * 86400}}, "InvalidConfig", "shareSeconds"),
        ({"config": {"disputeSeconds": 0}}, "InvalidConfig", "disputeSeconds"),
        ({"training": {"features": 0}}, "InvalidTraining", "features"),
        ({"training": {"features": 256}}, "InvalidTraining", "features"),
        ({"training": {"minRows": 0}}, "InvalidTraining", "minRows"),
        ({"training": {"weightBound": 0}}, "InvalidTraining", "weightBound"),
        ({"training": {"weightBound": 2**31 + 1}}, "InvalidTraining", "weightBound"),
        ({"training": {"stepVerifiers": []}}, "InvalidTraining", "stepVerifiers"),
        ({"training": {"gradientGenerators": b"\0" * 32}}, "InvalidTraining", "gradientGenerators"),
        ({"training": {"information": 1, "informationVerifiers": []}}, "InvalidTraining", "informationVerifiers"),
        (
            {"training": {"information": 2, "informationGenerators": b"\0" * 32}},
            "InvalidTraining",
            "informationGenerators",
        ),
        ({"training": {"initialWeights": [0, 0, 0]}}, "WrongNumberOfWeights", None),
        ({"training": {"weightBound": 5, "initialWeights": [0, -6, 0, 0]}}, "WeightOutOfBound", None),
        ({"training": {"weightBound": 5, "initialWeights": [0, 0, 0, 6]}}, "WeightOutOfBound", None),
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
            "collectSeconds": months,
            "readySeconds": months,
            "shareSeconds": months,
            "disputeSeconds": months,
            "aggregateSeconds": months,
            "maximumUpdates": 2**20,
            "maximumBatches": 2**19 - 1,
        },
        training={"weightBound": 5, "initialWeights": [5, -5, 0, 0]},
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
        {"stepVerifiers": ["information-32"]},
        {"informationVerifiers": ["step-32"]},
        {"aggregateVerifier": "certify"},
        {"certifyVerifier": "aggregate"},
        {"certifyVerifier": "wide"},
        {"stepVerifiers": ["step-32", "step-16-bits"]},
        {"certifyVerifier": "certify-8"},
    ],
)
def test_a_verifier_of_another_statement_size_or_format_is_refused(world, people, refused, changes):
    world.add_verifier("wide", CERTIFY, 0, 3, frac_bits=12)
    world.add_verifier("step-16-bits", STEP, 64, 3, frac_bits=16)
    world.add_verifier("certify-8", CERTIFY, 0, 8)
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
        world.ids[name] for name in ("step-32", "step-128", "information-32", "aggregate", "certify")
    ]
    for event in events:
        assert event["codeHash"] == "0x" + keccak(world.chain.code(event["verifier"])).hex()
        assert event["insecure"] is True


def test_a_verifier_swapped_under_a_running_task_changes_nothing(task, people, world, refused):
    """The registry's owner retires an entry and adds another: the task keeps what it was created with."""
    world.registry.transact("retire", world.ids["step-32"])
    before = world.registry.call("entryOf", world.ids["step-32"])["verifier"]
    world.add_verifier("other", 1, 32, 3)
    with refused("InvalidProof", verifier=before):
        task.submit(people.ada, **forged(task, people.ada, "other"))
    task.submit(people.ada)


def test_only_the_registrys_owner_fills_it(world, people, refused):
    registry = people.ada.use(world.registry)
    for act in (("add", 1, 0, 32, 3, 12, 0, False, world.hub.address), ("retire", 1)):
        with refused("OwnableUnauthorizedAccount", account=people.ada.address):
            registry.transact(*act)
    with refused("NoCode"):
        world.registry.transact("add", 1, 0, 32, 3, 12, 0, False, people.ada.address)
    with refused("NoStatement"):
        world.registry.transact("add", 0, 0, 32, 3, 12, 0, False, world.hub.address)
    with refused("UnknownVerifier", id=999):
        world.registry.transact("retire", 999)


# --- attacks on updates ---


def forged(task, person, name="step-32", *, model=None, data=None):
    """A point, and a proof of it that holds for this verifier, model and data."""
    _, point = provable_opening([1, 2, 3], GRADIENT)
    proof = fake_proof(name, model or task.model, data or task.data(person, 0), point.y)
    return {"point": point, "proof": proof}


def test_a_stale_model_commitment_is_refused(task, people, refused):
    stale = forged(task, people.ada)
    task.to_accepted()
    with refused("InvalidProof"):
        task.submit(people.ada, **stale)


def test_another_nodes_data_proof_or_point_is_refused(task, people, refused):
    adas = forged(task, people.ada)
    with refused("InvalidProof"):
        task.submit(people.ben, **adas)  # before ada
    task.submit(people.ada, **adas)
    with refused("InvalidProof"):
        task.submit(people.ben, **adas)  # and after


def test_a_proof_is_not_replayed_in_the_next_round(task, people, refused):
    args = forged(task, people.ada)
    task.submit(people.eve)
    task.submit_all(people=("ben", "cleo"))
    task.close()
    task.ready_all()
    task.share_all()
    task.accept((0, 0, 0, 0))  # the same weights, and still another statement
    with refused("InvalidProof"):
        task.submit(people.ada, **args)


def test_a_proof_is_not_replayed_in_the_next_attempt(task, people, refused, node):
    args = forged(task, people.ada)
    task.submit(people.ada, **args)
    node.advance(3601)
    task.act(people.ben, "reopen")
    with refused("InvalidProof"):
        task.submit(people.ada, **args)
    task.submit(people.ada)


def test_a_proof_is_not_replayed_in_another_task(world, task, people, refused):
    other = Task(world, people.dan)
    assert other.model != task.model
    args = forged(task, people.ada)
    task.submit(people.ada, **args)
    with refused("InvalidProof"):
        other.submit(people.ada, **args)


def test_the_other_point_with_the_same_y_is_refused(task, people, refused):
    """With -x the contract would add the opposite of what was proven, and no sum would open."""
    args = forged(task, people.ada)
    point = negate(args["point"])
    with refused("NotTheProvenX", x=point.x):
        task.submit(people.ada, **{**args, "point": point})
    task.submit(people.ada, **args)


def test_a_point_off_the_curve_unreduced_or_with_a_large_x_is_refused(task, people, refused):
    args = forged(task, people.ada)
    x, y = args["point"]
    for wrong in ((x + 1, y), (0, y), (0, 0)):
        with refused("NotOnCurve", x=wrong[0], y=wrong[1]):
            task.submit(people.ada, **{**args, "point": wrong})
    for wrong in (x + FIELD_ORDER, 2**252):
        with refused("NotTheProvenX", x=wrong):
            task.submit(people.ada, **{**args, "point": (wrong, y)})
    aliased = fake_proof("step-32", task.model, task.data(people.ada, 0), y + FIELD_ORDER)
    with refused("NotOnCurve", x=x, y=y + FIELD_ORDER):
        task.submit(people.ada, point=(x, y + FIELD_ORDER), proof=aliased)


def test_the_identity_is_nobodys_update(task, people, refused):
    proof = fake_proof("step-32", task.model, task.data(people.ada, 0), IDENTITY.y)
    with refused("IdentityPoint"):
        task.submit(people.ada, point=IDENTITY, proof=proof)


def test_a_proof_under_another_instances_verifier_is_refused(task, people, refused):
    args = forged(task, people.ada)
    with refused("InvalidProof"):
        task.submit(people.ada, size=128, **args)
    with refused("NoVerifierOfSize", statement=STEP, size=64):
        task.submit(people.ada, size=64, **args)
    with refused("InvalidProof"):  # of the other statement, though it has this size
        task.submit(people.ada, **forged(task, people.ada, "information-32"))


def test_a_batch_counts_once_in_an_attempt(task, people, refused):
    task.submit(people.ada)
    with refused("IndexNotAscending", index=0, nextIndex=1):
        task.submit(people.ada)
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
    task.act(people.ada, "reopen")
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
    task.submit_all(people=("ben", "cleo", "eve"))
    task.close()
    task.ready_all(people.ben, people.cleo, people.eve)  # it has no key any more, and falls out
    task.act(people.ada, "withdraw")
    task.share_all()
    task.accept()


def test_updates_after_the_deadline_or_above_the_limit_are_refused(world, people, refused, node):
    task = Task(world, people.dan, config={"maximumUpdates": 4, "maximumBatches": 1})
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
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


def test_an_update_left_out_of_the_sum_or_counted_twice_is_refused(task, people, refused):
    task.to_summed(people=("ada", "ben", "cleo"))
    openings = [task.openings[1, person] for person in task.members]
    assert point_hash(commit(plus(*openings), GRADIENT)) == task.sum_commitment
    weights = (1, 2, 3, 4)
    for chosen in (openings[:2], [*openings, openings[0]]):
        other = point_hash(commit(plus(*chosen), GRADIENT))
        with refused("InvalidProof"):
            task.accept(weights, proof=fake_proof("aggregate", task.model, other, task.next_model(weights)))


def test_published_weights_that_differ_from_the_proven_ones_are_refused(task, people, refused):
    task.to_summed()
    proof = fake_proof("aggregate", task.model, task.sum_commitment, task.next_model((1, 2, 3, 4)))
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


def test_every_move_names_its_matrix_which_goes_into_the_next_model(task, refused):
    assert task.call("trainingOf")["matrixHash"] == 0  # before the first move there is none
    task.to_summed()
    with refused("NotAFieldElement", value=FIELD_ORDER):
        task.accept(matrix=FIELD_ORDER, proof=[0] * 24)
    named = fake_proof("aggregate", task.model, task.sum_commitment, task.next_model((1, 2, 3, 4), 8))
    with refused("InvalidProof"):  # of a move by another matrix than the one that is named
        task.accept((1, 2, 3, 4), matrix=7, proof=named)
    task.accept((1, 2, 3, 4), matrix=8, proof=named)
    assert task.policy.matrix_hash == 8
    assert task.model == task.policy.model_commitment([1, 2, 3, 4])


def test_a_certificate_looser_than_the_target_does_not_finish_a_task(task, refused):
    task.to_summed()
    with refused("BoundTooLoose", gradientBound=1001, target=1000):
        task.certify(1001)
    task.certify(1000)


def test_finish_called_twice_is_refused(world, task, people, refused):
    task.to_summed()
    task.certify()
    for act in (
        lambda: task.act(people.dan, "finish"),
        lambda: task.act(people.dan, "certify", 500, [0] * 24),
        lambda: task.act(people.dan, "openRound"),
        lambda: task.act(people.dan, "reopen"),
        lambda: task.close(),
        lambda: task.accept(proof=[0] * 24),
        lambda: task.submit(people.ada, 1),
    ):
        with refused("WrongPhase", phase=FINISHED):
            act()
    with refused("CannotTakeOver"):
        task.act(people.ada, "takeOver")


def test_a_coordinator_cannot_end_what_others_still_work_on(world, people, task, refused):
    with refused("DeadlineNotReached"):
        task.act(people.dan, "finish")
    task.submit_all()
    with refused("EnoughNodes", nodes=3, minimum=3):
        task.act(people.dan, "finish")
    task.close()
    with refused("DeadlineNotReached"):
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
    assert task.hlr.call("trainingOf", task.id)["certifiedKey"] == 0


@pytest.fixture
def last_round(world, people):
    """A task with penalties whose weights cannot move any more: its coordinator may end it without a certificate."""
    task = Task(world, people.dan, config={**WITH_PENALTY, "maximumRounds": 1})
    task.to_accepted()
    return task


def test_no_coordinator_saves_a_liar_or_a_silent_node_by_ending_the_task(last_round, people, node, refused):
    task = last_round
    task.to_sharing(people=("ada", "ben", "cleo"))
    task.share(people.ada)
    for late in (False, True):
        node.advance(7201 if late else 0)
        with refused("WrongPhase", phase=SHARING):
            task.act(people.dan, "finish")
    assert task.act(people.ada, "expel", people.ben.address).event("Penalised")["node"] == people.ben.address


def test_a_sum_that_all_have_shared_can_be_disputed_until_the_deadline_before_the_task_is_ended(
    last_round, people, node, refused
):
    task = last_round
    task.to_summed(people=("ada", "ben", "cleo"))
    with refused("DeadlineNotReached"):
        task.act(people.dan, "finish")
    snapshot = node.snapshot()
    node.advance(1801)
    task.act(people.dan, "finish")
    assert task.phase == FINISHED
    node.revert(snapshot)
    people.dan.chain.forget_nonces()
    task.act(people.ada, "dispute")
    node.advance(10**5)
    with refused("WrongPhase", phase=DISPUTED):
        task.act(people.dan, "finish")


def test_a_coordinator_ends_a_task_whose_attempt_has_failed_and_nobody_else_does(task, people, refused, node):
    task.submit(people.ada)
    node.advance(3601)
    with refused("NotTheCoordinator", account=people.ada.address):
        task.act(people.ada, "finish")
    task.act(people.dan, "finish")
    assert task.phase == FINISHED
    assert task.hlr.call("trainingOf", task.id)["certifiedKey"] == 0


def test_a_sum_that_nobody_uses_or_disputes_is_no_reason_to_keep_a_task_open_for_ever(task, people, refused, node):
    task.to_summed()
    end = task.state["deadline"] + task.config["disputeSeconds"]
    with refused("DeadlineNotReached", deadline=end):
        task.act(people.dan, "finish")
    node.advance(end - task.world.chain.time - 1)
    with refused("DeadlineNotReached", deadline=end):
        task.act(people.dan, "finish")
    snapshot = node.snapshot()
    task.act(people.ada, "dispute")  # so long there is time for that
    with refused("WrongPhase", phase=DISPUTED):
        task.act(people.dan, "finish")
    node.revert(snapshot)
    people.ada.chain.forget_nonces()
    people.dan.chain.forget_nonces()
    node.advance(3)
    with refused("NotTheCoordinator"):
        task.act(people.ada, "finish")
    task.act(people.dan, "finish")
    assert task.phase == FINISHED


def test_a_last_round_in_which_nobody_has_shared_is_ended_at_once(last_round, people):
    last_round.to_sharing(people=("ada", "ben", "cleo"))
    last_round.act(people.dan, "finish")
    assert last_round.phase == FINISHED


def test_strangers_cannot_act_for_the_coordinator(world, people, task, refused):
    unopened = Task(world, people.dan, opened=False)
    with refused("NotTheCoordinator", account=people.ada.address):
        unopened.act(people.ada, "openRound")
    task.submit_all()
    with refused("DeadlineNotReached"):
        task.close(people.ada)
    task.close()
    with refused("WrongPhase", phase=READY):
        task.act(people.ada, "certify", 5, [0] * 24)


def test_an_unknown_task_answers_to_nobody(world, people, refused):
    hlr = people.ada.use(world.hlr)
    for act in (("openRound",), ("close",), ("reopen",), ("finish",), ("submitUpdate", 32, 0, 5, 5, [0] * 24)):
        with refused("WrongPhase", taskId=999, phase=NONE):
            hlr.transact(act[0], 999, *act[1:])
    with refused("CannotTakeOver", taskId=999):
        hlr.transact("takeOver", 999)


# --- silence ---


def test_a_round_that_nobody_closes_is_closed_by_anyone_after_the_deadline(task, people, node):
    task.submit_all()
    node.advance(3601)
    task.close(people.eve)
    assert task.phase == READY


def test_a_full_attempt_is_closed_by_anyone(world, people):
    task = Task(world, people.dan, config={"maximumUpdates": 4, "maximumBatches": 1})
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close(people.ada)


def test_too_few_nodes_at_the_deadline_are_reopened_by_anyone(task, people, refused, node):
    task.submit(people.ada)
    with refused("DeadlineNotReached"):
        task.act(people.eve, "reopen")
    with refused("DeadlineNotReached"):
        task.act(people.dan, "reopen")
    node.advance(3601)
    task.act(people.eve, "reopen")
    assert (task.state["attempt"], task.state["nodes"], task.state["updates"]) == (1, 0, 0)
    task.to_accepted()


def test_enough_nodes_at_the_deadline_are_not_reopened_but_closed(task, people, refused, node):
    task.submit_all()
    node.advance(3601)
    for person in (people.dan, people.eve):
        with refused("EnoughNodes", nodes=3, minimum=3):
            task.act(person, "reopen")


def test_fewer_nodes_than_the_minimum_cannot_fill_an_attempt(world, people, refused):
    """So nobody can keep the others out of every attempt."""
    with refused("InvalidConfig", field="maximumBatches"):
        Task(world, people.dan, config={"maximumUpdates": 6, "maximumBatches": 3})
    task = Task(world, people.dan, config={"maximumUpdates": 7, "maximumBatches": 3})
    for person in (people.eve, people.dan):
        for index in range(3):
            task.submit(person, index)
    task.submit(people.ada)
    task.close(people.ben)


# --- collections of two statements ---


@pytest.fixture
def newton(world, people):
    return Task(world, people.dan, training={"information": 2})


@pytest.mark.slow
def test_information_is_collected_before_the_first_gradient(world, people, gas, refused):
    task = Task(world, people.dan, training={"information": 1})
    assert task.collected == INFORMATION == task.call("trainingOf")["collected"]
    assert task.call("vectorLengthOf") == 5
    before = task.model
    with refused("InvalidProof"):
        task.submit(people.ada, **forged(task, people.ada))
    task.to_summed()
    opened = task.shared_sum()
    receipt = task.proceed()
    gas.check("proceed, 5 scalars", receipt, tolerance=20_000)
    assert receipt.event("SumOpened")["sum"] == opened
    assert (task.state["round"], task.state["moves"], task.phase) == (1, 0, COLLECTING)
    assert task.collected == STEP
    assert task.call("vectorLengthOf") == 4
    assert task.model not in (before, 0)
    assert task.call("weightsOf") == [0, 0, 0, 0]
    task.to_accepted()
    assert task.collected == STEP
    assert task.state["moves"] == 1


@pytest.mark.slow
def test_information_is_collected_before_every_move(newton):
    for move in range(2):
        assert newton.collected == INFORMATION
        newton.to_summed()
        newton.proceed()
        assert newton.collected == STEP
        newton.to_summed()
        newton.accept((move, 0, 0, 0), matrix=100 + move)
    assert (newton.state["round"], newton.state["moves"]) == (4, 2)


@pytest.mark.slow
def test_a_sum_of_one_statement_is_not_used_as_the_others(newton, people, refused):
    newton.to_summed()
    for act in (newton.accept, newton.certify):
        with refused("WrongCollection", collected=INFORMATION):
            act()
    with refused("NotTheGenerators"):
        newton.proceed(generators=flattened(GRADIENT))
    newton.proceed()
    newton.to_summed()
    with refused("WrongCollection", collected=STEP):
        newton.proceed()


def test_an_information_round_ends_with_the_sum_that_opens_its_point_and_no_other(newton, people, refused, node):
    newton.to_summed()
    with refused("NotTheCoordinator", account=people.eve.address):
        newton.proceed(person=people.eve)
    opened = newton.shared_sum()
    for place in range(5):
        wrong = list(opened)
        wrong[place] = (wrong[place] + 1) % SUBGROUP_ORDER
        with refused("SumDoesNotOpen"):
            newton.proceed(wrong)
    with refused("WrongNumberOfGenerators"):
        newton.proceed(opened[:4])
    with refused("NotAScalar"):  # it would open the point, and say another number
        newton.proceed([opened[0] + SUBGROUP_ORDER, *opened[1:]])
    node.advance(1801)
    newton.proceed(person=people.eve)


def test_a_sum_that_opens_the_other_point_with_the_same_x_does_not_open_the_rounds(newton, people, refused):
    newton.submit_all(people=("ben", "cleo"))
    others = [Point(*newton.call("pointOf", person.address)) for person in (people.ben, people.cleo)]
    for number in range(1, 100):
        opened = [number, 0, 0, 0, 0]
        x, y = commit(opened, MATRICES)
        point = add(Point(x, FIELD_ORDER - y), negate(add(*others)))
        if point.x < 2**252:
            break
    newton.submit(people.ada, point=point)
    newton.close()
    newton.ready_all()
    for person in newton.members:
        newton.share(person, [1] * 5)
    assert newton.call("roundPointOf") == (x, FIELD_ORDER - y)
    with refused("SumDoesNotOpen"):
        newton.proceed(opened)


@pytest.mark.slow
def test_rubbish_in_an_information_round_is_disputed_like_any(newton, refused):
    newton.to_sharing()
    liar, *honest = newton.members
    newton.share(liar, plus(newton.vector(liar), [1, 2, 3, 4, 5]))
    newton.share_all(without=(liar,))
    with refused("SumDoesNotOpen"):
        newton.proceed()
    newton.act(honest[0], "dispute")
    for person in honest:
        newton.claim(person)
    points = newton.pair_points(liar)
    wrong = commit([1, 2, 3, 4, 5], MATRICES)
    last = honest[-1]
    true = newton.pair_masks(liar, last, newton.call("disputeOf")["digest"], 5)
    points[last] = commit(plus(true, [1, 2, 3, 4, 5]), MATRICES)
    assert wrong != points[last]
    newton.claim(liar, points)
    newton.reveal(last, liar)
    newton.act(last, "settle")
    newton.share_all()
    newton.proceed()


def test_generators_are_known_by_the_hash_of_their_coordinates(task):
    assert task.call("trainingOf")["gradientGenerators"] == "0x" + generators_hash(GRADIENT).hex()
    assert GRADIENT[-1] == MATRICES[-1] == hash_to_point("blinding")


def test_there_is_no_address_zero_coordinator(world, refused, people):
    assert world.hlr.call("taskOf", 999)["coordinator"] == ZERO
