"""Everything on a chain in one call: first what it costs, and nothing again that was paid for before a stop.

A journal keeps every step that was paid for, by what the step sends. A deployment that stopped half-way, for want of
money or connection, goes on from it: a contract counts as deployed when its code is on the chain, a transaction when
its receipt is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from twopm_zk.chain.compiler import Artifact, compile_contract, compile_source
from twopm_zk.chain.connection import Receipt
from twopm_zk.chain.contracts import Chain, Contract
from twopm_zk.chain.deployment import (
    DEVELOPMENT_CHAINS,
    NOBODY,
    STATEMENTS,
    Deployed,
    DeployedVerifier,
    Deployment,
    EigenLayer,
    GeneratedVerifier,
    StakeAsset,
    Terms,
    code_hash,
)
from twopm_zk.errors import DeploymentError, InputError, InsecureKeyError
from twopm_zk.system import files
from twopm_zk.system.parsing import read_json
from twopm_zk.system.progress import Progress
from twopm_zk.system.side_by_side import side_by_side

_LIBRARIES = ("PoseidonT3", "PoseidonT4", "PointProofs", "Seats", "Disputes", "HLRTasks")
"""Each after those that it is linked to."""
_OURS = (
    "IdentityContract",
    "DataHub",
    "StakingContract",
    "VerifierRegistry",
    "HFLContract",
    "HLRContract",
    "NetworkRegistry",
    "InferenceContract",
    "ConversationContract",
)
_TOKENS = {"stETH": "StETHDouble", "wstETH": "WstETHDouble", "rETH": "RETHDouble"}
_DOUBLES = (*_TOKENS.values(), "StrategyManagerDouble", *["StrategyDouble"] * len(_TOKENS))

_CREATION, _PER_BYTE, _PER_WORD = 53_000, 200, 2
_CONSTRUCTOR = 250_000
"""Gas of what a constructor stores; most take far less."""
_CALL = 100_000
_GWEI, _ETH = 10**9, 10**18

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
class DeploymentCost:
    """What is left to pay, and who pays: gas, prices and balance in wei."""

    account: str
    gas: int
    largest: int
    """Gas of the largest transaction, for which a chain wants more at hand than it takes."""
    price: int
    offered: int
    """The most that a transaction offers for gas."""
    balance: int

    @property
    def need(self) -> int:
        """Wei that the account must have."""
        return self.gas * self.price + self.largest * (self.offered - self.price)

    def sentence(self) -> str:
        """For whoever pays."""
        return (
            f"about {self.gas:,} gas at {self.price / _GWEI:.4g} gwei: up to {self.need / _ETH:.6f} ETH; "
            f"{self.account} has {self.balance / _ETH:.6f} ETH"
        )

    def require(self) -> None:
        """Raise DeploymentError where the balance is too low, before anything is sent."""
        if self.balance < self.need:
            raise DeploymentError(
                f"{self.account} has {self.balance / _ETH:.6f} ETH; deploying needs {self.need / _ETH:.6f} ETH: "
                f"about {self.gas:,} gas at {self.price / _GWEI:.4g} gwei",
                kind="low-funds",
                account=self.account,
                balance=self.balance,
                need=self.need,
                missing=f"{(self.need - self.balance) / _ETH:.6f}",
            )


def journal_path(deployment_file: Path) -> Path:
    """Where the journal of a deployment lies until its file is written."""
    return deployment_file.with_name(deployment_file.name + ".unfinished")


class Journal:
    """The steps of a deployment that are done, by what each has sent; in a file, written whole after each."""

    def __init__(self, chain: Chain, path: Path | None) -> None:
        self.path = path
        self._chain_id, self._steps = chain.chain_id, dict[str, dict[str, str]]()
        self._met: Counter[str] = Counter()
        if path is None or not path.exists():
            return
        saved = read_json(path, what="journal of a deployment")
        try:
            steps = {key: dict(step) for key, step in saved["steps"].items()}
            found = saved["chain_id"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{str(path)!r} is not the journal of a deployment", kind="other-journal") from error
        if found != chain.chain_id:
            raise InputError(
                f"{str(path)!r} is of a deployment to chain {found} that stopped half-way, this is {chain.chain_id}",
                kind="other-journal",
            )
        self._steps = steps

    def key(self, what: str, *parts: bytes) -> str:
        """Names a step by what it sends; one that is sent twice has two keys."""
        digest = files.digest_of(what, *(part.hex() for part in parts))
        self._met[digest] += 1
        return f"{digest}-{self._met[digest]}"

    def find(self, key: str) -> dict[str, str] | None:
        """What is known of a step that was done before."""
        return self._steps.get(key)

    def add(self, key: str, **step: str) -> None:
        """Keep a step."""
        self._steps[key] = step
        if self.path is not None:
            saved = {"chain_id": self._chain_id, "steps": self._steps}
            files.write_text(self.path, json.dumps(saved, indent=2) + "\n")

    def done(self) -> int:
        """How many contracts are there already."""
        return sum("address" in step for step in self._steps.values())

    def names(self) -> Counter[str]:
        """The contracts that are there already."""
        return Counter(step["name"] for step in self._steps.values() if "address" in step)


def deploy_all(
    chain: Chain,
    *,
    verifiers: Sequence[GeneratedVerifier] = (),
    assets: Sequence[StakeAsset] | None = None,
    eigenlayer: EigenLayer | None = None,
    treasury: str | None = None,
    terms: Terms | None = None,
    allow_insecure: bool = False,
    journal: Path | None = None,
    progress: Progress = lambda line: None,
) -> Deployment:
    """Compile and deploy everything; the chain's account becomes the owner, and the treasury if none is named.

    On a development chain, assets and EigenLayer that are not given are doubles. Elsewhere assets must be
    given, and without ``allow_insecure`` neither verifiers of development keys nor a publicly known account
    are used. The token that ``terms`` name for fees must be there. Steps that ``journal`` knows are not paid for again;
    whoever calls removes it with the deployment safe.
    Raises InsecureKeyError, TransactionError, and DeploymentError where the account has too little, before it pays.
    """
    development = chain.chain_id in DEVELOPMENT_CHAINS
    if not development and not allow_insecure:
        _refuse_insecure(chain, verifiers)
    if assets is None and not development:
        raise DeploymentError(f"chain {chain.chain_id} is not a development chain: name the tokens that can be staked")
    terms = terms or Terms()
    if terms.fee_token is not None:
        chain.contract(compile_contract("IERC20"), terms.fee_token)
    doubles = assets is None
    names = (*(_DOUBLES if doubles else ()), *_LIBRARIES, *_OURS)
    deployer = _Deployer(chain, Journal(chain, journal), progress, names, verifiers)
    deployer.require_funds()
    if assets is None:
        assets, eigenlayer = deployer.doubles()
    deployer.everything(assets, eigenlayer or EigenLayer(NOBODY, NOBODY), treasury or chain.address, terms)
    return Deployment(
        chain_id=chain.chain_id,
        block=deployer.first_block,
        doubles=doubles,
        contracts=deployer.contracts,
        verifiers={verifier.name: deployer.register(verifier) for verifier in verifiers},
    )


def add_verifiers(
    chain: Chain,
    deployment: Deployment,
    verifiers: Sequence[GeneratedVerifier],
    *,
    allow_insecure: bool = False,
    journal: Path | None = None,
    progress: Progress = lambda line: None,
) -> Deployment:
    """Deploy verifiers and add them to the registry of a deployment, as its owner; what comes of it as a new value.

    Raises InsecureKeyError, TransactionError, and DeploymentError for anybody but the owner or for too little money,
    before anything is paid.
    """
    if chain.chain_id not in DEVELOPMENT_CHAINS and not allow_insecure:
        _refuse_insecure(chain, verifiers)
    owner = deployment.contract(chain, "VerifierRegistry").call("owner")
    if owner != chain.address:
        raise DeploymentError(
            f"only {owner}, who owns the registry of verifiers, can add one; this account is {chain.address}",
            kind="not-the-owner",
            owner=owner,
        )
    deployer = _Deployer(chain, Journal(chain, journal), progress, (), verifiers)
    deployer.contracts = dict(deployment.contracts)
    deployer.require_funds()
    added = {verifier.name: deployer.register(verifier) for verifier in verifiers}
    return replace(deployment, verifiers={**deployment.verifiers, **added})


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


def _compiled(
    names: Sequence[str], verifiers: Sequence[GeneratedVerifier], progress: Progress
) -> tuple[dict[str, Artifact], dict[str, Artifact]]:
    """Contracts and verifiers by name."""
    generated = {made.name: made for made in verifiers}

    def make(name: str) -> Artifact:
        verifier = generated.get(name)
        return compile_source(verifier.solidity, verifier.contract_name) if verifier else compile_contract(name)

    made = side_by_side([*names, *generated], make, progress=lambda line: progress(f"compiled {line}"))
    return made, {name: made.pop(name) for name in generated}


def _creation_gas(artifact: Artifact) -> int:
    """More than the creation of a contract takes: its code, as calldata and kept, and what its constructor stores."""
    size = len(artifact.bytecode) // 2
    return _CREATION + 16 * size + _PER_WORD * (size // 32 + 1) + _PER_BYTE * size + _CONSTRUCTOR


class _Deployer:
    """Deploys contracts one after another, each knowing the addresses of those before it."""

    def __init__(
        self,
        chain: Chain,
        journal: Journal,
        progress: Progress,
        names: Sequence[str],
        verifiers: Sequence[GeneratedVerifier],
    ) -> None:
        self.chain, self.journal, self.progress = chain, journal, progress
        self.contracts: dict[str, Deployed] = {}
        self.first_block = chain.block
        compiled = (*names, *(["DelegationManagerDouble"] if "StrategyManagerDouble" in names else []))
        self._artifacts, self._verifiers = _compiled((*compiled, "VerifierRegistry"), verifiers, progress)
        self._plan = [self._artifacts[name] for name in names] + list(self._verifiers.values())
        self._calls = len(names) + 2 * len(verifiers)  # fewer, in truth
        self._number = 0

    def require_funds(self) -> None:
        """Tell what is left to pay, and raise DeploymentError where the account has too little for it."""
        left, there = [], self.journal.names()
        for artifact in self._plan:
            if there[artifact.name]:
                there[artifact.name] -= 1
            else:
                left.append(_creation_gas(artifact))
        fees: Mapping[str, Any] = self.chain.fees()
        offered = int(fees.get("maxFeePerGas", fees.get("gasPrice", 0)))
        price = (offered + int(fees.get("maxPriorityFeePerGas", offered)) + 1) // 2  # base fee and tip
        cost = DeploymentCost(
            account=self.chain.address,
            gas=sum(left) + (self._calls * _CALL if left else 0),
            largest=max(left, default=0),
            price=price,
            offered=offered,
            balance=self.chain.balance(self.chain.address),
        )
        if done := self.journal.done():
            self.progress(f"going on where the last run stopped: {done} contracts are deployed already")
        self.progress(cost.sentence())
        cost.require()

    def deploy(self, artifact: Artifact, *arguments: Any, libraries: Mapping[str, str] | None = None) -> Contract:
        self._number += 1
        code = self.chain.creation(artifact, *arguments, libraries=libraries)
        key = self.journal.key("create", code)
        known = self.journal.find(key)
        again = known is not None and artifact.matches(self.chain.code(known["address"]), libraries)
        if known is not None and again:
            contract = Contract(self.chain, artifact, known["address"])
            self.first_block = min(self.first_block, int(known["block"]))
        else:
            contract = self.chain.deploy(artifact, *arguments, libraries=libraries)
            assert contract.deployed is not None  # noqa: S101 - it was deployed just now
            block = str(contract.deployed.block)
            self.journal.add(key, name=artifact.name, address=contract.address, block=block)
        state = "there already" if again else "deployed"
        self.progress(f"{self._number} of {len(self._plan)} {state}: {artifact.name} at {contract.address}")
        return contract

    def transact(self, contract: Contract, function: str, *arguments: Any) -> Receipt:
        """One transaction, unless it is known to have been mined before."""
        key = self.journal.key(contract.address, contract.encode(function, *arguments))
        known = self.journal.find(key)
        if known is not None and (receipt := self.chain.receipt(known["transaction"])) is not None:
            return receipt
        receipt = contract.transact(function, *arguments)
        self.journal.add(key, name=f"{contract.artifact.name}.{function}", transaction=receipt.transaction)
        return receipt

    def ours(self, name: str, *arguments: Any) -> Contract:
        artifact = self._artifacts[name]
        libraries = {library: self.contracts[library].address for library in artifact.libraries}
        contract = self.deploy(artifact, *arguments, libraries=libraries)
        found = code_hash(self.chain.code(contract.address))
        self.contracts[name] = Deployed(contract.address, found, libraries)
        return contract

    def doubles(self) -> tuple[list[StakeAsset], EigenLayer]:
        """Stand-ins for Lido, Rocket Pool and EigenLayer; this account is EigenLayer's operator."""
        steth = self.ours("StETHDouble")
        tokens = {"stETH": steth, "wstETH": self.ours("WstETHDouble", steth.address), "rETH": self.ours("RETHDouble")}
        manager = self.ours("StrategyManagerDouble")
        artifact = self._artifacts["DelegationManagerDouble"]
        delegation = self.chain.contract(artifact, manager.call("delegation"))
        self.contracts[artifact.name] = Deployed(delegation.address, code_hash(self.chain.code(delegation.address)))
        self.transact(delegation, "registerAsOperator", False)
        assets = []
        for kind, token in tokens.items():
            strategy = self.deploy(self._artifacts["StrategyDouble"], token.address, manager.address)
            self.transact(manager, "addStrategy", strategy.address)
            assets.append(StakeAsset(token.address, kind, strategy.address))
        return assets, EigenLayer(manager.address, delegation.address, self.chain.address)

    def everything(self, assets: Sequence[StakeAsset], eigenlayer: EigenLayer, treasury: str, terms: Terms) -> None:
        owner = self.chain.address
        for name in _LIBRARIES:
            self.ours(name)
        identity, data_hub = self.ours("IdentityContract"), self.ours("DataHub", NOBODY)
        staking = self.ours(
            "StakingContract",
            owner,
            treasury,
            terms.exit_seconds,
            [(asset.token, asset.kind_number, asset.strategy, asset.rate) for asset in assets],
            eigenlayer.strategy_manager,
            eigenlayer.delegation_manager,
        )
        if eigenlayer.operator != NOBODY:
            self.transact(staking, "setOperator", eigenlayer.operator)
        registry = self.ours("VerifierRegistry", owner)
        shared = (identity.address, data_hub.address, staking.address)
        hfl = self.ours("HFLContract", *shared)
        hlr = self.ours("HLRContract", *shared, registry.address)
        networks = self.ours("NetworkRegistry", hlr.address, hfl.address, self._fee_token(terms))
        inference = self.ours("InferenceContract", staking.address, registry.address, networks.address)
        conversation = self.ours("ConversationContract", staking.address, networks.address)
        for slasher in (hlr, hfl, inference, conversation):
            self.transact(staking, "authorise", slasher.address)  # nobody is staked yet, so it holds at once

    def _fee_token(self, terms: Terms) -> str:
        """The token that fees can be in: where tokens are stand-ins and none is named, that of rETH."""
        if terms.fee_token is not None:
            return terms.fee_token
        double = self.contracts.get(_TOKENS["rETH"])
        return double.address if double else NOBODY

    def register(self, verifier: GeneratedVerifier) -> DeployedVerifier:
        """Deploy a generated verifier and add it to the registry."""
        contract = self.deploy(self._verifiers[verifier.name])
        entry = self.contracts["VerifierRegistry"]
        registry = Contract(self.chain, self._artifacts["VerifierRegistry"], entry.address)
        receipt = self.transact(
            registry,
            "add",
            STATEMENTS.index(verifier.statement) + 1,
            verifier.family.number,
            verifier.size,
            verifier.features,
            verifier.frac_bits,
            verifier.noise,
            verifier.insecure,
            contract.address,
        )
        return DeployedVerifier(
            id=receipt.event("VerifierAdded")["id"],
            address=to_checksum_address(contract.address),
            code_hash=code_hash(self.chain.code(contract.address)),
            statement=verifier.statement,
            size=verifier.size,
            features=verifier.features,
            frac_bits=verifier.frac_bits,
            insecure=verifier.insecure,
            family=verifier.family,
            noise=verifier.noise,
        )
