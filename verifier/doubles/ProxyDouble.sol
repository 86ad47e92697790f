// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {Proxy} from "@openzeppelin/contracts/proxy/Proxy.sol";

/// @title An ERC-1967 proxy that gets its implementation after it is deployed
/// @notice EigenLayer's contracts are constructed with each other's addresses, which are those of their proxies.
/// @dev Never for a public chain: who deployed it can replace what is behind it, at any time.
contract ProxyDouble is Proxy {
    address private immutable OWNER = msg.sender;

    error OnlyOwner(address caller);

    /// @notice Put an implementation behind this proxy, and call it with `data` where there is some.
    function upgradeToAndCall(address implementation, bytes calldata data) external {
        if (msg.sender != OWNER) revert OnlyOwner(msg.sender);
        ERC1967Utils.upgradeToAndCall(implementation, data);
    }

    function _implementation() internal view override returns (address) {
        return ERC1967Utils.getImplementation();
    }
}
