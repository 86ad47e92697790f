// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title An account that calls back when it is paid
/// @dev For tests: it obeys everybody.
contract GreedyDouble {
    address public target;
    bytes public call;
    /// @notice Whether the call back succeeded, and what it returned.
    bool public succeeded;
    bytes public answer;

    // solhint-disable-next-line no-complex-fallback
    receive() external payable {
        address called = target;
        if (called == address(0)) return;
        target = address(0);
        (succeeded, answer) = called.call(call);
    }

    /// @notice Call `target_` with `data` once, when the next ETH comes.
    function arm(address target_, bytes calldata data) external {
        target = target_;
        call = data;
    }

    function forward(address target_, bytes calldata data) external payable {
        (bool success, bytes memory result) = target_.call{value: msg.value}(data);
        if (success) return;
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }
}
