// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IDelegationManager} from "./eigenlayer/IDelegationManager.sol";
import {IStrategy} from "./eigenlayer/IStrategy.sol";
import {IEthRate} from "./IEthRate.sol";

/// @title Stakes in liquid staking tokens
/// @notice A user's stake in one asset has up to three parts: active shares of the pool, shares on their way out, and what
/// is delegated through EigenLayer. All three can be slashed; only the first and the last count as stake.
///
/// Pool shares follow the token's balance, so rebases up and down reach everybody in proportion. `withdraw` works while
/// the contract is paused, for any receiver, and is held up by nothing but the exit delay and a lock, which ends by itself.
interface IStaking {
    /// @dev Where a token's worth in ETH comes from: its own protocol, never a market.
    enum Rate {
        StETH,
        WstETH,
        RETH,
        Other
    }

    struct Asset {
        IERC20 token;
        Rate kind;
        /// @dev EigenLayer's strategy for the token, or the zero address where it cannot be delegated.
        IStrategy strategy;
        /// @dev Asked where the kind is Other, such as for a bridged token that does not know its own worth.
        IEthRate rate;
    }

    struct Position {
        /// @dev Pool shares that count as stake.
        uint128 active;
        /// @dev Pool shares on their way out.
        uint128 exiting;
        /// @dev When the exiting shares can be withdrawn, in seconds since 1970.
        uint64 availableAt;
        /// @dev Part of what is in the user's vault that belongs to the treasury, times 10^18.
        uint64 vaultSlashed;
    }

    event Staked(address indexed user, uint256 indexed asset, uint256 received, uint256 shares);
    event Unstaked(address indexed user, uint256 indexed asset, uint256 shares, uint64 availableAt);
    event Withdrawn(address indexed user, uint256 indexed asset, address receiver, uint256 shares, uint256 amount);
    event VaultCreated(address indexed user, address vault);
    event Delegated(address indexed user, uint256 indexed asset, address indexed operator, uint256 shares);
    event UndelegationQueued(address indexed user, uint256 indexed asset, uint256 depositShares);
    event Undelegated(address indexed user, uint256 indexed asset, uint256 received, uint256 shares);
    event Slashed(address indexed user, address indexed by, uint256 value, bytes32 reason);
    event Locked(address indexed user, address indexed by, uint64 until);
    event SlasherAuthorised(address indexed slasher, uint64 activeFrom);
    event SlasherRevoked(address indexed slasher);
    event TreasuryChanged(address treasury);
    event OperatorChanged(address operator);

    error ZeroAddress();
    error TooManyAssets(uint256 count, uint256 limit);
    error UnknownAsset(uint256 asset);
    error AssetTwice(address token);
    error WrongStrategy(uint256 asset);
    error NothingReceived(uint256 asked);
    error TooFewShares(uint256 asked, uint256 available);
    error NothingToWithdraw(address user, uint256 asset);
    error StillExiting(uint64 availableAt);
    error StakeLocked(address user, uint64 until);
    error LockTooLong(uint64 until, uint64 limit);
    error NotASlasher(address account);
    error CannotDelegate(uint256 asset);
    error WrongOperator(address expected, address present);
    error VaultSlashed(address user, uint256 asset);
    error NoVault(address user);
    error TooManyQueued(uint256 count, uint256 limit);
    error NotYourVault(address user, address caller);
    error WrongWithdrawal(address user, uint256 asset);

    /// @notice Move `amount` of an asset into the pool; what arrives is added to the sender's active shares.
    function stake(uint256 asset, uint256 amount) external returns (uint256 shares);

    /// @notice Take active shares out of the stake; they can be withdrawn after the exit delay. Shares already on
    /// their way out wait for the new date too.
    function unstake(uint256 asset, uint256 shares) external;

    /// @notice Withdraw all shares whose exit delay is over.
    function withdraw(uint256 asset, address receiver) external returns (uint256 amount);

    /// @notice Deposit active shares into EigenLayer through the sender's own vault, delegated to `expected`, who must be
    /// the sender's operator at that time: the owner may have named another one since. Not while as many withdrawals are
    /// queued as one vault may have.
    function delegate(uint256 asset, uint256 shares, address expected) external;

    /// @notice Ask EigenLayer for `depositShares` back. Anyone may ask for all of a slashed vault.
    function undelegate(address user, uint256 asset, uint256 depositShares) external;

    /// @notice Bring a withdrawal whose delay is over back into the pool, as active shares of its user. Anyone may.
    function completeUndelegation(
        address user,
        uint256 asset,
        IDelegationManager.Withdrawal calldata withdrawal
    ) external returns (uint256 shares);

    /// @notice Move up to `value` of a user's stake, exits and vault to the treasury. The treasury's own is destroyed, to the
    /// benefit of all others. Only for authorised contracts.
    /// @return slashed What was there to be taken, at most `value`.
    function slash(address user, uint256 value, bytes32 reason) external returns (uint256 slashed);

    /// @notice Hold up a user's withdrawals during a dispute. Only for authorised contracts, and for a limited time.
    function lock(address user, uint64 until) external;

    /// @notice What a user has at stake, in wei of ETH: active and delegated, not what is on its way out.
    function stakeOf(address user) external view returns (uint256 value);

    /// @notice What a slash could reach, in wei of ETH.
    function slashableOf(address user) external view returns (uint256 value);

    function positionOf(address user, uint256 asset) external view returns (Position memory);

    function assetCount() external view returns (uint256);

    function assetAt(uint256 asset) external view returns (Asset memory);

    /// @notice What tokens of an asset are worth, in wei of ETH.
    function ethValue(uint256 asset, uint256 tokens) external view returns (uint256);

    function sharesToAmount(uint256 asset, uint256 shares) external view returns (uint256);

    function vaultOf(address user) external view returns (address);

    /// @notice EigenLayer's operator for what a user delegates: that of its vault, else the network's.
    function operatorFor(address user) external view returns (address);

    function lockedUntil(address user) external view returns (uint64);

    /// @notice How long what a user takes out of its stake can still be slashed, in seconds.
    function EXIT_DELAY() external view returns (uint64); // solhint-disable-line func-name-mixedcase

    function isSlasher(address account) external view returns (bool);
}
