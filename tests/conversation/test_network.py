"""A made-up model of the real format: its numbers are those of plain integers, however they are computed."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support import language_models
from support.plain_language_model import PlainModel

from twopm_zk.conversation import model as model_module
from twopm_zk.conversation import network as network_module
from twopm_zk.conversation.gguf_file import open_gguf
from twopm_zk.conversation.network import Network, read_shape
from twopm_zk.errors import FileFormatError

TOKENS = [5, 17, 200, 5, 33, 280, 1, 0, 287, 64, 64]


def built(path, *, threads=1, seed=0, **options):
    language_models.write(path, seed, **options)
    file = open_gguf(path)
    shape = read_shape(file)
    return Network(file, shape, context=language_models.CONTEXT, threads=threads)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return built(tmp_path_factory.mktemp("model") / "model.gguf")


def logits(network, tokens, *, at_once=True):
    cache = network.new_cache()
    pieces = [tokens] if at_once else [[token] for token in tokens]
    found = [network.logits(network.advance(np.array(piece), cache)) for piece in pieces]
    return np.concatenate([sums * 2.0 ** -bits[:, None].astype(float) for sums, bits in found])


@pytest.mark.slow
@pytest.mark.parametrize("size", [0.01, 0.3, 20.0])
def test_logits_are_those_of_plain_integers(tmp_path, size):
    network = built(tmp_path / "model.gguf", size=size, seed=int(size * 100))
    plain, frac_bits = PlainModel(open_gguf(tmp_path / "model.gguf"), network.shape).logits(TOKENS[:6])
    exact = [value * 2.0**-frac_bits for value in plain]
    assert logits(network, TOKENS[:6])[-1].tolist() == exact
    assert logits(network, TOKENS[:6], at_once=False)[-1].tolist() == exact


def test_values_beyond_a_format_are_saturated_as_in_plain_integers(tmp_path, monkeypatch):
    reached = set()
    real = network_module.arithmetic.to_format

    def watched(sums, exponents, *, frac_bits, bits):
        found = real(sums, exponents, frac_bits=frac_bits, bits=bits)
        reached.update({bits} if np.abs(found).max() == 2.0**bits else ())
        return found

    monkeypatch.setattr(network_module.arithmetic, "to_format", watched)
    network = built(tmp_path / "model.gguf", size=900.0)
    plain, frac_bits = PlainModel(open_gguf(tmp_path / "model.gguf"), network.shape).logits(TOKENS[:4])
    assert logits(network, TOKENS[:4])[-1].tolist() == [value * 2.0**-frac_bits for value in plain]
    assert reached == {network_module.HEAD_BITS, network_module.GATE_BITS, network_module.RESIDUAL_BITS}


def test_one_token_at_a_time_gives_what_all_at_once_give(network, monkeypatch):
    at_once = logits(network, TOKENS)
    assert (logits(network, TOKENS, at_once=False) == at_once).all()
    monkeypatch.setattr(network_module, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(network_module, "_BLOCK", 2)
    monkeypatch.setattr(network_module, "_QUERIES", 2)
    assert (logits(network, TOKENS) == at_once).all()


def test_several_threads_may_ask_at_once(network):
    prompts = [[number, *TOKENS[number:]] for number in range(8)]
    alone = [logits(network, prompt) for prompt in prompts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda prompt: logits(network, prompt), prompts * 4))
    assert all((found == expected).all() for found, expected in zip(together, alone * 4, strict=True))


def test_a_later_token_changes_nothing_before_it(network):
    other = logits(network, [*TOKENS[:-1], 99])
    assert (other[:-1] == logits(network, TOKENS)[:-1]).all()
    assert (other[-1] != logits(network, TOKENS)[-1]).any()


def test_logits_are_near_those_of_float32(tmp_path):
    from support.float_model import FloatModel

    network = built(tmp_path / "model.gguf")
    reference = FloatModel(open_gguf(tmp_path / "model.gguf"), network.shape, language_models.CONTEXT)
    exact, rough = logits(network, TOKENS), reference.logits(reference.advance(np.array(TOKENS)))
    assert np.abs(exact - rough).max() < 1e-4 * np.abs(exact).max()


PROGRAM = """
import hashlib, sys
import numpy as np
from pathlib import Path
from twopm_zk.conversation.gguf_file import open_gguf
from twopm_zk.conversation.network import Network, read_shape
file = open_gguf(Path(sys.argv[1]))
network = Network(file, read_shape(file), context=64, threads=int(sys.argv[2]))
tokens = np.arange(64) * 7 % 288
cache = network.new_cache()
hidden = network.advance(tokens[:50], cache)
total = [network.logits(hidden)] + [network.logits(network.advance(tokens[i : i + 1], cache)) for i in range(50, 64)]
print(hashlib.sha256(b"".join(sums.tobytes() + bits.tobytes() for sums, bits in total)).hexdigest())
"""


def in_process(path, threads, **environment):
    command = [sys.executable, "-c", PROGRAM, str(path), str(threads)]
    finished = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


@pytest.mark.slow
def test_threads_and_kernels_of_blas_change_no_bit(tmp_path):
    path = tmp_path / "model.gguf"
    language_models.write(path)
    found = {
        in_process(path, threads, OPENBLAS_NUM_THREADS=str(blas), **kernel)
        for threads, blas, kernel in (
            (1, 1, {}),
            (3, 2, {}),
            (1, 2, {"OPENBLAS_CORETYPE": "Haswell"}),
            (2, 1, {"OPENBLAS_CORETYPE": "Sandybridge"}),
            (1, 1, {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512_SKX AVX2"}),
        )
    }
    assert len(found) == 1


def test_two_models_have_different_logits(tmp_path, network):
    other = built(tmp_path / "model.gguf", seed=1)
    assert (logits(other, TOKENS) != logits(network, TOKENS)).any()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("general.architecture", "gpt2", "architecture gpt2 is not computed here"),
        ("llama.attention.head_count", 8, "sizes that are not computed here"),  # heads of 8 have no whole root
        ("llama.attention.head_count", 0, "sizes that are not computed here"),
        ("llama.attention.head_count_kv", 3, "sizes that are not computed here"),
        ("llama.block_count", 3, "has no tensor blk.2"),
        ("llama.rope.freq_base", 10000.5, "sizes that are not computed here"),
        ("llama.feed_forward_length", 64, "not of the sizes"),
        ("llama.attention.layer_norm_rms_epsilon", 0.0, "sizes that are not computed here"),
        ("llama.context_length", True, "has no natural number"),
    ],
)
def test_an_architecture_that_is_not_computed_exactly_is_refused(tmp_path, key, value, said):
    metadata, tensors = language_models.parts()
    path = tmp_path / "model.gguf"
    path.write_bytes(language_models.gguf(metadata | {key: value}, tensors))
    with pytest.raises(FileFormatError, match=said):
        Network(open_gguf(path), read_shape(open_gguf(path)), context=64)


def test_the_digest_of_rotary_tables_is_that_of_their_size(network, tmp_path):
    other = Network(open_gguf(_written(tmp_path)), network.shape, context=32)
    assert other.rotary_digest != network.rotary_digest


def _written(folder: Path) -> Path:
    language_models.write(folder / "model.gguf")
    return folder / "model.gguf"


def test_a_change_of_arithmetic_is_a_new_version(tmp_path):
    """Whoever changes a number here gives `model._VERSION` another one: two machines of one version agree."""
    made_up = "340d854a2aef6a1ffa10ac004a09d431866ce5a52450161ac32f9f5694164653"
    assert language_models.write(tmp_path / "model.gguf") == made_up, "numpy draws other numbers than it did"
    sums = logits(built(tmp_path / "model.gguf"), TOKENS)
    assert model_module._VERSION == b"twopm-zk conversation model 1"
    assert (
        hashlib.sha256((sums + 0.0).astype("<f8").tobytes()).hexdigest()
        == "6a421b10df18951c8cd50606f0e8ba1358de6ff79479b3ac65a5ffd505e00ad2"
    )
