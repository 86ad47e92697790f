"""Rounds after the certificate that go wrong: rows that come too late, nodes and coordinators that are gone."""

import pytest
from support.people_stage import Stage, lying
from support.people_world import SPEC, Party, replace, tables

from twopm_zk.chain.tasks import Phase
from twopm_zk.participants.attempts import read_history
from twopm_zk.participants.moving import move_on
from twopm_zk.task.parts.statistics import Statistics

pytestmark = [pytest.mark.chain, pytest.mark.slow]

SIZES = (8, 8, 8, 8)
EVALUATED = replace(
    SPEC,
    statistics=Statistics(evaluation=True),
    instances=replace(SPEC.instances, evaluate=("evaluate-48x3",)),
    gradient_bound=0.2,
    minimum_rows=20,
)
HELD_OUT = replace(EVALUATED, statistics=Statistics(held_out=True))


@pytest.fixture
def staged(world, tmp_path):
    """A task of four nodes, three of which are enough; the first ``prepared`` of them hold rows out from the start."""
    made = []

    def make(spec, *, prepared=0):
        made.append(Stage(Party(world, tmp_path, spec=spec, sizes=SIZES)))
        for number in range(prepared):
            restarted(made[-1], number)
        return made[-1].begin()

    yield make
    for stage in made:
        stage.close()


def restarted(stage, number):
    """The node is started again, with rows that it holds out."""
    stage.nodes[number].store.close()
    stage.nodes[number] = stage.party.node(number, held_out=tables(SIZES)[number - 1])


def evaluating(stage):
    return stage.until(Phase.COLLECTING, when=lambda state: state.certified)


def kinds(stage, who, kind):
    return [item.text for item in stage.party.news[who] if item.kind == kind]


def test_held_out_rows_that_are_registered_once_the_task_has_begun_are_left_out_and_the_node_says_so(staged):
    stage = staged(HELD_OUT, prepared=3)
    restarted(stage, 3)
    stage.until(Phase.FINISHED)
    last = read_history(stage.reader, stage.state)[-1]
    assert last.held_out
    assert set(last.view.nodes) == {stage.address(number) for number in range(3)}
    (said,) = kinds(stage, 3, "late-rows")
    assert said.endswith(
        "goes without 1 of this node's 1 held-out batches: they were registered after the task's first round had opened"
    )
    assert not any(kinds(stage, number, "late-rows") for number in range(3))


def test_nodes_end_a_certified_task_that_its_coordinator_has_left_and_too_few_come_to(staged):
    stage = staged(EVALUATED)
    evaluating(stage)
    stage.tick(stage.nodes[0])
    stage.late()
    for _ in range(8):  # each waits a while for the coordinator
        stage.tick(stage.nodes[1])
    assert stage.state.phase is Phase.FINISHED
    assert stage.state.certified
    assert kinds(stage, 1, "unstuck")[-1].endswith("the task ends with its certificate")


def test_an_evaluation_whose_nodes_came_and_did_not_share_starts_again_once(staged):
    stage = staged(EVALUATED)
    evaluating(stage)
    for wanted in ("started again", "the task ends with its certificate"):
        stage.until(Phase.READY)
        stage.late()
        assert move_on(stage.nodes[0].view, stage.state) == wanted
    assert stage.state.phase is Phase.FINISHED
    assert stage.state.certified


def test_anybody_ends_a_certified_task_whose_last_sum_does_not_open_and_is_not_disputed(staged):
    stage = staged(EVALUATED)
    evaluating(stage)
    lying(stage.nodes[0])
    stage.until(Phase.SHARING)
    stage.tick(*stage.nodes)
    assert stage.attempt.total is None
    stage.late()
    assert move_on(stage.reader, stage.state) == ""
    stage.late(stage.state.seconds[Phase.DISPUTED])
    assert move_on(stage.reader, stage.state) == "the task ends with its certificate"
    assert (stage.state.phase, stage.state.certified) == (Phase.FINISHED, True)


def test_a_task_without_a_certificate_starts_again_as_often_as_it_takes(staged):
    stage = staged(EVALUATED)
    for _ in range(2):
        stage.late()
        assert move_on(stage.nodes[0].view, stage.state) == "started again"
    assert stage.state.phase is Phase.COLLECTING
