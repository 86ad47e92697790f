"""The typed binding of EAS: what an attestation says, when it holds, and that nothing else is taken for one."""

import json
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_abi.packed import encode_packed
from eth_utils.crypto import keccak

from twopm_zk.chain.attestations import (
    DATA_SCHEMA,
    MOST_BATCHES,
    Attestation,
    DataClaim,
    Schema,
    Standing,
)
from twopm_zk.chain.deployment import EAS_ADDRESSES
from twopm_zk.errors import InputError
from twopm_zk.system import paths

DATASET = keccak(b"data set")


def attestation(**changes):
    fields = {"uid": b"u" * 32, "schema": DATA_SCHEMA.uid, "time": 5, "expires": 0, "revoked": 0}
    return Attestation(**fields | {"recipient": "0x1", "attester": "0x2", "data": b""} | changes)


@pytest.mark.parametrize("network", ["scroll", "scroll-sepolia"])
def test_the_addresses_are_those_that_npm_publishes(network):
    package = Path(paths.npm_package("@ethereum-attestation-service/eas-contracts")) / "deployments" / network
    published = {
        name: json.loads((package / f"{name}.json").read_text())["address"] for name in ("EAS", "SchemaRegistry")
    }
    assert EAS_ADDRESSES[int((package / ".chainId").read_text())] == published["EAS"]
    guide = (paths.source_root() / "docs" / "issuer.md").read_text()
    assert all(f"`{address}`" in guide for address in published.values())


def test_a_schema_is_numbered_as_the_registry_does():
    schema = Schema("uint8 a", "0x" + "12" * 20, revocable=False)
    assert schema.uid == keccak(encode_packed(["string", "address", "bool"], [schema.text, schema.resolver, False]))
    assert len({Schema("uint8 a").uid, Schema("uint8 b").uid, schema.uid}) == 3


def test_a_claim_is_of_the_commitments_in_their_order():
    claim = DataClaim.of(DATASET, [3, 5])
    assert claim == DataClaim(DATASET, keccak(encode_packed(["uint256[]"], [[3, 5]])), 2)
    assert claim.encoded == encode(["bytes32", "bytes32", "uint32"], [DATASET, claim.commitments_hash, 2])
    assert DataClaim.of(DATASET, [5, 3]) != claim
    assert DataClaim.parse(claim.encoded) == claim


@pytest.mark.parametrize("count", [0, MOST_BATCHES + 1])
def test_a_claim_about_none_or_too_many_is_refused(count):
    with pytest.raises(InputError, match=f"1 to 100 batches, not {count}"):
        DataClaim.of(DATASET, range(1, count + 1))


@pytest.mark.parametrize(
    "change", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: d[:64] + b"\1" + d[65:], lambda d: b""]
)
def test_data_of_another_form_are_no_claim(change):
    assert DataClaim.parse(change(DataClaim.of(DATASET, [3]).encoded)) is None


@pytest.mark.parametrize(
    ("expires", "revoked", "now", "standing"),
    [
        (0, 0, 10**12, Standing.VALID),
        (100, 0, 99, Standing.VALID),
        (100, 0, 100, Standing.EXPIRED),
        (100, 50, 99, Standing.REVOKED),
        (100, 50, 101, Standing.REVOKED),
    ],
)
def test_an_attestation_holds_until_it_ends(expires, revoked, now, standing):
    assert attestation(expires=expires, revoked=revoked).standing(now) is standing


def test_nothing_of_an_attestations_data_is_in_its_repr():
    assert "secret" not in repr(attestation(data=b"secret"))
