"""A federated task from its creation to its last result, over a development chain."""

import pytest
from support.federated_world import FederatedStage

from twopm_zk.chain.tasks import Phase


@pytest.fixture
def stage(world, tmp_path):
    made = FederatedStage(world, tmp_path)
    yield made
    made.close()


def test_results_are_those_of_a_federation_in_one_process(stage):
    stage.begin()
    state = stage.finished()
    assert state.results == 2
    expected = [result.hash for result in stage.expected()[1:]]
    assert [stage.reader.hfl.result_of(stage.task, number) for number in range(2)] == expected
    assert state.latest_result == expected[-1]
