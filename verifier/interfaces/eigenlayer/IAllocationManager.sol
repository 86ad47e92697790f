// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAVSRegistrar} from "./IAVSRegistrar.sol";
import {IStrategy} from "./IStrategy.sol";

/// @title The part of EigenLayer's IAllocationManager that we use (release 1.4)
/// @notice A magnitude is a part of what is delegated to an operator in one strategy, of 10^18 at first; each slash makes the
/// operator's greatest magnitude smaller.
interface IAllocationManager {
    struct OperatorSet {
        address avs;
        uint32 id;
    }

    struct CreateSetParams {
        uint32 operatorSetId;
        IStrategy[] strategies;
    }

    struct RegisterParams {
        address avs;
        uint32[] operatorSetIds;
        bytes data;
    }

    struct DeregisterParams {
        address operator;
        address avs;
        uint32[] operatorSetIds;
    }

    struct AllocateParams {
        OperatorSet operatorSet;
        IStrategy[] strategies;
        uint64[] newMagnitudes;
    }

    struct SlashingParams {
        address operator;
        uint32 operatorSetId;
        IStrategy[] strategies;
        uint256[] wadsToSlash;
        string description;
    }

    struct Allocation {
        uint64 currentMagnitude;
        int128 pendingDiff;
        uint32 effectBlock;
    }

    // an AVS

    function updateAVSMetadataURI(address avs, string calldata metadataURI) external;

    function setAVSRegistrar(address avs, IAVSRegistrar registrar) external;

    function createOperatorSets(address avs, CreateSetParams[] calldata params) external;

    function slashOperator(address avs, SlashingParams calldata params) external;

    // an operator

    function registerForOperatorSets(address operator, RegisterParams calldata params) external;

    function deregisterFromOperatorSets(DeregisterParams calldata params) external;

    function setAllocationDelay(address operator, uint32 delay) external;

    function modifyAllocations(address operator, AllocateParams[] calldata params) external;

    // views

    function getMinimumSlashableStake(
        OperatorSet calldata operatorSet,
        address[] calldata operators,
        IStrategy[] calldata strategies,
        uint32 futureBlock
    ) external view returns (uint256[][] memory slashableStake);

    function getAllocation(
        address operator,
        OperatorSet calldata operatorSet,
        IStrategy strategy
    ) external view returns (Allocation memory);

    function getAllocatableMagnitude(address operator, IStrategy strategy) external view returns (uint64);

    function getMaxMagnitude(address operator, IStrategy strategy) external view returns (uint64);

    function getAllocationDelay(address operator) external view returns (bool isSet, uint32 delay);

    function isMemberOfOperatorSet(address operator, OperatorSet calldata operatorSet) external view returns (bool);

    function isOperatorSlashable(address operator, OperatorSet calldata operatorSet) external view returns (bool);

    function DEALLOCATION_DELAY() external view returns (uint32); // solhint-disable-line func-name-mixedcase
}
