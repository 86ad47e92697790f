"""Training an adapter: on made-up hidden states, and on conversations of made-up models."""

import hashlib
import json

import numpy as np
import pytest
from support import language_models
from support.hidden_states import RANK, WIDTH, made_up

from twopm_zk.conversation import adapter as adapter_module
from twopm_zk.conversation.adapter import Adapter
from twopm_zk.conversation.arithmetic import Activations
from twopm_zk.conversation.model import ConversationModel
from twopm_zk.conversation.training import AdapterModel, examples_of, read_conversations
from twopm_zk.errors import DataError, InputError
from twopm_zk.federated import FederatedSpec, Model, federate, specification


@pytest.fixture
def owner():
    output, train = made_up()
    return AdapterModel(output, train, made_up(80, seed=1)[1], rank=RANK)


def test_everybody_begins_with_the_same_parameters_which_change_nothing(owner):
    down, up = owner.parameters()
    assert (down.shape, up.shape) == ((RANK, WIDTH), (WIDTH, RANK))
    assert not up.any()
    assert down.any()
    assert (
        hashlib.sha256(down.tobytes()).hexdigest() == "c24b7465e0f0385722f6acf308b8c250995ab39cc23ee816e6d88921666b88dd"
    )
    assert (down**2).mean() == pytest.approx(1 / WIDTH, rel=0.3)
    output, held_out = made_up(80, seed=1)
    logits = held_out.hidden.astype(float) @ output.T.astype(float)
    lost = (np.log(np.exp(logits).sum(1)) - logits[np.arange(80), held_out.tokens]).mean()
    loss, count, metrics = owner.evaluate(owner.parameters(), {})
    assert loss == pytest.approx(lost, rel=1e-5)
    assert count == 80
    assert metrics == {"accuracy": (logits.argmax(1) == held_out.tokens).mean()}


def test_the_gradient_is_that_of_the_loss(owner):
    random = np.random.default_rng(5)
    parameters = [random.normal(0, 0.3, array.shape).astype(np.float32) for array in owner.parameters()]
    places, examples = np.arange(40), owner._train
    _, gradient = owner._gradient(parameters, examples, places)
    for which in range(2):
        for _ in range(6):
            at = tuple(random.integers(0, size) for size in parameters[which].shape)
            losses = []
            for step in (0.01, -0.01):
                moved = [array.copy() for array in parameters]
                moved[which][at] += step
                losses.append(owner._gradient(moved, examples, places)[0] / len(places))
            assert gradient[which][at] == pytest.approx((losses[0] - losses[1]) / 0.02, abs=2e-3)


def test_training_lowers_the_loss_of_examples_that_were_held_out(owner):
    before, _, _ = owner.evaluate(owner.parameters(), {})
    begun = [array.copy() for array in owner.parameters()]
    parameters, examples, metrics = owner.fit(begun, {"epochs": 20, "learning_rate": 0.02, "batch": 32})
    after, _, _ = owner.evaluate(parameters, {})
    assert examples == 160
    assert metrics["loss"] < 0.5 * before
    assert after < 0.7 * before
    assert all((a == b).all() for a, b in zip(begun, owner.parameters(), strict=True))  # what was given is left alone


def test_steps_are_bounded_and_fedprox_stays_near_where_it_began(owner):
    def moved(**config):
        parameters, _, _ = owner.fit(owner.parameters(), {"epochs": 3, "learning_rate": 0.02, **config})
        return sum(float(((a - b) ** 2).sum()) for a, b in zip(parameters, owner.parameters(), strict=True))

    assert 0 < moved(proximal_mu=100.0) < 0.5 * moved()
    assert moved(step_norm=0.0) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 10**9), ("epochs", 0), ("batch", 0), ("learning_rate", float("nan")), ("seed", "x"), ("epochs", True)],
)
def test_settings_that_nobody_should_choose_for_others_are_refused(owner, name, value):
    with pytest.raises(InputError, match=f"`fit.{name}` of an adapter is a number from"):
        owner.fit(owner.parameters(), {name: value})


def test_owners_train_one_adapter_together_from_sums_alone():
    """Over federated learning's own integers: what it accepts is an adapter, and better for all than what they had."""
    output = made_up()[0]
    owners = [AdapterModel(output, made_up(60, seed)[1], made_up(40, seed + 10)[1], rank=RANK) for seed in range(3)]
    assert all(isinstance(one, Model) for one in owners)
    spec = FederatedSpec(
        title="adapter",
        shapes=((RANK, WIDTH), (WIDTH, RANK)),
        clip=8.0,
        frac_bits=20,
        evaluate=True,
        fit={"epochs": 4, "learning_rate": 0.02},
        locations=("memory://adapter",),
    )
    results = list(federate(spec, owners, rounds=4))
    assert (results[-1].round, results[-1].weight, results[-1].evaluated) == (4, 180, 120)
    assert results[-1].mean_loss < 0.8 * results[1].mean_loss
    adapter = Adapter.from_parameters(results[-1].parameters, width=WIDTH, digest=results[-1].hash.hex())
    assert (adapter.rank, adapter.digest) == (RANK, results[-1].hash.hex())
    hidden = made_up(5, seed=50)[1].hidden.astype(float)
    rows = Activations(np.rint(hidden * 2**17), np.full((5, 1), -17))
    down, up = results[-1].arrays(spec)
    found = adapter.apply(rows)
    assert np.allclose(found.values * 2.0**found.exponents, hidden + hidden @ down.T @ up.T, atol=1e-3)


def test_parameters_have_the_units_of_federated_learning():
    assert adapter_module.PARAMETER_FRAC_BITS == specification.PARAMETER_FRAC_BITS


def test_nothing_that_was_said_is_in_a_repr(owner):
    assert repr(owner._train) == "Examples(160 tokens)"


# --- conversations ---


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
    path = tmp_path_factory.mktemp("model") / "model.gguf"
    digest = language_models.write(path)
    return ConversationModel.load(path, digest=digest, threads=1)


def said(*texts):
    roles = ("user", "assistant")
    return [{"role": "system", "content": "so"}] + [
        {"role": roles[number % 2], "content": text} for number, text in enumerate(texts)
    ]


def test_examples_are_the_hidden_states_before_each_token_of_an_answer(model):
    conversations = [said("hi", "hello"), said("hi you", "ok", "and", "then so"), said("hi", "hello")]
    found = examples_of(model, conversations)
    hidden, tokens = [], []
    for conversation, places in zip(conversations, ((2,), (2, 4), (2,)), strict=True):
        for place in places:
            prompt = model.vocabulary.prompt(conversation[:place])
            answer = [*model.vocabulary.encode(conversation[place]["content"]), model.vocabulary._end]
            states = model.network.advance(np.array(prompt + answer), model.network.new_cache())
            reals = states.values * 2.0**states.exponents
            hidden.append(reals[len(prompt) - 1 : -1])
            tokens += answer
    assert found.tokens.tolist() == tokens
    assert (found.hidden == np.concatenate(hidden).astype(np.float32)).all()


def test_the_matrix_of_logits_is_the_one_that_logits_come_from(model):
    states = model.network.advance(np.array([5, 6, 7]), model.network.new_cache())
    sums, frac_bits = model.network.logits(states)
    logits = (states.values * 2.0**states.exponents) @ model.network.output_weights().T.astype(float)
    assert np.allclose(logits, sums * 2.0 ** -frac_bits[:, None].astype(float), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("conversation", "fault"),
    [
        (said("hi"), "conversation 2 has no answer"),
        ([{"role": "assistant", "content": "hi"}], "conversation 2 has no answer"),
        (said("hi", "x" * 200), "conversation 2 has more than 160 tokens"),
    ],
)
def test_a_conversation_that_cannot_be_learnt_from_is_refused(model, conversation, fault):
    with pytest.raises(DataError, match=fault):
        examples_of(model, [said("hi", "ok"), conversation])


def test_no_conversation_gives_no_example(model):
    assert len(examples_of(model, [])) == 0


def test_conversations_are_read_from_lines(tmp_path):
    path = tmp_path / "said.jsonl"
    path.write_text("".join(json.dumps({"messages": said("hi", text)}) + "\n" for text in ("a", "b")))
    assert read_conversations(path) == [said("hi", "a"), said("hi", "b")]


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "{}",
        '{"messages": "x"}',
        '{"messages": [{"role": "user"}]}',
        '{"messages": [{"role": "tool", "content": "x"}]}',
        '{"messages": [{"role": ["user"], "content": "x"}]}',
        '{"messages": [{"role": "user", "content": 5}]}',
        "nonsense",
    ],
)
def test_a_line_that_is_no_conversation_is_refused_with_its_number(tmp_path, line):
    path = tmp_path / "said.jsonl"
    path.write_text(json.dumps({"messages": said("hi", "a")}) + "\n" + line)
    with pytest.raises(DataError, match="line 2") as refused:
        read_conversations(path)
    assert "nonsense" not in str(refused.value)
