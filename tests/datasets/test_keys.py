"""Keys of stored data sets: wrapped for one member, one data set and one version, and nobody else's."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from support.data_sets import CONTRACT, KEY, MEMBER, MEMBERS_KEY, OWNER, STRANGER, VERSION

from twopm_zk.datasets.keys import WRAPPED_BYTES, DataKey, Version, begin_key, own_key, recovery_key, unwrap
from twopm_zk.errors import InputError, PeerError, StoreError
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.records import known_secret_key, secret_key
from twopm_zk.prediction.store import OperatorStore

PUBLIC = MEMBERS_KEY.public_key().public_bytes_raw()
OTHERS = {
    "another version": replace(VERSION, number=2),
    "another data set": replace(VERSION, dataset=bytes(32)),
    "another owner": replace(VERSION, owner=STRANGER.address),
    "another contract": replace(VERSION, contract=OWNER.address),
    "another chain": replace(VERSION, chain_id=1),
}


@pytest.fixture
def store(tmp_path):
    with NodeStore(tmp_path / "node.db") as opened:
        yield opened


def refuse(wrapped, version=VERSION, member=MEMBER.address, key=MEMBERS_KEY):
    with pytest.raises(PeerError, match=f"version {version.number} was not wrapped for this key") as raised:
        unwrap(wrapped, version, member, key)
    assert raised.value.kind == "other-key"


def test_a_key_is_unwrapped_by_whom_it_was_wrapped_for_and_by_nobody_else():
    wrapped = KEY.wrap(MEMBER.address, PUBLIC)
    assert len(wrapped) == WRAPPED_BYTES
    assert unwrap(wrapped, VERSION, MEMBER.address, MEMBERS_KEY) == KEY
    assert KEY.secret not in wrapped
    refuse(wrapped, key=X25519PrivateKey.generate())
    refuse(wrapped, member=STRANGER.address)
    assert KEY.wrap(MEMBER.address, PUBLIC) != wrapped


@pytest.mark.parametrize("other", OTHERS)
def test_a_wrapped_key_cannot_be_used_for(other):
    refuse(KEY.wrap(MEMBER.address, PUBLIC), OTHERS[other])


def test_a_damaged_wrapping_opens_nothing():
    wrapped = KEY.wrap(MEMBER.address, PUBLIC)
    for wrong in (b"", wrapped[:31], wrapped[:-1], wrapped + b"\0", bytes(80), wrapped[:40] + b"\0" + wrapped[41:]):
        refuse(wrong)
    long = DataKey(VERSION, b"\1" * 40).wrap(MEMBER.address, PUBLIC)
    refuse(long)


@pytest.mark.parametrize("public", [b"", b"\5" * 16, b"\5" * 33, bytes(32), b"\1" + bytes(31)])
def test_nothing_is_wrapped_for_what_is_no_key(public):
    with pytest.raises(InputError, match=r"no X25519 key of 32 bytes|low order") as raised:
        KEY.wrap(MEMBER.address, public)
    assert raised.value.kind == "member-without-key"


def test_every_use_and_every_version_has_a_key_of_its_own():
    derived = {KEY.derived(what) for what in (b"one", b"two")}
    derived |= {DataKey(other, KEY.secret).derived(b"one") for other in OTHERS.values()}
    assert len(derived) == 2 + len(OTHERS)
    assert KEY.secret not in derived
    assert {len(one) for one in derived} == {32}
    assert len({version.encoded for version in (VERSION, *OTHERS.values())}) == 1 + len(OTHERS)


def test_the_owners_own_key_follows_from_its_account_and_the_deployment_alone():
    """From nothing that is on the machine, and the same for all of its data sets."""
    known = recovery_key(OWNER, VERSION).private_bytes_raw()
    assert recovery_key(OWNER, replace(VERSION, number=7, dataset=bytes(32))).private_bytes_raw() == known
    for account, version in (
        (STRANGER, VERSION),
        (OWNER, replace(VERSION, chain_id=1)),
        (OWNER, replace(VERSION, contract=OWNER.address)),
    ):
        assert recovery_key(account, version).private_bytes_raw() != known
    assert known != bytes(OWNER.key)


def test_the_owners_own_key_stays_what_it_is():
    """By an X25519 implementation of any later version: what was stored years before is opened by it."""
    version = Version(534352, CONTRACT, OWNER.address, b"\7" * 32, 3)
    public = recovery_key(OWNER, version).public_key().public_bytes_raw()
    assert public.hex() == "44a8491301f9d28a69496390c586931482c2b1777741c229d6f14ee4b58b7c17"
    assert (
        DataKey(version, b"\1" * 32).derived(b"x").hex()
        == "2092364a2fe0451a87e0c2f7ca1db61049b2c8149001c2ec255cedf02fb0721f"
    )


def test_a_put_that_was_interrupted_goes_on_with_its_key_and_other_content_gets_another(store):
    first = begin_key(store, OWNER, VERSION, b"\1" * 32)
    assert begin_key(store, OWNER, VERSION, b"\1" * 32) == first == own_key(store, VERSION)
    other = begin_key(store, OWNER, VERSION, b"\2" * 32)
    assert other.key.secret != first.key.secret
    assert own_key(store, VERSION) == other
    assert begin_key(store, OWNER, VERSION, b"\1" * 32).key.secret not in (first.key.secret, other.key.secret)
    later = begin_key(store, OWNER, replace(VERSION, number=2), b"\1" * 32)
    assert later.key.secret != own_key(store, VERSION).key.secret
    assert own_key(store, replace(VERSION, number=3)) is None


def test_a_key_is_wrapped_for_its_owner_before_it_encrypts_anything(store):
    own = begin_key(store, OWNER, VERSION, b"\1" * 32)
    assert unwrap(own.wrapped, VERSION, OWNER.address, recovery_key(OWNER, VERSION)) == own.key


def test_a_members_key_is_found_in_the_state_of_any_role(store, tmp_path):
    assert known_secret_key_of(store) == secret_key(store).private_bytes_raw()
    with OperatorStore(tmp_path / "operator.db") as operator:
        assert known_secret_key_of(operator) == secret_key(operator).private_bytes_raw()
    with NodeStore(tmp_path / "other.db") as empty, pytest.raises(StoreError, match="no key for messages"):
        known_secret_key(empty.path)
    with pytest.raises(StoreError, match="no state file"):
        known_secret_key(tmp_path / "none.db")


def known_secret_key_of(store):
    secret_key(store)
    return known_secret_key(store.path).private_bytes_raw()


def test_no_repr_shows_a_key(store):
    own = begin_key(store, OWNER, VERSION, b"\1" * 32)
    text = repr(own) + repr(own.key) + repr(KEY)
    for secret in (own.key.secret, KEY.secret, own.wrapped):
        assert secret.hex() not in text
        assert repr(secret)[2:-1] not in text
