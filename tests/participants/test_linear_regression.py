"""A linear regression over a chain: it goes on over the same rows of the same nodes, and with no others."""

import pytest
from support.people_stage import ETH, Stage, stake
from support.people_world import SPEC, Party, World, double_verifier, replace

from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import Stakes
from twopm_zk.participants.moving import move_on
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection, Family
from twopm_zk.task.columns import Column
from twopm_zk.task.outcome import Outcome
from twopm_zk.task.specification import StepRule

pytestmark = pytest.mark.chain

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
STAKES = Stakes(ETH, ETH // 2)


@pytest.fixture(scope="module")
def linear(deployed):
    """The same chain with another deployment, which has the verifiers of a linear regression."""
    return World(deployed.node, verifiers=[double_verifier(name) for name in LINEAR.instances.names])


@pytest.fixture
def staged(world, linear, tmp_path):
    """A task that collects information, its first round; four nodes are there, and three are enough."""
    linear.chain.forget_nonces()
    made = []

    def make(*, come=4):
        party = Party(linear, tmp_path, spec=LINEAR, sizes=(8, 8, 8, 8))
        party.tables = [Table(part.names, part.features, part.labels.astype(float)) for part in party.tables]
        party.settings = replace(party.settings, stakes=STAKES)
        made.append(Stage(party))
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
