"""What others publish, gathered: what will be deployed, so that its cost is known first, and then deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from twopm_zk.chain.compiler import Artifact
from twopm_zk.chain.deployment import EigenLayer, StakeAsset
from twopm_zk.chain.deployment_steps import DeploymentSteps
from twopm_zk.chain.development import eigenlayer as restaking
from twopm_zk.chain.development import tokens
from twopm_zk.chain.development.eigenlayer import Delays
from twopm_zk.system.progress import Progress


@dataclass(frozen=True)
class Others:
    """What others publish on public chains, to be deployed with ours on a development chain."""

    names: tuple[str, ...] = ()
    published: Mapping[str, Artifact] = field(default_factory=dict)
    delays: Delays = field(default_factory=Delays)

    @classmethod
    def of_development(cls, delays: Delays, progress: Progress) -> Self:
        """Tokens, and EigenLayer where its contracts are installed."""
        eigenlayer = restaking.published()
        if eigenlayer is None:
            progress(restaking.MISSING)
            return cls(tokens.NAMES)
        return cls((*tokens.NAMES, *restaking.NAMES), eigenlayer, delays)

    def deploy(self, steps: DeploymentSteps) -> tuple[list[StakeAsset], EigenLayer]:
        """All of it; this account owns it, and is EigenLayer's operator."""
        found = tokens.deploy_tokens(steps)
        if self.published:
            return restaking.deploy_eigenlayer(steps, found, self.delays)
        return [StakeAsset(token.address, kind) for kind, token in found.items()], EigenLayer()
