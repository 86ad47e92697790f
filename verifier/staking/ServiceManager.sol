// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IRequests} from "../interfaces/IRequests.sol";
import {IServiceManager} from "../interfaces/IServiceManager.sol";
import {IStakes} from "../interfaces/IStakes.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IAllocationManager} from "../interfaces/eigenlayer/IAllocationManager.sol";
import {IRewardsCoordinator} from "../interfaces/eigenlayer/IRewardsCoordinator.sol";
import {IWETH} from "../interfaces/tokens/IWETH.sol";
import {OperatorSet} from "./OperatorSet.sol";
import {RestakedRewards} from "./RestakedRewards.sol";

/// @title What stands behind operators: an AVS of EigenLayer, or StakingContract
/// @notice See {IServiceManager} and {IStakes}. Where there is no EigenLayer, all of it is StakingContract's.
/// @dev Not an account that EigenLayer lets anybody else act for: it names no admin and no appointee.
contract ServiceManager is RestakedRewards, Ownable2Step {
    /// @dev EigenLayer's addresses, all or none.
    struct Restaking {
        IAllocationManager allocationManager;
        IRewardsCoordinator rewardsCoordinator;
        IWETH weth;
        uint64 blockSeconds;
    }

    bool public begun;
    address[] private _named;
    mapping(address account => bool named) private _callers;

    modifier onlyCaller() {
        if (!isCaller(msg.sender) || !STAKING.isSlasher(msg.sender)) revert NotACaller(msg.sender);
        _;
    }

    constructor(
        address owner,
        IStaking staking,
        Restaking memory restaking
    )
        Ownable(owner)
        OperatorSet(staking, restaking.allocationManager, restaking.blockSeconds)
        RestakedRewards(restaking.rewardsCoordinator, restaking.weth)
    {} // solhint-disable-line no-empty-blocks

    // --- owner ---

    /// @inheritdoc IServiceManager
    function begin(address[] calldata callers, string calldata metadataURI) external onlyOwner {
        if (begun) revert AlreadyBegun();
        begun = true;
        _named = callers;
        for (uint256 i = 0; i < callers.length; ++i) {
            _callers[callers[i]] = true;
        }
        emit Begun(callers);
        if (_restakes()) _open(metadataURI);
    }

    /// @inheritdoc IServiceManager
    function setMetadataURI(string calldata metadataURI) external onlyOwner {
        ALLOCATION_MANAGER.updateAVSMetadataURI(address(this), metadataURI);
    }

    // --- our contracts ---

    /// @inheritdoc IStakes
    function slash(address operator, uint256 value, bytes32 reason) external onlyCaller returns (uint256 slashed) {
        uint256 restaked = 0;
        if (_restakes()) {
            try this.slashAllocation(operator, value, reason) returns (uint256 taken) {
                restaked = Math.min(taken, value);
            } catch {} // solhint-disable-line no-empty-blocks
        }
        slashed = restaked;
        if (slashed < value) {
            try STAKING.slash(operator, value - slashed, reason) returns (uint256 taken) {
                slashed += taken;
            } catch {} // solhint-disable-line no-empty-blocks
        }
        emit OperatorPenalised(operator, msg.sender, slashed, restaked, reason);
    }

    /// @inheritdoc IStakes
    /// @dev StakingContract's lock too, for what a restaked operator has there stood behind it before it was restaked.
    function lock(address operator, uint64 until) external onlyCaller {
        if (isRestaked(operator)) {
            uint64 limit = uint64(block.timestamp) + heldFor();
            if (until > limit) revert LockTooLong(until, limit);
        }
        STAKING.lock(operator, until);
    }

    // --- views ---

    /// @inheritdoc IStakes
    function stakeOf(address operator) external view returns (uint256 value) {
        if (!_restakes()) return STAKING.stakeOf(operator);
        if (isRestaked(operator)) return _allocated(operator);
        uint256 count = STAKING.assetCount();
        for (uint256 asset = 0; asset < count; ++asset) {
            uint256 active = STAKING.positionOf(operator, asset).active;
            if (active != 0) value += STAKING.ethValue(asset, STAKING.sharesToAmount(asset, active));
        }
    }

    /// @inheritdoc IStakes
    function obligationsOf(address operator) external view returns (uint256 value) {
        address[] memory named = _named;
        for (uint256 i = 0; i < named.length; ++i) {
            value += IRequests(named[i]).obligationsOf(operator);
        }
    }

    /// @inheritdoc IStakes
    function unlockedFor(uint64 locked) external view returns (uint64) {
        uint64 exit = STAKING.EXIT_DELAY();
        if (!_restakes()) return exit;
        uint64 held = heldFor();
        return held <= locked ? 0 : uint64(Math.min(exit, held - locked));
    }

    /// @inheritdoc IStakes
    function isRestaked(address operator) public view returns (bool) {
        return _restakes() && ALLOCATION_MANAGER.isMemberOfOperatorSet(operator, _set());
    }

    /// @inheritdoc IServiceManager
    function isCaller(address account) public view override returns (bool) {
        return _callers[account];
    }

    function _restakes() private view returns (bool) {
        return address(ALLOCATION_MANAGER) != address(0);
    }
}
