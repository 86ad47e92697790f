"""The contracts of ``verifier/`` from Python: compile, deploy, call, and a development node.

Names load on first use, because web3 takes half a second to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from twopm_zk.system.late_keyfile import load_keyfile_late

if TYPE_CHECKING:
    from twopm_zk.chain.abi import DecodedEvent
    from twopm_zk.chain.compiler import Artifact, compile_contract, compile_source
    from twopm_zk.chain.contracts import Chain, Contract
    from twopm_zk.chain.deployer import add_verifiers, deploy_all
    from twopm_zk.chain.deployment import Deployment, EigenLayer, GeneratedVerifier, StakeAsset, Terms
    from twopm_zk.chain.development_node import DevelopmentNode
    from twopm_zk.chain.federated import FederatedSnapshot
    from twopm_zk.chain.network import Network
    from twopm_zk.chain.networks import NetworkEntry, NetworkTerms
    from twopm_zk.chain.rounds import TaskConfig, TrainingConfig
    from twopm_zk.chain.rpc import Receipt
    from twopm_zk.chain.tasks import AcceptedUpdate, Phase, TaskSnapshot, TaskState
    from twopm_zk.chain.verification import EvmVerification, verify_on_chain

load_keyfile_late()

_MODULES = {
    "AcceptedUpdate": "tasks",
    "Artifact": "compiler",
    "Chain": "contracts",
    "Contract": "contracts",
    "Deployment": "deployment",
    "DevelopmentNode": "development_node",
    "EigenLayer": "deployment",
    "DecodedEvent": "abi",
    "EvmVerification": "verification",
    "FederatedSnapshot": "federated",
    "GeneratedVerifier": "deployment",
    "Network": "network",
    "NetworkEntry": "networks",
    "NetworkTerms": "networks",
    "Phase": "tasks",
    "Receipt": "rpc",
    "StakeAsset": "deployment",
    "TaskConfig": "rounds",
    "TaskSnapshot": "tasks",
    "TaskState": "tasks",
    "Terms": "deployment",
    "TrainingConfig": "rounds",
    "compile_contract": "compiler",
    "compile_source": "compiler",
    "deploy_all": "deployer",
    "add_verifiers": "deployer",
    "verify_on_chain": "verification",
}

__all__ = [
    "AcceptedUpdate",
    "Artifact",
    "Chain",
    "Contract",
    "DecodedEvent",
    "Deployment",
    "DevelopmentNode",
    "EigenLayer",
    "EvmVerification",
    "FederatedSnapshot",
    "GeneratedVerifier",
    "Network",
    "NetworkEntry",
    "NetworkTerms",
    "Phase",
    "Receipt",
    "StakeAsset",
    "TaskConfig",
    "TaskSnapshot",
    "TaskState",
    "Terms",
    "TrainingConfig",
    "add_verifiers",
    "compile_contract",
    "compile_source",
    "deploy_all",
    "verify_on_chain",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
