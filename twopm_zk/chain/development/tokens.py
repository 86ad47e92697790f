"""Stand-ins for the tokens that can be staked: Lido's stETH and wstETH, Rocket Pool's rETH.

Lido publishes interfaces alone (npm's ``@lido-sdk/contracts``), which tests compare with the doubles; Rocket Pool
publishes nothing that could be compared.
"""

from __future__ import annotations

from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.deployment_steps import DeploymentSteps

NAMES = ("StETHDouble", "WstETHDouble", "RETHDouble")
RETH = "RETHDouble"


def deploy_tokens(steps: DeploymentSteps) -> dict[str, Contract]:
    """The tokens by kind, in the order of IStaking's enum."""
    steth = steps.ours("StETHDouble")
    return {"stETH": steth, "wstETH": steps.ours("WstETHDouble", steth.address), "rETH": steps.ours(RETH)}
