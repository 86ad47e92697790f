// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IFees} from "../interfaces/IFees.sol";
import {INetworkRegistry} from "../interfaces/INetworkRegistry.sol";
import {IStakes} from "../interfaces/IStakes.sol";

/// @title Fees in ETH and one ERC-20
/// @dev See {IFees}. What data owners earn is counted for each of their updates, so that dividing a fee takes no loop: an
/// owner's part is its updates times what one update has earned since it last claimed. Everything is in whole units, and what
/// does not divide by the updates is carried to the next fee.
abstract contract Fees is IFees, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Earnings {
        /// @dev Of one update, since the network's first fee.
        uint256 perUpdate;
        /// @dev What is left of the last division: less than one unit for each update.
        uint256 carried;
    }

    uint256 private constant PARTS = 10_000;

    INetworkRegistry public immutable NETWORKS;
    /// @notice What stands behind operators; it collects what restaked ones have earned.
    IStakes public immutable STAKES;
    /// @inheritdoc IFees
    IERC20 public immutable TOKEN;

    /// @inheritdoc IFees
    mapping(address account => mapping(bool token => uint256 amount)) public owedTo;
    /// @inheritdoc IFees
    mapping(address operator => mapping(bool token => uint256 amount)) public restakedFees;
    mapping(uint256 networkId => Earnings earnings) public earningsOf;
    mapping(uint256 networkId => mapping(address account => uint256 perUpdate)) private _claimed;

    constructor(IStakes stakes, INetworkRegistry networks) {
        STAKES = stakes;
        NETWORKS = networks;
        TOKEN = IERC20(networks.TOKEN());
    }

    /// @inheritdoc IFees
    function claim(uint256 networkId, address account) external nonReentrant returns (uint256 amount) {
        amount = claimable(networkId, account);
        if (amount == 0) revert NothingToClaim(networkId, account);
        _claimed[networkId][account] = earningsOf[networkId].perUpdate;
        emit Claimed(networkId, account, amount);
        _owe(account, NETWORKS.networkOf(networkId).token, amount);
    }

    /// @inheritdoc IFees
    function withdraw(bool token, address receiver) external nonReentrant returns (uint256 amount) {
        if (receiver == address(0)) revert NobodyToPay();
        amount = owedTo[msg.sender][token];
        if (amount == 0) revert NothingOwed(msg.sender, token);

        owedTo[msg.sender][token] = 0;
        emit Withdrawn(msg.sender, token, receiver, amount);
        _pay(token, receiver, amount);
    }

    /// @inheritdoc IFees
    function collect(address operator, bool token) external nonReentrant returns (uint256 amount) {
        if (msg.sender != address(STAKES)) revert NotTheServiceManager(msg.sender);
        amount = restakedFees[operator][token];
        restakedFees[operator][token] = 0;
        emit Collected(operator, token, amount);
        _pay(token, msg.sender, amount);
    }

    /// @inheritdoc IFees
    function claimable(uint256 networkId, address account) public view returns (uint256 amount) {
        uint256 perUpdate = earningsOf[networkId].perUpdate - _claimed[networkId][account];
        return perUpdate * NETWORKS.updatesOf(networkId, account);
    }

    // --- for the contract above ---

    /// @dev Takes exactly `amount` from the sender; a token that takes a part of it on the way is refused.
    function _collect(bool token, uint256 amount) internal {
        uint256 inEth = token ? 0 : amount;
        if (msg.value != inEth) revert WrongPayment(msg.value, inEth);
        if (!token || amount == 0) return;
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert WrongTransfer(received, amount);
    }

    /// @dev A fee that was earned: a part for the network's data owners, all else for `operator`, and for those who stood
    /// behind it where that was `restaked` stake.
    function _divide(uint256 networkId, address operator, uint256 fee, bool restaked) internal {
        INetworkRegistry.Network memory network = NETWORKS.networkOf(networkId);
        uint256 part = (fee * network.ownersShare) / PARTS;
        if (restaked && part != fee) {
            restakedFees[operator][network.token] += fee - part;
            emit OwedToRestakers(operator, network.token, fee - part);
        } else {
            _owe(operator, network.token, fee - part);
        }
        if (part == 0) return;
        Earnings storage earnings = earningsOf[networkId];
        uint256 sum = earnings.carried + part;
        earnings.perUpdate += sum / network.updates;
        earnings.carried = sum % network.updates;
        emit OwnersPaid(networkId, network.token, part);
    }

    function _owe(address account, bool token, uint256 amount) internal {
        if (amount == 0) return;
        owedTo[account][token] += amount;
        emit Owed(account, token, amount);
    }

    function _pay(bool token, address receiver, uint256 amount) private {
        if (token) TOKEN.safeTransfer(receiver, amount);
        else Address.sendValue(payable(receiver), amount);
    }
}
