// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDelegationManager} from "../interfaces/eigenlayer/IDelegationManager.sol";
import {IStrategy} from "../interfaces/eigenlayer/IStrategy.sol";
import {IStrategyManager} from "../interfaces/eigenlayer/IStrategyManager.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Pool} from "./Pool.sol";
import {StakeVault} from "./StakeVault.sol";

/// @title Delegation of staked tokens through EigenLayer, in a vault for each user
/// @dev What a slash takes from a vault is not moved at once, since EigenLayer has its own delay: a part of the vault
/// (`vaultSlashed`) belongs to the treasury from then on, and every amount that comes back is divided accordingly.
abstract contract Delegations is Pool {
    using Math for uint256;
    using SafeERC20 for IERC20;

    /// @notice With so many withdrawals queued at EigenLayer, a vault starts no more and takes no more in. An operator
    /// that throws it out adds one for each asset. This bounds the work of a slash.
    uint256 public constant MAX_QUEUED = 4;

    IStrategyManager public immutable STRATEGY_MANAGER;
    IDelegationManager public immutable DELEGATION_MANAGER;
    address public immutable VAULT;

    /// @notice EigenLayer operator for new delegations; the zero address where there is none.
    address public operator;
    uint256 public vaultCount;

    constructor(IStrategyManager strategyManager, IDelegationManager delegationManager) {
        STRATEGY_MANAGER = strategyManager;
        DELEGATION_MANAGER = delegationManager;
        VAULT = address(new StakeVault(strategyManager, delegationManager));
    }

    /// @inheritdoc IStaking
    function delegate(
        uint256 asset,
        uint256 shares,
        address expected
    ) external known(asset) whenNotPaused nonReentrant {
        Asset storage entry = _assets[asset];
        if (address(entry.strategy) == address(0) || operator == address(0)) revert CannotDelegate(asset);
        address present = operatorFor(msg.sender);
        if (expected != present) revert WrongOperator(expected, present);
        Position storage position = _positions[msg.sender][asset];
        if (position.vaultSlashed != 0) revert VaultSlashed(msg.sender, asset);
        uint256 active = position.active;
        if (shares == 0 || shares > active) revert TooFewShares(shares, active);
        address vault = _users[msg.sender].vault;
        if (vault != address(0)) _requireRoomInQueue(vault);

        uint256 amount = sharesToAmount(asset, shares);
        position.active = uint128(active - shares);
        _totalShares[asset] -= shares;
        if (vault == address(0)) {
            vault = Clones.clone(VAULT);
            _users[msg.sender].vault = vault;
            ++vaultCount;
            emit VaultCreated(msg.sender, vault);
        }
        emit Delegated(msg.sender, asset, present, shares);
        entry.token.safeTransfer(vault, amount);
        StakeVault(vault).deposit(entry.strategy, entry.token, present);
    }

    /// @inheritdoc IStaking
    function undelegate(address user, uint256 asset, uint256 depositShares) external known(asset) nonReentrant {
        address vault = _vaultOrRevert(user);
        IStrategy strategy = _assets[asset].strategy;
        if (msg.sender != user) {
            if (_positions[user][asset].vaultSlashed == 0) revert NotYourVault(user, msg.sender);
            depositShares = STRATEGY_MANAGER.stakerDepositShares(vault, strategy);
        } else {
            _requireRoomInQueue(vault);
        }
        emit UndelegationQueued(user, asset, depositShares);
        StakeVault(vault).queue(strategy, depositShares);
    }

    /// @inheritdoc IStaking
    function completeUndelegation(
        address user,
        uint256 asset,
        IDelegationManager.Withdrawal calldata withdrawal
    ) external known(asset) nonReentrant returns (uint256 shares) {
        address vault = _vaultOrRevert(user);
        Asset storage entry = _assets[asset];
        bool single = withdrawal.strategies.length == 1 && address(withdrawal.strategies[0]) == address(entry.strategy);
        if (!single || withdrawal.staker != vault) revert WrongWithdrawal(user, asset);

        uint256 before = entry.token.balanceOf(address(this));
        StakeVault(vault).complete(withdrawal, entry.token);
        uint256 received = entry.token.balanceOf(address(this)) - before;
        shares = _mint(user, asset, received, before);

        Position storage position = _positions[user][asset];
        uint256 slashed = position.vaultSlashed;
        if (slashed != 0) {
            _take(user, asset, shares.mulDiv(slashed, WAD, Math.Rounding.Ceil));
            if (_isEmpty(vault, entry.strategy)) position.vaultSlashed = 0;
        }
        emit Undelegated(user, asset, received, shares);
    }

    /// @inheritdoc IStaking
    function vaultOf(address user) external view returns (address) {
        return _users[user].vault;
    }

    /// @inheritdoc IStaking
    function operatorFor(address user) public view returns (address present) {
        address vault = _users[user].vault;
        if (vault != address(0)) present = DELEGATION_MANAGER.delegatedTo(vault);
        if (present == address(0)) present = operator;
    }

    /// @dev Marks up to `value` wei of ETH of what is the user's own in its vault as the treasury's.
    function _slashVault(address user, uint256 asset, uint256 value) internal returns (uint256 slashed) {
        uint256 worth = _valueInVault(user, asset);
        slashed = Math.min(worth, value);
        if (slashed == 0) return 0;
        Position storage position = _positions[user][asset];
        uint256 rest = WAD - position.vaultSlashed;
        position.vaultSlashed += uint64(rest.mulDiv(slashed, worth, Math.Rounding.Ceil));
    }

    /// @dev The user's own part of what the vault has deposited and of what it has queued.
    function _valueInVault(address user, uint256 asset) internal view returns (uint256) {
        IStrategy strategy = _assets[asset].strategy;
        if (address(strategy) == address(0)) return 0;
        uint256 shares = _sharesInVault(_users[user].vault, strategy);
        if (shares == 0) return 0;
        uint256 amount = strategy.sharesToUnderlyingView(shares);
        return _ethValue(asset, amount.mulDiv(WAD - _positions[user][asset].vaultSlashed, WAD));
    }

    function _sharesInVault(address vault, IStrategy strategy) private view returns (uint256 shares) {
        IStrategy[] memory strategies = new IStrategy[](1);
        strategies[0] = strategy;
        (uint256[] memory deposited, ) = DELEGATION_MANAGER.getWithdrawableShares(vault, strategies);
        shares = deposited[0];
        (IDelegationManager.Withdrawal[] memory queued, uint256[][] memory amounts) = DELEGATION_MANAGER
            .getQueuedWithdrawals(vault);
        for (uint256 i = 0; i < queued.length; ++i) {
            for (uint256 j = 0; j < queued[i].strategies.length; ++j) {
                if (address(queued[i].strategies[j]) == address(strategy)) shares += amounts[i][j];
            }
        }
    }

    /// @dev Nothing of this strategy deposited or queued; other assets' withdrawals do not matter.
    function _isEmpty(address vault, IStrategy strategy) private view returns (bool) {
        if (STRATEGY_MANAGER.stakerDepositShares(vault, strategy) != 0) return false;
        (IDelegationManager.Withdrawal[] memory queued, ) = DELEGATION_MANAGER.getQueuedWithdrawals(vault);
        for (uint256 i = 0; i < queued.length; ++i) {
            for (uint256 j = 0; j < queued[i].strategies.length; ++j) {
                if (address(queued[i].strategies[j]) == address(strategy)) return false;
            }
        }
        return true;
    }

    function _requireRoomInQueue(address vault) private view {
        uint256 queued = DELEGATION_MANAGER.getQueuedWithdrawalRoots(vault).length;
        if (queued >= MAX_QUEUED) revert TooManyQueued(queued, MAX_QUEUED);
    }

    function _vaultOrRevert(address user) private view returns (address vault) {
        vault = _users[user].vault;
        if (vault == address(0)) revert NoVault(user);
    }
}
