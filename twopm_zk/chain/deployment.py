"""What of ours is where on a chain: the deployment file, and what it is compared with.

A deployment file is JSON: chain id, block, and for each contract its address, the keccak-256 of its code and
the libraries it is linked to. Connecting compares all of it with the chain, and the code with what this
checkout compiles to, so that a wrong chain or another version is an error and not a mystery; immutables must
lead to the contracts of the same file, and to EAS where it is known to be. On a development chain the tokens are
doubles, and the contracts of EigenLayer and EAS their own (``chain/development``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from eth_utils.crypto import keccak

from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.contracts import Call, Chain, Contract
from twopm_zk.circuit.instances import Instance
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.plonk.keys import Keys
from twopm_zk.plonk.solidity import export_verifier, verifier_name
from twopm_zk.statements import Family
from twopm_zk.system import files
from twopm_zk.system.parsing import parse_json
from twopm_zk.system.progress import Progress

DEVELOPMENT_CHAINS = frozenset({1337, 31337})
FORMAT = 1
STATEMENTS = ("step", "information", "aggregate", "certify", "predict", "evaluate")
"""In the order of VerifierRegistry's enum, which starts with None."""
_ROUNDS = {"IDENTITY": "IdentityContract", "DATA_HUB": "DataHub", "STAKING": "StakingContract"}
_ASKED = {
    "HFLContract": _ROUNDS,
    "HLRContract": {**_ROUNDS, "REGISTRY": "VerifierRegistry"},
    "DataAccess": {"IDENTITY": "IdentityContract", "DATA_HUB": "DataHub"},
    "CertificateResolver": {"HLR": "HLRContract"},
    "NetworkRegistry": {"HLR": "HLRContract", "HFL": "HFLContract"},
    "ServiceManager": {"STAKING": "StakingContract"},
    "InferenceContract": {
        "HLR": "HLRContract",
        "STAKES": "ServiceManager",
        "STAKING": "StakingContract",
        "REGISTRY": "VerifierRegistry",
        "NETWORKS": "NetworkRegistry",
    },
    "ConversationContract": {
        "HFL": "HFLContract",
        "STAKES": "ServiceManager",
        "STAKING": "StakingContract",
        "NETWORKS": "NetworkRegistry",
    },
}
"""Immutables that name other contracts: the comparison of code leaves them out."""
_ASK_EAS = ("DataHub", "CertificateResolver")
EAS_ADDRESSES = {
    1: "0xA1207F3BBa224E2c9c3c6D5aF63D0eb1582Ce587",
    534_351: "0xaEF4103A04090071165F78D45D83A0C0782c2B2a",
    534_352: "0xC47300428b6AD2c7D03BB76D05A176058b47E6B0",
    11_155_111: "0xC2679fBD37d54388Ce493F1DB75320D236e1815e",
}
"""Where the Ethereum Attestation Service (EAS) is, by chain: Ethereum, Scroll Sepolia, Scroll, Sepolia; as npm's
eas-contracts has it."""
_DAY = 86_400
BLOCK_SECONDS = 12
"""Of Ethereum, where EigenLayer is and counts in blocks: the least that one takes."""
NOBODY = "0x" + "00" * 20
"""The zero address."""


@dataclass(frozen=True)
class StakeAsset:
    """A token that can be staked; ``strategy`` is EigenLayer's, or none.

    ``kind`` says where its worth in ETH comes from: ``stETH``, ``wstETH``, ``rETH``, or ``other`` with the
    address of an IEthRate in ``rate``.
    """

    token: str
    kind: str
    strategy: str = NOBODY
    rate: str = NOBODY

    @property
    def kind_number(self) -> int:
        """In IStaking's enum. Raises DeploymentError for an unknown kind."""
        kinds = ("stETH", "wstETH", "rETH", "other")
        if self.kind not in kinds:
            raise DeploymentError(f"{self.kind!r} is none of {', '.join(kinds)}")
        return kinds.index(self.kind)


@dataclass(frozen=True)
class EigenLayer:
    """Addresses of EigenLayer's contracts, and the operator to delegate to; zeros where a chain has no EigenLayer."""

    strategy_manager: str = NOBODY
    delegation_manager: str = NOBODY
    operator: str = NOBODY
    allocation_manager: str = NOBODY
    rewards_coordinator: str = NOBODY
    weth: str = NOBODY
    """What EigenLayer takes rewards in ETH as."""

    @property
    def present(self) -> bool:
        """Whether there is something to delegate to."""
        return self.delegation_manager != NOBODY


@dataclass(frozen=True)
class GeneratedVerifier:
    """A verifier contract to deploy and register: the instance's statement, sizes, and generated source."""

    name: str
    """Of the instance, such as ``step-119x3``."""
    statement: str
    size: int
    """Rows of a step, an information or an evaluate; 0 for all others."""
    features: int
    frac_bits: int
    """Fractional bits of a feature; 0 where none goes in."""
    solidity: str = field(repr=False)
    contract_name: str
    insecure: bool
    family: Family = Family.LOGISTIC
    """Also where the statement is the same for all."""
    noise: int = 0
    """log2 of the noise that each sum of an update may carry, in units of the statement; 0 for none."""

    @classmethod
    def from_keys(cls, instance: Instance, keys: Keys) -> Self:
        """The verifier of one of our instances, from its keys."""
        parameters = instance.parameters
        contract_name = verifier_name(instance.name)
        return cls(
            name=instance.name,
            statement=instance.template.lower(),
            size=parameters.get("ROWS", 0),
            features=parameters["FEATURES"],
            frac_bits=parameters.get("X_FRAC", 0),
            solidity=export_verifier(keys, contract_name),
            contract_name=contract_name,
            insecure=keys.insecure,
            family=family_of(instance),
            noise=instance.noise,
        )


@dataclass(frozen=True)
class Terms:
    """What a deployment fixes for good besides addresses."""

    exit_seconds: int = 10 * _DAY
    """Longer than the phases of a task with penalties may take together."""
    operator_set_uri: str = ""
    """Where EigenLayer's users find what the operator set is, as EigenLayer's metadata of an AVS."""
    fee_token: str | None = None
    """The ERC-20 that networks may take their fees in, which keeps what it is given: none that rebases. None is the
    stand-in for rETH where tokens are doubles, and no token elsewhere."""


@dataclass(frozen=True)
class Deployed:
    """One contract of a deployment file."""

    address: str
    code_hash: str
    libraries: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DeployedVerifier:
    """One generated verifier of a deployment file; ``id`` is its number in the registry."""

    id: int
    address: str
    code_hash: str
    statement: str
    size: int
    features: int
    frac_bits: int
    insecure: bool
    family: Family = Family.LOGISTIC
    noise: int = 0

    def __post_init__(self) -> None:
        """ValueError for a family that there is not."""
        object.__setattr__(self, "family", Family(self.family))


@dataclass(frozen=True)
class Deployment:
    """What is where. ``doubles`` says that the tokens are stand-ins, and EigenLayer's strategies with them."""

    chain_id: int
    block: int
    doubles: bool
    contracts: dict[str, Deployed]
    verifiers: dict[str, DeployedVerifier]
    eigenlayer: EigenLayer = field(default_factory=EigenLayer)
    eas: str = NOBODY
    """The Ethereum Attestation Service; zeros where there is none, and nobody can attest to data."""

    @property
    def insecure(self) -> bool:
        """Whether a verifier belongs to a development key."""
        return any(verifier.insecure for verifier in self.verifiers.values())

    def write(self, path: Path) -> None:
        """Write the deployment file."""
        files.write_text(path, json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a deployment file. Raises InputError, DeploymentError."""
        content = files.read_bytes(path, what="deployment file")
        try:
            saved = parse_json(content, what=str(path))
            if saved.pop("format") != FORMAT:
                raise DeploymentError(
                    f"{path} has another format than {FORMAT}", hint="Use the version that wrote it, or deploy again."
                )
            contracts = {name: Deployed(**entry) for name, entry in saved.pop("contracts").items()}
            verifiers = {name: DeployedVerifier(**entry) for name, entry in saved.pop("verifiers").items()}
            eigenlayer = EigenLayer(**saved.pop("eigenlayer", {}))
            return cls(contracts=contracts, verifiers=verifiers, eigenlayer=eigenlayer, **saved)
        except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise DeploymentError(
                f"{path} is not a deployment file: {' '.join(str(error).split())}",
                kind="not-a-deployment",
            ) from error

    def contract(self, chain: Chain, name: str) -> Contract:
        """One contract, its code checked. Raises DeploymentError."""
        self._require_chain(chain)
        return self._with_code(chain, name, chain.code(self._entry(name).address))

    def _require_chain(self, chain: Chain) -> None:
        if chain.chain_id != self.chain_id:
            raise DeploymentError(
                f"the deployment is on chain {self.chain_id}, {chain.endpoint} is chain {chain.chain_id}",
                kind="other-chain",
            )

    def _entry(self, name: str) -> Deployed:
        if name not in self.contracts:
            raise DeploymentError(f"the deployment has no contract {name}: {', '.join(self.contracts)}")
        return self.contracts[name]

    def _with_code(self, chain: Chain, name: str, code: bytes) -> Contract:
        """A contract whose address has this code."""
        entry, artifact = self._entry(name), compile_contract(name)
        if code_hash(code) != entry.code_hash:
            state = "other code than the deployment file says" if code else "no code"
            raise DeploymentError(
                f"{name} at {entry.address} on chain {self.chain_id} has {state}",
                hint="Is this the file of that deployment? A development chain that was started again has lost its "
                "contracts.",
                kind="code-lost" if self.chain_id in DEVELOPMENT_CHAINS and not code else None,
            )
        if not artifact.matches(code, entry.libraries):
            raise DeploymentError(
                f"{name} at {entry.address} is not what this version of the sources compiles to",
                hint="Use the version that deployed it, or deploy again.",
            )
        return Contract(chain, artifact, entry.address)

    def check(self, chain: Chain, *, progress: Progress | None = None) -> dict[str, Contract]:
        """Compare every contract and verifier with the chain, and whom the contracts ask. Raises DeploymentError.

        Returns the contracts by their names. ``progress`` hears of each one before it is compared: the first time it
        is compiled for that.
        """
        self._require_chain(chain)
        addresses = [entry.address for entry in self.contracts.values()]
        codes = chain.codes([*addresses, *(verifier.address for verifier in self.verifiers.values())])
        found = {}
        for name, code in zip(self.contracts, codes, strict=False):
            if progress is not None:
                progress(f"comparing {name} with its source")
            found[name] = self._with_code(chain, name, code)
        self._check_who_is_asked(found)
        require_known_eas(self.chain_id, self.eas)
        for (name, verifier), code in zip(self.verifiers.items(), codes[len(self.contracts) :], strict=True):
            if code_hash(code) != verifier.code_hash:
                raise DeploymentError(f"verifier {name} at {verifier.address} has other code than it had")
        return found

    def _check_who_is_asked(self, contracts: Mapping[str, Contract]) -> None:
        """Compare whom contracts ask with the file."""
        expected: dict[Call, tuple[str, str | None]] = {}
        for name, contract in contracts.items():
            for made, address in self.contracts[name].libraries.items():
                if made not in self.contracts or self.contracts[made].address != address:
                    raise DeploymentError(f"{name} at {contract.address} asks another {made} than the deployment's")
            for getter, made in _ASKED.get(name, {}).items():
                expected[Call(contract, getter)] = self.contracts[made].address if made in self.contracts else "", made
            if name in _ASK_EAS:
                expected[Call(contract, "EAS")] = self.eas, "EAS"
        for name, getter, address in (
            ("StakingContract", "STRATEGY_MANAGER", self.eigenlayer.strategy_manager),
            ("StakingContract", "DELEGATION_MANAGER", self.eigenlayer.delegation_manager),
            ("ServiceManager", "ALLOCATION_MANAGER", self.eigenlayer.allocation_manager),
            ("ServiceManager", "REWARDS_COORDINATOR", self.eigenlayer.rewards_coordinator),
            ("ServiceManager", "WETH", self.eigenlayer.weth),
        ):
            self._entry(name)
            expected[Call(contracts[name], getter)] = address, None
        for (call, (address, asked)), found in zip(expected.items(), Call.results(list(expected)), strict=True):
            if found != address:
                told = f"asks another {asked} than the deployment's"
                if asked is None:
                    told = f"has {call.function} {found}, the file {address}"
                raise DeploymentError(f"{call.contract.artifact.name} at {call.contract.address} {told}")


def require_known_eas(chain_id: int, eas: str) -> None:
    """DeploymentError for another EAS than is known on a chain; none at all is allowed."""
    known = EAS_ADDRESSES.get(chain_id, eas)
    if eas not in (known, NOBODY):
        raise DeploymentError(f"EAS is at {known} on chain {chain_id}, not at {eas}", kind="other-eas")


def family_of(instance: Instance) -> Family:
    """The family that an instance is about, the first one where it is about none."""
    return Family.numbered(instance.parameters.get("FAMILY", 0))


def code_hash(code: bytes) -> str:
    """Keccak-256 of deployed code, as deployment files have it."""
    return "0x" + keccak(code).hex()
