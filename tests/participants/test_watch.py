"""Events of a task in words."""

from dataclasses import replace

import pytest
from support.people_world import SPEC

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.participants.watch import describe
from twopm_zk.task.columns import Column


@pytest.mark.parametrize(("scale", "shown"), [(1.0, "+1.5"), (30_000.0, "+5e-05"), (2e-5, "+7.5e+04")])
def test_coefficients_of_any_size_have_significant_digits(scale, shown):
    columns = tuple(Column(name, 0.0, scale) for name in SPEC.features)
    spec = replace(SPEC, columns=columns)
    weights = [3 << 19] * 3 + [0]  # 1.5 for scaled features
    event = DecodedEvent("ModelPublished", {"round": 4, "weights": weights}, "0xC", 7, "0xT")
    assert describe(event, spec).text == f"weights of round 4: GPA {shown}, TUCE {shown}, PSI {shown}, intercept +0"


def test_a_node_is_called_this_node_by_itself_alone():
    event = DecodedEvent("UpdateAccepted", {"round": 0, "attempt": 1, "node": "0xA", "position": 2}, "0xC", 7, "0xT")
    assert describe(event, SPEC, account="0xA").text == "round 0, attempt 1: update 3 accepted, from this node"
    assert describe(event, SPEC, account="0xB").text == "round 0, attempt 1: update 3 accepted, from 0xA"
