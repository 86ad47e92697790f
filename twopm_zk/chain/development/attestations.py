"""The Ethereum Attestation Service's own contracts, as published, on a development chain.

npm's ``@ethereum-attestation-service/eas-contracts`` (EAS 1.4, MIT) ships what its sources compile to. Where it is not
installed a development chain has no EAS: nobody can attest to data there, and no terms name issuers.
"""

from __future__ import annotations

import re
from pathlib import Path

from twopm_zk.chain.compiler import Artifact
from twopm_zk.chain.deployment_steps import DeploymentSteps
from twopm_zk.errors import ToolError, ToolMissingError
from twopm_zk.system import paths
from twopm_zk.system.parsing import read_json

PACKAGE, VERSION = "@ethereum-attestation-service/eas-contracts", "1.9.0"
MISSING = f"the contracts of EAS are not installed (npm's {PACKAGE} {VERSION}): nobody can attest to data here"
REGISTRY, EAS = NAMES = ("SchemaRegistry", "EAS")
_IMMUTABLE = b"\x7f" + bytes(32)
"""PUSH32 of zeros, which the compiler writes for an immutable alone: what is published does not say where they are."""


def published() -> dict[str, Artifact] | None:
    """The contracts of EAS by name, None where they are not installed.

    Raises ToolError where the installed files are not what they should be.
    """
    try:
        folder = paths.npm_package(PACKAGE)
    except ToolMissingError:
        return None
    if paths.npm_version(folder) != VERSION:
        return None
    return {name: _artifact(name, folder / "artifacts/contracts" / f"{name}.sol" / f"{name}.json") for name in NAMES}


def _artifact(name: str, path: Path) -> Artifact:
    """One of the package's files, which are Hardhat's artifacts."""
    saved = read_json(path, what="contract of EAS")
    try:
        runtime = bytes.fromhex(saved["deployedBytecode"].removeprefix("0x"))
        return Artifact(
            name=name,
            unit=PACKAGE,
            abi=saved["abi"],
            bytecode=saved["bytecode"].removeprefix("0x"),
            runtime=runtime.hex(),
            links={},
            runtime_links={},
            immutables=[[found.start() + 1, 32] for found in re.finditer(re.escape(_IMMUTABLE), runtime)],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolError(f"npm's {PACKAGE} {VERSION} as installed has no contract {name}: {error}") from error


def deploy_eas(steps: DeploymentSteps) -> str:
    """EAS with its registry of schemas; the address of EAS."""
    registry = steps.deploy(steps.artifacts[REGISTRY])
    return steps.deploy(steps.artifacts[EAS], registry.address).address
