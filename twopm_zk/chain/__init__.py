"""The contracts of ``verifier/`` from Python: compile, deploy, call, and a development node.

Names load on first use, because web3 takes about a second to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twopm_zk.chain.abi import Event
    from twopm_zk.chain.compiler import Artifact, compile_contract, compile_source
    from twopm_zk.chain.contracts import Chain, Contract, Receipt
    from twopm_zk.chain.node import DevelopmentNode
    from twopm_zk.chain.verification import EvmVerification, verify_on_chain

__all__ = [
    "Artifact",
    "Chain",
    "Contract",
    "DevelopmentNode",
    "Event",
    "EvmVerification",
    "Receipt",
    "compile_contract",
    "compile_source",
    "verify_on_chain",
]

_MODULES = {
    "Artifact": "compiler",
    "Chain": "contracts",
    "Contract": "contracts",
    "DevelopmentNode": "node",
    "Event": "abi",
    "EvmVerification": "verification",
    "Receipt": "contracts",
    "compile_contract": "compiler",
    "compile_source": "compiler",
    "verify_on_chain": "verification",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
