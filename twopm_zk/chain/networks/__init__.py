"""Networks, what is asked of their operators and stands behind them, and the fees, as typed Python.

A network is the model of one task, one metadata document and one set of terms; see docs/networks.md. Ids count from 1.
Amounts are in wei of ETH, or in the smallest units of the deployment's token.
"""

from twopm_zk.chain.networks.conversations import (
    Case,
    ConversationRequest,
    Conversations,
    ConversationState,
    Verdict,
)
from twopm_zk.chain.networks.predictions import Inference
from twopm_zk.chain.networks.registry import PARTS, FeeToken, Model, NetworkEntry, Networks, NetworkTerms
from twopm_zk.chain.networks.requests import RequestsClient
from twopm_zk.chain.networks.restaking import Backing, RestakedOperator, ServiceManager

__all__ = [
    "PARTS",
    "Backing",
    "Case",
    "ConversationRequest",
    "ConversationState",
    "Conversations",
    "FeeToken",
    "Inference",
    "Model",
    "NetworkEntry",
    "NetworkTerms",
    "Networks",
    "RequestsClient",
    "RestakedOperator",
    "ServiceManager",
    "Verdict",
]
