"""Families of models, and what HLRContract collects after the certificate; with the attacks that must fail."""

import random

import pytest
from support.market import Market
from support.rounds_task import COLLECTING, DISPUTED, FINISHED, READY, SHARING, SUMMED, WITH_PENALTY, Task, statistics
from support.rounds_world import (
    AGGREGATE,
    CERTIFY,
    DATASET,
    ETH,
    EVALUATE,
    EVALUATIONS,
    GAUSSIAN,
    HELD_OUT,
    INFORMATION,
    LOGISTIC,
    PREDICT,
    STEP,
    fake_proof,
)
from support.sharing import flattened, generators_hash, plus, provable_opening

PEOPLE = ("ada", "ben", "cleo")
ALL = ("ada", "ben", "cleo", "eve")
NOTHING = b"\0" * 32
COLLECT_SECONDS, READY_SECONDS, SHARE_SECONDS, AGGREGATE_SECONDS, DISPUTE_SECONDS = 3600, 600, 7200, 1800, 900


def certified(world, people, *, config=None, **changes):
    """A task in its first round after the certificate."""
    register_held_out(people)
    task = Task(world, people.dan, config=config, training=statistics(world, **changes))
    task.to_summed(people=PEOPLE)
    task.certify()
    return task


def evaluated(world, people, **changes):
    """A task whose first round after the certificate is an evaluation."""
    return certified(world, people, finalInformation=False, **changes)


def register_held_out(people):
    for number, name in enumerate(ALL):
        getattr(people, name).register(0, [90_000 + 10 * number + batch for batch in range(3)], HELD_OUT)


def is_certified(task):
    training = task.call("trainingOf")
    return (training["certifiedKey"] != 0, training["gradientBound"]) == (True, 500)


@pytest.fixture
def evaluation(world, people):
    """A task with penalties that is evaluated over its data set after its certificate, and then ends."""
    return evaluated(world, people, config=WITH_PENALTY, heldOutDataset=NOTHING)


@pytest.fixture
def held_out(world, people):
    """A task in the round that collects from its held-out data set."""
    return evaluated(world, people, evaluation=False)


@pytest.fixture
def gaussian(world):
    """What a task of the gaussian family is created with."""
    for name, statement in (("step", STEP), ("information", INFORMATION), ("evaluate", EVALUATE)):
        world.add_verifier(f"gaussian-{name}-32", statement, 32, 3, family=GAUSSIAN)
    return statistics(
        world,
        family=GAUSSIAN,
        stepVerifiers=[world.ids["gaussian-step-32"]],
        informationVerifiers=[world.ids["gaussian-information-32"]],
        evaluateVerifiers=[world.ids["gaussian-evaluate-32"]],
        evaluationGenerators=generators_hash(EVALUATIONS[GAUSSIAN]),
    )


# --- the rounds after the certificate ---


@pytest.mark.slow
def test_after_the_certificate_information_and_two_evaluations_are_collected_at_its_weights(world, people, gas):
    register_held_out(people)
    task = Task(world, people.dan, training=statistics(world))
    task.to_summed(people=PEOPLE)
    task.accept((5, -6, 7, -8))
    task.to_summed(people=PEOPLE)
    receipt = task.certify()
    gas.check("certify, which opens a round of information", receipt)
    assert receipt.event("Certified")
    for number, (collected, held_out, scalars) in enumerate(
        ((INFORMATION, False, 5), (EVALUATE, False, 8), (EVALUATE, True, 8))
    ):
        opened = receipt.event("AttemptModel")
        assert (opened["collected"], opened["heldOut"]) == (collected, held_out)
        assert (task.state["round"], task.state["moves"], task.phase) == (2 + number, 1, COLLECTING)
        training = task.call("trainingOf")
        assert (training["collected"], training["heldOut"]) == (collected, held_out)
        assert task.call("vectorLengthOf") == scalars
        assert task.model == opened["modelCommitment"] == task.policy.model_commitment([5, -6, 7, -8])
        assert is_certified(task)
        task.to_summed(people=PEOPLE)
        total = task.shared_sum()
        receipt = task.proceed()
        said = receipt.event("SumOpened")
        assert (said["round"], said["collected"], said["sum"]) == (2 + number, collected, total)
    gas.check("proceed, 8 scalars, the last one", receipt, tolerance=20_000)
    assert [event.name for event in receipt.events] == ["SumOpened", "TaskFinished"]
    assert task.phase == FINISHED
    assert is_certified(task)
    assert task.call("weightsOf") == [5, -6, 7, -8]
    assert task.model == opened["modelCommitment"]


@pytest.mark.slow
@pytest.mark.parametrize("information", [False, True])
@pytest.mark.parametrize("evaluation", [False, True])
@pytest.mark.parametrize("dataset", [NOTHING, HELD_OUT])
def test_a_task_collects_what_it_asks_for_and_is_finished(world, people, information, evaluation, dataset):
    task = certified(world, people, finalInformation=information, evaluation=evaluation, heldOutDataset=dataset)
    wanted = [(INFORMATION, False)] * information + [(EVALUATE, False)] * evaluation
    wanted += [(EVALUATE, True)] * (dataset == HELD_OUT)
    found = []
    while task.phase != FINISHED:
        training = task.call("trainingOf")
        found.append((training["collected"], training["heldOut"]))
        task.to_summed(people=PEOPLE)
        task.proceed()
    assert found == wanted
    assert is_certified(task)


def test_information_after_the_certificate_needs_none_before_it(world, people):
    task = Task(world, people.dan, training={"finalInformation": True, "information": 1})
    task.to_summed(people=PEOPLE)
    task.proceed()
    assert task.collected == STEP  # nothing is certified yet
    task.to_accepted()
    task.to_summed(people=PEOPLE)
    task.certify()
    assert task.collected == INFORMATION


def test_information_is_not_collected_twice_at_weights_that_have_not_moved(world, people):
    """Two sums at the same weights, over sets that differ by one node, give its information away."""
    register_held_out(people)
    task = Task(world, people.dan, training=statistics(world, information=1))
    task.to_summed(people=PEOPLE)
    task.proceed()
    task.to_summed(people=PEOPLE)
    task.certify()
    assert (task.collected, task.state["moves"]) == (EVALUATE, 0)


def test_a_gaussian_task_without_information_before_its_moves_has_it_at_the_end(world, people, gaussian):
    register_held_out(people)
    task = Task(world, people.dan, training=gaussian)
    task.to_summed(people=PEOPLE)
    task.certify()
    assert task.collected == INFORMATION


def test_a_model_is_asked_for_predictions_while_its_statistics_are_collected_and_after(held_out, world, people):
    task = held_out
    market = Market(world, task, enrolled=False)
    market.ask()
    task.to_summed(people=PEOPLE)
    task.proceed()
    assert market.ask().event("Asked")["modelCommitment"] == task.model


# --- what a task may ask for ---


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"information": 2}, "finalInformation"),
        ({"informationVerifiers": []}, "informationVerifiers"),
        ({"informationGenerators": NOTHING}, "informationGenerators"),
        ({"evaluateVerifiers": []}, "evaluateVerifiers"),
        ({"evaluateVerifiers": [], "evaluation": False}, "evaluateVerifiers"),
        ({"evaluateVerifiers": [], "heldOutDataset": NOTHING}, "evaluateVerifiers"),
        ({"evaluationGenerators": NOTHING}, "evaluationGenerators"),
        ({"evaluationGenerators": NOTHING, "evaluation": False}, "evaluationGenerators"),
        ({"heldOutDataset": DATASET}, "heldOutDataset"),
        ({"family": GAUSSIAN, "information": 1}, "finalInformation"),
        ({"family": GAUSSIAN, "information": 2}, "information"),
        ({"family": GAUSSIAN, "information": 2, "finalInformation": False}, "information"),
    ],
)
def test_statistics_that_could_not_be_collected_are_refused(world, people, refused, changes, field):
    with refused("InvalidTraining", field=field):
        Task(world, people.dan, training=statistics(world, **changes))


def test_a_task_that_has_information_before_every_move_may_be_evaluated(world, people):
    Task(world, people.dan, training=statistics(world, information=2, finalInformation=False))


def test_verifiers_of_evaluations_are_named_like_all_others(world, people):
    task = Task(world, people.dan, training=statistics(world))
    named = [event["id"] for event in task.receipt.events if event.name == "VerifierFixed"]
    order = ("step-32", "step-128", "information-32", "evaluate-32", "aggregate", "certify")
    assert named == [world.ids[name] for name in order]


@pytest.mark.parametrize(("field", "name"), [("evaluateVerifiers", "step-32"), ("stepVerifiers", "evaluate-32")])
def test_an_evaluation_is_verified_by_nothing_else_and_verifies_nothing_else(world, people, refused, field, name):
    with refused("WrongVerifier", id=world.ids[name]):
        Task(world, people.dan, training=statistics(world, **{field: [world.ids[name]]}))


# --- families ---


@pytest.mark.slow
def test_a_gaussian_task_runs_from_information_to_its_evaluation(world, people, gaussian):
    register_held_out(people)
    task = Task(world, people.dan, training={**gaussian, "information": 1, "finalInformation": False})
    assert task.call("trainingOf")["family"] == GAUSSIAN
    task.to_summed(people=PEOPLE)
    task.proceed()
    task.to_summed(people=PEOPLE)
    task.certify()
    for _ in range(2):
        assert task.call("vectorLengthOf") == 3
        hashes = task.call("trainingOf")["evaluationGenerators"]
        assert hashes == "0x" + generators_hash(EVALUATIONS[GAUSSIAN]).hex()
        task.to_summed(people=PEOPLE)
        task.proceed()
    assert task.phase == FINISHED


@pytest.mark.parametrize("name", ["step", "information", "evaluate"])
def test_a_verifier_of_another_family_is_refused(world, people, refused, gaussian, name):
    field = f"{name}Verifiers"
    for training, wrong in ((statistics(world), f"gaussian-{name}-32"), (gaussian, f"{name}-32")):
        with refused("WrongVerifier", id=world.ids[wrong]):
            Task(world, people.dan, training={**training, field: [world.ids[wrong]]})
        mixed = [*training.get(field, []), world.ids[wrong]]
        with refused("WrongVerifier", id=world.ids[wrong]):
            Task(world, people.dan, training={**training, field: mixed})


def test_sums_are_used_alike_in_every_family(world, people, gaussian):
    world.add_verifier("other aggregate", AGGREGATE, 0, 3, family=GAUSSIAN)
    world.add_verifier("other certify", CERTIFY, 0, 3, family=GAUSSIAN)
    Task(world, people.dan, training=gaussian)
    ids = {"aggregateVerifier": world.ids["other aggregate"], "certifyVerifier": world.ids["other certify"]}
    Task(world, people.dan, training=ids)


def test_a_prediction_is_proven_for_the_models_family(world, people, refused, gaussian):
    world.add_verifier("gaussian-predict", PREDICT, 0, 3, family=GAUSSIAN)
    tasks = (Task(world, people.dan), "predict"), (Task(world, people.dan, training=gaussian), "gaussian-predict")
    for (task, right), (_, wrong) in (tasks, tasks[::-1]):
        market = Market(world, task, enrolled=False, offered=False)
        with refused("WrongVerifier", id=world.ids[wrong]):
            market.act(people.dan, "offer", market.id, world.ids[wrong])
        market.act(people.dan, "offer", market.id, world.ids[right])


def test_the_registry_says_of_which_family_a_verifier_is(world, chain, refused):
    for family in (LOGISTIC, GAUSSIAN):
        arguments = ("add", STEP, family, 32, 3, 12, 9, True, world.hub.address)
        added = world.registry.transact(*arguments).event("VerifierAdded")
        assert added["family"] == family
        entry = world.registry.call("entryOf", added["id"])
        assert (entry["family"], entry["noise"]) == (family, added["noise"]) == (family, 9)


# --- proofs and data of another round ---


def forged(task, person, name, *, index=0, data=None):
    """A point, and a proof of it that the verifier of this name takes."""
    _, point = provable_opening([1] * (len(task.generators) - 1), task.generators)
    return {"point": point, "proof": fake_proof(name, task.model, data or task.data(person, index), point.y)}


def test_a_proof_of_another_statement_is_no_evaluation(evaluation, people, refused):
    for name in ("step-32", "information-32"):
        with refused("InvalidProof"):
            evaluation.submit(people.ada, **forged(evaluation, people.ada, name))
    with refused("NoVerifierOfSize", statement=EVALUATE, size=128):  # there is a step of this size
        evaluation.submit(people.ada, size=128, **forged(evaluation, people.ada, "step-128"))


def test_an_evaluation_is_no_gradient(world, people, refused):
    task = Task(world, people.dan, training=statistics(world))
    with refused("InvalidProof"):
        task.submit(people.ada, **forged(task, people.ada, "evaluate-32"))


def test_an_evaluation_over_the_data_set_is_not_replayed_over_the_held_out_one(world, people, refused):
    task = evaluated(world, people)
    args = forged(task, people.ada, "evaluate-32")
    data = task.data(people.ada, 0)
    task.to_summed(people=PEOPLE)
    task.proceed()
    with refused("InvalidProof"):
        task.submit(people.ada, **args)
    with refused("InvalidProof"):  # nor one that is made for this round, of rows of the other data set
        task.submit(people.ada, **forged(task, people.ada, "evaluate-32", data=data))


def test_held_out_batches_are_not_trained_on(world, people, refused):
    people.ada.register(100, [70_000], HELD_OUT)
    task = Task(world, people.dan, training=statistics(world))
    with refused("DataNotCommittedBeforeTheRound", account=people.ada.address, index=100):
        task.submit(people.ada, 100, **forged(task, people.ada, "step-32", data=70_000))
    register_held_out(people)
    held_out = world.hub.call("commitmentOf", people.ada.address, HELD_OUT, 0)
    with refused("InvalidProof"):
        task.submit(people.ada, **forged(task, people.ada, "step-32", data=held_out))


def test_batches_of_the_data_set_are_not_held_out(held_out, world, people, refused):
    known = world.hub.call("commitmentOf", people.ada.address, DATASET, 5)
    assert known
    with refused("DataNotCommittedBeforeTheRound", account=people.ada.address, index=5):
        held_out.submit(people.ada, 5, **forged(held_out, people.ada, "evaluate-32", data=known))
    with refused("AlreadyRegistered", commitment=known):  # nor can the same batch be registered as one
        people.ada.register(5, [known], HELD_OUT)
    held_out.submit(people.ada)


def test_held_out_batches_are_registered_before_the_tasks_first_round_opens(world, people, refused):
    """Or rows could be picked to fit weights that are known: of a later round, or the certified ones."""
    register_held_out(people)
    task = Task(world, people.dan, training=statistics(world, finalInformation=False, evaluation=False), opened=False)
    people.ada.register(6, [70_006], HELD_OUT)
    first = task.act(people.dan, "openRound").block
    assert task.call("trainingOf")["firstOpenedAt"] == first
    people.ada.register(7, [70_007], HELD_OUT)
    task.to_accepted()
    task.to_summed()
    task.certify()
    with refused("DataNotCommittedBeforeTheRound", account=people.ada.address, index=7, openedAt=first):
        task.submit(people.ada, 7)
    task.submit(people.ada, 6)
    assert task.call("trainingOf")["firstOpenedAt"] == first


# --- each at most once ---


@pytest.mark.slow
def test_nothing_is_certified_or_moved_after_the_certificate(world, people, refused):
    task = certified(world, people)
    for collected in (INFORMATION, EVALUATE, EVALUATE):
        for act in (task.accept, task.certify):
            with refused("WrongPhase", phase=COLLECTING):
                act()
        task.to_summed(people=PEOPLE)
        for act in (task.accept, task.certify):
            with refused("WrongCollection", collected=collected):
                act()
        task.proceed()
    for act in (task.accept, task.certify, task.close, lambda: task.proceed([1] * 8)):
        with refused("WrongPhase", phase=FINISHED):
            act()
    assert is_certified(task)
    assert task.call("weightsOf") == [0, 0, 0, 0]


def test_an_evaluation_ends_with_the_sum_that_opens_its_point_and_no_other(evaluation, people, refused, node):
    evaluation.to_summed(people=PEOPLE)
    with refused("NotTheCoordinator", account=people.eve.address):
        evaluation.proceed(person=people.eve)
    opened = evaluation.shared_sum()
    with refused("SumDoesNotOpen", taskId=evaluation.id):
        evaluation.proceed(plus(opened, [1] + [0] * 7))
    with refused("NotTheGenerators"):
        evaluation.proceed(generators=flattened(EVALUATIONS[GAUSSIAN]))
    node.advance(AGGREGATE_SECONDS + 1)
    evaluation.proceed(person=people.eve)
    assert evaluation.phase == FINISHED


@pytest.mark.slow
def test_a_sum_as_large_as_real_ones_costs_no_more_than_was_measured(world, people, gas):
    """A scalar costs as much as it has bits: here as many as packed sums of about a thousand rows, and their count."""
    drawn = random.Random(5)

    def summed(task, *bits):
        for name in PEOPLE:
            values = [drawn.getrandbits(count) for count in bits]
            task.submit(getattr(people, name), values=values)
        task.close()
        task.ready_all()
        task.share_all()

    task = Task(world, people.dan, training=statistics(world, information=1, finalInformation=False))
    summed(task, 212, 212, 90, 10)
    gas.check("proceed, 5 scalars of real size", task.proceed(), tolerance=20_000)
    task.to_accepted()
    task.to_summed(people=PEOPLE)
    task.certify()
    summed(task, 196, 226, 196, 196, 196, 196, 10)
    gas.check("proceed, 8 scalars of real size, which opens a round", task.proceed(), tolerance=20_000)


def test_a_sum_of_gradients_is_not_opened(world, people, refused):
    task = Task(world, people.dan, training=statistics(world))
    task.to_summed(people=PEOPLE)
    with refused("WrongCollection", collected=STEP):
        task.proceed()


# --- the certificate stays ---


def test_a_coordinator_ends_a_certified_task_and_nobody_else_while_it_may_go_on(evaluation, people, refused, node):
    task = evaluation
    for name in ("ada", "eve"):
        with refused("DeadlineNotReached"):
            task.act(getattr(people, name), "finish")
    task.act(people.dan, "finish")
    assert task.phase == FINISHED
    assert is_certified(task)
    with refused("CannotTakeOver"):
        task.act(people.ada, "takeOver")


def undone(node, people, act):
    """Whatever it did to the chain is undone."""
    snapshot = node.snapshot()
    act()
    node.revert(snapshot)
    for person in vars(people).values():
        person.chain.forget_nonces()


def test_anybody_ends_a_certified_task_whose_attempt_has_failed(evaluation, people, refused, node):
    """Its coordinator may be gone, and nodes that did not come may never come again."""
    task = evaluation

    def finishes():
        task.act(people.eve, "finish")
        assert task.phase == FINISHED
        assert is_certified(task)

    task.submit(people.ada)
    node.advance(COLLECT_SECONDS + 1)
    undone(node, people, finishes)
    task.act(people.eve, "reopen")
    task.submit_all(people=PEOPLE)
    task.close()
    task.ready(people.ada)
    with refused("DeadlineNotReached"):
        task.act(people.eve, "finish")
    node.advance(READY_SECONDS + 1)
    undone(node, people, finishes)
    task.act(people.eve, "reopen")
    task.to_sharing(people=PEOPLE)
    with refused("DeadlineNotReached"):
        task.act(people.eve, "finish")
    node.advance(SHARE_SECONDS + 1)
    finishes()


def test_nobody_but_the_coordinator_ends_a_certified_task_that_others_can_go_on_with(evaluation, people, refused, node):
    task = evaluation
    task.submit_all(people=PEOPLE)
    node.advance(COLLECT_SECONDS + 1)
    with refused("EnoughNodes"):
        task.act(people.eve, "finish")
    task.close(people.eve)
    task.ready_all()
    task.share(people.ada)
    node.advance(SHARE_SECONDS + 1)
    with refused("WrongPhase", phase=SHARING):
        task.act(people.eve, "finish")


def test_a_late_sum_is_there_to_be_used_or_disputed_for_long_before_a_stranger_ends_its_task(
    evaluation, people, refused, node
):
    evaluation.to_summed(people=PEOPLE)
    node.advance(AGGREGATE_SECONDS + 1)
    with refused("DeadlineNotReached", deadline=evaluation.state["deadline"] + evaluation.config["disputeSeconds"]):
        evaluation.act(people.eve, "finish")
    node.advance(evaluation.config["disputeSeconds"])
    evaluation.act(people.eve, "finish")
    assert is_certified(evaluation)


def test_nobody_but_the_coordinator_ends_a_task_without_a_certificate(world, people, refused, node):
    task = Task(world, people.dan, training=statistics(world))
    node.advance(COLLECT_SECONDS + 1)
    with refused("NotTheCoordinator", account=people.eve.address):
        task.act(people.eve, "finish")


def test_a_certified_task_is_not_ended_while_it_may_turn_out_who_has_spoilt_a_sum(evaluation, people, node, refused):
    task = evaluation

    def finishes():
        task.act(people.dan, "finish")
        assert is_certified(task)

    task.submit_all(people=PEOPLE)
    task.close()
    assert task.phase == READY
    undone(node, people, finishes)
    task.ready_all()
    undone(node, people, finishes)  # nobody has shared
    task.share(people.ada)
    with refused("WrongPhase", phase=SHARING):
        task.act(people.dan, "finish")
    task.share_all(without=(people.ada,))
    with refused("DeadlineNotReached"):
        task.act(people.dan, "finish")
    task.act(people.ada, "dispute")
    with refused("WrongPhase", phase=DISPUTED):
        task.act(people.dan, "finish")


def test_a_coordinator_that_is_silent_after_the_certificate_is_replaced(evaluation, people, node, refused):
    task = evaluation
    task.to_summed(people=PEOPLE)
    with refused("CannotTakeOver", account=people.ada.address):
        task.act(people.ada, "takeOver")
    node.advance(AGGREGATE_SECONDS + 1)
    with refused("CannotTakeOver", account=people.eve.address):  # not of the set
        task.act(people.eve, "takeOver")
    task.act(people.ada, "takeOver")
    task.act(people.ada, "finish")
    assert (task.phase, task.state["coordinator"]) == (FINISHED, people.ada.address)
    assert is_certified(task)


def test_whoever_certifies_in_the_coordinators_place_may_end_the_task(world, people, node):
    task = Task(world, people.dan, training=statistics(world))
    task.to_summed(people=PEOPLE)
    node.advance(AGGREGATE_SECONDS + 1)
    task.certify(person=people.eve)
    task.act(people.ada, "takeOver")
    task.act(people.ada, "finish")
    assert is_certified(task)


def test_a_round_of_statistics_with_too_few_nodes_starts_again_over_the_same_data(held_out, people, node, refused):
    task = held_out
    task.submit(people.ada)
    with refused("DeadlineNotReached"):
        task.act(people.eve, "reopen")
    node.advance(COLLECT_SECONDS + 1)
    opened = task.act(people.eve, "reopen").event("AttemptModel")
    assert (opened["attempt"], opened["collected"], opened["heldOut"]) == (1, EVALUATE, True)
    assert is_certified(task)
    task.to_summed(people=PEOPLE)
    task.proceed()
    assert task.phase == FINISHED


def test_a_node_that_is_silent_in_an_evaluation_pays_and_the_others_go_on(evaluation, people, node, refused):
    task = evaluation
    task.to_sharing(people=ALL)
    task.share_all(without=(people.eve,))
    node.advance(SHARE_SECONDS + 1)
    receipt = task.act(people.ada, "expel", people.eve.address)
    paid = receipt.event("Penalised")
    assert (paid["node"], paid["value"]) == (people.eve.address, pytest.approx(ETH // 10, rel=1e-9))
    assert receipt.event("NodeBarred")["node"] == people.eve.address
    task.share_all()
    task.proceed()
    assert task.phase == FINISHED
    assert is_certified(task)


def test_an_evaluation_with_too_few_nodes_left_ends_the_task_with_its_certificate(evaluation, people, node):
    task = evaluation
    task.to_sharing(people=PEOPLE)
    task.share(people.ada)
    node.advance(SHARE_SECONDS + 1)
    task.act(people.ada, "expel", people.ben.address)
    receipt = task.act(people.ada, "expel", people.cleo.address)
    assert receipt.event("TaskFailed")
    assert task.phase == FINISHED
    assert is_certified(task)


def test_an_undecided_dispute_over_an_evaluation_ends_the_task_with_its_certificate(evaluation, people, node):
    task = evaluation
    task.to_summed(people=PEOPLE)
    task.act(people.ada, "dispute")
    node.advance(2 * DISPUTE_SECONDS + 1)
    for person in task.members:
        task.act(people.eve, "expel", person.address)
    assert task.act(people.eve, "settle").event("TaskFailed")
    assert task.phase == FINISHED
    assert is_certified(task)


def test_who_disputes_an_evaluation_that_opens_pays(evaluation, people):
    task = evaluation
    task.to_summed(people=PEOPLE)
    assert task.phase == SUMMED
    task.act(people.ada, "dispute")
    receipt = task.proceed()
    assert receipt.event("DisputeRejected")["accuser"] == people.ada.address
    assert receipt.event("Penalised")["node"] == people.ada.address
    assert receipt.event("SumOpened")
    assert task.phase == FINISHED
