// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IDelegationManager} from "../interfaces/eigenlayer/IDelegationManager.sol";
import {IStrategy} from "../interfaces/eigenlayer/IStrategy.sol";
import {IStrategyManager} from "../interfaces/eigenlayer/IStrategyManager.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IRETH} from "../interfaces/tokens/IRETH.sol";
import {IWstETH} from "../interfaces/tokens/IWstETH.sol";
import {StakeVault} from "./StakeVault.sol";

/// @title Stakes in stETH, wstETH and rETH, with delegation through EigenLayer
/// @notice See {IStaking}. Assets, delays and EigenLayer's addresses are fixed for ever; the owner can pause what comes in,
/// name the operator for new delegations and the treasury, and authorise slashers, who act only after everybody who is
/// staked in the pool had the time to leave.
///
/// @dev Shares: with `balance` tokens in the pool and `total` shares, an amount is worth
/// `amount * (total + VIRTUAL) / (balance + 1)` shares, rounded down. The first depositor who inflates the price of a
/// share by a donation loses VIRTUAL times what a victim could lose by rounding.
///
/// What a slash takes from a vault is not moved at once, since EigenLayer has its own delay: a part of the vault
/// (`vaultSlashed`) belongs to the treasury from then on, and every amount that comes back is divided accordingly.
contract StakingContract is IStaking, Ownable2Step, Pausable, ReentrancyGuardTransient {
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

    uint256 public constant MAX_ASSETS = 4;
    /// @notice With so many withdrawals queued at EigenLayer, a vault starts no more and takes no more in. An operator
    /// that throws it out adds one for each asset. This bounds the work of a slash.
    uint256 public constant MAX_QUEUED = 4;
    uint64 public constant MAX_LOCK = 30 days;
    uint256 private constant VIRTUAL = 1e6;
    uint256 private constant WAD = 1e18;

    uint256 private immutable ASSET_COUNT;
    uint64 public immutable EXIT_DELAY;
    IStrategyManager public immutable STRATEGY_MANAGER;
    IDelegationManager public immutable DELEGATION_MANAGER;
    address public immutable VAULT;

    /// @notice Where slashed stake goes, as active shares.
    address public treasury;
    /// @notice EigenLayer operator for new delegations; the zero address where there is none.
    address public operator;
    uint256 public vaultCount;

    mapping(uint256 asset => Asset entry) private _assets;
    mapping(uint256 asset => uint256 shares) private _totalShares;
    mapping(address user => mapping(uint256 asset => Position position)) private _positions;
    mapping(address user => User user_) private _users;
    mapping(address slasher => uint64 activeFrom) private _slashers;

    modifier known(uint256 asset) {
        if (asset >= ASSET_COUNT) revert UnknownAsset(asset);
        _;
    }

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
    ) Ownable(owner) {
        if (treasury_ == address(0)) revert ZeroAddress();
        if (assets.length > MAX_ASSETS) revert TooManyAssets(assets.length, MAX_ASSETS);
        for (uint256 i = 0; i < assets.length; ++i) {
            _requireAsset(assets, i);
            _assets[i] = assets[i];
        }
        ASSET_COUNT = assets.length;
        treasury = treasury_;
        EXIT_DELAY = exitDelay;
        STRATEGY_MANAGER = strategyManager;
        DELEGATION_MANAGER = delegationManager;
        VAULT = address(new StakeVault(strategyManager, delegationManager));
        emit TreasuryChanged(treasury_);
    }

    // --- users ---

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
    function delegate(uint256 asset, uint256 shares) external known(asset) whenNotPaused nonReentrant {
        Asset storage entry = _assets[asset];
        if (address(entry.strategy) == address(0) || operator == address(0)) revert CannotDelegate(asset);
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
        emit Delegated(msg.sender, asset, operator, shares);
        entry.token.safeTransfer(vault, amount);
        StakeVault(vault).deposit(entry.strategy, entry.token, operator);
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
            _moveActive(position, asset, shares.mulDiv(slashed, WAD, Math.Rounding.Ceil));
            if (_isEmpty(vault, entry.strategy)) position.vaultSlashed = 0;
        }
        emit Undelegated(user, asset, received, shares);
    }

    // --- authorised contracts ---

    /// @inheritdoc IStaking
    function slash(
        address user,
        uint256 value,
        bytes32 reason
    ) external onlySlasher nonReentrant returns (uint256 slashed) {
        for (uint256 asset = 0; asset < ASSET_COUNT && slashed < value; ++asset) {
            slashed += _slashAsset(user, asset, value - slashed);
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
    /// one to notice and one to leave. (Delegated stake needs EigenLayer's own delay too.)
    function authorise(address slasher) external onlyOwner {
        if (slasher == address(0)) revert ZeroAddress();
        uint64 activeFrom = uint64(block.timestamp) + (_isUnused() ? 0 : 2 * EXIT_DELAY);
        _slashers[slasher] = activeFrom;
        emit SlasherAuthorised(slasher, activeFrom);
    }

    function revoke(address slasher) external onlyOwner {
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
    function positionOf(address user, uint256 asset) external view returns (Position memory) {
        return _positions[user][asset];
    }

    /// @inheritdoc IStaking
    function assetCount() external view returns (uint256) {
        return ASSET_COUNT;
    }

    /// @inheritdoc IStaking
    function assetAt(uint256 asset) external view known(asset) returns (Asset memory) {
        return _assets[asset];
    }

    /// @inheritdoc IStaking
    function vaultOf(address user) external view returns (address) {
        return _users[user].vault;
    }

    /// @inheritdoc IStaking
    function lockedUntil(address user) external view returns (uint64) {
        return _users[user].lockedUntil;
    }

    function totalShares(uint256 asset) external view returns (uint256) {
        return _totalShares[asset];
    }

    /// @inheritdoc IStaking
    function isSlasher(address account) public view returns (bool) {
        uint64 activeFrom = _slashers[account];
        return activeFrom != 0 && activeFrom <= block.timestamp;
    }

    /// @inheritdoc IStaking
    function sharesToAmount(uint256 asset, uint256 shares) public view known(asset) returns (uint256) {
        return _amountOf(_assets[asset].token, asset, shares);
    }

    /// @inheritdoc IStaking
    function ethValue(uint256 asset, uint256 tokens) external view known(asset) returns (uint256) {
        return tokens.mulDiv(_ethPerToken(_assets[asset]), WAD);
    }

    // --- internals ---

    function _requireAsset(Asset[] memory assets, uint256 i) private view {
        Asset memory asset = assets[i];
        address token = address(asset.token);
        if (token == address(0)) revert ZeroAddress();
        if (asset.kind == Rate.Other && address(asset.rate) == address(0)) revert ZeroAddress();
        bool delegates = address(asset.strategy) != address(0);
        if (delegates && address(asset.strategy.underlyingToken()) != token) revert WrongStrategy(i);
        for (uint256 j = 0; j < i; ++j) {
            if (address(assets[j].token) == token) revert AssetTwice(token);
        }
    }

    function _mint(
        address user,
        uint256 asset,
        uint256 received,
        uint256 balanceBefore
    ) private returns (uint256 shares) {
        uint256 total = _totalShares[asset];
        shares = received.mulDiv(total + VIRTUAL, balanceBefore + 1);
        _totalShares[asset] = total + shares;
        Position storage position = _positions[user][asset];
        position.active = (position.active + shares).toUint128();
        _own(user, asset);
    }

    function _own(address user, uint256 asset) private {
        User storage owner_ = _users[user];
        uint8 bit = uint8(1 << asset);
        if (owner_.assets & bit == 0) owner_.assets |= bit;
    }

    function _credit(uint256 asset, uint256 shares) private {
        _positions[treasury][asset].active += uint128(shares);
        _own(treasury, asset);
    }

    function _moveActive(Position storage position, uint256 asset, uint256 shares) private {
        position.active -= uint128(shares);
        _credit(asset, shares);
    }

    /// @dev Takes from active shares, then exiting ones, then the vault. Roundings are against the slashed user.
    function _slashAsset(address user, uint256 asset, uint256 value) private returns (uint256 slashed) {
        Position storage position = _positions[user][asset];
        uint256 pooled = uint256(position.active) + position.exiting;
        if (pooled != 0) {
            uint256 worth = _valueOfShares(asset, pooled);
            uint256 shares = worth <= value ? pooled : pooled.mulDiv(value, worth, Math.Rounding.Ceil);
            slashed = Math.min(worth, value);
            uint256 fromActive = Math.min(shares, position.active);
            _moveActive(position, asset, fromActive);
            position.exiting -= uint128(shares - fromActive);
            _credit(asset, shares - fromActive);
        }
        if (slashed < value && _users[user].vault != address(0)) {
            uint256 worth = _valueInVault(user, asset);
            uint256 taken = Math.min(worth, value - slashed);
            if (taken != 0) {
                uint256 rest = WAD - position.vaultSlashed;
                position.vaultSlashed += uint64(rest.mulDiv(taken, worth, Math.Rounding.Ceil));
                slashed += taken;
            }
        }
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

    function _amountOf(IERC20 token, uint256 asset, uint256 shares) private view returns (uint256) {
        return shares.mulDiv(token.balanceOf(address(this)) + 1, _totalShares[asset] + VIRTUAL);
    }

    function _valueOfShares(uint256 asset, uint256 shares) private view returns (uint256) {
        Asset storage entry = _assets[asset];
        return _amountOf(entry.token, asset, shares).mulDiv(_ethPerToken(entry), WAD);
    }

    function _ethPerToken(Asset storage entry) private view returns (uint256) {
        Rate kind = entry.kind;
        if (kind == Rate.StETH) return WAD; // a claim to as much ETH
        if (kind == Rate.WstETH) return IWstETH(address(entry.token)).stEthPerToken();
        if (kind == Rate.RETH) return IRETH(address(entry.token)).getExchangeRate();
        return entry.rate.ethPerToken();
    }

    /// @dev The user's own part of what the vault has deposited and of what it has queued.
    function _valueInVault(address user, uint256 asset) private view returns (uint256) {
        IStrategy strategy = _assets[asset].strategy;
        if (address(strategy) == address(0)) return 0;
        uint256 shares = _sharesInVault(_users[user].vault, strategy);
        if (shares == 0) return 0;
        uint256 amount = strategy.sharesToUnderlyingView(shares);
        uint256 own = amount.mulDiv(WAD - _positions[user][asset].vaultSlashed, WAD);
        return own.mulDiv(_ethPerToken(_assets[asset]), WAD);
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

    function _isUnused() private view returns (bool) {
        for (uint256 asset = 0; asset < ASSET_COUNT; ++asset) {
            if (_totalShares[asset] != 0) return false;
        }
        return vaultCount == 0;
    }

    function _vaultOrRevert(address user) private view returns (address vault) {
        vault = _users[user].vault;
        if (vault == address(0)) revert NoVault(user);
    }
}
