"""Chunks of authenticated encryption: whole and in order, or not at all."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.data_sets import KEY, VERSION, replace

from twopm_zk.datasets.chunks import CHUNK, TAG, chunk_sizes, opened_chunks, sealed_chunks
from twopm_zk.datasets.keys import DataKey
from twopm_zk.errors import PeerError

CONTENT = bytes(range(256)) * (CHUNK // 256) * 2 + b"the last chunk"


def sealed(content, key=KEY):
    return list(sealed_chunks(io.BytesIO(content), len(content), key))


def opened(chunks, count=None, key=KEY):
    return b"".join(opened_chunks(chunks, len(chunks) if count is None else count, key))


def refuse(chunks, count=None, key=KEY):
    with pytest.raises(PeerError) as raised:
        opened(chunks, count, key)
    assert raised.value.kind == "other-content"


AROUND = st.builds(lambda chunks, more: chunks * CHUNK + more, st.integers(0, 2), st.integers(-2, 2))


@settings(max_examples=30)
@given(AROUND.filter(lambda size: size > 0) | st.integers(1, 300), st.binary(min_size=1, max_size=8))
def test_what_is_sealed_is_opened_whatever_its_size(size, pattern):
    content = (pattern * (size // len(pattern) + 1))[:size]
    chunks = sealed(content)
    assert [len(chunk) for chunk in chunks] == [length + TAG for length in chunk_sizes(size)]
    assert opened(chunks) == content


def test_sizes_around_the_boundary():
    assert chunk_sizes(1) == [1]
    assert chunk_sizes(CHUNK) == [CHUNK]
    assert chunk_sizes(CHUNK + 1) == [CHUNK, 1]
    assert chunk_sizes(2 * CHUNK) == [CHUNK, CHUNK]


def test_no_chunk_shows_what_is_in_it():
    chunks = sealed(CONTENT)
    for chunk in chunks:
        assert bytes(range(64)) not in chunk
        assert b"the last chunk" not in chunk
    assert chunks[0] != chunks[1]  # of the same plain bytes


def test_chunks_that_are_left_out_moved_added_or_changed_are_refused():
    chunks = sealed(CONTENT)
    assert len(chunks) == 3
    first, second, last = chunks
    for wrong in (
        [first, second],  # truncated: a chunk that is not the last one ends it
        [first],
        [],
        [second, first, last],
        [first, first, last],
        [first, last],
        [*chunks, last],
        [*chunks, second],
        [last],
        [first, second, last[:-1] + bytes([last[-1] ^ 1])],
        [bytes([first[0] ^ 1]) + first[1:], second, last],
        [first, second, last[:-1]],
        [first, second, b""],
    ):
        refuse(wrong)
        refuse(wrong, 3)
    for count in (2, 4):
        refuse(chunks, count)


def test_a_chunk_count_that_another_manifest_claims_does_not_make_a_shorter_content():
    """The first of two chunks is not the only one of one, although nothing of it was changed."""
    first = sealed(CONTENT[: CHUNK + 5])[0]
    refuse([first], 1)


def test_chunks_of_another_version_owner_or_data_set_are_refused():
    """An older version's chunk in the place of the newer one's: the key is another, and even the same secret is."""
    chunks = sealed(CONTENT)
    for other in (
        replace(VERSION, number=2),
        replace(VERSION, dataset=bytes(32)),
        replace(VERSION, owner=VERSION.contract),
        replace(VERSION, contract=VERSION.owner),
        replace(VERSION, chain_id=1),
    ):
        refuse(chunks, key=DataKey(other, KEY.secret))
    refuse(chunks, key=DataKey(VERSION, b"\0" * 32))


def test_a_source_that_ends_early_is_not_sealed():
    with pytest.raises(ValueError, match="ends before"):
        list(sealed_chunks(io.BytesIO(b"abc"), 4, KEY))
