// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAVSRegistrar} from "../interfaces/eigenlayer/IAVSRegistrar.sol";

/// @title The registrar of another AVS, which takes everybody
/// @dev For tests.
contract RegistrarDouble is IAVSRegistrar {
    // solhint-disable no-empty-blocks
    function registerOperator(address, address, uint32[] calldata, bytes calldata) external {}

    function deregisterOperator(address, address, uint32[] calldata) external {}
    // solhint-enable no-empty-blocks

    function supportsAVS(address) external pure returns (bool) {
        return true;
    }
}
