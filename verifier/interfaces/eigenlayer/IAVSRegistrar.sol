// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What EigenLayer's AllocationManager calls of an AVS
interface IAVSRegistrar {
    function registerOperator(
        address operator,
        address avs,
        uint32[] calldata operatorSetIds,
        bytes calldata data
    ) external;

    function deregisterOperator(address operator, address avs, uint32[] calldata operatorSetIds) external;

    function supportsAVS(address avs) external view returns (bool);
}
