"""GGUF files: read whole, or refused."""

import struct

import numpy as np
import pytest
from support import language_models

from twopm_zk.conversation.gguf_file import open_gguf
from twopm_zk.conversation.weights import BLOCK, read_blocks, read_matrix
from twopm_zk.errors import FileFormatError, InputError


@pytest.fixture
def content():
    return language_models.gguf(*language_models.parts())


def opened(tmp_path, content):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    return open_gguf(path)


def test_metadata_and_tensors_are_those_that_were_written(tmp_path, content):
    metadata, tensors = language_models.parts()
    file = opened(tmp_path, content)
    assert file.metadata == metadata
    assert set(file.tensors) == set(tensors)
    for name, (kind, dimensions, written) in tensors.items():
        tensor = file.tensor(name)
        assert (tensor.type, tensor.columns) == (kind, dimensions[0])
        assert file.rows(name).tobytes() == written


def test_the_reader_of_the_format_s_own_package_finds_the_same(tmp_path, content):
    gguf = pytest.importorskip("gguf", reason="the package gguf, which is compared with, is not installed")
    file = opened(tmp_path, content)
    theirs = gguf.GGUFReader(file.path)
    assert [tensor.name for tensor in theirs.tensors] == list(file.tensors)
    for tensor in theirs.tensors:
        ours = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float64)
        if "norm" in tensor.name:
            assert (file.rows(tensor.name)[0].view("<f4") == ours).all()
            continue
        codes, factors, offsets = read_blocks(file, tensor.name)
        whole = factors.repeat(BLOCK, 1) * codes + offsets.repeat(BLOCK, 1)
        assert np.abs(whole / 2**24 - ours).max() < 1e-6  # theirs are rounded to float32


def test_a_file_that_the_format_s_own_package_writes_is_read(tmp_path):
    gguf = pytest.importorskip("gguf", reason="the package gguf, which writes the file, is not installed")
    path = tmp_path / "theirs.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(7)
    writer.add_token_list(["a", "ü"])
    numbers = np.linspace(-1, 1, 128, dtype=np.float32).reshape(2, 64)
    q8 = gguf.quants.quantize(numbers, gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("rows", q8, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = open_gguf(path)
    assert (file.natural("llama.block_count"), file.texts("tokenizer.ggml.tokens")) == (7, ["a", "ü"])
    codes, factors, _ = read_blocks(file, "rows")
    assert np.abs(factors.repeat(BLOCK, 1) * codes / 2**24 - numbers).max() < 1 / 127


@pytest.mark.parametrize("part", [0, 3, 4, 23, 24, 200, 5000, -1])
def test_a_truncated_file_is_refused(tmp_path, content, part):
    with pytest.raises(FileFormatError, match=r"truncated|not a GGUF"):
        opened(tmp_path, content[:part])


@pytest.mark.parametrize(
    ("place", "bytes_", "said"),
    [
        (0, b"GGML", "is not a GGUF file"),
        (4, struct.pack("<I", 2), "has version 2, not 3"),
        (8, struct.pack("<Q", 1 << 40), "claims 1099511627776 of something"),
        (16, struct.pack("<Q", 1 << 63), "claims"),
        (24, struct.pack("<Q", 1 << 63), "claims"),
        (32, b"\xff", "not UTF-8"),
    ],
)
def test_a_damaged_head_is_refused_in_words(tmp_path, content, place, bytes_, said):
    with pytest.raises(FileFormatError, match=said):
        opened(tmp_path, content[:place] + bytes_ + content[place + len(bytes_) :])


def changed(tmp_path, name, entry):
    metadata, tensors = language_models.parts()
    return opened(tmp_path, language_models.gguf(metadata, tensors | {name: entry}))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ((2, (64, 64), bytes(2304)), "of type 2, which is not read here"),
        ((3, (48, 2), bytes(60)), "impossible shape"),
        ((3, (1 << 62, 4), bytes(60)), "impossible shape"),
        ((0, (0, 4), b""), "impossible shape"),
    ],
)
def test_a_tensor_that_cannot_be_read_is_refused(tmp_path, entry, said):
    with pytest.raises(FileFormatError, match=said):
        changed(tmp_path, "extra", entry)


def test_factors_that_are_no_numbers_are_refused(tmp_path):
    block = struct.pack("<ee", float("inf"), 0) + bytes(16)
    file = changed(tmp_path, "extra", (3, (32, 1), block))
    with pytest.raises(FileFormatError, match="no numbers"):
        read_matrix(file, ["extra"])


def test_weights_whose_products_might_not_be_exact_are_refused(tmp_path):
    large, small = (struct.pack("<ee", size, 0) + bytes([255] * 16) for size in (60000.0, 2.0**-24))
    assert read_matrix(changed(tmp_path, "extra", (3, (32, 1), large)), ["extra"]).rows == 1
    with pytest.raises(FileFormatError, match="too large, or too fine, for products that are exact"):
        read_matrix(changed(tmp_path, "extra", (3, (64, 1), large + small)), ["extra"])


def test_a_file_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.gguf"):
        open_gguf(tmp_path / "nothing.gguf")
