// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IDelegationManager} from "../interfaces/eigenlayer/IDelegationManager.sol";
import {IEigenLayerErrors} from "../interfaces/eigenlayer/IEigenLayerErrors.sol";
import {IStrategy} from "../interfaces/eigenlayer/IStrategy.sol";
import {StrategyManagerDouble} from "./StrategyManagerDouble.sol";

/// @title Test double of EigenLayer's DelegationManager, releases with slashing
/// @notice Operators, delegation, a withdrawal queue with a delay in blocks, and slashing by magnitudes: what a staker can
/// withdraw is its deposit shares times its scaling factor times its operator's magnitude, and a queued withdrawal is
/// slashed too until its delay is over.
/// @dev Never for a public chain.
contract DelegationManagerDouble is IDelegationManager, IEigenLayerErrors {
    using EnumerableSet for EnumerableSet.Bytes32Set;

    struct Checkpoint {
        uint256 blockNumber;
        uint256 magnitude;
    }

    uint256 private constant WAD = 1e18;
    uint32 public constant minWithdrawalDelayBlocks = 50;

    StrategyManagerDouble public immutable strategyManager;
    mapping(address operator => bool registered) public isOperator;
    mapping(address operator => bool required) public needsApproval;
    mapping(address staker => address operator) public delegatedTo;
    mapping(address staker => uint256 count) public cumulativeWithdrawalsQueued;
    mapping(address staker => mapping(IStrategy strategy => uint256 factor)) private _scaling;
    mapping(address operator => mapping(IStrategy strategy => Checkpoint[] history)) private _magnitudes;
    mapping(address staker => EnumerableSet.Bytes32Set roots) private _roots;
    mapping(bytes32 root => Withdrawal withdrawal) private _queued;

    constructor(StrategyManagerDouble manager) {
        strategyManager = manager;
    }

    function registerAsOperator(bool approval) external {
        isOperator[msg.sender] = true;
        needsApproval[msg.sender] = approval;
        delegatedTo[msg.sender] = msg.sender;
    }

    /// @notice Leave an operator `magnitude` times 10^-18 of a strategy; it never grows.
    function slashOperator(address operator, IStrategy strategy, uint256 magnitude) external {
        _magnitudes[operator][strategy].push(Checkpoint(block.number, magnitude));
    }

    /// @inheritdoc IDelegationManager
    function delegateTo(address operator, SignatureWithExpiry calldata, bytes32) external {
        if (delegatedTo[msg.sender] != address(0)) revert ActivelyDelegated();
        if (!isOperator[operator]) revert OperatorNotRegistered();
        if (needsApproval[operator]) revert InvalidSignature();
        delegatedTo[msg.sender] = operator;
        IStrategy[] memory strategies = strategyManager.getStakerStrategyList(msg.sender);
        for (uint256 i = 0; i < strategies.length; ++i) {
            uint256 magnitude = _magnitude(operator, strategies[i], block.number);
            if (magnitude == 0) revert FullySlashed();
            _scaling[msg.sender][strategies[i]] = (scaling(msg.sender, strategies[i]) * WAD) / magnitude;
        }
    }

    /// @inheritdoc IDelegationManager
    function undelegate(address staker) external returns (bytes32[] memory roots) {
        address operator = delegatedTo[staker];
        if (operator == address(0)) revert NotActivelyDelegated();
        if (msg.sender != staker && msg.sender != operator) revert CallerCannotUndelegate();
        IStrategy[] memory strategies = strategyManager.getStakerStrategyList(staker);
        roots = new bytes32[](strategies.length);
        for (uint256 i = 0; i < strategies.length; ++i) {
            roots[i] = _queue(
                staker,
                _single(strategies[i]),
                _single(strategyManager.stakerDepositShares(staker, strategies[i]))
            );
        }
        delegatedTo[staker] = address(0);
    }

    /// @inheritdoc IDelegationManager
    function queueWithdrawals(QueuedWithdrawalParams[] calldata params) external returns (bytes32[] memory roots) {
        roots = new bytes32[](params.length);
        for (uint256 i = 0; i < params.length; ++i) {
            if (params[i].strategies.length != params[i].depositShares.length) revert InputArrayLengthMismatch();
            roots[i] = _queue(msg.sender, params[i].strategies, params[i].depositShares);
        }
    }

    /// @inheritdoc IDelegationManager
    function completeQueuedWithdrawal(
        Withdrawal calldata withdrawal,
        IERC20[] calldata tokens,
        bool receiveAsTokens
    ) external {
        if (tokens.length != withdrawal.strategies.length || !receiveAsTokens) revert InputArrayLengthMismatch();
        if (msg.sender != withdrawal.withdrawer) revert WithdrawerNotCaller();
        bytes32 root = keccak256(abi.encode(withdrawal));
        if (!_roots[withdrawal.staker].contains(root)) revert WithdrawalNotQueued();
        if (block.number <= withdrawal.startBlock + minWithdrawalDelayBlocks) revert WithdrawalDelayNotElapsed();
        uint256[] memory shares = _sharesOf(withdrawal);
        _roots[withdrawal.staker].remove(root);
        delete _queued[root];
        for (uint256 i = 0; i < shares.length; ++i) {
            if (shares[i] == 0) continue;
            strategyManager.withdrawSharesAsTokens(withdrawal.staker, withdrawal.strategies[i], shares[i]);
        }
    }

    /// @notice The StrategyManager tells of a deposit: what was there keeps its value, what is new counts in full.
    function increaseDelegatedShares(address staker, IStrategy strategy, uint256 before, uint256 added) external {
        if (msg.sender != address(strategyManager)) revert OnlyStrategyManager();
        uint256 magnitude = _magnitude(delegatedTo[staker], strategy, block.number);
        if (magnitude == 0) revert FullySlashed();
        uint256 present = (((before * scaling(staker, strategy)) / WAD) * magnitude) / WAD;
        _scaling[staker][strategy] = ((((present + added) * WAD) / (before + added)) * WAD) / magnitude;
    }

    /// @inheritdoc IDelegationManager
    function getWithdrawableShares(
        address staker,
        IStrategy[] calldata strategies
    ) external view returns (uint256[] memory withdrawable, uint256[] memory deposited) {
        withdrawable = new uint256[](strategies.length);
        deposited = new uint256[](strategies.length);
        for (uint256 i = 0; i < strategies.length; ++i) {
            deposited[i] = strategyManager.stakerDepositShares(staker, strategies[i]);
            uint256 magnitude = _magnitude(delegatedTo[staker], strategies[i], block.number);
            withdrawable[i] = (((deposited[i] * scaling(staker, strategies[i])) / WAD) * magnitude) / WAD;
        }
    }

    /// @inheritdoc IDelegationManager
    function getQueuedWithdrawals(
        address staker
    ) external view returns (Withdrawal[] memory withdrawals, uint256[][] memory shares) {
        uint256 count = _roots[staker].length();
        withdrawals = new Withdrawal[](count);
        shares = new uint256[][](count);
        for (uint256 i = 0; i < count; ++i) {
            withdrawals[i] = _queued[_roots[staker].at(i)];
            shares[i] = _sharesOf(withdrawals[i]);
        }
    }

    /// @inheritdoc IDelegationManager
    function getQueuedWithdrawalRoots(address staker) external view returns (bytes32[] memory) {
        return _roots[staker].values();
    }

    function scaling(address staker, IStrategy strategy) public view returns (uint256 factor) {
        factor = _scaling[staker][strategy];
        if (factor == 0) factor = WAD;
    }

    function _queue(
        address staker,
        IStrategy[] memory strategies,
        uint256[] memory depositShares
    ) private returns (bytes32 root) {
        uint256[] memory scaled = new uint256[](strategies.length);
        for (uint256 i = 0; i < strategies.length; ++i) {
            scaled[i] = (depositShares[i] * scaling(staker, strategies[i])) / WAD;
            strategyManager.removeDepositShares(staker, strategies[i], depositShares[i]);
            if (strategyManager.stakerDepositShares(staker, strategies[i]) == 0) delete _scaling[staker][strategies[i]];
        }
        Withdrawal memory withdrawal = Withdrawal({
            staker: staker,
            delegatedTo: delegatedTo[staker],
            withdrawer: staker,
            nonce: cumulativeWithdrawalsQueued[staker]++,
            startBlock: uint32(block.number),
            strategies: strategies,
            scaledShares: scaled
        });
        root = keccak256(abi.encode(withdrawal));
        _roots[staker].add(root);
        _queued[root] = withdrawal;
    }

    function _sharesOf(Withdrawal memory withdrawal) private view returns (uint256[] memory shares) {
        uint256 last = withdrawal.startBlock + minWithdrawalDelayBlocks;
        shares = new uint256[](withdrawal.strategies.length);
        for (uint256 i = 0; i < shares.length; ++i) {
            uint256 magnitude = _magnitude(withdrawal.delegatedTo, withdrawal.strategies[i], last);
            shares[i] = (withdrawal.scaledShares[i] * magnitude) / WAD;
        }
    }

    /// @dev The magnitude at the end of block `upTo`.
    function _magnitude(address operator, IStrategy strategy, uint256 upTo) private view returns (uint256) {
        Checkpoint[] storage history = _magnitudes[operator][strategy];
        for (uint256 i = history.length; i > 0; --i) {
            if (history[i - 1].blockNumber <= upTo) return history[i - 1].magnitude;
        }
        return WAD;
    }

    function _single(IStrategy strategy) private pure returns (IStrategy[] memory list) {
        list = new IStrategy[](1);
        list[0] = strategy;
    }

    function _single(uint256 value) private pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = value;
    }
}
