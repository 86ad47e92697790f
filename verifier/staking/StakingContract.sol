// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IDelegationManager} from "../interfaces/eigenlayer/IDelegationManager.sol";
import {IStrategyManager} from "../interfaces/eigenlayer/IStrategyManager.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Assets} from "./Assets.sol";
import {Delegations} from "./Delegations.sol";
import {Pool} from "./Pool.sol";

/// @title Stakes in stETH, wstETH and rETH, with delegation through EigenLayer
/// @notice See {IStaking}. Assets, delays and EigenLayer's addresses are fixed for ever; the owner can pause what comes in,
/// name the operator for new delegations and the treasury, and authorise slashers, who act only after everybody who is
/// staked in the pool had the time to leave.
/// @dev {Assets} are the tokens and their worth, {Pool} has their shares, {Delegations} what is with EigenLayer.
contract StakingContract is Ownable2Step, Delegations {
    uint64 public constant MAX_LOCK = 30 days;

    mapping(address slasher => uint64 activeFrom) private _slashers;

    modifier onlySlasher() {
        if (!isSlasher(msg.sender)) revert NotASlasher(msg.sender);
        _;
    }

    constructor(
        address owner,
        address treasury_,
        uint64 exitDelay,
        Asset[] memory assets,
        IStrategyManager strategyManager,
        IDelegationManager delegationManager
    ) Ownable(owner) Assets(assets) Pool(exitDelay) Delegations(strategyManager, delegationManager) {
        if (treasury_ == address(0)) revert ZeroAddress();
        treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }

    // --- authorised contracts ---

    /// @inheritdoc IStaking
    function slash(
        address user,
        uint256 value,
        bytes32 reason
    ) external onlySlasher nonReentrant returns (uint256 slashed) {
        bool hasVault = _users[user].vault != address(0);
        for (uint256 asset = 0; asset < ASSET_COUNT && slashed < value; ++asset) {
            slashed += _slashPool(user, asset, value - slashed);
            if (hasVault && slashed < value) slashed += _slashVault(user, asset, value - slashed);
        }
        emit Slashed(user, msg.sender, slashed, reason);
    }

    /// @inheritdoc IStaking
    function lock(address user, uint64 until) external onlySlasher {
        uint64 limit = uint64(block.timestamp) + MAX_LOCK;
        if (until > limit) revert LockTooLong(until, limit);
        if (until <= _users[user].lockedUntil) return;
        _users[user].lockedUntil = until;
        emit Locked(user, msg.sender, until);
    }

    // --- owner ---

    /// @notice Let a contract slash: at once while nobody is staked, else after twice the exit delay, so that everybody has
    /// one to notice and one to leave. (Delegated stake needs EigenLayer's own delay too.) One that slashes already, or
    /// will at an earlier time, goes on as it is.
    function authorise(address slasher) external onlyOwner {
        if (slasher == address(0)) revert ZeroAddress();
        uint64 activeFrom = uint64(block.timestamp) + (_isUnused() ? 0 : 2 * EXIT_DELAY);
        uint64 present = _slashers[slasher];
        if (present != 0 && present <= activeFrom) return;
        _slashers[slasher] = activeFrom;
        emit SlasherAuthorised(slasher, activeFrom);
    }

    /// @notice Let a contract slash no more, at once. What it has locked stays locked for its time.
    function revoke(address slasher) external onlyOwner {
        if (_slashers[slasher] == 0) return;
        delete _slashers[slasher];
        emit SlasherRevoked(slasher);
    }

    function setTreasury(address treasury_) external onlyOwner {
        if (treasury_ == address(0)) revert ZeroAddress();
        treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }

    /// @notice Name the EigenLayer operator for new delegations; it must take stakers without a signature.
    function setOperator(address operator_) external onlyOwner {
        operator = operator_;
        emit OperatorChanged(operator_);
    }

    /// @notice Stop `stake` and `delegate`; everything that leads out goes on.
    function pause() external onlyOwner {
        _pause();
    }

    function unpause() external onlyOwner {
        _unpause();
    }

    // --- views ---

    /// @inheritdoc IStaking
    function stakeOf(address user) external view nonReentrantView returns (uint256 value) {
        return _valueOf(user, false);
    }

    /// @inheritdoc IStaking
    function slashableOf(address user) external view nonReentrantView returns (uint256 value) {
        return _valueOf(user, true);
    }

    /// @inheritdoc IStaking
    function isSlasher(address account) public view returns (bool) {
        uint64 activeFrom = _slashers[account];
        return activeFrom != 0 && activeFrom <= block.timestamp;
    }

    function _valueOf(address user, bool withExits) private view returns (uint256 value) {
        User storage owner_ = _users[user];
        uint256 assets = owner_.assets;
        bool hasVault = owner_.vault != address(0);
        for (uint256 asset = 0; assets >> asset != 0; ++asset) {
            if ((assets >> asset) & 1 == 0) continue;
            Position storage position = _positions[user][asset];
            uint256 shares = position.active;
            if (withExits) shares += position.exiting;
            if (shares != 0) value += _valueOfShares(asset, shares);
            if (hasVault) value += _valueInVault(user, asset);
        }
    }

    function _isUnused() private view returns (bool) {
        for (uint256 asset = 0; asset < ASSET_COUNT; ++asset) {
            if (_totalShares[asset] != 0) return false;
        }
        return vaultCount == 0;
    }
}
