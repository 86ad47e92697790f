"""Federated tasks with a coordinator and nodes that look at the chain when a test says so."""

import pytest
from support.federated_world import FederatedStage, specification


@pytest.fixture
def make_stage(world, tmp_path):
    made = []

    def make(*, spec=None, **options):
        chosen = {key: options.pop(key) for key in list(options) if key in ("locations", "maximum_rounds")}
        chosen |= spec or {}
        made.append(FederatedStage(world, tmp_path, spec=specification(tmp_path, **chosen), **options))
        return made[-1]

    yield make
    for stage in made:
        stage.close()
