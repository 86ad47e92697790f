"""A network with members, data and stakes, and proofs that are hashes, for the tests of rounds."""

from types import SimpleNamespace

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from support.sharing import Key, generators, generators_hash

from twopm_zk.chain import compile_contract
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.deployer import deploy_all
from twopm_zk.chain.deployment import Terms
from twopm_zk.task.parts.data import DataTerms

ETH = 10**18
GRADES = DataTerms.of("grades", None)
GRADES_OF_NEXT_YEAR = DataTerms.of("grades", None, held_out=True)
DATASET, HELD_OUT = GRADES.id, GRADES_OF_NEXT_YEAR.id
SPEC = b"specification".ljust(32, b"\0")
ZERO = "0x" + "00" * 20
MATRIX = 424242
STEP, INFORMATION, AGGREGATE, CERTIFY, PREDICT, EVALUATE = range(1, 7)
LOGISTIC, GAUSSIAN = 0, 1
GRADIENT = generators(4, "gradient")
MATRICES = generators(5, "information")
EVALUATIONS = {LOGISTIC: generators(8, "evaluation"), GAUSSIAN: generators(3, "gaussian evaluation")}


def fake_proof(name, *inputs):
    """A proof that VerifierDouble(name) takes for these inputs and no others."""
    digest = keccak(encode(["bytes32", "uint256[3]"], [name.encode().ljust(32, b"\0"), list(inputs)]))
    return [int.from_bytes(digest, "big")] + [0] * 23


class World:
    """Everything deployed; ``people`` are members with stake and eight batches of data each."""

    def __init__(self, chain, node, keys, delays=None):
        self.node = node
        self.chain = chain
        self.token = self.chain.deploy(compile_contract("HostileToken"))
        terms = Terms(fee_token=self.token.address)
        self.deployment = deploy_all(self.chain, treasury=node.accounts[9], terms=terms, delays=delays)
        for attribute, name in (
            ("identity", "IdentityContract"),
            ("hub", "DataHub"),
            ("staking", "StakingContract"),
            ("stakes", "ServiceManager"),
            ("registry", "VerifierRegistry"),
            ("hfl", "HFLContract"),
            ("hlr", "HLRContract"),
            ("networks", "NetworkRegistry"),
            ("inference", "InferenceContract"),
            ("conversations", "ConversationContract"),
            ("reth", "RETHDouble"),
        ):
            setattr(self, attribute, self.deployment.contract(self.chain, name))
        self.ids = {}
        for name, statement, size, features in (
            ("step-32", STEP, 32, 3),
            ("step-128", STEP, 128, 3),
            ("step-32x8", STEP, 32, 8),
            ("information-32", INFORMATION, 32, 3),
            ("aggregate", AGGREGATE, 0, 3),
            ("certify", CERTIFY, 0, 3),
            ("predict", PREDICT, 0, 3),
            ("predict-8", PREDICT, 0, 8),
            ("evaluate-32", EVALUATE, 32, 3),
        ):
            self.add_verifier(name, statement, size, features)
        for terms in (GRADES, GRADES_OF_NEXT_YEAR):
            self.hub.transact("open", terms.values)
        self.people = SimpleNamespace(**{name: Person(self, name, key) for name, key in vars(keys).items()})
        for number, person in enumerate(vars(self.people).values()):
            person.join()
            person.set_key()
            person.stake(2 * ETH)
            person.register(0, [1000 * (number + 1) + batch for batch in range(8)])

    def add_verifier(self, name, statement, size, features, *, family=LOGISTIC, frac_bits=None, noise=0):
        if frac_bits is None:
            frac_bits = 0 if statement in (AGGREGATE, CERTIFY) else 12
        double = self.chain.deploy(compile_contract("VerifierDouble"), name.encode().ljust(32, b"\0"))
        sizes = (size, features, frac_bits, noise)
        receipt = self.registry.transact("add", statement, family, *sizes, True, double.address)
        self.ids[name] = receipt.event("VerifierAdded")["id"]
        return double


class Person:
    def __init__(self, world, name, key):
        self.world, self.name, self.key = world, name, key
        self.chain = world.chain.signing_as(key)
        self.address = self.chain.address
        self.lasting = Key()

    def __repr__(self):
        return self.name

    @property
    def staked(self):
        """Wei of ETH at stake."""
        return self.world.staking.call("stakeOf", self.address)

    def use(self, contract):
        return Contract(self.chain, contract.artifact, contract.address)

    def join(self):
        self.use(self.world.identity).transact("join", "https://node.example", b"\x07" * 32)

    def set_key(self, key=None):
        """Set the lasting key: a new one, if need be, with a proof that its owner knows the secret."""
        self.lasting = key or self.lasting
        identity = self.world.identity
        proof = self.lasting.possession(identity.address, self.chain.chain_id, self.address)
        return self.use(identity).transact("setAggregationKey", *self.lasting.posted, *proof)

    def leave(self):
        self.use(self.world.identity).transact("leave")

    def stake(self, amount):
        reth = self.use(self.world.reth)
        reth.transact("deposit", value=amount)
        reth.transact("approve", self.world.staking.address, 10**30)
        self.use(self.world.staking).transact("stake", 2, reth.call("balanceOf", self.address))

    def unstake(self, *, keeping=0):
        """Take shares out of the stake until about so many wei of ETH are left."""
        active = self.world.staking.call("positionOf", self.address, 2)["active"]
        part = active - active * keeping // self.staked
        self.use(self.world.staking).transact("unstake", 2, part)

    def register(self, index, commitments, dataset=DATASET):
        self.use(self.world.hub).transact("register", dataset, index, commitments)


def task_config(**changes):
    return {
        "specHash": SPEC,
        "dataset": DATASET,
        "minimumStake": ETH,
        "penalty": 0,
        "minimumNodes": 3,
        "maximumUpdates": 8,
        "maximumBatches": 3,
        "collectSeconds": 3600,
        "readySeconds": 600,
        "shareSeconds": 7200,
        "disputeSeconds": 900,
        "aggregateSeconds": 1800,
        "maximumRounds": 3,
        **changes,
    }


def training_config(world, **changes):
    return {
        "family": LOGISTIC,
        "features": 3,
        "lambda": 4096,
        "weightBound": 2**31,
        "minRows": 10,
        "gradientTarget": 1000,
        "stepVerifiers": [world.ids["step-32"], world.ids["step-128"]],
        "informationVerifiers": [world.ids["information-32"]],
        "evaluateVerifiers": [],
        "information": 0,
        "aggregateVerifier": world.ids["aggregate"],
        "certifyVerifier": world.ids["certify"],
        "gradientGenerators": generators_hash(GRADIENT),
        "informationGenerators": generators_hash(MATRICES),
        "evaluationGenerators": b"\0" * 32,
        "finalInformation": False,
        "evaluation": False,
        "heldOutDataset": b"\0" * 32,
        "initialWeights": [0, 0, 0, 0],
        **changes,
    }
