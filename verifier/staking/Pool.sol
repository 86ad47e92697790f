// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Assets} from "./Assets.sol";

/// @title Shares of a pool for each token
/// @dev With `balance` tokens in the pool and `total` shares, an amount is worth `amount * (total + VIRTUAL) / (balance + 1)`
/// shares, rounded down. The first depositor who inflates the price of a share by a donation loses VIRTUAL times what a
/// victim could lose by rounding.
///
/// What is slashed becomes the treasury's. The treasury's own shares are destroyed, to the benefit of all others: as many
/// as leave it with the worth that it should have, since what it keeps rises too. Where it is alone in a pool nobody gets
/// what it loses; the price of a share is inflated then, and the bound for a donation holds for whoever comes next.
abstract contract Pool is Assets, Pausable, ReentrancyGuardTransient {
    using Math for uint256;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev One slot: what a user has, so that only that is looked at.
    struct User {
        address vault;
        uint64 lockedUntil;
        /// @dev Bit i: the user has, or had, shares of asset i.
        uint8 assets;
    }

    uint256 private constant VIRTUAL = 1e6;

    uint64 public immutable EXIT_DELAY;

    /// @notice Where slashed stake goes, as active shares.
    address public treasury;

    mapping(uint256 asset => uint256 shares) internal _totalShares;
    mapping(address user => mapping(uint256 asset => Position position)) internal _positions;
    mapping(address user => User user_) internal _users;

    constructor(uint64 exitDelay) {
        EXIT_DELAY = exitDelay;
    }

    /// @inheritdoc IStaking
    function stake(
        uint256 asset,
        uint256 amount
    ) external known(asset) whenNotPaused nonReentrant returns (uint256 shares) {
        IERC20 token = _assets[asset].token;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        shares = _mint(msg.sender, asset, received, before);
        if (shares == 0) revert NothingReceived(amount);
        emit Staked(msg.sender, asset, received, shares);
    }

    /// @inheritdoc IStaking
    function unstake(uint256 asset, uint256 shares) external known(asset) nonReentrant {
        Position storage position = _positions[msg.sender][asset];
        uint256 active = position.active;
        if (shares == 0 || shares > active) revert TooFewShares(shares, active);
        uint64 availableAt = uint64(block.timestamp) + EXIT_DELAY;
        position.active = uint128(active - shares);
        position.exiting += uint128(shares);
        position.availableAt = availableAt;
        emit Unstaked(msg.sender, asset, shares, availableAt);
    }

    /// @inheritdoc IStaking
    function withdraw(uint256 asset, address receiver) external known(asset) nonReentrant returns (uint256 amount) {
        if (receiver == address(0)) revert ZeroAddress();
        Position storage position = _positions[msg.sender][asset];
        uint256 shares = position.exiting;
        if (shares == 0) revert NothingToWithdraw(msg.sender, asset);
        if (block.timestamp < position.availableAt) revert StillExiting(position.availableAt);
        uint64 until = _users[msg.sender].lockedUntil;
        if (block.timestamp < until) revert StakeLocked(msg.sender, until);

        amount = sharesToAmount(asset, shares);
        position.exiting = 0;
        _totalShares[asset] -= shares;
        emit Withdrawn(msg.sender, asset, receiver, shares, amount);
        _assets[asset].token.safeTransfer(receiver, amount);
    }

    /// @inheritdoc IStaking
    function positionOf(address user, uint256 asset) external view returns (Position memory) {
        return _positions[user][asset];
    }

    /// @inheritdoc IStaking
    function lockedUntil(address user) external view returns (uint64) {
        return _users[user].lockedUntil;
    }

    function totalShares(uint256 asset) external view returns (uint256) {
        return _totalShares[asset];
    }

    /// @inheritdoc IStaking
    function sharesToAmount(uint256 asset, uint256 shares) public view known(asset) returns (uint256) {
        uint256 balance = _assets[asset].token.balanceOf(address(this));
        return shares.mulDiv(balance + 1, _totalShares[asset] + VIRTUAL);
    }

    function _mint(
        address user,
        uint256 asset,
        uint256 received,
        uint256 balanceBefore
    ) internal returns (uint256 shares) {
        uint256 total = _totalShares[asset];
        shares = received.mulDiv(total + VIRTUAL, balanceBefore + 1);
        _totalShares[asset] = total + shares;
        Position storage position = _positions[user][asset];
        position.active = (position.active + shares).toUint128();
        _own(user, asset);
    }

    /// @dev Takes up to `value` wei of ETH of a user's shares, active ones first. Roundings are against the user.
    function _slashPool(address user, uint256 asset, uint256 value) internal returns (uint256 slashed) {
        Position storage position = _positions[user][asset];
        uint256 held = uint256(position.active) + position.exiting;
        if (held == 0) return 0;
        uint256 worth = _valueOfShares(asset, held);
        slashed = Math.min(worth, value);
        _take(user, asset, worth <= value ? held : held.mulDiv(value, worth, Math.Rounding.Ceil));
    }

    /// @dev Takes shares that a user has: to the treasury, or from the treasury itself what they are worth.
    function _take(address user, uint256 asset, uint256 shares) internal {
        Position storage position = _positions[user][asset];
        bool destroyed = user == treasury;
        if (destroyed) shares = _sharesToDestroy(asset, uint256(position.active) + position.exiting, shares);
        uint256 fromActive = Math.min(shares, position.active);
        position.active -= uint128(fromActive);
        position.exiting -= uint128(shares - fromActive);
        if (destroyed) {
            _totalShares[asset] -= shares;
        } else if (shares != 0) {
            _positions[treasury][asset].active += uint128(shares);
            _own(treasury, asset);
        }
    }

    function _valueOfShares(uint256 asset, uint256 shares) internal view returns (uint256) {
        return _ethValue(asset, sharesToAmount(asset, shares));
    }

    function _own(address user, uint256 asset) private {
        User storage owner_ = _users[user];
        uint8 bit = uint8(1 << asset);
        if (owner_.assets & bit == 0) owner_.assets |= bit;
    }

    /// @dev How many of `held` shares go, so that the rest is worth as much less as `shares` are now: with x of `total`
    /// destroyed, (held - x) / (total - x) = (held - shares) / total.
    function _sharesToDestroy(uint256 asset, uint256 held, uint256 shares) private view returns (uint256) {
        uint256 total = _totalShares[asset] + VIRTUAL;
        return shares.mulDiv(total, total - held + shares, Math.Rounding.Ceil);
    }
}
