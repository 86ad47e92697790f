"""An adapter of a language model: exact, part of what an answer follows from, and trained on made-up hidden states."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import language_models
from support.plain_language_model import PlainModel, adapted

from twopm_zk.conversation import model as model_module
from twopm_zk.conversation.adapter import FRAC_BITS, MAX_RANK, Adapter
from twopm_zk.conversation.arithmetic import Activations
from twopm_zk.conversation.gguf_file import open_gguf
from twopm_zk.conversation.sampling import Sampling
from twopm_zk.conversation.transcript import Execution, Transcript
from twopm_zk.errors import InputError

DIGEST = "ab" * 32
PROMPT = (1, 50, 60, 70, 2)


def matrices(rank, width, size, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(-size, size + 1, (rank, width)), random.integers(-size, size + 1, (width, rank))


def adapter(down, up, frac_bits=16, digest=DIGEST):
    return Adapter(down, up, frac_bits=frac_bits, digest=digest)


@pytest.fixture(scope="module")
def adapted_model(model):
    return model.with_adapter(adapter(*matrices(3, language_models.WIDTH, 1 << 14)))


def answered(model, temperature=1000):
    asked = model.execution(PROMPT, Sampling(bytes(range(32)), temperature), 20)
    return Transcript(asked, tuple(model.tokens(asked)))


@pytest.mark.slow
@given(
    rank=st.integers(1, 4),
    width=st.integers(1, 6),
    bits=st.integers(0, 31),
    frac_bits=st.integers(0, 48),
    exponent=st.integers(-60, 20),
    seed=st.integers(0, 2**32),
)
def test_a_hidden_state_is_changed_as_integers_of_python_say(rank, width, bits, frac_bits, exponent, seed):
    random = np.random.default_rng(seed)
    down, up = matrices(rank, width, 1 << bits, seed)
    values = random.integers(-(1 << 19), (1 << 19) + 1, (3, width))
    values[2] = 0
    exponents = exponent + np.arange(3)[:, None]
    found = adapter(down, up, frac_bits).apply(Activations(values.astype(float), exponents))
    assert np.abs(found.values).max() <= 1 << 19
    for row in range(3):
        given = (values[row].tolist(), int(exponents[row, 0]))
        expected = adapted(given, down.tolist(), up.tolist(), frac_bits)
        assert (found.values[row].tolist(), int(found.exponents[row, 0])) == expected


def test_the_largest_weights_give_exact_sums_at_the_largest_hidden_states():
    down, up = np.full((2, 3), (1 << 34) // 3), np.full((3, 2), (1 << 33) - 1)
    values, exponents = np.full((1, 3), 1 << 19), np.zeros((1, 1), np.int64)
    found = adapter(down, up, 0).apply(Activations(values.astype(float), exponents))
    expected = adapted((values[0].tolist(), 0), down.tolist(), up.tolist(), 0)
    assert (found.values[0].tolist(), int(found.exponents[0, 0])) == expected
    for place in range(2):
        larger = [down.copy(), up.copy()]
        larger[place][1] += 1
        with pytest.raises(InputError, match=r"add up to less than 2\^34") as refused:
            adapter(*larger, 0)
        assert refused.value.kind == "adapter-too-large"


def test_weights_at_the_end_of_their_type_are_refused():
    for value in (-(1 << 63), (1 << 63) - 1):
        down, up = matrices(1, 2, 5)
        up[0, 0] = value
        with pytest.raises(InputError, match="too large"):
            adapter(down, up)


@pytest.mark.parametrize(
    ("down", "up", "frac_bits"),
    [((2, 5), (5, 3), 16), ((MAX_RANK + 1, 5), (5, MAX_RANK + 1), 16), ((2, 5), (5, 2), 49)],
)
def test_matrices_that_make_no_adapter_are_refused(down, up, frac_bits):
    with pytest.raises(InputError, match="rank x width and width x rank"):
        adapter(np.ones(down, np.int64), np.ones(up, np.int64), frac_bits)


def test_parameters_of_a_result_are_rounded_to_the_bits_of_an_adapter():
    width = 3
    down, up = np.array([[5 << 12, -(5 << 12), 0]]), np.array([[(1 << 11) - 1], [1 << 11], [-(1 << 11)]])
    made = Adapter.from_parameters(np.concatenate([down.ravel(), up.ravel()]), width=width, digest=DIGEST)
    expected = adapter(np.array([[5, -5, 0]]), np.array([[0], [1], [0]]), FRAC_BITS)
    hidden = Activations(np.array([[7.0, -100.0, 1 << 18]]), np.zeros((1, 1), np.int64))
    assert (made.rank, made.width, made.digest) == (1, width, DIGEST)
    assert (made.apply(hidden).values == expected.apply(hidden).values).all()


@pytest.mark.parametrize("count", [0, 3, 6 * MAX_RANK + 6])
def test_so_many_parameters_that_they_make_no_adapter_are_refused(count):
    with pytest.raises(InputError, match=rf"{count} parameters make no adapter of a model of width 3"):
        Adapter.from_parameters(np.zeros(count, np.int64), width=3, digest=DIGEST)


def test_an_adapter_of_zeros_leaves_a_hidden_state_as_it_is():
    values = np.random.default_rng(0).integers(-(1 << 19) + 1, 1 << 19, (4, 64)).astype(float)
    hidden = Activations(values, np.arange(4)[:, None])
    found = adapter(np.ones((8, 64), np.int64), np.zeros((64, 8), np.int64)).apply(hidden)
    assert (found.values == values).all()
    assert (found.exponents == hidden.exponents).all()


def test_logits_with_an_adapter_are_those_of_integers_one_number_at_a_time(path, adapted_model):
    network = adapted_model.network
    hidden = network.advance(np.array(PROMPT), network.new_cache())
    sums, frac_bits = network.logits(adapted_model.adapter.apply(hidden[len(PROMPT) - 1 :]))
    down, up = matrices(3, language_models.WIDTH, 1 << 14)
    plain, plain_bits = PlainModel(open_gguf(path), network.shape).logits(PROMPT, (down.tolist(), up.tolist(), 16))
    expected = [value * 2.0**-plain_bits for value in plain]
    assert (sums[0] * 2.0 ** -float(frac_bits[0])).tolist() == expected


def test_a_change_of_the_arithmetic_of_adapters_is_a_new_version_of_models():
    """As for the model's own numbers: whoever changes these gives `model._VERSION` another value."""
    random = np.random.default_rng(7)
    values = random.integers(-(1 << 19), 1 << 19, (3, 64)).astype(float)
    found = adapter(*matrices(3, 64, 1 << 14)).apply(Activations(values, np.arange(3)[:, None]))
    digest = hashlib.sha256((found.values + 0.0).astype("<f8").tobytes() + found.exponents.astype("<i8").tobytes())
    assert model_module._VERSION == b"twopm-zk conversation model 1"
    assert digest.hexdigest() == "c1848b0ce71560eadd4426481510c847deec3fab4da6993b91c8a6cf7205be91"


# --- conversations ---


def test_an_answer_with_an_adapter_is_another_one_and_is_verified(model, adapted_model):
    for temperature in (0, 1000):
        transcript = answered(adapted_model, temperature)
        assert transcript.execution.adapter == DIGEST
        assert transcript.answer != answered(model, temperature).answer
        assert adapted_model.verify(transcript)
        changed = replace(transcript, answer=(*transcript.answer[:5], 99, *transcript.answer[6:]))
        assert adapted_model.first_difference(changed) == 5


def test_a_draw_is_another_one_with_another_adapter_of_the_same_weights(adapted_model):
    down, up = matrices(3, language_models.WIDTH, 1 << 14)
    other = adapted_model.with_adapter(adapter(down, up, digest="cd" * 32))
    assert answered(other, 0).answer == answered(adapted_model, 0).answer
    assert answered(other).answer != answered(adapted_model).answer


def test_a_transcript_of_another_adapter_or_of_none_is_refused(model, adapted_model):
    with pytest.raises(InputError, match="another adapter") as refused:
        model.verify(answered(adapted_model))
    assert refused.value.kind == "another-adapter"
    assert refused.value.facts == {"found": DIGEST}
    with pytest.raises(InputError, match="another adapter"):
        adapted_model.verify(answered(model))
    assert adapted_model.with_adapter(None).verify(answered(model))


def test_an_adapter_of_another_width_is_refused(model):
    with pytest.raises(InputError, match="for a model of width 32, this one has 64"):
        model.with_adapter(adapter(*matrices(2, 32, 5)))


def test_a_transcript_without_an_adapter_has_the_digest_that_it_had_before_there_were_adapters():
    asked = Execution("00" * 32, (1, 2), Sampling(bytes(32)), 3)
    transcript = Transcript(asked, (4, 5))
    assert transcript.digest.hex() == "201dd909f259e8c958a5d1332d52253f3d7a45172261e039b58c452ec56fedf3"
    assert "adapter" not in json.loads(transcript.to_json())


def test_an_adapter_is_part_of_a_transcript_and_of_its_digest(adapted_model):
    transcript = answered(adapted_model)
    assert Transcript.from_document(json.loads(transcript.to_json())) == transcript
    others = [
        replace(transcript, execution=replace(transcript.execution, adapter=other)) for other in (None, "cd" * 32)
    ]
    assert len({one.digest for one in [transcript, *others]}) == 3
    with pytest.raises(InputError, match="64 hex digits"):
        Transcript.from_document(json.loads(transcript.to_json()) | {"adapter": "ab"})


PROGRAM = """
import hashlib, sys
import numpy as np
from twopm_zk.conversation.adapter import Adapter
from twopm_zk.conversation.arithmetic import Activations
random = np.random.default_rng(0)
down, up = random.integers(-(1 << 23), 1 << 23, (8, 576)), random.integers(-(1 << 28), 1 << 28, (576, 8))
rows = random.integers(-(1 << 19), 1 << 19, (40, 576)).astype(float)
adapter = Adapter(down, up, frac_bits=24, digest="")
states = Activations(rows, np.zeros((40, 1), np.int64))
pieces = [adapter.apply(states[slice(i, i + 7)]) for i in range(0, 40, 7)]
whole = adapter.apply(states)
assert (np.concatenate([piece.values for piece in pieces]) == whole.values).all()
print(hashlib.sha256((whole.values + 0.0).tobytes() + whole.exponents.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_threads_and_kernels_of_blas_change_no_bit_of_an_adapted_state():
    environments = (
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Haswell"},
        {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX2"},
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env=os.environ | extra, capture_output=True, text=True, check=True
        ).stdout
        for extra in environments
    }
    assert len(found) == 1
