// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A wallet as a contract: passes calls on at once, or keeps one until it is confirmed
/// @notice What is confirmed is in no calldata of the transaction that calls, as with wallets of several owners.
/// @dev For tests: it obeys everybody.
contract WalletDouble {
    address public target;
    bytes public call;

    function propose(address target_, bytes calldata call_) external {
        target = target_;
        call = call_;
    }

    function confirm() external {
        _pass(target, call);
    }

    function forward(address target_, bytes calldata call_) external {
        _pass(target_, call_);
    }

    function _pass(address target_, bytes memory call_) private {
        (bool success, bytes memory result) = target_.call(call_);
        if (success) return;
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }
}
