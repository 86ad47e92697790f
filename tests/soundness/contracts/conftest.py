"""One arena for all histories; each of them begins at the same block."""

import pytest
from soundness.contracts.arena import Arena


@pytest.fixture(scope="session")
def arena(chain, node, keys):
    return Arena(chain, node, keys)
