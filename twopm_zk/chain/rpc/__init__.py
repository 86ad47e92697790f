"""JSON-RPC endpoints as they are: what they refuse, what they answer, and which blocks they have."""

from twopm_zk.chain.rpc.endpoint import (
    EndpointError,
    RpcProvider,
    TooManyRequestsError,
    reading,
    rpc_kind,
    rpc_message,
)

__all__ = ["EndpointError", "RpcProvider", "TooManyRequestsError", "reading", "rpc_kind", "rpc_message"]
