"""A linear regression over a chain: it goes on over the same rows of the same nodes, and with no others."""

import pytest
from support.people_stage import ETH, Stage, stake
from support.people_world import SPEC, Party, World, double_verifier, np, replace

from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import Stakes
from twopm_zk.errors import ChainError
from twopm_zk.node.node import Consent
from twopm_zk.participants.attempts import fixed_rows
from twopm_zk.participants.moving import ATTEMPTS, move_on
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table
from twopm_zk.sharing import Ledger
from twopm_zk.statements import Collection, Family
from twopm_zk.task.columns import Column
from twopm_zk.task.outcome import Outcome
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import StepRule

pytestmark = [pytest.mark.chain, pytest.mark.slow]

LINEAR = replace(
    SPEC,
    family=Family.GAUSSIAN,
    outcome=Outcome(scale=Column("GRADE", 0.5, 1.0)),
    step=StepRule("newton"),
    gradient_bound=None,
    decrement_bound=0.01,
    instances=None,
    minimum_rows=20,
).provable(rows=11)
EVALUATED = replace(LINEAR, statistics=Statistics(evaluation=True, held_out=True), instances=None).provable(rows=11)
STAKES = Stakes(ETH, ETH // 2)


@pytest.fixture(scope="module")
def linear(deployed):
    """The same chain with another deployment, which has the verifiers of a linear regression."""
    return World(deployed.node, verifiers=[double_verifier(name) for name in EVALUATED.instances.names])


@pytest.fixture
def staged(world, linear, tmp_path):
    """A task that collects information, its first round; four nodes are there, and three are enough."""
    linear.chain.forget_nonces()
    made = []

    def make(*, come=4, spec=LINEAR, tables=None, **options):
        party = Party(linear, tmp_path, spec=spec, sizes=(8, 8, 8, 8))
        party.tables = tables or [Table(part.names, part.features, part.labels.astype(float)) for part in party.tables]
        party.settings = replace(party.settings, stakes=STAKES)
        made.append(Stage(party, **options))
        for absent in made[-1].nodes[come:]:
            absent.store.close()
        made[-1].nodes = made[-1].nodes[:come]
        return made[-1].begin()

    yield make
    for stage in made:
        stage.close()


def news_of(stage, who, kind):
    return [item for item in stage.party.news[who] if item.kind == kind]


def objections(stage, number):
    return {item.values["objection"] for item in news_of(stage, number, "objection")}


def moved(stage):
    """The first gradient is shared, and the weights are moved: the second round of gradients collects."""
    return stage.until(
        Phase.COLLECTING, when=lambda state: state.moves == 1 and state.collection is Collection.GRADIENT
    )


def stakes(stage):
    return [stage.reader.stake_of(node.view.address) for node in stage.nodes]


def certified(stage):
    stage.until(Phase.FINISHED)
    assert stage.state.certified
    return [{event["node"] for event in stage.events("Shared") if event["round"] == round_} for round_ in range(3)]


def test_a_linear_regression_runs_from_information_to_its_certificate_with_one_set_of_nodes(staged):
    stage = staged()
    everybody = {node.view.address for node in stage.nodes}
    assert certified(stage) == [everybody] * 3
    assert len(stage.nodes[0].store.ledger().entries) == 3


def test_where_a_node_falls_out_between_two_rounds_the_others_do_not_share_and_go_on_once_it_is_back(staged):
    stage = staged()
    moved(stage)
    before, shares = stakes(stage), len(stage.events("Shared"))
    for number in range(3):
        stage.tick(stage.nodes[number])
    stage.tick(stage.coordinator)
    assert stage.state.phase is Phase.COLLECTING  # the coordinator waits for the fourth to the last
    waiting = news_of(stage, "coordinator", "waiting")[-1].text
    assert "share only with all nodes that it began with" in waiting
    assert stage.address(3) in waiting
    stage.late()
    stage.until(Phase.READY, without=[3])
    for number in range(3):
        stage.tick(stage.nodes[number])
        assert objections(stage, number) == {"shared-before"}
    assert stage.state.ready == 0
    stage.late()
    assert move_on(stage.reader, stage.state) == "started again" or stage.until(Phase.COLLECTING, without=[3])
    assert (len(stage.events("Shared")), stakes(stage)) == (shares, before)
    everybody = {node.view.address for node in stage.nodes}
    assert certified(stage)[2] == everybody
    assert stakes(stage) == before


# --- a node that does not come back ---


def fails(stage):
    """One attempt without the fourth node, up to its last deadline, at which all others have looked."""
    stage.until(Phase.COLLECTING, without=[3])
    stage.tick(*stage.nodes[:3])
    stage.late()
    stage.until(Phase.READY, without=[3])
    stage.late()


def test_a_linear_regression_is_not_started_again_for_ever_and_goes_on_where_the_missing_node_is_back(staged):
    stage = staged()
    moved(stage)
    for _ in range(ATTEMPTS):
        fails(stage)
    before = stage.reader.block()
    for _ in range(8):  # more looks than the patience of a node
        stage.tick(*stage.nodes[:3], stage.coordinator)
    assert stage.reader.block() == before  # nobody sends anything
    assert (stage.state.phase, stage.state.attempt) == (Phase.READY, ATTEMPTS - 1)
    for who in (0, 1, 2, "coordinator"):
        (said,) = news_of(stage, who, "standstill")
        assert said.values == {"missing": [stage.address(3)]}
        assert f"3 attempts have failed without {stage.address(3)}" in said.text
    assert certified(stage)[2] == {node.view.address for node in stage.nodes}


def test_the_coordinator_may_end_a_linear_regression_that_stands_still(staged):
    stage = staged()
    moved(stage)
    fails(stage)
    stage.hlr.finish(stage.task)
    stage.tick(*stage.nodes[:3], stage.coordinator)
    for who in (0, 1, 2, "coordinator"):
        assert news_of(stage, who, "finished")[-1].text.startswith(f"task {stage.task} is finished, not certified")


def test_where_a_node_can_never_be_back_nobody_hands_anything_in_and_the_coordinator_ends_the_task(staged):
    stage = staged()
    moved(stage)
    stage.nodes[3].view.identity.leave()
    stage.nodes[3].view.identity.join("", b"")  # a member since the round opened is of no use to it
    fails(stage)
    for _ in range(8):  # more looks than the patience of a node
        stage.tick(*stage.nodes[:3])
    assert (stage.state.phase, stage.state.attempt) == (Phase.READY, 0)
    for who in range(3):
        (said,) = news_of(stage, who, "hopeless")
        assert f"{stage.address(3)} can take part no more" in said.text
    stage.reader.hlr.reopen(stage.task)  # by hand
    stage.tick(*stage.nodes[:3])
    assert stage.state.updates == 0
    stage.late()
    stage.until(Phase.FINISHED, without=[3])
    assert not stage.state.certified
    assert news_of(stage, "coordinator", "hopeless")[-1].text.endswith("This coordinator ends it")


def test_a_first_set_of_a_linear_regression_that_owners_do_not_want_is_not_tried_for_ever(staged):
    stage = staged(consent=Consent(accounts=frozenset({"0x" + "99" * 20})))
    for number in range(ATTEMPTS):
        stage.until(Phase.READY, when=lambda state, number=number: state.attempt == number)
        stage.late()
    for _ in range(8):
        stage.tick(*stage.nodes, stage.coordinator)
    assert (stage.state.phase, stage.state.attempt) == (Phase.READY, ATTEMPTS - 1)


def test_where_a_node_is_not_ready_the_others_leave_the_set_again_for_nothing(staged):
    stage = staged()
    moved(stage)
    before, shares = stakes(stage), len(stage.events("Shared"))
    stage.until(Phase.READY)
    for number in range(3):
        stage.tick(stage.nodes[number])  # all updates are there, so that nothing is wrong yet
    assert stage.state.ready == 3
    stage.last_third()
    for number in range(3):
        stage.tick(stage.nodes[number])
        assert "shared-before" in objections(stage, number)
    assert stage.state.ready == 0
    assert (len(stage.events("Shared")), stakes(stage)) == (shares, before)
    stage.late()
    stage.until(Phase.COLLECTING, without=[3])
    assert certified(stage)[2] == {node.view.address for node in stage.nodes}


def test_information_before_any_gradient_is_opened_without_the_coordinator(staged):
    stage = staged()
    stage.until(Phase.READY)
    stage.until(Phase.SUMMED, coordinator=False)
    stage.late()
    stage.until(Phase.COLLECTING, coordinator=False)
    assert (stage.state.round, stage.state.collection) == (1, Collection.GRADIENT)
    assert certified(stage)


def test_who_falls_silent_among_those_that_share_pays_and_the_others_go_on_without_it(staged):
    stage = staged()
    moved(stage)
    before = stakes(stage)
    stage.until(Phase.SHARING)
    stage.until(Phase.SHARING, without=[3], when=lambda state: state.shared == 3)
    stage.late()
    others = {stage.address(number) for number in range(3)}
    stage.until(Phase.FINISHED, without=[3])
    assert stage.state.certified
    last = [event for event in stage.events("Shared") if event["round"] == 2 and event["shareAttempt"] == 1]
    assert {event["node"] for event in last} == others
    assert stakes(stage)[:3] == before[:3]
    assert before[3] - stakes(stage)[3] == pytest.approx(STAKES.penalty, rel=1e-6)


def test_who_comes_once_a_linear_regression_has_begun_stays_out_of_it(staged):
    stage = staged(come=3)
    late = stage.party.node(3)
    stake(late.view, STAKES.minimum)
    stage.tick(late)  # it registers after the first round has opened
    stage.until(Phase.COLLECTING, when=lambda state: state.round == 1)
    stage.tick(late)
    assert [item.text for item in news_of(stage, 3, "waiting")][-1].endswith("not with this one")
    assert all(event["node"] != late.view.address for event in stage.events("UpdateAccepted"))
    assert certified(stage)[2] == {node.view.address for node in stage.nodes}
    late.store.close()


# --- who is there to stop it ---


def test_a_node_that_withdraws_last_makes_nobody_pay(staged):
    stage = staged()
    moved(stage)
    before, shares = stakes(stage), len(stage.events("Shared"))
    stage.until(Phase.READY)
    for number in range(3):
        stage.tick(stage.nodes[number])
    stage.nodes[3].view.hlr.withdraw(stage.task)
    assert (stage.state.phase, stage.state.ready) == (
        Phase.SHARING,
        3,
    )  # all that are left were ready: it starts at once
    for number in range(3):
        stage.tick(stage.nodes[number])
        assert objections(stage, number) == {"shared-before"}
        assert news_of(stage, number, "waiting")[-1].text.endswith("the round starts again and nobody pays")
    stage.last_third()
    stage.tick(*stage.nodes[:3])
    assert (stage.state.phase, stage.state.ready) == (Phase.SHARING, 3)
    stage.late()
    stage.until(Phase.COLLECTING, without=[3])
    assert (len(stage.events("Shared")), stakes(stage)) == (shares, before)
    assert certified(stage)[2] == {node.view.address for node in stage.nodes}
    assert stakes(stage) == before


def test_once_somebody_has_shared_with_the_smaller_set_the_others_withdraw(staged):
    stage = staged()
    moved(stage)
    before, shares = stakes(stage), len(stage.events("Shared"))
    stage.until(Phase.READY)
    for number in range(3):
        stage.tick(stage.nodes[number])
    stage.nodes[3].view.hlr.withdraw(stage.task)
    stage.nodes[2].store.ledger = Ledger  # as if it had never shared
    stage.tick(*stage.nodes[:3])
    assert len(stage.events("Shared")) == shares + 1
    stage.tick(stage.nodes[0])
    assert news_of(stage, 0, "withdrawn")
    assert before[0] - stakes(stage)[0] == pytest.approx(STAKES.penalty, rel=1e-6)
    assert len(stage.events("Shared")) == shares + 1


@pytest.fixture
def barged_in(staged):
    """A linear regression that has begun with three nodes, in whose second round a stranger hands in an update."""
    stage = staged(come=3)
    stranger = stage.party.node(3)
    stake(stranger.view, STAKES.minimum)
    stranger._register()
    stage.until(Phase.COLLECTING, when=lambda state: state.round == 1)
    stranger._may_take_part = lambda state: True
    stranger._in_time = lambda state: stranger._batches
    stage.tick(stranger)
    assert {update.node for update in stage.reader.updates(stage.state)} == {stranger.view.address}
    yield stage, stranger
    stranger.store.close()


def test_a_stranger_who_is_silent_does_not_stop_a_linear_regression(barged_in):
    stage, _ = barged_in
    stage.until(Phase.READY)
    assert stage.state.nodes == 4
    stage.tick(*stage.nodes)
    assert stage.state.ready == 3
    stage.last_third()
    stage.tick(*stage.nodes)
    assert (stage.state.phase, stage.state.ready) == (Phase.READY, 3)
    stage.late()
    assert certified(stage)[1:] == [{node.view.address for node in stage.nodes}] * 2


def test_a_stranger_that_is_ready_last_and_shares_makes_nobody_pay_or_stop(barged_in):
    """It had all others pay: sharing began at once, with a set that they refused, and the first share was its own."""
    stage, stranger = barged_in
    before = stakes(stage)
    stage.until(Phase.READY)
    stage.tick(*stage.nodes)
    stage.tick(stranger)
    assert (stage.state.phase, stage.state.ready) == (Phase.SHARING, 4)
    stranger.store.ledger = Ledger
    stage.tick(stranger)
    assert {event["node"] for event in stage.events("Shared") if event["round"] == 1} == {stranger.view.address}
    stage.until(Phase.COLLECTING, when=lambda state: state.round == 2)
    everybody = {node.view.address for node in stage.nodes}
    assert set(fixed_rows(stage.reader, stage.state)) == everybody  # and it is not waited for
    assert certified(stage)[1:] == [everybody | {stranger.view.address}, everybody]
    assert stakes(stage) == before
    assert not any(objections(stage, number) for number in range(3))


def test_a_stranger_that_is_ready_last_and_silent_pays_and_the_others_go_on(barged_in):
    stage, stranger = barged_in
    before = stakes(stage)
    stage.until(Phase.READY)
    stage.tick(*stage.nodes)
    stage.tick(stranger)
    stage.tick(*stage.nodes)
    assert (stage.state.phase, stage.state.shared) == (Phase.SHARING, 3)
    staked = stage.reader.stake_of(stranger.view.address)
    stage.late()
    assert certified(stage)[2] == {node.view.address for node in stage.nodes}
    assert stakes(stage) == before
    assert staked - stage.reader.stake_of(stranger.view.address) == pytest.approx(STAKES.penalty, rel=1e-6)


def test_batches_that_come_once_a_linear_regression_has_begun_stay_out_of_it_and_their_owner_hears_why(staged):
    stage = staged()
    node = stage.nodes[0]
    first = {batch.batch.commitment for batch in node._batches}
    more = prepare(stage.party.tables[1], LINEAR).batches
    node.store.add_batches(LINEAR.data_terms.id, more)
    node._registered = False
    moved(stage)
    (said,) = [item for item in news_of(stage, 0, "late-rows") if "began with" in item.text]
    assert said.text == (
        f"task {stage.task} goes on without 1 of this node's 2 batches (1): they are not among the rows that this "
        "linear regression began with, and it takes no others"
    )
    certified(stage)
    sent = {event["data"] for event in stage.events("UpdateAccepted") if event["node"] == node.view.address}
    assert sent == first


# --- evaluations ---


def held_out_rows(count=8):
    """Rows that are close to what a linear model expects."""
    table = Table(LINEAR.features, np.zeros((count, 3)), np.zeros(count))
    table.features[:] = [3.0, 22.0, 0.5]
    return table


def test_an_evaluation_of_a_linear_regression_is_over_the_nodes_that_it_began_with(staged):
    stage = staged(spec=EVALUATED, held_out=held_out_rows())
    stage.until(Phase.COLLECTING, when=lambda state: state.collection is Collection.EVALUATION)
    shares, everybody = len(stage.events("Shared")), {node.view.address for node in stage.nodes}
    assert set(fixed_rows(stage.reader, stage.state)) == everybody
    for number in range(3):
        stage.tick(stage.nodes[number])
    stage.late()
    stage.until(Phase.READY, without=[3])
    for number in range(3):
        stage.tick(stage.nodes[number])
        assert objections(stage, number) == {"shared-before"}
    assert len(stage.events("Shared")) == shares
    stage.late()
    stage.until(Phase.COLLECTING, without=[3])
    stage.until(Phase.COLLECTING, when=lambda state: state.held_out)
    assert fixed_rows(stage.reader, stage.state) is None
    assert len(stage.events("Shared")) == shares + 4


def test_held_out_rows_may_be_of_other_nodes_than_the_training_was(staged):
    stage = staged(spec=EVALUATED, held_out=held_out_rows())
    stage.until(Phase.COLLECTING, when=lambda state: state.held_out)
    stage.tick(*stage.nodes[:3])
    stage.late()
    stage.until(Phase.FINISHED, without=[3])
    last = {event["node"] for event in stage.events("Shared") if event["round"] == stage.state.round}
    assert last == {stage.address(number) for number in range(3)}


STEEP = replace(
    EVALUATED,
    columns=tuple(Column(name, 0.0, 1.0) for name in LINEAR.features),
    outcome=Outcome(scale=Column("GRADE", 0.0, 1.0)),
    penalty=0.0,
    statistics=Statistics(held_out=True),
)
"""Of weights near 7: where two features are near 8, labels are expected to be beyond 64."""


def steep_rows(seed):
    cells = np.random.default_rng(seed).uniform(-0.5, 0.5, (8, 3))
    return Table(LINEAR.features, cells, 7 * (cells[:, 0] + cells[:, 1]))


def test_a_node_with_held_out_rows_that_have_no_proof_takes_no_part_in_their_evaluation(staged):
    far = Table(LINEAR.features, np.zeros((50, 3)), np.zeros(50))
    far.features[-1, :2] = 7.9
    stage = staged(spec=STEEP, tables=[steep_rows(number) for number in range(4)], held_out=far)
    for node in stage.nodes[1:]:  # all but the first take what they can prove
        node._batches = [entry for entry in node._batches if len(entry.batch.labels) != 1]
    stage.until(Phase.COLLECTING, when=lambda state: state.held_out)
    stage.tick(*stage.nodes[:1] * 2)
    assert stage.state.updates == 0
    (said,) = news_of(stage, 0, "unprovable")
    number = said.values["batch"]
    assert len(stage.nodes[0].store.batches(STEEP.held_out_terms.id)[number].batch.labels) == 1
    assert said.text.startswith(
        f"this node takes no part in the evaluation on held-out rows of task {stage.task}, for batch {number}: row 1 "
        "of a batch is 64 or more from what the weights expect of it"
    )
    stage.tick(*stage.nodes[1:])
    stage.late()
    stage.until(Phase.FINISHED)
    last = {event["node"] for event in stage.events("Shared") if event["round"] == stage.state.round}
    assert last == {stage.address(number) for number in range(1, 4)}


def test_a_log_loss_that_has_no_proof_is_found_before_anything_is_handed_in(world, tmp_path, monkeypatch):
    spec = replace(
        SPEC,
        gradient_bound=0.9,
        statistics=Statistics(held_out=True),
        instances=replace(SPEC.instances, evaluate=("evaluate-48x3",)),
    )
    party = Party(world, tmp_path, spec=spec)
    held_out = replace(party.tables[0], labels=party.tables[0].labels[::-1].copy())
    stage = Stage(party, held_out=held_out).begin()
    stage.until(Phase.COLLECTING, when=lambda state: state.held_out)
    monkeypatch.setattr("twopm_zk.statements.evaluate._LARGEST_LOSS", 1)
    stage.tick(*stage.nodes)
    assert stage.state.updates == 0
    (said,) = news_of(stage, 0, "unprovable")
    assert said.text.endswith(
        "for batch 0: the log-loss of these rows at these weights is larger than an evaluation can prove"
    )
    stage.close()


# --- an endpoint that lags ---


@pytest.mark.parametrize("blocks", [1, 10_000])
def test_nothing_follows_from_a_history_that_is_not_all_there(staged, monkeypatch, blocks):
    stage = staged()
    moved(stage)
    state, view = stage.state, stage.reader
    shown = view.task_events

    def lagging(task, *, from_block, to_block):
        events = shown(task, from_block=from_block, to_block=to_block)
        last = [event.block for event in events if event.name == "Shared"][-1]
        return [event for event in events if event.block <= last - blocks]

    monkeypatch.setattr(view, "task_events", lagging)
    with pytest.raises(ChainError, match="does not show the sum of round"):
        fixed_rows(view, state)
    monkeypatch.undo()
    assert set(fixed_rows(view, state)) == {node.view.address for node in stage.nodes}


def test_a_history_that_contradicts_itself_is_looked_at_again(staged, monkeypatch):
    stage = staged()
    moved(stage)
    shown = stage.reader.task_events

    def without_the_first_to_be_ready(task, **blocks):
        events = shown(task, **blocks)
        events.remove(next(event for event in events if event.name == "NodeReady"))
        return events

    monkeypatch.setattr(stage.reader, "task_events", without_the_first_to_be_ready)
    with pytest.raises(ChainError, match="in another seat, or with other updates, than its events tell; looking again"):
        fixed_rows(stage.reader, stage.state)
