"""JSON-RPC endpoints as they are: what they refuse and answer, which blocks they have, what is read through them."""

from twopm_zk.chain.rpc.chain_reads import ChainReads, Receipt, Topic
from twopm_zk.chain.rpc.endpoint import (
    EndpointError,
    RpcProvider,
    TooManyRequestsError,
    reading,
    rpc_kind,
    rpc_message,
)

__all__ = [
    "ChainReads",
    "EndpointError",
    "Receipt",
    "RpcProvider",
    "TooManyRequestsError",
    "Topic",
    "reading",
    "rpc_kind",
    "rpc_message",
]
