"""Everything on a chain in one call, step by step (``deployment_steps``), and what is added to it later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from eth_utils.address import to_checksum_address

from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.contracts import Chain, Contract
from twopm_zk.chain.deployment import (
    DEVELOPMENT_CHAINS,
    EAS_ADDRESSES,
    NOBODY,
    STATEMENTS,
    DeployedVerifier,
    Deployment,
    EigenLayer,
    GeneratedVerifier,
    StakeAsset,
    Terms,
    code_hash,
    require_known_eas,
)
from twopm_zk.chain.deployment_steps import DeploymentSteps, Journal
from twopm_zk.chain.development.attestations import EAS
from twopm_zk.chain.development.eigenlayer import Delays
from twopm_zk.chain.development.others import Others
from twopm_zk.chain.development.tokens import RETH
from twopm_zk.errors import DeploymentError, InsecureKeyError, TransactionError
from twopm_zk.system.progress import Progress

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
_RESOLVER = "CertificateResolver"
"""Of certificates in EAS, where there is EAS."""

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


def deploy_all(
    chain: Chain,
    *,
    verifiers: Sequence[GeneratedVerifier] = (),
    assets: Sequence[StakeAsset] | None = None,
    eigenlayer: EigenLayer | None = None,
    eas: str | None = None,
    treasury: str | None = None,
    terms: Terms | None = None,
    delays: Delays | None = None,
    allow_insecure: bool = False,
    journal: Path | None = None,
    progress: Progress = lambda line: None,
) -> Deployment:
    """Compile and deploy everything; the chain's account becomes the owner, and the treasury if none is named.

    On a development chain, assets that are not given are doubles, with EigenLayer's and EAS's own contracts where they
    are installed (``chain/development``), and EigenLayer's ``delays``. Elsewhere assets must be given, ``eas`` is where
    it is known to be unless it is given, and without ``allow_insecure`` neither verifiers of development keys nor a
    publicly known account are used. The token that ``terms`` name for fees must be there. Steps that ``journal`` knows
    are not paid for again; whoever calls removes it with the deployment safe.
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
    eas = eas or EAS_ADDRESSES.get(chain.chain_id)
    if eas is not None:
        eas = _checked_eas(chain, eas)
    if assets is not None:
        _require_together(chain, assets, eigenlayer or EigenLayer())
    doubles = assets is None
    others = Others.of_development(delays or Delays(), progress) if doubles else Others()
    attested = eas is not None or EAS in others.published
    steps = DeploymentSteps(
        chain,
        Journal(chain, journal),
        progress,
        (*others.names, *_LIBRARIES, *_OURS, *([_RESOLVER] if attested else [])),
        verifiers,
        others.published,
    )
    steps.require_funds()
    if assets is None:
        assets, eigenlayer, own_eas = others.deploy(steps)
        eas = eas or own_eas
    eigenlayer, eas = eigenlayer or EigenLayer(), eas or NOBODY
    _everything(steps, assets, eigenlayer, eas, treasury or chain.address, terms)
    return Deployment(
        chain_id=chain.chain_id,
        block=steps.first_block,
        doubles=doubles,
        contracts=steps.contracts,
        verifiers={verifier.name: _register(steps, verifier) for verifier in verifiers},
        eigenlayer=eigenlayer,
        eas=eas,
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
    steps = DeploymentSteps(chain, Journal(chain, journal), progress, (), verifiers)
    steps.contracts = dict(deployment.contracts)
    steps.require_funds()
    added = {verifier.name: _register(steps, verifier) for verifier in verifiers}
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


def _checked_eas(chain: Chain, address: str) -> str:
    """The address with its checksum. DeploymentError unless EAS is there, and where it is known to be."""
    address = to_checksum_address(address)
    require_known_eas(chain.chain_id, address)
    found = chain.contract(compile_contract("IEAS"), address)
    try:
        found.call("getSchemaRegistry")
    except (TransactionError, DeploymentError) as error:
        raise DeploymentError(f"there is no EAS at {address} on chain {chain.chain_id}") from error
    return address


def _require_together(chain: Chain, assets: Sequence[StakeAsset], eigenlayer: EigenLayer) -> None:
    """Raise DeploymentError where strategies lack EigenLayer, or its addresses are of several."""
    if not eigenlayer.present:
        if with_strategy := [asset.kind for asset in assets if asset.strategy != NOBODY]:
            raise DeploymentError(f"{with_strategy[0]} has a strategy, and no DelegationManager of EigenLayer is named")
        return
    delegation = chain.contract(compile_contract("IDelegationManager"), eigenlayer.delegation_manager)
    strategies = chain.contract(compile_contract("IStrategyManager"), eigenlayer.strategy_manager)
    asked: list[tuple[Contract, str, str]] = [
        (delegation, "strategyManager", strategies.address),
        (strategies, "delegation", delegation.address),
    ]
    if eigenlayer.allocation_manager != NOBODY:
        asked.append((delegation, "allocationManager", eigenlayer.allocation_manager))
    for contract, getter, named in asked:
        if (found := contract.call(getter)) != named:
            raise DeploymentError(f"{contract.address} is of another EigenLayer: its {getter} is {found}, not {named}")


def _everything(
    steps: DeploymentSteps,
    assets: Sequence[StakeAsset],
    eigenlayer: EigenLayer,
    eas: str,
    treasury: str,
    terms: Terms,
) -> None:
    owner = steps.chain.address
    for name in _LIBRARIES:
        steps.ours(name)
    identity, data_hub = steps.ours("IdentityContract"), steps.ours("DataHub", eas)
    staking = steps.ours(
        "StakingContract",
        owner,
        treasury,
        terms.exit_seconds,
        [(asset.token, asset.kind_number, asset.strategy, asset.rate) for asset in assets],
        eigenlayer.strategy_manager,
        eigenlayer.delegation_manager,
    )
    if eigenlayer.operator != NOBODY:
        steps.transact(staking, "setOperator", eigenlayer.operator)
    registry = steps.ours("VerifierRegistry", owner)
    shared = (identity.address, data_hub.address, staking.address)
    hfl = steps.ours("HFLContract", *shared)
    hlr = steps.ours("HLRContract", *shared, registry.address)
    if eas != NOBODY:
        steps.ours(_RESOLVER, eas, hlr.address)
    networks = steps.ours("NetworkRegistry", hlr.address, hfl.address, _fee_token(steps, terms))
    inference = steps.ours("InferenceContract", staking.address, registry.address, networks.address)
    conversation = steps.ours("ConversationContract", staking.address, networks.address)
    for slasher in (hlr, hfl, inference, conversation):
        steps.transact(staking, "authorise", slasher.address)  # nobody is staked yet, so it holds at once


def _fee_token(steps: DeploymentSteps, terms: Terms) -> str:
    """The token that fees can be in: where tokens are stand-ins and none is named, that of rETH."""
    if terms.fee_token is not None:
        return terms.fee_token
    double = steps.contracts.get(RETH)
    return double.address if double else NOBODY


def _register(steps: DeploymentSteps, verifier: GeneratedVerifier) -> DeployedVerifier:
    """Deploy a generated verifier and add it to the registry."""
    contract = steps.deploy(steps.verifiers[verifier.name])
    entry = steps.contracts["VerifierRegistry"]
    registry = Contract(steps.chain, steps.artifacts["VerifierRegistry"], entry.address)
    receipt = steps.transact(
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
        code_hash=code_hash(steps.chain.code(contract.address)),
        statement=verifier.statement,
        size=verifier.size,
        features=verifier.features,
        frac_bits=verifier.frac_bits,
        insecure=verifier.insecure,
        family=verifier.family,
        noise=verifier.noise,
    )
