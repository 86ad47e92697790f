"""The Ethereum Attestation Service on the tests' node: its own contracts, and what an issuer does with them."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from twopm_zk.chain import compile_contract
from twopm_zk.chain.attestations import DATA_SCHEMA, DataClaim
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.development import attestations
from twopm_zk.participants.rounds.attested import open_dataset
from twopm_zk.task.parts.data import ATTESTATION, commitments_hash

ZERO = "0x" + "00" * 20


def deploy_eas(chain):
    published = attestations.published()
    registry = chain.deploy(published["SchemaRegistry"])
    return chain.deploy(published["EAS"], registry.address)


class Eas:
    """EAS as people use it; ``address`` is what contracts are deployed with."""

    def __init__(self, chain, address):
        self.chain, self.address = chain, address
        self.contract = Contract(chain, compile_contract("IEAS"), address)
        registry = compile_contract("ISchemaRegistry")
        self.schemas = Contract(chain, registry, self.contract.call("getSchemaRegistry"))
        chain.registry.add(attestations.published()["EAS"].abi)

    def register(self, text=ATTESTATION, *, resolver=ZERO, revocable=True):
        """The UID of a schema that is registered now."""
        self.schemas.transact("register", text, resolver, revocable)
        return keccak(text.encode() + bytes.fromhex(resolver[2:]) + bytes([revocable]))

    def attest(self, attester, schema, recipient, data, **changes):
        """``attester`` is a private key. The UID of the attestation."""
        return bytes.fromhex(self.attested(attester, schema, recipient, data, **changes).event("Attested")["uid"][2:])

    def attested(self, attester, schema, recipient, data, *, expires=0, revocable=True, ref=bytes(32), value=0):
        """The same; its receipt."""
        names = ("recipient", "expirationTime", "revocable", "refUID", "data", "value")
        values = (recipient, expires, revocable, ref, data, value)
        request = {"schema": schema, "data": dict(zip(names, values, strict=True))}
        return self.contract.signing_as(attester).transact("attest", request, value=value)

    def revoke(self, attester, schema, uid):
        self.contract.signing_as(attester).transact("revoke", {"schema": schema, "data": {"uid": uid, "value": 0}})


def data_of(dataset, commitments):
    """What an attestation to these commitments of a data set says."""
    return encode(["bytes32", "bytes32", "uint32"], [dataset, commitments_hash(commitments), len(commitments)])


def attest_batches(view, terms, owner, commitments, *, expires=0):
    """As an issuer: attest to these batches of an owner and bind that; the attestation."""
    open_dataset(view, terms)
    view.attestations.register(DATA_SCHEMA)
    claim = DataClaim.of(terms.id, commitments)
    uid, _ = view.attestations.attest(DATA_SCHEMA, owner, claim.encoded, expires=expires)
    view.data_hub.bind(terms.id, owner, uid, commitments)
    return view.attestations.get(uid)
