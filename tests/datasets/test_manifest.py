"""A manifest: one spelling, of one version, and nothing in it that names a file."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.data_sets import KEY, MEMBER, OWNER, VERSION, manifest_of

from twopm_zk.datasets.chunks import CHUNK, TAG
from twopm_zk.datasets.keys import DataKey
from twopm_zk.datasets.manifest import MAX_MANIFEST, Manifest
from twopm_zk.datasets.package import MAX_PACKAGE
from twopm_zk.errors import PeerError
from twopm_zk.participants import wire

MANIFEST = manifest_of(size=CHUNK + 9, chunks=(b"\1" * 32, b"\2" * 32))


def refuse(content, match, version=VERSION):
    with pytest.raises(PeerError, match=match) as raised:
        Manifest.parse(content, version)
    assert raised.value.kind == "other-content"


def changed(**changes):
    document = json.loads(MANIFEST.encode()) | changes
    return wire.encode({name: value for name, value in document.items() if value is not None})


def test_what_is_encoded_is_parsed():
    assert Manifest.parse(MANIFEST.encode(), VERSION) == MANIFEST
    assert MANIFEST.stored_sizes == [CHUNK + TAG, 9 + TAG]


def test_the_manifest_of_another_version_owner_or_data_set_is_refused():
    for other in (
        replace(VERSION, number=2),
        replace(VERSION, owner=MEMBER.address),
        replace(VERSION, dataset=bytes(32)),
        replace(VERSION, contract=OWNER.address),
        replace(VERSION, chain_id=1),
    ):
        refuse(MANIFEST.encode(), "of another data set or version", other)


TRICKS = {
    "a name": {"name": "../../etc/passwd"},
    "an absolute path for a chunk": {"chunks": "/etc/passwd"},
    "a way upwards for a chunk": {"chunks": "../" * 43},
    "a chunk too few": {"chunks": "01" * 32},
    "a chunk too many": {"chunks": "01" * 96},
    "chunks in capitals": {"chunks": "AB" * 64},
    "a list of chunks": {"chunks": ["01" * 32, "02" * 32]},
    "no size": {"size": 0},
    "a size beyond the largest": {"size": MAX_PACKAGE + 1},
    "a size as a text": {"size": "5"},
    "a size that is true": {"size": True},
    "version 0": {"version": 0},
    "another cipher": {"cipher": "none"},
    "a compression": {"compression": "gzip"},
    "another format": {"format": "twopm-zk data manifest 2"},
    "a missing key": {"owner_key": None},
    "a short key for the owner": {"owner_key": "00" * 79},
    "a short check": {"key_check": "00" * 31},
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_manifest_of_somebody_elses_making_is_refused(trick):
    refuse(changed(**TRICKS[trick]), "the manifest of version 1 is none")


def test_a_manifest_has_one_spelling():
    document = json.loads(MANIFEST.encode())
    for other in (
        json.dumps(document, sort_keys=True).encode(),
        json.dumps(dict(reversed(document.items())), separators=(",", ":")).encode(),
        MANIFEST.encode() + b"\n",
    ):
        refuse(other, "not spelt canonically")


def test_an_oversized_manifest_is_refused_and_the_largest_fits():
    refuse(b" " * (MAX_MANIFEST + 1), "limit is")
    count = -(-MAX_PACKAGE // CHUNK)
    largest = manifest_of(size=MAX_PACKAGE, chunks=(b"\1" * 32,) * count)
    assert Manifest.parse(largest.encode(), VERSION) == largest


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_one_error(content):
    with pytest.raises(PeerError):
        Manifest.parse(content, VERSION)


def test_a_manifest_knows_its_key_from_any_other():
    """Also one under which the chunks would decrypt to something else: ChaCha20-Poly1305 commits to no key."""
    MANIFEST.require_key(KEY)
    for other in (DataKey(VERSION, bytes(32)), DataKey(replace(VERSION, number=2), KEY.secret)):
        with pytest.raises(PeerError, match="is not that of version 1") as raised:
            MANIFEST.require_key(other)
        assert raised.value.kind == "other-key"


def test_the_key_is_nowhere_in_a_manifest():
    assert KEY.secret.hex() not in MANIFEST.encode().decode()
    assert KEY.secret.hex() not in repr(MANIFEST)
