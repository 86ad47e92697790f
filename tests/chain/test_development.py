"""What a development chain gets that others publish: EigenLayer as it is deployed, and what happens without it."""

import importlib.metadata
import json
from types import SimpleNamespace

import pytest

from twopm_zk.chain import compile_contract
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.deployer import deploy_all
from twopm_zk.chain.deployment import NOBODY
from twopm_zk.chain.development import eigenlayer
from twopm_zk.chain.development.eigenlayer import MISSING, Delays, published
from twopm_zk.chain.network import Network
from twopm_zk.errors import ToolError

ETH = 10**18


@pytest.fixture(scope="module")
def deployed(chain):
    if published() is None:
        pytest.skip(MISSING)
    return deploy_all(chain)


@pytest.fixture(scope="module")
def managers(chain, deployed):
    """EigenLayer's contracts by name."""
    there = deployed.eigenlayer
    named = {
        "StrategyManager": there.strategy_manager,
        "DelegationManager": there.delegation_manager,
        "AllocationManager": there.allocation_manager,
        "RewardsCoordinator": there.rewards_coordinator,
    }
    found = {name: Contract(chain, published()[name], address) for name, address in named.items()}
    permissions = found["AllocationManager"].call("permissionController")
    return {**found, "PermissionController": Contract(chain, published()["PermissionController"], permissions)}


def test_eigenlayer_has_its_delays_and_knows_its_parts(managers):
    at = {name: manager.address for name, manager in managers.items()}
    delegation, allocation, rewards = (
        managers[name] for name in ("DelegationManager", "AllocationManager", "RewardsCoordinator")
    )
    assert {manager.call("version") for manager in managers.values()} == {"1.4.0"}
    assert delegation.call("minWithdrawalDelayBlocks") == Delays().withdrawal == 100_800
    assert allocation.call("DEALLOCATION_DELAY") == Delays().deallocation == 126_000
    assert allocation.call("ALLOCATION_CONFIGURATION_DELAY") == Delays().configuration == 1
    assert (rewards.call("CALCULATION_INTERVAL_SECONDS"), rewards.call("activationDelay")) == (86_400, 0)
    for contract, getters in {
        "DelegationManager": ("strategyManager", "allocationManager", "permissionController"),
        "RewardsCoordinator": ("strategyManager", "allocationManager", "delegationManager", "permissionController"),
        "StrategyManager": ("delegation",),
        "AllocationManager": ("delegation",),
    }.items():
        for getter in getters:
            name = "DelegationManager" if getter == "delegation" else getter[0].upper() + getter[1:]
            assert managers[contract].call(getter) == at[name]


def test_whoever_deploys_owns_eigenlayer_and_is_its_operator(chain, deployed, managers):
    for name in ("StrategyManager", "DelegationManager", "AllocationManager", "RewardsCoordinator"):
        assert managers[name].call("owner") == chain.address
    assert managers["RewardsCoordinator"].call("rewardsUpdater") == chain.address
    assert managers["DelegationManager"].call("isOperator", deployed.eigenlayer.operator)
    staking = Network(chain, deployed).staking.contract
    for asset in range(3):
        assert managers["StrategyManager"].call(
            "strategyIsWhitelistedForDeposit", staking.call("assetAt", asset)["strategy"]
        )


def test_a_stranger_neither_pauses_nor_replaces_what_is_behind_a_proxy(managers, keys, refused):
    manager = managers["StrategyManager"]
    stranger = manager.signing_as(keys.ada)
    with refused("OnlyPauser"):
        stranger.transact("pauseAll")
    proxy = Contract(stranger.chain, compile_contract("ProxyDouble"), manager.address)
    with refused("OnlyOwner", caller=stranger.chain.address):
        proxy.transact("upgradeToAndCall", manager.address, b"")


@pytest.mark.slow
@pytest.mark.parametrize("version", [None, "0.2.0"])
def test_without_eigenlayers_contracts_stakes_work_and_delegation_does_not(chain, keys, refused, monkeypatch, version):
    there = [] if version is None else [SimpleNamespace(version=version)]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda **of: iter(there))
    said = []
    network = Network(chain, deploy_all(chain, progress=said.append))
    assert MISSING in said
    assert not network.deployment.eigenlayer.present
    network.deployment.check(chain)
    ada = network.signing_as(keys.ada)
    ada.contract("RETHDouble").transact("deposit", value=ETH)
    shares = ada.staking.stake(2, ETH // 2).event("Staked")["shares"]
    assert network.staking.stake_of(ada.chain.address) == pytest.approx(0.55 * ETH, rel=1e-9)
    assert network.staking.operator_for(ada.chain.address) == NOBODY
    with refused("CannotDelegate", asset=2):
        ada.staking.delegate(2, shares, NOBODY)


@pytest.mark.parametrize("content", [None, "[]", "{}", json.dumps({"abi": [], "bytecode": {}, "deployedBytecode": {}})])
def test_a_package_that_is_not_what_it_should_be_is_named(monkeypatch, tmp_path, content):
    path = tmp_path / "PermissionController.json"
    if content is not None:
        path.write_text(content)
    file = SimpleNamespace(stem=path.stem, parent=SimpleNamespace(name="ABI"), locate=lambda: path)
    files = [] if content is None else [file]
    package = SimpleNamespace(version=eigenlayer.VERSION, files=files)
    monkeypatch.setattr(importlib.metadata, "distributions", lambda **of: iter([package]))
    with pytest.raises(ToolError, match="as installed has no contract PermissionController"):
        published()
