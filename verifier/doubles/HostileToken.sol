// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IEthRate} from "../interfaces/IEthRate.sol";

/// @title A token that misbehaves on request: calls back, takes a fee, fails, or says nothing of a transfer
/// @dev For tests. It is its own rate.
contract HostileToken is ERC20, IEthRate {
    /// @dev What a transfer returns; where it says false, nothing was moved.
    enum Saying {
        True,
        False,
        Nothing
    }

    address public target;
    bytes public call;
    uint256 public feePercent;
    bool public broken;
    bytes public answer;
    Saying public saying;

    error Broken();

    constructor() ERC20("Hostile", "HOSTILE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Call `target_` with `data` once, at the next transfer.
    function arm(address target_, bytes calldata data) external {
        target = target_;
        call = data;
    }

    function setFee(uint256 percent) external {
        feePercent = percent;
    }

    function setBroken(bool broken_) external {
        broken = broken_;
    }

    function setSaying(Saying saying_) external {
        saying = saying_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return saying != Saying.False && _said(super.transfer(to, amount));
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return saying != Saying.False && _said(super.transferFrom(from, to, amount));
    }

    function ethPerToken() external view returns (uint256) {
        if (broken) revert Broken();
        return 1 ether;
    }

    function _said(bool success) private view returns (bool) {
        if (saying != Saying.Nothing) return success;
        assembly ("memory-safe") {
            return(0, 0)
        }
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (broken) revert Broken();
        address called = target;
        if (called != address(0)) {
            target = address(0);
            (bool success, bytes memory result) = called.call(call);
            answer = result;
            if (!success) {
                // pass the refusal on, as a token would that does not care
                assembly ("memory-safe") {
                    revert(add(result, 32), mload(result))
                }
            }
        }
        uint256 fee = from == address(0) ? 0 : (amount * feePercent) / 100;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(this), fee);
    }
}
