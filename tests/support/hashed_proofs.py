"""Proofs that are hashes of their public inputs, in a process of the command line whose test is not about proofs.

Everything else is real: circuits, keys, and each witness, which is checked against every constraint, so that what a
circuit refuses is refused here too. Contracts are deployed with the doubles that take these proofs.
"""

import os

from support.people_world import double_verifier, fake_proof

from twopm_zk.auditor.keys import DerivedKeys
from twopm_zk.chain.deployment import GeneratedVerifier
from twopm_zk.circuit.instances import find_instance
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.numbers.bn254 import INFINITY
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.proving import prover

WANTED = "TESTS_HASHED_PROOFS"
"""Set in the environment of a process that is to have them, to the templates whose proofs are hashes."""
ALL = {WANTED: "Step Information Evaluate Aggregate Certify Predict"}
ROWS = {WANTED: "Step Information Evaluate"}
"""Variables of an environment: hashes for all, or for what is proven about rows."""


def install(variables=os.environ, put=setattr):
    """Put them where this process makes proofs, deploys verifiers, and audits."""
    templates = variables.get(WANTED, "").split()
    prove, verify, from_keys, holds = prover.prove, prover.verify, GeneratedVerifier.from_keys, DerivedKeys.verify

    def hashed(name):
        return find_instance(name).template in templates

    def prove_or_hash(keys, inputs, **options):
        if not hashed(keys.circuit.name):
            return prove(keys, inputs, **options)
        public = calculate_witness(keys.circuit, inputs).public
        return ProofResult(fake_proof(keys.circuit.name, public), public, keys.verification_key)

    def verify_own(key, public, proof, **options):
        return proof.B == INFINITY or verify(key, public, proof, **options)

    def verifier_of(instance, keys):
        return double_verifier(instance.name) if hashed(instance.name) else from_keys(instance, keys)

    def audited(keys, instance, public, proof):
        if not hashed(instance):
            return holds(keys, instance, public, proof)
        return proof[0] == fake_proof(instance, public).A.x

    if templates:
        put(prover, "prove", prove_or_hash)
        put(prover, "verify", verify_own)
        put(GeneratedVerifier, "from_keys", staticmethod(verifier_of))
        put(DerivedKeys, "verify", audited)
