// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHFL} from "./IHFL.sol";
import {IHLR} from "./IHLR.sol";

/// @title Networks: one model, one metadata document, one set of terms
/// @notice A network makes the model of a task known, by a document of which only the hash is kept, and says on which terms
/// operators answer questions about it. What fees are in and the data owners' share of them are fixed when it is registered,
/// which can be as soon as the task exists, so that data owners see them before they work; everything else its owner can
/// change, and a request keeps the terms that it was made under. Nobody can prove what the model of an HFL task predicts:
/// InferenceContract is for networks of HLR tasks alone.
///
/// Data owners are paid by their accepted updates in the certified round, each alike in the last result of an HFL task that
/// is over. Anybody enrols them, and once all nodes of that round are enrolled, the network is complete: only then is the sum of
/// their updates known, and only then can it take fees.
interface INetworkRegistry {
    /// @dev Whose contract the task is of.
    enum Model {
        HLR,
        HFL
    }

    struct Terms {
        /// @dev Wei of ETH at stake to ask.
        uint96 userStake;
        /// @dev Wei of ETH at stake for each request that is accepted and not answered.
        uint96 operatorStake;
        uint32 acceptSeconds;
        uint32 answerSeconds;
        /// @dev Wei of ETH that a late operator loses, at most `operatorStake`.
        uint96 penalty;
        /// @dev For each input, in wei of ETH or units of the token.
        uint128 fee;
    }

    struct Network {
        address owner;
        Model model;
        /// @dev Fees are in the deployment's token, else in ETH.
        bool token;
        /// @dev Of 10,000 parts of each fee, those of the data owners; the operator gets the rest.
        uint16 ownersShare;
        /// @dev Takes no new requests.
        bool closed;
        /// @dev All nodes of the certified round, or of the last result, are enrolled.
        bool complete;
        /// @dev Nodes enrolled, and the sum of their updates.
        uint24 enrolled;
        uint24 updates;
        uint256 taskId;
        /// @dev SHA-256 of the metadata document.
        bytes32 metadata;
        Terms terms;
    }

    event NetworkRegistered(
        uint256 indexed id,
        Model indexed model,
        uint256 indexed taskId,
        address owner,
        bool token,
        uint16 ownersShare
    );
    event TermsChanged(uint256 indexed id, Terms terms);
    /// @param uri Where the document may be found: a hint, which nothing vouches for.
    event MetadataChanged(uint256 indexed id, bytes32 metadata, string uri);
    event NetworkClosed(uint256 indexed id);
    event NetworkReopened(uint256 indexed id);
    event Enrolled(uint256 indexed id, address indexed node, uint256 updates);
    /// @notice All nodes of the certified round, or of the last result, are enrolled.
    event NetworkCompleted(uint256 indexed id, uint256 nodes, uint256 updates);

    error UnknownNetwork(uint256 id);
    error NetworkExists(uint256 id);
    error NotTheTasksCoordinator(uint256 taskId, address account);
    error NotTheNetworksOwner(uint256 id, address account);
    error InvalidTerms(string field);
    error NoFeeToken();
    error UriTooLong(uint256 length, uint256 limit);
    error NotCertified(uint256 taskId);
    error NotFinished(uint256 taskId);
    error NothingToEnrol(address node);
    error AlreadyEnrolled(address node);

    /// @notice Register the network of a task, once, as the task's present coordinator; ids count from 1.
    function register(
        Model model,
        uint256 taskId,
        bool token,
        uint16 ownersShare,
        bytes32 metadata,
        string calldata uri,
        Terms calldata terms
    ) external returns (uint256 id);

    /// @notice Change the terms of requests to come, as the network's owner.
    function setTerms(uint256 id, Terms calldata terms) external;

    /// @notice Replace the metadata document, as the network's owner.
    function setMetadata(uint256 id, bytes32 metadata, string calldata uri) external;

    /// @notice Take no new requests, or take them again, as the network's owner.
    function setClosed(uint256 id, bool closed) external;

    /// @notice Enrol nodes of the certified round, or of the last result of an HFL task that is over, each once. Anybody may, for
    /// all of them.
    function enrol(uint256 id, address[] calldata nodes) external;

    function networkOf(uint256 id) external view returns (Network memory);

    /// @notice Id of a task's network, 0 where there is none.
    function networkOfTask(Model model, uint256 taskId) external view returns (uint256 id);

    function count() external view returns (uint256);

    /// @notice The updates by which a node is paid, 0 before it is enrolled.
    function updatesOf(uint256 id, address node) external view returns (uint256);

    function HLR() external view returns (IHLR); // solhint-disable-line func-name-mixedcase

    function HFL() external view returns (IHFL); // solhint-disable-line func-name-mixedcase

    /// @notice The token that fees can be in, the zero address for none.
    function TOKEN() external view returns (address); // solhint-disable-line func-name-mixedcase
}
