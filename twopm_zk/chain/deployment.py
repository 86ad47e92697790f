"""Everything on a chain in one call, and the file that says what is where.

A deployment file is JSON: chain id, block, and for each contract its address, the keccak-256 of its code and
the libraries it is linked to. Connecting compares all of it with the chain, and the code with what this
checkout compiles to, so that a wrong chain or another version is an error and not a mystery; immutables must
lead to the contracts of the same file. On a development chain the tokens and EigenLayer are doubles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from twopm_zk.chain.compiler import Artifact, compile_contract, compile_source
from twopm_zk.chain.contracts import Chain, Contract
from twopm_zk.circuit.instances import Instance
from twopm_zk.errors import DeploymentError, InputError, InsecureKeyError
from twopm_zk.plonk.keys import Keys
from twopm_zk.plonk.solidity import export_verifier, verifier_name
from twopm_zk.system import files
from twopm_zk.system.parsing import parse_json

DEVELOPMENT_CHAINS = frozenset({1337, 31337})
FORMAT = 1
STATEMENTS = ("step", "fold", "aggregate", "certify", "predict")
"""In the order of VerifierRegistry's enum, which starts with None."""
_LIBRARIES = ("PoseidonT3", "PoseidonT4")
_ROUNDS = {"IDENTITY": "IdentityContract", "DATA_HUB": "DataHub", "STAKING": "StakingContract"}
_ASKED = {
    "HFLContract": _ROUNDS,
    "HLRContract": {**_ROUNDS, "REGISTRY": "VerifierRegistry"},
    "InferenceContract": {"HLR": "HLRContract", "STAKING": "StakingContract", "REGISTRY": "VerifierRegistry"},
}
"""Immutables that name other contracts: the comparison of code leaves them out."""
_DAY = 86_400
_ZERO = "0x" + "00" * 20

# from the mnemonic "test test test test test test test test test test test junk"
_PUBLIC_ACCOUNTS = frozenset(
    {
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
        "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
        "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "0x976ea74026e726554db657fa54763abd0c3a0aa9",
        "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
        "0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
        "0xa0ee7a142d267c1f36714e4a8f75612f20a79720",
    }
)


@dataclass(frozen=True)
class StakeAsset:
    """A token that can be staked; ``strategy`` is EigenLayer's, or none.

    ``kind`` says where its worth in ETH comes from: ``stETH``, ``wstETH``, ``rETH``, or ``other`` with the
    address of an IEthRate in ``rate``.
    """

    token: str
    kind: str
    strategy: str = _ZERO
    rate: str = _ZERO

    @property
    def kind_number(self) -> int:
        """In IStaking's enum. Raises DeploymentError for an unknown kind."""
        kinds = ("stETH", "wstETH", "rETH", "other")
        if self.kind not in kinds:
            raise DeploymentError(f"{self.kind!r} is none of {', '.join(kinds)}")
        return kinds.index(self.kind)


@dataclass(frozen=True)
class EigenLayer:
    """Addresses of EigenLayer's managers, and the operator to delegate to."""

    strategy_manager: str
    delegation_manager: str
    operator: str = _ZERO


@dataclass(frozen=True)
class GeneratedVerifier:
    """A verifier contract to deploy and register: the instance's statement, sizes, and generated source."""

    name: str
    """Of the instance, such as ``step-128x3``."""
    statement: str
    size: int
    """Rows or slots; 0 for a prediction."""
    features: int
    frac_bits: int
    """Fractional bits of a feature."""
    solidity: str = field(repr=False)
    contract_name: str
    insecure: bool

    @classmethod
    def from_keys(cls, instance: Instance, keys: Keys) -> Self:
        """The verifier of one of our instances, from its keys."""
        parameters = instance.parameters
        contract_name = verifier_name(instance.name)
        return cls(
            name=instance.name,
            statement=instance.template.lower(),
            size=parameters.get("ROWS", parameters.get("SLOTS", 0)),
            features=parameters["FEATURES"],
            frac_bits=parameters["X_FRAC"],
            solidity=export_verifier(keys, contract_name),
            contract_name=contract_name,
            insecure=keys.insecure,
        )


@dataclass(frozen=True)
class Terms:
    """Settings of staking and inference: seconds, and wei of ETH."""

    exit_seconds: int = 7 * _DAY
    user_stake: int = 10**16
    operator_stake: int = 10**18
    accept_seconds: int = _DAY
    answer_seconds: int = _DAY
    penalty: int = 10**17


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


@dataclass(frozen=True)
class Deployment:
    """What is where. ``doubles`` says that tokens and EigenLayer are stand-ins."""

    chain_id: int
    block: int
    doubles: bool
    contracts: dict[str, Deployed]
    verifiers: dict[str, DeployedVerifier]

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
            return cls(contracts=contracts, verifiers=verifiers, **saved)
        except (InputError, KeyError, TypeError, AttributeError) as error:
            raise DeploymentError(
                f"{path} is not a deployment file: {' '.join(str(error).split())}",
                hint="Give --deployment FILE: one that `twopm-zk deploy` wrote, here or for whoever deployed.",
            ) from error

    def contract(self, chain: Chain, name: str) -> Contract:
        """One contract, its code checked. Raises DeploymentError."""
        if chain.chain_id != self.chain_id:
            raise DeploymentError(
                f"the deployment is on chain {self.chain_id}, {chain.endpoint} is chain {chain.chain_id}",
                hint="Give the node of that chain with --rpc-url, or another --deployment FILE.",
            )
        if name not in self.contracts:
            raise DeploymentError(f"the deployment has no contract {name}: {', '.join(self.contracts)}")
        entry = self.contracts[name]
        artifact = compile_contract(name)
        code = chain.code(entry.address)
        if _code_hash(code) != entry.code_hash:
            state = "other code than the deployment file says" if code else "no code"
            raise DeploymentError(
                f"{name} at {entry.address} on chain {self.chain_id} has {state}",
                hint="Is this the file of that deployment? A development chain that was started again has lost its "
                "contracts: `twopm-zk deploy --force`.",
            )
        if not artifact.matches(code, entry.libraries):
            raise DeploymentError(
                f"{name} at {entry.address} is not what this version of the sources compiles to",
                hint="Use the version that deployed it, or deploy again.",
            )
        return Contract(chain, artifact, entry.address)

    def check(self, chain: Chain, *, progress: Callable[[str], None] | None = None) -> None:
        """Compare every contract and verifier with the chain, and whom the contracts ask. Raises DeploymentError.

        ``progress`` hears of each contract before it is compared: the first time it is compiled for that.
        """
        for name in self.contracts:
            if progress is not None:
                progress(f"comparing {name} with its source")
            contract = self.contract(chain, name)
            asked = {made: contract.call(getter) for getter, made in _ASKED.get(name, {}).items()}
            for made, address in (asked | self.contracts[name].libraries).items():
                if made not in self.contracts or self.contracts[made].address != address:
                    raise DeploymentError(f"{name} at {contract.address} asks another {made} than the deployment's")
        for name, verifier in self.verifiers.items():
            if _code_hash(chain.code(verifier.address)) != verifier.code_hash:
                raise DeploymentError(f"verifier {name} at {verifier.address} has other code than it had")


def deploy_all(
    chain: Chain,
    *,
    verifiers: Sequence[GeneratedVerifier] = (),
    assets: Sequence[StakeAsset] | None = None,
    eigenlayer: EigenLayer | None = None,
    treasury: str | None = None,
    terms: Terms | None = None,
    allow_insecure: bool = False,
) -> Deployment:
    """Compile and deploy everything; the chain's account becomes the owner, and the treasury if none is named.

    On a development chain, assets and EigenLayer that are not given are doubles. Elsewhere assets must be
    given, and without ``allow_insecure`` neither verifiers of development keys nor a publicly known account
    are used. Raises InsecureKeyError, DeploymentError, TransactionError.
    """
    development = chain.chain_id in DEVELOPMENT_CHAINS
    if not development and not allow_insecure:
        _refuse_insecure(chain, verifiers)
    if assets is None and not development:
        raise DeploymentError(f"chain {chain.chain_id} is not a development chain: name the tokens that can be staked")
    deployer = _Deployer(chain)
    doubles = assets is None
    if assets is None:
        assets, eigenlayer = deployer.doubles()
    terms = terms or Terms()
    deployer.everything(assets, eigenlayer or EigenLayer(_ZERO, _ZERO), treasury or chain.address, terms)
    return Deployment(
        chain_id=chain.chain_id,
        block=chain.block,
        doubles=doubles,
        contracts=deployer.contracts,
        verifiers={verifier.name: deployer.register(verifier) for verifier in verifiers},
    )


def _refuse_insecure(chain: Chain, verifiers: Sequence[GeneratedVerifier]) -> None:
    if insecure := [verifier.name for verifier in verifiers if verifier.insecure]:
        raise InsecureKeyError(
            f"chain {chain.chain_id} is public, and the keys of {', '.join(insecure)} are for development: "
            "whoever knows their secret can prove anything",
            hint="Set up keys with a ceremony's ptau, or say that you want insecure ones.",
        )
    if chain.address.lower() in _PUBLIC_ACCOUNTS:
        raise InsecureKeyError(
            f"chain {chain.chain_id} is public, and everybody knows the private key of {chain.address}"
        )


class _Deployer:
    """Deploys contracts one after another, each knowing the addresses of those before it."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.contracts: dict[str, Deployed] = {}

    def deploy(self, artifact: Artifact, *arguments: Any, libraries: Mapping[str, str] | None = None) -> Contract:
        contract = self.chain.deploy(artifact, *arguments, libraries=libraries)
        self.contracts[artifact.name] = Deployed(
            contract.address, _code_hash(self.chain.code(contract.address)), dict(libraries or {})
        )
        return contract

    def ours(self, name: str, *arguments: Any) -> Contract:
        artifact = compile_contract(name)
        libraries = {library: self.contracts[library].address for library in artifact.libraries}
        return self.deploy(artifact, *arguments, libraries=libraries)

    def doubles(self) -> tuple[list[StakeAsset], EigenLayer]:
        """Stand-ins for Lido, Rocket Pool and EigenLayer; this account is EigenLayer's operator."""
        steth = self.ours("StETHDouble")
        tokens = {"stETH": steth, "wstETH": self.ours("WstETHDouble", steth.address), "rETH": self.ours("RETHDouble")}
        manager = self.ours("StrategyManagerDouble")
        artifact = compile_contract("DelegationManagerDouble")
        delegation = self.chain.contract(artifact, manager.call("delegation"))
        code_hash = _code_hash(self.chain.code(delegation.address))
        self.contracts[artifact.name] = Deployed(delegation.address, code_hash)
        delegation.transact("registerAsOperator", False)
        assets = []
        for kind, token in tokens.items():
            strategy = self.chain.deploy(compile_contract("StrategyDouble"), token.address, manager.address)
            manager.transact("addStrategy", strategy.address)
            assets.append(StakeAsset(token.address, kind, strategy.address))
        return assets, EigenLayer(manager.address, delegation.address, self.chain.address)

    def everything(self, assets: Sequence[StakeAsset], eigenlayer: EigenLayer, treasury: str, terms: Terms) -> None:
        owner = self.chain.address
        for name in _LIBRARIES:
            self.ours(name)
        identity, data_hub = self.ours("IdentityContract"), self.ours("DataHub")
        staking = self.ours(
            "StakingContract",
            owner,
            treasury,
            terms.exit_seconds,
            [(asset.token, asset.kind_number, asset.strategy, asset.rate) for asset in assets],
            eigenlayer.strategy_manager,
            eigenlayer.delegation_manager,
        )
        if eigenlayer.operator != _ZERO:
            staking.transact("setOperator", eigenlayer.operator)
        registry = self.ours("VerifierRegistry", owner)
        shared = (identity.address, data_hub.address, staking.address)
        self.ours("HFLContract", *shared)
        hlr = self.ours("HLRContract", *shared, registry.address)
        inference = self.ours(
            "InferenceContract",
            hlr.address,
            staking.address,
            registry.address,
            (terms.user_stake, terms.operator_stake, terms.accept_seconds, terms.answer_seconds, terms.penalty),
        )
        staking.transact("authorise", inference.address)  # nobody is staked yet, so it holds at once

    def register(self, verifier: GeneratedVerifier) -> DeployedVerifier:
        """Deploy a generated verifier and add it to the registry."""
        contract = self.chain.deploy(compile_source(verifier.solidity, verifier.contract_name))
        registry = self.contracts["VerifierRegistry"]
        receipt = Contract(self.chain, compile_contract("VerifierRegistry"), registry.address).transact(
            "add",
            STATEMENTS.index(verifier.statement) + 1,
            verifier.size,
            verifier.features,
            verifier.frac_bits,
            verifier.insecure,
            contract.address,
        )
        return DeployedVerifier(
            id=receipt.event("VerifierAdded")["id"],
            address=to_checksum_address(contract.address),
            code_hash=_code_hash(self.chain.code(contract.address)),
            statement=verifier.statement,
            size=verifier.size,
            features=verifier.features,
            frac_bits=verifier.frac_bits,
            insecure=verifier.insecure,
        )


def _code_hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()
