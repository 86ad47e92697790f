// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRounds} from "../interfaces/IRounds.sol";
import {IStaking} from "../interfaces/IStaking.sol";

/// @title What a task says of its rounds, checked when it is created
library Configs {
    /// @dev Updates that one sum can hold, see docs/protocol.md, section 3.
    uint256 private constant MAX_UPDATES = 2 ** 20;
    /// @dev Fits the 24 bits that a task keeps of a duration.
    uint32 private constant MAX_PHASE = 90 days;
    /// @dev For the others to move a task on after each deadline of a round.
    uint256 private constant REACTION = 1 days;

    function write(uint256 taskId, IRounds.Task storage task, IRounds.TaskConfig memory config) internal {
        if (config.minimumNodes == 0) revert IRounds.InvalidConfig("minimumNodes");
        if (config.maximumUpdates < config.minimumNodes || config.maximumUpdates > MAX_UPDATES) {
            revert IRounds.InvalidConfig("maximumUpdates");
        }
        // fewer nodes than the minimum cannot fill an attempt, so that none fails for want of room
        uint256 others = uint256(config.maximumBatches) * (config.minimumNodes - 1);
        if (config.maximumBatches == 0 || config.maximumBatches > MAX_UPDATES || others >= config.maximumUpdates) {
            revert IRounds.InvalidConfig("maximumBatches");
        }
        if (config.maximumRounds == 0 || config.maximumRounds == type(uint32).max) {
            revert IRounds.InvalidConfig("maximumRounds");
        }
        requirePhaseLength(config.collectSeconds, "collectSeconds");
        requirePhaseLength(config.aggregateSeconds, "aggregateSeconds");
        task.coordinator = msg.sender;
        task.phase = IRounds.Phase.Created;
        task.minimumNodes = config.minimumNodes;
        task.minimumStake = config.minimumStake;
        task.maximumUpdates = uint24(config.maximumUpdates);
        task.maximumBatches = uint24(config.maximumBatches);
        task.collectSeconds = uint24(config.collectSeconds);
        task.aggregateSeconds = uint24(config.aggregateSeconds);
        task.maximumRounds = config.maximumRounds;
        task.specHash = config.specHash;
        task.dataset = config.dataset;
        emit IRounds.TaskCreated(taskId, msg.sender, config.specHash, config.dataset);
    }

    /// @dev A task without disputes has 0 seconds for them.
    function writeSharing(IRounds.Task storage task, IStaking staking, IRounds.TaskConfig memory config) internal {
        requirePhaseLength(config.readySeconds, "readySeconds");
        requirePhaseLength(config.shareSeconds, "shareSeconds");
        if (config.penalty != 0) {
            // what a node has at stake when it hands in an update is still there when its first share is judged, which may
            // be disputed until the sum's deadline, or its silence in the second share attempt; from then on each share
            // asks for the stake anew
            uint256 longest = REACTION + config.collectSeconds + config.readySeconds;
            longest += 2 * (uint256(config.shareSeconds) + config.disputeSeconds) + config.aggregateSeconds;
            bool enforceable = config.penalty <= config.minimumStake && longest <= staking.EXIT_DELAY();
            if (!enforceable || !staking.isSlasher(address(this))) revert IRounds.InvalidConfig("penalty");
        }
        task.penalty = config.penalty;
        task.readySeconds = uint24(config.readySeconds);
        task.shareSeconds = uint24(config.shareSeconds);
        task.disputeSeconds = uint24(config.disputeSeconds);
    }

    function requirePhaseLength(uint32 duration, string memory field) internal pure {
        if (duration == 0 || duration > MAX_PHASE) revert IRounds.InvalidConfig(field);
    }
}
