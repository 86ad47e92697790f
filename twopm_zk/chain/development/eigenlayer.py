"""EigenLayer's own contracts, as published, on a development chain.

PyPI's ``eigensdk`` ships their bytecode (release 1.4.0 with slashing, solc 0.8.27) among its files, which are read
without importing it; the contracts are under a licence of their own (BUSL-1.1) and no part of this project. Where it
is not installed a development chain has no EigenLayer: tokens can be staked and not delegated.

Each contract is behind an ERC-1967 proxy, since they are constructed with each other's addresses. What the package
lacks are doubles: strategies, WETH, the registry of pausers, and EigenPodManager, with which nobody restakes here.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twopm_zk.chain.compiler import Artifact
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.deployment import NOBODY, EigenLayer, StakeAsset
from twopm_zk.chain.deployment_steps import DeploymentSteps
from twopm_zk.errors import ToolError
from twopm_zk.system.parsing import read_json

PUBLISHED = (
    "PermissionController",
    "StrategyManager",
    "DelegationManager",
    "AllocationManager",
    "RewardsCoordinator",
)
PACKAGE, VERSION = "eigensdk", "0.1.0"
FOLDER = Path(sys.prefix) / "eigenlayer"
"""Where a checkout has the package, beside all others: it has a top-level package `tests`, which would hide ours."""
MISSING = f"EigenLayer's contracts are not installed (PyPI's {PACKAGE} {VERSION}): stakes cannot be delegated here"
STRATEGIES = 3
"""One for each token."""
NAMES = (
    "PauserRegistryDouble",
    "EigenPodManagerDouble",
    *["ProxyDouble"] * len(PUBLISHED),
    *PUBLISHED,
    *["StrategyDouble"] * STRATEGIES,
    "WETHDouble",
)
_RELEASE = "1.4.0"
_DAY = 86_400
_CALCULATION_INTERVAL = _DAY
_MAX_REWARDS_DURATION, _MAX_RETROACTIVE, _MAX_FUTURE = 70 * _DAY, 168 * _DAY, 30 * _DAY
_GENESIS = 1_710_979_200
"""21 March 2024; as those above, what RewardsCoordinator has on Ethereum."""
_OPERATORS_SHARE = 1_000
"""Of 10,000: what an operator keeps of its rewards where it has said nothing else."""


@dataclass(frozen=True)
class Delays:
    """EigenLayer's delays in blocks, as on Ethereum but for that of a first allocation, which is 126,000 there."""

    withdrawal: int = 100_800
    """Of what stakers take out: 14 days."""
    deallocation: int = 126_000
    """How long what an operator takes away from an operator set can still be slashed: 17.5 days."""
    configuration: int = 1
    """How long an operator's choice of its allocation delay takes to hold."""


def published() -> dict[str, Artifact] | None:
    """EigenLayer's contracts by name, None where they are not installed.

    Raises ToolError where the installed files are not what they should be.
    """
    found = importlib.metadata.distributions(name=PACKAGE, path=[*sys.path, str(FOLDER)])
    package = next((one for one in found if one.version == VERSION), None)
    if package is None:
        return None
    there = {file.stem: Path(str(file.locate())) for file in package.files or () if file.parent.name == "ABI"}
    return {name: _artifact(name, there.get(name)) for name in PUBLISHED}


def _artifact(name: str, path: Path | None) -> Artifact:
    """One of the package's files, which are forge's artifacts."""
    try:
        if path is None:
            raise KeyError(f"{name}.json")
        saved = read_json(path, what="contract of EigenLayer")
        runtime = saved["deployedBytecode"]
        places = [place for found in runtime.get("immutableReferences", {}).values() for place in found]
        return Artifact(
            name=name,
            unit=PACKAGE,
            abi=saved["abi"],
            bytecode=saved["bytecode"]["object"].removeprefix("0x"),
            runtime=runtime["object"].removeprefix("0x"),
            links={},
            runtime_links={},
            immutables=[[place["start"], place["length"]] for place in places],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"PyPI's {PACKAGE} {VERSION} as installed has no contract {name}: {error}") from error


def deploy_eigenlayer(
    steps: DeploymentSteps, tokens: Mapping[str, Contract], delays: Delays
) -> tuple[list[StakeAsset], EigenLayer]:
    """All of EigenLayer, and a strategy for each token. The account owns it, pauses it, and is its operator."""
    owner, artifacts = steps.chain.address, steps.artifacts
    pauser = steps.deploy(artifacts["PauserRegistryDouble"]).address
    pods = steps.deploy(artifacts["EigenPodManagerDouble"]).address
    proxies = {name: steps.deploy(artifacts["ProxyDouble"]) for name in PUBLISHED}
    at = {name: proxy.address for name, proxy in proxies.items()}
    permissions, strategies, delegation, allocation = (at[name] for name in PUBLISHED[:4])
    constructed: dict[str, tuple[object, ...]] = {
        "PermissionController": (_RELEASE,),
        "StrategyManager": (delegation, pauser, _RELEASE),
        "DelegationManager": (strategies, pods, allocation, pauser, permissions, delays.withdrawal, _RELEASE),
        "AllocationManager": (
            delegation,
            pauser,
            permissions,
            delays.deallocation,
            delays.configuration,
            _RELEASE,
        ),
        "RewardsCoordinator": (
            (
                delegation,
                strategies,
                allocation,
                pauser,
                permissions,
                _CALCULATION_INTERVAL,
                _MAX_REWARDS_DURATION,
                _MAX_RETROACTIVE,
                _MAX_FUTURE,
                _GENESIS,
                _RELEASE,
            ),
        ),
    }
    initialized: dict[str, tuple[object, ...]] = {
        "StrategyManager": (owner, owner, 0),
        "DelegationManager": (owner, 0),
        "AllocationManager": (owner, 0),
        "RewardsCoordinator": (owner, 0, owner, 0, _OPERATORS_SHARE),  # whose roots hold at once
    }
    managers = {}
    for name, proxy in proxies.items():
        behind = steps.deploy(artifacts[name], *constructed[name])
        first = behind.encode("initialize", *initialized[name]) if name in initialized else b""
        steps.transact(proxy, "upgradeToAndCall", behind.address, first)
        managers[name] = Contract(steps.chain, artifacts[name], proxy.address)
    steps.transact(managers["DelegationManager"], "registerAsOperator", NOBODY, 0, "")
    assets = [
        StakeAsset(token.address, kind, steps.deploy(artifacts["StrategyDouble"], token.address, strategies).address)
        for kind, token in tokens.items()
    ]
    listed = [asset.strategy for asset in assets]
    steps.transact(managers["StrategyManager"], "addStrategiesToDepositWhitelist", listed)
    return assets, EigenLayer(
        strategy_manager=strategies,
        delegation_manager=delegation,
        operator=owner,
        allocation_manager=allocation,
        rewards_coordinator=at["RewardsCoordinator"],
        weth=steps.deploy(artifacts["WETHDouble"]).address,
    )
