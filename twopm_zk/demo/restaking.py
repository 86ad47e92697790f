"""What stands behind the demonstration's operator: stake that the coordinator delegates to it through EigenLayer.

The contracts of EigenLayer are its own where they are installed. Where they are not, the operator puts up a stake of
its own, and the story says so.
"""

from __future__ import annotations

from twopm_zk.chain.development.eigenlayer import MISSING
from twopm_zk.chain.networks import RestakedOperator
from twopm_zk.chain.stakes import StakeAccount
from twopm_zk.demo.stage import OPERATOR, RETH, Stage, put_up_stake


def stand_behind_operator(stage: Stage) -> str:
    """Have enough stand behind the operator's answers; what that is, in a sentence."""
    view = stage.view(OPERATOR)
    if not view.stakes.restakes:
        put_up_stake(view)
        return f"The operator has {view.backing_of(view.address).sentence}. {MISSING}."
    operator, restaker = RestakedOperator(view.network), stage.view("coordinator")
    operator.register()
    stage.view("deployer").staking.set_operator(operator.address)
    put_up_stake(restaker)
    shares = StakeAccount(restaker.network, restaker.address).active_shares(RETH, None)
    restaker.staking.delegate(RETH, shares, operator.address)
    operator.allocate(RETH, 100)
    backing = view.backing_of(operator.address).sentence
    return (
        f"The operator is in the network's operator set at EigenLayer, with {backing}: the coordinator has delegated "
        "it. Were the operator late, its penalty would be burnt of that; what it earns, EigenLayer divides."
    )
