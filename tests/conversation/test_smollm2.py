"""The real model, where the package that brings its file is installed: near float32, and the same on every machine."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from twopm_zk.conversation.adapter import Adapter
from twopm_zk.conversation.gguf_file import open_gguf
from twopm_zk.conversation.model import SMOLLM2, ConversationModel, installed_file
from twopm_zk.conversation.training import AdapterModel, examples_of
from twopm_zk.errors import InputError, ToolMissingError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SEED = bytes(range(32))
CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
TEXT = """Hospitals, schools and banks hold rows that they may not show. Each of them has its own rows, and each would
like to know what all of them together say. A regression over the rows of all is what they want, and a proof that it is
the one that follows from them. The cathedral is eight hundred years old; its towers were never finished, and nobody
knows the name of the man who drew them. In 1969, two people walked on the moon for the first time, and a third waited
for them above it. Water boils at a lower temperature on a mountain, because there is less air above it."""


@pytest.fixture(scope="module")
def model():
    try:
        installed_file()
    except ToolMissingError as missing:
        pytest.skip(f"{missing.message}: no test of the real model")
    pytest.importorskip("tokenizers", reason="the package tokenizers is not installed: no test of the real model")
    return ConversationModel.load()


def test_the_model_is_the_one_that_everybody_has(model):
    assert model.digest == SMOLLM2
    assert model.context == 2048


def test_it_answers_and_its_answer_is_verified_in_one_pass(model):
    reply = model.chat(CAPITAL, seed=SEED)
    assert "".join(reply) == "The capital of France is Paris."
    transcript = reply.transcript
    assert transcript.answer[-1] in model.vocabulary.control
    assert model.verify(transcript)
    answer = list(transcript.answer)
    answer[3] += 1
    assert model.first_difference(replace(transcript, answer=tuple(answer))) == 3


def test_a_drawn_answer_repeats_and_is_verified(model):
    said = [{"role": "user", "content": "Write one sentence about privacy."}]
    transcript = model.chat(said, seed=SEED, temperature=0.4, max_tokens=12).transcript
    assert transcript == model.chat(said, seed=SEED, temperature=0.4, max_tokens=12).transcript
    assert model.verify(transcript)
    other = model.chat(said, seed=bytes(32), temperature=0.4, max_tokens=12).transcript
    assert other.answer != transcript.answer


def test_next_tokens_and_perplexity_are_those_of_float32(model):
    from support.float_model import FloatModel

    reference = FloatModel(open_gguf(installed_file()), model.network.shape)
    tokens = np.array(model.vocabulary.encode(TEXT), np.intp)
    rough = reference.logits(reference.advance(tokens[:-1])).astype(float)
    sums, frac_bits = model.network.logits(model.network.advance(tokens[:-1], model.network.new_cache()))
    exact = sums * 2.0 ** -frac_bits[:, None].astype(float)
    assert (exact.argmax(1) == rough.argmax(1)).mean() > 0.98

    def perplexity(logits):
        top = logits.max(1)
        of_next = logits[np.arange(len(logits)), tokens[1:]]
        return float(np.exp((np.log(np.exp(logits - top[:, None]).sum(1)) + top - of_next).mean()))

    assert perplexity(exact) == pytest.approx(perplexity(rough), rel=1e-3)


def test_an_adapter_of_a_few_conversations_makes_them_likelier_and_its_answers_are_verified(model):
    said = [
        [{"role": "user", "content": f"What is {what}?"}, {"role": "assistant", "content": f"Ahoy! {what} it is."}]
        for what in ("tea", "rain", "bread")
    ]
    owner = AdapterModel(model.network.output_weights(), *(examples_of(model, part) for part in (said[:2], said[2:])))
    begun = owner.parameters()
    trained, tokens, _ = owner.fit(begun, {"epochs": 12, "learning_rate": 0.005})
    assert tokens == len(owner._train)
    before, after = (owner.evaluate(parameters, {})[0] for parameters in (begun, trained))
    assert after < 0.7 * before
    integers = np.rint(np.concatenate([array.ravel() for array in trained]).astype(float) * 2.0**32).astype(np.int64)
    adapted = model.with_adapter(Adapter.from_parameters(integers, width=576, digest="ab" * 32))
    reply = adapted.chat(said[0][:1], seed=SEED, max_tokens=4)
    assert "".join(reply).startswith("Ahoy!")
    assert adapted.verify(reply.transcript)
    with pytest.raises(InputError, match="another adapter"):
        model.verify(reply.transcript)


PROGRAM = """
import hashlib, json, re, sys
from pathlib import Path
import numpy as np
from twopm_zk.conversation.model import ConversationModel
model = ConversationModel.load(threads=int(sys.argv[1]))
tokens = np.arange(96) * 401 % 49152
cache = model.network.new_cache()
found = [model.network.logits(model.network.advance(tokens[:94], cache))]
found += [model.network.logits(model.network.advance(tokens[i : i + 1], cache)) for i in (94, 95)]
digest = hashlib.sha256(b"".join(sums.tobytes() + bits.tobytes() for sums, bits in found)).hexdigest()
(most,) = re.findall(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps([digest, int(most) / 1024]))
"""


def test_threads_and_kernels_of_blas_change_no_bit_and_memory_is_bounded(model):
    found = []
    for threads, blas, kernel in ((1, 1, {}), (2, 2, {"OPENBLAS_CORETYPE": "Haswell"})):
        environment = os.environ | {"OPENBLAS_NUM_THREADS": str(blas)} | kernel
        command = [sys.executable, "-c", PROGRAM, str(threads)]
        finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(finished.stdout))
    assert found[0][0] == found[1][0]
    assert max(memory for _, memory in found) < 600
