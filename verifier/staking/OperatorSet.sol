// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IServiceManager} from "../interfaces/IServiceManager.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IAllocationManager} from "../interfaces/eigenlayer/IAllocationManager.sol";
import {IAVSRegistrar} from "../interfaces/eigenlayer/IAVSRegistrar.sol";
import {IDelegationManager} from "../interfaces/eigenlayer/IDelegationManager.sol";
import {IStrategy} from "../interfaces/eigenlayer/IStrategy.sol";

/// @title One operator set of EigenLayer: who is in it, what it has allocated, and what a slash can reach
/// @dev An allocation is a part of all that is delegated to an operator in one strategy. EigenLayer slashes that part of what is
/// delegated now **and** of what has been queued for withdrawal and can still be slashed: a slash by the allocation alone
/// would take too much as soon as somebody withdraws.
///
/// A deallocation, and leaving the set, take DEALLOCATION_DELAY blocks, a withdrawal minWithdrawalDelayBlocks. What counts as stake
/// in block b, that is what is delegated in b and stays allocated until b + DEALLOCATION_DELAY, can therefore be slashed at least
/// until b + min of both, whatever operator and delegators do after b.
abstract contract OperatorSet is IServiceManager {
    using Math for uint256;
    using SafeCast for uint256;

    uint32 public constant SET = 1;
    uint256 private constant WAD = 1e18;

    IStaking public immutable STAKING;
    /// @notice The zero address where nobody can restake.
    IAllocationManager public immutable ALLOCATION_MANAGER;
    IDelegationManager public immutable DELEGATION_MANAGER;
    /// @notice Seconds of a block at least, for EigenLayer counts in blocks.
    uint64 public immutable BLOCK_SECONDS;

    IStrategy[] private _strategies;
    mapping(IStrategy strategy => uint256 asset) private _assetOf;
    mapping(address operator => Membership membership) private _memberships;

    modifier onlyEigenLayer() {
        if (msg.sender != address(ALLOCATION_MANAGER)) revert OnlyEigenLayer(msg.sender);
        _;
    }

    constructor(IStaking staking, IAllocationManager allocationManager, uint64 blockSeconds) {
        STAKING = staking;
        ALLOCATION_MANAGER = allocationManager;
        DELEGATION_MANAGER = staking.DELEGATION_MANAGER();
        BLOCK_SECONDS = blockSeconds;
        if (address(allocationManager) == address(0)) return;
        uint256 count = staking.assetCount();
        for (uint256 asset = 0; asset < count; ++asset) {
            IStrategy strategy = staking.assetAt(asset).strategy;
            if (address(strategy) != address(0)) _add(strategy, asset);
        }
    }

    // --- called by EigenLayer ---

    /// @inheritdoc IAVSRegistrar
    function registerOperator(
        address operator,
        address avs,
        uint32[] calldata operatorSetIds,
        bytes calldata
    ) external onlyEigenLayer {
        _requireOurs(avs, operatorSetIds);
        _memberships[operator] = Membership(uint48(block.timestamp), 0);
        emit Joined(operator);
    }

    /// @inheritdoc IAVSRegistrar
    /// @dev It never reverts: nobody is kept.
    function deregisterOperator(address operator, address avs, uint32[] calldata ids) external onlyEigenLayer {
        _requireOurs(avs, ids);
        _memberships[operator].until = uint48(block.timestamp);
        emit Left(operator);
    }

    // --- called by itself ---

    /// @notice The part of a slash that is EigenLayer's, in a call of its own: whatever fails there, the rest goes on.
    /// @return taken Wei of ETH that a slash could reach before and cannot any more.
    function slashAllocation(address operator, uint256 value, bytes32 reason) external returns (uint256 taken) {
        if (msg.sender != address(this)) revert OnlyItself(msg.sender);
        if (value == 0 || !ALLOCATION_MANAGER.isOperatorSlashable(operator, _set())) return 0;
        uint256 reach = reachOf(operator);
        if (reach == 0) return 0;
        uint256 wad = value >= reach ? WAD : value.mulDiv(WAD, reach, Math.Rounding.Ceil);
        uint256[] memory wads = new uint256[](_strategies.length);
        for (uint256 i = 0; i < wads.length; ++i) {
            wads[i] = wad;
        }
        IAllocationManager.SlashingParams memory params = IAllocationManager.SlashingParams({
            operator: operator,
            operatorSetId: SET,
            strategies: _strategies,
            wadsToSlash: wads,
            description: _text(reason)
        });
        ALLOCATION_MANAGER.slashOperator(address(this), params);
        return reach - reachOf(operator);
    }

    // --- views ---

    /// @inheritdoc IAVSRegistrar
    function supportsAVS(address avs) external view returns (bool) {
        return avs == address(this);
    }

    /// @inheritdoc IServiceManager
    function membershipOf(address operator) public view returns (Membership memory) {
        return _memberships[operator];
    }

    /// @inheritdoc IServiceManager
    function strategies() public view returns (IStrategy[] memory) {
        return _strategies;
    }

    /// @inheritdoc IServiceManager
    function heldFor() public view returns (uint64) {
        uint256 blocks = Math.min(
            ALLOCATION_MANAGER.DEALLOCATION_DELAY(),
            DELEGATION_MANAGER.minWithdrawalDelayBlocks()
        );
        return uint64(blocks * BLOCK_SECONDS);
    }

    /// @inheritdoc IServiceManager
    function reachOf(address operator) public view returns (uint256 value) {
        IStrategy[] memory all = _strategies;
        uint256[] memory shares = DELEGATION_MANAGER.getOperatorShares(operator, all);
        for (uint256 i = 0; i < all.length; ++i) {
            uint256 magnitude = ALLOCATION_MANAGER.getAllocation(operator, _set(), all[i]).currentMagnitude;
            if (magnitude == 0) continue;
            uint256 slashable = shares[i] + DELEGATION_MANAGER.getSlashableSharesInQueue(operator, all[i]);
            value += _worth(all[i], slashable.mulDiv(magnitude, ALLOCATION_MANAGER.getMaxMagnitude(operator, all[i])));
        }
    }

    // --- for the contract above ---

    function _open(string calldata metadataURI) internal {
        ALLOCATION_MANAGER.updateAVSMetadataURI(address(this), metadataURI);
        ALLOCATION_MANAGER.setAVSRegistrar(address(this), this);
        IAllocationManager.CreateSetParams[] memory params = new IAllocationManager.CreateSetParams[](1);
        params[0] = IAllocationManager.CreateSetParams(SET, _strategies);
        ALLOCATION_MANAGER.createOperatorSets(address(this), params);
    }

    function _set() internal view returns (IAllocationManager.OperatorSet memory) {
        return IAllocationManager.OperatorSet(address(this), SET);
    }

    /// @dev What counts as an operator's stake, in wei of ETH.
    function _allocated(address operator) internal view returns (uint256 value) {
        IStrategy[] memory all = _strategies;
        address[] memory operators = new address[](1);
        operators[0] = operator;
        uint32 future = block.number.toUint32() + ALLOCATION_MANAGER.DEALLOCATION_DELAY();
        uint256[] memory shares = ALLOCATION_MANAGER.getMinimumSlashableStake(_set(), operators, all, future)[0];
        for (uint256 i = 0; i < all.length; ++i) {
            value += _worth(all[i], shares[i]);
        }
    }

    /// @dev Wei of ETH that so many shares of a strategy are worth.
    function _worth(IStrategy strategy, uint256 shares) internal view returns (uint256) {
        if (shares == 0) return 0;
        return STAKING.ethValue(_assetOf[strategy], strategy.sharesToUnderlyingView(shares));
    }

    /// @dev EigenLayer wants them in ascending order.
    function _add(IStrategy strategy, uint256 asset) private {
        _assetOf[strategy] = asset;
        _strategies.push(strategy);
        for (uint256 i = _strategies.length - 1; i != 0 && address(_strategies[i - 1]) > address(strategy); --i) {
            (_strategies[i - 1], _strategies[i]) = (strategy, _strategies[i - 1]);
        }
    }

    /// @dev A short string, without the zeros that fill it up.
    function _text(bytes32 short) private pure returns (string memory) {
        uint256 length = 0;
        while (length < 32 && short[length] != 0) ++length;
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = short[i];
        }
        return string(text);
    }

    function _requireOurs(address avs, uint32[] calldata ids) private view {
        if (avs != address(this) || ids.length != 1 || ids[0] != SET) revert UnknownOperatorSet(avs);
    }
}
