"""An adapter of a language model, trained over HFLContract by owners of hidden states that are made up."""

import pytest
from support.hidden_states import RANK, WIDTH, made_up

from twopm_zk.conversation.adapter import Adapter
from twopm_zk.conversation.training import AdapterModel
from twopm_zk.hfl.results import find_result

pytestmark = pytest.mark.slow


def owner(number):
    output, examples = made_up(60, seed=number)
    return AdapterModel(output, examples, made_up(40, seed=10 + number)[1], rank=RANK)


def test_three_owners_train_an_adapter_whose_digest_is_what_the_chain_has_accepted(make_stage):
    fit = {"epochs": 8, "learning_rate": 0.02, "batch": 32}
    stage = make_stage(nodes=3, models=owner, spec={"model": owner, "fit": fit, "clip": 8.0, "maximum_rounds": 2})
    state = stage.begin().finished()
    result = find_result(stage.spec, stage.storage, state.latest_result, round_=2)
    assert result.hash == stage.expected()[-1].hash
    adapter = Adapter.from_parameters(result.parameters, width=WIDTH, digest=state.latest_result.hex())
    assert (adapter.rank, adapter.digest) == (RANK, result.hash.hex())
    trained, stranger = result.arrays(stage.spec), owner(7)
    before, after = (stranger.evaluate(parameters, {})[0] for parameters in (stranger.parameters(), trained))
    assert after < 0.8 * before
    stage.audited()
