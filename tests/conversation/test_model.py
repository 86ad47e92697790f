"""Conversations with a made-up model: answers repeat, transcripts are verified, and everything else is refused."""

from dataclasses import replace

import numpy as np
import pytest
from support import language_models

from twopm_zk.conversation import model as model_module
from twopm_zk.conversation.model import ConversationModel
from twopm_zk.conversation.sampling import Sampling, thousandths
from twopm_zk.conversation.transcript import Execution, Transcript
from twopm_zk.errors import FileFormatError, InputError, ToolError, ToolMissingError
from twopm_zk.system.parsing import parse_json

SEED = bytes(range(32))
PROMPT = (1, 50, 60, 70, 2)
SAID = [{"role": "user", "content": "hello world"}]


@pytest.fixture
def tokenizers():
    return pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")


def execution(model, *, prompt=PROMPT, temperature=1000, max_tokens=20, seed=SEED):
    return Execution(model.digest, prompt, Sampling(seed, temperature), max_tokens)


def answered(model, **options):
    asked = execution(model, **options)
    return Transcript(asked, tuple(model.tokens(asked)))


def test_an_answer_repeats_and_is_verified(model):
    transcript = answered(model)
    assert answered(model) == transcript
    assert len(transcript.answer) == 20
    assert model.verify(transcript)
    assert model.first_difference(transcript) is None


def test_another_seed_gives_another_answer_and_the_likeliest_tokens_need_none(model):
    assert answered(model, seed=bytes(32)).answer != answered(model).answer
    greedy = answered(model, temperature=0)
    assert answered(model, temperature=0, seed=bytes(32)).answer == greedy.answer
    assert model.verify(greedy)


@pytest.mark.slow
@pytest.mark.parametrize("position", range(20))
def test_a_changed_token_is_found_at_its_position(model, position):
    transcript = answered(model)
    answer = list(transcript.answer)
    answer[position] = 100 if answer[position] != 100 else 101
    changed = replace(transcript, answer=tuple(answer))
    assert model.first_difference(changed) == position
    assert not model.verify(changed)


def test_an_answer_that_ends_too_early_or_too_late_is_found(model):
    transcript = answered(model)
    assert model.first_difference(replace(transcript, answer=transcript.answer[:7])) == 7
    assert model.first_difference(replace(transcript, answer=())) == 0
    assert model.first_difference(replace(transcript, answer=(*transcript.answer, 5))) == 20


def ending(model, token):
    """A model whose every answer has a control token after two others."""
    network = model.network

    class Ending:
        shape, context, new_cache = network.shape, network.context, network.new_cache

        @staticmethod
        def advance(tokens, cache):
            hidden = network.advance(tokens, cache)
            hidden.exponents[:, 0] = np.arange(cache.used - len(tokens), cache.used)
            return hidden

        @staticmethod
        def logits(hidden):
            at = hidden.exponents[:, 0] - len(PROMPT) + 1
            found = np.zeros((len(at), network.shape.vocabulary))
            found[np.arange(len(at)), np.where(at == 2, token, 100)] = 1
            return found, np.zeros(len(at), np.int64)

    return ConversationModel(Ending, model.vocabulary, model.digest)


@pytest.mark.parametrize("token", [0, 1, 2])
def test_an_answer_ends_with_the_first_control_token(model, token):
    other = ending(model, token)
    transcript = answered(other, temperature=0)
    assert transcript.answer == (100, 100, token)
    assert other.verify(transcript)
    longer = replace(transcript, answer=(100, 100, token, 100))
    assert other.first_difference(longer) == 3
    assert other.first_difference(replace(transcript, answer=(100, 100))) == 2


def test_an_answer_ends_where_the_context_is_full(model):
    prompt = PROMPT * 31  # 155 tokens of 160
    transcript = answered(model, prompt=prompt)
    assert len(transcript.answer) == 5
    assert model.verify(transcript)
    assert model.first_difference(replace(transcript, answer=transcript.answer[:4])) == 4
    assert model.first_difference(replace(transcript, answer=(*transcript.answer, 9))) == 5
    assert len(answered(model, prompt=(7,) * 159).answer) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": ()}, "prompt without tokens"),
        ({"prompt": (5,) * 160}, "160 tokens leaves no room for an answer: prompt and answer have 160 together"),
        ({"prompt": (5, 288)}, "prompt holds tokens that the model does not have"),
        ({"model": "00" * 32}, "another model"),
    ],
)
def test_an_execution_that_is_none_of_the_model_is_refused(model, changes, said):
    transcript = answered(model, max_tokens=2)
    wrong = Transcript(replace(transcript.execution, **changes), transcript.answer)
    with pytest.raises(InputError, match=said):
        model.verify(wrong)
    with pytest.raises(InputError, match=said):
        list(model.tokens(wrong.execution))


def test_an_answer_of_tokens_that_the_model_does_not_have_is_refused(model):
    with pytest.raises(InputError, match="tokens that the model does not have"):
        model.verify(replace(answered(model), answer=(5, 288)))


# --- conversations ---


def test_a_reply_streams_its_text_and_has_a_transcript(model, tokenizers):
    reply = model.chat(SAID, seed=SEED, temperature=0.8, max_tokens=12)
    first = next(iter(reply))
    text = first + "".join(reply)
    assert text == model.vocabulary.decode(reply.transcript.answer)
    assert reply.transcript.execution.sampling == Sampling(SEED, 800)
    assert model.verify(reply.transcript)
    again = model.chat(SAID, seed=SEED, temperature=0.8, max_tokens=12)
    assert again.transcript == reply.transcript  # without its text being taken


def test_a_seed_that_is_not_given_is_a_fresh_one(model, tokenizers):
    seeds = {model.chat(SAID).execution.sampling.seed for _ in range(2)}
    assert len(seeds) == 2


def test_a_reply_that_was_broken_off_has_no_transcript(model, tokenizers):
    reply = model.chat(SAID, seed=SEED)
    pieces = iter(reply)
    next(pieces)
    pieces.close()
    with pytest.raises(InputError, match="broken off"):
        _ = reply.transcript


def test_a_conversation_that_fills_the_context_is_refused_before_anything_is_computed(model, tokenizers):
    with pytest.raises(InputError, match="leaves no room for an answer") as refused:
        model.chat([{"role": "user", "content": "x" * 160}])
    assert refused.value.kind == "conversation-too-long"


# --- files ---


def test_a_file_with_another_digest_is_refused(path):
    with pytest.raises(InputError, match="not the model that was asked for: its SHA-256 is") as refused:
        ConversationModel.load(path)
    assert refused.value.kind == "another-model"


def test_a_truncated_file_is_refused_by_its_digest_and_by_its_content(path, tmp_path):
    short = tmp_path / "short.gguf"
    short.write_bytes(path.read_bytes()[:-40])
    digest = language_models.write(path)
    with pytest.raises(InputError, match="not the model that was asked for"):
        ConversationModel.load(short, digest=digest)
    with pytest.raises(FileFormatError, match="truncated"):
        ConversationModel.load(short, digest=model_module._sha256(short))


def test_a_file_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(InputError):
        ConversationModel.load(tmp_path / "nothing.gguf")


def test_without_the_package_the_error_names_it(monkeypatch):
    monkeypatch.setattr(model_module, "DISTRIBUTION", "no-such-distribution")
    with pytest.raises(ToolMissingError, match="no-such-distribution, which is not installed") as missing:
        ConversationModel.load()
    assert missing.value.kind == "no-language-model"


def test_the_digest_of_a_model_is_that_of_its_file_and_of_the_tables(path, model, monkeypatch):
    other = path.with_name("other.gguf")
    assert ConversationModel.load(other, digest=language_models.write(other, seed=1)).digest != model.digest
    assert ConversationModel.load(path, digest=language_models.write(path), threads=2).digest == model.digest
    monkeypatch.setattr(model_module, "TABLES_DIGEST", "11" * 32)
    assert ConversationModel.load(path, digest=language_models.write(path)).digest != model.digest


def test_a_known_file_with_other_tables_is_refused(path, monkeypatch):
    monkeypatch.setattr(model_module, "SMOLLM2_FILE", language_models.write(path))
    with pytest.raises(ToolError, match="other tables than everybody else"):
        ConversationModel.load(path, digest=language_models.write(path))


# --- sampling ---


def test_draws_follow_the_probabilities():
    logits, frac_bits = np.round(np.log([0.5, 0.25, 0.125, 0.125, 1e-12]) * 2**20), 20
    drawn = [Sampling(SEED, 1000).choose(logits, frac_bits, model=b"", position=i) for i in range(4000)]
    shares = np.bincount(drawn, minlength=5) / 4000
    assert np.abs(shares - [0.5, 0.25, 0.125, 0.125, 0]).max() < 0.025
    cold = [Sampling(SEED, 500).choose(logits, frac_bits, model=b"", position=i) for i in range(4000)]
    squared = np.array([16, 4, 1, 1]) / 22
    assert np.abs(np.bincount(cold, minlength=4) / 4000 - squared).max() < 0.025


def test_the_first_of_equal_logits_is_the_likeliest():
    logits = np.array([1.0, 7.0, 7.0, -3.0])
    assert Sampling(SEED).choose(logits, 3, model=b"", position=0) == 1


def test_a_draw_is_that_of_the_documented_hash():
    import hashlib

    logits = np.zeros(7)
    found = Sampling(SEED, 1000).choose(logits, 20, model=b"m" * 32, position=3)
    hashed = hashlib.sha256(b"twopm-zk conversation draw 1" + b"m" * 32 + SEED + (3).to_bytes(8, "big")).digest()
    assert found == int.from_bytes(hashed, "big") * 7 >> 256


@pytest.mark.parametrize(("given", "found"), [(0, 0), (0.001, 1), (0.7, 700), (1, 1000), (10.0, 10000)])
def test_temperatures_are_thousandths(given, found):
    assert thousandths(given) == found


@pytest.mark.parametrize("temperature", [-0.1, 10.001, float("nan"), float("inf"), 0.0005])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(InputError, match="temperature"):
        thousandths(temperature)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_seed_of_another_length_is_refused(size):
    with pytest.raises(InputError, match=f"32 bytes, not {size}"):
        Sampling(bytes(size))


# --- transcripts ---


def document(model):
    return parse_json(answered(model).to_json().encode(), what="transcript")


def test_a_transcript_is_read_back_as_it_was_written(model):
    assert Transcript.from_document(document(model)) == answered(model)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "other"}, "no transcript"),
        ({"more": 1}, "and no others"),
        ({"seed": "00"}, "64 hex digits"),
        ({"seed": "z" * 64}, "64 hex digits"),
        ({"model": 5}, "64 hex digits"),
        ({"temperature": -1}, "natural number"),
        ({"temperature": 10001}, "temperature is from 0 to 10"),
        ({"temperature": True}, "natural number"),
        ({"max_tokens": 1 << 32}, "natural number"),
        ({"max_tokens": 0}, "at least one token"),
        ({"prompt": "text"}, "list of at most"),
        ({"answer": [1.5]}, "natural number"),
    ],
)
def test_a_document_that_is_no_transcript_is_refused(model, changes, said):
    with pytest.raises(InputError, match=said):
        Transcript.from_document(document(model) | changes)


def test_every_part_of_a_transcript_changes_its_digest(model):
    transcript = answered(model)
    asked = transcript.execution
    others = [
        replace(transcript, answer=transcript.answer[:-1]),
        replace(transcript, execution=replace(asked, prompt=(*asked.prompt, transcript.answer[0]))),
        replace(transcript, execution=replace(asked, max_tokens=21)),
        replace(transcript, execution=replace(asked, model="00" * 32)),
        replace(transcript, execution=replace(asked, sampling=Sampling(bytes(32), 1000))),
        replace(transcript, execution=replace(asked, sampling=Sampling(SEED, 999))),
    ]
    assert len({one.digest for one in [transcript, *others]}) == 7


def test_nothing_that_was_said_is_in_a_repr(model):
    transcript = answered(model)
    shown = repr(transcript) + repr(transcript.execution) + repr(transcript.execution.sampling)
    assert SEED.hex() not in shown
    assert repr(SEED) not in shown
    assert "60, 70" not in shown
